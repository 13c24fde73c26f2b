"""A rented box that was asked back and never comes: its fee, and what becomes of that when it does."""

from __future__ import annotations

from typing import Any

import pytest

from stb_service.devices.models import Device
from stb_service.rma.answers import let_time_pass
from stb_service.rma.cases import CASE
from stb_service.rma.terms import set_model_terms
from stb_service.shared.errors import Refused
from tests.stb_service.rma.conftest import BENCH, MAIN, TAX, House
from tests.stb_service.rma.test_fees import charged

TERMS: dict[str, Any] = {"unreturned_minor": 8_000, "tax_ppm": TAX}
FEE = 9_520


def asked_back(house: House, *, agreed: bool = True, **terms: Any) -> Device:
    """Ask a rented box back; return it once its time is over."""
    house.do(set_model_terms, model="AUR-1", **{**TERMS, **terms})
    device = house.customers_box(tenure="rented")
    house.open(device).authorised()
    if agreed:
        house.state("fee_agreed")
    house.tick(days=31)
    return device


def unreturned(house: House, **terms: Any) -> Device:
    """Ask a rented box back, and charge its fee."""
    device = asked_back(house, **terms)
    house.on_case("charge_fee")
    return device


def let_pass(house: House) -> str:
    """Let the worker look at what is over; return where the case is then."""
    with house.db.write() as session:
        let_time_pass(session, now=house.now)
    return house.case.state


def test_a_rented_box_that_never_comes_costs_its_fee_and_is_lost(house: House) -> None:
    device = asked_back(house)
    assert let_pass(house) == "authorised"
    assert house.refused(CASE, "expire") == ["no_fee_due"]

    house.on_case("charge_fee")
    assert (house.states, house.has(device)) == (("not_returned", "expected"), True)
    assert house.refused(CASE, "settle_fee") == ["balance"]
    assert house.refused(CASE, "ahead_lost", reason="x") == ["ahead", "ahead_lost"]
    with pytest.raises(Refused, match="what was agreed stands"):
        house.state("fee_agreed", stands=False)

    house.pay_account(FEE).on_case("settle_fee").on_case("confirm")
    assert house.states == ("closed", "missing")
    assert (house.device(device).status, house.has(device)) == ("lost", False)
    assert charged(house) == [("charge", "unreturned_fee", FEE)]


def test_a_box_that_was_sold_costs_nothing_and_its_case_expires(one: House) -> None:
    one.do(set_model_terms, model="AUR-1", **TERMS)
    one.open(one.customers_box()).authorised().state("fee_agreed").tick(days=31)

    assert one.refused(CASE, "charge_fee") == ["rented"]
    assert let_pass(one) == "closed_expired"


@pytest.mark.parametrize(
    ("agreed", "terms", "bars"),
    [
        (False, {}, "fee_agreed"),
        (True, {"unreturned_minor": 0}, "fee_chargeable"),
        (True, {"currency": "USD"}, "fee_chargeable"),
    ],
)
def test_without_a_fee_that_can_be_charged_a_rented_box_expires_too(
    one: House, agreed: bool, terms: dict[str, Any], bars: str
) -> None:
    asked_back(one, agreed=agreed, **terms)

    assert one.refused(CASE, "charge_fee") == [bars]
    assert let_pass(one) == "closed_expired"


def test_before_the_time_is_over_nothing_is_charged(one: House) -> None:
    one.do(set_model_terms, model="AUR-1", **TERMS)
    one.open(one.customers_box(tenure="rented")).authorised().state("fee_agreed")

    assert one.refused(CASE, "charge_fee") == ["deadline"]
    one.tick(days=31)
    one.on_case("cancel", reason="the customer keeps it")
    assert charged(one) == []


@pytest.mark.parametrize(("credited", "left"), [(True, 0), (False, FEE)])
def test_a_rented_box_that_comes_late_has_its_fee_credited_as_agreed(
    one: House, credited: bool, left: int
) -> None:
    device = unreturned(one, late_credited=credited)
    one.on_case("receive", scanned=device.serial, location=BENCH).judged()
    one.on_case("recover", reason="it is ours")

    assert one.facts.balance_minor == left
    assert one.refused(CASE, "settle_ahead") == ["step"]


def test_a_fee_that_was_paid_is_paid_back_when_the_box_comes(one: House) -> None:
    device = unreturned(one, late_credited=True)
    one.pay_account(FEE).on_case("receive", scanned=device.serial, location=BENCH)
    one.judged().on_case("recover", reason="it is ours")

    assert one.refused(CASE, "confirm") == ["not_overpaid"]


@pytest.mark.parametrize("paid", [0, 2_000])
def test_a_fee_that_is_written_off_is_owed_no_more(one: House, paid: int) -> None:
    device = unreturned(one)
    if paid:
        one.pay_account(paid)
    one.on_case("write_off", reason="moved away")

    assert (one.case.state, one.device(device).status) == ("closed", "lost")
    assert charged(one)[-1] == ("credit", "correction", paid - FEE)


def stray(house: House, *, late_credited: bool = False) -> Device:
    """Let another box of the household come for the one whose fee was charged."""
    unreturned(house, late_credited=late_credited)
    other = house.customers_box("SN-0002", tenure="rented")
    house.on_case("mismatch", scanned=other.serial, location=MAIN)
    return other


def test_another_box_goes_back_and_the_fee_stands(house: House) -> None:
    stray(house)
    assert house.refused(CASE, "return_other", tracking="1Z9") == ["not_charged"]
    assert house.refused(CASE, "return_other_ahead", tracking="1Z9") == ["ahead"]

    house.on_case("return_other_unreturned", tracking="1Z9")

    assert house.states == ("not_returned", "expected")
    assert charged(house) == [("charge", "unreturned_fee", FEE)]


@pytest.mark.parametrize(
    ("event", "stated", "state"),
    [
        ("accept_other", {"reason": "mixed up", "location": BENCH}, "received"),
        ("cancel", {"reason": "another way", "tracking": "1Z9"}, "cancelled"),
    ],
)
def test_a_box_that_is_waited_for_no_longer_costs_nothing(
    one: House, event: str, stated: dict[str, str], state: str
) -> None:
    stray(one)
    one.on_case(event, **stated)

    assert one.case.state == state
    assert charged(one)[1:] == [("credit", "unreturned_fee", -FEE)]


def test_a_replacement_that_went_ahead_and_was_lost_leaves_the_fee_of_the_box_itself(
    one: House,
) -> None:
    one.do(set_model_terms, model="AUR-1", may_send_ahead=True, **TERMS)
    one.open(one.customers_box(tenure="rented")).authorised().state("fee_agreed")
    one.allocated(one.spare()).on_case("send_ahead", tracking="1Z1").tick(days=15)
    one.on_case("charge_fee").state("ahead_loss_confirmed").on_case("ahead_lost", reason="gone")
    assert one.facts.balance_minor == 0
    one.tick(days=31)
    one.on_case("charge_fee")

    assert [cause for _, cause, _ in charged(one)] == [
        *("advance_fee", "advance_fee", "unreturned_fee")
    ]
    assert one.facts.balance_minor == FEE

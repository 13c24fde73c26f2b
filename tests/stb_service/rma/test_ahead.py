"""A replacement that was sent ahead and did not reach the customer, wherever their own box is by then."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from stb_service.devices.models import Device
from stb_service.rma.cases import CASE
from stb_service.rma.models import Parcel
from stb_service.rma.terms import set_model_terms
from tests.stb_service.rma.conftest import MAIN, TAX, House
from tests.stb_service.rma.journey import Journey

TERMS: dict[str, Any] = {"may_send_ahead": True, "unreturned_minor": 8_000, "tax_ppm": TAX}
FEE = 9_520


def sent_ahead(house: House) -> tuple[Device, Device]:
    """Send a replacement ahead for a fee; return the customer's box and the replacement."""
    house.do(set_model_terms, model="AUR-1", **TERMS)
    own, spare = house.customers_box(), house.spare()
    house.open(own).authorised().allocated(spare).state("fee_agreed")
    house.on_case("send_ahead", carrier="Post", tracking="1Z1")
    return own, spare


def last_parcel(house: House) -> Parcel:
    with house.db.read() as session:
        found = session.scalar(select(Parcel).order_by(Parcel.id.desc()).limit(1))
    assert found is not None
    return found


def lose_ahead(house: House) -> House:
    assert house.refused(CASE, "ahead_lost", reason="no scan") == ["ahead_lost"]
    return house.state("ahead_loss_confirmed").on_case("ahead_lost", reason="no scan")


def test_a_replacement_lost_on_its_way_is_gone_and_another_is_sent(house: House) -> None:
    own, spare = sent_ahead(house)

    lose_ahead(house)
    lost, parcel = house.device(spare), last_parcel(house)
    assert house.states == ("authorised", "expected")
    assert (lost.status, house.has(spare), house.has(own)) == ("lost", False, True)
    assert house.place_of(spare) == ("CUSTOMER", "new")
    assert (parcel.tracking, parcel.ending) == ("1Z1", "lost")
    assert not house.facts.sent_ahead

    second = house.spare("SN-9002")
    house.allocated(second).on_case("send_ahead", carrier="Post", tracking="1Z2")
    assert house.refused(CASE, "ahead_lost", reason="x") == ["ahead_lost"]
    house.on_case("receive", scanned=own.serial, location=MAIN).judged().on_case("settle_ahead")
    house.provisioned().on_case("confirm")
    assert (house.states, house.has(second)) == (("closed", "kept"), True)
    assert house.facts.balance_minor == 0


@pytest.mark.parametrize("event", ["ahead_lost", "ahead_undelivered"])
def test_the_fee_for_an_old_box_that_stayed_away_is_credited(one: House, event: str) -> None:
    _own, spare = sent_ahead(one)
    one.tick(days=15)
    one.on_case("charge_fee")
    assert (one.case.state, one.facts.balance_minor) == ("not_returned", FEE)

    if event == "ahead_lost":
        lose_ahead(one)
    else:
        one.on_case(event, scanned=spare.serial, reason="no such street")
    assert (one.case.state, one.facts.balance_minor) == ("authorised", 0)
    assert (one.place_of(spare) == (MAIN, "new")) is (event == "ahead_undelivered")
    assert not one.facts.fee_charged
    one.on_case("cancel", reason="found another way")


@pytest.mark.parametrize("event", ["ahead_lost", "ahead_undelivered"])
def test_once_the_old_box_is_here_the_promise_is_decided_on_anew(one: House, event: str) -> None:
    own, spare = sent_ahead(one)
    one.on_case("receive", scanned=own.serial, location=MAIN).judged()
    assert one.refused(CASE, "approve_replace") == ["not_ahead"]

    if event == "ahead_lost":
        lose_ahead(one)
    else:
        one.on_case(event, scanned=spare.serial, reason="moved away")
    assert one.case.state == "decision_pending"
    assert one.refused(CASE, "settle_ahead") == ["ahead"]
    second = one.spare("SN-9002")
    one.on_case("approve_replace").allocated(second).on_case("allocate")
    one.on_case("ship", tracking="1Z2").on_case("deliver").provisioned().on_case("confirm")
    assert (one.case.state, one.has(second), one.has(spare)) == ("closed", True, False)


def test_both_boxes_lost_or_another_in_the_parcel() -> None:
    lost = Journey().to("ahead").case("lose", "ahead_lost")
    assert lost.states[0] == "lost_inbound"
    assert lost.bars(CASE, "settle_ahead") == ["ahead"]
    assert lost.case("approve_replace", "allocate", "ship").states[0] == "in_transit_out"

    stray = Journey().to("ahead").know(scanned="SN7").case("mismatch", "ahead_lost")
    assert stray.bars(CASE, "return_other_ahead") == ["ahead"]
    assert stray.case("return_other").states[0] == "authorised"


def test_what_never_went_ahead_is_not_lost() -> None:
    assert Journey().to("deciding").bars(CASE, "ahead_lost") == ["ahead"]

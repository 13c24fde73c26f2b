"""Fees by the terms of a model: a rented box that was damaged, handling where no fault was found."""

from __future__ import annotations

import pytest

from stb_service.billing.ledger.queries import balances, entries_about
from stb_service.rma import bench, deciding
from stb_service.rma.cases import CASE
from stb_service.rma.lists import CHECKLIST
from stb_service.rma.money import CASE_SUBJECT
from stb_service.rma.terms import set_model_terms
from stb_service.rma.workshop import ORDER
from stb_service.shared.access import EVERYTHING
from stb_service.shared.errors import Invalid
from stb_service.subscribers.operations import create_account
from tests.conftest import Api
from tests.stb_service.rma.conftest import SCRAP, SHOP, TAX, House

FEES = {"damage_minor": 4_000, "handling_minor": 1_500, "tax_ppm": TAX}


def charged(house: House) -> list[tuple[str, str, int]]:
    """Return what the ledger has about the case."""
    with house.db.read() as session:
        found = entries_about(
            session,
            kind=CASE_SUBJECT,
            ref=house.case.public_id,
            account=house.home,
            scope=EVERYTHING,
        )
        return [(row.kind, row.cause, row.amount_minor) for row in found]


def judged(house: House, fault_class: str = "user_damage", **fees: int | str) -> House:
    """Let a rented box come back, and be judged."""
    house.do(set_model_terms, model="AUR-1", **{**FEES, **fees})
    device = house.customers_box(tenure="rented")
    house.open(device).received(device)
    return house.judged(fault_class, photo=True)


def test_a_rented_box_that_was_damaged_costs_a_fee_once(house: House) -> None:
    judged(house).on_case("approve_repair").on_order("reserve")
    assert house.refused(ORDER, "begin") == ["paid"]
    house.on_case("redecide", reason="not worth it").on_case("recover", reason="it is ours")
    assert house.refused(CASE, "confirm") == ["balance"]

    house.pay_account(4_760).on_case("confirm")

    assert house.case.state == "closed"
    assert charged(house) == [("charge", "damage_fee", 4_760)]


def test_a_rented_box_that_failed_by_itself_costs_nothing(one: House) -> None:
    judged(one, "component").on_case("recover", reason="refurbish it").on_case("confirm")

    assert charged(one) == []


def test_goodwill_leaves_the_fee_out(one: House) -> None:
    judged(one).say(deciding.grant_goodwill, number=1, reason="a child of two years")
    one.on_case("recover", reason="it is ours").on_case("confirm")

    assert charged(one) == []


def test_a_fee_whose_verdict_does_not_stand_is_given_back(one: House) -> None:
    judged(one).on_case("approve_repair").on_case("redecide", reason="contested")
    one.on_case("dispute", reason="it was never like that")
    other = one.somebody("Second")
    for code in CHECKLIST:
        one.say(bench.record_check, code=code, result="pass", actor=other)
    one.judge(1, "component", actor=other).on_order("judge_again", actor=other)
    one.on_case("approve_replace")

    assert charged(one) == [("charge", "damage_fee", 4_760), ("credit", "correction", -4_760)]


@pytest.mark.parametrize(
    ("step", "stated"),
    [
        ("recover", {"reason": "ours"}),
        ("withdraw", {"reason": "theirs"}),
        ("approve_repair", {}),
        ("approve_replace", {}),
    ],
)
def test_a_fee_in_other_money_bars_until_it_is_stated_what_became_of_it(
    one: House, step: str, stated: dict[str, str]
) -> None:
    judged(one, currency="USD")
    assert one.refused(CASE, step, **stated) == ["damage_money"]
    with pytest.raises(Invalid):
        one.state("fee_settled")

    one.state("fee_settled", note="waived: the terms are in dollars").on_case(step, **stated)

    assert charged(one) == []


def test_handling_in_other_money_bars_too(one: House) -> None:
    one.do(set_model_terms, model="AUR-1", **{**FEES, "currency": "USD"})
    device = one.customers_box()
    one.open(device).received(device).judged("none_found", confirmed="no")

    assert one.refused(CASE, "return_nff") == ["handling_money"]


def swapped(house: House, **fees: int | str) -> House:
    """Let a rented box be swapped at the counter, and be found damaged on the bench."""
    house.do(set_model_terms, model="AUR-1", **{**FEES, **fees})
    device, spare = house.customers_box(tenure="rented"), house.spare(place=SHOP)
    house.open(device, remedy="swap_counter").authorised().allocated(spare)
    house.on_case("swap_at_counter", scanned=device.serial, location=SHOP, signed_by="Ada")
    return house.provisioned().judged("user_damage", photo=True)


def test_damage_that_is_found_after_a_swap_costs_its_fee(one: House) -> None:
    assert charged(swapped(one)) == [("charge", "damage_fee", 4_760)]
    assert one.refused(CASE, "confirm") == ["balance"]


def test_damage_found_after_a_swap_with_a_fee_in_other_money_keeps_the_return_open(
    one: House,
) -> None:
    assert swapped(one, currency="USD").refused(CASE, "confirm") == ["damage_money"]


def found_late(house: House) -> House:
    """Let a swapped box be found damaged once its return is closed, with a fee in other money."""
    house.do(set_model_terms, model="AUR-1", **FEES, currency="USD")
    device, spare = house.customers_box(tenure="rented"), house.spare(place=SHOP)
    house.open(device, remedy="swap_counter").authorised().allocated(spare)
    house.on_case("swap_at_counter", scanned=device.serial, location=SHOP, signed_by="Ada")
    house.provisioned().on_case("confirm")
    return house.judged("user_damage", photo=True).on_order("shelve")


def test_a_fee_in_other_money_keeps_the_box_once_its_return_is_closed(house: House) -> None:
    found_late(house).state("wiped", method="storage_destroyed", note="shredded")
    assert house.refused(ORDER, "scrap", reason="cracked") == ["damage_money"]

    house.state("fee_settled", note="waived: the terms are in dollars")
    house.on_order("scrap", reason="cracked", location=SCRAP)

    assert (house.states, charged(house)) == (("closed", "scrapped"), [])


def test_a_damaged_box_that_goes_back_to_who_rents_it_costs_its_fee(one: House) -> None:
    judged(one).on_case("withdraw", reason="wants it back")

    assert charged(one) == [("charge", "damage_fee", 4_760)]
    assert one.refused(CASE, "ship", tracking="1Z2") == ["balance"]


@pytest.mark.parametrize("paid", [0, 2_000])
def test_a_fee_that_is_written_off_is_owed_no_more(one: House, paid: int) -> None:
    one.do(set_model_terms, model="AUR-1", unreturned_minor=9_000, may_send_ahead=True)
    device, spare = one.customers_box(), one.spare()
    one.open(device, "mainboard").authorised().state("fee_agreed").allocated(spare)
    one.on_case("send_ahead", tracking="1Z1").tick(days=15)
    one.on_case("charge_fee")
    if paid:
        one.pay_account(paid)

    one.on_case("write_off", reason="gave up")

    assert charged(one) == [
        ("charge", "advance_fee", 9_000),
        ("credit", "correction", paid - 9_000),
    ]
    assert one.ask(balances, one.home, EVERYTHING)[0].minor == 0


def test_handling_is_paid_before_a_box_without_a_fault_goes_back(house: House) -> None:
    house.do(set_model_terms, model="AUR-1", **FEES)
    device = house.customers_box()
    house.open(device).received(device).judged("none_found", confirmed="no")
    house.on_case("return_nff")
    assert house.refused(CASE, "ship", tracking="1Z2") == ["balance"]

    house.pay_account(1_785).on_case("ship", tracking="1Z2").on_case("deliver").on_case("confirm")

    assert charged(house) == [("charge", "handling_fee", 1_785)]


def test_nobodys_charge_stands_for_a_fee_of_a_return(one: House, api: Api) -> None:
    other = one.do(create_account, kind="person", name="Other", currency="EUR")
    key = "R-000001/damage_fee"
    charge = {"cause": "damage_fee", "net_minor": 10**9, "currency": "EUR", "key": key}
    given = api("POST", f"/accounts/{other.public_id}/charges", json=charge)
    again = api("POST", f"/accounts/{other.public_id}/charges", json=charge)
    elsewhere = api(
        "POST", f"/accounts/{one.home.public_id}/charges", json={**charge, "net_minor": 1}
    )
    judged(one).on_case("approve_repair").on_case("redecide", reason="contested")

    assert [answer.status_code for answer in (given, again, elsewhere)] == [201, 201, 201]
    assert charged(one) == [("charge", "damage_fee", 4_760)]
    assert one.ask(balances, other, EVERYTHING)[0].minor == 10**9

"""Money that came for the account as a whole, and paid for a return whose work was not done."""

from __future__ import annotations

import pytest

from stb_service.rma import deciding
from stb_service.rma.cases import CASE
from tests.stb_service.rma.conftest import OLD, House


def accepted(house: House) -> House:
    """Let a quote be accepted, and not be paid."""
    house.parts()
    device = house.customers_box(sold_on=OLD)
    house.open(device, "mainboard").received(device).judged()
    return house.quoted(5_000).on_case("accept")


def given_up(house: House) -> House:
    """Let a further fault be found on the bench, and the box go back unrepaired."""
    house.on_order("reserve").on_order("begin")
    house.say(deciding.add_fault, component="tuner", symptom="no picture")
    house.judge(2, "component").on_order("find_more")
    house.on_case("withdraw", reason="too much")
    return house.on_case("ship", tracking="1").on_case("deliver")


@pytest.mark.parametrize(("for_quote", "for_account"), [(0, 5_950), (2_000, 3_950), (0, 9_000)])
def test_money_for_the_account_that_released_a_repair_is_paid_back_when_it_is_undone(
    one: House, for_quote: int, for_account: int
) -> None:
    accepted(one)
    if for_quote:
        one.pay(for_quote)
    one.pay_account(for_account).on_case("release_repair")

    given_up(one)

    assert one.refused(CASE, "confirm") == ["not_overpaid"]
    assert one.facts.balance_minor == -5_950


def test_credit_that_the_account_had_before_stays_its_own(one: House) -> None:
    one.pay_account(9_000)
    accepted(one).on_case("release_repair")

    given_up(one).on_case("confirm")

    assert one.case.state == "closed"


def test_a_quote_that_nobody_paid_is_undone_without_money(one: House) -> None:
    accepted(one).on_case("withdraw", reason="too much")

    one.on_case("hand_over", signed_by="Ada").on_case("confirm")

    assert one.case.state == "closed"

"""What nobody collects goes back to the shelf, and the money for it does not stay."""

from __future__ import annotations

import pytest

from stb_service.rma import exchange
from stb_service.rma.cases import CASE
from tests.stb_service.rma.conftest import MAIN, OLD, REMOTE, House


def given_up(house: House) -> House:
    """Let the parcel come back, and nobody ask for it."""
    house.on_case("ship", tracking="1Z1").on_case("bounce", reason="nobody there")
    house.tick(days=61)
    return house.state("notice_sent").on_case("unclaimed")


def replacement(house: House) -> House:
    """Let a replacement be bought."""
    device, spare = house.customers_box(sold_on=OLD), house.spare()
    house.open(device, "mainboard").received(device).judged().quoted(2_000, remedy="replace")
    house.on_case("accept").pay(2_380).on_case("release_replacement")
    return house.allocated(spare).on_case("allocate")


def accessory(house: House) -> House:
    """Let an accessory be bought."""
    house.parts(part=REMOTE, place=MAIN)
    house.open(house.customers_box(sold_on=OLD), "remote", remedy="accessory").checked()
    house.say(exchange.reserve_accessory, part=REMOTE, location=MAIN)
    house.on_case("quote_accessory").quoted(2_000, remedy="accessory").on_case("accept")
    return house.pay(2_380).on_case("release_accessory")


@pytest.mark.parametrize("bought", [replacement, accessory])
def test_the_price_of_what_nobody_collects_is_to_be_paid_back(one: House, bought: object) -> None:
    assert callable(bought)
    given_up(bought(one))

    assert (one.case.state, one.facts.balance_minor) == ("completed", -2_380)
    assert one.refused(CASE, "confirm") == ["not_overpaid"]

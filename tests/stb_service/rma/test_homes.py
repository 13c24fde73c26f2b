"""A box that no account has goes back to where it came from, as it was."""

from __future__ import annotations

import pytest

from stb_service.devices.models import Device
from stb_service.devices.operations import change_device
from stb_service.parts import operations as stock
from stb_service.rma import deciding
from stb_service.staff.models import Organisation
from tests.stb_service.rma.conftest import ACME, BENCH, SHOP, SOLD, House


def dealers_box(house: House, condition: str = "new") -> Device:
    """Return an unsold box on the dealer's shelf."""
    status = "in_stock" if condition == "new" else "refurb"
    device = house.box("SN-D", seller="north", custodian="north", status=status)
    house.do(
        stock.receive_stock,
        device=device.public_id,
        from_location=ACME,
        to_location=SHOP,
        unit_cost_minor=9_000,
        condition=condition,
    )
    return device


def held_by(house: House, device: Device) -> str | None:
    """Return the code of the organisation that has a box."""
    with house.db.read() as session:
        custodian_id = session.get_one(Device, device.id).custodian_id
        return session.get_one(Organisation, custodian_id).code if custodian_id else None


@pytest.mark.parametrize(("condition", "status"), [("new", "in_stock"), ("refurbished", "refurb")])
def test_a_dealers_unsold_box_goes_back_to_its_shelf_as_it_was(
    one: House, condition: str, status: str
) -> None:
    device = dealers_box(one, condition)
    one.open(device, "mainboard").received(device).judged("none_found", confirmed="no")
    one.on_case("return_nff").on_case("ship", tracking="1Z2")
    assert (one.place_of(device), held_by(one, device)) == (("CUSTOMER", "defective"), None)
    one.on_case("deliver").on_case("confirm")

    assert one.place_of(device) == (SHOP, condition)
    assert (one.device(device).status, held_by(one, device)) == (status, "north")


def test_it_comes_home_too_after_it_was_undeliverable(one: House) -> None:
    device = dealers_box(one)
    one.open(device, "mainboard").received(device).on_case("withdraw", reason="sold meanwhile")
    one.on_case("ship", tracking="1Z2").on_case("bounce", reason="closed")
    assert one.place_of(device) == (BENCH, "defective")

    one.on_case("hand_over", signed_by="Alice")

    assert one.place_of(device) == (SHOP, "new")
    assert (one.device(device).status, held_by(one, device)) == ("in_stock", "north")


def test_one_that_was_repaired_is_as_good_as_new(one: House) -> None:
    one.parts()
    device = dealers_box(one)
    one.open(device, "power_supply").received(device).judged()
    one.say(deciding.grant_goodwill, number=1, reason="it is to be sold")
    one.on_case("approve_repair").repaired()

    one.on_case("hand_over", signed_by="Alice")

    assert one.place_of(device) == (SHOP, "refurbished")
    assert (one.device(device).status, held_by(one, device)) == ("refurb", "north")


def test_a_box_of_a_dealer_that_stood_in_no_stock_is_in_their_hands_again(one: House) -> None:
    device = one.box("SN-D", seller="north", custodian="north")
    one.open(device, "mainboard").received(device).on_case("withdraw", reason="not needed")

    one.on_case("ship", tracking="1Z2").on_case("deliver")

    assert (one.device(device).status, held_by(one, device)) == ("in_stock", "north")


def test_a_box_that_nobody_of_ours_had_goes_to_whoever_brought_it(one: House) -> None:
    device = one.box("SN-N", tenure="sold", status="sold", seller="north", custodian="north")
    one.do(change_device, uid=device.public_id, sold_on=SOLD)
    one.open(device, "mainboard").received(device).on_case("withdraw", reason="not needed")

    one.on_case("hand_over", signed_by="Alice")

    assert (one.device(device).status, held_by(one, device)) == ("refurb", None)

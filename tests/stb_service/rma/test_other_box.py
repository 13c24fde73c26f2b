"""The box that came instead of the one that was authorised stands somewhere, and goes back by parcel."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from stb_service.devices.models import Device
from stb_service.rma.cases import CASE
from stb_service.rma.models import Parcel
from stb_service.shared.errors import Invalid
from tests.stb_service.rma.conftest import BENCH, MAIN, SCRAP, House
from tests.stb_service.rma.test_homes import dealers_box, held_by


def came(house: House, stray: Device) -> House:
    """Let another box than the one of the case come."""
    house.open(house.customers_box()).authorised()
    return house.on_case("mismatch", scanned=stray.serial, location=BENCH)


def parcels(house: House) -> list[tuple[str, str, str, str]]:
    """Return what was sent."""
    with house.db.read() as session:
        rows = session.scalars(select(Parcel).order_by(Parcel.id))
        return [(row.direction, row.content, row.carrier, row.tracking) for row in rows]


def test_it_is_taken_in_and_sent_back_with_a_parcel(house: House) -> None:
    stray = house.customers_box("SN-X")
    came(house, stray)
    assert house.place_of(stray) == (BENCH, "defective")
    assert (house.device(stray).status, held_by(house, stray)) == ("in_rma", "operator")
    assert house.refused(CASE, "return_other") == ["stray_gone"]

    house.on_case("return_other", carrier="Post", tracking="1Z9")

    assert house.case.state == "authorised"
    assert house.has(stray)
    assert house.place_of(stray) == ("CUSTOMER", "defective")
    assert (house.device(stray).status, held_by(house, stray)) == ("sold", None)
    assert parcels(house) == [("stray", "stray", "Post", "1Z9")]


@pytest.mark.parametrize("place", ["", SCRAP])
def test_it_is_said_where_it_is_put_aside(one: House, place: str) -> None:
    stray = one.customers_box("SN-X")
    one.open(one.customers_box()).authorised()

    with pytest.raises(Invalid):
        one.on_case("mismatch", scanned=stray.serial, location=place)


def test_a_box_that_nobody_knows_needs_no_place_and_goes_back_all_the_same(one: House) -> None:
    one.open(one.customers_box()).authorised().on_case("mismatch", scanned="STRANGE-1")

    one.on_case("cancel", reason="all wrong", tracking="1Z9")

    assert parcels(one) == [("stray", "stray", "", "1Z9")]


def test_a_dealers_box_goes_back_to_its_shelf(one: House) -> None:
    stray = dealers_box(one)
    came(one, stray).on_case("return_other", tracking="1Z9")

    assert one.place_of(stray) == ("SHOP-N", "new")
    assert (one.device(stray).status, held_by(one, stray)) == ("in_stock", "north")


def test_one_that_was_received_in_its_own_return_is_not_sent_back(one: House) -> None:
    stray = one.customers_box("SN-X")
    one.open(stray).authorised()
    own = one.ref
    came(one, stray)
    first, one.ref = one.ref, own
    one.on_case("receive", scanned=stray.serial, location=MAIN)
    one.ref = first

    one.on_case("return_other")

    assert parcels(one) == []
    assert one.place_of(stray) == (MAIN, "defective")
    assert one.device(stray).status == "in_rma"

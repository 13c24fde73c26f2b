"""The box that came instead of the one that was authorised stands somewhere, and goes back by parcel."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from stb_service.devices.models import Device
from stb_service.devices.queries import custody_of
from stb_service.rma import other_box
from stb_service.rma.cases import CASE
from stb_service.rma.models import Parcel
from stb_service.shared.access import EVERYTHING
from stb_service.shared.errors import Invalid, NotFound
from tests.stb_service.rma.conftest import BENCH, MAIN, SCRAP, House
from tests.stb_service.rma.test_homes import dealers_box, held_by


def came(house: House, stray: Device) -> House:
    """Let another box than the one of the case come."""
    house.open(house.customers_box()).authorised()
    return house.on_case("mismatch", scanned=stray.serial, location=BENCH)


def holder(house: House, device: Device) -> str:
    """Return how custody calls who holds a box."""
    return str(house.ask(custody_of, house.device(device), EVERYTHING)[0].holder)


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


def last_parcel(house: House) -> Parcel:
    """Return the parcel that was sent last."""
    with house.db.read() as session:
        return session.scalars(select(Parcel).order_by(Parcel.id.desc())).all()[0]


def test_its_parcel_is_delivered_and_whoever_has_it_holds_it_again(house: House) -> None:
    stray, second = house.customers_box("SN-X"), house.customers_box("SN-Y")
    came(house, stray).on_case("return_other", carrier="Post", tracking="1Z9")
    house.on_case("mismatch", scanned=second.serial, location=BENCH)
    first = last_parcel(house).public_id

    for _again in range(2):
        house.say(other_box.deliver, parcel=first)

    sent = last_parcel(house)
    assert (sent.ending, sent.ended_at is not None) == ("delivered", True)
    assert (holder(house, stray), held_by(house, second)) == (house.home.number, "operator")
    house.on_case("cancel", reason="all wrong", tracking="1Z8")
    house.say(other_box.deliver, parcel=last_parcel(house).public_id)
    assert holder(house, second) == house.home.number


def test_a_box_that_is_here_again_stays_here_when_its_parcel_is_told_delivered(one: House) -> None:
    stray = one.customers_box("SN-X")
    came(one, stray).on_case("return_other", carrier="Post", tracking="1Z9")
    sent = last_parcel(one).public_id
    one.on_case("mismatch", scanned=stray.serial, location=BENCH)

    one.say(other_box.deliver, parcel=sent)

    assert held_by(one, stray) == "operator"


def test_other_parcels_are_delivered_by_their_steps(one: House) -> None:
    one.open(one.customers_box()).authorised().on_case("post", tracking="1Z1")

    with pytest.raises(NotFound):
        one.say(other_box.deliver, parcel=last_parcel(one).public_id)


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

"""A box that is sent to a service centre: it alone takes it in, whoever took the case on."""

from __future__ import annotations

import pytest

from stb_service.parts.catalogue.operations import create_location
from stb_service.rma import queries
from stb_service.rma.intake import Door, Meaning
from stb_service.shared.access import Actor
from stb_service.shared.errors import Invalid, NotFound
from stb_service.staff.models import Organisation
from tests.stb_service.rma.conftest import ACME, MAIN, House

FIX, MEND = "FIX-1", "MEND-1"


@pytest.fixture
def sent(house: House) -> House:
    """A house with two service centres, and a case of the operator that is sent to the first."""
    for code, place in (("fix", FIX), ("mend", MEND)):
        with house.db.write() as session:
            made = Organisation(code=code, name=code.title(), kind="service_centre")
            made.created_at = house.now
            session.add(made)
            session.flush()
            house._organisations[code] = made.id
        house.do(create_location, code=place, name=place, kind="centre", organisation=code)
    house.open(house.customers_box(), "power_supply").checked()
    return house


def somebody(house: House, organisation: str) -> Actor:
    return house.somebody(f"of-{organisation}", organisation)


def seen(house: House, actor: Actor) -> tuple[int, int]:
    """Return how many cases and orders somebody sees."""
    with house.db.read() as session:
        cases = queries.cases_page(session, queries.CaseFilter(), actor.scope, now=house.now)
        order = queries.order_of_case(session, house.case, actor.scope)
        return len(cases.rows), int(order is not None)


def test_the_centre_that_a_box_is_sent_to_takes_it_in(sent: House) -> None:
    fix, mend = somebody(sent, "fix"), somebody(sent, "mend")
    sent.on_case("approve", location=FIX).on_case("post", carrier="Post", tracking="1Z1")

    before = seen(sent, fix), seen(sent, mend)
    with pytest.raises(NotFound):
        sent.on_case("receive", scanned="SN-0001", location=MEND, actor=mend)
    with pytest.raises(Invalid):
        sent.on_case("receive", scanned="SN-0001", location=MAIN, actor=fix)
    sent.on_case("receive", scanned="SN-0001", location=FIX, actor=fix)

    assert before == ((1, 1), (0, 0))
    assert (seen(sent, fix), seen(sent, mend)) == ((1, 1), (0, 0))
    sent.on_order("inspect", actor=fix)
    assert sent.order.state == "inspecting"


def test_a_scan_at_the_door_finds_what_is_sent_there_alone(sent: House) -> None:
    sent.on_case("approve", location=FIX)

    def scanned(organisation: str, place: str) -> Meaning:
        with sent.db.write() as session:
            door = Door(session, somebody(sent, organisation), sent.now, place)
            return door.take("SN-0001").meaning

    wrong = scanned("mend", MEND)
    right = scanned("fix", FIX)

    assert (wrong, right) == (Meaning.UNKNOWN, Meaning.RECEIVED)
    assert sent.case.state == "received"


def test_a_box_that_came_elsewhere_is_no_longer_the_centres(sent: House) -> None:
    fix = somebody(sent, "fix")
    sent.on_case("approve", location=FIX)

    sent.on_case("receive", scanned="SN-0001", location=MAIN)

    assert seen(sent, fix) == (0, 0)


def test_what_was_never_sent_is_nobodys(sent: House) -> None:
    fix = somebody(sent, "fix")
    sent.on_case("approve", location=FIX)

    sent.on_case("cancel", reason="it works again")

    assert seen(sent, fix) == (0, 0)


@pytest.mark.parametrize("place", [ACME, "NOWHERE"])
def test_a_box_is_sent_where_boxes_are_taken_in(sent: House, place: str) -> None:
    with pytest.raises(Invalid):
        sent.on_case("approve", location=place)

    assert sent.case.state == "requested"


def test_without_a_word_of_it_a_box_is_sent_to_the_operator(sent: House) -> None:
    sent.on_case("approve")

    assert sent.order.destination_id is None
    assert seen(sent, somebody(sent, "fix")) == (0, 0)
    assert seen(sent, sent.actor) == (1, 1)

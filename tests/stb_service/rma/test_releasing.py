"""Wherever a case or an order ends, what was kept for it is there for others again.

That nothing is kept for what has ended is asked after each test by the fixtures.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from stb_service.parts.models import Reservation
from stb_service.rma import bench, exchange
from stb_service.rma.answers import let_time_pass
from tests.stb_service.rma.conftest import MAIN, OLD, PSU, REMOTE, House


def expire(house: House) -> None:
    """Let the time of the case pass."""
    house.tick(days=90)
    with house.db.write() as session:
        let_time_pass(session, now=house.now)


ENDS: dict[str, Callable[[House], object]] = {
    "cancelled": lambda house: house.on_case("cancel", reason="found the old one"),
    "closed_rejected": lambda house: house.on_case("reject", reason="no box of ours"),
    "expired": expire,
}


def kept(house: House) -> list[str]:
    """Return the states of all reservations."""
    with house.db.read() as session:
        return list(session.scalars(select(Reservation.state)))


@pytest.mark.parametrize("end", ENDS)
def test_an_accessory_that_is_not_sent_is_let_go(one: House, end: str) -> None:
    one.parts(part=REMOTE, place=MAIN)
    one.open(one.customers_box(), "remote", remedy="accessory")
    one.say(exchange.reserve_accessory, part=REMOTE, location=MAIN)
    ENDS[end](one)
    assert not one.case.is_live
    assert kept(one) == ["released"]


@pytest.mark.parametrize("sent", [False, True])
def test_parts_planned_for_a_box_that_goes_home_unrepaired_are_let_go(
    one: House, sent: bool
) -> None:
    one.parts()
    one.open(one.customers_box(sold_on=OLD)).received_somewhere().judged()
    one.say(bench.plan_part, part=PSU, quantity=5)
    one.on_case("quote").on_case("withdraw", reason="too dear")
    assert kept(one) == ["held"]
    if sent:
        one.on_case("ship", tracking="1Z7")
    else:
        one.on_case("hand_over", signed_by="Ada")
    assert kept(one) == ["released"]

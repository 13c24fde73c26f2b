"""Many at once want the same step: one makes it, the others are told why not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from stb_service.rma.cases import CASE
from stb_service.rma.lists import Stated
from stb_service.rma.operations import act, open_case
from stb_service.shared.access import Actor
from stb_service.shared.db import Database
from stb_service.shared.errors import Refused
from tests.conftest import NOW
from tests.stb_service.rma.conftest import House

pytestmark = pytest.mark.race
THREADS = 50


def at_once(work: Callable[[int], Any], threads: int = THREADS) -> list[Any]:
    """Let threads work at the same moment; return what each came to, refusals among them."""
    barrier = threading.Barrier(threads)
    found: list[Any] = [None] * threads

    def run(number: int) -> None:
        barrier.wait()
        try:
            found[number] = work(number)
        except Exception as error:  # noqa: BLE001 - looked at by the test
            found[number] = error

    workers = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return found


def test_of_fifty_who_authorise_a_return_one_wins_and_the_others_are_told_why(
    postgresql_db: Database, actor: Actor
) -> None:
    house = House(postgresql_db, actor, NOW)
    house.open(house.customers_box()).checked()

    def approve(number: int) -> Any:
        with house.db.write() as session:
            return act(
                session, ref=house.ref, machine=CASE, event="approve", actor=actor, now=house.now
            )

    found = at_once(approve)

    refusals = [each for each in found if isinstance(each, Refused)]
    assert len(refusals) == THREADS - 1, [e for e in found if not isinstance(e, Refused)][:2]
    assert {str(refusal) for refusal in refusals} == {
        "From “Authorised” there is no step “Authorise the return”."
    }
    assert house.states == ("authorised", "expected")


def test_of_many_who_open_a_case_for_one_box_one_does(db: Database, actor: Actor) -> None:
    house = House(db, actor, NOW)
    device = house.customers_box()

    def begin(number: int) -> Any:
        with house.db.write() as session:
            return open_case(session, device=device.public_id, actor=actor, now=house.now)

    found = at_once(begin, 12)

    refusals = [each for each in found if isinstance(each, Refused)]
    assert len(refusals) == 11, [e for e in found if not isinstance(e, Refused)][:2]
    assert {refusal.obstacles[0].code for refusal in refusals} == {"only_case"}


def test_of_those_who_decide_against_each_other_one_does(db: Database, actor: Actor) -> None:
    """Half would repair, half replace: the promise is one of them, never both."""
    house = House(db, actor, NOW)
    device = house.customers_box()
    house.open(device).received(device).judged()

    def decide(number: int) -> Any:
        event = ("approve_repair", "approve_replace")[number % 2]
        with house.db.write() as session:
            return act(
                session,
                ref=house.ref,
                machine=CASE,
                event=event,
                stated=Stated(),
                actor=actor,
                now=house.now,
            )

    found = at_once(decide, 12)

    assert sum(isinstance(each, Refused) for each in found) == 11
    assert house.states in {("approved_repair", "planned"), ("approved_replace", "kept")}

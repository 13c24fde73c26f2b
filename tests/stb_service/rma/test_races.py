"""Many at once want the same step: one makes it, the others are told why not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from stb_service.rma import operations, touching
from stb_service.rma.cases import CASE
from stb_service.rma.gathering import gather
from stb_service.rma.lists import Stated
from stb_service.rma.lookups import other_live_case
from stb_service.rma.operations import act, open_case
from stb_service.shared.access import Actor
from stb_service.shared.db import Database
from stb_service.shared.errors import Refused
from stb_service.shared.settings import Settings
from tests.conftest import NOW, Api, People, with_stores
from tests.stb_service.rma.conftest import House

pytestmark = pytest.mark.race
THREADS = 50
FEW = 6


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


def all_at(barrier: threading.Barrier, verb: Callable[..., Any]) -> Callable[..., Any]:
    """Return a verb after which everybody waits until the others have done it too."""

    def wait(*arguments: Any, **named: Any) -> Any:
        found = verb(*arguments, **named)
        barrier.wait(timeout=60)
        return found

    return wait


def unlocked(session: Session, model: type[Any], row_id: int) -> Any:
    """Read a row as `lock_row` does, and hold nobody up."""
    return session.get(model, row_id)


def test_where_no_row_is_locked_the_index_lets_one_case_through_and_the_edge_says_so(
    postgresql_db: Database,
    actor: Actor,
    made_app: Any,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people = People(postgresql_db, actor, NOW)
    house = House(postgresql_db, actor, NOW)
    device = house.customers_box()
    secret = people.token(people.person("administrator", username="api.admin"))
    app = with_stores(made_app, settings, postgresql_db)
    barrier = threading.Barrier(FEW)
    monkeypatch.setattr(operations, "lock_row", unlocked)
    looks = all_at(barrier, other_live_case)
    monkeypatch.setattr(operations, "other_live_case", looks)

    def begin(number: int) -> Any:
        return Api(app.test_client(), secret)("POST", "/returns", json={"device": device.serial})

    found = at_once(begin, FEW)

    assert sorted(answer.status_code for answer in found) == [201, *[409] * (FEW - 1)]
    lost = [answer.json for answer in found if answer.status_code == 409]
    assert {each["detail"] for each in lost} == {"Someone else was first; load the page again."}


def test_where_no_row_is_locked_the_version_and_the_place_of_the_step_let_one_through(
    postgresql_db: Database, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(postgresql_db, actor, NOW)
    house.open(house.customers_box()).checked()
    barrier = threading.Barrier(FEW)
    monkeypatch.setattr(touching, "lock_row", unlocked)
    monkeypatch.setattr(operations, "gather", all_at(barrier, gather))

    def approve(number: int) -> Any:
        with house.db.write() as session:
            return act(
                session, ref=house.ref, machine=CASE, event="approve", actor=actor, now=house.now
            )

    found = at_once(approve, FEW)

    lost = [each for each in found if isinstance(each, (StaleDataError, IntegrityError))]
    assert len(lost) == FEW - 1, found
    monkeypatch.undo()
    assert house.states == ("authorised", "expected")

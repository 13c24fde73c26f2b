"""The cap holds exactly, however many boxes poll together."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Self

import pytest
from sqlalchemy import func, select

from firmware.boxes.models import Box
from firmware.boxes.presence import Presence, Sighting
from firmware.rollouts.models import Attempt, Member, MemberEvent
from firmware.rollouts.rules import IN_FLIGHT
from tests.firmware.world import World, listening

pytestmark = pytest.mark.race

THREADS = 8
CAP = 5
BOXES = 24
PAUSE_S = 0.002  # between two looks: those who are watched must get some of the machine too


class Watcher:
    """Counts, again and again, how many boxes are in flight at a committed moment."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.counts: list[int] = []

    def count(self) -> int:
        with self._world.db.read() as session:
            statement = select(func.count()).where(Member.state.in_(IN_FLIGHT))
            return session.scalars(statement).one()

    def _run(self) -> None:
        while not self._stop.wait(PAUSE_S):
            self.counts.append(self.count())

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.counts.append(self.count())


def together(works: Sequence[Callable[[], object]]) -> None:
    """Do all the work, eight pieces at a time, beginning at once."""
    barrier = threading.Barrier(THREADS)

    def begin(share: Sequence[Callable[[], object]]) -> None:
        barrier.wait()
        for work in share:
            work()

    with ThreadPoolExecutor(THREADS) as pool:
        shares = [works[n::THREADS] for n in range(THREADS)]
        for done in [pool.submit(begin, share) for share in shares]:
            done.result()


def polls(world: World, uids: Sequence[str]) -> list[Callable[[], object]]:
    return [partial(world.poll, uid) for uid in uids]


def peak_by_events(world: World) -> int:
    """Return the most boxes in flight at once, by the events in the order they were written."""
    flying, peak = 0, 0
    with world.db.read() as session:
        events = session.execute(
            select(MemberEvent.from_state, MemberEvent.to_state).order_by(MemberEvent.id)
        ).all()
    for before, after in events:
        flying += (after in IN_FLIGHT) - (before in IN_FLIGHT)
        peak = max(peak, flying)
    return peak


@pytest.fixture
def distant(world: World) -> Iterator[None]:
    """The database is some way off, so that units of work overlap whatever the machine."""

    def travel(*_: object) -> None:
        time.sleep(0.002)

    with listening(world.db, "after_cursor_execute", travel):
        yield


@pytest.fixture
def fleet(world: World) -> list[str]:
    uids = world.boxes(BOXES)
    world.rollout(world.image("2.0"), cap=CAP)
    return uids


def test_boxes_that_poll_together_take_exactly_the_cap(
    world: World, fleet: list[str], distant: None
) -> None:
    with Watcher(world) as watcher:
        together(polls(world, fleet))
    assert max(watcher.counts) == CAP
    assert world.states(1) == {"offered": CAP, "waiting": BOXES - CAP}


def test_one_box_that_polls_many_times_at_once_takes_one_place(
    world: World, fleet: list[str], distant: None
) -> None:
    together(polls(world, [fleet[0]] * 24))
    with world.db.read() as session:
        attempts = session.scalars(select(func.count(Attempt.id))).one()
    assert (world.states(1)["offered"], attempts) == (1, 1)


def test_latecomers_that_poll_together_join_once_each(
    world: World, fleet: list[str], distant: None
) -> None:
    late = world.boxes(8)
    together(polls(world, [uid for uid in late for _ in range(3)]))
    assert sum(world.states(1).values()) == BOXES + 8


def live(world: World, uid: str, rng: random.Random) -> None:
    """Do what a box may do next; time does its work now and then."""
    world.poll(uid)
    if world.state(uid) == "offered" and rng.random() < 0.7:
        world.fetch(uid)
        world.report(uid, success=rng.random() < 0.5)
    if rng.random() < 0.2:
        world.tick(1)


def test_places_given_back_are_taken_again_and_never_exceeded(
    world: World, fleet: list[str]
) -> None:
    """Lapsed offers, failures and silence, all while everybody polls."""
    lives = [partial(live, world, uid, random.Random(n)) for n, uid in enumerate(fleet)]
    with Watcher(world) as watcher:
        together(lives)
        world.wait(minutes=61)
        world.tick(1)
        together(lives)
    assert max(watcher.counts) <= CAP
    assert peak_by_events(world) == CAP


def test_suspects_that_return_wait_for_a_place(world: World, fleet: list[str]) -> None:
    gone = fleet[:CAP]
    together([partial(world.poll, uid) for uid in gone])
    together([partial(world.fetch, uid) for uid in gone])
    world.wait(minutes=60)
    world.tick(1)
    together(polls(world, fleet[CAP : 2 * CAP]))
    world.wait(minutes=1)
    together([partial(world.state_version, uid, "1.0") for uid in gone])
    with Watcher(world) as watcher:
        together(polls(world, gone))
    assert max(watcher.counts) == CAP
    assert world.states(1) == {"offered": CAP, "suspect": CAP, "waiting": BOXES - 2 * CAP}


def test_a_rollout_that_is_cancelled_while_boxes_poll_offers_nothing_more(
    world: World, fleet: list[str]
) -> None:
    together([*polls(world, fleet[:20]), partial(world.staff, "cancel", 1), *polls(world, fleet)])
    told = [world.told(uid) for uid in fleet]
    assert world.found(1).state == "cancelled"
    assert set(told) <= {"cancelled", "cancelling"}
    assert told.count("cancelling") <= CAP


def test_staff_boxes_and_time_at_once_neither_deadlock_nor_break_the_cap(
    world: World, fleet: list[str]
) -> None:
    turn = threading.Lock()

    def stand_and_go_on() -> None:
        with turn:
            world.staff("pause", 1)
            world.staff("resume", 1)

    words = [partial(world.state_version, uid, "1.0", "boot-2") for uid in fleet]
    lives = [partial(live, world, uid, random.Random(n)) for n, uid in enumerate(fleet)]
    gatherer = Presence(world.db, every_s=3600)
    sights = [partial(_see_all, gatherer, world)] * 8
    works: list[Callable[[], object]] = [*words, *lives, *sights, *[stand_and_go_on] * 8]
    random.Random(2).shuffle(works)
    with Watcher(world) as watcher:
        together(works)
    assert max(watcher.counts) <= CAP
    assert peak_by_events(world) <= CAP
    assert world.found(1).state == "running"


def _see_all(gatherer: Presence, world: World) -> None:
    """Note every box, as the edge does, and write it in one go."""
    with world.db.read() as session:
        ids = session.scalars(select(Box.id)).all()
    gatherer._seen.update(dict.fromkeys(ids, Sighting(world.now, "ddi", "")))
    gatherer.flush()

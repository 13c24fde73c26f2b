"""Long work, and effects outside the transaction."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import structlog
from flask_babel import format_datetime
from sqlalchemy import select
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from stb_service.shared import jobs, outbox
from stb_service.shared.access import SYSTEM, Actor
from stb_service.shared.db import Database
from stb_service.shared.errors import Conflict
from stb_service.shared.files import FileStore
from stb_service.shared.i18n import speaking, text
from stb_service.shared.jobs import Job, Outcome, Work
from stb_service.shared.outbox import OutboxEntry
from tests.conftest import NOW


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def system(_session: Session, _ref: str) -> Actor:
    return SYSTEM


def add(db: Database, *, key: str | None = None) -> int:
    with db.write() as session:
        job = jobs.enqueue(
            session, kind="k", title="t", arguments={"n": 1}, actor=SYSTEM, now=NOW, key=key
        )
        return job.id


def run(db: Database, files: FileStore, clock: Clock, job_id: int, handler: jobs.Handler) -> bool:
    return jobs.run(db, files, {"k": handler}, job_id, clock=clock, actor_of=system)


def job(db: Database, job_id: int) -> Job:
    with db.read() as session:
        return session.get_one(Job, job_id)


def done(_work: Work) -> Outcome:
    return Outcome({"answer": 42})


def test_work_is_done_once_and_its_outcome_kept(
    db: Database, files: FileStore, clock: Clock
) -> None:
    key = add(db)

    assert run(db, files, clock, key, done)
    assert not run(db, files, clock, key, done)

    kept = job(db, key)
    assert (kept.state, kept.result, kept.attempts) == ("done", {"answer": 42}, 1)
    assert kept.finished_at == NOW


def test_the_same_key_twice_is_one_job(db: Database) -> None:
    assert add(db, key="once") == add(db, key="once")
    assert add(db, key="twice") != add(db, key="once")


def test_a_refusal_ends_the_work_with_its_reason(
    db: Database, files: FileStore, clock: Clock
) -> None:
    def refuse(_work: Work) -> Outcome:
        raise Conflict(text("The file is gone."))

    key = add(db)
    run(db, files, clock, key, refuse)

    assert (job(db, key).state, job(db, key).error) == ("failed", "The file is gone.")


def fail(_work: Work) -> Outcome:
    raise ZeroDivisionError


def test_work_that_met_a_fault_is_run_again(db: Database, files: FileStore, clock: Clock) -> None:
    key = add(db)

    assert run(db, files, clock, key, fail)
    with db.read() as session:
        assert jobs.waiting(session, now=NOW) == [key]
    assert run(db, files, clock, key, done)

    kept = job(db, key)
    assert (kept.state, kept.error, kept.attempts) == ("done", None, 2)


def test_work_that_meets_faults_is_given_up_with_a_sentence_and_the_log_knows_why(
    db: Database, files: FileStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "log", structlog.get_logger())  # one that no test has used before
    key = add(db)

    with capture_logs() as logged:
        ran = [run(db, files, clock, key, fail) for _ in range(jobs.MAX_ATTEMPTS + 1)]

    ended = job(db, key)
    assert ran == [True, True, True, False]
    assert (ended.state, ended.finished_at, ended.lease_until) == ("failed", NOW, None)
    assert ended.error == (
        "This work failed 3 times and was given up. The log of the service tells why, under "
        f"{ended.public_id}."
    )
    faults = [entry for entry in logged if entry["event"] == "job"]
    assert [(entry["job"], entry["attempt"], entry["exc_info"]) for entry in faults] == [
        (ended.public_id, attempt, True) for attempt in (1, 2, 3)
    ]


def test_a_kind_that_nobody_handles_is_a_fault(
    db: Database, files: FileStore, clock: Clock
) -> None:
    key = add(db)
    for _ in range(jobs.MAX_ATTEMPTS):
        jobs.run(db, files, {}, key, clock=clock, actor_of=system)

    assert job(db, key).state == "failed"


# Whom it speaks to


def test_work_speaks_to_whoever_asked_for_it(db: Database, files: FileStore, clock: Clock) -> None:
    asker = replace(SYSTEM, language="ar", timezone="Asia/Riyadh")
    with db.write() as session:
        key = jobs.enqueue(session, kind="k", title="t", arguments={}, actor=asker, now=NOW).id

    def speak(_work: Work) -> Outcome:
        return Outcome({"words": str(text("Boxes")), "hour": format_datetime(NOW, "H")})

    run(db, files, clock, key, speak)

    assert job(db, key).result == {"words": "الأجهزة", "hour": "13"}


@pytest.mark.parametrize("handler", ["refuse", "fail"])
def test_work_that_failed_says_so_in_the_language_it_was_asked_in(
    db: Database, files: FileStore, clock: Clock, handler: str
) -> None:
    def refuse(_work: Work) -> Outcome:
        raise Conflict(text("Not found"))

    with speaking("ar", "Asia/Riyadh"):
        key = add(db)
    for _ in range(jobs.MAX_ATTEMPTS):
        run(db, files, clock, key, {"refuse": refuse, "fail": fail}[handler])

    assert re.search("[\u0600-\u06ff]", job(db, key).error or "")


def test_work_that_nobody_who_speaks_asked_for_is_in_english(db: Database) -> None:
    kept = job(db, add(db))

    assert (kept.language, kept.timezone) == ("en", "UTC")


# Workers that end


class Killed(BaseException):
    """The worker's process ends here."""


def killed(_work: Work) -> Outcome:
    raise Killed


def test_work_whose_worker_was_killed_is_found_when_its_lease_has_run_out(
    db: Database, files: FileStore, clock: Clock
) -> None:
    key = add(db)
    with pytest.raises(Killed):
        run(db, files, clock, key, killed)

    found = []
    for seconds in (59.999, 0.001, 0.001):
        clock.pass_by(seconds)
        with db.read() as session:
            found.append(jobs.waiting(session, now=clock()))

    assert found == [[], [], [key]]
    assert run(db, files, clock, key, done)
    assert job(db, key).attempts == 2


def test_progress_renews_the_lease(db: Database, files: FileStore, clock: Clock) -> None:
    def slow(work: Work) -> Outcome:
        clock.pass_by(50)
        work.progress(1, 2)
        clock.pass_by(50)
        raise Killed

    key = add(db)
    with pytest.raises(Killed):
        run(db, files, clock, key, slow)

    with db.read() as session:
        assert jobs.waiting(session, now=clock()) == []
    assert (job(db, key).done_count, job(db, key).total_count) == (1, 2)


def test_work_that_kills_its_workers_is_given_up(
    db: Database, files: FileStore, clock: Clock
) -> None:
    key = add(db)
    for _ in range(jobs.MAX_ATTEMPTS):
        with pytest.raises(Killed):
            run(db, files, clock, key, killed)
        clock.pass_by(61)

    assert not run(db, files, clock, key, done)
    assert job(db, key).state == "failed"
    assert "given up" in (job(db, key).error or "")
    assert job(db, key).lease_until is None


def test_a_worker_that_lost_its_lease_has_no_word_any_more(
    db: Database, files: FileStore, clock: Clock
) -> None:
    key = add(db)

    def overtaken(_work: Work) -> Outcome:
        clock.pass_by(61)
        assert run(db, files, clock, key, done)
        return Outcome({"answer": "late"})

    assert not run(db, files, clock, key, overtaken)
    assert job(db, key).result == {"answer": 42}


def test_a_worker_that_lost_its_lease_is_stopped_where_it_tells_its_progress(
    db: Database, files: FileStore, clock: Clock
) -> None:
    key = add(db)
    wrote: list[str] = []

    def later(work: Work) -> Outcome:
        work.progress(5, 10)
        wrote.append("later")
        return Outcome({"answer": "later"})

    def overtaken(work: Work) -> Outcome:
        work.progress(1, 10)
        clock.pass_by(61)
        assert run(db, files, clock, key, later)
        work.progress(2, 10)
        wrote.append("earlier")
        return Outcome({"answer": "earlier"})

    assert not run(db, files, clock, key, overtaken)
    kept = job(db, key)
    assert wrote == ["later"]
    assert (kept.state, kept.result, kept.done_count) == ("done", {"answer": "later"}, 5)


def test_a_worker_is_stopped_while_the_later_attempt_still_works(
    db: Database, files: FileStore, clock: Clock
) -> None:
    key = add(db)

    def later(work: Work) -> Outcome:
        work.progress(5, 10)
        with pytest.raises(jobs.Overtaken):
            replace(work, attempt=1).progress(2, 10)
        return Outcome({"done": job(db, key).done_count})

    with pytest.raises(Killed):
        run(db, files, clock, key, killed)
    clock.pass_by(61)
    run(db, files, clock, key, later)

    assert job(db, key).result == {"done": 5}


def test_a_worker_whose_lease_ran_out_goes_on_if_nobody_took_the_work(
    db: Database, files: FileStore, clock: Clock
) -> None:
    def slow(work: Work) -> Outcome:
        clock.pass_by(61)
        work.progress(1, 2)
        return Outcome({})

    key = add(db)

    assert run(db, files, clock, key, slow)
    assert job(db, key).state == "done"


@pytest.mark.race
def test_of_racing_workers_one_does_the_work(db: Database, files: FileStore, clock: Clock) -> None:
    key = add(db)
    ran: list[int] = []

    def count(work: Work) -> Outcome:
        ran.append(work.job_id)
        return Outcome({})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: run(db, files, clock, key, count), range(16)))

    assert ran == [key]
    assert sum(answers) == 1


@pytest.mark.parametrize(
    ("done_count", "total", "spent_s", "left_s"),
    [(0, 10, 5, None), (5, None, 5, None), (5, 10, 5, 5.0), (10, 10, 5, 0.0)],
)
def test_the_time_left_is_estimated_from_the_pace(
    done_count: int, total: int | None, spent_s: int, left_s: float | None
) -> None:
    running = Job(state="running", started_at=NOW, done_count=done_count, total_count=total)

    assert running.remaining_s(NOW + timedelta(seconds=spent_s)) == left_s


# The outbox


def emit(db: Database, key: str = "k", topic: str = "t") -> None:
    with db.write() as session:
        outbox.emit(session, topic=topic, key=key, payload={"n": 1}, now=NOW)


def entries(db: Database) -> list[OutboxEntry]:
    with db.read() as session:
        return list(session.scalars(select(OutboxEntry).order_by(OutboxEntry.id)))


@pytest.fixture
def delivered() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def take(delivered: list[dict[str, Any]]) -> outbox.Handler:
    def handler(_session: Session, payload: dict[str, Any], _now: datetime) -> None:
        delivered.append(payload)

    return handler


def test_an_effect_is_delivered_once(
    db: Database, take: outbox.Handler, delivered: list[dict[str, Any]]
) -> None:
    emit(db)
    emit(db)

    counts = [outbox.deliver(db, {"t": take}, now=NOW) for _ in range(2)]

    assert (counts, delivered) == ([1, 0], [{"n": 1}])
    assert [entry.done_at for entry in entries(db)] == [NOW]


def test_effects_are_delivered_in_the_order_of_their_time(
    db: Database, take: outbox.Handler
) -> None:
    emit(db, "a")
    emit(db, "b")

    assert outbox.deliver(db, {"t": take}, now=NOW, limit=1) == 1
    assert [entry.done_at is not None for entry in entries(db)] == [True, False]


def test_an_effect_of_a_unit_of_work_that_failed_is_not_there(db: Database) -> None:
    with suppress(RuntimeError), db.write() as session:
        outbox.emit(session, topic="t", key="k", payload={}, now=NOW)
        raise RuntimeError

    assert entries(db) == []


@pytest.mark.parametrize(("seconds", "tried"), [(59.999, 1), (60, 2), (60.001, 2)])
def test_one_that_failed_is_tried_again_after_a_pause(
    db: Database, seconds: float, tried: int
) -> None:
    def fail(_session: Session, _payload: dict[str, Any], _now: datetime) -> None:
        raise ConnectionError("no route")

    emit(db)
    outbox.deliver(db, {"t": fail}, now=NOW)
    outbox.deliver(db, {"t": fail}, now=NOW + timedelta(seconds=seconds))

    (entry,) = entries(db)
    assert (entry.attempts, entry.done_at) == (tried, None)
    assert "no route" in (entry.error or "")


def test_what_a_failing_handler_wrote_is_not_kept_and_the_next_try_delivers(
    db: Database, take: outbox.Handler, delivered: list[dict[str, Any]]
) -> None:
    def half(session: Session, _payload: dict[str, Any], now: datetime) -> None:
        outbox.emit(session, topic="t", key="half", payload={}, now=now)
        session.flush()
        raise ConnectionError

    emit(db)
    outbox.deliver(db, {"t": half}, now=NOW)
    assert [entry.key for entry in entries(db)] == ["k"]

    assert outbox.deliver(db, {"t": take}, now=NOW + timedelta(seconds=60)) == 1
    assert delivered == [{"n": 1}]
    assert entries(db)[0].error is None


def test_one_that_fails_for_ever_is_given_up(db: Database) -> None:
    emit(db)
    for day in range(outbox.MAX_ATTEMPTS + 3):
        outbox.deliver(db, {}, now=NOW + timedelta(days=day))

    assert entries(db)[0].attempts == outbox.MAX_ATTEMPTS


def test_one_whose_worker_was_killed_is_delivered_after_its_lease(
    db: Database, take: outbox.Handler
) -> None:
    def die(_session: Session, _payload: dict[str, Any], _now: datetime) -> None:
        raise Killed

    emit(db)
    with pytest.raises(Killed):
        outbox.deliver(db, {"t": die}, now=NOW)

    assert outbox.deliver(db, {"t": take}, now=NOW + timedelta(seconds=59)) == 0
    assert outbox.deliver(db, {"t": take}, now=NOW + timedelta(seconds=60)) == 1


@pytest.mark.race
def test_racing_workers_deliver_each_effect_once(
    db: Database, take: outbox.Handler, delivered: list[dict[str, Any]]
) -> None:
    emit_all: Callable[[int], None] = lambda n: emit(db, str(n))  # noqa: E731
    list(map(emit_all, range(20)))

    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda _: outbox.deliver(db, {"t": take}, now=NOW), range(4)))

    assert sum(counts) == len(delivered) == 20

"""The units of work and the columns they store."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError, StatementError
from sqlalchemy.orm import Session

from stb_service.shared import leases
from stb_service.shared.access import Actor
from stb_service.shared.db import Database, lock_row, new_public_id, once
from stb_service.shared.leases import Lease
from stb_service.staff.models import Person
from stb_service.staff.operations import create_token
from tests.conftest import NOW, People
from tests.databases import Databases

WRITERS, TURNS = 8, 12
NEPAL = timezone(timedelta(hours=5, minutes=45))


def lease(session: Session, until: datetime = NOW, name: str = "x") -> Lease:
    row = Lease(name=name, holder="0", until=until)
    session.add(row)
    session.flush()
    return row


def test_a_naive_instant_is_refused(session: Session) -> None:
    with pytest.raises(StatementError, match="naive datetime"):
        lease(session, datetime(2026, 3, 2, 10, 0))  # noqa: DTZ001 - this is what is refused


def test_an_instant_of_any_zone_comes_back_aware_and_in_utc(session: Session) -> None:
    row = lease(session, datetime(2026, 3, 2, 10, 0, tzinfo=NEPAL))
    session.expire(row)

    assert row.until == datetime(2026, 3, 2, 4, 15, tzinfo=UTC)
    assert row.until.tzinfo is UTC


def test_microseconds_are_kept(session: Session) -> None:
    row = lease(session, NOW.replace(microsecond=123_456))
    session.expire(row)

    assert row.until.microsecond == 123_456


def test_what_a_reading_unit_of_work_does_is_not_kept(db: Database) -> None:
    with db.read() as session:
        lease(session)

    with db.read() as session:
        assert session.scalars(select(Lease)).all() == []


def test_a_reading_unit_asks_once_and_a_writing_one_every_time(db: Database) -> None:
    asked: list[tuple[str, int]] = []

    @once
    def number_of(session: Session, name: str, *, more: int = 0) -> int:
        asked.append((name, more))
        return len(asked)

    with db.read() as session:
        assert [number_of(session, "a"), number_of(session, "b"), number_of(session, "a")] == [
            1,
            2,
            1,
        ]
        assert number_of(session, "a", more=1) == 3
    with db.read() as session:
        assert number_of(session, "a") == 4
    with db.write() as session:
        assert [number_of(session, "a"), number_of(session, "a")] == [5, 6]


def test_a_unit_of_work_is_kept_as_a_whole_or_not_at_all(db: Database) -> None:
    with suppress(RuntimeError), db.write() as session:
        lease(session)
        raise RuntimeError

    with db.read() as session:
        assert session.scalars(select(Lease)).all() == []


def race(db: Database, turn: Callable[[int], None]) -> None:
    """Let eight threads take turns at once."""
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(turn, range(WRITERS * TURNS)))


@pytest.mark.race
def test_racing_readers_who_then_write_lose_nothing(db: Database) -> None:
    with db.write() as session:
        key = lease(session).id

    def turn(_: int) -> None:
        with db.write() as session:
            row = lock_row(session, Lease, key)
            assert row is not None
            row.holder = str(int(row.holder) + 1)

    race(db, turn)

    with db.read() as session:
        assert session.get_one(Lease, key).holder == str(WRITERS * TURNS)


def test_of_a_row_that_comes_with_others_it_alone_is_held(
    postgresql_db: Database, actor: Actor
) -> None:
    people = People(postgresql_db, actor, NOW)
    ann, bob = (people.person("viewer", username=name) for name in ("ann", "bob"))

    one, other = postgresql_db.open(writes=True), postgresql_db.open(writes=True)
    with one, other:
        other.execute(text("SET lock_timeout = '1s'"))
        held = [lock_row(one, Person, ann.id), lock_row(other, Person, bob.id)]
        create_token(other, person=ann, name="refers to it", days=1, actor=actor, now=NOW)
        with pytest.raises(OperationalError, match="lock timeout"):
            lock_row(other, Person, ann.id)

    assert [row and row.username for row in held] == ["ann", "bob"]


def test_a_row_that_is_gone_is_nothing(session: Session) -> None:
    assert lock_row(session, Person, 999) is None


def test_a_unit_of_work_that_reads_does_not_wait_for_one_that_writes(db: Database) -> None:
    with db.write() as writing:
        lease(writing)
        with db.read() as reading:
            assert reading.scalars(select(Lease)).all() == []


def test_sqlite_takes_the_write_lock_before_it_reads(sqlite_db: Database) -> None:
    with sqlite_db.write() as first:
        first.execute(text("SELECT 1"))
        second = Database(str(sqlite_db.engine.url))
        with second.engine.connect() as other:
            other.exec_driver_sql("PRAGMA busy_timeout=1")
            other.rollback()
            writing = other.execution_options(writes=True)
            with pytest.raises(OperationalError, match="locked"):
                writing.exec_driver_sql("SELECT 1")
        second.close()


def test_sqlite_keeps_foreign_keys_and_writes_ahead(databases: Databases) -> None:
    with databases.make("sqlite").read() as session:
        found = {
            name: session.scalar(text(f"PRAGMA {name}"))
            for name in ("foreign_keys", "journal_mode", "synchronous")
        }

    assert found == {"foreign_keys": 1, "journal_mode": "wal", "synchronous": 2}


def test_public_ids_are_opaque_and_distinct() -> None:
    made = {new_public_id() for _ in range(1000)}

    assert len(made) == 1000
    assert {len(word) for word in made} == {16}


# Leases


SPAN = timedelta(seconds=10)


def take(session: Session, holder: str, seconds: float) -> bool:
    return leases.take(
        session, name="tick", holder=holder, span=SPAN, now=NOW + timedelta(seconds=seconds)
    )


@pytest.mark.parametrize(("seconds", "gets_it"), [(9.999, False), (10, True), (10.001, True)])
def test_a_lease_is_free_when_its_end_has_come(
    session: Session, seconds: float, gets_it: bool
) -> None:
    assert take(session, "a", 0)

    assert take(session, "b", seconds) is gets_it


def test_its_holder_renews_a_lease(session: Session) -> None:
    take(session, "a", 0)

    assert take(session, "a", 5)
    assert not take(session, "b", 14.999)
    assert take(session, "b", 15)


def test_of_racing_takers_one_gets_a_free_lease(db: Database) -> None:
    with db.write() as session:
        take(session, "before", -60)
    taken: list[int] = []

    def turn(number: int) -> None:
        with db.write() as session:
            if take(session, str(number), 0):
                taken.append(number)

    race(db, turn)

    assert len(taken) == 1

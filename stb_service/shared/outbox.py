"""Effects outside the transaction: rows written with the change, carried out by the worker.

A row is delivered at least once; its `key` lets a handler recognise what it has done.
A worker takes rows by a lease, so that a killed worker's rows are found again. A row that has
failed `MAX_ATTEMPTS` times waits for somebody who lets it be tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Index, String, and_, delete, func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from stb_service.shared.db import Base, Database, Public

LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 8

Handler = Callable[[Session, dict[str, Any], datetime], None]


class OutboxEntry(Public, Base):
    """One effect still to be carried out, done, or given up."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "ix_outbox_open",
            "due_at",
            sqlite_where=text("done_at IS NULL"),
            postgresql_where=text("done_at IS NULL"),
        ),
    )

    topic: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(128), unique=True)
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    done_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(String(500))

    @property
    def is_given_up(self) -> bool:
        """Whether it is not tried any more."""
        return self.done_at is None and self.attempts >= MAX_ATTEMPTS


GIVEN_UP = and_(OutboxEntry.done_at.is_(None), OutboxEntry.attempts >= MAX_ATTEMPTS)


def emit(
    session: Session, *, topic: str, key: str, payload: Mapping[str, Any], now: datetime
) -> None:
    """Add an effect to the unit of work. The same key twice is one effect."""
    if session.scalar(select(OutboxEntry.id).where(OutboxEntry.key == key)) is None:
        session.add(
            OutboxEntry(topic=topic, key=key, payload=dict(payload), created_at=now, due_at=now)
        )


def try_again(session: Session, *, entry: OutboxEntry, now: datetime) -> None:
    """Let an effect that was given up be tried from the beginning."""
    entry.attempts, entry.due_at, entry.error = 0, now, None
    session.flush()


def forget_done(db: Database, *, before: datetime, limit: int = 500) -> int:
    """Remove effects that were carried out by that moment, `limit` at a time; return how many."""
    forgotten = 0
    old = select(OutboxEntry.id).where(OutboxEntry.done_at < before).limit(limit)
    while True:
        with db.read() as session:
            ids = session.scalars(old).all()
        if not ids:
            return forgotten
        with db.write() as session:
            session.execute(delete(OutboxEntry).where(OutboxEntry.id.in_(ids)))
        forgotten += len(ids)


def count_open(session: Session) -> dict[str, int]:
    """Return how many effects wait, and how many were given up."""
    waiting = OutboxEntry.attempts < MAX_ATTEMPTS
    rows = session.execute(
        select(waiting, func.count()).where(OutboxEntry.done_at.is_(None)).group_by(waiting)
    )
    counts = {bool(is_waiting): count for is_waiting, count in rows}
    return {"waiting": counts.get(True, 0), "given_up": counts.get(False, 0)}


def _claim(session: Session, now: datetime) -> OutboxEntry | None:
    entry = session.scalar(
        select(OutboxEntry)
        .where(OutboxEntry.done_at.is_(None), OutboxEntry.due_at <= now)
        .where(OutboxEntry.attempts < MAX_ATTEMPTS)
        .order_by(OutboxEntry.due_at, OutboxEntry.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if entry is not None:
        entry.attempts += 1
        entry.due_at = now + LEASE * entry.attempts
    return entry


def deliver(
    db: Database, handlers: Mapping[str, Handler], *, now: datetime, limit: int = 100
) -> int:
    """Carry out what is due; return how many effects were done.

    A handler runs in a unit of work of its own, together with the mark that it is done.
    One that fails is tried again after a growing pause.
    """
    done = 0
    for _ in range(limit):
        with db.write() as session:
            entry = _claim(session, now)
        if entry is None:
            break
        try:
            with db.write() as session:
                fresh = session.get_one(OutboxEntry, entry.id, with_for_update=True)
                if fresh.done_at is None:  # else whoever took it after us was faster
                    handlers[entry.topic](session, entry.payload, now)
                    fresh.done_at, fresh.error = now, None
                    done += 1
        except Exception as error:  # noqa: BLE001 - any failure is kept with the row and tried again
            with db.write() as session:
                session.get_one(OutboxEntry, entry.id).error = repr(error)[:500]
    return done

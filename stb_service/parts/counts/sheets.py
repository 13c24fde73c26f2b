"""The sheets of stock-taking: those that are closed as they are written, and what is audited of one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from stb_service.parts.counts import queries
from stb_service.parts.models import Location, StockCount
from stb_service.parts.rules import CountState
from stb_service.shared import audit
from stb_service.shared.access import Actor
from stb_service.shared.db import lock_row
from stb_service.shared.errors import Obstacle, Refused
from stb_service.shared.i18n import text


def sheet_for(
    session: Session, location: Location, source: str, actor: Actor, now: datetime
) -> StockCount:
    """Return the closed sheet of a place for what is stated at one instant."""
    known = queries.sheet_of(session, location, source[:500], now, actor.scope)
    return known or new_sheet(session, location, source, actor, now)


def new_sheet(
    session: Session, location: Location, source: str, actor: Actor, now: datetime
) -> StockCount:
    """Return another closed sheet of a place, for what is stated of the same twice."""
    made = StockCount(
        location=location,
        state=CountState.CLOSED,
        reason=source[:500],
        opened_at=now,
        opened_by=actor.label[:128],
        ended_at=now,
        ended_by=actor.label[:128],
        lines=[],
    )
    session.add(made)
    session.flush()
    return made


def open_sheet(session: Session, ref: str, actor: Actor) -> StockCount:
    """Return a stock-taking that is under way, held against other writers.

    Raises:
        NotFound: there is none in the actor's scope.
        Refused: it has ended.
    """
    count = held_sheet(session, ref, actor)
    if count.state != CountState.OPEN:
        raise Refused([Obstacle("ended", text("The stock-taking has ended."))])
    return count


def held_sheet(session: Session, ref: str, actor: Actor) -> StockCount:
    """Return a stock-taking, held against other writers; its lines are those of now.

    Raises:
        NotFound: there is none in the actor's scope.
    """
    count = queries.sheet_by_ref(session, ref, actor.scope)
    lock_row(session, StockCount, count.id)
    session.expire(count, ["lines"])  # as they are now that nobody else writes
    return count


def record_count(
    session: Session,
    count: StockCount,
    verb: str,
    changes: dict[str, Any],
    actor: Actor,
    now: datetime,
) -> None:
    """Audit something about a stock-taking."""
    subject = ("stock_count", count.public_id, count.location.code)
    audit.record(session, actor=actor, verb=verb, subject=subject, changes=changes, now=now)

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

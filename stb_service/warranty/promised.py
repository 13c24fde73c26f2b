"""What boxes that are out were promised: a policy does not take over from another in the past, once
somebody was told what the other one gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from stb_service.shared.errors import Obstacle
from stb_service.shared.i18n import text
from stb_service.warranty.models import PolicyAssignment, PolicyVersion, WarrantyDecision
from stb_service.warranty.rules import PRECEDENCE, first_day_running

NAMED = ("model_id", "seller_id", "tenure")
"""The columns by which an assignment names boxes."""


def obstacles_to_assigning(
    session: Session,
    *,
    policy_id: int | None,
    named: Mapping[str, Any],
    from_on: date,
    now: datetime,
) -> list[Obstacle]:
    """Return why a policy may not be assigned, or an assignment not end, on a day that is past.

    It may as long as it takes over from none by which a box was decided on: an installation that is
    being set up names its policies in any order. Where another comes first anyway, nothing changes.
    """
    if from_on >= first_day_running(now):
        return []
    rows = session.scalars(select(PolicyAssignment).where(*_overlapping(named))).all()
    to = min(_next_of(rows, named["key"], from_on), first_day_running(now))
    theirs = {
        row.policy_id
        for row in rows
        if row.policy_id not in {None, policy_id}
        and row.from_on < to
        and from_on < _next_of(rows, row.key, row.from_on)
        and (row.key == named["key"] or (policy_id is not None and _gives_way(row, named)))
    }
    if not _decided_by(session, theirs):
        return []
    message = text(
        "Boxes that were given out since then have another policy, and some were decided on by it:"
        " begin today at the soonest. They keep what they were promised."
    )
    return [Obstacle("in-the-past", message)]


def obstacles_to_beginning(
    session: Session, *, policy_id: int, in_force_from: date, now: datetime
) -> list[Obstacle]:
    """Return why the first version of a policy may not begin in the past: one of its assignments
    would take over so.
    """
    rows = session.scalars(select(PolicyAssignment).where(PolicyAssignment.policy_id == policy_id))
    for row in rows.all():
        named = {name: getattr(row, name) for name in (*NAMED, "key")}
        found = obstacles_to_assigning(
            session,
            policy_id=policy_id,
            named=named,
            from_on=max(row.from_on, in_force_from),
            now=now,
        )
        if found:
            return found
    return []


def _overlapping(named: Mapping[str, Any]) -> list[Any]:
    """Return the conditions of assignments that fit a box which what is named fits too."""
    columns = ((getattr(PolicyAssignment, name), named[name]) for name in NAMED)
    return [
        or_(column.is_(None), column == value) for column, value in columns if value is not None
    ]


def _next_of(rows: Iterable[PolicyAssignment], key: str, after: date) -> date:
    """Return the day from which another row of the same boxes counts."""
    days = [row.from_on for row in rows if row.key == key and row.from_on > after]
    return min(days, default=date.max)


def _gives_way(row: PolicyAssignment, named: Mapping[str, Any]) -> bool:
    """Tell whether an assignment comes after what is named: that one takes over from it."""
    return _weight({name: getattr(row, name) for name in NAMED}) < _weight(named)


def _weight(named: Mapping[str, Any]) -> int:
    names: Sequence[str] = [name for name in NAMED if named[name] is not None]
    return sum(PRECEDENCE[name.removesuffix("_id")] for name in names)


def _decided_by(session: Session, policies: Iterable[int | None]) -> bool:
    """Tell whether any box was decided on by one of some policies."""
    found = (
        select(PolicyVersion.id)
        .where(PolicyVersion.policy_id.in_(list(policies)))
        .where(exists().where(WarrantyDecision.policy_version_id == PolicyVersion.id))
    )
    return session.scalar(found.limit(1)) is not None

"""Removing what was told to boxes, and said by them, long ago.

Ids grow with time, so each table is walked by id until a slice holds nothing old; each slice is
removed in a unit of work of its own, and boxes are heard between two of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import and_, delete, exists, or_, select
from sqlalchemy.orm import Session, aliased

from firmware.boxes.models import BoxReport
from firmware.rollouts.models import Attempt, DecisionRecord, Member, MemberEvent, Rollout
from firmware.rollouts.rules import LIVE_ROLLOUTS, RolloutState
from stb_service.shared.db import Database

Row = TypeVar("Row", BoxReport, DecisionRecord, MemberEvent)

SLICE = 500
ENDED_ROLLOUTS = (RolloutState.COMPLETE, RolloutState.CANCELLED)
LARGEST_ACTION = 2**31 - 1


def forget_decisions(db: Database, *, before: datetime) -> int:
    """Remove decisions that another had followed by that moment; return how many.

    What held at that moment stays, and with it the latest decision of every box.
    """
    return sum(
        _forget(db, DecisionRecord, _followed(db, rows, before))
        for rows in _old(db, DecisionRecord, before)
    )


def forget_reports(db: Database, *, before: datetime) -> int:
    """Remove what boxes reported, but for the orders of live rollouts; return how much."""
    return sum(
        _forget(db, BoxReport, _of_no_live_order(db, rows)) for rows in _old(db, BoxReport, before)
    )


def forget_moves(db: Database, *, before: datetime) -> int:
    """Remove the moves of boxes in rollouts that had ended by that moment; return how many."""
    return sum(
        _forget(db, MemberEvent, _of_ended(db, rows, before))
        for rows in _old(db, MemberEvent, before)
    )


def _old(db: Database, model: type[Row], before: datetime) -> Iterator[Sequence[Row]]:
    after = 0
    while True:
        with db.read() as session:
            rows = session.scalars(
                select(model).where(model.id > after).order_by(model.id).limit(SLICE)
            ).all()
        old = [row for row in rows if row.at < before]
        if not old:
            return
        yield old
        after = rows[-1].id


def _forget(db: Database, model: type[Row], ids: Sequence[int]) -> int:
    if ids:
        with db.write() as session:
            session.execute(delete(model).where(model.id.in_(ids)))
    return len(ids)


def _followed(db: Database, rows: Sequence[DecisionRecord], before: datetime) -> Sequence[int]:
    later = aliased(DecisionRecord)
    follows = or_(
        later.at > DecisionRecord.at,
        and_(later.at == DecisionRecord.at, later.id > DecisionRecord.id),
    )
    followed = exists().where(later.box_id == DecisionRecord.box_id, later.at <= before, follows)
    with db.read() as session:
        return session.scalars(
            select(DecisionRecord.id).where(
                DecisionRecord.id.in_([row.id for row in rows]), followed
            )
        ).all()


def _of_no_live_order(db: Database, rows: Sequence[BoxReport]) -> Sequence[int]:
    actions = {row.id: _number(row.action) for row in rows}
    with db.read() as session:
        live = _live(session, {action for action in actions.values() if action is not None})
    return [id_ for id_, action in actions.items() if action not in live]


def _number(action: str | None) -> int | None:
    """Return the action that a report names, if it can be one of ours."""
    number = int(action) if action and action.isdecimal() else LARGEST_ACTION + 1
    return number if number <= LARGEST_ACTION else None


def _live(session: Session, actions: set[int]) -> set[int]:
    return set(
        session.scalars(
            select(Attempt.id)
            .join(Member, Member.id == Attempt.member_id)
            .join(Rollout, Rollout.id == Member.rollout_id)
            .where(Attempt.id.in_(actions), Rollout.state.in_(LIVE_ROLLOUTS))
        )
    )


def _of_ended(db: Database, rows: Sequence[MemberEvent], before: datetime) -> Sequence[int]:
    with db.read() as session:
        return session.scalars(
            select(MemberEvent.id)
            .join(Member, Member.id == MemberEvent.member_id)
            .join(Rollout, Rollout.id == Member.rollout_id)
            .where(
                MemberEvent.id.in_([row.id for row in rows]),
                Rollout.state.in_(ENDED_ROLLOUTS),
                Rollout.ended_at < before,
            )
        ).all()

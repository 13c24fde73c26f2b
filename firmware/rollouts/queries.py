"""Reads about rollouts and the boxes in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Integer, and_, case, func, or_, select
from sqlalchemy.orm import Session, contains_eager

from firmware.boxes.models import Box
from firmware.images.models import Image
from firmware.images.queries import fits_box, sequence_of
from firmware.rollouts.cohorts import plan_waves
from firmware.rollouts.decisions import Candidate
from firmware.rollouts.models import (
    Attempt,
    DecisionRecord,
    Member,
    MemberEvent,
    Rollout,
    RolloutEvent,
)
from firmware.rollouts.rules import (
    IN_FLIGHT,
    LIVE_ROLLOUTS,
    OPEN,
    MemberState,
    RolloutKind,
    RolloutState,
)
from firmware.rollouts.safety import Count
from firmware.rollouts.selection import Selection, means, meant_boxes
from stb_service.shared.errors import NotFound
from stb_service.shared.i18n import text
from stb_service.shared.paging import Page, keyset_page


def rollout_by_public_id(session: Session, public_id: str) -> Rollout:
    """Return a rollout.

    Raises:
        NotFound: there is none.
    """
    found = None
    if public_id.isprintable():
        found = session.scalar(select(Rollout).where(Rollout.public_id == public_id))
    if found is None:
        raise NotFound(text("There is no such rollout."))
    return found


def rollouts_page(
    session: Session, *, state: str | None = None, cursor: str | None = None, limit: int = 50
) -> Page[Rollout]:
    """Return rollouts, the newest first."""
    statement = select(Rollout)
    if state:
        statement = statement.where(Rollout.state == state)
    return keyset_page(session, statement, order=[(Rollout.id, True)], cursor=cursor, limit=limit)


def live_rollouts(session: Session) -> Sequence[Rollout]:
    """Return the rollouts that still concern boxes, the oldest first."""
    return session.scalars(
        select(Rollout).where(Rollout.state.in_(LIVE_ROLLOUTS)).order_by(Rollout.id)
    ).all()


def running_ids(session: Session) -> Sequence[int]:
    """Return the ids of the rollouts that time may move."""
    return session.scalars(
        select(Rollout.id).where(Rollout.state.in_(LIVE_ROLLOUTS)).order_by(Rollout.id)
    ).all()


def counts_of(session: Session, rollout: Rollout, *, now: datetime) -> list[Count]:
    """Return the tally of a rollout: one row for each wave, model, revision and state."""
    seen_since = now - timedelta(days=rollout.seen_within_days)
    counted: ColumnElement[bool] = Member.attempted_at.is_not(None)
    if rollout.counted_from is not None:
        late = or_(Member.decided_at.is_(None), Member.decided_at >= rollout.counted_from)
        counted = and_(counted, late)
    rows = session.execute(
        select(
            Member.wave,
            Member.model_code,
            Member.revision_code,
            Member.state,
            func.count(),
            func.sum(case((Box.last_seen_at >= seen_since, 1), else_=0)).cast(Integer),
            func.sum(case((counted, 1), else_=0)).cast(Integer),
        )
        .join(Box, Box.id == Member.box_id)
        .where(Member.rollout_id == rollout.id)
        .group_by(Member.wave, Member.model_code, Member.revision_code, Member.state)
    )
    return [
        Count(wave, model, revision, MemberState(state), boxes, reachable or 0, attempted or 0)
        for wave, model, revision, state, boxes, reachable, attempted in rows
    ]


def in_flight_count(session: Session, rollout_id: int) -> int:
    """Return how many places of the cap are taken."""
    return (
        session.scalar(
            select(func.count()).where(Member.rollout_id == rollout_id, Member.state.in_(IN_FLIGHT))
        )
        or 0
    )


def timed_members(session: Session, rollout: Rollout, *, limit: int) -> Sequence[Member]:
    """Return the boxes of a rollout whose state time may end, the longest waiting first."""
    states = (*IN_FLIGHT, MemberState.SUSPECT)
    return session.scalars(
        select(Member)
        .where(Member.rollout_id == rollout.id, Member.state.in_(states))
        .order_by(Member.state == MemberState.SUSPECT, Member.state_at)
        .limit(limit)
    ).all()


def members_of_box(session: Session, box_id: int) -> Sequence[Member]:
    """Return a box's part in rollouts that are not drafts, the newest first."""
    return session.scalars(
        select(Member)
        .join(Member.rollout)
        .join(Member.box)
        .options(contains_eager(Member.rollout), contains_eager(Member.box))
        .where(Member.box_id == box_id, Rollout.state != RolloutState.DRAFT)
        .order_by(Member.id.desc())
    ).all()


def open_members_of_box(session: Session, box_id: int) -> list[Member]:
    """Return those parts to which something may still happen: in live rollouts, or awaited."""
    return [
        member
        for member in members_of_box(session, box_id)
        if MemberState(member.state) in OPEN
        and (member.rollout.state in LIVE_ROLLOUTS or member.state != MemberState.WAITING)
    ]


def candidate_of(session: Session, member: Member) -> Candidate:
    """Return a member as the decision wants it."""
    rollout = member.rollout
    sequence = sequence_of(session, model_code=member.model_code, version=rollout.image.version)
    recalled = rollout.recalled_image
    return Candidate(
        member_id=member.id,
        rollout=rollout.name,
        kind=RolloutKind(rollout.kind),
        rollout_state=RolloutState(rollout.state),
        wave=member.wave,
        wave_open=rollout.wave_open,
        state=MemberState(member.state),
        version=rollout.image.version,
        sequence=sequence or 0,
        recalled_version=recalled.version if recalled else None,
        image_withdrawn=rollout.image.state == "withdrawn",
        reported=member.reported_at is not None,
    )


def unjoined_rollouts(
    session: Session, box: Box, joined: Sequence[Member], live: Sequence[Rollout]
) -> list[Rollout]:
    """Return running rollouts that mean this box but were planned before it was there."""
    known = {member.rollout_id for member in joined}
    missing = [r for r in live if r.state == RolloutState.RUNNING and r.id not in known]
    if not missing:
        return []
    tags = {tag.tag for tag in box.tags}
    return [
        rollout
        for rollout in missing
        if means(Selection.from_json(rollout.selection), box, tags)
        and fits_box(session, rollout.image_id, box.model_code, box.revision_code)
    ]


def member_of_action(session: Session, box_id: int, action: int) -> Member | None:
    """Return the part of a box in a rollout that an action id belongs to."""
    return session.scalar(
        select(Member)
        .join(Attempt, Attempt.member_id == Member.id)
        .where(Attempt.id == action, Member.box_id == box_id)
    )


def member_by_id(session: Session, member_id: int) -> Member | None:
    """Return a member."""
    return session.get(Member, member_id)


def last_verified(session: Session, box_id: int) -> Member | None:
    """Return the newest verified update of a box (DDI installedBase)."""
    return session.scalar(
        select(Member)
        .where(
            Member.box_id == box_id,
            Member.state == MemberState.VERIFIED,
            Member.action.is_not(None),
        )
        .order_by(Member.decided_at.desc())
        .limit(1)
    )


def members_page(
    session: Session,
    rollout: Rollout,
    *,
    state: str | None = None,
    wave: int | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Member]:
    """Return the boxes of a rollout in its own order."""
    statement = select(Member).where(Member.rollout_id == rollout.id)
    if state:
        statement = statement.where(Member.state == state)
    if wave is not None:
        statement = statement.where(Member.wave == wave)
    order = ((Member.wave, False), (Member.place, False), (Member.id, False))
    return keyset_page(session, statement, order=order, cursor=cursor, limit=limit)


def not_seen(
    session: Session, rollout: Rollout, *, now: datetime, limit: int = 200
) -> Sequence[Member]:
    """Return boxes that wait but were not seen within the stated days."""
    since = now - timedelta(days=rollout.seen_within_days)
    return session.scalars(
        select(Member)
        .join(Box, Box.id == Member.box_id)
        .where(Member.rollout_id == rollout.id, Member.state == MemberState.WAITING)
        .where(or_(Box.last_seen_at.is_(None), Box.last_seen_at < since))
        .order_by(Member.place)
        .limit(limit)
    ).all()


def events_of(session: Session, rollout: Rollout) -> Sequence[RolloutEvent]:
    """Return what happened to a rollout, the newest first."""
    return session.scalars(
        select(RolloutEvent)
        .where(RolloutEvent.rollout_id == rollout.id)
        .order_by(RolloutEvent.seq.desc())
    ).all()


def member_events(session: Session, member: Member) -> Sequence[MemberEvent]:
    """Return what happened to a box in a rollout, the newest first."""
    return session.scalars(
        select(MemberEvent)
        .where(MemberEvent.member_id == member.id)
        .order_by(MemberEvent.id.desc())
    ).all()


def decision_at(session: Session, box: Box, *, at: datetime) -> DecisionRecord | None:
    """Return what the box was told at a moment, and why: the last decision up to then."""
    return session.scalar(
        select(DecisionRecord)
        .where(DecisionRecord.box_id == box.id, DecisionRecord.at <= at)
        .order_by(DecisionRecord.at.desc(), DecisionRecord.id.desc())
        .limit(1)
    )


def decisions_of(session: Session, box: Box, *, limit: int = 20) -> Sequence[DecisionRecord]:
    """Return the decisions about a box, the newest first."""
    return session.scalars(
        select(DecisionRecord)
        .where(DecisionRecord.box_id == box.id)
        .order_by(DecisionRecord.id.desc())
        .limit(limit)
    ).all()


@dataclass(frozen=True)
class Preview:
    """How many boxes a selection means, by wave and by model and revision, and some of them."""

    total: int
    by_wave: dict[int, int]
    by_code: dict[tuple[str, str], int]
    never_seen: int
    on_version: int
    sample: list[tuple[str, str, str, int]]


def preview(
    session: Session,
    *,
    selection: Selection,
    image: Image,
    shares_permille: Sequence[int],
    friendly: frozenset[str],
    salt: str,
    sample: int = 20,
) -> Preview:
    """Return what a rollout would do if it were started now, without doing it."""
    rows = session.execute(meant_boxes(selection, image.id)).all()
    waves = plan_waves(
        ((uid, (model, revision)) for _, uid, model, revision in rows),
        salt=salt,
        shares_permille=shares_permille,
        friendly=friendly,
    )
    meant = meant_boxes(selection, image.id).subquery()
    never, on_version = session.execute(
        select(
            func.coalesce(func.sum(case((Box.last_seen_at.is_(None), 1), else_=0)), 0),
            func.coalesce(func.sum(case((Box.running_version == image.version, 1), else_=0)), 0),
        ).join(meant, meant.c.id == Box.id)
    ).one()
    ranked = sorted(rows, key=lambda row: (waves[row.uid], row.uid))
    return Preview(
        total=len(rows),
        by_wave=dict(sorted(Counter(waves.values()).items())),
        by_code=dict(sorted(Counter((r.model_code, r.revision_code) for r in rows).items())),
        never_seen=int(never),
        on_version=int(on_version),
        sample=[(r.uid, r.model_code, r.revision_code, waves[r.uid]) for r in ranked[:sample]],
    )


def ticking_ids(session: Session) -> Sequence[int]:
    """Return the rollouts that time may move: live ones, and ended ones with boxes not final."""
    timed = select(Member.rollout_id).where(
        Member.state.in_((*IN_FLIGHT, MemberState.SUSPECT))
    )
    return session.scalars(
        select(Rollout.id)
        .where(or_(Rollout.state.in_(LIVE_ROLLOUTS), Rollout.id.in_(timed)))
        .order_by(Rollout.id)
    ).all()

"""What counts and time do to a rollout: halt, open the next wave, complete; end waiting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from firmware.boxes.locks import hold
from firmware.boxes.models import Box
from firmware.boxes.rules import BoxState
from firmware.rollouts import queries
from firmware.rollouts.evidence import Course, judge_time
from firmware.rollouts.models import Member, Rollout, Wave
from firmware.rollouts.moves import move_member, move_rollout
from firmware.rollouts.rules import (
    IN_FLIGHT,
    MemberState,
    Reason,
    RolloutKind,
    RolloutState,
    Timing,
    reason,
)
from firmware.rollouts.safety import Count, group, halt_reason, is_complete, judge_wave
from stb_service.shared.access import SYSTEM


@dataclass(frozen=True)
class Verdict:
    """What a rollout's counts demand: an end, or the next wave."""

    ends: RolloutState | None = None
    why: Reason | None = None
    opens: Wave | None = None


def weigh(session: Session, *, rollout: Rollout, now: datetime) -> None:
    """Halt, open the next wave, or complete a running rollout, as its counts demand.

    The caller holds the rollout.
    """
    while (verdict := _verdict(session, rollout, now)) is not None:
        wave = _open_wave(rollout)
        if verdict.opens is not None:
            wave.closed_at, verdict.opens.opened_at = now, now
            rollout.wave_open = verdict.opens.number
            session.flush()
            continue
        assert verdict.ends is not None
        assert verdict.why is not None
        if verdict.ends == RolloutState.COMPLETE:
            wave.closed_at = now
        move_rollout(
            session, rollout=rollout, to=verdict.ends, why=verdict.why, actor=SYSTEM, now=now
        )


def _open_wave(rollout: Rollout) -> Wave:
    return next(wave for wave in rollout.waves if wave.number == rollout.wave_open)


def _verdict(session: Session, rollout: Rollout, now: datetime) -> Verdict | None:
    """Read the counts of the waves begun so far, and judge them."""
    if rollout.state != RolloutState.RUNNING:
        return None
    if rollout.image.state == "withdrawn":
        why = reason("image_withdrawn", why=rollout.image.withdrawn_reason or "-")
        return Verdict(RolloutState.HALTED, why)
    wave = _open_wave(rollout)
    counts = queries.counts_of(session, rollout, now=now, up_to_wave=wave.number)
    halt = halt_reason(counts, wave=wave.number, limits=wave.limits)
    if halt is not None:
        return Verdict(RolloutState.HALTED, halt)
    later = [later for later in rollout.waves if later.number > wave.number]
    assert wave.opened_at is not None
    patience = _patience(session, rollout, counts, now)
    if not later:
        done = is_complete(
            counts, wave=wave.number, opened_at=wave.opened_at, patience=patience, now=now
        )
        if not done or _may_bring_more(session, rollout):
            return None
        why = reason("all_final", days=rollout.seen_within_days)
        return Verdict(RolloutState.COMPLETE, why)
    judged = judge_wave(
        counts,
        wave=wave.number,
        limits=wave.limits,
        opened_at=wave.opened_at,
        patience=patience,
        now=now,
    )
    if judged.halt is not None:
        return Verdict(RolloutState.HALTED, judged.halt)
    return Verdict(opens=later[0]) if judged.goes_on else None


def _patience(
    session: Session, rollout: Rollout, counts: Sequence[Count], now: datetime
) -> timedelta:
    """Return how long a wave of which no box is seen stays open: as long as an offer would.

    While no box of the whole rollout has been seen there is nothing to hold up, and the waves do
    not run away before the first box comes.
    """
    if group(counts).attempted or queries.anyone_seen(session, rollout, now=now):
        return rollout.timing.offer
    return timedelta.max


def _may_bring_more(session: Session, rollout: Rollout) -> bool:
    """Tell whether boxes may still turn up on the recalled version: some are installing it."""
    if rollout.kind != RolloutKind.RECALL:
        return False
    return bool(
        session.scalar(
            select(Member.id)
            .join(Rollout, Rollout.id == Member.rollout_id)
            .where(
                Rollout.image_id == rollout.recalled_image_id,
                Rollout.id != rollout.id,
                Member.state.in_(IN_FLIGHT),
            )
            .limit(1)
        )
    )


def course_of(member: Member) -> Course:
    """Return a member as the evidence wants it."""
    served = member.box.state == BoxState.KNOWN
    return _course(member, member.box, wanted=member.rollout.image.version, is_served=served)


def _course(member: Any, box: Any, *, wanted: str, is_served: bool) -> Course:
    """Return the course of a member and its box, be they rows of the ORM or of a select."""
    contacts = [at for at in (member.contact_at, box.last_seen_at) if at is not None]
    return Course(
        state=MemberState(member.state),
        wanted=wanted,
        former=member.former_version,
        boot_before=member.boot_before,
        gives_feedback=member.wire != "xconf",
        touched=member.touched_at is not None,
        offered_at=member.offered_at,
        fetched_at=member.fetched_at,
        bytes_at=box.bytes_at,
        reported_at=member.reported_at,
        contact_at=max(contacts, default=None),
        stated_at=box.version_at,
        state_at=member.state_at,
        running=box.running_version,
        asked=box.attributes_asked,
        is_served=is_served,
    )


def tick(session: Session, *, rollout_id: int, now: datetime, limit: int = 500) -> int:
    """Let time do its work on one rollout; return how many boxes moved."""
    if session.get(Rollout, rollout_id) is None:
        return 0
    rollout = hold(session, Rollout, rollout_id)
    moved = 0
    for member_id in _due_ids(session, rollout, now)[:limit]:
        member = hold(session, Member, member_id)
        step = judge_time(course_of(member), now=now, timing=rollout.timing)
        if step is not None:
            move_member(session, member=member, step=step, now=now)
            moved += 1
    weigh(session, rollout=rollout, now=now)
    return moved


def needs_tick(session: Session, *, rollout_id: int, now: datetime) -> bool:
    """Tell, without writing, whether `tick` would do anything (a ticker asks every second)."""
    rollout = session.get(Rollout, rollout_id)
    if rollout is None:
        return False
    return bool(_due_ids(session, rollout, now)) or _verdict(session, rollout, now) is not None


def _due_ids(session: Session, rollout: Rollout, now: datetime) -> list[int]:
    """Return the boxes of a rollout whose state time ends now, the longest waiting first.

    Those that may wait on are left out here, so that they keep none from its turn.
    """
    rows = session.execute(
        select(
            Member.id,
            Member.state,
            Member.state_at,
            Member.former_version,
            Member.boot_before,
            Member.wire,
            Member.touched_at,
            Member.offered_at,
            Member.fetched_at,
            Member.reported_at,
            Member.contact_at,
            Box.last_seen_at,
            Box.bytes_at,
            Box.version_at,
            Box.running_version,
            Box.attributes_asked,
            (Box.state == BoxState.KNOWN).label("is_served"),
        )
        .join(Box, Box.id == Member.box_id)
        .where(Member.rollout_id == rollout.id, or_(*_perhaps_due(rollout.timing, now)))
        .order_by(Member.state_at, Member.id)
    ).all()
    wanted = rollout.image.version
    return [
        row.id
        for row in rows
        if judge_time(
            _course(row, row, wanted=wanted, is_served=row.is_served),
            now=now,
            timing=rollout.timing,
        )
    ]


def _perhaps_due(timing: Timing, now: datetime) -> list[ColumnElement[bool]]:
    """Return the conditions by which the database leaves out most boxes that may wait on."""
    state = Member.state
    speaks_again = or_(Member.contact_at > Member.state_at, Box.last_seen_at > Member.state_at)
    soonest = min(timing.silence, timing.install)
    return [
        and_(state == MemberState.OFFERED, Member.offered_at <= now - timing.offer),
        and_(state == MemberState.FETCHING, Member.fetched_at <= now - soonest),
        and_(
            state.in_((MemberState.AWAITING, MemberState.WAITING)),
            Member.reported_at <= now - timing.grace,
        ),
        and_(state.in_(IN_FLIGHT), Box.state != BoxState.KNOWN),
        and_(state == MemberState.CANCELLING, Member.state_at <= now - timing.silence),
        and_(state == MemberState.SUSPECT, Member.reported_at.is_not(None), speaks_again),
    ]

"""The two writers of state: every move of a rollout or of a box in one passes here."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, insert, literal, select, update
from sqlalchemy.orm import Session

from firmware.boxes.locks import hold
from firmware.rollouts.evidence import Step
from firmware.rollouts.models import Member, MemberEvent, Rollout, RolloutEvent
from firmware.rollouts.rules import (
    DECIDED,
    MEMBER_MOVES,
    ROLLOUT_MOVES,
    ROLLOUT_STATE_NAMES,
    TAKEN_BACK,
    MemberState,
    Reason,
    RolloutState,
    reason,
)
from stb_service.shared import audit
from stb_service.shared.access import Actor
from stb_service.shared.errors import Conflict
from stb_service.shared.i18n import text

ATTEMPTED = DECIDED | {MemberState.FETCHING, MemberState.AWAITING}


def subject_of(rollout: Rollout) -> tuple[str, str, str]:
    """Return what the audit calls a rollout."""
    return "rollout", rollout.public_id, rollout.name


def move_rollout(
    session: Session,
    *,
    rollout: Rollout,
    to: RolloutState,
    why: Reason,
    actor: Actor,
    now: datetime,
) -> None:
    """Move a rollout to another state and write the event.

    Where it pauses or halts, its offers that were not fetched are taken back.

    Raises:
        Conflict: the table has no such move.
    """
    former = RolloutState(rollout.state)
    if (former, to) not in ROLLOUT_MOVES:
        raise Conflict(
            text(
                "A rollout that is %(now)s cannot become %(wanted)s.",
                now=ROLLOUT_STATE_NAMES[former],
                wanted=ROLLOUT_STATE_NAMES[to],
            )
        )
    rollout.event_seq += 1
    session.add(
        RolloutEvent(
            rollout_id=rollout.id,
            seq=rollout.event_seq,
            previous_seq=rollout.event_seq - 1,
            predecessor_seq=rollout.event_seq - 1 or None,
            from_state=former,
            to_state=to,
            at=now,
            actor_label=actor.label,
            reason_code=why.code,
            reason_values=why.values,
        )
    )
    rollout.state = to
    rollout.reason_code, rollout.reason_values = why.code, why.values
    rollout.ended_at = now if to in {RolloutState.COMPLETE, RolloutState.CANCELLED} else None
    session.flush()
    audit.record(
        session,
        actor=actor,
        verb=f"rollout.{ROLLOUT_MOVES[former, to]}",
        subject=subject_of(rollout),
        changes={"state": [former, to], "reason": why.english},
        now=now,
    )
    if to in TAKEN_BACK:
        take_back_offers(session, rollout=rollout, now=now)


def move_member(session: Session, *, member: Member, step: Step, now: datetime) -> None:
    """Move a box within a rollout and write the event.

    Raises:
        Conflict: the table has no such move.
    """
    former = MemberState(member.state)
    if (former, step.to) not in MEMBER_MOVES:
        raise Conflict(
            text("A box cannot go from %(now)s to %(wanted)s.", now=former, wanted=step.to)
        )
    session.add(
        MemberEvent(
            member_id=member.id,
            at=now,
            from_state=former,
            to_state=step.to,
            action=member.action,
            reason_code=step.reason.code,
            reason_values=step.reason.values,
        )
    )
    member.state, member.state_at = step.to, now
    member.reason_code, member.reason_values = step.reason.code, step.reason.values
    if step.to in ATTEMPTED:
        member.attempted_at = member.attempted_at or now
        member.touched_at = member.touched_at or now
    if step.to == MemberState.SUSPECT:
        member.suspected += 1
    member.decided_at = now if step.to in DECIDED else None
    session.flush()


def move_members(session: Session, *, chosen: Select[int], step: Step, now: datetime) -> None:
    """Move many boxes that are in one state, neither attempted nor asked anything, and write
    the events: two statements, however many they are. `chosen` selects the ids of members.

    Members that the session has loaded are stale afterwards; the caller expires them.
    """
    session.flush()
    session.execute(
        insert(MemberEvent).from_select(
            ["member_id", "at", "from_state", "to_state", "reason_code", "reason_values"],
            select(
                Member.id,
                literal(now, Member.state_at.type),
                Member.state,
                literal(str(step.to)),
                literal(step.reason.code),
                literal(step.reason.values, MemberEvent.reason_values.type),
            ).where(Member.id.in_(chosen)),
        )
    )
    session.execute(
        update(Member)
        .where(Member.id.in_(chosen))
        .values(
            state=step.to,
            state_at=now,
            reason_code=step.reason.code,
            reason_values=step.reason.values,
        )
        .execution_options(synchronize_session=False)
    )


def take_back_offers(session: Session, *, rollout: Rollout, now: datetime) -> None:
    """Nothing new begins while a rollout stands: what was offered and not fetched waits again.

    The action is forgotten, so that a box's word about it is kept and moves nothing.
    """
    for member_id in session.scalars(
        select(Member.id)
        .where(Member.rollout_id == rollout.id, Member.state == MemberState.OFFERED)
        .order_by(Member.id)
    ).all():
        member = hold(session, Member, member_id)
        if member.state == MemberState.OFFERED:
            step = Step(MemberState.WAITING, reason("taken_back"))
            move_member(session, member=member, step=step, now=now)
            member.action = None

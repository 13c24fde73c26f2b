"""The two writers of state: every move of a rollout or of a box in one passes here."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from firmware.rollouts.evidence import Step
from firmware.rollouts.models import Member, MemberEvent, Rollout, RolloutEvent
from firmware.rollouts.rules import (
    DECIDED,
    MEMBER_MOVES,
    ROLLOUT_MOVES,
    ROLLOUT_STATE_NAMES,
    MemberState,
    Reason,
    RolloutState,
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
        changes={"state": [former, to], "reason": str(why)},
        now=now,
    )


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
    if step.to in ATTEMPTED and member.attempted_at is None:
        member.attempted_at = now
    member.decided_at = now if step.to in DECIDED else None
    session.flush()

"""What boxes do to rollouts: polls, downloads, reports, statements.

Each function runs in the caller's unit of work and holds what it decides on, in the order of
`firmware.boxes.locks`. Places under the cap are only ever taken by `consult`, which holds the
rollout while it counts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from firmware.boxes.locks import hold
from firmware.boxes.models import Box
from firmware.boxes.rules import (
    ASKS_BEFORE_GIVING_UP,
    BoxState,
    Statement,
    asks_for_attributes,
)
from firmware.rollouts import reports, standing
from firmware.rollouts.advance import needs_tick, tick
from firmware.rollouts.cohorts import position, wave_of_latecomer
from firmware.rollouts.decisions import Candidate, Decision, decide, refusal_of
from firmware.rollouts.evidence import Step
from firmware.rollouts.models import Attempt, DecisionRecord, Member, Rollout
from firmware.rollouts.moves import move_member
from firmware.rollouts.reports import (
    note_cancel_answer,
    note_fetch,
    note_progress,
    note_report,
)
from firmware.rollouts.rules import MemberState, RolloutState, reason

__all__ = [
    "Consultation",
    "consult",
    "is_news",
    "needs_tick",
    "note_cancel_answer",
    "note_fetch",
    "note_progress",
    "note_report",
    "observe",
    "peek",
    "remember",
    "tick",
]


@dataclass(frozen=True)
class Consultation:
    """What a box is told now: the decision, the order it is shown or told to stop, and whether
    it is asked what it runs. `is_settled` is false where `consult` has something to write.
    """

    decision: Decision
    order: Candidate | None = None
    asks: bool = False
    is_settled: bool = True


@dataclass(frozen=True)
class _View:
    """What is known of a box when it polls."""

    decision: Decision
    candidates: Sequence[Candidate]
    running_sequence: int | None
    asks: bool


def peek(session: Session, *, box: Box, restate: timedelta | None, now: datetime) -> Consultation:
    """Decide without writing.

    `restate` is how often a box is asked for its version; None where it states it at every poll.
    """
    joins = box.state == BoxState.KNOWN and standing.unjoined_rollouts(session, box)
    view = _view(session, box, restate, now)
    decision = view.decision
    counts_ask = view.asks and box.attributes_asked < ASKS_BEFORE_GIVING_UP
    if decision.take is not None:
        full = _if_full(session, decision.take)
        decision = decision if full is None else replace(full, spare=decision.spare)
    settled = (
        _key(decision) == box.decision_key
        and not joins
        and not counts_ask
        and not decision.spare
        and decision.take is None
    )
    return Consultation(decision, decision.order, view.asks, settled)


def consult(
    session: Session, *, box: Box, wire: str, restate: timedelta | None, now: datetime
) -> Consultation:
    """Decide for a box that polls, take a place if one is offered, and keep the reason."""
    box = hold(session, Box, box.id)
    if box.state == BoxState.KNOWN:
        for rollout_id in standing.unjoined_rollouts(session, box):
            _join(session, rollout_id, box, now)
    view = _view(session, box, restate, now)
    if view.asks and box.attributes_asked < ASKS_BEFORE_GIVING_UP:
        box.attributes_asked += 1
    decision = _carry_out(session, box, wire, view, now)
    remember(session, box=box, wire=wire, decision=decision, now=now)
    return Consultation(decision, decision.order, view.asks)


def observe(session: Session, *, box: Box, statement: Statement, now: datetime) -> None:
    """Take over what a box states, judge every rollout that waits for it, and keep why the box now
    has nothing to do: whoever looks at it need not wait for its next poll.
    """
    reports.observe(session, box=box, statement=statement, now=now)
    decision = _view(session, box, None, now).decision
    if decision.take is None and decision.order is None:
        remember(session, box=box, wire=statement.wire, decision=decision, now=now)


def is_news(session: Session, *, box: Box, version: str | None, boot_id: str | None) -> bool:
    """Tell whether a statement changes what is known of a box, or is awaited as evidence."""
    if version != box.running_version or boot_id not in {None, box.boot_id}:
        return True
    candidates, _ = standing.candidates_of_box(session, box)
    return any(c.is_awaited or c.state in _EVIDENCE_MATTERS for c in candidates)


_EVIDENCE_MATTERS = frozenset(
    {MemberState.OFFERED, MemberState.FETCHING, MemberState.SUSPECT, MemberState.CANCELLING}
)


def _view(session: Session, box: Box, restate: timedelta | None, now: datetime) -> _View:
    if box.state != BoxState.KNOWN:
        return _View(Decision(reason(f"box_{box.state}")), (), None, asks=False)
    candidates, place = standing.candidates_of_box(session, box)
    doubted = any(_is_doubted(candidate, box) for candidate in candidates)
    can_be_asked = box.attributes_asked < ASKS_BEFORE_GIVING_UP
    asks = restate is not None and asks_for_attributes(
        stated_at=box.attributes_at if box.version_at else None,
        wanted=box.attributes_wanted
        or any(candidate.is_awaited for candidate in candidates)
        or (doubted and can_be_asked),
        asked=box.attributes_asked,
        restate=restate,
        now=now,
    )
    decision = decide(
        candidates,
        running=box.running_version,
        running_sequence=place,
        must_state_version=asks and can_be_asked and (doubted or box.version_at is None),
    )
    return _View(decision, candidates, place, asks)


def _is_doubted(candidate: Candidate, box: Box) -> bool:
    """Tell whether a box fell silent while it installed and has not said since what it runs.

    It may well run the image: it is asked before it is told to install it again.
    """
    return candidate.state == MemberState.SUSPECT and (
        box.version_at is None
        or (candidate.state_at is not None and box.version_at <= candidate.state_at)
    )


def _if_full(session: Session, candidate: Candidate) -> Decision | None:
    """Return the decision for a box where all places of its rollout are taken."""
    if standing.in_flight_count(session, candidate.rollout_id) < candidate.cap:
        return None
    full = reason("cap_full", rollout=candidate.rollout, cap=candidate.cap)
    return Decision(full, candidate.rollout)


def _join(session: Session, rollout_id: int, box: Box, now: datetime) -> None:
    """Add a box that turned up after the rollout was planned.

    The first of its model and revision is in the first wave, as it would have been.
    """
    rollout = session.get_one(Rollout, rollout_id)
    waves = rollout.waves
    if box.uid in rollout.friendly and waves[0].number == 0:
        wave = 0
    elif standing.is_first_of_its_kind(session, rollout_id, box):
        wave = 1
    else:
        wave = wave_of_latecomer(rollout.salt, box.uid, rollout.shares_permille)
    why = reason("planned", wave=wave)
    session.add(
        Member(
            rollout_id=rollout_id,
            box_id=box.id,
            model_code=box.model_code,
            revision_code=box.revision_code,
            wave=wave,
            place=position(rollout.salt, box.uid),
            state=MemberState.WAITING,
            state_at=now,
            reason_code=why.code,
            reason_values=why.values,
        )
    )
    session.flush()


def _carry_out(session: Session, box: Box, wire: str, view: _View, now: datetime) -> Decision:
    """Move the boxes' parts that need nothing any more, and take a place if one is offered.

    The rollouts concerned are held from before anything is counted until the unit of work ends,
    so two boxes that poll together cannot both take the last place.
    """
    decision = view.decision
    taken = decision.take
    if taken is None and not decision.spare:
        return decision
    concerned = {spare.rollout_id for spare in decision.spare}
    held = {
        rollout_id: hold(session, Rollout, rollout_id)
        for rollout_id in sorted(concerned | ({taken.rollout_id} if taken else set()))
    }
    for spare in decision.spare:
        member = hold(session, Member, spare.member_id)
        if member.state == MemberState.WAITING:
            move_member(session, member=member, step=Step(spare.to, spare.reason), now=now)
    if taken is None:
        return decision
    return _take_place(session, held[taken.rollout_id], box, wire, view, now)


def _take_place(
    session: Session, rollout: Rollout, box: Box, wire: str, view: _View, now: datetime
) -> Decision:
    """Take one of the places of a rollout that is held, or say why there is none."""
    assert view.decision.take is not None
    member = hold(session, Member, view.decision.take.member_id)
    fresh = replace(
        view.decision.take,
        rollout_state=RolloutState(rollout.state),
        cap=rollout.cap,
        state=MemberState(member.state),
        wave=member.wave,
        wave_open=rollout.wave_open,
    )
    refusal = refusal_of(fresh, box.running_version, view.running_sequence)
    if refusal is not None:
        return Decision(refusal, rollout.name)
    full = _if_full(session, fresh)
    if full is not None:
        return full
    attempt = Attempt(member_id=member.id, offered_at=now)
    session.add(attempt)
    session.flush()
    member.action, member.wire, member.offered_at = attempt.id, wire, now
    member.former_version, member.boot_before = box.running_version, box.boot_id
    member.fetched_at = member.reported_at = None
    member.tries += 1
    step = Step(MemberState.OFFERED, view.decision.reason)
    move_member(session, member=member, step=step, now=now)
    served = replace(fresh, state=MemberState.OFFERED, action=attempt.id)
    return replace(view.decision, take=None, serve=served)


def _key(decision: Decision) -> str:
    """Return what tells one decision from another."""
    code = "in_progress" if decision.reason.code == "offered" else decision.reason.code
    values = {k: v for k, v in decision.reason.values.items() if k != "wave"}
    raw = json.dumps([code, decision.rollout, values], sort_keys=True, default=str)
    return hashlib.sha256(raw.encode()).hexdigest()[:32]


def remember(session: Session, *, box: Box, wire: str, decision: Decision, now: datetime) -> None:
    """Keep a decision where it differs from the one before."""
    key = _key(decision)
    if box.decision_key == key:
        return
    box.decision_key = key
    session.add(
        DecisionRecord(
            box_id=box.id,
            at=now,
            wire=wire,
            rollout=decision.rollout,
            reason_code=decision.reason.code,
            reason_values=decision.reason.values,
        )
    )

"""What boxes and time do to rollouts: polls, downloads, reports, statements, ticks.

Each function runs in the caller's unit of work. Places under the cap are only ever taken by
`consult`, which holds the rollout's row while it counts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from firmware.boxes.models import Box
from firmware.boxes.operations import ask_for_attributes, take_statement
from firmware.boxes.rules import BOX_STATE_NAMES, BoxState, Statement
from firmware.images.queries import sequence_of
from firmware.rollouts import queries
from firmware.rollouts.cohorts import position, wave_of_latecomer
from firmware.rollouts.decisions import Decision, decide
from firmware.rollouts.evidence import Course, Step, judge_statement, judge_time
from firmware.rollouts.models import Attempt, DecisionRecord, Member, Rollout
from firmware.rollouts.moves import move_member, move_rollout
from firmware.rollouts.rules import (
    BAD,
    MemberState,
    Reason,
    RolloutState,
    reason,
)
from firmware.rollouts.safety import halt_reason, is_complete, judge_wave
from stb_service.shared.access import SYSTEM
from stb_service.shared.db import lock_row


@dataclass(frozen=True)
class Consultation:
    """What a box is told now. `member` is its order, to be shown or to be stopped."""

    decision: Decision
    member: Member | None = None
    is_settled: bool = True
    installed: int | None = None


def peek(session: Session, *, box: Box, must_state_version: bool, now: datetime) -> Consultation:
    """Decide without writing; `is_settled` is false where `consult` has something to write."""
    members = queries.members_of_box(session, box.id)
    decision = _decide(session, box, members, must_state_version=must_state_version)
    joins = queries.unjoined_rollouts(session, box, members, queries.live_rollouts(session))
    known = _key(decision) == box.decision_key
    settled = known and not joins and not decision.spare and decision.take is None
    wanted = decision.serve or decision.cancel
    member = next((m for m in members if m.id == wanted), None)
    return Consultation(decision, member, settled, _installed(members))


def _installed(members: Sequence[Member]) -> int | None:
    """Return the action of the newest verified update."""
    return next((m.action for m in members if m.state == MemberState.VERIFIED), None)


def consult(
    session: Session, *, box: Box, wire: str, must_state_version: bool, now: datetime
) -> Consultation:
    """Decide for a box that polls, take a place if one is offered, and keep the reason."""
    members = list(queries.members_of_box(session, box.id))
    joins = queries.unjoined_rollouts(session, box, members, queries.live_rollouts(session))
    members.extend(_join(session, rollout, box, now) for rollout in joins)
    decision = _decide(session, box, members, must_state_version=must_state_version)
    for member_id, why in decision.spare:
        spared = session.get_one(Member, member_id)
        move_member(session, member=spared, step=Step(MemberState.ALREADY, why), now=now)
    if decision.take is not None:
        decision = _take_place(session, box, wire, decision, now)
    remember(session, box=box, wire=wire, decision=decision, now=now)
    wanted = decision.serve or decision.cancel or decision.take
    member = session.get(Member, wanted) if wanted else None
    return Consultation(decision, member, installed=_installed(members))


def _decide(
    session: Session, box: Box, members: Sequence[Member], *, must_state_version: bool
) -> Decision:
    if box.state != BoxState.KNOWN:
        return Decision(reason("not_served", state=str(BOX_STATE_NAMES[BoxState(box.state)].msgid)))
    relevant = [
        m
        for m in members
        if m.rollout.state != RolloutState.CANCELLED or m.state == MemberState.CANCELLING
    ]
    running = box.running_version
    return decide(
        [queries.candidate_of(session, member) for member in relevant],
        running=running,
        running_sequence=None
        if running is None
        else sequence_of(session, model_code=box.model_code, version=running),
        must_state_version=must_state_version,
    )


def _join(session: Session, rollout: Rollout, box: Box, now: datetime) -> Member:
    """Add a box that turned up after the rollout was planned."""
    friendly = box.uid in rollout.friendly and rollout.waves[0].number == 0
    wave = 0 if friendly else wave_of_latecomer(rollout.salt, box.uid, rollout.shares_permille)
    why = reason("planned", wave=wave)
    member = Member(
        rollout=rollout,
        box=box,
        model_code=box.model_code,
        revision_code=box.revision_code,
        wave=wave,
        place=position(rollout.salt, box.uid),
        state=MemberState.WAITING,
        state_at=now,
        reason_code=why.code,
        reason_values=why.values,
    )
    session.add(member)
    session.flush()
    return member


def _take_place(
    session: Session, box: Box, wire: str, decision: Decision, now: datetime
) -> Decision:
    """Take one of the rollout's places, or say that all are taken.

    The row of the rollout is held from before the count until the unit of work ends, so two
    boxes that poll together cannot both take the last place.
    """
    assert decision.take is not None
    member = session.get_one(Member, decision.take)
    rollout = lock_row(session, Rollout, member.rollout_id)
    assert rollout is not None
    member = lock_row(session, Member, decision.take) or member
    fresh = _decide(session, box, [member], must_state_version=False)
    if fresh.take is None:
        return fresh
    if queries.in_flight_count(session, rollout.id) >= rollout.cap:
        full = reason("cap_full", rollout=rollout.name, cap=rollout.cap)
        return Decision(full, rollout.name)
    attempt = Attempt(member_id=member.id, offered_at=now)
    session.add(attempt)
    session.flush()
    member.action, member.wire, member.offered_at = attempt.id, wire, now
    member.former_version, member.boot_before = box.running_version, box.boot_id
    member.fetched_at = member.reported_at = None
    member.tries += 1
    move_member(session, member=member, step=Step(MemberState.OFFERED, decision.reason), now=now)
    return decision


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


def note_fetch(session: Session, *, member: Member, now: datetime) -> None:
    """The box has begun to take the image's bytes."""
    member = lock_row(session, Member, member.id) or member
    member.contact_at = now
    if member.state == MemberState.OFFERED:
        member.fetched_at = now
        move_member(
            session, member=member, step=Step(MemberState.FETCHING, reason("fetched")), now=now
        )


def note_progress(session: Session, *, member: Member, now: datetime) -> None:
    """The box has said that it is at work."""
    member = lock_row(session, Member, member.id) or member
    member.contact_at = now
    if member.state == MemberState.OFFERED:
        note_fetch(session, member=member, now=now)


def note_report(
    session: Session, *, member: Member, success: bool, details: str, now: datetime
) -> None:
    """The box has said how its update ended. Saying it again changes nothing."""
    member = lock_row(session, Member, member.id) or member
    member.contact_at = now
    state = MemberState(member.state)
    if not success:
        if state in _MAY_FAIL:
            why = reason("reported_failure", details=details[:300] or "-")
            _step(session, member, Step(MemberState.FAILED, why), now)
        return
    if state in _MAY_SUCCEED:
        member.reported_at = now
        why = reason("reported_success")
        move_member(session, member=member, step=Step(MemberState.AWAITING, why), now=now)
        ask_for_attributes(session, box=member.box)
    elif state in _MAY_SUCCEED_LATE and member.reported_at is None:
        member.reported_at = now
        ask_for_attributes(session, box=member.box)


_M = MemberState
_MAY_FAIL = {_M.OFFERED, _M.FETCHING, _M.AWAITING, _M.SUSPECT, _M.CANCELLING}
_MAY_SUCCEED = {_M.OFFERED, _M.FETCHING, _M.CANCELLING}
_MAY_SUCCEED_LATE = {_M.WAITING, _M.SUSPECT}


def note_cancel_answer(
    session: Session, *, member: Member, stopped: bool, details: str, now: datetime
) -> None:
    """The box has answered to being asked to stop."""
    member = lock_row(session, Member, member.id) or member
    member.contact_at = now
    if member.state != MemberState.CANCELLING:
        return
    if stopped:
        step = Step(MemberState.CANCELLED, reason("cancel_confirmed"))
    else:
        member.fetched_at = member.fetched_at or now
        step = Step(MemberState.FETCHING, reason("cancel_refused", details=details[:300] or "-"))
    move_member(session, member=member, step=step, now=now)


def course_of(member: Member) -> Course:
    """Return a member as the evidence wants it."""
    box = member.box
    contacts = [at for at in (member.contact_at, box.last_seen_at) if at is not None]
    return Course(
        state=MemberState(member.state),
        wanted=member.rollout.image.version,
        former=member.former_version,
        boot_before=member.boot_before,
        gives_feedback=member.wire != "xconf",
        offered_at=member.offered_at,
        fetched_at=member.fetched_at,
        reported_at=member.reported_at,
        contact_at=max(contacts, default=None),
        stated_at=box.version_at,
        state_at=member.state_at,
    )


def observe(session: Session, *, box: Box, statement: Statement, now: datetime) -> None:
    """Take over what a box states, and judge every rollout that waits for it."""
    take_statement(session, box=box, statement=statement)
    if statement.version is None:
        return
    for member in queries.open_members_of_box(session, box.id):
        if member.state == MemberState.VERIFIED and member.rollout.image.state == "withdrawn":
            continue  # a recall brings the box back: that is no failure of the rollout
        step = judge_statement(
            course_of(member),
            version=statement.version,
            boot_id=statement.boot_id or box.boot_id,
            now=now,
            timing=member.rollout.timing,
        )
        if step is not None:
            _step(session, member, step, now)
    awaited = [
        member
        for member in queries.open_members_of_box(session, box.id)
        if member.state == MemberState.AWAITING
    ]
    box.attributes_wanted = bool(awaited)


def _step(session: Session, member: Member, step: Step, now: datetime) -> None:
    """Make a move; a bad outcome is weighed at once, not at the next tick."""
    move_member(session, member=member, step=step, now=now)
    if step.to in BAD or step.to == MemberState.SUSPECT:
        rollout = lock_row(session, Rollout, member.rollout_id)
        if rollout is not None:
            weigh(session, rollout=rollout, now=now)


def weigh(session: Session, *, rollout: Rollout, now: datetime) -> None:
    """Halt, open the next wave, or complete a running rollout, as its counts demand."""
    while rollout.state == RolloutState.RUNNING:
        counts = queries.counts_of(session, rollout, now=now)
        wave = next(w for w in rollout.waves if w.number == rollout.wave_open)
        halt = halt_reason(counts, wave=wave.number, limits=wave.limits)
        if halt is not None:
            _end(session, rollout, RolloutState.HALTED, halt, now)
            return
        later = [w for w in rollout.waves if w.number > wave.number]
        if not later:
            if is_complete(counts):
                why = reason("all_final", days=rollout.seen_within_days)
                wave.closed_at = now
                _end(session, rollout, RolloutState.COMPLETE, why, now)
            return
        assert wave.opened_at is not None
        verdict = judge_wave(
            counts, wave=wave.number, limits=wave.limits, opened_at=wave.opened_at, now=now
        )
        if verdict.halt is not None:
            _end(session, rollout, RolloutState.HALTED, verdict.halt, now)
        if not verdict.goes_on:
            return
        wave.closed_at, later[0].opened_at = now, now
        rollout.wave_open = later[0].number
        session.flush()


def _end(session: Session, rollout: Rollout, to: RolloutState, why: Reason, now: datetime) -> None:
    move_rollout(session, rollout=rollout, to=to, why=why, actor=SYSTEM, now=now)


def tick(session: Session, *, rollout_id: int, now: datetime, limit: int = 500) -> int:
    """Let time do its work on one rollout; return how many boxes moved."""
    rollout = lock_row(session, Rollout, rollout_id)
    if rollout is None:
        return 0
    moved = 0
    for member in queries.timed_members(session, rollout, limit=limit):
        step = judge_time(course_of(member), now=now, timing=rollout.timing)
        if step is not None:
            move_member(session, member=member, step=step, now=now)
            moved += 1
    weigh(session, rollout=rollout, now=now)
    return moved

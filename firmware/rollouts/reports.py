"""What boxes say of their updates, and what follows: fetched, at work, done, failed, running."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from firmware.boxes.locks import hold
from firmware.boxes.models import Box
from firmware.boxes.operations import take_statement
from firmware.boxes.rules import Statement, storable
from firmware.images.queries import sequence_of
from firmware.rollouts import standing
from firmware.rollouts.advance import course_of, weigh
from firmware.rollouts.evidence import Step, baseline, judge_statement
from firmware.rollouts.models import Member, Rollout
from firmware.rollouts.moves import move_member
from firmware.rollouts.rules import BAD, MemberState, RolloutKind, reason

_M = MemberState
_MAY_FAIL = {_M.OFFERED, _M.FETCHING, _M.AWAITING, _M.SUSPECT, _M.UNVERIFIED, _M.CANCELLING}
_MAY_SUCCEED = {_M.OFFERED, _M.FETCHING, _M.CANCELLING}
_MAY_SUCCEED_LATE = {_M.WAITING, _M.SUSPECT}
_UPDATED = {_M.VERIFIED, _M.UNVERIFIED}
DETAILS_CHARS = 300


def note_fetch(session: Session, *, member: Member, now: datetime) -> bool:
    """The box begins to take the image's bytes; return whether it still may."""
    member = hold(session, Member, member.id)
    if member.state not in standing.MAY_DOWNLOAD:
        return False
    member.contact_at = now
    if member.state == MemberState.OFFERED:
        member.fetched_at = now
        step = Step(MemberState.FETCHING, reason("fetched"))
        move_member(session, member=member, step=step, now=now)
    return True


def note_progress(session: Session, *, member: Member, action: int, now: datetime) -> None:
    """The box has said that it is at work."""
    member = hold(session, Member, member.id)
    if member.action == action:
        note_fetch(session, member=member, now=now)


def note_report(
    session: Session, *, member: Member, action: int, success: bool, details: str, now: datetime
) -> None:
    """The box has said how its update ended. Saying it again changes nothing, nor does what it
    says of an earlier try than the present one.
    """
    rollout = hold(session, Rollout, member.rollout_id)
    member = hold(session, Member, member.id)
    if member.action != action:
        return
    member.contact_at = now
    state = MemberState(member.state)
    if not success:
        if state in _MAY_FAIL:
            why = reason("reported_failure", details=_details(details))
            move_member(session, member=member, step=Step(MemberState.FAILED, why), now=now)
            weigh(session, rollout=rollout, now=now)
    elif state in _MAY_SUCCEED:
        member.reported_at = now
        why = reason("reported_success")
        move_member(session, member=member, step=Step(MemberState.AWAITING, why), now=now)
    elif state in _MAY_SUCCEED_LATE and member.reported_at is None:
        member.reported_at = now
        member.touched_at = member.touched_at or now


def note_cancel_answer(
    session: Session, *, member: Member, action: int, stopped: bool, details: str, now: datetime
) -> None:
    """The box has answered to being asked to stop."""
    member = hold(session, Member, member.id)
    if member.state != MemberState.CANCELLING or member.action != action:
        return
    member.contact_at = now
    if stopped:
        step = Step(MemberState.CANCELLED, reason("cancel_confirmed"))
    else:
        member.fetched_at = member.fetched_at or now
        step = Step(MemberState.FETCHING, reason("cancel_refused", details=_details(details)))
    move_member(session, member=member, step=step, now=now)


def _details(details: str) -> str:
    return storable(details)[:DETAILS_CHARS] or "-"


def observe(session: Session, *, box: Box, statement: Statement, now: datetime) -> None:
    """Take over what a box states, and judge every rollout that waits for it."""
    box = hold(session, Box, box.id)
    take_statement(session, box=box, statement=statement)
    if statement.version is None:
        return
    judged = standing.judged_members(session, box.id)
    members = [member for member in judged if _may_speak_of(statement, member)]
    witness = _Witness(session, box, statement, now, _last_updated_at(members))
    concerned = [m for m in members if witness.step_of(m) or witness.baseline_of(m)]
    rollouts = {
        rollout_id: hold(session, Rollout, rollout_id)
        for rollout_id in sorted({member.rollout_id for member in concerned})
    }
    to_weigh = set()
    for known in concerned:
        member = hold(session, Member, known.id)
        step = witness.step_of(member)
        if step is not None:
            move_member(session, member=member, step=step, now=now)
            if step.to in BAD:
                to_weigh.add(member.rollout_id)
        elif boot_id := witness.baseline_of(member):
            member.boot_before = boot_id
    for rollout_id in sorted(to_weigh):
        weigh(session, rollout=rollouts[rollout_id], now=now)


def _may_speak_of(statement: Statement, member: Member) -> bool:
    """Tell whether a statement is evidence: one without a token is none of an update by DDI."""
    return statement.wire != "xconf" or member.wire != "ddi"


def _last_updated_at(members: Sequence[Member]) -> datetime | None:
    """Return when the newest of a box's updates ended well, verified or not."""
    ended = [m.decided_at for m in members if m.state in _UPDATED and m.decided_at is not None]
    return max(ended, default=None)


@dataclass(frozen=True)
class _Witness:
    """A box that states what it runs, and what that says of one of its rollouts."""

    session: Session
    box: Box
    statement: Statement
    now: datetime
    last_updated_at: datetime | None

    def step_of(self, member: Member) -> Step | None:
        """Return the move that follows, or None."""
        assert self.statement.version is not None
        return judge_statement(
            course_of(member),
            version=self.statement.version,
            boot_id=self._boot_id(member),
            is_back=self._is_back(member, self.statement.version),
            now=self.now,
            timing=member.rollout.timing,
        )

    def _boot_id(self, member: Member) -> str | None:
        """Return the boot that the statement belongs to.

        One without a boot id belongs to the last boot stated, if that is another than before the
        update; else nothing is known (the box may have rebooted and left it out).
        """
        known = self.box.boot_id if self.box.boot_id != member.boot_before else None
        return self.statement.boot_id or known

    def baseline_of(self, member: Member) -> str | None:
        """Return the boot id that is to count as the one before the update, if it is another."""
        found = baseline(course_of(member), self.statement.boot_id)
        return None if found == member.boot_before else found

    def _is_back(self, member: Member, version: str) -> bool:
        """Tell whether a box has gone back behind its newest update.

        From a withdrawn image a box is meant to go back, and an update that a later one
        has followed is history: neither is a failure of the rollout.
        """
        rollout = member.rollout
        if member.state not in _UPDATED or version == rollout.image.version:
            return False
        if rollout.image.state == "withdrawn" or member.decided_at != self.last_updated_at:
            return False
        if version == member.former_version:
            return True
        return rollout.kind != RolloutKind.RECALL and self._is_older(version, rollout.image.version)

    def _is_older(self, version: str, wanted: str) -> bool:
        places = [
            sequence_of(self.session, model_code=self.box.model_code, version=word)
            for word in (version, wanted)
        ]
        return None not in places and places[0] < places[1]  # type: ignore[operator]

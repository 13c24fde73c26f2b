"""What a box is told at its poll, and why: a pure function of what is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from firmware.rollouts.rules import (
    IN_FLIGHT,
    LIVE_ROLLOUTS,
    TRIES_OF_A_SUSPECT,
    MemberState,
    Reason,
    RolloutKind,
    RolloutState,
    reason,
)


@dataclass(frozen=True)
class Candidate:
    """A rollout as it concerns one box. Sequences order the versions of the box's model.

    `fits` is whether the image is for the box as it is now; `reported` whether it said, in
    its present try, that it is done.
    """

    member_id: int
    rollout_id: int
    rollout: str
    kind: RolloutKind
    rollout_state: RolloutState
    wave: int
    wave_open: int
    state: MemberState
    version: str
    sequence: int
    cap: int = 1
    model_code: str = ""
    action: int | None = None
    recalled_version: str | None = None
    image_withdrawn: bool = False
    fits: bool = True
    reported: bool = False
    suspected: int = 0
    state_at: datetime | None = None

    @property
    def is_awaited(self) -> bool:
        """Whether the box said that it is done and what it runs is waited for."""
        return self.state == MemberState.AWAITING or (
            self.reported and self.state in {MemberState.SUSPECT, MemberState.WAITING}
        )


@dataclass(frozen=True)
class Spare:
    """A box that waits in a rollout but needs nothing of it (any more)."""

    member_id: int
    rollout_id: int
    to: MemberState
    reason: Reason


@dataclass(frozen=True)
class Decision:
    """What is decided for a box at one moment.

    `take` is a candidate that wants a free place; `serve` one whose order stands; `cancel` one
    that the box must be told to stop: at most one of them is set.
    """

    reason: Reason
    rollout: str | None = None
    spare: tuple[Spare, ...] = ()
    take: Candidate | None = None
    serve: Candidate | None = None
    cancel: Candidate | None = None

    @property
    def order(self) -> Candidate | None:
        """The order that the box is shown or told to stop."""
        return self.serve or self.cancel


_SERVED = frozenset({MemberState.OFFERED, MemberState.FETCHING})
_NEEDS_NOTHING = {
    "already_runs": MemberState.ALREADY,
    "runs_newer": MemberState.ALREADY,
    "not_recalled": MemberState.ALREADY,
    "misfit": MemberState.CANCELLED,
}
_TOLD: dict[MemberState, str] = {
    MemberState.AWAITING: "awaiting_reboot",
    MemberState.VERIFIED: "done",
    MemberState.UNVERIFIED: "unverified",
    MemberState.FAILED: "failed",
    MemberState.REVERTED: "went_back",
    MemberState.CANCELLED: "cancelled",
    MemberState.ALREADY: "already_runs",
}


def decide(
    candidates: Sequence[Candidate],
    *,
    running: str | None,
    running_sequence: int | None,
    must_state_version: bool,
) -> Decision:
    """Decide for one box.

    An order that stands comes first, since a box does one thing at a time; then recalls, then
    the newest image, then the oldest rollout. `must_state_version` holds an offer back
    until the box has been asked what it runs.
    """
    for candidate in sorted(candidates, key=lambda c: c.state not in IN_FLIGHT):
        standing = _standing(candidate)
        if standing is not None:
            return standing
    ranked = sorted(
        candidates, key=lambda c: (c.kind != RolloutKind.RECALL, -c.sequence, c.member_id)
    )
    refusals = [(c, refusal_of(c, running, running_sequence)) for c in ranked]
    spare = tuple(
        Spare(candidate.member_id, candidate.rollout_id, _NEEDS_NOTHING[refusal.code], refusal)
        for candidate, refusal in refusals
        if refusal is not None
        and refusal.code in _NEEDS_NOTHING
        and candidate.state == MemberState.WAITING
    )
    for candidate, refusal in refusals:
        if refusal is None:
            return _offer(candidate, spare, must_state_version=must_state_version)
    told = sorted(refusals, key=lambda pair: _tells_little(pair[0]))
    for candidate, refusal in told:
        if refusal is not None:
            return Decision(refusal, candidate.rollout, spare)
    return Decision(reason("no_rollout"))


def _tells_little(candidate: Candidate) -> tuple[bool, int]:
    """Live rollouts say more about a box than ended ones, and newer ones more than older."""
    return candidate.rollout_state not in LIVE_ROLLOUTS, -candidate.member_id


def _offer(candidate: Candidate, spare: tuple[Spare, ...], *, must_state_version: bool) -> Decision:
    if must_state_version:
        return Decision(reason("ask_version"), candidate.rollout, spare)
    offered = reason(
        "offered", version=candidate.version, rollout=candidate.rollout, wave=candidate.wave
    )
    return Decision(offered, candidate.rollout, spare, take=candidate)


def _standing(candidate: Candidate) -> Decision | None:
    """Return the decision where an order already stands for the box."""
    values = {"version": candidate.version, "rollout": candidate.rollout}
    if candidate.state == MemberState.CANCELLING:
        return Decision(reason("cancelling", **values), candidate.rollout, cancel=candidate)
    if candidate.state in _SERVED:
        # one that could not stop any more goes on, but is not given the order again
        serve = None if candidate.rollout_state == RolloutState.CANCELLED else candidate
        return Decision(reason("in_progress", **values), candidate.rollout, serve=serve)
    if candidate.is_awaited:
        return Decision(reason("awaiting_reboot", **values), candidate.rollout)
    return None


def refusal_of(
    candidate: Candidate, running: str | None, running_sequence: int | None
) -> Reason | None:
    """Return why this rollout offers the box nothing now, or None if it does."""
    values = {"version": candidate.version, "rollout": candidate.rollout, "wave": candidate.wave}
    if candidate.state in _TOLD:
        return reason(_TOLD[candidate.state], **values)
    if candidate.rollout_state == RolloutState.COMPLETE:
        return reason("complete", **values)
    if candidate.rollout_state == RolloutState.CANCELLED:
        return reason("cancelled", **values)
    if candidate.image_withdrawn:
        return reason("withdrawn", **values)
    if candidate.rollout_state != RolloutState.RUNNING:
        return reason(str(candidate.rollout_state), **values)
    return _refusal_of_running(candidate, running, running_sequence, values)


def _refusal_of_running(
    candidate: Candidate,
    running: str | None,
    running_sequence: int | None,
    values: dict[str, Any],
) -> Reason | None:
    if running == candidate.version:
        return reason("already_runs", **values)
    if candidate.kind == RolloutKind.RECALL:
        if running != candidate.recalled_version:
            return reason("not_recalled", recalled=candidate.recalled_version, **values)
    elif running_sequence is not None and running_sequence >= candidate.sequence:
        return reason("runs_newer", running=running, **values)
    if not candidate.fits:
        return reason("misfit", **values)
    if candidate.wave > candidate.wave_open:
        return reason("wave_closed", **values)
    if candidate.suspected >= TRIES_OF_A_SUSPECT:
        return reason("suspect_often", times=candidate.suspected, **values)
    return None

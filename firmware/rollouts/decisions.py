"""What a box is told at its poll, and why: a pure function of what is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from firmware.rollouts.rules import (
    MemberState,
    Reason,
    RolloutKind,
    RolloutState,
    reason,
)


@dataclass(frozen=True)
class Candidate:
    """A rollout as it concerns one box. Sequences order the versions of the box's model."""

    member_id: int
    rollout: str
    kind: RolloutKind
    rollout_state: RolloutState
    wave: int
    wave_open: int
    state: MemberState
    version: str
    sequence: int
    recalled_version: str | None = None
    image_withdrawn: bool = False
    reported: bool = False


@dataclass(frozen=True)
class Decision:
    """What is decided for a box at one moment.

    `take` is a member that wants a free place; `serve` one whose order stands; `cancel` one
    that the box must be told to stop: at most one of them is set. `spare` are members that wait
    but need nothing, since the box runs the version or a newer one.
    """

    reason: Reason
    rollout: str | None = None
    spare: tuple[tuple[int, Reason], ...] = ()
    take: int | None = None
    serve: int | None = None
    cancel: int | None = None


_SERVED = frozenset({MemberState.OFFERED, MemberState.FETCHING})
NEEDS_NOTHING = frozenset({"already_runs", "runs_newer", "not_recalled"})
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
    for candidate in candidates:
        standing = _standing(candidate)
        if standing is not None:
            return standing
    ranked = sorted(
        candidates, key=lambda c: (c.kind != RolloutKind.RECALL, -c.sequence, c.member_id)
    )
    refusals = [(c, _refusal(c, running, running_sequence)) for c in ranked]
    spare = tuple(
        (candidate.member_id, refusal)
        for candidate, refusal in refusals
        if refusal is not None
        and refusal.code in NEEDS_NOTHING
        and candidate.state == MemberState.WAITING
    )
    for candidate, refusal in refusals:
        if refusal is None:
            return _offer(candidate, spare, must_state_version=must_state_version)
    for candidate, refusal in refusals:
        if refusal is not None:
            return Decision(refusal, candidate.rollout, spare)
    return Decision(reason("no_rollout"))


def _offer(
    candidate: Candidate, spare: tuple[tuple[int, Reason], ...], *, must_state_version: bool
) -> Decision:
    if must_state_version:
        return Decision(reason("ask_version"), candidate.rollout, spare)
    offered = reason(
        "offered", version=candidate.version, rollout=candidate.rollout, wave=candidate.wave
    )
    return Decision(offered, candidate.rollout, spare, take=candidate.member_id)


def _standing(candidate: Candidate) -> Decision | None:
    """Return the decision where an order already stands for the box."""
    values = {"version": candidate.version, "rollout": candidate.rollout}
    if candidate.state == MemberState.CANCELLING:
        return Decision(
            reason("cancelling", **values), candidate.rollout, cancel=candidate.member_id
        )
    if candidate.state in _SERVED:
        return Decision(
            reason("in_progress", **values), candidate.rollout, serve=candidate.member_id
        )
    if candidate.state == MemberState.AWAITING or (
        candidate.reported and candidate.state in {MemberState.SUSPECT, MemberState.WAITING}
    ):
        return Decision(reason("awaiting_reboot", **values), candidate.rollout)
    return None


def _refusal(
    candidate: Candidate, running: str | None, running_sequence: int | None
) -> Reason | None:
    """Return why this rollout offers the box nothing now, or None if it does."""
    values = {"version": candidate.version, "rollout": candidate.rollout, "wave": candidate.wave}
    if candidate.state in _TOLD:
        return reason(_TOLD[candidate.state], **values)
    if candidate.image_withdrawn:
        return reason("withdrawn", **values)
    if candidate.rollout_state in {RolloutState.PAUSED, RolloutState.HALTED}:
        return reason(str(candidate.rollout_state), **values)
    if candidate.rollout_state != RolloutState.RUNNING:
        return reason("no_rollout")
    if running == candidate.version:
        return reason("already_runs", **values)
    if candidate.kind == RolloutKind.RECALL:
        if running != candidate.recalled_version:
            return reason("not_recalled", recalled=candidate.recalled_version, **values)
    elif running_sequence is not None and running_sequence >= candidate.sequence:
        return reason("runs_newer", running=running, **values)
    if candidate.wave > candidate.wave_open:
        return reason("wave_closed", **values)
    return None

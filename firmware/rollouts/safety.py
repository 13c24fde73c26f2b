"""When a rollout goes on, halts or is complete: arithmetic over counts of boxes.

Shares are counted over boxes *attempted* (they fetched the image or reported on it), once a
minimum number of them is *decided*; boxes that are switched off hold nothing up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from firmware.rollouts.rules import BAD, DECIDED, IN_FLIGHT, MemberState, Reason, reason

PERMILLE = 1000
DEFAULT_MIN_DECIDED = 20


@dataclass(frozen=True)
class Limits:
    """The limits of one wave; shares in permille of the boxes attempted.

    Halting needs both the share and the count, so that one failure in a small group is not
    a hundred percent of anything.
    """

    soak: timedelta = timedelta(0)
    success_permille: int = 900
    failure_permille: int = 100
    failure_count: int = 2
    suspect_permille: int = 300
    suspect_count: int = 3
    min_decided: int | None = None


@dataclass(frozen=True)
class Count:
    """So many boxes of one wave, model and revision in one state.

    `reachable` are those seen within the stated days; `attempted` those that count for shares.
    """

    wave: int
    model: str
    revision: str
    state: MemberState
    boxes: int
    reachable: int
    attempted: int


@dataclass(frozen=True)
class Group:
    """The sums over some counts."""

    size: int
    attempted: int
    decided: int
    verified: int
    unverified: int
    bad: int
    suspect: int
    in_flight: int
    waiting: int
    absent: int

    @property
    def is_settled(self) -> bool:
        """Whether nothing more is to be expected of the boxes that are seen."""
        return self.in_flight == 0 and self.waiting == 0


def group(counts: Iterable[Count]) -> Group:
    """Sum up. A box that cannot be reached counts only if it was attempted; one that needs
    nothing, or was let go, does not count at all. `absent` ones wait and are not seen.
    """
    sums: Counter[str] = Counter()
    for count in counts:
        if count.state in {MemberState.ALREADY, MemberState.CANCELLED}:
            continue
        sums["size"] += max(count.reachable, count.attempted)
        sums["attempted"] += count.attempted
        if count.state in DECIDED:
            sums["decided"] += count.attempted
        if count.state == MemberState.VERIFIED:
            sums["verified"] += count.attempted
        if count.state == MemberState.UNVERIFIED:
            sums["unverified"] += count.attempted
        if count.state in BAD:
            sums["bad"] += count.attempted
        if count.state == MemberState.SUSPECT:
            sums["suspect"] += count.attempted
        if count.state in IN_FLIGHT:
            sums["in_flight"] += count.boxes
        if count.state == MemberState.WAITING:
            sums["waiting"] += count.reachable
            sums["absent"] += count.boxes - count.reachable
    names = Group.__dataclass_fields__
    return Group(**{name: sums[name] for name in names})


def needed(size: int, min_decided: int | None) -> int:
    """Return how many boxes must be decided before shares mean anything."""
    wanted = DEFAULT_MIN_DECIDED if min_decided is None else min_decided
    return max(1, min(wanted, size))


def halt_reason(counts: Iterable[Count], *, wave: int, limits: Limits) -> Reason | None:
    """Return why the rollout must halt, or None.

    Looked at: the wave itself, the whole so far, and each model and revision so far. Where one
    model and revision alone is over the limit it is named, for that is where to look.
    """
    begun = [count for count in counts if count.wave <= wave]
    kinds: dict[str, list[Count]] = {}
    for count in begun:
        kinds.setdefault(f"{count.model} {count.revision}".strip(), []).append(count)
    of_kinds = [_over_limit("group", name, group(own), limits) for name, own in kinds.items()]
    found = [why for why in of_kinds if why is not None]
    if len(found) == 1 < len(kinds):
        return found[0]
    of_wave = group(count for count in begun if count.wave == wave)
    return (
        _over_limit("wave", f"{wave}", of_wave, limits)
        or _over_limit("whole", "", group(begun), limits)
        or next(iter(found), None)
    )


def _over_limit(scope: str, name: str, sums: Group, limits: Limits) -> Reason | None:
    least = needed(sums.size, limits.min_decided)
    enough = sums.decided >= least
    if not enough and least < sums.size:
        return None
    checks = (
        ("failed", sums.bad, limits.failure_permille, limits.failure_count),
        ("suspect", sums.suspect, limits.suspect_permille, limits.suspect_count),
    )
    for code, number, permille, count in checks:
        # a small group waits for no one: passed even if all its other boxes are to end well
        passed = sums.attempted if enough else sums.size
        if number >= count and number * PERMILLE >= permille * passed:
            return reason(
                f"too_many_{code}_{scope}",
                group=name,
                failed=number,
                attempted=sums.attempted,
                limit=f"{permille / 10:g}",
                count=count,
            )
    return None


@dataclass(frozen=True)
class WaveVerdict:
    """Whether a wave has done its work: go on, halt for a reason, or wait."""

    goes_on: bool
    halt: Reason | None = None


def judge_wave(
    counts: Iterable[Count],
    *,
    wave: int,
    limits: Limits,
    opened_at: datetime,
    now: datetime,
    patience: timedelta = timedelta(0),
) -> WaveVerdict:
    """Judge the open wave.

    It may go on after its soak once enough boxes are decided and the success share is reached; a
    wave none of whose boxes is seen goes on after its soak and `patience`. A wave that is
    settled below the share halts: waiting longer would change nothing.
    """
    sums = group(count for count in counts if count.wave == wave)
    if now - opened_at < limits.soak:
        return WaveVerdict(goes_on=False)
    if sums.attempted == 0:
        waits = _waits_for_first(sums, opened_at=opened_at, patience=patience, now=now)
        return WaveVerdict(goes_on=not waits)
    enough = sums.decided >= needed(sums.size, limits.min_decided) or sums.is_settled
    judged = sums.attempted - sums.unverified  # a client that can state nothing counts apart
    if enough and sums.verified * PERMILLE >= limits.success_permille * judged:
        return WaveVerdict(goes_on=True)
    if sums.is_settled:
        missed = reason(
            "success_missed",
            wave=wave,
            verified=sums.verified,
            attempted=sums.attempted,
            limit=f"{limits.success_permille / 10:g}",
        )
        return WaveVerdict(goes_on=False, halt=missed)
    return WaveVerdict(goes_on=False)


def _waits_for_first(
    sums: Group, *, opened_at: datetime, patience: timedelta, now: datetime
) -> bool:
    """Tell whether a wave of which no box was attempted should be given more time."""
    if not sums.is_settled:
        return True
    return sums.absent > 0 and now - opened_at < patience


def is_complete(
    counts: Collection[Count],
    *,
    wave: int,
    opened_at: datetime,
    now: datetime,
    patience: timedelta = timedelta(0),
) -> bool:
    """Tell whether every box that is seen is final, `wave` being the last one and open."""
    if not group(counts).is_settled:
        return False
    last = group(count for count in counts if count.wave == wave)
    return last.attempted > 0 or not _waits_for_first(
        last, opened_at=opened_at, patience=patience, now=now
    )


def progress(counts: Iterable[Count]) -> Mapping[MemberState, int]:
    """Return how many boxes are in each state."""
    found: Counter[MemberState] = Counter()
    for count in counts:
        found[count.state] += count.boxes
    return found

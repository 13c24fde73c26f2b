"""What the counts of a rollout look like: bars that fill, rates with their limits.

Positions and widths in drawings are whole numbers of 0 to 1000.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate

from firmware.rollouts.models import Rollout, Wave
from firmware.rollouts.queries import Part
from firmware.rollouts.rules import MEMBER_STATE_NAMES, MemberState
from firmware.rollouts.safety import Count, Group, group, needed
from stb_service.shared.i18n import Text, text

FULL = 1000
_M = MemberState


@dataclass(frozen=True)
class Kind:
    """Boxes that people see as one kind. `seen` parts those that wait."""

    name: str
    label: Text
    colour: str
    states: frozenset[MemberState]
    seen: bool | None = None

    def part(self, wave: int | None = None) -> Part:
        """Return which boxes of a rollout are of this kind."""
        return Part(self.states, wave, self.seen)


def _kind(state: MemberState, colour: str, *more: MemberState) -> Kind:
    return Kind(state.value, MEMBER_STATE_NAMES[state], colour, frozenset({state, *more}))


# In the order in which a bar fills.
KINDS = (
    _kind(_M.VERIFIED, "green"),
    _kind(_M.UNVERIFIED, "purple"),
    _kind(_M.FAILED, "red", _M.REVERTED),
    _kind(_M.SUSPECT, "orange"),
    _kind(_M.AWAITING, "yellow"),
    Kind("installing", text("Installing"), "blue", frozenset({_M.FETCHING, _M.CANCELLING})),
    _kind(_M.OFFERED, "sky"),
    _kind(_M.CANCELLED, "grey"),
    Kind("waiting", text("Waiting"), "track", frozenset({_M.WAITING}), seen=True),
    Kind("not_seen", text("Not seen"), "hatch", frozenset({_M.WAITING}), seen=False),
)
ALREADY = _kind(_M.ALREADY, "grey")
KIND_BY_NAME = {kind.name: kind for kind in (*KINDS, ALREADY)}
KIND_OF_STATE = {state: kind for kind in reversed((*KINDS, ALREADY)) for state in kind.states}


@dataclass(frozen=True)
class Segment:
    """A piece of a bar."""

    kind: Kind
    boxes: int
    start: int
    width: int


@dataclass(frozen=True)
class Bar:
    """Boxes by kind. Boxes on the version already do not count."""

    boxes: int
    already: int
    segments: tuple[Segment, ...]

    @property
    def by_kind(self) -> dict[str, int]:
        """The numbers by the name of the kind."""
        return {segment.kind.name: segment.boxes for segment in self.segments}


def bar_of(numbers: Mapping[str, int], already: int = 0) -> Bar:
    """Draw a bar; a kind without boxes has no width."""
    boxes = sum(numbers.values())
    counted = [numbers.get(kind.name, 0) for kind in KINDS]
    ends = [round(done * FULL / boxes) if boxes else 0 for done in accumulate(counted)]
    starts = [0, *ends[:-1]]
    segments = tuple(
        Segment(kind, number, start, end - start)
        for kind, number, start, end in zip(KINDS, counted, starts, ends, strict=True)
    )
    return Bar(boxes, already, segments)


def bar_of_states(states: Mapping[MemberState, int]) -> Bar:
    """Draw a bar where it is not known which boxes were seen."""
    numbers: Counter[str] = Counter()
    for state, boxes in states.items():
        numbers[KIND_OF_STATE[state].name] += boxes
    return bar_of(numbers, numbers.pop(ALREADY.name, 0))


def bar_of_counts(counts: Iterable[Count]) -> Bar:
    """Draw a bar; those that wait and were not seen are a kind of their own."""
    numbers: Counter[str] = Counter()
    for count in counts:
        if count.state == MemberState.WAITING:
            numbers["waiting"] += count.reachable
            numbers["not_seen"] += count.boxes - count.reachable
        else:
            numbers[KIND_OF_STATE[count.state].name] += count.boxes
    return bar_of(numbers, numbers.pop(ALREADY.name, 0))


@dataclass(frozen=True)
class Rate:
    """A share of the boxes attempted, with the share and the count that halt."""

    boxes: int
    attempted: int
    limit_permille: int
    limit_count: int
    reached: bool

    @property
    def permille(self) -> float:
        """The share."""
        return self.boxes * FULL / self.attempted if self.attempted else 0.0

    @property
    def percent(self) -> float:
        """The share in percent, as it is written."""
        return round(self.permille / 10, 1)

    @property
    def _scale(self) -> float:
        return min(FULL, max(2.0 * self.limit_permille, 1.25 * self.permille, 50.0))

    @property
    def fill(self) -> int:
        """How far the drawing is filled."""
        return min(FULL, round(self.permille * FULL / self._scale))

    @property
    def limit_at(self) -> int:
        """Where the limit is drawn."""
        return min(FULL, round(self.limit_permille * FULL / self._scale))


@dataclass(frozen=True)
class GroupFigure:
    """One row of the table: the whole, or a model and revision."""

    model: str
    revision: str
    sums: Group
    bar: Bar
    failed: Rate
    suspect: Rate


@dataclass(frozen=True)
class WaveFigure:
    """One wave: what it is for, how far it is, what holds it."""

    wave: Wave
    sums: Group
    bar: Bar
    failed: Rate
    suspect: Rate
    decided_needed: int
    soak_left: timedelta | None

    @property
    def phase(self) -> str:
        """`ahead`, `open` or `closed`."""
        if self.wave.opened_at is None:
            return "ahead"
        return "closed" if self.wave.closed_at else "open"

    @property
    def verified_percent(self) -> float:
        """The share of the boxes attempted that is verified."""
        attempted = self.sums.attempted
        return round(self.sums.verified * 100 / attempted, 1) if attempted else 0.0


@dataclass(frozen=True)
class Picture:
    """A rollout at one moment."""

    whole: GroupFigure
    waves: tuple[WaveFigure, ...]
    groups: tuple[GroupFigure, ...]
    in_flight: int

    @property
    def retriable(self) -> int:
        """How many boxes have failed, so that a retry lets them try again."""
        found = self.whole.bar.by_kind
        return sum(found[name] for name in ("failed", "suspect", "unverified"))

    @property
    def waiting(self) -> int:
        """How many boxes wait that were seen; in a complete rollout these have come late."""
        return self.whole.bar.by_kind["waiting"]


def picture_of(rollout: Rollout, counts: Sequence[Count], *, now: datetime) -> Picture:
    """Draw a rollout.

    As the engine does, the whole and the groups are held to the limits of the open wave, and
    summed up over the waves that have begun.
    """
    waves = rollout.waves
    ruling = next((wave for wave in waves if wave.number == rollout.wave_open), waves[0])
    codes = sorted({(count.model, count.revision) for count in counts})
    groups = tuple(
        _group_figure([c for c in counts if (c.model, c.revision) == code], *code, ruling)
        for code in codes
    )
    whole = _group_figure(counts, "", "", ruling)
    return Picture(
        whole=whole,
        waves=tuple(_wave_figure(wave, counts, now) for wave in waves),
        groups=groups,
        in_flight=whole.sums.in_flight,
    )


def _group_figure(counts: Sequence[Count], model: str, revision: str, ruling: Wave) -> GroupFigure:
    sums = group(count for count in counts if count.wave <= ruling.number)
    failed, suspect = _rates(sums, ruling)
    return GroupFigure(model, revision, sums, bar_of_counts(counts), failed, suspect)


def _wave_figure(wave: Wave, counts: Sequence[Count], now: datetime) -> WaveFigure:
    own = [count for count in counts if count.wave == wave.number]
    sums = group(own)
    failed, suspect = _rates(sums, wave)
    left = None
    if wave.opened_at is not None and wave.closed_at is None:
        left = max(timedelta(0), wave.opened_at + wave.limits.soak - now)
    return WaveFigure(
        wave, sums, bar_of_counts(own), failed, suspect, needed(sums.size, wave.min_decided), left
    )


def _rates(sums: Group, wave: Wave) -> tuple[Rate, Rate]:
    limits = wave.limits
    enough = sums.decided >= needed(sums.size, limits.min_decided)

    def rate(boxes: int, permille: int, count: int) -> Rate:
        over = boxes >= count and boxes * FULL >= permille * sums.attempted
        return Rate(boxes, sums.attempted, permille, count, enough and over)

    return (
        rate(sums.bad, limits.failure_permille, limits.failure_count),
        rate(sums.suspect, limits.suspect_permille, limits.suspect_count),
    )

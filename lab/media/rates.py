"""How fast a stream goes: its frame rate and the time that its packets take.

Time stamps are rounded to ticks of the container, and their clock may start again where a capture
was looped or spliced. Times in seconds, rates in frames a second.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

USUAL_RATES = (
    *(Fraction(24_000, 1001), Fraction(24), Fraction(25)),
    *(Fraction(30_000, 1001), Fraction(30), Fraction(50)),
    *(Fraction(60_000, 1001), Fraction(60), Fraction(100)),
    *(Fraction(120_000, 1001), Fraction(120)),
)
NO_OTHER_RATE = Fraction(2, 1000)  # no clock of a stream is as wrong as that
MOST_ROUNDING = Fraction(1, 100)
LONGEST_STEP_S = Fraction(10)  # a clock that steps further has leapt


@dataclass(frozen=True)
class FrameRate:
    """A mean rate by the time stamps, None where they tell none; what the headers declare; what is
    likely by single time stamps; and what share of the mean the ticks' rounding can explain.
    """

    mean: Fraction | None
    declared: Fraction | None = None
    likely: Fraction | None = None
    rounding: Fraction = Fraction(0)

    @property
    def settled(self) -> Fraction | None:
        """The usual rate that the mean is a rounding of, the declared one first and then the likely
        one; else the mean.
        """
        declared, mean = self._usual_declared, self.mean
        if mean is None:
            return declared
        for rate in (declared, self.likely):
            if rate in USUAL_RATES and _off(mean, rate) <= self._explained:
                return rate
        nearest = min(USUAL_RATES, key=lambda rate: _off(mean, rate))
        return nearest if _off(mean, nearest) <= self._same else mean

    @property
    def contradiction(self) -> str | None:
        """What is declared and what was measured, in words, where they are two rates. Half and
        double are none: a field counts as a picture to some.
        """
        declared, mean = self._usual_declared, self.mean
        if not declared or not mean:
            return None
        if any(_off(mean, declared * part) <= self._same for part in (1, 2, Fraction(1, 2))):
            return None
        return (
            f"the headers declare {float(declared):g} frames/s, the time stamps tell "
            f"{float(mean):g}; judged by the time stamps"
        )

    @property
    def _usual_declared(self) -> Fraction | None:
        """Other rates are none: the tick of a clock, or a stream of no fixed rate."""
        return self.declared if self.declared in USUAL_RATES else None

    @property
    def _explained(self) -> Fraction:
        return min(self.rounding, MOST_ROUNDING)

    @property
    def _same(self) -> Fraction:
        return max(NO_OTHER_RATE, self._explained)


def _off(rate: Fraction, other: Fraction) -> Fraction:
    return abs(rate / other - 1)


@dataclass
class Clock:
    """The decoding times of one stream's packets, added up over their forward steps; `leaps` says
    how far the stream was where its clock leapt.
    """

    leaps: list[Fraction] = field(default_factory=list)
    _passed_s: Fraction = Fraction(0)
    _last: tuple[Fraction, Fraction] | None = None

    def add(self, at_s: Fraction, duration_s: Fraction) -> None:
        """Take a packet's time and length. Where the clock leaps, the packet before lasted as long
        as it said.
        """
        if self._last is not None:
            last_s, lasted_s = self._last
            step_s = at_s - last_s
            if 0 <= step_s <= max(LONGEST_STEP_S, 2 * lasted_s):
                self._passed_s += step_s
            else:
                self._passed_s += lasted_s
                self.leaps.append(self._passed_s)
        self._last = at_s, duration_s

    @property
    def length_s(self) -> Fraction:
        """How long the packets last, the last one too."""
        return self._passed_s + (self._last[1] if self._last else 0)


def told_leaps(clocks: Iterable[Clock]) -> str | None:
    """Return in words where the clocks of a file's streams leap; None where none does."""
    leaps = max((clock.leaps for clock in clocks), key=len, default=[])
    if not leaps:
        return None
    times = "once" if len(leaps) == 1 else f"{len(leaps)} times"
    first_s = float(leaps[0])
    return f"the clock leaps {times}, first {first_s:.1f} s after the start (loop or splice)"

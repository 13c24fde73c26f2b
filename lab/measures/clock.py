"""The time of a transport stream at any of its packets, by its own clock (PCR).

ISO/IEC 13818-1 (2019) clauses 2.4.2.2 and 2.4.3.5. Units: ticks of 27 MHz, packets, seconds.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from lab.media.ts import PCR_HZ, PCR_WRAP, BadStream, Packet


class Clock:
    """Ticks since the programme began, which is the first PCR unless `origin` says otherwise.

    `pace` is how many ticks a packet takes, by default the median between two PCRs; it leads over
    flagged discontinuities and beyond the first and the last PCR.

    Raises:
        BadStream: fewer than two PCRs, and no pace.
    """

    def __init__(
        self, clocked: Sequence[Packet], *, origin: int | None = None, pace: float | None = None
    ) -> None:
        self.packets = clocked
        self.numbers = [packet.number for packet in clocked]
        self.pace = pace or _pace(clocked)
        self.ticks: list[float] = []
        for number, packet in enumerate(clocked):
            self.ticks.append(self._tick(number, packet, origin))

    def _tick(self, number: int, packet: Packet, origin: int | None) -> float:
        if not number:
            return 0 if origin is None else forward(origin, _pcr(packet))
        before = self.packets[number - 1]
        if packet.is_discontinuous:
            return self.ticks[-1] + self.pace * (packet.number - before.number)
        return self.ticks[-1] + forward(_pcr(before), _pcr(packet))

    def tick_at(self, number: int) -> float:
        """Return the ticks at a packet."""
        if not self.numbers:
            return number * self.pace
        right = bisect_right(self.numbers, number)
        if right in {0, len(self.numbers)}:
            near = min(right, len(self.numbers) - 1)
            return self.ticks[near] + self.pace * (number - self.numbers[near])
        one, two = self.numbers[right - 1], self.numbers[right]
        step = (self.ticks[right] - self.ticks[right - 1]) / (two - one)
        return self.ticks[right - 1] + step * (number - one)

    def at_s(self, number: int) -> float:
        """Return the seconds at a packet."""
        return self.tick_at(number) / PCR_HZ


def _pace(clocked: Sequence[Packet]) -> float:
    steps = [
        forward(_pcr(one), _pcr(two)) / (two.number - one.number)
        for one, two in pairwise(clocked)
        if not two.is_discontinuous
    ]
    if not steps:
        raise BadStream("no clock: fewer than two PCRs")
    return median(steps)


def _pcr(packet: Packet) -> int:
    assert packet.pcr is not None
    return packet.pcr


def forward(last: int, pcr: int) -> int:
    """Return the step from one PCR to the next; more than half the range is a step back."""
    step = (pcr - last) % PCR_WRAP
    return step - PCR_WRAP if step > PCR_WRAP // 2 else step

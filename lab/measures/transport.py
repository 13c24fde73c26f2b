"""Errors of a transport stream, after ETSI TR 101 290 V1.4.1 clause 5.2.

Time is taken from the stream's own clock (PCR), between two of them by the packets' places.
"""

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import pairwise

from lab.media.ts import (
    NULL_PID,
    PACKET_BYTES,
    PAT_PID,
    PCR_HZ,
    PCR_WRAP,
    SYNC,
    Packet,
    packet_count,
    packets,
    tables_of,
)


@dataclass(frozen=True)
class Break:
    """A continuity error: where, and how many packets are missing, modulo 16."""

    number: int
    pid: int
    missing: int
    at_s: float = 0.0


@dataclass
class TransportReport:
    """What was found. Gaps are the longest between two, in ms."""

    packets: int
    sync_errors: int = 0
    transport_errors: int = 0
    scrambled: int = 0
    breaks: list[Break] = field(default_factory=list)
    pat_gap_ms: float = 0.0
    pmt_gap_ms: float = 0.0
    pcr_gap_ms: float = 0.0
    pcr_gap_at_s: float = 0.0
    pcr_jumps: int = 0

    @property
    def missing_packets(self) -> int:
        """Packets missing by the counters: bursts of 16 or more of one PID count too few."""
        return sum(found.missing for found in self.breaks)


class Clock:
    """The stream's time at any packet, in seconds from its first PCR."""

    def __init__(self, clocked: list[Packet]) -> None:
        """Take the packets that carry a PCR, in their order."""
        self.numbers = [packet.number for packet in clocked]
        self.ticks: list[int] = []
        for packet in clocked:
            assert packet.pcr is not None
            last = self.ticks[-1] if self.ticks else packet.pcr
            self.ticks.append(last + _forward(last, packet.pcr))

    def at_s(self, number: int) -> float:
        """Return the time at a packet; before the first and after the last PCR the pace goes on."""
        if len(self.numbers) < 2:
            return 0.0
        right = min(max(1, bisect_right(self.numbers, number)), len(self.numbers) - 1)
        one, two = self.numbers[right - 1], self.numbers[right]
        pace = (self.ticks[right] - self.ticks[right - 1]) / (two - one)
        ticks = self.ticks[right - 1] - self.ticks[0] + pace * (number - one)
        return ticks / PCR_HZ


def _forward(last: int, pcr: int) -> int:
    """Return the step from one PCR to the next; more than half the range is a step back."""
    step = (pcr - last) % PCR_WRAP
    return step - PCR_WRAP if step > PCR_WRAP // 2 else step


def examine(data: bytes) -> TransportReport:
    """Look at every packet once.

    Raises:
        BadStream: the bytes are no transport stream, or have no programme.
    """
    tables = tables_of(data)
    count = packet_count(data)
    report = TransportReport(count)
    report.sync_errors = sum(data[n * PACKET_BYTES] != SYNC for n in range(count))
    clocked: list[Packet] = []
    pats: list[int] = []
    pmts: list[int] = []
    last: dict[int, Packet] = {}
    doubled: set[int] = set()
    for packet in packets(data):
        report.transport_errors += packet.is_in_error
        report.scrambled += packet.is_scrambled
        if packet.pcr is not None and packet.pid == tables.pcr_pid:
            clocked.append(packet)
        if packet.starts_unit and packet.pid == PAT_PID:
            pats.append(packet.number)
        elif packet.starts_unit and packet.pid == tables.pmt_pid:
            pmts.append(packet.number)
        if packet.pid != NULL_PID:
            _check_counter(packet, last, doubled, report)
    _add_times(report, Clock(clocked), clocked, pats, pmts)
    return report


def _check_counter(
    packet: Packet, last: dict[int, Packet], doubled: set[int], report: TransportReport
) -> None:
    """Compare a packet's counter with that of the one before it on its PID.

    ISO/IEC 13818-1 clause 2.4.3.3: it counts packets with payload; a packet may be sent twice;
    nothing is wrong where the discontinuity indicator is set.
    """
    before = last.get(packet.pid)
    last[packet.pid] = packet
    if before is None or packet.is_discontinuous:
        doubled.discard(packet.pid)
        return
    step = (packet.continuity - before.continuity) % 16
    if step == 0 and packet.has_payload and packet.pid not in doubled:
        doubled.add(packet.pid)
        return
    doubled.discard(packet.pid)
    missing = (step - packet.has_payload) % 16
    if missing:
        report.breaks.append(Break(packet.number, packet.pid, missing))


def _add_times(
    report: TransportReport, clock: Clock, clocked: list[Packet], pats: list[int], pmts: list[int]
) -> None:
    report.breaks = [
        Break(found.number, found.pid, found.missing, clock.at_s(found.number))
        for found in report.breaks
    ]
    report.pat_gap_ms = _longest_ms(clock, pats)
    report.pmt_gap_ms = _longest_ms(clock, pmts)
    for (one, two), packet in zip(pairwise(clock.ticks), clocked[1:], strict=True):
        step_ms = (two - one) * 1000 / PCR_HZ
        if not 0 <= step_ms <= 100 and not packet.is_discontinuous:
            report.pcr_jumps += 1
        if step_ms > report.pcr_gap_ms:
            report.pcr_gap_ms = step_ms
            report.pcr_gap_at_s = (one - clock.ticks[0]) / PCR_HZ


def _longest_ms(clock: Clock, numbers: list[int]) -> float:
    times = [clock.at_s(number) for number in numbers]
    return max((two - one for one, two in pairwise(times)), default=0.0) * 1000

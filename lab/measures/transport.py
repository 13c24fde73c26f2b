"""Errors of a transport stream, after ETSI TR 101 290 V1.4.1 clause 5.2."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from lab.measures.clock import Clock
from lab.media.ts import (
    NULL_PID,
    PACKET_BYTES,
    PAT_PID,
    PCR_HZ,
    SYNC,
    BadStream,
    Packet,
    Tables,
    is_sent_twice,
    packet_count,
    packets,
    tables_of,
)

LONGEST_PCR_STEP_MS = 100  # clause 5.2.2, 2.3.a


@dataclass(frozen=True)
class Break:
    """A continuity error: where, and how many packets are missing, modulo 16."""

    number: int
    pid: int
    missing: int
    at_s: float = 0.0


@dataclass(frozen=True)
class Meant:
    """A stream of constant rate as it was sent: what the receiver ought to see.

    `origin` is the first PCR, at the packet `origin_number`; `pace` ticks to a packet.
    """

    tables: Tables
    packets: int
    origin: int
    origin_number: int
    pace: float


@dataclass
class TransportReport:
    """What was found. Gaps are the longest between two, and before the first and after the last.

    `lost_packets` are those of any PID that are missing by the clock; None where a stream's rate is
    not known to be constant.
    """

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
    lost_packets: int | None = None

    @property
    def missing_packets(self) -> int:
        """Packets missing by the counters: bursts of 16 or more of one PID count too few."""
        return sum(found.missing for found in self.breaks)


def meant_of(data: bytes) -> Meant:
    """Return what a stream of constant rate is meant to be.

    Raises:
        BadStream: no transport stream, no programme, or no clock.
    """
    tables = tables_of(data)
    clocked = _clocked(list(packets(data)), tables)
    clock = Clock(clocked)
    assert clocked[0].pcr is not None
    return Meant(tables, packet_count(data), clocked[0].pcr, clocked[0].number, clock.pace)


def examine(data: bytes, meant: Meant | None = None) -> TransportReport:
    """Look at every packet once. With `meant`, what is missing at either end counts too.

    Raises:
        BadStream: without `meant`: no transport stream, no programme, or no clock.
    """
    if meant is None:
        tables, origin, pace = tables_of(data), None, None
    else:
        tables, origin, pace = meant.tables, meant.origin, meant.pace
    report = TransportReport(_count(data, meant))
    report.sync_errors = sum(data[n * PACKET_BYTES] != SYNC for n in range(report.packets))
    found = list(packets(data)) if report.packets else []
    report.transport_errors = sum(packet.is_in_error for packet in found)
    sound = [packet for packet in found if not packet.is_in_error]
    report.scrambled = sum(packet.is_scrambled for packet in sound)
    clocked = _clocked(sound, tables)
    clock = Clock(clocked, origin=origin, pace=pace)
    span = _span(clock, report.packets, meant)
    starts = [packet for packet in sound if packet.starts_unit]
    breaks = _breaks(data, sound)
    report.breaks = [replace(one, at_s=clock.at_s(one.number)) for one in breaks]
    report.pat_gap_ms = _longest_ms(clock, starts, PAT_PID, span)
    report.pmt_gap_ms = _longest_ms(clock, starts, tables.pmt_pid, span)
    _add_clock(report, clock, span)
    if meant is not None:
        report.lost_packets = _lost(clock, report.packets, meant)
    return report


def _count(data: bytes, meant: Meant | None) -> int:
    try:
        return packet_count(data)
    except BadStream:
        if meant is None:
            raise
        return 0


def _clocked(found: Sequence[Packet], tables: Tables) -> list[Packet]:
    return [packet for packet in found if packet.pid == tables.pcr_pid and packet.pcr is not None]


def _span(clock: Clock, count: int, meant: Meant | None) -> tuple[float, float]:
    """Return when the stream begins and ends, in ticks."""
    if meant is None:
        return clock.tick_at(0), clock.tick_at(count - 1)
    first = -meant.origin_number * meant.pace
    return first, first + (meant.packets - 1) * meant.pace


def _breaks(data: bytes, sound: Sequence[Packet]) -> list[Break]:
    """Compare each packet's counter with that of the one before it on its PID.

    ISO/IEC 13818-1 clause 2.4.3.3: it counts packets with payload; a packet may be sent twice, the
    same but for its PCR; nothing is wrong where the discontinuity indicator is set.
    """
    found = []
    last: dict[int, Packet] = {}
    doubled: set[int] = set()
    for packet in sound:
        if packet.pid == NULL_PID:
            continue
        before, last[packet.pid] = last.get(packet.pid), packet
        if before is None or packet.is_discontinuous:
            doubled.discard(packet.pid)
            continue
        may_double = packet.pid not in doubled
        doubled.discard(packet.pid)
        step = (packet.continuity - before.continuity) % 16
        if step == 0 and may_double and packet.has_payload and is_sent_twice(data, before, packet):
            doubled.add(packet.pid)
            continue
        missing = (step - packet.has_payload) % 16
        if missing:
            found.append(Break(packet.number, packet.pid, missing))
    return found


def _longest_ms(
    clock: Clock, starts: Sequence[Packet], pid: int, span: tuple[float, float]
) -> float:
    ticks = [clock.tick_at(packet.number) for packet in starts if packet.pid == pid]
    steps = [two - one for one, two in pairwise([span[0], *ticks, span[1]])]
    return max(0.0, *steps) * 1000 / PCR_HZ


def _add_clock(report: TransportReport, clock: Clock, span: tuple[float, float]) -> None:
    """Look at the steps of the clock, and at how long it is silent at either end."""
    flagged = [packet.is_discontinuous for packet in clock.packets[1:]]
    inner = [
        (one, two)
        for (one, two), passed in zip(pairwise(clock.ticks), flagged, strict=True)
        if not passed
    ]
    first, last = (clock.ticks[0], clock.ticks[-1]) if clock.ticks else (span[1], span[1])
    for one, two in [(span[0], first), *inner, (last, span[1])]:
        step_ms = (two - one) * 1000 / PCR_HZ
        if not 0 <= step_ms <= LONGEST_PCR_STEP_MS:
            report.pcr_jumps += 1
        if step_ms > report.pcr_gap_ms:
            report.pcr_gap_ms = step_ms
            report.pcr_gap_at_s = one / PCR_HZ


def _lost(clock: Clock, count: int, meant: Meant) -> int:
    """Return how many packets too few there are for the time that passed, interval by interval.

    So bursts that the counters cannot tell apart, modulo 16, are counted as well.
    """
    first = -meant.origin_number * meant.pace
    ticks = [first, *clock.ticks, first + (meant.packets - 1) * meant.pace]
    numbers = [0, *clock.numbers, count - 1]
    pairs = zip(pairwise(ticks), pairwise(numbers), strict=True)
    return sum(
        max(0, round((two - one) / meant.pace) - (after - before))
        for (one, two), (before, after) in pairs
    )

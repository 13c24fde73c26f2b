"""MPEG transport streams as bytes: packets, their headers, clocks and tables.

ISO/IEC 13818-1 (2019) clause 2.4. Units: a PCR counts 27 MHz ticks and wraps at 300 * 2**33.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

PACKET_BYTES = 188
SYNC = 0x47
PAT_PID, NULL_PID = 0x0000, 0x1FFF
PCR_HZ = 27_000_000
PCR_WRAP = 300 * 2**33
PACKETS_A_DATAGRAM = 7
VIDEO_TYPES = frozenset({0x01, 0x02, 0x10, 0x1B, 0x24, 0x33, 0x42, 0xD2})


class BadStream(ValueError):
    """Bytes that are no transport stream."""


@dataclass(frozen=True)
class Packet:
    """The header of one transport packet, and where it stands in the file (counted in packets)."""

    number: int
    pid: int
    continuity: int
    has_payload: bool
    starts_unit: bool
    is_in_error: bool
    is_scrambled: bool
    is_discontinuous: bool
    is_random_access: bool
    pcr: int | None


@dataclass(frozen=True)
class Tables:
    """Where the streams of the first programme are: PIDs."""

    pmt_pid: int
    pcr_pid: int
    video_pid: int | None
    pids: tuple[int, ...]


def packet_count(data: bytes) -> int:
    """Return how many whole packets there are.

    Raises:
        BadStream: the bytes do not begin with packets.
    """
    if len(data) < PACKET_BYTES or data[0] != SYNC:
        raise BadStream("no sync byte (0x47) where a transport packet should begin")
    return len(data) // PACKET_BYTES


def packets(data: bytes) -> Iterator[Packet]:
    """Read the headers of all packets that begin with a sync byte.

    Raises:
        BadStream: the bytes do not begin with packets.
    """
    for number in range(packet_count(data)):
        at = number * PACKET_BYTES
        if data[at] == SYNC:
            yield _header(data, at, number)


def _header(data: bytes, at: int, number: int) -> Packet:
    second, fourth = data[at + 1], data[at + 3]
    has_field = fourth & 0x20 and data[at + 4] > 0
    flags = data[at + 5] if has_field else 0
    return Packet(
        number=number,
        pid=(second & 0x1F) << 8 | data[at + 2],
        continuity=fourth & 0x0F,
        has_payload=bool(fourth & 0x10),
        starts_unit=bool(second & 0x40),
        is_in_error=bool(second & 0x80),
        is_scrambled=bool(fourth & 0xC0),
        is_discontinuous=bool(flags & 0x80),
        is_random_access=bool(flags & 0x40),
        pcr=_pcr(data[at + 6 : at + 12]) if flags & 0x10 else None,
    )


def _pcr(field: bytes) -> int:
    raw = int.from_bytes(field, "big")
    return (raw >> 15) * 300 + (raw & 0x1FF)


def payload_of(data: bytes, packet: Packet) -> bytes:
    """Return what a packet carries beyond its header and adaptation field."""
    at = packet.number * PACKET_BYTES
    if not packet.has_payload:
        return b""
    start = at + 4 + (1 + data[at + 4] if data[at + 3] & 0x20 else 0)
    return data[start : at + PACKET_BYTES]


def is_sent_twice(data: bytes, one: Packet, other: Packet) -> bool:
    """Tell whether two packets are the same but for their PCR (clause 2.4.3.3)."""
    return _but_pcr(data, one) == _but_pcr(data, other)


def _but_pcr(data: bytes, packet: Packet) -> bytes:
    at = packet.number * PACKET_BYTES
    if packet.pcr is None:
        return data[at : at + PACKET_BYTES]
    return data[at : at + 6] + data[at + 12 : at + PACKET_BYTES]


def tables_of(data: bytes) -> Tables:
    """Read PAT and PMT of the first programme.

    Raises:
        BadStream: one of them is missing or cut off.
    """
    pmt_pid = None
    for packet in packets(data):
        if packet.pid == PAT_PID and packet.starts_unit and pmt_pid is None:
            pmt_pid = _first_programme(_section(payload_of(data, packet)))
        elif packet.pid == pmt_pid and packet.starts_unit:
            return _programme(_section(payload_of(data, packet)), pmt_pid)
    raise BadStream("no PAT and PMT")


def _section(payload: bytes) -> bytes:
    """Return the table section that begins in a payload; sections here fit in one packet."""
    if not payload or len(payload) < payload[0] + 4:
        raise BadStream("a table section is cut off")
    section = payload[1 + payload[0] :]
    length = 3 + ((section[1] & 0x0F) << 8 | section[2])
    if len(section) < length:
        raise BadStream("a table section is longer than its packet")
    return section[:length]


def _first_programme(section: bytes) -> int | None:
    for at in range(8, len(section) - 4, 4):
        number = section[at] << 8 | section[at + 1]
        if number:
            return (section[at + 2] & 0x1F) << 8 | section[at + 3]
    return None


def _programme(section: bytes, pmt_pid: int) -> Tables:
    pcr_pid = (section[8] & 0x1F) << 8 | section[9]
    at = 12 + ((section[10] & 0x0F) << 8 | section[11])
    found: list[tuple[int, int]] = []
    while at + 5 <= len(section) - 4:
        found.append((section[at], (section[at + 1] & 0x1F) << 8 | section[at + 2]))
        at += 5 + ((section[at + 3] & 0x0F) << 8 | section[at + 4])
    video = next((pid for kind, pid in found if kind in VIDEO_TYPES), None)
    return Tables(pmt_pid, pcr_pid, video, tuple(pid for _, pid in found))


def join(data: bytes, numbers: Sequence[int]) -> bytes:
    """Return the packets of these numbers, in their order."""
    return b"".join(data[n * PACKET_BYTES : (n + 1) * PACKET_BYTES] for n in numbers)

"""Faults done to a transport stream, each where it is told to be, and what was done.

Every function returns the damaged bytes with a record; the bytes given stay as they are.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from lab.media.ts import (
    PACKET_BYTES,
    PACKETS_A_DATAGRAM,
    packet_count,
    packets,
    tables_of,
)


@dataclass(frozen=True)
class Damage:
    """What was done: packets by number as they stood before, and how many by PID were removed."""

    kind: str
    touched: tuple[int, ...]
    removed: dict[int, int] = field(default_factory=dict)
    datagrams: int = 0
    datagrams_lost: int = 0


def lose_datagrams(data: bytes, losses: Iterable[bool]) -> tuple[bytes, Damage]:
    """Send seven packets to a datagram and lose those datagrams for which `losses` says so."""
    count = packet_count(data)
    size = PACKETS_A_DATAGRAM * PACKET_BYTES
    datagrams = -(-count // PACKETS_A_DATAGRAM)
    lost = [n for n, gone in zip(range(datagrams), losses, strict=False) if gone]
    kept, at = [], 0
    for number in lost:
        kept.append(data[at : number * size])
        at = (number + 1) * size
    kept.append(data[at : count * PACKET_BYTES])
    gone = set(lost)
    touched = [p for p in packets(data) if p.number // PACKETS_A_DATAGRAM in gone]
    removed = Counter(p.pid for p in touched if p.has_payload)
    numbers = tuple(p.number for p in touched)
    damage = Damage("lost datagrams", numbers, dict(sorted(removed.items())), datagrams, len(lost))
    return b"".join(kept), damage


def drop_key_picture(data: bytes, which: int) -> tuple[bytes, Damage]:
    """Remove all packets of the `which`-th random access picture (0 is the first).

    Continuity counters are made to run on, so that only the picture is missing and no packet.

    Raises:
        ValueError: there is no such picture.
    """
    video_pid = tables_of(data).video_pid
    own = [p for p in packets(data) if p.pid == video_pid and p.has_payload]
    starts = [n for n, p in enumerate(own) if p.starts_unit and p.is_random_access]
    if not 0 <= which < len(starts):
        raise ValueError(f"there are {len(starts)} key pictures, none is number {which}")
    first = starts[which]
    last = next((n for n in range(first + 1, len(own)) if own[n].starts_unit), len(own))
    gone = {p.number for p in own[first:last]}
    pcrs = {p.number for p in own[first:last] if p.pcr is not None}
    out = bytearray()
    shift = 0
    for packet in packets(data):
        at = packet.number * PACKET_BYTES
        one = bytearray(data[at : at + PACKET_BYTES])
        if packet.number in pcrs:
            _empty(one)
        elif packet.number in gone:
            shift += 1
            continue
        if packet.number in pcrs:
            shift += 1
        if packet.pid == video_pid:
            one[3] = one[3] & 0xF0 | (packet.continuity - shift) & 0x0F
        out += one
    return bytes(out), Damage("dropped key picture", tuple(sorted(gone)))


def _empty(packet: bytearray) -> None:
    """Keep a packet's adaptation field with its clock, and fill the rest with stuffing."""
    length = packet[4]
    packet[3] = packet[3] & 0xCF | 0x20
    packet[4] = PACKET_BYTES - 5
    packet[5 + length :] = b"\xff" * (PACKET_BYTES - 5 - length)


def swap_continuity(data: bytes, at_share: float) -> tuple[bytes, Damage]:
    """Exchange the counters of two neighbouring packets of the video, at a share of its length.

    Raises:
        ValueError: the stream has too few packets of video.
    """
    video_pid = tables_of(data).video_pid
    own = [p for p in packets(data) if p.pid == video_pid and p.has_payload]
    first = int(at_share * len(own))
    if not 0 <= first < len(own) - 1:
        raise ValueError("there are not two packets of video at that place")
    one, other = own[first], own[first + 1]
    out = bytearray(data)
    for packet, counter in ((one, other.continuity), (other, one.continuity)):
        at = packet.number * PACKET_BYTES + 3
        out[at] = out[at] & 0xF0 | counter
    return bytes(out), Damage("swapped continuity counters", (one.number, other.number))


def drop_clock(data: bytes, from_share: float, to_share: float) -> tuple[bytes, Damage]:
    """Take the PCR out of the packets between two shares of the stream's length.

    Raises:
        ValueError: no packet there carries one.
    """
    count = packet_count(data)
    out = bytearray(data)
    touched = []
    for packet in packets(data):
        if packet.pcr is not None and from_share * count <= packet.number < to_share * count:
            touched.append(packet.number)
            at = packet.number * PACKET_BYTES
            out[at + 5] &= ~0x10 & 0xFF
            out[at + 6 : at + 12] = b"\xff" * 6
    if not touched:
        raise ValueError(f"no packet from {from_share:g} to {to_share:g} carries a PCR")
    return bytes(out), Damage("gap in the PCR", tuple(touched))

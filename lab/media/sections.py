"""Packets and table sections of a transport stream that is read in pieces, to a stated length."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lab.media.ts import PACKET_BYTES, SYNC, Packet, packets, payload_of

# plain packets; with the time stamp of a disc before each; with the check bytes of a satellite link
STRIDES = (188, 192, 204)
SYNCS_IN_A_ROW = 5
PIECE_BYTES = 4096 * PACKET_BYTES
LONGEST_SECTION_BYTES = 4096


def read_packets(path: Path, most_bytes: int) -> Iterator[tuple[Packet, bytes]]:
    """Return the packets of the first bytes of a file with what they carry; a piece of it that has
    no row of sync bytes is passed over, and so is a packet that says it is in error.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        left, held = most_bytes, b""
        while left > 0 and (piece := file.read(min(PIECE_BYTES, left))):
            left -= len(piece)
            whole, held = _aligned(held + piece)
            if whole:
                yield from ((p, payload_of(whole, p)) for p in packets(whole) if not p.is_in_error)


def _aligned(data: bytes) -> tuple[bytes, bytes]:
    """Return the packets of a piece, those in sync alone, and the bytes left over at its end."""
    found: list[bytes] = []
    place, stride = _sync_from(data, 0)
    while stride and place + PACKET_BYTES <= len(data):
        found.append(data[place : place + PACKET_BYTES])
        place += stride
        if place < len(data) and data[place] != SYNC:
            place, stride = _sync_from(data, place)
    return b"".join(found), data[max(place, len(data) - max(STRIDES)) :]


def _sync_from(data: bytes, start: int) -> tuple[int, int]:
    """Return where packets begin again, and how far apart they are (0: nowhere near)."""
    for stride in STRIDES:
        for at in range(start, min(start + stride, len(data))):
            row = data[at : at + stride * SYNCS_IN_A_ROW : stride]
            if len(row) > 1 and row.count(SYNC) == len(row):
                return at, stride
    return start, 0


@dataclass
class Sections:
    """Puts the table sections of one PID together. ISO/IEC 13818-1 clause 2.4.4."""

    _held: bytearray = field(default_factory=bytearray)
    _seen: set[bytes] = field(default_factory=set)

    def add(self, packet: Packet, payload: bytes) -> Iterator[bytes]:
        """Return the sections that a packet completes: whole ones, each once."""
        if packet.starts_unit and payload:
            start = 1 + payload[0]
            if self._held:
                self._held += payload[1:start]
                yield from self._whole()
            self._held = bytearray(payload[start:])
        elif self._held:
            self._held += payload
        yield from self._whole()

    def _whole(self) -> Iterator[bytes]:
        while len(self._held) >= 3 and self._held[0] != 0xFF:
            length = 3 + ((self._held[1] & 0x0F) << 8 | self._held[2])
            if len(self._held) < length:
                return
            section = bytes(self._held[:length])
            del self._held[:length]
            if section not in self._seen and checksum(section) == 0:
                self._seen.add(section)
                yield section
        if self._held[:1] == b"\xff" or len(self._held) > LONGEST_SECTION_BYTES:
            self._held.clear()


def checksum(data: bytes) -> int:
    """Return the CRC of ISO/IEC 13818-1 annex A; 0 over a section that ends with its own."""
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte << 24
        for _ in range(8):
            register = (register << 1 ^ (0x04C11DB7 if register >> 31 else 0)) & 0xFFFFFFFF
    return register

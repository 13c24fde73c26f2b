"""What protects a file: common encryption in MP4, conditional access in transport streams, keys of
HLS. Each is told in words; nothing is decrypted.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from lab.media.boxes import Box, boxes, inside
from lab.media.sections import Sections, read_packets
from lab.media.ts import NULL_PID, PAT_PID, VIDEO_TYPES

# ISO/IEC 23001-7 (2016) clause 4.2
SCHEMES = {
    "cenc": "AES-CTR",
    "cbc1": "AES-CBC",
    "cens": "AES-CTR by pattern",
    "cbcs": "AES-CBC by pattern",
}
# the SystemID of a pssh box, as dashif.org/identifiers/content_protection lists them
SYSTEMS = {
    "edef8ba9-79d6-4ace-a3c8-27dcd51d21ed": "Widevine",
    "9a04f079-9840-4286-ab92-e65be0885f95": "PlayReady",
    "94ce86fb-07ff-4f43-adb8-93d2fa968ca2": "FairPlay",
    "1077efec-c0b2-4d02-ace3-3c1e52e2fb4b": "W3C Common",
    "e2719d58-a985-b3c9-781a-b030af78d30e": "Clear Key (DASH-IF)",
    "5e629af5-38da-4063-8977-97ffbd9902d4": "Marlin",
    "3d5e6d35-9b9a-41e8-b843-dd3c6e72c42c": "ChinaDRM",
    "adb41c24-2dbf-4a6d-958b-4457c0d27b95": "Nagra MediaAccess PRM 3.0",
    "80a6be7e-1448-4c37-9e70-d5aebe04c8d2": "Irdeto Content Protection",
    "9a27dd82-fde2-4725-8cbc-4234aa06ec09": "Verimatrix VCAS",
    "b4413586-c58c-ffb0-94a5-d4896c1af6c3": "Viaccess-Orca DRM",
    "a68129d3-575b-4f1a-9cba-3223846cf7c3": "Synamedia VideoGuard DRM",
    "1f83e1e8-6ee9-4f0d-ba2f-5ec4e3ed1a66": "SecureMedia",
    "45d481cb-8fe0-49c0-ada9-ab2d2455b2f2": "CoreCrypt",
    "f239e769-efa3-4850-9c16-a903c6932efb": "Adobe Primetime",
}
# CA_system_id as TSDuck's tsCAS.names lists those of ETSI TS 101 162: first, last, name
CA_SYSTEMS = (
    (0x0100, 0x01FF, "Canal+ (MediaGuard)"),
    (0x0500, 0x05FF, "Viaccess"),
    (0x0600, 0x06FF, "Irdeto"),
    (0x0900, 0x09FF, "NDS (Synamedia VideoGuard)"),
    (0x0B00, 0x0BFF, "Conax"),
    (0x0D00, 0x0DFF, "CryptoWorks (Irdeto)"),
    (0x1700, 0x17FF, "Verimatrix"),
    (0x1800, 0x18FF, "Nagravision"),
    (0x2600, 0x26FF, "European Broadcasting Union"),
    (0x4AC0, 0x4ACF, "Latens"),
    (0x4AD4, 0x4AD5, "Widevine"),
    (0x4AFC, 0x4AFC, "Panaccess"),
    (0x5601, 0x5604, "Verimatrix"),
)
# RFC 8216 clause 4.3.2.4; the UUIDs are those above, after urn:uuid:
KEY_FORMATS = {
    "identity": "a plain key",
    "com.apple.streamingkeydelivery": "FairPlay",
    "com.microsoft.playready": "PlayReady",
    "com.widevine": "Widevine",
}
CAT_PID, PAT_TABLE, CAT_TABLE, PMT_TABLE = 0x0001, 0x00, 0x01, 0x02
CA_DESCRIPTOR = 0x09


def system_name(system: UUID) -> str:
    """Return the name of a licence system; its id where it is not known."""
    return SYSTEMS.get(str(system), f"unknown system {system}")


def ca_system_name(system: int) -> str:
    """Return the name of a conditional access system."""
    found = (name for first, last, name in CA_SYSTEMS if first <= system <= last)
    return next(found, "unknown system")


def hls_protection(method: str, key_format: str | None) -> str:
    """Return the words for a key of a playlist."""
    form = (key_format or "identity").lower()
    name = KEY_FORMATS.get(form)
    if name is None and form.startswith("urn:uuid:"):
        name = SYSTEMS.get(form.removeprefix("urn:uuid:"))
    return f"HLS {method}, {name or f'unknown key format {key_format}'}"


# MP4


def mp4_protection(movie: bytes) -> list[str]:
    """Return what protects the tracks of a movie box, given its content.

    Raises:
        BadBoxes: its boxes do not fit into each other.
    """
    whole = Box("moov", 0, len(movie))
    found = []
    for number, track in enumerate(inside(movie, "trak", whole), start=1):
        found += [
            f"track {number} ({kind}): {words}"
            for table in inside(movie, "mdia minf stbl stsd", track)
            for kind, words in _entries(movie, table)
        ]
    systems = {
        system_name(UUID(bytes=movie[box.start + 4 : box.start + 20]))
        for box in inside(movie, "pssh", whole)
        if box.end - box.start >= 20
    }
    return found + [f"licences: {name}" for name in sorted(systems)]


def _entries(movie: bytes, table: Box) -> Iterator[tuple[str, str]]:
    """Return the protected entries of a sample description: what they are, and by what."""
    for entry in boxes(movie, table.start + 8, table.end):
        kind = {"encv": "video", "enca": "audio"}.get(entry.kind)
        if kind:
            skipped = 78 if kind == "video" else _audio_head(movie, table, entry)
            at = min(entry.start + skipped, entry.end)
            for info in inside(movie, "sinf", Box(entry.kind, at, entry.end)):
                yield kind, _scheme(movie, info)


def _audio_head(movie: bytes, table: Box, entry: Box) -> int:
    """Return how long the fixed part of a sound's entry is; QuickTime's has two longer versions."""
    version = int.from_bytes(movie[entry.start + 8 : entry.start + 10], "big")
    is_quicktime = movie[table.start] == 0
    return 28 + ({1: 16, 2: 36}.get(version, 0) if is_quicktime else 0)


def _scheme(movie: bytes, info: Box) -> str:
    kinds = (movie[b.start + 4 : b.start + 8] for b in inside(movie, "schm", info))
    scheme = next(kinds, b"?").decode("latin-1")
    known = f" ({SCHEMES[scheme]})" if scheme in SCHEMES else ""
    for box in inside(movie, "schi tenc", info):
        if box.end - box.start >= 24:
            key = UUID(bytes=movie[box.start + 8 : box.start + 24])
            return f"{scheme}{known}, key ID {key}"
    return f"{scheme}{known}"


# transport streams


class _Watch:
    """Gathers what a transport stream says of its protection, and what of it is scrambled."""

    def __init__(self) -> None:
        self.packets: Counter[int] = Counter()
        self.scrambled: Counter[int] = Counter()
        self.video: set[int] = set()
        self.access: dict[int, dict[str, set[int]]] = {}
        self._tables = {PAT_PID: Sections(), CAT_PID: Sections()}

    def see(self, path: Path, most_bytes: int) -> None:
        for packet, payload in read_packets(path, most_bytes):
            if packet.pid == NULL_PID or not packet.has_payload:
                continue
            self.packets[packet.pid] += 1
            self.scrambled[packet.pid] += packet.is_scrambled
            if packet.pid in self._tables:
                for section in self._tables[packet.pid].add(packet, payload):
                    self._read(section)

    def _read(self, section: bytes) -> None:
        table, last = section[0], len(section) - 4
        if table == PAT_TABLE:
            for at in range(8, last - 3, 4):
                if section[at : at + 2] != b"\0\0":
                    self._tables.setdefault(_pid(section, at + 2), Sections())
        elif table == CAT_TABLE:
            self._descriptors(section, 8, last, "EMM")
        elif table == PMT_TABLE and last >= 12:
            at = 12 + _length(section, 10)
            self._descriptors(section, 12, min(at, last), "ECM")
            while at + 5 <= last:
                if section[at] in VIDEO_TYPES:
                    self.video.add(_pid(section, at + 1))
                end = at + 5 + _length(section, at + 3)
                self._descriptors(section, at + 5, min(end, last), "ECM")
                at = end

    def _descriptors(self, section: bytes, at: int, end: int, kind: str) -> None:
        """Read the CA descriptors of ISO/IEC 13818-1 clause 2.6.16."""
        while at + 2 <= end:
            length = section[at + 1]
            if section[at] == CA_DESCRIPTOR and length >= 4 and at + 6 <= end:
                system = section[at + 2] << 8 | section[at + 3]
                pids = self.access.setdefault(system, {}).setdefault(kind, set())
                pids.add(_pid(section, at + 4))
            at += 2 + length


def ts_protection(path: Path, most_bytes: int) -> list[str]:
    """Return what protects a transport stream, by its first bytes.

    Raises:
        OSError: the file cannot be read.
    """
    watch = _Watch()
    watch.see(path, most_bytes)
    found = []
    for system, kinds in sorted(watch.access.items()):
        pids = (
            f"{kind} on PID {', '.join(map(str, sorted(pids)))}"
            for kind, pids in sorted(kinds.items())
        )
        found.append(f"CA system 0x{system:04X} {ca_system_name(system)}: {'; '.join(pids)}")
    for pid, count in sorted(watch.scrambled.items()):
        if count:
            kind = " (video)" if pid in watch.video else ""
            found.append(f"scrambled: PID {pid}{kind}, {count} of {watch.packets[pid]} packets")
    return found


def _pid(data: bytes, at: int) -> int:
    return (data[at] & 0x1F) << 8 | data[at + 1]


def _length(data: bytes, at: int) -> int:
    return (data[at] & 0x0F) << 8 | data[at + 1]

"""Boxes of MP4 and fragmented MP4 files, without their media. ISO/IEC 14496-12 clause 4.2."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

MOVIE = "moov"
LARGEST_MOVIE_BYTES = 64_000_000
MOST_BOXES = 100_000
FIRST_KINDS = frozenset({"ftyp", "styp", "moov", "moof", "mdat", "free", "skip", "wide", "sidx"})


class BadBoxes(ValueError):
    """Boxes that do not fit into each other, or a file without the one that describes it."""


@dataclass(frozen=True)
class Box:
    """One box: where its content begins and where it ends, in bytes of what holds it."""

    kind: str
    start: int
    end: int


def begins_with_box(head: bytes) -> bool:
    """Tell whether the first bytes of a file are those of an MP4 file or of a segment."""
    return head[4:8].decode("latin-1") in FIRST_KINDS


def read_movie(path: Path) -> bytes:
    """Return the content of the movie box, which describes the streams; what lies before it is
    passed over, not read.

    Raises:
        BadBoxes: there is none, it is cut off, or it is too long to be one.
        OSError: the file cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        for box in _top_level(file, size):
            if box.kind != MOVIE:
                continue
            if box.end > size:
                raise BadBoxes("the moov box, which describes the streams, is cut off")
            if box.end - box.start > LARGEST_MOVIE_BYTES:
                raise BadBoxes(f"a moov box of {box.end - box.start} bytes is none")
            file.seek(box.start)
            return file.read(box.end - box.start)
    raise BadBoxes(
        "no moov box, which describes the streams: cut off, never finished, or a segment without "
        "its initialisation segment"
    )


def _top_level(file: BinaryIO, size: int) -> Iterator[Box]:
    at = 0
    for _ in range(MOST_BOXES):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return
        box = _box(head, 0, size - at)
        yield Box(box.kind, at + box.start, at + box.end)
        at += box.end
    raise BadBoxes(f"more than {MOST_BOXES} boxes before the moov box")


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """Return the boxes that fill a part of some bytes, one after the other.

    Raises:
        BadBoxes: one of them is longer than what holds it.
    """
    end = len(data) if end is None else end
    while start + 8 <= end:
        box = _box(data[start : start + 16], start, end)
        if box.end > end:
            claimed, left = box.end - start, end - start
            raise BadBoxes(f"a {box.kind} box claims {claimed} bytes where {left} are left")
        yield box
        start = box.end


def inside(data: bytes, kinds: str, box: Box) -> Iterator[Box]:
    """Return the boxes at the end of a path of kinds (``"mdia minf stbl"``) inside of a box.

    Raises:
        BadBoxes: a box on the way is longer than what holds it.
    """
    first, _, rest = kinds.partition(" ")
    for found in boxes(data, box.start, box.end):
        if found.kind == first:
            yield from inside(data, rest, found) if rest else [found]


def _box(head: bytes, start: int, end: int) -> Box:
    """Read a box's head, given from `start` on; a size of 0 reaches to the end."""
    size, kind, content = int.from_bytes(head[:4], "big"), head[4:8].decode("latin-1"), 8
    if size == 1:
        size, content = int.from_bytes(head[8:16], "big"), 16
    elif size == 0:
        size = end - start
    if size < content or len(head) < content:
        raise BadBoxes(f"a {_shown(kind)} box of {size} bytes")
    return Box(_shown(kind), start + content, start + size)


def _shown(kind: str) -> str:
    return kind if kind.isascii() and kind.isprintable() else kind.encode("latin-1").hex()

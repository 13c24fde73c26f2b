"""Byte ranges (RFC 9110 section 14) as arithmetic: no file, no request."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

MAX_RANGES = 16  # many small ranges are costly or hostile (RFC 9110 section 17.15)
_SPEC = re.compile(r"([0-9]*)-([0-9]*)")


@dataclass(frozen=True)
class ByteRange:
    """Bytes from first to last, both included."""

    first: int
    last: int

    @property
    def size_bytes(self) -> int:
        """How many bytes it holds."""
        return self.last - self.first + 1


def parse_ranges(header: str, size_bytes: int) -> list[ByteRange] | None:
    """Return what a `Range` header asks of a file.

    None: the header is to be ignored, as it is malformed, of another unit, or asks for too
    many ranges (RFC 9110 section 14.2). An empty list: nothing asked for exists (416).
    Ranges that overlap or touch come as one (section 15.3.7.2), in the order of the request.
    """
    unit, equals, listed = header.partition("=")
    if not equals or unit.strip().lower() != "bytes":
        return None
    # empty elements of a list count for nothing (RFC 9110 section 5.6.1.2)
    specs = [spec for spec in (part.strip(" \t") for part in listed.split(",")) if spec]
    if not 1 <= len(specs) <= MAX_RANGES:
        return None
    asked = []
    for spec in specs:
        match = _SPEC.fullmatch(spec)
        if match is None or spec == "-":
            return None
        first, last = (_number(digits) if digits else None for digits in match.groups())
        if first is not None and last is not None and last < first:
            return None
        asked.append((first, last))
    return _coalesced(
        found
        for found in (_within(first, last, size_bytes) for first, last in asked)
        if found is not None
    )


def _number(digits: str) -> int:
    """Read a position; one beyond any file is as good as another."""
    significant = digits.lstrip("0")
    return int(significant or "0") if len(significant) <= 18 else 10**18


def _within(first: int | None, last: int | None, size_bytes: int) -> ByteRange | None:
    """Return the part of the file that one range names, or None if there is none."""
    end = size_bytes - 1
    if first is None:  # the last so many bytes
        assert last is not None
        return ByteRange(max(0, size_bytes - last), end) if last and size_bytes else None
    if first > end:
        return None
    return ByteRange(first, end if last is None else min(last, end))


def _coalesced(ranges: Iterable[ByteRange]) -> list[ByteRange]:
    asked = list(ranges)
    joined: list[ByteRange] = []
    for found in sorted(asked, key=lambda one: one.first):
        if joined and found.first <= joined[-1].last + 1:
            joined[-1] = ByteRange(joined[-1].first, max(joined[-1].last, found.last))
        else:
            joined.append(found)
    return sorted(joined, key=lambda one: _place(one, asked))


def _place(joined: ByteRange, asked: list[ByteRange]) -> int:
    """Return when the request first asked for a part of this range."""
    return next(
        place for place, one in enumerate(asked) if joined.first <= one.first <= joined.last
    )

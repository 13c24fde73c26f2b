"""Byte ranges against a simple oracle: the set of byte positions asked for."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from firmware.images.ranges import MAX_RANGES, ByteRange, parse_ranges

Spec = tuple[int | None, int | None]

positions = st.integers(0, 60)
specs = st.one_of(
    st.tuples(positions, st.none()),
    st.tuples(st.none(), positions),
    st.tuples(positions, positions).map(lambda pair: (min(pair), max(pair))),
)


def written(spec: Spec) -> str:
    return "-".join("" if end is None else str(end) for end in spec)


def bytes_of(spec: Spec, size: int) -> set[int]:
    everything = range(size)
    first, last = spec
    if first is None:
        return set(everything[-last:]) if last else set()
    return set(everything[first : None if last is None else last + 1])


@given(asked=st.lists(specs, min_size=1, max_size=MAX_RANGES), size=st.integers(1, 50))
@example(asked=[(0, 0), (1, 1)], size=2)
@example(asked=[(None, 0)], size=1)
def test_ranges_hold_exactly_the_bytes_asked_for(asked: list[Spec], size: int) -> None:
    found = parse_ranges("bytes=" + ",".join(map(written, asked)), size)

    assert found is not None
    held = [position for one in found for position in range(one.first, one.last + 1)]
    assert len(held) == len(set(held))
    assert set(held) == set().union(*(bytes_of(spec, size) for spec in asked))


@given(asked=st.lists(specs, min_size=1, max_size=MAX_RANGES), size=st.integers(1, 50))
def test_ranges_that_touch_come_as_one(asked: list[Spec], size: int) -> None:
    found = parse_ranges("bytes=" + ",".join(map(written, asked)), size)

    assert found is not None
    edges = sorted((one.first, one.last) for one in found)
    assert all(before[1] + 1 < after[0] for before, after in pairwise(edges))


@given(st.text(max_size=40))
def test_whatever_a_header_says_it_is_answered(header: str) -> None:
    found = parse_ranges("bytes=" + header, 100)

    assert found is None or all(0 <= one.first <= one.last < 100 for one in found)


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("bytes=0-0", [ByteRange(0, 0)]),
        ("BYTES=0-9", [ByteRange(0, 9)]),
        ("bytes=99-", [ByteRange(99, 99)]),
        ("bytes=100-", []),
        ("bytes=98-99", [ByteRange(98, 99)]),
        ("bytes=98-100", [ByteRange(98, 99)]),
        ("bytes=-1", [ByteRange(99, 99)]),
        ("bytes=-0", []),
        ("bytes=-101", [ByteRange(0, 99)]),
        ("bytes= 0-1 , 50-51", [ByteRange(0, 1), ByteRange(50, 51)]),
        ("bytes=0-1,,5-6,", [ByteRange(0, 1), ByteRange(5, 6)]),
        ("bytes=50-51,0-1", [ByteRange(50, 51), ByteRange(0, 1)]),
        ("bytes=50-60,0-1,55-70", [ByteRange(50, 70), ByteRange(0, 1)]),
        ("bytes=0-1,200-300", [ByteRange(0, 1)]),
        ("bytes=0-" + "9" * 5000, [ByteRange(0, 99)]),
        ("bytes=" + "9" * 5000 + "-", []),
        ("bytes=5-4", None),
        ("bytes=0-1,5-4", None),
        ("bytes=-", None),
        ("bytes=", None),
        ("bytes=,", None),
        ("bytes", None),
        ("bytes=a-b", None),
        ("bytes=0-1;2-3", None),
        ("bytes=+0-1", None),
        ("bytes=\u0660-\u0661", None),
        ("lines=0-1", None),
    ],
)
def test_a_header_is_read_as_the_standard_says(header: str, found: list[ByteRange] | None) -> None:
    assert parse_ranges(header, 100) == found


@pytest.mark.parametrize(
    ("count", "is_read"), [(MAX_RANGES - 1, True), (MAX_RANGES, True), (MAX_RANGES + 1, False)]
)
def test_too_many_ranges_are_ignored(count: int, is_read: bool) -> None:
    header = "bytes=" + ",".join(f"{place * 2}-{place * 2}" for place in range(count))

    assert (parse_ranges(header, 1000) is not None) == is_read

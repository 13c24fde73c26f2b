"""Barcodes: as wide as they are said to be, with quiet zones, and read again by a decoder."""

from __future__ import annotations

import re

import pytest

from stb_service.shared.documents.barcodes import QUIET_BARS, QUIET_SQUARES, code128, qr


def runs(svg: str) -> list[tuple[int, int]]:
    return [(int(start), int(length)) for start, length in re.findall(r"M(\d+) \d+h(\d+)v", svg)]


def view(svg: str) -> tuple[int, int]:
    found = re.search(r'viewBox="0 0 (\d+) (\d+)"', svg)
    assert found is not None
    return int(found[1]), int(found[2])


def test_the_bars_leave_ten_modules_free_at_either_side() -> None:
    svg = code128("R-000123", width_mm=89, height_mm=20)
    across, _ = view(svg)
    first, *_, last = runs(svg)

    assert first[0] == QUIET_BARS
    assert last[0] + last[1] == across - QUIET_BARS


def test_bars_are_as_large_as_they_were_asked_to_be() -> None:
    assert 'width="89mm" height="20mm"' in code128("R-1", width_mm=89, height_mm=20)


def test_the_longest_code_has_bars_that_a_label_printer_can_print() -> None:
    """203 dpi is 8 dots a millimetre: below 2 dots a bar scanners begin to fail."""
    across, _ = view(code128("W" * 24, width_mm=89, height_mm=20))

    assert 89 / across >= 0.25


def test_the_square_leaves_four_modules_free_around() -> None:
    svg = qr("https://service.example.com/case/7Qm2xV9bKd4T", side_mm=26)
    across, down = view(svg)

    assert across == down
    assert min(start for start, _ in runs(svg)) == QUIET_SQUARES
    assert max(start + length for start, length in runs(svg)) == across - QUIET_SQUARES


@pytest.mark.parametrize(
    "draw", [lambda c: code128(c, width_mm=9, height_mm=9), lambda c: qr(c, side_mm=9)]
)
def test_what_is_in_a_code_cannot_leave_its_mark(draw: object) -> None:
    assert callable(draw)
    svg = draw('"><script>')

    assert "<script" not in svg
    assert "&#34;&gt;&lt;script&gt;" in svg

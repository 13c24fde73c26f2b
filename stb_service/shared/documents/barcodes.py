"""Barcodes as SVG of an exact size on paper, in millimetres.

Code 128 is what a scanner at the counter reads; a QR code is what the customer's telephone reads.
Both stand with the quiet zone that their standards ask for, so nothing may be drawn nearer.
"""

from __future__ import annotations

from itertools import groupby

import segno
from barcode.codex import Code128
from markupsafe import Markup

QUIET_BARS = 10  # ISO/IEC 15417, 4.4: ten modules at either side
QUIET_SQUARES = 4  # ISO/IEC 18004, 9.1: four modules around


def code128(content: str, *, width_mm: float, height_mm: float) -> Markup:
    """Return the bars of printable ASCII; no bar is thinner than width over modules."""
    bars = Code128(content).build()[0]
    modules = len(bars) + 2 * QUIET_BARS
    runs = _runs(bars, QUIET_BARS)
    path = "".join(f"M{start} 0h{length}v1h-{length}z" for start, length in runs)
    return _svg("code128", content, path, (modules, 1), (width_mm, height_mm))


def qr(content: str, *, side_mm: float) -> Markup:
    """Return a QR code that can be read with 15 % of it damaged."""
    rows = [bytes(row) for row in segno.make_qr(content, error="m").matrix]
    side = len(rows) + 2 * QUIET_SQUARES
    path = "".join(
        f"M{start} {line}h{length}v1h-{length}z"
        for line, row in enumerate(rows, QUIET_SQUARES)
        for start, length in _runs("".join("01"[square] for square in row), QUIET_SQUARES)
    )
    return _svg("qr", content, path, (side, side), (side_mm, side_mm))


def _runs(squares: str, offset: int) -> list[tuple[int, int]]:
    """Return where each dark run of a line begins, and how long it is."""
    found = []
    for shade, run in groupby(squares):
        length = len(list(run))
        if shade == "1":
            found.append((offset, length))
        offset += length
    return found


def _svg(
    kind: str, content: str, path: str, modules: tuple[int, int], size_mm: tuple[float, float]
) -> Markup:
    return Markup(
        '<svg class="{kind}" role="img" aria-label="{content}" xmlns="http://www.w3.org/2000/svg"'
        ' width="{width}mm" height="{height}mm" viewBox="0 0 {across} {down}"'
        ' preserveAspectRatio="none" shape-rendering="crispEdges"><path d="{path}"/></svg>'
    ).format(
        kind=kind,
        content=content,
        width=size_mm[0],
        height=size_mm[1],
        across=modules[0],
        down=modules[1],
        path=path,
    )

"""A grid of signs as SVG: each stream (down) on each box (across)."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from lab.engines.outcome import Sign
from lab.report.drawing import SHEETS, Sheet

TITLES: Mapping[str, str] = {
    Sign.PLAYS: "plays",
    Sign.FALSE_PROMISE: "is tried and does not play",
    Sign.REFUSED_FOR_NOTHING: "is refused and would play",
    Sign.CANNOT: "is refused and cannot play",
}
_CLASSES: Mapping[str, str] = {
    Sign.PLAYS: "good",
    Sign.FALSE_PROMISE: "bad",
    Sign.REFUSED_FOR_NOTHING: "odd",
    Sign.CANNOT: "none",
}
_SHAPES: Mapping[str, str] = {
    Sign.PLAYS: '<circle r="9"/>',
    Sign.FALSE_PROMISE: '<path d="M-8 -8L8 8M-8 8L8 -8"/>',
    Sign.REFUSED_FOR_NOTHING: '<circle r="8"/><path d="M-6 6L6 -6"/>',
    Sign.CANNOT: '<path d="M-6 0H6"/>',
}
_NAMES = {"wide": 170, "narrow": 122}  # the room of the streams' names
_HEAD, _ROW = 100, 36  # the room of the boxes' names, which stand aslant


def draw_grid(grid: dict[str, Any]) -> str:
    """Return a grid of a result as SVG, once for each width of page, and what the signs mean."""
    return "".join(_drawn(grid, sheet) for sheet in SHEETS) + _legend(grid)


def _drawn(grid: dict[str, Any], sheet: Sheet) -> str:
    left = _NAMES[sheet.name]
    step = (sheet.width - left - 60) / max(1, len(grid["columns"]))
    height = _HEAD + _ROW * len(grid["rows"]) + 8
    parts = [
        *_heads(grid["columns"], left, step),
        *(
            p
            for at, row in enumerate(grid["rows"])
            for p in _row(grid["columns"], at, row, left, step)
        ),
    ]
    told = escape(grid["title"])
    box = f'viewBox="0 0 {sheet.width} {height}" role="img" aria-label="{told}"'
    return f'<svg class="{sheet.name}" {box}>{"".join(parts)}</svg>'


def _heads(columns: list[str], left: int, step: float) -> Iterable[str]:
    for at, name in enumerate(columns):
        x, y = left + step * (at + 0.5), _HEAD - 14
        place = f'x="{x:.1f}" y="{y}" transform="rotate(-40 {x:.1f} {y})"'
        yield f"<text {place}>{escape(name)}</text>"


def _row(columns: list[str], at: int, row: dict[str, Any], left: int, step: float) -> Iterable[str]:
    y = _HEAD + _ROW * (at + 0.5)
    line = y + _ROW / 2
    yield f'<line class="g" x1="8" x2="{left + step * len(columns):.1f}" y1="{line}" y2="{line}"/>'
    yield f'<text x="8" y="{y + 4}">{escape(row["name"])}</text>'
    for number, (column, cell) in enumerate(zip(columns, row["cells"], strict=True)):
        told = escape(f"{row['name']} on {column}: {TITLES.get(cell, cell)}")
        place = f"translate({left + step * (number + 0.5):.1f} {y})"
        yield f'<g transform="{place}">{_sign(cell, told)}</g>'


def _sign(cell: str, told: str) -> str:
    inside = f"<title>{told}</title>{_SHAPES.get(cell, '')}"
    return f'<g class="sign {_CLASSES.get(cell, "none")}">{inside}</g>'


def _legend(grid: dict[str, Any]) -> str:
    seen = {cell for row in grid["rows"] for cell in row["cells"]}
    parts = [
        f'<li><svg class="key" viewBox="-11 -11 22 22" aria-hidden="true">{_sign(cell, title)}</svg>'
        f"{title}</li>"
        for cell, title in TITLES.items()
        if cell in seen
    ]
    return f'<ul class="legend">{"".join(parts)}</ul>'

"""Plots as SVG, drawn for a page that loads nothing: curves over time, a limit, lanes of marks.

A plot is drawn for one width of page; what is no number in its points is a gap in its curve.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from math import ceil, floor, log10
from typing import Any

CURVES = ("c1", "c2", "c3", "c4")
MARKS = ("m1", "m2", "m3", "m4")
MOST_POINTS = 1500
LARGEST = 1e15  # what is larger is drawn as a gap
LEFT, RIGHT, TOP, FOOT = 52, 20, 28, 42
LANE = 30
Point = Sequence[float]


@dataclass(frozen=True)
class Sheet:
    """A width of page: how large a plot is there, and how many numbers its time axis bears."""

    name: str
    width: int
    height: int
    numbers: int


SHEETS = (Sheet("wide", 760, 210, 10), Sheet("narrow", 330, 180, 4))


def nice_steps(low: float, high: float, count: int = 5) -> list[float]:
    """Return round numbers from at most `low` to at least `high`, about `count` of them."""
    span = high - low
    if span <= 1e-9 * max(1.0, abs(low), abs(high)):
        span = abs(high) if abs(high) > 1e-9 else 1.0
    raw = span / count
    size = 10.0 ** floor(log10(raw))
    step = next(size * part for part in (1, 2, 2.5, 5, 10) if size * part >= raw * 0.999)
    first, last = floor(low / step), ceil(high / step)
    return [round(number * step, 12) for number in range(first, max(last, first + 1) + 1)]


def is_number(value: Any) -> bool:
    """Tell whether a value can be drawn."""
    return isinstance(value, (int, float)) and -LARGEST < value < LARGEST


def stretches(points: Sequence[Any]) -> list[list[Point]]:
    """Return the parts of a curve between its gaps."""
    found: list[list[Point]] = [[]]
    for point in points:
        if all(map(is_number, point)):
            found[-1].append(point)
        elif found[-1]:
            found.append([])
    return [part for part in found if part]


def thinned(points: Sequence[Point], most: int = MOST_POINTS) -> list[Point]:
    """Return no more than `most` points: of each stretch the lowest and the highest."""
    if len(points) <= most:
        return list(points)
    size = ceil(len(points) / (most // 2))
    kept = []
    for at in range(0, len(points), size):
        part = points[at : at + size]
        pair = {id(p): p for p in (min(part, key=_y), max(part, key=_y))}
        kept += sorted(pair.values(), key=lambda point: point[0])
    return kept


def _y(point: Point) -> float:
    return point[1]


def draw(plot: dict[str, Any]) -> str:
    """Return a plot of a result as SVG, once for each width of page."""
    lines = [stretches(line["points"]) for line in plot["lines"]]
    marks = [(mark["name"], _moments(mark)) for mark in plot["marks"]]
    return "".join(_drawn(plot, lines, marks, sheet) for sheet in SHEETS)


def _moments(mark: dict[str, Any]) -> list[float]:
    return sorted(at for at in mark["at_s"] if is_number(at))


def _drawn(
    plot: dict[str, Any],
    lines: list[list[list[Point]]],
    marks: list[tuple[str, list[float]]],
    sheet: Sheet,
) -> str:
    points = [point for line in lines for part in line for point in part]
    limit = plot["limit"] if is_number(plot["limit"]) else None
    xs = [point[0] for point in points] + [at for _, moments in marks for at in moments]
    ys = [point[1] for point in points] + ([] if limit is None else [limit])
    low, high = min(ys, default=0.0), max(ys, default=1.0)
    frame = _Frame(
        sheet,
        nice_steps(min(xs, default=0.0), max(xs, default=1.0), sheet.numbers),
        nice_steps(0.0 if 0 <= low < high / 2 else low, high),
        len(marks),
    )
    body = [
        *_grid(frame, plot["unit"]),
        *(part for row, mark in enumerate(marks) for part in _lane(frame, row, *mark)),
        *(part for number, line in enumerate(lines) for part in _curve(frame, number, line)),
        *_limit(frame, limit),
        *([] if points else [_text(frame.middle, "middle", "no figures", frame.floor / 2)]),
    ]
    title = escape(f"{plot['title']}, {plot['unit']} over seconds")
    box = f'viewBox="0 0 {sheet.width} {frame.bottom}" role="img" aria-label="{title}"'
    return f'<svg class="{sheet.name}" {box}>{"".join(body)}</svg>'


class _Frame:
    """Where numbers stand on the drawing: the curves above, a lane for each kind of mark below."""

    def __init__(
        self, sheet: Sheet, across: Sequence[float], up: Sequence[float], lanes: int
    ) -> None:
        self.across, self.up = across, up
        self.floor = sheet.height - 10
        self.right = sheet.width - RIGHT
        self.middle = (LEFT + self.right) / 2
        self.axis = self.floor + LANE * lanes + (6 if lanes else 0)
        self.bottom = self.axis + FOOT
        self._x = (self.right - LEFT) / (across[-1] - across[0])
        self._y = (self.floor - TOP) / (up[-1] - up[0])

    def x(self, value: float) -> str:
        return f"{LEFT + (value - self.across[0]) * self._x:.1f}"

    def y(self, value: float) -> str:
        return f"{self.floor - (value - self.up[0]) * self._y:.1f}"


def _text(x: float | str, anchor: str, words: str, y: float | str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'


def _grid(frame: _Frame, unit: str) -> Iterable[str]:
    for y in frame.up:
        at = frame.y(y)
        yield f'<line class="g" x1="{LEFT}" x2="{frame.right}" y1="{at}" y2="{at}"/>'
        yield _text(LEFT - 8, "end", f"{y:g}", float(at) + 4)
    for x in frame.across:
        at = frame.x(x)
        yield f'<line class="g" x1="{at}" x2="{at}" y1="{frame.floor}" y2="{frame.axis + 5}"/>'
        yield _text(at, "middle", f"{x:g}", frame.axis + 19)
    yield _text(8, "start", unit, 16)
    yield _text(frame.middle, "middle", "time in seconds", frame.axis + 36)


def _lane(frame: _Frame, row: int, name: str, moments: Sequence[float]) -> Iterable[str]:
    """Draw one kind of mark: its name and number, a tick for each, a hair line up to the curves."""
    base = frame.floor + LANE * (row + 1)
    yield _text(LEFT, "start", f"{name}: {len(moments)}", base - 9)
    yield f'<line class="g" x1="{LEFT}" x2="{frame.right}" y1="{base}" y2="{base}"/>'
    for together in _by_pixel(frame, moments):
        at, told = together[0], f"{name} at {together[0]:g} s"
        if len(together) > 1:
            told = f"{len(together)} x {name}, {at:g} to {together[-1]:g} s"
        x = frame.x(at)
        yield f'<g class="{MARKS[row % len(MARKS)]}"><title>{escape(told)}</title>'
        yield f'<line class="hair" x1="{x}" x2="{x}" y1="{TOP}" y2="{frame.floor}"/>'
        yield f'<rect x="{float(x) - 1.25:.2f}" y="{base - 6}" width="2.5" height="9"/></g>'


def _by_pixel(frame: _Frame, moments: Sequence[float]) -> Iterable[list[float]]:
    """Return moments that stand on one pixel together."""
    for _, together in groupby(moments, key=lambda at: round(float(frame.x(at)))):
        yield list(together)


def _curve(frame: _Frame, number: int, parts: Iterable[Sequence[Point]]) -> Iterable[str]:
    colour = CURVES[number % len(CURVES)]
    for part in parts:
        if len(part) == 1:
            ((x, y),) = part
            yield f'<circle class="{colour}" cx="{frame.x(x)}" cy="{frame.y(y)}" r="3"/>'
            continue
        points = " ".join(f"{frame.x(x)},{frame.y(y)}" for x, y in thinned(part))
        yield f'<polyline class="{colour}" points="{points}"/>'


def _limit(frame: _Frame, limit: float | None) -> Iterable[str]:
    if limit is not None:
        at = frame.y(limit)
        yield f'<line class="limit" x1="{LEFT}" x2="{frame.right}" y1="{at}" y2="{at}"/>'


def legend(plot: dict[str, Any]) -> str:
    """Return what the colours of the curves mean; lanes bear their own names."""
    parts = [
        f'<li><i class="{CURVES[number % len(CURVES)]}"></i>{escape(line["name"])}</li>'
        for number, line in enumerate(plot["lines"])
    ]
    if is_number(plot["limit"]):
        parts.append(
            f'<li><i class="limit"></i>limit {plot["limit"]:g} {escape(plot["unit"])}</li>'
        )
    return f'<ul class="legend">{"".join(parts)}</ul>'

"""Plots as SVG, drawn for a page that loads nothing: curves over time, marks, a limit."""

from collections.abc import Iterable, Sequence
from html import escape
from math import ceil, floor, log10
from typing import Any

WIDTH, HEIGHT = 760, 260
LEFT, RIGHT, TOP, BOTTOM = 56, 14, 14, 40
CURVES = ("c1", "c2", "c3", "c4")
MOST_POINTS = 1500


def nice_steps(low: float, high: float, count: int = 5) -> list[float]:
    """Return round numbers from at most `low` to at least `high`, about `count` of them."""
    span = high - low or abs(high) or 1.0
    raw = span / count
    size = 10 ** floor(log10(raw))
    step = next(size * part for part in (1, 2, 2.5, 5, 10) if size * part >= raw * 0.999)
    first, last = floor(low / step), ceil(high / step)
    return [round(number * step, 10) for number in range(first, max(last, first + 1) + 1)]


def thinned(points: Sequence[Sequence[float]], most: int = MOST_POINTS) -> list[Sequence[float]]:
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


def _y(point: Sequence[float]) -> float:
    return point[1]


def draw(plot: dict[str, Any]) -> str:
    """Return a plot of a result as SVG."""
    lines = [line for line in plot["lines"] if line["points"]]
    xs = [x for line in lines for x, _ in line["points"]]
    xs += [at for mark in plot["marks"] for at in mark["at_s"]]
    ys = [y for line in lines for _, y in line["points"]]
    ys += [] if plot["limit"] is None else [plot["limit"]]
    across = nice_steps(min(xs, default=0.0), max(xs, default=1.0), 8)
    low = min(ys, default=0.0)
    up = nice_steps(0.0 if 0 <= low < max(ys, default=1.0) / 2 else low, max(ys, default=1.0))
    frame = _Frame(across[0], across[-1], up[0], up[-1])
    title = f"{plot['title']}, {plot['unit']} over seconds"
    body = [
        *_grid(frame, across, up),
        *_marks(frame, plot["marks"]),
        *(_curve(frame, n, line) for n, line in enumerate(lines)),
        *_limit(frame, plot["limit"]),
    ]
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}"'
    return f"<svg {box}><title>{escape(title)}</title>{''.join(body)}</svg>"


class _Frame:
    """Where numbers stand on the drawing."""

    def __init__(self, x0: float, x1: float, y0: float, y1: float) -> None:
        self.x0, self.y0 = x0, y0
        self._x = (WIDTH - LEFT - RIGHT) / (x1 - x0)
        self._y = (HEIGHT - TOP - BOTTOM) / (y1 - y0)

    def x(self, value: float) -> str:
        return f"{LEFT + (value - self.x0) * self._x:.1f}"

    def y(self, value: float) -> str:
        return f"{HEIGHT - BOTTOM - (value - self.y0) * self._y:.1f}"


def _grid(frame: _Frame, across: Iterable[float], up: Iterable[float]) -> Iterable[str]:
    floor_y, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    for y in up:
        at = frame.y(y)
        yield f'<line class="g" x1="{LEFT}" x2="{right}" y1="{at}" y2="{at}"/>'
        yield f'<text x="{LEFT - 8}" y="{at}" dy="4" text-anchor="end">{y:g}</text>'
    for x in across:
        at = frame.x(x)
        yield f'<line class="g" x1="{at}" x2="{at}" y1="{floor_y}" y2="{floor_y + 5}"/>'
        yield f'<text x="{at}" y="{floor_y + 20}" text-anchor="middle">{x:g}</text>'
    yield f'<text x="{right}" y="{HEIGHT - 4}" text-anchor="end">seconds</text>'


def _curve(frame: _Frame, number: int, line: dict[str, Any]) -> str:
    points = " ".join(f"{frame.x(x)},{frame.y(y)}" for x, y in thinned(line["points"]))
    return f'<polyline class="{CURVES[number % len(CURVES)]}" points="{points}"/>'


def _marks(frame: _Frame, marks: Sequence[dict[str, Any]]) -> Iterable[str]:
    """Ticks on the floor of the drawing, one row a kind, each with a hair line up."""
    for row, mark in enumerate(marks):
        base = HEIGHT - BOTTOM - 7 * row
        for at in sorted(set(mark["at_s"])):
            x, told = frame.x(at), escape(f"{mark['name']} at {at:g} s")
            yield f'<g class="m{row % 4 + 1}"><title>{told}</title>'
            yield f'<line class="hair" x1="{x}" x2="{x}" y1="{TOP}" y2="{base}"/>'
            yield f'<rect x="{float(x) - 1.5:.1f}" y="{base - 6}" width="3" height="6"/></g>'


def _limit(frame: _Frame, limit: float | None) -> Iterable[str]:
    if limit is not None:
        at = frame.y(limit)
        yield f'<line class="limit" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at}" y2="{at}"/>'


def legend(plot: dict[str, Any]) -> str:
    """Return what the colours of a plot mean, with the numbers of its marks."""
    parts = [
        f'<li><i class="{CURVES[n % len(CURVES)]}"></i>{escape(line["name"])}</li>'
        for n, line in enumerate(line for line in plot["lines"] if line["points"])
    ]
    parts += [
        f'<li><i class="m{n % 4 + 1}"></i>{escape(mark["name"])}: {len(mark["at_s"])}</li>'
        for n, mark in enumerate(plot["marks"])
    ]
    if plot["limit"] is not None:
        parts.append(f'<li><i class="limit"></i>limit {plot["limit"]:g}</li>')
    return f'<ul class="legend">{"".join(parts)}</ul>'

"""A machine as a picture: its states in layers, what has happened, and what may come next.

Made from the table alone, as SVG that a page takes in as it stands. Colours come from classes of
`stb.css`, so that it follows light and dark; it is mirrored for languages that are read from
right to left; its description tells in words what it shows.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from html import escape

from stb_service.rma.claims import CLAIM
from stb_service.rma.history import Happened
from stb_service.rma.layout import Box, Edge, Layout, Point, lay_out
from stb_service.rma.machine import HOLD, NEW, RESUME, Machine, Phase, Place, Position
from stb_service.rma.rules import MACHINES
from stb_service.shared.i18n import text

DRAWN = {**MACHINES, CLAIM.name: CLAIM}
BOX = Box()
LINE_CHARACTERS = 17
LABEL_CHARACTERS = 26
LINE_HEIGHT = 13.0
LOOP = 18.0
"""How far the loop of a step that leads nowhere else is pulled out."""


def draw(machine: Machine, events: Sequence[Happened] = (), *, direction: str = "ltr") -> str:
    """Return the drawing of a machine as SVG, with the present state and the way to it marked.

    Without events it shows the table, and every step has the same weight.
    """
    layout = _layout(machine.name)
    here = events[-1].end if events else None
    been = {(happened.start.state, happened.end.state) for happened in events}
    ahead = _ahead(machine, here)
    mirror = layout.width if direction == "rtl" else None
    name = f"stb-machine-{machine.name}"
    parts = [
        (
            f'<svg class="stb-machine{" stb-machine-told" if here else ""}" role="img"'
            f' viewBox="0 0 {layout.width:.0f} {layout.height:.0f}"'
            f' width="{layout.width:.0f}" height="{layout.height:.0f}" direction="{direction}"'
            f' aria-labelledby="{name}-title {name}-text" xmlns="http://www.w3.org/2000/svg">'
        ),
        f'<title id="{name}-title">{escape(str(machine.title))}</title>',
        f'<desc id="{name}-text">{escape(describe(machine, events))}</desc>',
        _arrow_heads(name),
    ]
    edges = sorted(layout.routes, key=lambda edge: (edge in been) + 2 * (edge in ahead))
    for edge in edges:
        kind = "next" if edge in ahead else "past" if edge in been else "other"
        parts.append(_edge(machine, layout, edge, kind, name, mirror))
    visited = {state for edge in been for state in edge}
    places = [machine.places[state] for state in layout.centres]
    parts += [_state(place, layout, here, visited, mirror) for place in places]
    parts += [_label(machine, layout, edge, ahead[edge], mirror) for edge in edges if edge in ahead]
    return "".join([*parts, "</svg>"])


def describe(machine: Machine, events: Sequence[Happened]) -> str:
    """Return in words what the drawing shows."""
    if not events:
        return str(
            text(
                "%(states)s states and %(steps)s steps.",
                states=len(machine.places) - 1,
                steps=len(machine.moves),
            )
        )
    way = [machine.places[happened.end.state].title for happened in events]
    shown = [str(title) for i, title in enumerate(way) if not i or title != way[i - 1]]
    here = events[-1].end
    sentences = [
        text("Now: %(state)s.", state=shown[-1]),
        text("The way here: %(way)s.", way=", ".join(shown)),
    ]
    if here.held:
        sentences.insert(1, text("It is on hold."))
    following = [event for event, _ in _next(machine, here)]
    if following:
        names = ", ".join(str(machine.events[event]) for event in following)
        sentences.append(text("What may come next: %(steps)s.", steps=names))
    return " ".join(str(sentence) for sentence in sentences)


@cache
def _layout(name: str) -> Layout:
    """Return where a machine's states stand: the same for every case."""
    machine = DRAWN[name]
    edges = list(dict.fromkeys((s.from_state, s.to_state) for s in machine.moves))
    phases = list(Phase)
    stage = {state: phases.index(place.phase) for state, place in machine.places.items()}
    layout = lay_out(list(machine.places), [(a, b) for a, b in edges if a != b], BOX, stage)
    stays = {(a, b): [layout.centres[a]] * 2 for a, b in edges if a == b}
    return replace(layout, routes={**layout.routes, **stays})


def _next(machine: Machine, here: Position) -> list[tuple[str, str]]:
    return [
        (step.event, step.to_state)
        for step in machine.steps_from(here)
        if step.event not in {HOLD, RESUME}
    ]


def _ahead(machine: Machine, here: Position | None) -> dict[Edge, list[str]]:
    found: dict[Edge, list[str]] = {}
    for event, to_state in _next(machine, here) if here else ():
        assert here is not None
        found.setdefault((here.state, to_state), []).append(event)
    return found


def _arrow_heads(name: str) -> str:
    heads = (
        f'<marker id="{name}-{kind}" class="stb-machine-head stb-machine-{kind}"'
        ' viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"'
        ' markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0 8 4 0 8z"/></marker>'
        for kind in ("other", "past", "next")
    )
    return f"<defs>{''.join(heads)}</defs>"


def _edge(
    machine: Machine, layout: Layout, edge: Edge, kind: str, name: str, mirror: float | None
) -> str:
    events = [s.event for s in machine.moves if (s.from_state, s.to_state) == edge]
    words = ", ".join(str(machine.events[event]) for event in dict.fromkeys(events))
    start, end = machine.places[edge[0]].title, machine.places[edge[1]].title
    return (
        f'<path class="stb-machine-edge stb-machine-{kind}" fill="none" stroke="currentColor"'
        f' marker-end="url(#{name}-{kind})" d="{_curve(layout.routes[edge], mirror)}">'
        f"<title>{escape(f'{start} → {end}: {words}')}</title></path>"
    )


def _curve(route: Sequence[Point], mirror: float | None) -> str:
    """Return an edge as a path: from border to border, bending softly in each layer it passes; one that
    leads back to where it began as a loop at the side.
    """
    points = [Point(mirror - p.x, p.y) if mirror else p for p in route]
    if points[0] == points[-1]:
        side = -1 if mirror else 1
        x, y = points[0].x + BOX.width / 2 * side, points[0].y
        far = x + LOOP * side
        return f"M{x:.1f} {y - 8:.1f} C{far:.1f} {y - 12:.1f} {far:.1f} {y + 12:.1f} {x:.1f} {y + 8:.1f}"
    down = 1 if points[-1].y > points[0].y else -1
    half = BOX.height / 2 * down
    first, last = points[0], points[-1]
    points[0] = Point(first.x, first.y + half)
    points[-1] = Point(last.x, last.y - half - down)
    parts = [f"M{points[0].x:.1f} {points[0].y:.1f}"]
    for i, (a, b) in enumerate(itertools.pairwise(points)):
        if i:  # straight past the states of this layer
            a = Point(a.x, a.y + half)  # noqa: PLW2901
            parts.append(f"V{a.y:.1f}")
        if i < len(points) - 2:
            b = Point(b.x, b.y - half)  # noqa: PLW2901
        middle = (a.y + b.y) / 2
        parts.append(f"C{a.x:.1f} {middle:.1f} {b.x:.1f} {middle:.1f} {b.x:.1f} {b.y:.1f}")
    return " ".join(parts)


def _state(
    place: Place, layout: Layout, here: Position | None, visited: set[str], mirror: float | None
) -> str:
    centre = layout.centres[place.state]
    x = mirror - centre.x if mirror else centre.x
    kinds = ["stb-machine-state"]
    if place.is_final or place.state == NEW:
        kinds.append("stb-machine-final")
    is_here = here is not None and here.state == place.state
    if is_here:
        kinds.append("stb-machine-here")
    elif place.state in visited:
        kinds.append("stb-machine-been")
    title = f"⏸ {place.title}" if is_here and here and here.held else str(place.title)
    left, top = x - BOX.width / 2, centre.y - BOX.height / 2
    return (
        f'<g class="{" ".join(kinds)}"><rect x="{left:.1f}" y="{top:.1f}" rx="7"'
        f' width="{BOX.width:.0f}" height="{BOX.height:.0f}" fill="none" stroke="currentColor"/>'
        f"{_lines(wrapped(title, LINE_CHARACTERS), Point(x, centre.y))}</g>"
    )


def _label(
    machine: Machine, layout: Layout, edge: Edge, events: Sequence[str], mirror: float | None
) -> str:
    """Return the names of steps that may come next, beside the state that they lead to."""
    end, before = layout.routes[edge][-1], layout.routes[edge][-2]
    lines = [
        line for event in events for line in wrapped(str(machine.events[event]), LABEL_CHARACTERS)
    ]
    tall, away = len(lines) * LINE_HEIGHT / 2, BOX.height / 2 + 9
    x = mirror - end.x if mirror else end.x
    y = end.y - away - tall if end.y > before.y else end.y + away + tall
    return f'<g class="stb-machine-label">{_lines(lines, Point(x, y))}</g>'


def _lines(lines: Sequence[str], centre: Point) -> str:
    top = centre.y - (len(lines) - 1) * LINE_HEIGHT / 2 + 4
    return "".join(
        f'<text x="{centre.x:.1f}" y="{top + i * LINE_HEIGHT:.1f}" text-anchor="middle"'
        f' fill="currentColor">{escape(line)}</text>'
        for i, line in enumerate(lines)
    )


def wrapped(words: str, width: int) -> list[str]:
    """Return words in as few lines as fit, and those about equally long."""
    if len(words) <= width or " " not in words:
        return [words]
    count = -(-len(words) // width)
    goal, lines = len(words) / count, [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and len(longer) > max(goal + 2, len(word)) and len(lines) <= count:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines

"""Where the states of a machine stand in its drawing: layers from the top, few crossings.

The usual four steps of drawing a graph by layers (Sugiyama, Tagawa and Toda, 1981): turn edges
that lead back, give each state a layer below all that lead to it, order the layers so that few
edges cross, and move each state towards its neighbours as far as order and width allow. The same
table always gives the same drawing.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Edge = tuple[str, str]
SWEEPS = 40
BEND = 10.0
"""The width that an edge takes where it passes a layer."""


@dataclass(frozen=True)
class Point:
    """A place in the drawing, in its units."""

    x: float
    y: float


@dataclass(frozen=True)
class Layout:
    """Centres of the states, and the points that each edge passes from its start to its end."""

    width: float
    height: float
    centres: Mapping[str, Point]
    routes: Mapping[Edge, Sequence[Point]]


@dataclass(frozen=True)
class Box:
    """The size of a state, and the room around it."""

    width: float = 124.0
    height: float = 42.0
    gap: float = 16.0
    drop: float = 48.0


def lay_out(
    states: Sequence[str], edges: Sequence[Edge], box: Box, stage: Mapping[str, int]
) -> Layout:
    """Return the layout of a graph whose first state is its top.

    An edge to an earlier stage leads back: it is drawn upwards and pushes nothing down.
    """
    forward = _forward(states, edges, stage)
    ranks = _ranks(states, forward)
    chains = {edge: _chain(edge, ranks) for edge in forward}
    layers = _ordered(_layers(states, ranks, chains), chains)
    across = _places(layers, chains, box)
    left = min(x - _width(name, box) / 2 for name, x in across.items())
    points = {
        name: Point(across[name] - left + box.gap, number * (box.height + box.drop))
        for number, layer in enumerate(layers)
        for name in layer
    }
    points = {name: Point(p.x, p.y + box.height / 2 + box.gap) for name, p in points.items()}
    right = max(p.x + _width(name, box) / 2 for name, p in points.items())
    return Layout(
        width=right + box.gap,
        height=len(layers) * (box.height + box.drop) - box.drop + 2 * box.gap,
        centres={state: points[state] for state in states},
        routes={edge: _route(edge, chains, points) for edge in edges},
    )


def _forward(states: Sequence[str], edges: Sequence[Edge], stage: Mapping[str, int]) -> list[Edge]:
    """Return the edges with those that lead back turned round, each pair once."""
    edges = [(b, a) if stage[b] < stage[a] else (a, b) for a, b in edges if a != b]
    after = {state: [b for a, b in edges if a == state] for state in states}
    done: set[str] = set()
    path: list[str] = []
    back: set[Edge] = set()

    def visit(state: str) -> None:
        path.append(state)
        for following in after[state]:
            if following in path:
                back.add((state, following))
            elif following not in done:
                visit(following)
        path.pop()
        done.add(state)

    for state in states:
        if state not in done:
            visit(state)
    turned = [(b, a) if (a, b) in back else (a, b) for a, b in edges]
    return list(dict.fromkeys(turned))


def _ranks(states: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """Return the layer of each state: as far down as the longest way to it."""
    before = {state: [a for a, b in edges if b == state] for state in states}
    ranks: dict[str, int] = {}

    def rank(state: str) -> int:
        if state not in ranks:
            ranks[state] = 1 + max((rank(former) for former in before[state]), default=-1)
        return ranks[state]

    for state in states:
        rank(state)
    for state in states[1:]:  # what only edges that lead back come from stands by what follows it
        following = [ranks[b] for a, b in edges if a == state]
        if following and not before[state]:
            ranks[state] = max(0, min(following) - 1)
    return ranks


def _chain(edge: Edge, ranks: Mapping[str, int]) -> list[str]:
    """Return what an edge passes: its start, a bend in each layer between, its end."""
    start, end = edge
    between = range(ranks[start] + 1, ranks[end])
    return [start, *(f"{start}>{end}>{layer}" for layer in between), end]


def _layers(
    states: Sequence[str], ranks: Mapping[str, int], chains: Mapping[Edge, Sequence[str]]
) -> list[list[str]]:
    layers: list[list[str]] = [[] for _ in range(max(ranks.values()) + 1)]
    for state in states:
        layers[ranks[state]].append(state)
    for (start, _), chain in chains.items():
        for number, bend in enumerate(chain[1:-1], ranks[start] + 1):
            layers[number].append(bend)
    return layers


def _neighbours(chains: Mapping[Edge, Sequence[str]]) -> tuple[dict[str, list[str]], ...]:
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for chain in chains.values():
        for upper, lower in itertools.pairwise(chain):
            below.setdefault(upper, []).append(lower)
            above.setdefault(lower, []).append(upper)
    return above, below


def _ordered(layers: list[list[str]], chains: Mapping[Edge, Sequence[str]]) -> list[list[str]]:
    """Return the layers in the order with the fewest crossings that sweeps up and down find."""
    above, below = _neighbours(chains)
    best, fewest = layers, _crossings(layers, below)
    now = [list(layer) for layer in layers]
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        near = above if down else below
        numbers = range(1, len(now)) if down else range(len(now) - 2, -1, -1)
        for number in numbers:
            beside = now[number - 1 if down else number + 1]
            place = {name: i for i, name in enumerate(beside)}
            own = {name: i for i, name in enumerate(now[number])}
            now[number].sort(
                key=lambda name: _mean([place[n] for n in near.get(name, [])], own[name])
            )
        crossings = _crossings(now, below)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in now], crossings
    return best


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _crossings(layers: Sequence[Sequence[str]], below: Mapping[str, Sequence[str]]) -> int:
    found = 0
    for upper, lower in itertools.pairwise(layers):
        place = {name: i for i, name in enumerate(lower)}
        ends = [place[n] for name in upper for n in sorted(below.get(name, []), key=place.get)]  # type: ignore[arg-type]
        found += sum(a > b for i, a in enumerate(ends) for b in ends[i + 1 :])
    return found


def _width(name: str, box: Box) -> float:
    return BEND if ">" in name else box.width + box.gap


def _places(
    layers: Sequence[Sequence[str]], chains: Mapping[Edge, Sequence[str]], box: Box
) -> dict[str, float]:
    """Return each x: near its neighbours, in the order of its layer, and nothing overlaps."""
    above, below = _neighbours(chains)
    x: dict[str, float] = {}
    for layer in layers:
        x.update(_packed(layer, dict.fromkeys(layer, 0.0), box))
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        near: tuple[dict[str, list[str]], ...] = (above,) if down else (below,)
        if sweep >= SWEEPS - 4:
            near = (above, below)
        for layer in layers if down else reversed(layers):
            wanted = {
                name: _mean([x[n] for side in near for n in side.get(name, [])], x[name])
                for name in layer
            }
            x.update(_packed(layer, wanted, box))
    return x


def _packed(layer: Sequence[str], wanted: Mapping[str, float], box: Box) -> dict[str, float]:
    """Return the places nearest to the wanted ones that keep the order and do not overlap.

    Least squares under an order: pools of neighbours that would overlap share their mean; a
    bend weighs more than a state, so that long edges run straight.
    """
    offsets, at = [], 0.0
    for i, name in enumerate(layer):
        at += (_width(layer[i - 1], box) + _width(name, box)) / 2 if i else 0.0
        offsets.append(at)
    pools: list[tuple[float, float, int]] = []  # mean, weight, members
    for name, offset in zip(layer, offsets, strict=True):
        mean, weight, members = wanted[name] - offset, 8.0 if ">" in name else 1.0, 1
        while pools and pools[-1][0] > mean:
            former, heavy, many = pools.pop()
            mean = (mean * weight + former * heavy) / (weight + heavy)
            weight, members = weight + heavy, members + many
        pools.append((mean, weight, members))
    shifts = [mean for mean, _, members in pools for _ in range(members)]
    return {
        name: shift + offset for name, shift, offset in zip(layer, shifts, offsets, strict=True)
    }


def _route(
    edge: Edge, chains: Mapping[Edge, Sequence[str]], points: Mapping[str, Point]
) -> list[Point]:
    chain = chains.get(edge)
    if chain is not None:
        return [points[name] for name in chain]
    return [points[name] for name in reversed(chains[edge[1], edge[0]])]

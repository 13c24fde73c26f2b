"""What stands at a place, where a part stands and what moved."""

from __future__ import annotations

import random
from collections.abc import Callable

from stb_service.scale.stock import MAIN, VANS
from tests.bench.figures import Figure
from tests.bench.operator import ROUNDS, figure_of, operator


def stock_ms(
    say: Callable[[str], None], *, devices: int | None = None, rounds: int = ROUNDS
) -> Figure:
    """Ask for what stands at places, where a part stands and what moved; whole requests."""
    found = operator(say, devices)
    chance = random.Random(rounds)
    vans, parts = (chance.sample(range(of), min(of, rounds)) for of in (VANS, found.sizes.parts))
    wanted = {
        "stock": [f"/api/v1/locations/{MAIN}/stock?limit=50"],
        "stock of a van": [f"/api/v1/locations/VAN-{n}/stock?limit=50" for n in vans],
        "whole stock": [f"/api/v1/locations/{MAIN}/stock?limit=200"],
        "what ever stood": [f"/api/v1/locations/{MAIN}/stock?limit=50&empty=all"],
        "moves of a place": [f"/api/v1/stock-moves?location={MAIN}"],
        "moves of a part": [f"/api/v1/stock-moves?part=P-{n:04d}" for n in parts],
        "moves": ["/api/v1/stock-moves"],
    }
    return figure_of("stock_ms", found, wanted, rounds)

"""Whatever a fleet does, the engine keeps its promises: seeded, in virtual time."""

from __future__ import annotations

from datetime import datetime

import pytest

from stb_service.shared.access import Actor
from stb_service.shared.db import Database
from stb_service.shared.files import FileStore
from tests.firmware.world import World
from tests.simulation.fleet import Simulation, stuck


@pytest.fixture
def world(sqlite_db: Database, files: FileStore, actor: Actor, now: datetime) -> World:
    made = World(sqlite_db, files, actor, now)
    made.image("1.0")
    return made


@pytest.mark.parametrize("seed", [1, 2])
def test_a_fleet_of_all_kinds(world: World, seed: int) -> None:
    simulation = Simulation(world, seed, boxes=32)
    simulation.run(150)
    simulation.settle(rounds=2)
    assert stuck(world) is None
    assert simulation.verified_truly > 0
    assert simulation.fullest == simulation.cap


@pytest.mark.prove
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(100, 105))
def test_large_fleets_of_all_kinds(world: World, seed: int) -> None:
    simulation = Simulation(world, seed, boxes=300)
    simulation.run(4000)
    simulation.settle(rounds=20)
    assert stuck(world) is None
    assert simulation.verified_truly > 0
    assert simulation.fullest == simulation.cap

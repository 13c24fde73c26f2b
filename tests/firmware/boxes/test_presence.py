"""When boxes were last seen: gathered, written in one go, never backward."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy.exc import OperationalError

from firmware.boxes.presence import Presence, Sighting
from tests.firmware.world import World, listening


@pytest.fixture
def gatherer(world: World) -> Presence:
    world.boxes(3, seen=False)
    return Presence(world.db, every_s=3600)


def note(
    gatherer: Presence,
    box_id: int,
    at: datetime,
    address: str = "10.0.0.1",
    bytes_at: datetime | None = None,
) -> None:
    """Note without starting the writer's thread."""
    gatherer._merge({box_id: Sighting(at, "ddi", address, bytes_at)})


def test_sights_are_written_in_one_go(world: World, gatherer: Presence) -> None:
    note(gatherer, 1, world.now)
    note(gatherer, 2, world.now)
    note(gatherer, 1, world.now + timedelta(seconds=5), "10.0.0.2")
    assert (gatherer.flush(), gatherer.flush()) == (2, 0)
    box = world.box("box-00000")
    assert (box.last_seen_at, box.last_address) == (world.now + timedelta(seconds=5), "10.0.0.2")
    assert world.box("box-00002").last_seen_at is None


def test_a_sight_never_goes_backward(world: World, gatherer: Presence) -> None:
    later = world.now + timedelta(seconds=5)
    note(gatherer, 1, later)
    note(gatherer, 1, world.now)
    gatherer.flush()
    other_process = Presence(world.db)
    note(other_process, 1, world.now)
    other_process.flush()
    assert world.box("box-00000").last_seen_at == later


def test_a_poll_keeps_when_the_box_last_took_bytes(world: World, gatherer: Presence) -> None:
    took, polled = world.now, world.now + timedelta(seconds=5)
    note(gatherer, 1, took, bytes_at=took)
    note(gatherer, 1, polled)
    gatherer.flush()
    note(gatherer, 1, polled)
    gatherer.flush()
    box = world.box("box-00000")
    assert (box.last_seen_at, box.bytes_at) == (polled, took)


def test_a_failed_write_loses_nothing(world: World, gatherer: Presence) -> None:
    note(gatherer, 1, world.now)
    note(gatherer, 2, world.now)

    def refuse(*_: object) -> None:
        raise OperationalError("UPDATE", {}, Exception("disk full"))

    with (
        listening(world.db, "before_cursor_execute", refuse),
        pytest.raises(OperationalError),
    ):
        gatherer.flush()
    note(gatherer, 2, world.now + timedelta(seconds=1))
    gatherer.flush()
    seen = [world.box(uid).last_seen_at for uid in ("box-00000", "box-00001")]
    assert seen == [world.now, world.now + timedelta(seconds=1)]


def test_closing_writes_what_is_left(world: World, gatherer: Presence) -> None:
    gatherer.note(1, world.now, "ddi", "a" * 99)
    gatherer.close()
    box = world.box("box-00000")
    assert (box.last_seen_at, box.last_address) == (world.now, "a" * 45)

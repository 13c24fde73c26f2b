"""The fleet of the demonstration: which boxes poll."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import pytest

from firmware.boxes.models import Box
from stb_service.demo import SEED, _bad_revision, _fleet_boxes
from stb_service.devices.demo import MODELS, load_demo
from stb_service.shared.access import Actor
from stb_service.shared.db import Database

REVISIONS = sum(len(model["revisions"]) for model in MODELS)


@pytest.fixture
def operator(sqlite_db: Database, actor: Actor, now: datetime) -> Database:
    """A database with the operator of the demonstration."""
    with sqlite_db.write() as session:
        load_demo(session, actor=actor, now=now, seed=SEED)
    return sqlite_db


def fleet(operator: Database, count: int) -> tuple[list[Box], str]:
    with operator.read() as session:
        return _fleet_boxes(session, count), _bad_revision(session)


@pytest.mark.parametrize("count", [3, 60])
def test_a_third_of_the_fleet_is_of_the_revision_that_will_not_boot(
    operator: Database, count: int
) -> None:
    boxes, revision = fleet(operator, count)

    assert len({box.uid for box in boxes}) == count
    assert Counter(box.revision_code for box in boxes)[revision] == count // 3


def test_every_model_and_revision_is_in_the_fleet(operator: Database) -> None:
    boxes, _ = fleet(operator, 60)

    assert len({(box.model_code, box.revision_code) for box in boxes}) == REVISIONS


def test_a_fleet_larger_than_the_registry_is_the_whole_registry(operator: Database) -> None:
    boxes, _ = fleet(operator, 1000)

    assert len({box.uid for box in boxes}) == len(boxes) == 300

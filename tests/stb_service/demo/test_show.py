"""The fleet of the demonstration: which boxes poll."""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy.orm import Session

from firmware.boxes.models import Box
from firmware.rollouts import queries as rollout_queries
from stb_service.demo import show
from stb_service.demo.show import SEED, _bad_revision, _fleet_boxes
from stb_service.devices.demo import MODELS, load_demo
from stb_service.shared.access import Actor
from stb_service.shared.db import Database
from stb_service.shared.settings import Settings

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


def test_a_rollout_that_a_person_paused_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, operator: Database, settings: Settings
) -> None:
    """The states that `_watch` finds, one a second; it leaves at the first that is an end."""
    states = ["running", "paused", "paused", "running", "complete", "never asked"]
    found = iter(states)
    said: list[str] = []
    stage = SimpleNamespace(db=operator, settings=settings, say=said.append)
    rollout = SimpleNamespace(name="Demo", reason="", wave_open=1)
    monkeypatch.setattr(
        Session, "get_one", lambda *_: SimpleNamespace(**{**vars(rollout), "state": next(found)})
    )
    monkeypatch.setattr(rollout_queries, "counts_of", lambda *_, **__: [])
    monkeypatch.setattr(show, "progress", lambda _: {})
    monkeypatch.setattr(time, "sleep", lambda _: None)

    show._watch(cast("Any", stage), cast("Any", SimpleNamespace(check=lambda: None)), 1)

    assert said[-1] == "Demo: complete. "
    assert next(found) == "never asked"

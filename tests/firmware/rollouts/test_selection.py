"""Which boxes a rollout is for: the query and the test on one box agree."""

from __future__ import annotations

import random

import pytest
from sqlalchemy import select

from firmware.boxes.models import Box
from firmware.rollouts.selection import Selection, means, meant_boxes
from tests.firmware.world import World


@pytest.fixture
def fleet(world: World) -> int:
    """A mixed fleet, and an image that is for every box of it."""
    world.boxes(6, model="X100", revision="r1", tags=["gold"])
    world.boxes(6, model="X100", revision="r2", version="0.9", tags=["gold", "lab"])
    world.boxes(6, model="X200", revision="r1", version=None)
    world.boxes(3, model="X200", revision="", seen=False, tags=["lab"])
    world.change_box("box-00001", state="retired")
    return world.image("2.0", fits=(("X100", "*"), ("X200", "*")))


def some(rng: random.Random, words: list[str]) -> tuple[str, ...]:
    return tuple(rng.sample(words, rng.choice([0, 0, 0, 1, 2])))


def random_selection(seed: int) -> Selection:
    rng = random.Random(seed)
    return Selection(
        models=some(rng, ["X100", "X200", "X300"]),
        revisions=some(rng, ["r1", "r2", ""]),
        versions=some(rng, ["1.0", "0.9", "7"]),
        tags=some(rng, ["gold", "lab", "none"]),
        uids=some(rng, ["box-00000", "box-00001", "box-00007", "box-00013", "box-00020"]),
    )


def test_the_query_and_the_test_on_one_box_agree(world: World, fleet: int) -> None:
    with world.db.read() as session:
        boxes = session.scalars(select(Box)).all()
        tags = {box.uid: {tag.tag for tag in box.tags} for box in boxes}
        selections = [random_selection(seed) for seed in range(150)]
        by_query = [
            {row.uid for row in session.execute(meant_boxes(selection, fleet))}
            for selection in selections
        ]
        by_test = [
            {box.uid for box in boxes if means(selection, box, tags[box.uid])}
            for selection in selections
        ]
    assert by_query == by_test
    assert len({frozenset(found) for found in by_query}) > 15


def test_an_image_bounds_what_is_meant(world: World, fleet: int) -> None:
    narrow = world.image("3.0", fits=(("X100", "r2"),))
    with world.db.read() as session:
        found = {row.uid for row in session.execute(meant_boxes(Selection(), narrow))}
    assert found == {f"box-{n:05}" for n in range(6, 12)}


def test_a_selection_comes_back_as_it_was_stored() -> None:
    selection = Selection(models=("X1",), tags=("a", "b"))
    assert Selection.from_json(selection.as_json()) == selection
    assert (Selection().is_empty, selection.is_empty) == (True, False)

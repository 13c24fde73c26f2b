"""The only way down: a recall."""

from __future__ import annotations

import pytest

from stb_service.shared.errors import Refused
from tests.firmware.world import World


def test_a_recall_brings_boxes_back_and_ends_the_images_rollouts(world: World) -> None:
    updated, on_its_way, old = world.boxes(3)
    two = world.image("2.0")
    rollout = world.rollout(two)
    world.install(updated, "2.0")
    world.poll(on_its_way)
    world.report(on_its_way)
    recall = world.recall(two, 1)
    assert world.found(rollout).state == "cancelled"
    assert world.told(old) == "cancelled"
    assert world.install(updated, "1.0", recall) == "verified"
    assert world.state(updated, rollout) == "verified"


def test_a_recall_waits_for_boxes_still_on_their_way_to_the_image(world: World) -> None:
    (uid,) = world.boxes(1)
    two = world.image("2.0")
    world.rollout(two)
    world.poll(uid)
    world.report(uid)
    recall = world.recall(two, 1)
    world.tick(recall)
    before = world.found(recall).state
    world.state_version(uid, "2.0", boot="boot-2")
    told = world.told(uid)
    world.report(uid, recall)
    world.state_version(uid, "1.0", boot="boot-3")
    world.tick(recall)
    assert (before, told) == ("running", "offered")
    assert (world.state(uid, recall), world.found(recall).state) == ("verified", "complete")


def test_a_recall_leaves_boxes_alone_that_are_not_on_the_image(world: World) -> None:
    two = world.image("2.0", fits=(("X100", "r1"),))
    world.image("2.0", fits=(("X100", "r2"),))
    (other,) = world.boxes(1, revision="r2", version="2.0")
    (meant,) = world.boxes(1, version="2.0")
    recall = world.recall(two, 1)
    assert world.waves(recall) == {meant: 1}
    assert world.told(other) == "no_rollout"


def test_a_recall_leads_to_an_older_version_only(world: World) -> None:
    two = world.image("2.0")
    three = world.image("3.0")
    world.boxes(1, version="2.0")
    with pytest.raises(Refused, match="not older"):
        world.recall(two, three)
    assert world.recall(two, 1)


def test_a_recall_means_the_pairs_of_model_and_revision_that_the_image_fits(world: World) -> None:
    """Another image of the same version, for another revision of one of its models, stays."""
    seven = world.image("0.7", fits=(("M1", "*"), ("M2", "*")))
    recalled = world.image("0.9", fits=(("M1", "A"), ("M2", "B")))
    world.image("0.9", fits=(("M1", "B"),))
    one = world.boxes(1, model="M1", revision="A", version="0.9")
    two = world.boxes(1, model="M2", revision="B", version="0.9")
    other = world.boxes(1, model="M1", revision="B", version="0.9")
    recall = world.recall(recalled, seven)
    late = world.boxes(1, model="M1", revision="B", version="0.9")
    told = [world.told(uid) for uid in (*other, *late)]
    assert set(world.waves(recall)) == {*one, *two}
    assert told == ["no_rollout", "no_rollout"]

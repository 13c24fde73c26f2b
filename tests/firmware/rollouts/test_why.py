"""Why: for any box and any moment, the last decision and its reason in a sentence."""

from __future__ import annotations

from datetime import timedelta

import pytest

from firmware.boxes.rules import BoxState
from firmware.rollouts.queries import decision_at, decisions_of
from firmware.rollouts.rules import (
    MEMBER_MOVES,
    MEMBER_STATE_NAMES,
    ROLLOUT_MOVES,
    SENTENCES,
    MemberState,
    RolloutState,
    reason,
)
from tests.firmware.world import World, statements_to


@pytest.fixture
def world(small_world: World) -> World:
    return small_world


def codes(world: World, uid: str) -> list[str]:
    with world.db.read() as session:
        found = decisions_of(session, world.box(uid))
        return [record.reason_code for record in reversed(found)]


def test_a_decision_is_kept_when_it_changes_and_only_then(world: World) -> None:
    (uid,) = world.boxes(1)
    polls = [world.told(uid), world.told(uid)]
    world.rollout(world.image("2.0"))
    polls += [world.told(uid), world.told(uid)]
    world.fetch(uid)
    polls += [world.told(uid)]
    world.report(uid)
    polls += [world.told(uid), world.told(uid)]
    assert len(polls) == 7
    assert codes(world, uid) == ["no_rollout", "offered", "awaiting_reboot"]


def test_the_reason_is_new_with_what_a_box_states_and_not_only_at_its_next_poll(
    world: World,
) -> None:
    (uid,) = world.boxes(1)
    world.rollout(world.image("2.0"))
    world.poll(uid)
    world.fetch(uid)
    world.report(uid)
    world.told(uid)
    world.state_version(uid, "2.0", boot="after")
    assert codes(world, uid) == ["offered", "awaiting_reboot", "done"]
    assert world.told(uid) == "done"
    assert codes(world, uid) == ["offered", "awaiting_reboot", "done"]


def test_a_statement_of_a_box_that_is_offered_an_update_keeps_no_reason(world: World) -> None:
    (uid,) = world.boxes(1)
    world.rollout(world.image("2.0"))
    world.state_version(uid, "1.0")
    assert codes(world, uid) == []
    world.poll(uid)
    world.state_version(uid, "1.0")
    assert codes(world, uid) == ["offered"]


def test_the_decision_at_any_moment_is_the_last_one_up_to_then(world: World) -> None:
    (uid,) = world.boxes(1)
    world.poll(uid)
    first = world.now
    world.wait(hours=1)
    world.rollout(world.image("2.0"))
    world.poll(uid)
    second = world.now
    moments = [first - timedelta(seconds=1), first, second - timedelta(seconds=1), second]
    with world.db.read() as session:
        found = [decision_at(session, world.box(uid), at=moment) for moment in moments]
    assert [record.reason_code if record else None for record in found] == [
        None,
        "no_rollout",
        "no_rollout",
        "offered",
    ]


def test_a_reason_is_a_sentence(world: World) -> None:
    (uid,) = world.boxes(1)
    world.rollout(world.image("2.0"), name="Spring")
    told = world.poll(uid).decision.reason
    assert str(told) == "Offered 2.0 by Spring, wave 1."


def update(world: World, uid: str, version: str) -> str:
    world.rollout(world.image(version))
    return world.install(uid, version)


def test_a_poll_that_changes_nothing_writes_nothing_and_asks_little(world: World) -> None:
    (uid,) = world.boxes(1)
    updates = [update(world, uid, f"2.{n}") for n in range(5)]
    world.poll(uid)
    with statements_to(world.db) as statements:
        settled = world.poll(uid).is_settled
    # `World.poll` itself notes the sight and reads the box twice
    told = [s for s in statements if "SET last_seen_at" not in s and "BEGIN" not in s]
    assert (updates, settled) == (["verified"] * 5, True)
    assert not [s for s in told if not s.startswith("SELECT")]
    assert len(told) <= 2 + 2


def test_a_box_for_which_all_places_are_taken_takes_no_lock_again(world: World) -> None:
    first, second = world.boxes(2)
    world.rollout(world.image("2.0"), cap=1)
    world.poll(first)
    assert world.told(second) == "cap_full"
    assert world.poll(second).is_settled
    assert codes(world, second) == ["cap_full"]


def test_a_code_without_a_sentence_is_an_error() -> None:
    assert reason("no_rollout").code in SENTENCES
    with pytest.raises(KeyError):
        reason("because")


def test_every_state_is_named_and_reached() -> None:
    assert set(MEMBER_STATE_NAMES) == set(MemberState)
    assert {to for _, to in MEMBER_MOVES} == set(MemberState)
    assert {to for _, to in ROLLOUT_MOVES} | {RolloutState.DRAFT} == set(RolloutState)


def test_every_state_in_which_a_box_is_not_served_has_a_sentence() -> None:
    unserved = [state for state in BoxState if state != BoxState.KNOWN]
    assert all(f"box_{state}" in SENTENCES for state in unserved)

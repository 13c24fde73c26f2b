"""What the database itself refuses, whoever writes past the service."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError

from firmware.rollouts.models import Member, RolloutEvent, RolloutMove
from firmware.rollouts.moves import move_rollout
from firmware.rollouts.rules import ROLLOUT_MOVES, RolloutState, reason
from stb_service.shared.errors import Conflict
from tests.firmware.world import World


@pytest.fixture
def rollout(world: World) -> int:
    """A rollout that runs: one event, from draft to running."""
    world.boxes(2)
    return world.rollout(world.image("2.0"))


def write_event(world: World, **values: Any) -> None:
    row = {
        "rollout_id": 1,
        "seq": 2,
        "previous_seq": 1,
        "predecessor_seq": 1,
        "from_state": "running",
        "to_state": "paused",
        "at": world.now,
        "actor_label": "stranger",
        "reason_code": "by_hand",
        "reason_values": {},
    }
    with world.db.write() as session:
        session.execute(insert(RolloutEvent), [{**row, **values}])


def test_the_table_of_moves_is_the_one_of_the_rules(world: World) -> None:
    with world.db.read() as session:
        rows = session.execute(select(RolloutMove.from_state, RolloutMove.to_state)).all()
    assert {tuple(row) for row in rows} == set(ROLLOUT_MOVES)


def test_a_legal_event_that_follows_its_predecessor_is_taken(world: World, rollout: int) -> None:
    write_event(world)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"to_state": "draft"}, id="no such move"),
        pytest.param({"from_state": "paused", "to_state": "running"}, id="begins elsewhere"),
        pytest.param({"predecessor_seq": None}, id="no predecessor"),
        pytest.param({"seq": 3, "previous_seq": 1, "predecessor_seq": 1}, id="leaves one out"),
        pytest.param({"seq": 3, "previous_seq": 2, "predecessor_seq": 1}, id="other predecessor"),
        pytest.param({"seq": 1, "previous_seq": 0, "predecessor_seq": None}, id="number taken"),
    ],
)
def test_an_event_that_does_not_follow_is_refused(
    world: World, rollout: int, wrong: dict[str, Any]
) -> None:
    with pytest.raises(IntegrityError):
        write_event(world, **wrong)


def test_the_service_refuses_a_move_that_is_not_in_the_table(world: World, rollout: int) -> None:
    with (
        pytest.raises(Conflict, match="cannot become"),
        world.db.write() as session,
    ):
        move_rollout(
            session,
            rollout=session.merge(world.found(rollout)),
            to=RolloutState.DRAFT,
            why=reason("retried"),
            actor=world.actor,
            now=world.now,
        )


def test_a_box_has_at_most_one_update_in_flight_whatever_the_rollouts(
    world: World, rollout: int
) -> None:
    other = world.rollout(world.image("3.0"))
    world.poll("box-00000")
    move = text("UPDATE fw_members SET state = 'offered' WHERE box_id = 1 AND rollout_id = :id")
    assert world.state("box-00000", other) == "offered"
    with pytest.raises(IntegrityError), world.db.write() as session:
        session.execute(move, {"id": rollout})


def test_a_box_is_once_in_a_rollout(world: World, rollout: int) -> None:
    with world.db.write() as session:
        member = session.get_one(Member, 1)
        columns = {c.name: getattr(member, c.name) for c in Member.__table__.columns}
    with pytest.raises(IntegrityError), world.db.write() as session:
        session.execute(insert(Member), [{**columns, "id": 99}])

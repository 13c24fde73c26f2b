"""What was told to boxes and said by them is removed when it has had its time, never too early."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import event, select

from firmware.boxes.models import BoxReport
from firmware.boxes.operations import keep_report
from firmware.rollouts import queries, retention
from firmware.rollouts.models import DecisionRecord, MemberEvent
from stb_service.shared.db import Database
from tests.firmware.world import World

SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "SLICE", 2)


def tell(world: World, uid: str, *moments: datetime) -> None:
    with world.db.write() as session:
        box = world.box(uid)
        for n, at in enumerate(moments):
            session.add(
                DecisionRecord(
                    box_id=box.id, at=at, wire="ddi", reason_code=f"told-{n}", reason_values={}
                )
            )
            session.flush()


def told(world: World, uid: str) -> list[str]:
    box = world.box(uid)
    with world.db.read() as session:
        return [row.reason_code for row in queries.decisions_of(session, box)][::-1]


def keep(world: World, uid: str, action: int | str | None) -> None:
    with world.db.write() as session:
        keep_report(
            session,
            box=world.box(uid),
            wire="ddi",
            body=f"report on {action}",
            action=None if action is None else str(action),
            execution="closed",
            now=world.now,
        )


def reported(world: World) -> list[str | None]:
    with world.db.read() as session:
        return list(session.scalars(select(BoxReport.action).order_by(BoxReport.id)))


def test_the_decision_that_held_at_that_moment_stays_and_so_does_the_latest(world: World) -> None:
    one, quiet = world.boxes(2)
    before = world.now
    tell(world, one, before - 9 * SECOND, before - 8 * SECOND, before - SECOND, before + SECOND)
    tell(world, quiet, before - 9 * SECOND)

    removed = [retention.forget_decisions(world.db, before=before) for _ in range(2)]

    assert removed == [2, 0]
    assert told(world, one) == ["told-2", "told-3"]
    assert told(world, quiet) == ["told-0"]
    with world.db.read() as session:
        held = queries.decision_at(session, world.box(one), at=before)
    assert held is not None
    assert held.reason_code == "told-2"


@pytest.mark.parametrize(
    ("offset", "left"),
    [
        (-SECOND, ["told-1"]),
        (0 * SECOND, ["told-1"]),
        (SECOND, ["told-0", "told-1"]),
    ],
)
def test_a_decision_goes_when_the_next_one_is_old_enough(
    world: World, offset: timedelta, left: list[str]
) -> None:
    (uid,) = world.boxes(1)
    tell(world, uid, world.now - 9 * SECOND, world.now + offset)

    retention.forget_decisions(world.db, before=world.now)

    assert told(world, uid) == left


def test_of_two_decisions_of_one_moment_the_later_row_stays(world: World) -> None:
    (uid,) = world.boxes(1)
    tell(world, uid, world.now - SECOND, world.now - SECOND)

    assert retention.forget_decisions(world.db, before=world.now) == 1
    assert told(world, uid) == ["told-1"]


def test_reports_and_moves_of_a_live_rollout_stay_however_old(world: World) -> None:
    uids = world.boxes(3)
    rollout = world.rollout(world.image("2.0"))
    for uid in uids:
        world.poll(uid)
        keep(world, uid, world.last_action(uid))
    world.wait(days=400)
    moves = world.moves(uids[0])

    assert retention.forget_reports(world.db, before=world.now) == 0
    assert retention.forget_moves(world.db, before=world.now) == 0
    assert world.moves(uids[0], rollout) == moves


def test_reports_and_moves_of_an_ended_rollout_go(world: World) -> None:
    uids = world.boxes(3)
    rollout = world.rollout(world.image("2.0"))
    for uid in uids:
        world.install(uid, "2.0")
        keep(world, uid, world.last_action(uid))
    world.tick(rollout)
    assert world.found(rollout).state == "complete"
    kept = len(reported(world))
    world.wait(days=2)
    early = world.now - timedelta(days=3)

    assert retention.forget_reports(world.db, before=early) == 0
    assert retention.forget_moves(world.db, before=early) == 0
    assert retention.forget_reports(world.db, before=world.now) == kept == 3
    assert retention.forget_moves(world.db, before=world.now) >= 9
    assert (reported(world), world.moves(uids[0])) == ([], [])
    assert world.state(uids[0]) == "verified"


def test_moves_stay_while_the_end_of_their_rollout_is_young(world: World) -> None:
    (uid,) = world.boxes(1)
    rollout = world.rollout(world.image("2.0"))
    world.install(uid, "2.0")
    world.wait(days=2)
    world.staff("cancel", rollout)

    assert retention.forget_moves(world.db, before=world.now) == 0
    assert retention.forget_moves(world.db, before=world.now + SECOND) > 0


@pytest.mark.parametrize("action", [None, "none", "9" * 30, "٣"])
def test_a_report_on_nothing_of_ours_goes_by_its_age(world: World, action: str | None) -> None:
    (uid,) = world.boxes(1)
    keep(world, uid, action)

    assert retention.forget_reports(world.db, before=world.now) == 0
    assert retention.forget_reports(world.db, before=world.now + SECOND) == 1


def test_what_is_removed_goes_in_small_units_of_work(
    world: World, both: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    (uid,) = world.boxes(1)
    tell(world, uid, *(world.now - n * SECOND for n in range(20, 0, -1)))
    deleted: list[int] = []

    def count(_c: object, cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("DELETE"):
            deleted.append(cursor.rowcount)  # type: ignore[attr-defined]

    event.listen(both.engine, "after_cursor_execute", count)
    retention.forget_decisions(both, before=world.now)
    event.remove(both.engine, "after_cursor_execute", count)

    assert sum(deleted) == 19
    assert max(deleted) == retention.SLICE


def test_nothing_refers_to_the_moves_of_boxes() -> None:
    referred = {
        key.column.table.name
        for table in MemberEvent.metadata.sorted_tables
        for key in table.foreign_keys
    }

    assert referred.isdisjoint({"fw_member_events", "fw_decisions", "fw_box_reports", "jobs"})

"""Boxes that nobody knows: how many may wait for approval, and for how long."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import func, select, update

from firmware.boxes import queries, rules
from firmware.boxes.models import Box, BoxToken
from firmware.rollouts.models import DecisionRecord
from stb_service.shared.audit import AuditEntry
from stb_service.shared.db import Database
from stb_service.worker import housekeeping
from tests.architecture.source import ROOT
from tests.firmware.wires.conftest import MakeWire, Wire
from tests.firmware.world import statements_to

LIMITS = {"PENDING_PER_ADDRESS": 5, "PENDING_PER_ADDRESS_AND_HOUR": 3, "PENDING_LIMIT": 7}


@pytest.fixture
def queue(make_wire: MakeWire, both: Database, monkeypatch: pytest.MonkeyPatch) -> Wire:
    """An edge that lets boxes wait for approval, with small limits."""
    for name, value in LIMITS.items():
        monkeypatch.setattr(queries, name, value)
    return make_wire(both, STB_UNKNOWN_BOX="approve")


def poll(wire: Wire, name: str, address: str = "192.0.2.1") -> int:
    return int(
        wire.client.get(
            f"/DEFAULT/controller/v1/{name}",
            headers=wire.headers,
            environ_overrides={"REMOTE_ADDR": address},
        ).status_code
    )


def call_xconf(wire: Wire, mac: str, address: str = "192.0.2.1") -> Any:
    return wire.client.get(
        "/xconf/swu/stb",
        query_string={"eStbMac": mac},
        environ_overrides={"REMOTE_ADDR": address},
    )


def waiting(wire: Wire) -> list[str]:
    with wire.world.db.read() as session:
        rows = session.scalars(
            select(Box.alias).where(Box.state == "pending", Box.alias.is_not(None)).order_by(Box.id)
        )
        return [alias for alias in rows if alias is not None]


def keep_house(wire: Wire) -> None:
    wire.app.extensions["edge"].presence.flush()
    housekeeping(wire.world.db, wire.world.files, now=wire.world.now)


def test_one_address_adds_so_many_boxes_in_an_hour_and_in_all(queue: Wire) -> None:
    first = [poll(queue, f"A{n}") for n in range(4)]
    again = poll(queue, "A0")
    queue.wait(minutes=59, seconds=59)
    inside = poll(queue, "A4")
    queue.wait(seconds=1)
    later = [poll(queue, f"A{n}") for n in range(5, 8)]
    other = [poll(queue, f"B{n}", "192.0.2.2") for n in range(3)]

    assert (first, again, inside) == ([200, 200, 200, 403], 200, 403)
    assert later == [200, 200, 403]
    assert other == [200, 200, 403]
    assert waiting(queue) == ["A0", "A1", "A2", "A5", "A6", "B0", "B1"]


def test_boxes_that_were_refused_count_for_their_address(queue: Wire) -> None:
    for n in range(3):
        poll(queue, f"A{n}")
    with queue.world.db.write() as session:
        session.execute(update(Box).where(Box.state == "pending").values(state="refused"))

    assert poll(queue, "A3") == 403
    assert poll(queue, "A0") == 403


def test_a_line_of_ipv6_is_one_address(queue: Wire) -> None:
    statuses = [poll(queue, f"A{n}", f"2001:db8:1:2::{n + 1}") for n in range(4)]
    other = poll(queue, "B0", "2001:db8:1:3::1")

    assert (statuses, other) == ([200, 200, 200, 403], 200)


def test_a_box_for_which_there_is_no_room_is_answered_as_a_refused_one_and_takes_no_lock(
    queue: Wire,
) -> None:
    for n in range(3):
        poll(queue, f"A{n}")
    with statements_to(queue.world.db) as sent:
        statuses = [poll(queue, "A3"), call_xconf(queue, "00:1A:79:09:09:09").status_code]

    assert statuses == [403, 404]
    assert [line for line in sent if line.startswith(("INSERT", "UPDATE"))] == []
    assert len(waiting(queue)) == 3


@pytest.mark.parametrize("is_ddi", [True, False])
def test_polls_of_one_unknown_box_that_come_together_are_all_answered(
    make_wire: MakeWire, large_db: Database, is_ddi: bool
) -> None:
    wire = make_wire(large_db, STB_UNKNOWN_BOX="approve")
    together = Barrier(6)

    def call(_number: int) -> int:
        client = wire.app.test_client()
        together.wait()
        if is_ddi:
            return int(client.get("/DEFAULT/controller/v1/A0", headers=wire.headers).status_code)
        return int(client.get("/xconf/swu/stb?eStbMac=00:1A:79:00:00:99").status_code)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(call, range(6)))
    assert answers == [200 if is_ddi else 404] * 6
    assert len(waiting(wire)) == 1


def test_both_wires_share_the_limits(queue: Wire) -> None:
    macs = [f"00:1A:79:09:09:{n:02X}" for n in range(4)]
    for mac in macs:
        call_xconf(queue, mac)

    assert waiting(queue) == macs[:3]
    assert poll(queue, "A0") == 403


def test_boxes_that_are_registered_at_once_have_no_such_limit(
    make_wire: MakeWire, small_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "PENDING_PER_ADDRESS_AND_HOUR", 1)
    wire = make_wire(small_db, STB_UNKNOWN_BOX="register")

    assert [poll(wire, f"A{n}") for n in range(3)] == [200] * 3


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", None),
        ("unix:", None),
    ],
)
def test_what_counts_as_one_address(address: str, origin: str | None) -> None:
    assert rules.origin_of(address) == origin


@pytest.mark.parametrize(("seconds", "kept"), [(-1, True), (0, True), (1, False)])
def test_a_box_that_waits_and_does_not_poll_is_forgotten(
    queue: Wire, seconds: int, kept: bool
) -> None:
    poll(queue, "A0")
    queue.wait(days=1)
    poll(queue, "A0")
    queue.wait(days=rules.PENDING_SPAN.days, seconds=seconds)
    keep_house(queue)

    assert waiting(queue) == (["A0"] if kept else [])


def test_with_a_forgotten_box_goes_what_was_kept_of_it_and_nothing_else(queue: Wire) -> None:
    poll(queue, "A0")
    poll(queue, "A1")
    queue.world.change_box("box-00000", last_seen_at=queue.world.now)
    with queue.world.db.write() as session:
        session.execute(update(Box).where(Box.alias == "A1").values(state="refused"))
    queue.wait(days=rules.PENDING_SPAN.days, seconds=1)
    keep_house(queue)

    with queue.world.db.read() as session:
        names = session.scalars(select(Box.serial).order_by(Box.id)).all()
        tokens = session.scalar(select(func.count()).select_from(BoxToken))
        decisions = session.scalar(select(func.count()).select_from(DecisionRecord))
    assert (names, tokens, decisions) == (["S00000", "A1"], 2, 1)
    assert poll(queue, "A0") == 200


def test_many_are_forgotten_in_small_units(queue: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firmware.wires.strangers.FORGOTTEN_AT_ONCE", 2)
    for n in range(3):
        poll(queue, f"A{n}")
    queue.wait(days=rules.PENDING_SPAN.days, seconds=1)
    keep_house(queue)

    assert waiting(queue) == []


def test_meeting_and_forgetting_a_box_is_in_the_audit(queue: Wire) -> None:
    latest = newest_entry(queue)
    poll(queue, "A0", "192.0.2.7")
    queue.wait(days=rules.PENDING_SPAN.days, seconds=1)
    keep_house(queue)

    with queue.world.db.read() as session:
        met, forgotten = session.scalars(
            select(AuditEntry).where(AuditEntry.id > latest).order_by(AuditEntry.id)
        )
    assert [met.verb, forgotten.verb] == ["box.pending", "box.forget"]
    assert {met.actor_kind, forgotten.actor_kind} == {"system"}
    assert met.changes == {"state": [None, "pending"], "alias": "A0", "address": "192.0.2.7"}
    assert met.subject_ref == forgotten.subject_ref
    assert forgotten.at - met.at == rules.PENDING_SPAN + timedelta(seconds=1)


def newest_entry(wire: Wire) -> int:
    with wire.world.db.read() as session:
        return session.scalar(select(func.max(AuditEntry.id))) or 0


def test_the_readme_tells_the_limits() -> None:
    told = (ROOT / "README.md").read_text(encoding="utf-8")
    hour, address = rules.PENDING_PER_ADDRESS_AND_HOUR, rules.PENDING_PER_ADDRESS

    assert f"at most {hour} in an hour and {address:,} in all" in told
    assert f"there are {rules.PENDING_LIMIT:,} at most" in told
    assert f"not polled for {rules.PENDING_SPAN.days} days is forgotten" in told

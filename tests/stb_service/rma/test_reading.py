"""Lists, the board, and what returns tell other pages, in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event
from sqlalchemy.orm import Session

from stb_service.rma import board, queries, telling
from stb_service.rma.cases import CASE
from stb_service.rma.gathering import next_actions
from stb_service.rma.machine import Phase
from stb_service.rma.queries import CaseFilter, OrderFilter
from stb_service.rma.rules import MACHINES
from stb_service.shared.access import EVERYTHING
from stb_service.shared.db import Database
from tests.stb_service.rma.conftest import House

NOW_LATER = datetime(2027, 1, 1, tzinfo=UTC)


@contextmanager
def counted(db: Database) -> Iterator[list[str]]:
    """Count the queries of a block."""
    seen: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if statement != "BEGIN":
            seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


@pytest.fixture
def busy(one: House) -> House:
    """Three returns: one asked for, one on its way, one received."""
    for number in range(3):
        device = one.customers_box(f"SN-000{number}")
        one.open(device)
        if number:
            one.authorised()
    one.on_case("receive", scanned="SN-0002", location="BENCH")
    return one


def read(session: Session, **narrowed: str) -> list[str]:
    wanted = CaseFilter(**narrowed)
    page = queries.cases_page(session, wanted, EVERYTHING, now=NOW_LATER, limit=10)
    return [row.device.serial for row in page.rows]


def test_lists_are_narrowed_and_cost_the_same_however_long(busy: House) -> None:
    with busy.db.read() as session:
        assert read(session) == ["SN-0002", "SN-0001", "SN-0000"]
        assert read(session, state="requested") == ["SN-0000"]
        assert read(session, phase=Phase.BENCH) == ["SN-0002"]
        assert read(session, text="R-2") == ["SN-0001"]
        assert read(session, text="SN-0001") == ["SN-0001"]
        assert read(session, text=" w-2 ") == ["SN-0002"]
        assert read(session, account=busy.home.number, standing="live", device="SN-0002") == [
            "SN-0002"
        ]
        assert read(session, standing="due") == ["SN-0001", "SN-0000"]
        assert read(session, standing="closed") == read(session, account="A-9") == []
        assert read(session, handler="operator", remedy="repair", channel="call")[0] == "SN-0002"
        orders = queries.orders_page(session, OrderFilter(text="SN-0002"), EVERYTHING)
        assert [row.number for row in orders.rows] == ["W-000002"]
    for reads in (
        lambda s: queries.cases_page(s, CaseFilter(), EVERYTHING, now=NOW_LATER, limit=10),
        lambda s: queries.orders_page(s, OrderFilter(), EVERYTHING),
    ):
        with busy.db.read() as session, counted(busy.db) as seen:
            for row in reads(session).rows:
                assert row.device.model_code
        assert len(seen) == 1


def test_the_board_shows_each_phase_with_those_longest_in_their_step_first(busy: House) -> None:
    when: dict[str, Any] = {"now": NOW_LATER, "zone": UTC}
    with busy.db.read() as session, counted(busy.db) as seen:
        rows = board.columns(session, board.Wanted(), busy.actor, **when)
        columns = {column.phase: column for column in rows}
        assert (columns[Phase.ASKED].total, columns[Phase.ASKED].late) == (1, 1)
        assert columns[Phase.ARRIVING].total == 1
        assert [case.number for case in columns[Phase.BENCH].cases] == ["R-000003"]
        assert columns[Phase.LEAVING].cases == []
    assert len(seen) == 3


def test_what_can_come_next_is_told_with_what_bars_it(busy: House) -> None:
    with busy.db.read() as session:
        case = queries.case_by_ref(session, "R-3", EVERYTHING)
        order = queries.order_of_case(session, case, EVERYTHING)
        with counted(busy.db) as seen:
            found = next_actions(session, case, order, actor=busy.actor, now=busy.now)
    events = {(action.machine, action.event): action for action in found}

    assert {action.machine for action in found} == set(MACHINES)
    assert ("order", "inspect") in events
    assert events[CASE.name, "withdraw"].asks == ("reason",)
    assert len(seen) < 40


def test_search_card_account_and_timelines_tell_of_returns(busy: House) -> None:
    with busy.db.read() as session:
        case = queries.case_by_ref(session, "r3", EVERYTHING)
        uid = case.device.public_id
        hits = queries.find_cases(session, "R-000003", EVERYTHING, 5)
        assert [hit.title for hit in hits] == ["R-000003"]
        assert queries.find_cases(session, "W2", EVERYTHING, 5)[0].title == "W-000002"
        card = telling.card_of_box(session, uid, busy.actor, busy.now)
        assert [row.number for row in card["cases"]] == ["R-000003"]
        section = telling.section_of_account(session, busy.home.public_id, busy.actor, busy.now)
        assert len(section["cases"]) == 3
        entries = list(telling.timeline_of_box(session, uid, busy.actor, 10))
        assert entries[0].sentence == "Return R-000003: Receive (test-admin)"
        account = list(telling.timeline_of_account(session, busy.home.public_id, busy.actor, 10))
        assert len(account) == 6


def test_the_card_of_a_box_is_drawn_with_its_returns(
    client: FlaskClient, sqlite_db: Database, people: Any, actor: Any, now: Any
) -> None:
    from stb_service.devices.arrivals.operations import register_device
    from stb_service.devices.catalogue.operations import create_model
    from stb_service.rma.operations import open_case

    with sqlite_db.write() as session:
        create_model(session, code="M", name="M", maker="M", actor=actor, now=now)
        device = register_device(session, serial="SN-1", model="M", actor=actor, now=now)
        case = open_case(session, device=device.public_id, actor=actor, now=now)

    page = client.get(f"/devices/{device.public_id}").text

    assert f'href="/returns/{case.public_id}">R-000001</a> Repair and return' in page

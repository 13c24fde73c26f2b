"""The states of returns cannot be made untrue past the service, whoever writes SQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import DBAPIError

from stb_service.rma.models import CaseEvent, OrderEvent, ReturnCase, WorkshopOrder
from tests.stb_service.rma.conftest import House

STEP: Mapping[str, Any] = {
    "seq": 3,
    "previous_seq": 2,
    "predecessor_seq": 2,
    "from_state": "authorised",
    "from_held": False,
    "event": "post",
    "to_state": "in_transit_in",
    "to_held": False,
}


@pytest.fixture
def authorised(house: House) -> House:
    """A case that was requested and authorised, its order expected."""
    return house.open(house.customers_box()).authorised()


def write(house: House, **changes: Any) -> None:
    """Write an event of the case with nothing but SQL."""
    with house.db.write() as session:
        owner = session.scalars(select(ReturnCase.id)).one()
        values = {**STEP, **changes, "at": house.now, "actor_ref": "x", "actor_label": "x"}
        session.execute(insert(CaseEvent).values(case_id=owner, reason="", stated={}, **values))


def test_the_database_lets_only_true_histories_be_written(authorised: House) -> None:
    house = authorised
    lies: dict[str, dict[str, Any]] = {
        "no such move": {"to_state": "received"},
        "no such event": {"event": "teleport"},
        "a hold that is none": {"to_held": True},
        "not where the one before ended": {
            "from_state": "in_transit_in",
            "event": "receive",
            "to_state": "received",
        },
        "not after the one before": {"seq": 9, "previous_seq": 8, "predecessor_seq": 8},
        "after one long before": {"predecessor_seq": 1},
        "a number that is taken": {"seq": 2, "previous_seq": 1, "predecessor_seq": 1},
        "out of nowhere": {"predecessor_seq": None},
    }
    for changes in lies.values():
        with pytest.raises(DBAPIError):
            write(house, **changes)
    changing = (
        update(CaseEvent).values(to_state="closed"),
        update(OrderEvent).values(at=house.now),
        text("DELETE FROM rma_case_events"),
        text("DELETE FROM rma_order_events"),
        update(ReturnCase).values(state="closed"),
        update(ReturnCase).values(held=True),
        update(ReturnCase).values(state="requested", event_seq=1),
        update(ReturnCase).values(event_seq=7),
        update(WorkshopOrder).values(state="restocked"),
    )
    for statement in changing:
        with pytest.raises(DBAPIError), house.db.write() as session:
            session.execute(statement)
    assert house.states == ("authorised", "expected")


def test_a_true_event_is_followed_by_the_case_whoever_wrote_it(authorised: House) -> None:
    write(authorised)

    assert authorised.case.state == "in_transit_in"
    assert authorised.case.event_seq == 3
    authorised.on_case("cancel", reason="found the remote")
    assert authorised.states == ("cancelled", "cancelled")


def test_statements_are_never_changed_and_a_box_has_one_live_case(authorised: House) -> None:
    authorised.state("fee_agreed")
    with authorised.db.read() as session:
        case = session.scalars(select(ReturnCase)).one()
        row = {
            column.name: getattr(case, column.name)
            for column in ReturnCase.__table__.columns
            if column.name not in {"id", "public_id"}
        }
    twice = {**row, "ordinal": 99, "number": "R-000099"}
    for statement in (
        text("UPDATE rma_statements SET stands = NOT stands"),
        text("DELETE FROM rma_statements"),
        insert(ReturnCase).values(public_id="another", **twice),
    ):
        with pytest.raises(DBAPIError), authorised.db.write() as session:
            session.execute(statement)


LEGAL = """
INSERT INTO rma_{}_moves (from_state, from_held, event, to_state, to_held)
VALUES ('quoted', false, 'zap', 'closed', false)
"""
RETURNED = """
INSERT INTO rma_exchange_events
(exchange_id, seq, predecessor_seq, from_state, to_state, at, actor_ref, actor_label)
SELECT exchange_id, 2, 1, 'allocated', 'returned', at, '', '' FROM rma_exchange_events
"""
PAST_THE_SERVICE = (
    *(
        statement
        for machine in ("case", "order", "claim")
        for statement in (
            LEGAL.format(machine),
            f"UPDATE rma_{machine}_moves SET to_state = 'closed'",
            f"DELETE FROM rma_{machine}_moves",
        )
    ),
    "INSERT INTO quote_moves (from_state, to_state) VALUES ('expired', 'accepted')",
    "UPDATE quote_moves SET to_state = 'accepted'",
    "DELETE FROM quote_moves",
    "UPDATE rma_cases SET closed_at = entered_at",
    "UPDATE rma_orders SET ended_at = entered_at",
    "UPDATE quotes SET state = 'accepted'",
    "UPDATE quotes SET state = 'declined', event_seq = 2",
    "UPDATE quotes SET state = 'draft', event_seq = NULL, line_count = NULL",
    "UPDATE rma_faults SET verdict = 'in_warranty'",
    "UPDATE rma_faults SET verdict = NULL, verdict_seq = NULL",
    "UPDATE rma_faults SET verdict = 'in_warranty', verdict_seq = 2",
    "UPDATE rma_faults SET second_verdict = 'user_fault', second_seq = 1",
    "DELETE FROM rma_faults",
    "UPDATE rma_judgements SET verdict = 'in_warranty'",
    "DELETE FROM rma_judgements",
    "UPDATE rma_exchanges SET state = 'given'",
    "UPDATE rma_exchanges SET state = 'given', event_seq = 2",
    "UPDATE rma_exchange_events SET to_state = 'given'",
    "DELETE FROM rma_exchange_events",
    RETURNED,
)
"""What would make a state, a verdict or what is legal untrue."""


def test_no_statement_past_the_service_makes_a_state_or_a_verdict_untrue(house: House) -> None:
    device = house.customers_box()
    house.open(device, "mainboard").received(device).judged("liquid", photo=True).quoted()
    house.allocated(house.spare())

    accepted = []
    for statement in PAST_THE_SERVICE:
        try:
            with house.db.write() as session:
                session.execute(text(statement))
        except DBAPIError:
            continue
        accepted.append(statement)

    assert accepted == []
    assert house.states == ("quoted", "inspected")


def test_a_case_that_an_event_alone_has_ended_is_no_longer_live(authorised: House) -> None:
    write(authorised, event="cancel", to_state="cancelled")

    assert authorised.case.closed_at == authorised.now
    assert not authorised.case.is_live

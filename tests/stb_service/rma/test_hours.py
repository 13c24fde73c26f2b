"""Dead on arrival by the counter of a box: what was read off it bears on the verdict, and is told."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from stb_service.rma import bench, deciding, photographs, queries
from stb_service.rma.cover_words import letter_words
from stb_service.rma.lists import CHECKLIST
from stb_service.rma.models import Fault
from stb_service.rma.workbench import proposed_verdict
from stb_service.rma.workshop import ORDER
from stb_service.shared.access import EVERYTHING
from stb_service.shared.errors import Invalid
from stb_service.warranty import operations
from stb_service.warranty.sentences import sentences_of
from stb_service.warranty.traces import trace_of
from tests.stb_service.rma.conftest import PNG, House
from tests.stb_service.warranty.conftest import terms

FRESH = date(2026, 2, 25)
MOST = 48


@pytest.fixture
def house(one: House) -> House:
    """A house whose policy asks the counter, with a fresh box on the bench."""
    since = date(2026, 2, 1)
    one.change(operations.write_draft, "plain", terms=terms(doa_hours=MOST))
    one.change(operations.publish, "plain", in_force_from=since, now=one.now.replace(2026, 1, 30))
    one.open(one.customers_box(sold_on=FRESH), "mainboard").received_somewhere()
    return one.on_order("inspect")


def judge(house: House, hours_on: int | None, cause: str = "component", **more: Any) -> Fault:
    """State what was found, with what the counter shows."""
    house.say(
        deciding.judge_fault,
        number=1,
        confirmed="yes",
        fault_class=cause,
        hours_on=hours_on,
        **more,
    )
    return fault_of(house)


def fault_of(house: House) -> Fault:
    with house.db.read() as session:
        return session.scalars(select(Fault).options(joinedload(Fault.decision))).unique().one()


def said(house: House) -> tuple[str, list[str]]:
    """Return the last sentence of the decision, and what a letter says."""
    with house.db.read() as session:
        faults = session.scalars(select(Fault).options(joinedload(Fault.decision))).unique().all()
        case = queries.case_by_ref(session, house.ref, EVERYTHING)
        (decision,) = (fault.decision for fault in faults)
        assert decision is not None
        last = sentences_of(trace_of(decision.trace))[-1]
        return str(last), [str(sentence) for sentence in letter_words(case, faults)]


@pytest.mark.parametrize(
    ("hours_on", "verdict", "outcome"),
    [
        (None, "doa", "dead_on_arrival"),
        (MOST - 1, "doa", "dead_on_arrival"),
        (MOST, "doa", "dead_on_arrival"),
        (MOST + 1, "in_warranty", "covered"),
    ],
)
def test_the_counter_tells_whether_a_box_is_dead_on_arrival(
    house: House, hours_on: int | None, verdict: str, outcome: str
) -> None:
    fault = judge(house, hours_on)

    assert (fault.hours_on, fault.verdict) == (hours_on, verdict)
    assert fault.decision is not None
    assert fault.decision.outcome == outcome
    assert fault.decision.facts.get("hours_on") == hours_on


def test_agent_and_customer_read_what_the_counter_came_to(house: House) -> None:
    judge(house, None)
    assert "its counter is not read" in said(house)[0]
    judge(house, MOST)
    assert "after 48 hours of operation (at most 48)" in said(house)[0]
    assert not [sentence for sentence in said(house)[1] if "hours of operation" in sentence]

    judge(house, MOST + 1)

    assert said(house)[0] == (
        "Not dead on arrival: its counter shows 49 hours of operation, more than 48."
    )
    assert (
        "A fault counts as there from the beginning up to 48 hours of operation; the counter of"
        " the box showed 49."
    ) in said(house)[1]


def test_a_counter_that_was_read_wrongly_is_read_again(house: House) -> None:
    fault = judge(house, MOST + 1)
    assert proposed_verdict(fault, "yes", "component", hours_on=MOST) == "doa"
    assert proposed_verdict(fault, "yes", "component", hours_on=MOST + 1) == "in_warranty"
    assert judge(house, MOST).verdict == "doa"


def test_what_was_granted_asks_for_no_counter(house: House) -> None:
    first = judge(house, MOST + 1)
    assert first.decision is not None
    house.grant(first.decision, "dead_on_arrival")

    assert judge(house, MOST + 2).verdict == "doa"
    assert not [sentence for sentence in said(house)[1] if "hours of operation" in sentence]


@pytest.mark.parametrize(
    ("again", "verdict"), [(None, "in_warranty"), (MOST, "doa"), (MOST + 1, "in_warranty")]
)
def test_the_second_verdict_reads_the_counter_too(
    house: House, again: int | None, verdict: str
) -> None:
    first, second = house.somebody("Ana"), house.somebody("Ben")
    for code in CHECKLIST:
        house.say(bench.record_check, code=code, result="pass", actor=first)
    judge(house, MOST + 1, "liquid", actor=first)
    house.say(photographs.add_photo, data=PNG, fault=1, files=house.files)
    house.fire(ORDER, "judge", actor=first).on_case("dispute", reason="no drop of it")

    fault = judge(house, again, actor=second)

    assert (fault.hours_on, fault.second_hours_on) == (MOST + 1, again)
    assert (fault.verdict, fault.second_verdict) == ("user_fault", verdict)


@pytest.mark.parametrize("hours_on", [-1, deciding.MOST_HOURS + 1])
def test_no_counter_shows_so_many_hours(house: House, hours_on: int) -> None:
    with pytest.raises(Invalid) as refusal:
        judge(house, hours_on)

    assert list(refusal.value.fields) == ["hours_on"]

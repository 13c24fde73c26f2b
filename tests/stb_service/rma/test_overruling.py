"""Another outcome of the warranty that was granted counts, before the inspection and after it."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from stb_service.rma.cases import CASE
from stb_service.rma.models import Fault
from stb_service.rma.verdicts import Outcome, Verdict
from stb_service.rma.workshop import ORDER
from stb_service.warranty.decisions import override
from tests.stb_service.rma.conftest import OLD, House
from tests.stb_service.rma.test_answers import deliver


def grant(house: House, outcome: str = "covered") -> None:
    """Grant another outcome of the warranty of the first fault, and let the worker tell of it."""
    house.tick()
    with house.db.write() as session:
        fault = session.scalars(select(Fault)).first()
        assert fault is not None
        assert fault.decision is not None
        override(
            session,
            decision=fault.decision,
            outcome=outcome,
            reason="promised",
            actor=house.actor,
            now=house.now,
        )
    deliver(house)


def verdict(house: House) -> Verdict | None:
    """Return the verdict that counts of the first fault."""
    return house.facts.lines[0].verdict


@pytest.fixture
def old(one: House) -> House:
    """A return of a box that is out of warranty."""
    return one.open(one.customers_box(sold_on=OLD), "mainboard")


def test_what_was_granted_survives_the_inspection(old: House) -> None:
    grant(old)
    old.received_somewhere().judged()
    with old.db.read() as session:
        fault = session.scalars(select(Fault)).one()
        assert fault.decision is not None
        assert fault.decision.cause == "component"
        (carried,) = fault.decision.overrides
        assert (carried.outcome, carried.reason) == ("covered", "promised")
    assert verdict(old) == Verdict.IN_WARRANTY
    assert old.on_case("approve_repair").states == ("approved_repair", "planned")


def test_what_was_granted_before_liquid_was_found_is_asked_again(old: House) -> None:
    grant(old)
    old.received_somewhere().judged("liquid", photo=True)
    assert verdict(old) == Verdict.USER_FAULT
    grant(old, "goodwill")
    assert verdict(old) == Verdict.GOODWILL


def test_what_is_granted_after_the_inspection_judges_the_fault_again(old: House) -> None:
    old.received_somewhere().judged()
    assert old.facts.outcome == Outcome.BILLABLE
    grant(old)
    assert verdict(old) == Verdict.IN_WARRANTY
    assert old.on_case("approve_repair").states == ("approved_repair", "planned")


def test_a_quote_is_taken_back_for_what_is_covered_by_now(old: House) -> None:
    old.received_somewhere().judged().quoted()
    assert old.refused(CASE, "redecide", reason="no") == ["not_billable"]
    grant(old)
    old.on_case("redecide", reason="granted").on_case("approve_repair")
    assert old.states == ("approved_repair", "planned")
    assert old.facts.balance_minor == 0


@pytest.mark.parametrize("paid", [False, True])
def test_what_was_agreed_or_not_found_is_not_judged_again(old: House, paid: bool) -> None:
    old.received_somewhere().judged(confirmed="yes" if paid else "no")
    if paid:
        old.quoted().on_case("accept")
    before = verdict(old)
    grant(old)
    assert verdict(old) == before


def test_what_is_granted_while_it_is_contested_counts_for_the_second_verdict(old: House) -> None:
    old.received_somewhere().judged("liquid", photo=True)
    old.on_case("dispute", reason="no drop of it")
    grant(old)
    other = old.somebody("Otto")
    old.judge(1, "liquid", actor=other).fire(ORDER, "judge_again", actor=other)
    assert verdict(old) == Verdict.IN_WARRANTY

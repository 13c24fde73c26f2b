"""Another outcome of the warranty that was granted counts, before the inspection and after it."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from stb_service.billing.operations import accept_quote
from stb_service.rma import exchange
from stb_service.rma.cases import CASE
from stb_service.rma.models import Fault
from stb_service.rma.verdicts import Outcome, Verdict
from stb_service.rma.workshop import ORDER
from stb_service.shared.errors import Refused
from stb_service.warranty.decisions import override
from tests.stb_service.rma.conftest import MAIN, OLD, REMOTE, House
from tests.stb_service.rma.test_answers import answer, deliver


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


def test_a_quote_that_is_out_is_taken_back_for_what_is_covered_by_now(old: House) -> None:
    old.received_somewhere().judged().quoted()
    assert old.refused(CASE, "redecide", reason="no") == ["not_billable"]
    grant(old)

    assert (old.states, verdict(old)) == (("decision_pending", "inspected"), Verdict.IN_WARRANTY)
    with pytest.raises(Refused, match="Withdrawn"):
        answer(old, accept_quote)
    old.on_case("approve_repair")
    assert old.states == ("approved_repair", "planned")
    assert old.facts.balance_minor == 0


@pytest.mark.parametrize("paid_minor", [0, 5_950])
@pytest.mark.parametrize("remedy", ["repair", "replace"])
def test_what_was_accepted_is_credited_once_it_is_covered(
    old: House, paid_minor: int, remedy: str
) -> None:
    old.received_somewhere().judged().quoted(remedy=remedy).on_case("accept")
    assert old.refused(CASE, "redecide", reason="no") == ["quote_gone"]
    if paid_minor:
        old.pay(paid_minor)
    grant(old)  # the payment is heard first, and releases what was paid for

    assert old.case.state == (f"approved_{remedy}" if paid_minor else "decision_pending")
    assert (verdict(old), old.facts.outcome) == (Verdict.IN_WARRANTY, Outcome.COVERED)
    assert old.facts.balance_minor == -paid_minor


def test_a_repair_that_was_released_goes_on_free_once_it_is_covered(old: House) -> None:
    old.parts()
    old.received_somewhere().judged().quoted().on_case("accept").pay(5_950)
    old.on_case("release_repair")
    grant(old)
    old.repaired().on_case("ship", tracking="1Z1").on_case("deliver")

    assert (verdict(old), old.facts.balance_minor) == (Verdict.IN_WARRANTY, -5_950)
    assert old.refused(CASE, "confirm") == ["not_overpaid"]


def test_what_was_repaired_is_credited_once_it_is_covered(old: House) -> None:
    old.parts()
    old.received_somewhere().judged().quoted().on_case("accept").pay(5_950)
    old.on_case("release_repair").repaired()
    grant(old, "goodwill")

    assert (verdict(old), old.facts.balance_minor) == (Verdict.GOODWILL, -5_950)
    assert old.states == ("repaired", "repaired")


def test_what_is_left_to_be_paid_is_quoted_anew(one: House) -> None:
    one.open(one.customers_box(sold_on=OLD), "mainboard", "tuner").received_somewhere().judged()
    one.quoted().on_case("accept").pay(5_950).on_case("release_repair")
    grant(one)

    assert (one.states, one.facts.outcome) == (("decision_pending", "inspected"), Outcome.BILLABLE)
    assert [line.agreed for line in one.facts.lines] == [False, False]
    assert one.facts.balance_minor == -5_950
    one.quoted(2_000).on_case("accept")
    assert one.facts.to_pay_minor == 0


def test_once_the_work_is_begun_a_quote_for_more_than_is_covered_stands(one: House) -> None:
    one.parts()
    one.open(one.customers_box(sold_on=OLD), "mainboard", "tuner").received_somewhere().judged()
    one.quoted().on_case("accept").pay(5_950).on_case("release_repair")
    one.on_order("reserve").on_order("begin")
    grant(one)

    assert (verdict(one), one.facts.balance_minor) == (Verdict.IN_WARRANTY, 0)
    assert one.facts.lines[1].agreed


def test_a_quote_that_is_out_for_a_case_on_hold_is_void_at_once(old: House) -> None:
    old.received_somewhere().judged().quoted().on_case("hold", reason="holiday")
    grant(old)
    with pytest.raises(Refused, match="Withdrawn"):
        answer(old, accept_quote)
    old.on_case("resume")
    deliver(old)

    assert old.states == ("decision_pending", "inspected")


@pytest.mark.parametrize("is_accepted", [False, True])
def test_an_accessory_is_not_paid_for_once_it_is_covered(one: House, is_accepted: bool) -> None:
    one.parts(part=REMOTE, place=MAIN)
    one.open(one.customers_box(sold_on=OLD), "remote", remedy="accessory").checked()
    one.on_case("quote_accessory").quoted(2_000, remedy="accessory")
    if is_accepted:
        one.on_case("accept").pay(2_380)
    grant(one)

    assert (one.case.state, one.facts.balance_minor) == ("requested", -2_380 * is_accepted)
    one.say(exchange.reserve_accessory, part=REMOTE, location=MAIN)
    one.on_case("approve_accessory")


def test_what_was_agreed_stays_so_where_it_is_still_to_be_paid(old: House) -> None:
    old.received_somewhere().judged("liquid", photo=True).quoted().on_case("accept")
    grant(old, "excluded")

    assert (verdict(old), old.case.state) == (Verdict.USER_FAULT, "awaiting_payment")
    assert old.facts.balance_minor == 5_950


def test_what_was_not_found_is_not_judged_again(old: House) -> None:
    old.received_somewhere().judged(confirmed="no")
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

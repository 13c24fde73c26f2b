"""What a customer pays in a case: nothing is kept for what was not done, and no answer is lost."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from stb_service.app import wire_rooms
from stb_service.billing.models import LedgerEntry, Quote
from stb_service.billing.operations import accept_quote, decline_quote
from stb_service.rma import comparing, deciding
from stb_service.rma.answers import let_time_pass
from stb_service.rma.cases import CASE, CaseState
from stb_service.rma.effects import CASE_EFFECTS
from stb_service.rma.events import newest_quote
from stb_service.rma.models import ReturnCase
from stb_service.rma.terms import set_model_terms
from stb_service.shared import outbox
from stb_service.shared.errors import Refused
from tests.stb_service.rma.conftest import BENCH, OLD, SCRAP, SOLD, TAX, House

TERMS: dict[str, Any] = {"may_send_ahead": True, "unreturned_minor": 8_000, "tax_ppm": TAX}
FEE = 9_520


def ledger(house: House) -> list[tuple[str, int]]:
    with house.db.read() as session:
        rows = session.scalars(select(LedgerEntry).order_by(LedgerEntry.id))
        return [(row.kind, row.amount_minor) for row in rows]


def quotes(house: House) -> list[str]:
    with house.db.read() as session:
        return list(session.scalars(select(Quote.state).order_by(Quote.id)))


def answer(house: House, verb: Any) -> None:
    """Answer the quote as its link does."""
    house.tick()
    with house.db.write() as session:
        found = newest_quote(session, session.scalars(select(ReturnCase)).one())
        assert found is not None
        verb(session, ref=found.quote.public_id, actor=house.actor, now=house.now)


def deliver(house: House) -> None:
    """Let the worker carry out what is due."""
    outbox.deliver(house.db, wire_rooms().outbox, now=house.now)


def pass_time(house: House) -> None:
    with house.db.write() as session:
        assert let_time_pass(session, now=house.now) is None


def begun(one: House, amount: int = 5_000) -> House:
    """Begin a repair that the customer has paid."""
    one.open(one.customers_box(sold_on=OLD)).received_somewhere().judged().quoted(amount)
    one.on_case("accept").pay(amount * 119 // 100).on_case("release_repair")
    return one.on_order("reserve").on_order("begin")


def found_more(one: House) -> House:
    """Find a further fault in a repair that was begun."""
    one.say(deciding.add_fault, component="tuner", symptom="no signal")
    return one.judge(2, "component").on_order("find_more")


def sent_ahead(one: House, sold_on: date | None = None, **terms: Any) -> House:
    """Send a replacement ahead, for a fee."""
    one.do(set_model_terms, model="AUR-1", **{**TERMS, **terms})
    device = one.customers_box(sold_on=sold_on or SOLD)
    one.open(device, "mainboard").authorised().allocated(one.spare()).state("fee_agreed")
    return one.on_case("send_ahead", tracking="1Z")


def came_back(one: House, fault_class: str = "component", **more: Any) -> House:
    """Let the old box come back and be judged."""
    one.on_case("receive", scanned=one.case.device.serial, location=BENCH)
    return one.judged(fault_class, **more)


# --- a replacement that went ahead ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("sold_on", "fault_class", "confirmed", "charged"),
    [
        (None, "component", "yes", False),
        (None, "none_found", "no", False),
        (None, "liquid", "yes", True),
        (OLD, "component", "yes", True),
        (date(2026, 2, 25), "component", "yes", False),
    ],
    ids=["covered", "nothing found", "user fault", "out of warranty", "dead on arrival"],
)
def test_an_exchange_ends_whatever_the_verdict(
    one: House, sold_on: date | None, fault_class: str, confirmed: str, charged: bool
) -> None:
    came_back(sent_ahead(one, sold_on), fault_class, confirmed=confirmed, photo=charged)
    wrong, right = ("settle_ahead", "settle_uncovered")
    if not charged:
        wrong, right = right, wrong
    assert len(one.refused(CASE, wrong)) == 1

    one.on_case(right)

    assert one.states == ("completed", "kept")
    assert one.facts.balance_minor == (FEE if charged else 0)
    if charged:
        assert one.refused(CASE, "confirm") == ["balance", "provisioned", "pins"]
        one.pay_account(FEE)
    one.provisioned().on_case("confirm")
    assert one.case.state == "closed"


def test_the_fee_is_the_one_that_was_agreed(one: House) -> None:
    sent_ahead(one)
    one.do(set_model_terms, model="AUR-1", unreturned_minor=90_000, tax_ppm=0)
    with pytest.raises(Refused, match="what was agreed stands"):
        one.state("fee_agreed")
    one.tick(days=15)
    one.on_case("charge_fee")

    assert ledger(one) == [("charge", FEE)]


@pytest.mark.parametrize("terms", [{"unreturned_minor": 0}, {"currency": "USD"}])
def test_no_replacement_leaves_whose_fee_could_not_be_charged(
    one: House, terms: dict[str, Any]
) -> None:
    with pytest.raises(Refused, match="fee cannot be charged"):
        sent_ahead(one, **terms)
    assert one.refused(CASE, "send_ahead", tracking="1Z") == ["fee_chargeable"]

    one.do(set_model_terms, model="AUR-1", **TERMS, currency="EUR")
    assert one.refused(CASE, "send_ahead", tracking="1Z") == ["fee_chargeable"]
    one.state("fee_agreed").on_case("send_ahead", tracking="1Z")
    assert one.case.state == "replacement_shipped_ahead"


@pytest.mark.parametrize(
    ("credited", "sold_on", "left"), [(True, None, 0), (False, None, FEE), (True, OLD, FEE)]
)
def test_a_box_that_comes_late_has_its_fee_credited_as_agreed(
    one: House, credited: bool, sold_on: date | None, left: int
) -> None:
    sent_ahead(one, sold_on, late_credited=credited).tick(days=15)
    one.on_case("charge_fee")
    one.do(set_model_terms, model="AUR-1", late_credited=not credited)
    came_back(one).on_case("settle_uncovered" if sold_on else "settle_ahead")

    assert one.facts.balance_minor == left
    assert ledger(one).count(("charge", FEE)) == 1


def test_a_paid_fee_is_paid_back_when_the_box_comes_late(one: House) -> None:
    sent_ahead(one).tick(days=15)
    one.on_case("charge_fee").pay_account(FEE)
    came_back(one).on_case("settle_ahead").provisioned()

    assert one.facts.balance_minor == -FEE
    assert one.refused(CASE, "confirm") == ["not_overpaid"]


# --- what was paid and not done ------------------------------------------------------------------


def test_what_was_paid_is_credited_when_a_further_fault_makes_the_customer_withdraw(
    one: House,
) -> None:
    found_more(begun(one)).on_case("withdraw", reason="too dear")
    assert one.facts.balance_minor == -5_950
    assert [line.agreed for line in one.facts.lines] == [False, False]

    one.on_case("ship", tracking="1Z").on_case("deliver")

    assert one.refused(CASE, "confirm") == ["not_overpaid"]
    assert quotes(one) == ["withdrawn"]


def test_every_quote_that_was_paid_is_credited_when_the_box_is_beyond_repair(one: House) -> None:
    one.do(set_model_terms, model="AUR-1", new_minor=9_900)
    found_more(begun(one)).quoted(2_000).on_case("accept").pay(2_380).on_case("release_repair")
    one.on_order("reserve").on_order("begin")
    one.say(comparing.compare_repair, parts_minor=8_000, labour_minor=4_000)
    one.on_order("condemn", reason="burnt")

    assert one.case.state == "customer_choosing"
    assert one.facts.balance_minor == -(5_950 + 2_380)
    one.on_case("choose_replacement")
    assert one.refused(CASE, "send_quote") == ["quote_ready"]


def test_a_quote_that_lapses_or_is_contested_takes_nothing_from_what_was_agreed(one: House) -> None:
    found_more(begun(one)).quoted(2_000).tick(days=40)
    one.on_case("lapse_part")

    assert one.case.state == "decision_pending"
    assert [(line.agreed, line.declined) for line in one.facts.lines] == [
        (True, False),
        (False, True),
    ]
    assert one.facts.balance_minor == 0
    one.on_case("approve_repair")


def test_another_box_instead_of_a_repair_credits_the_repair(one: House) -> None:
    found_more(begun(one)).quoted(9_000, remedy="replace").on_case("accept")

    assert one.facts.balance_minor == 10_710 - 5_950
    assert quotes(one) == ["withdrawn", "accepted"]
    one.pay(10_710 - 5_950).on_case("release_replacement")
    one.on_case("approve_refund", reason="none on the shelf")
    assert one.facts.balance_minor == -10_710


def test_whatever_leaves_the_work_undone_takes_the_quotes_back() -> None:
    undone = {CaseState.UNREPAIRED, CaseState.CHOOSING, CaseState.REFUND}
    events = {step.event for step in CASE.moves if step.to_state in undone}

    assert events | {"choose_disposal"} <= set(CASE_EFFECTS)


# --- disposal ------------------------------------------------------------------------------------


def test_disposal_takes_the_open_quote_back(one: House) -> None:
    one.open(one.customers_box(sold_on=OLD)).received_somewhere().judged().quoted()
    one.state("disposal_consent").on_case("choose_disposal")

    assert quotes(one) == ["withdrawn"]
    with pytest.raises(Refused):
        answer(one, accept_quote)
    one.state("wiped", method="storage_destroyed", note="shredded").on_order(
        "scrap", reason="consented", location=SCRAP
    )
    one.on_case("dispose").on_case("confirm")
    assert one.case.state == "closed"


def test_consent_to_disposal_counts_for_what_the_customer_was_told(one: House) -> None:
    one.open(one.customers_box(sold_on=OLD)).state("disposal_consent")
    one.received_somewhere().judged().quoted().state("disposal_consent")
    one.on_case("revise", reason="cheaper part").on_case("send_quote")
    assert one.refused(CASE, "choose_disposal") == ["consent"]

    one.state("disposal_consent").on_case("choose_disposal")
    assert one.states == ("disposing", "kept")


# --- answers that came while nobody could hear them ----------------------------------------------


@pytest.fixture
def held(one: House) -> House:
    """A quote that waits for its answer, of a case that is on hold."""
    one.open(one.customers_box(sold_on=OLD)).received_somewhere().judged().quoted()
    return one.on_case("hold", reason="holidays")


@pytest.mark.parametrize("swept", [False, True], ids=["by resuming", "by the sweep"])
def test_a_yes_and_the_money_while_on_hold_are_made_up_for(held: House, swept: bool) -> None:
    answer(held, accept_quote)
    held.pay(5_950)
    deliver(held)
    assert held.states == ("quoted", "inspected")

    held.on_case("resume")
    if swept:
        held.tick(days=60)
        pass_time(held)
    else:
        deliver(held)

    assert held.states == ("approved_repair", "planned")


def test_a_no_while_on_hold_is_made_up_for(held: House) -> None:
    answer(held, decline_quote)
    deliver(held)
    held.on_case("resume")
    deliver(held)
    deliver(held)

    assert held.states == ("return_unrepaired", "inspected")


def test_money_that_came_while_on_hold_or_for_the_account_is_made_up_for(one: House) -> None:
    one.open(one.customers_box(sold_on=OLD)).received_somewhere().judged().quoted()
    one.on_case("accept").on_case("hold", reason="holidays").pay(5_000)
    deliver(one)
    one.on_case("resume")
    deliver(one)
    assert one.case.state == "awaiting_payment"

    one.pay_account(950).tick(days=30)
    pass_time(one)
    assert one.case.state == "approved_repair"


def test_a_quote_that_is_being_revised_is_accepted_no_more(one: House) -> None:
    one.open(one.customers_box(sold_on=OLD)).received_somewhere().judged().quoted()
    first = quotes(one)
    one.on_case("revise", reason="cheaper part")

    assert (first, quotes(one)) == (["sent"], ["withdrawn", "draft"])


# --- partly paid ---------------------------------------------------------------------------------


def test_what_was_paid_in_part_waits_for_somebody_to_decide(one: House) -> None:
    one.open(one.customers_box(sold_on=OLD)).received_somewhere().judged().quoted()
    one.on_case("accept")
    assert one.refused(CASE, "lapse_part_paid") == ["deadline", "part_paid"]
    one.pay(1_000).tick(days=30)
    pass_time(one)
    assert one.case.state == "awaiting_payment"
    assert one.refused(CASE, "lapse") == ["nothing_paid"]

    one.on_case("lapse_part_paid")

    assert one.states == ("return_unrepaired", "inspected")
    assert one.facts.balance_minor == -1_000

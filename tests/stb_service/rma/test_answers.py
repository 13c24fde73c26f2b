"""What moves cases without a person: answers to quotes, payments, and time."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select

from stb_service.app import wire_rooms
from stb_service.billing.operations import accept_quote, decline_quote, expire_quotes
from stb_service.rma.answers import let_time_pass
from stb_service.rma.cases import CASE
from stb_service.rma.cover_facts import facts
from stb_service.rma.events import newest_quote
from stb_service.rma.exchange import PROVISIONING, REPLACED
from stb_service.rma.models import Exchange, ReturnCase
from stb_service.rma.terms import set_return_terms
from stb_service.shared import outbox
from stb_service.warranty.facts import Replaced, Stay
from tests.stb_service.rma.conftest import OLD, House


def deliver(house: House) -> None:
    """Let the worker carry out what is due."""
    registries = wire_rooms()
    registries.outbox[REPLACED] = PROVISIONING["test"]
    outbox.deliver(house.db, registries.outbox, now=house.now)


def answer(house: House, verb: object) -> None:
    """Answer the quote as its link does."""
    house.tick()
    with house.db.write() as session:
        case = session.scalars(select(ReturnCase)).one()
        found = newest_quote(session, case)
        assert found is not None
        assert callable(verb)
        verb(session, ref=found.quote.public_id, actor=house.actor, now=house.now)


def pass_time(house: House, at: datetime | None = None) -> None:
    """Let the worker let time pass."""
    after: tuple[datetime, int] | None = None
    while True:
        with house.db.write() as session:
            after = let_time_pass(session, after=after, limit=1, now=at or house.now)
        if after is None:
            return


@pytest.fixture
def quoted(one: House) -> House:
    """A box out of warranty whose repair is quoted."""
    return one.open(one.customers_box(sold_on=OLD)).received_somewhere().judged().quoted()


def test_a_yes_by_link_and_the_money_move_the_case(quoted: House) -> None:
    answer(quoted, accept_quote)
    deliver(quoted)
    assert quoted.states == ("awaiting_payment", "inspected")

    quoted.pay(5_950)
    deliver(quoted)
    assert quoted.states == ("approved_repair", "planned")


def test_a_no_by_link_sends_the_box_home_and_is_heard_once(quoted: House) -> None:
    answer(quoted, decline_quote)
    deliver(quoted)
    deliver(quoted)

    assert quoted.states == ("return_unrepaired", "inspected")
    assert [line.declined for line in quoted.facts.lines] == [True]


def test_an_answer_that_a_person_took_first_changes_nothing_later(quoted: House) -> None:
    quoted.on_case("accept").on_case("withdraw", reason="too dear after all")
    deliver(quoted)

    assert quoted.states == ("return_unrepaired", "inspected")
    assert quoted.facts.balance_minor == 0


def test_a_quote_that_nobody_answered_lapses_also_on_a_case_that_was_held(quoted: House) -> None:
    quoted.on_case("hold", reason="customer is away")
    quoted.tick(days=20)
    with quoted.db.write() as session:
        assert expire_quotes(session, now=quoted.now) == 0
    quoted.on_case("resume").tick(days=20)
    with quoted.db.write() as session:
        assert expire_quotes(session, now=quoted.now) == 1
    deliver(quoted)
    pass_time(quoted)
    assert quoted.case.state == "return_unrepaired"


def test_time_lets_requests_and_authorised_returns_expire_and_closes_what_is_done(
    one: House,
) -> None:
    asked = one.open(one.customers_box("SN-0001")).ref
    authorised = one.open(one.customers_box("SN-0002")).authorised().ref
    device = one.customers_box("SN-0003")
    one.open(device).received(device).judged("none_found", confirmed="no").on_case("return_nff")
    done = one.on_case("hand_over", signed_by="A").ref
    one.tick(days=13)
    pass_time(one)
    assert one.case.state == "completed"

    one.tick(days=30)
    pass_time(one)

    states = {}
    for ref in (asked, authorised, done):
        one.ref = ref
        states[ref] = one.case.state
        assert one.case.due_at is None
    assert list(states.values()) == ["closed_rejected", "closed_expired", "closed"]


def test_a_replacement_that_left_is_provisioned_by_itself_where_that_is_set(one: House) -> None:
    device, spare = one.customers_box(), one.spare()
    one.open(device, "mainboard").received(device).judged().on_case("approve_replace")
    one.allocated(spare).on_case("allocate").on_case("ship", tracking="1Z2").on_case("deliver")
    assert one.refused(CASE, "confirm") == ["provisioned", "pins"]

    deliver(one)
    one.on_case("confirm")

    with one.db.read() as session:
        exchange = session.scalars(select(Exchange)).one()
        assert exchange.provisioned_by == "system"
        found = list(facts(session, spare.public_id))
        remote = {"remote": date(2025, 11, 5)}
        assert found == [Replaced(one.now.date(), date(2027, 5, 5), remote)]


def test_a_covered_stay_is_told_to_the_warranty_and_a_paid_one_is_not(one: House) -> None:
    one.parts()
    device = one.customers_box()
    one.open(device, "power_supply").received(device).judged().on_case("approve_repair").repaired()
    one.on_case("ship", tracking="1Z2").on_case("deliver").on_case("confirm")
    went = one.now.date()
    old = one.customers_box("SN-0002", sold_on=OLD)
    one.open(old).received(old).judged()

    with one.db.read() as session:
        assert list(facts(session, device.public_id)) == [
            Stay(date(2026, 3, 2), went, frozenset({"power_supply"}))
        ]
        assert list(facts(session, old.public_id)) == []


def test_a_return_is_repeated_only_while_it_was_completed_lately(one: House) -> None:
    device = one.customers_box()
    one.do(set_return_terms, repeat_days=30)
    one.open(device).received(device).judged("none_found", confirmed="no").on_case("return_nff")
    first = one.on_case("hand_over", signed_by="A").on_case("confirm").ref
    later = one.open(device, previous=first).case

    assert later.previous is not None
    assert later.previous.number == first
    one.on_case("cancel", reason="works again")
    one.tick(days=31)
    with pytest.raises(Exception, match="completed lately"):
        one.open(device, previous=first)
    assert one.now - one.case.opened_at > timedelta(days=30)


def test_a_case_that_waits_keeps_the_day_that_it_was_given(one: House) -> None:
    one.open(one.customers_box())
    given = one.case.due_at
    one.do(set_return_terms, request_days=1)
    one.tick(days=2)

    assert one.facts.due_at == one.case.due_at == given
    assert one.refused(CASE, "expire") == ["deadline"]

"""Quotes and the ledger, by their verbs, on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from stb_service.billing import operations
from stb_service.billing.ledger import queries as ledger
from stb_service.billing.ledger.operations import charge_account, credit_account
from stb_service.billing.models import QuoteEvent
from stb_service.billing.queries import quote_by_ref
from stb_service.billing.rules import (
    Line,
    QuoteState,
    obstacles_to_beginning,
    obstacles_to_releasing,
)
from stb_service.shared.access import EVERYTHING
from stb_service.shared.audit import AuditEntry
from stb_service.shared.errors import Conflict, Invalid, NotFound, Refused
from stb_service.shared.outbox import OutboxEntry
from stb_service.worker import expire_quotes
from tests.conftest import NOW
from tests.stb_service.billing.conftest import CASE, LINES, TOTAL, Till

TODAY = NOW.date()


def topics(till: Till) -> list[str]:
    rows = till.ask(lambda s: s.scalars(select(OutboxEntry.topic).order_by(OutboxEntry.id)).all())
    return list(rows)


def verbs(till: Till) -> list[str]:
    rows = till.ask(
        lambda s: s.scalars(
            select(AuditEntry.verb)
            .where(AuditEntry.subject_kind.in_(["quote", "payment"]))
            .order_by(AuditEntry.id)
        ).all()
    )
    return list(rows)


def codes(refusal: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [obstacle.code for obstacle in refusal.value.obstacles]


# a quote's life


def test_a_quote_goes_from_draft_to_paid(till: Till) -> None:
    quote = till.accepted()
    account = quote.account
    owed = till.balance(account)
    till.pay(quote)

    assert (quote.number, quote.total_minor, quote.state) == ("Q-000001", TOTAL, "accepted")
    assert (owed, till.balance(account), till.outstanding(quote)) == (TOTAL, 0, 0)
    assert topics(till) == ["quote.accepted", "quote.paid"]
    assert verbs(till) == ["quote.create", "quote.send", "quote.accept", "payment.receive"]


def test_quotes_are_numbered_in_the_order_of_their_making(till: Till) -> None:
    account = till.account()

    assert [till.draft(account, subject=("", "", "")).number for _ in range(3)] == [
        "Q-000001",
        "Q-000002",
        "Q-000003",
    ]


def test_a_draft_is_changed_and_its_edition_grows(till: Till) -> None:
    quote = till.draft()
    changed = till.move("change", quote, title="Other", lines=LINES[:1], discount_minor=1_000)
    same = till.move("change", quote, title="Other", lines=list(LINES[:1]))

    assert (changed.title, len(changed.lines), changed.total_minor) == ("Other", 1, 5_950)
    assert (quote.edition, changed.edition, same.edition) == (1, 2, 2)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"lines": [Line("labour", "x", 0, 1, 0)]}, "lines"),
        ({"lines": [Line("bribe", "x", 1, 1, 0)]}, "lines"),
        ({"lines": [Line("labour", "x", 1_000, 10**11 + 1, 0)]}, "lines"),
        ({"lines": [Line("labour", "x", 1_000, 1, 1_000_001)]}, "lines"),
        ({"lines": [Line("labour", "", 1_000, 1, 0)]}, "lines"),
        ({"lines": [LINES[0]] * 51}, "lines"),
        ({"lines": [Line("labour", "x", 10_000_000, 10**11, 0)]}, "lines"),
        ({"discount_minor": 8_500}, "discount"),
        ({"discount_minor": -1}, "discount"),
        ({"valid_until_on": date(2026, 3, 1)}, "valid_until_on"),
        ({"valid_until_on": date(2027, 3, 4)}, "valid_until_on"),
    ],
)
def test_a_quote_that_cannot_be_is_refused_at_its_field(
    one: Till, fields: dict[str, Any], name: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        one.draft(**fields)

    assert list(refusal.value.fields) == [name]


def test_a_quote_ends_with_the_day_where_the_customer_lives(till: Till) -> None:
    account = till.account(zone="Asia/Kolkata")
    quote = till.sent(account, valid_until_on=date(2026, 3, 9))
    last = datetime(2026, 3, 9, 18, 30, tzinfo=UTC)

    with pytest.raises(Refused) as refusal:
        till.move("accept", quote, now=last)
    accepted = till.move("accept", quote, now=last - timedelta(seconds=1))

    assert quote.expires_at == last
    assert codes(refusal) == ["over"]
    assert accepted.state == QuoteState.ACCEPTED


def test_time_lets_only_quotes_expire_whose_day_is_over(till: Till) -> None:
    account = till.account()
    first = till.sent(account, subject=("a", "1", ""), valid_until_on=date(2026, 3, 2))
    second = till.sent(account, subject=("a", "2", ""), valid_until_on=date(2026, 3, 3))
    midnight = datetime(2026, 3, 3, tzinfo=UTC)

    def expire(now: datetime) -> int:
        with till.db.write() as session:
            return operations.expire_quotes(session, now=now)

    counts = [expire(midnight - timedelta(seconds=1)), expire(midnight), expire(midnight)]

    assert counts == [0, 1, 0]
    assert (till.read(first).state, till.read(second).state) == ("expired", "sent")
    assert topics(till) == ["quote.expired"]


def test_the_worker_lets_all_of_them_expire(one: Till) -> None:
    account = one.account()
    quotes = [one.sent(account, subject=("a", str(n), ""), valid_until_on=TODAY) for n in range(3)]

    expire_quotes(one.db, now=NOW + timedelta(days=1))

    assert {one.read(quote).state for quote in quotes} == {"expired"}


def test_a_newer_quote_supersedes_the_one_it_replaces_when_it_is_sent(till: Till) -> None:
    former = till.sent()
    revised = till.move("revise", former)
    before = till.read(former).state
    sent = till.move("send", revised)

    assert (before, till.read(former).state, sent.state) == ("sent", "superseded", "sent")
    assert sent.subject == CASE
    with pytest.raises(Refused) as refusal:
        till.move("accept", former)
    assert codes(refusal) == ["quote-superseded"]


def test_a_quote_that_was_accepted_meanwhile_is_not_replaced(till: Till) -> None:
    former = till.sent()
    revised = till.move("revise", former)
    till.move("accept", former)

    with pytest.raises(Refused) as refusal:
        till.move("send", revised)

    assert codes(refusal) == ["quote-accepted"]


def test_one_quote_about_a_thing_waits_for_an_answer(till: Till) -> None:
    first = till.sent()
    second = till.draft(first.account)

    with pytest.raises(Conflict, match="waits for an answer"):
        till.move("send", second)
    till.move("accept", first)

    assert till.move("send", second).state == QuoteState.SENT


def test_an_extended_quote_is_accepted_by_its_new_edition_alone(till: Till) -> None:
    quote = till.sent()
    extended = till.move("extend", quote, valid_until_on=date(2026, 4, 1))

    with pytest.raises(Refused) as refusal:
        till.move("accept", quote, edition=quote.edition)
    accepted = till.move("accept", quote, edition=extended.edition, now=NOW + timedelta(days=20))

    assert codes(refusal) == ["edition"]
    assert accepted.state == QuoteState.ACCEPTED


def test_a_declined_quote_charges_nothing(till: Till) -> None:
    quote = till.move("decline", till.sent(), note="too dear")

    assert (quote.answer_note, till.balance(quote.account)) == ("too dear", 0)
    assert topics(till) == ["quote.declined"]


def test_an_accepted_quote_is_withdrawn_by_a_credit_unless_money_was_paid(till: Till) -> None:
    quote = till.accepted()
    withdrawn = till.move("withdraw", quote, reason="no parts")
    paid = till.accepted(quote.account, subject=("a", "1", ""))
    till.pay(paid, 1)

    with pytest.raises(Refused) as refusal:
        till.move("withdraw", paid)

    assert withdrawn.state == QuoteState.WITHDRAWN
    assert till.balance(quote.account) == TOTAL - 1
    assert codes(refusal) == ["paid"]


# what the database refuses

ONE_LINE_MORE = """
INSERT INTO quote_lines (quote_id, position, kind, description, quantity_milli, unit_minor,
  tax_ppm, gross_minor, discount_minor, net_minor, tax_minor)
SELECT quote_id, 3, kind, description, quantity_milli, unit_minor,
  tax_ppm, gross_minor, discount_minor, net_minor, tax_minor FROM quote_lines WHERE position = 1
"""


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE quote_lines SET unit_minor = 1, gross_minor = 1, net_minor = 1, tax_minor = 0",
        "DELETE FROM quote_lines",
        ONE_LINE_MORE,
        "UPDATE quotes SET net_minor = 1, tax_minor = 0, total_minor = 1",
        "UPDATE quotes SET line_count = NULL, state = 'draft'",
        "UPDATE quotes SET title = 'Other'",
        "DELETE FROM quotes",
    ],
)
def test_the_database_refuses_to_change_what_was_sent(till: Till, statement: str) -> None:
    till.sent()

    with pytest.raises(DBAPIError, match="never changed"), till.db.write() as session:
        session.execute(text(statement))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entries SET amount_minor = 1",
        "DELETE FROM ledger_entries",
        "UPDATE quote_events SET to_state = 'declined'",
        "DELETE FROM quote_events WHERE seq = 2",
    ],
)
def test_the_database_refuses_to_change_what_was_entered(till: Till, statement: str) -> None:
    till.accepted()

    with pytest.raises(DBAPIError, match="only added"), till.db.write() as session:
        session.execute(text(statement))


@pytest.mark.parametrize(
    ("before", "after"), [("sent", "draft"), ("draft", "accepted"), ("declined", "accepted")]
)
def test_the_database_refuses_a_move_that_is_not_legal(till: Till, before: str, after: str) -> None:
    quote = till.sent()
    event = QuoteEvent(
        quote_id=quote.id,
        seq=2,
        previous_seq=1,
        predecessor_seq=1,
        from_state=before,
        to_state=after,
        edition=1,
        at=NOW,
        actor_label="x",
        note="",
    )

    with pytest.raises(DBAPIError), till.db.write() as session:
        session.add(event)


def test_the_database_refuses_a_line_whose_sum_is_wrong(till: Till) -> None:
    till.draft()

    with pytest.raises(DBAPIError), till.db.write() as session:
        session.execute(text("UPDATE quote_lines SET gross_minor = gross_minor + 1"))


# the ledger


def test_a_fee_is_charged_once_with_its_tax(till: Till) -> None:
    account = till.account(credit_days=14)
    fee = {
        "account": account.public_id,
        "cause": "advance_fee",
        "net_minor": 5_000,
        "tax_ppm": 190_000,
        "currency": "EUR",
        "zone": "UTC",
        "key": "case-1:advance",
        "subject": CASE,
    }
    entry, again = till.do(charge_account, **fee), till.do(charge_account, **fee)

    assert (entry.id, entry.amount_minor, entry.tax_minor) == (again.id, 5_950, 950)
    assert entry.due_on == date(2026, 3, 16)
    assert till.balance(account) == 5_950
    with pytest.raises(Conflict):
        till.do(charge_account, **{**fee, "net_minor": 1})


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"net_minor": 0}, "amount"),
        ({"net_minor": -1}, "amount"),
        ({"net_minor": 10**12 + 1}, "amount"),
        ({"currency": "USD"}, "currency"),
        ({"cause": "quote"}, "cause"),
        ({"tax_ppm": -1}, "tax_ppm"),
    ],
)
def test_a_charge_that_cannot_be_is_refused(one: Till, change: dict[str, Any], name: str) -> None:
    given = {"cause": "damage_fee", "net_minor": 1, "currency": "EUR", "zone": "UTC", "key": "k"}

    with pytest.raises(Invalid) as refusal:
        one.do(charge_account, account=one.account().public_id, **{**given, **change})

    assert list(refusal.value.fields) == [name]


def test_only_the_operators_people_give_credits(one: Till) -> None:
    account = one.account(dealer="north")
    credit = {
        "account": account.public_id,
        "cause": "goodwill",
        "amount_minor": 100,
        "currency": "EUR",
        "key": "k",
    }

    with pytest.raises(Refused) as refusal:
        one.do(credit_account, **credit, actor=one.dealer("north"))
    one.do(credit_account, **credit)

    assert codes(refusal) == ["operator-only"]
    assert one.balance(account) == -100


# what may go on


def standing(till: Till, account: Any, today: date = TODAY) -> Any:
    return till.ask(
        ledger.standing_of,
        kind=CASE[0],
        ref=CASE[1],
        account=account,
        today=today,
        scope=EVERYTHING,
    )


def test_work_begins_once_its_quote_is_accepted_and_paid(till: Till) -> None:
    quote = till.sent()
    account = quote.account
    found = [standing(till, account)]
    till.move("accept", quote)
    found.append(standing(till, account))
    till.pay(quote)
    found.append(standing(till, account))

    assert [[o.code for o in obstacles_to_beginning(s)] for s in found] == [
        ["quote-open"],
        ["unpaid"],
        [],
    ]


def test_an_account_with_terms_is_served_until_it_is_overdue(till: Till) -> None:
    account = till.account(credit_days=14)
    till.accepted(account)
    on_the_day = standing(till, account, date(2026, 3, 16))
    after = standing(till, account, date(2026, 3, 17))

    assert obstacles_to_releasing(on_the_day) == []
    assert [o.code for o in obstacles_to_releasing(after)] == ["overdue"]
    assert after.overdue_minor == TOTAL


# scope


@pytest.mark.parametrize("verb", ["change", "send", "accept", "decline", "withdraw", "revise"])
def test_a_dealer_meets_the_quote_of_anothers_account_nowhere(one: Till, verb: str) -> None:
    quote = one.draft(one.account(dealer="south"))

    with pytest.raises(NotFound):
        one.move(verb, quote, actor=one.dealer("north"))


def test_a_dealer_finds_the_quotes_of_its_own_accounts(one: Till) -> None:
    quote = one.draft(one.account(dealer="north"))
    north = one.dealer("north")

    assert one.ask(quote_by_ref, quote.public_id, north.scope).id == quote.id

"""Payments by their verbs, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from stb_service.billing.ledger import queries as ledger
from stb_service.billing.models import LedgerEntry, Payment, Quote
from stb_service.billing.notices import Notice, NoticeKind
from stb_service.billing.operations import accept_quote
from stb_service.billing.payments.operations import (
    begin_payment,
    give_back,
    record_payment,
    refund_payment,
    return_held,
    take_notice,
)
from stb_service.shared.errors import Conflict, DomainError, Invalid, NotFound, Refused
from stb_service.shared.outbox import OutboxEntry, deliver
from tests.conftest import NOW
from tests.stb_service.billing.conftest import TOTAL, Till

THREADS = 8


def refund(till: Till, payment: Payment, amount_minor: int, **more: Any) -> Any:
    more = {"key": "k1", **more}
    return till.do(refund_payment, ref=payment.public_id, amount_minor=amount_minor, **more)


def codes(refusal: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [obstacle.code for obstacle in refusal.value.obstacles]


def test_parts_are_paid_until_nothing_is_due(till: Till) -> None:
    quote = till.accepted()
    till.pay(quote, 100)
    between = till.outstanding(quote)
    till.pay(quote, TOTAL - 100)

    topics = till.ask(lambda s: s.scalars(select(OutboxEntry.topic)).all())
    assert (between, till.outstanding(quote)) == (TOTAL - 100, 0)
    assert list(topics).count("quote.paid") == 1


def test_a_quote_that_was_paid_before_it_was_accepted_is_paid_at_once(till: Till) -> None:
    quote = till.sent()
    till.pay(quote)
    till.move("accept", quote)

    topics = till.ask(lambda s: s.scalars(select(OutboxEntry.topic)).all())
    assert set(topics) == {"quote.accepted", "quote.paid"}
    assert till.balance(quote.account) == 0


def test_the_same_receipt_is_recorded_once(till: Till) -> None:
    quote = till.accepted()
    till.pay(quote, 100, reference="R-1")

    with pytest.raises(Conflict) as refusal:
        till.pay(quote, 100, reference="R-1")

    assert refusal.value.code == "payment-known"
    assert till.outstanding(quote) == TOTAL - 100


@pytest.mark.parametrize(
    ("amount_minor", "refused"), [(TOTAL - 1, []), (TOTAL, []), (TOTAL + 1, ["above-due"])]
)
def test_more_than_is_due_is_asked_about(one: Till, amount_minor: int, refused: list[str]) -> None:
    quote = one.accepted()
    found: list[str] = []
    try:
        one.pay(quote, amount_minor)
    except Refused as refusal:
        found = [obstacle.code for obstacle in refusal.obstacles]

    assert found == refused


def test_what_is_more_becomes_credit_when_that_is_said(till: Till) -> None:
    quote = till.accepted()
    till.pay(quote, TOTAL + 50, accept_surplus=True)

    assert (till.outstanding(quote), till.balance(quote.account)) == (0, -50)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"currency": "USD"}, "currency"),
        ({"amount_minor": 0}, "amount"),
        ({"amount_minor": 10**12 + 1}, "amount"),
        ({"method": "shells"}, "method"),
    ],
)
def test_a_payment_that_cannot_be_is_refused(one: Till, change: dict[str, Any], field: str) -> None:
    given = {"amount_minor": 1, "currency": "EUR", "method": "cash", **change}

    with pytest.raises(Invalid) as refusal:
        one.do(record_payment, account=one.account().public_id, **given)

    assert list(refusal.value.fields) == [field]


def test_a_declined_quote_takes_no_money(one: Till) -> None:
    quote = one.move("decline", one.sent())

    with pytest.raises(Refused) as refusal:
        one.pay(quote, 1)

    assert codes(refusal) == ["not-payable"]


def test_a_payment_that_was_begun_is_gone_on_with(till: Till) -> None:
    quote = till.accepted()
    begin = partial(
        till.do,
        begin_payment,
        ref=quote.public_id,
        provider="test",
        sign=lambda reference, _until: reference,
    )
    first, second = begin(), begin()
    till.pay(quote, 1)
    third = begin()

    assert first == second
    assert third.reference != first.reference
    assert till.ask(lambda s: s.scalar(select(func.count(Payment.id)))) == 3


# refunds


def test_money_is_given_back_first_out_of_credit(till: Till) -> None:
    quote = till.accepted()
    payment = till.pay(quote, TOTAL + 50, accept_surplus=True)
    refund(till, payment, 80)

    assert till.outstanding(quote) == 30
    assert till.balance(quote.account) == 30
    assert till.ask(ledger.left_of_payment, payment.id) == TOTAL - 30


def test_the_same_refund_twice_is_one(till: Till) -> None:
    payment = till.pay(till.accepted())
    refund(till, payment, 100)
    refund(till, payment, 100)

    with pytest.raises(Conflict):
        refund(till, payment, 101)

    assert till.ask(ledger.left_of_payment, payment.id) == TOTAL - 100


def test_no_more_is_given_back_than_was_paid(till: Till) -> None:
    payment = till.pay(till.accepted())
    refund(till, payment, TOTAL - 1)

    with pytest.raises(Refused) as refusal:
        refund(till, payment, 2, key="k2")
    refund(till, payment, 1, key="k3")

    assert codes(refusal) == ["above-paid"]


def test_the_database_refuses_a_refund_above_what_was_paid(till: Till) -> None:
    payment = till.pay(till.accepted())
    statement = text(
        "INSERT INTO ledger_entries (account_id, kind, cause, amount_minor, tax_minor, currency, "
        "payment_id, subject_kind, subject_ref, subject_label, reason, key, at, actor_label) "
        "SELECT account_id, 'refund', 'money', :amount, 0, currency, payment_id, '', '', '', '', "
        ":key, at, '' FROM ledger_entries WHERE kind = 'payment' AND payment_id = :payment"
    )

    with till.db.write() as session:
        session.execute(statement, {"amount": TOTAL - 1, "key": "a", "payment": payment.id})
    with pytest.raises(DBAPIError, match="no more is given back"), till.db.write() as session:
        session.execute(statement, {"amount": 2, "key": "b", "payment": payment.id})


def test_a_dealers_people_take_money_and_give_none_back(one: Till) -> None:
    quote = one.accepted(one.account(dealer="north"))
    payment = one.pay(quote, actor=one.dealer("north"))

    with pytest.raises(Refused) as refusal:
        refund(one, payment, 1, actor=one.dealer("north"))
    with pytest.raises(NotFound):
        refund(one, payment, 1, actor=one.dealer("south"))

    assert codes(refusal) == ["operator-only"]


def test_a_provider_is_asked_to_give_money_back(one: Till) -> None:
    quote = one.accepted()
    notice = Notice("e1", NoticeKind.SUCCEEDED, "t1", TOTAL, "EUR", quote.number)
    with one.db.write() as session:
        payment, _ = take_notice(session, provider="test", notice=notice, fingerprint="f", now=NOW)
    refund(one, payment, 100)

    done = deliver(one.db, {"payment.refund": give_back, **_deaf()}, now=NOW)

    assert done == 3


def _deaf() -> dict[str, Callable[..., None]]:
    return dict.fromkeys(("quote.accepted", "quote.paid"), lambda *_: None)


def test_only_what_is_held_is_returned(one: Till) -> None:
    payment = one.pay(one.accepted())

    with pytest.raises(Refused) as refusal:
        one.do(return_held, ref=payment.public_id, reason="x")

    assert codes(refusal) == ["not-held"]


# many at once


def together(works: Sequence[Callable[[], Any]]) -> list[str]:
    """Do all the work at once; return what became of each piece."""
    barrier = Barrier(len(works))

    def run(work: Callable[[], Any]) -> str:
        barrier.wait()
        try:
            work()
        except (DomainError, IntegrityError, StaleDataError) as refusal:
            return type(refusal).__name__
        return "done"

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def ledger_sum(till: Till, quote: Quote) -> int:
    return int(
        till.ask(
            lambda s: s.scalar(
                select(func.sum(LedgerEntry.amount_minor)).where(
                    LedgerEntry.account_id == quote.account_id
                )
            )
        )
    )


def tell(till: Till, quote: Quote, event_id: str, reference: str) -> None:
    notice = Notice(event_id, NoticeKind.SUCCEEDED, reference, TOTAL, "EUR", quote.number)
    with till.db.write() as session:
        take_notice(session, provider="bank", notice=notice, fingerprint="f", now=NOW)


@pytest.mark.race
def test_a_notice_that_comes_many_times_at_once_counts_once(till: Till) -> None:
    quote = till.accepted()
    answers = together([partial(tell, till, quote, "e1", "p1")] * THREADS)

    assert set(answers) == {"done"}
    assert ledger_sum(till, quote) == 0


@pytest.mark.race
def test_different_notices_of_one_payment_at_once_count_once(till: Till) -> None:
    quote = till.accepted()
    answers = together([partial(tell, till, quote, f"e{n}", "p1") for n in range(THREADS)])

    assert set(answers) == {"done"}
    assert ledger_sum(till, quote) == 0


@pytest.mark.race
def test_payments_at_once_never_overpay_a_quote(till: Till) -> None:
    quote = till.accepted()
    half = TOTAL // 2
    answers = together([partial(till.pay, quote, half)] * THREADS)

    assert answers.count("done") == 2
    assert answers.count("Refused") == THREADS - 2
    assert till.outstanding(quote) == 0


@pytest.mark.race
def test_refunds_at_once_never_give_back_more_than_was_paid(till: Till) -> None:
    quote = till.accepted()
    payment = till.pay(quote)
    third = TOTAL // 3
    answers = together([partial(refund, till, payment, third, key=f"k{n}") for n in range(THREADS)])

    assert answers.count("done") == 3
    assert answers.count("Refused") == THREADS - 3
    assert till.ask(ledger.left_of_payment, payment.id) == TOTAL - 3 * third


@pytest.mark.race
def test_a_quote_that_is_accepted_by_many_at_once_is_charged_once(till: Till) -> None:
    quote = till.sent()
    answers = together([partial(till.do, accept_quote, ref=quote.public_id)] * THREADS)

    assert answers.count("done") == 1
    assert answers.count("Refused") == THREADS - 1
    assert till.balance(quote.account) == TOTAL


@pytest.mark.race
def test_quotes_made_at_once_have_numbers_of_their_own(till: Till) -> None:
    account = till.account()
    answers = together([partial(till.draft, account, subject=("", "", ""))] * THREADS)

    numbers = till.ask(lambda s: s.scalars(select(Quote.number)).all())
    assert set(answers) == {"done"}
    assert len(set(numbers)) == THREADS

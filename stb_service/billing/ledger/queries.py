"""Reads of the ledger: entries, balances, what is due for a quote, and how a piece of work stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.orm import Session, joinedload

from stb_service.billing.models import LedgerEntry, Quote
from stb_service.billing.rules import FEES, Cause, EntryKind, QuoteState, Standing, overdue
from stb_service.shared.access import Scope
from stb_service.shared.money import Money
from stb_service.shared.paging import Page, keyset_page
from stb_service.subscribers.models import Account
from stb_service.subscribers.queries import within as account_within

MONEY = (EntryKind.PAYMENT, EntryKind.REFUND)


def of_scope(scope: Scope) -> ColumnElement[bool]:
    """Return the condition that an entry's account lies in the scope."""
    if scope.is_everything:
        return true()
    return LedgerEntry.account_id.in_(select(Account.id).where(account_within(scope)))


def entries_page(
    session: Session, account: Account, scope: Scope, *, cursor: str | None, limit: int = 50
) -> Page[LedgerEntry]:
    """Return the entries of an account, the newest first, in one query."""
    statement = (
        select(LedgerEntry)
        .options(joinedload(LedgerEntry.quote))
        .where(LedgerEntry.account_id == account.id, of_scope(scope))
    )
    return keyset_page(
        session, statement, order=[(LedgerEntry.id, True)], cursor=cursor, limit=limit
    )


def balances(session: Session, account: Account, scope: Scope) -> list[Money]:
    """Return what an account owes, the account's own currency first; below zero it has credit."""
    rows = session.execute(
        select(LedgerEntry.currency, func.sum(LedgerEntry.amount_minor))
        .where(LedgerEntry.account_id == account.id, of_scope(scope))
        .group_by(LedgerEntry.currency)
    )
    sums = {row[0]: int(row[1]) for row in rows}
    sums.setdefault(account.currency, 0)
    first = sorted(sums, key=lambda currency: (currency != account.currency, currency))
    return [Money(sums[currency], currency) for currency in first]


def _sum(session: Session, *conditions: ColumnElement[bool]) -> int:
    return int(session.scalar(select(func.sum(LedgerEntry.amount_minor)).where(*conditions)) or 0)


def paid_for_quote(session: Session, quote: Quote) -> int:
    """Return what was paid for a quote, less what was given back. The caller has found the quote in
    its scope.
    """
    return -_sum(session, LedgerEntry.quote_id == quote.id, LedgerEntry.kind.in_(MONEY))


def credited_for(session: Session, account: Account, *, kind: str, ref: str) -> int:
    """Return how much of an account's fees and quotes for a piece of work was credited."""
    return -_sum(
        session,
        LedgerEntry.account_id == account.id,
        LedgerEntry.subject_kind == kind,
        LedgerEntry.subject_ref == ref,
        LedgerEntry.kind == EntryKind.CREDIT,
        LedgerEntry.cause.in_((*FEES, Cause.QUOTE)),
        LedgerEntry.cause != Cause.CORRECTION,
    )


def credit_before(session: Session, account: Account, at: datetime) -> int:
    """Return what an account had to its credit before an instant, in its own currency."""
    owed = _sum(
        session,
        LedgerEntry.account_id == account.id,
        LedgerEntry.currency == account.currency,
        LedgerEntry.at < at,
    )
    return max(0, -owed)


def outstanding(session: Session, quote: Quote) -> int:
    """Return how much can still be paid for a quote; nothing if it is not to be paid."""
    if quote.state not in {QuoteState.SENT, QuoteState.ACCEPTED}:
        return 0
    return max(0, quote.total_minor - paid_for_quote(session, quote))


def left_of_payment(session: Session, payment_id: int, *, quote_only: bool = False) -> int:
    """Return what a payment brought (for its quote alone, or in all), less what was given back;
    nothing is left of what was paid out.
    """
    conditions = [LedgerEntry.payment_id == payment_id]
    if quote_only:
        conditions.append(LedgerEntry.quote_id.is_not(None))
    return max(0, -_sum(session, *conditions))


def entry_by_key(session: Session, key: str) -> LedgerEntry | None:
    """Return what was posted under a key."""
    return session.scalar(select(LedgerEntry).where(LedgerEntry.key == key))


def entries_about(
    session: Session, *, kind: str, ref: str, account: Account, scope: Scope
) -> Sequence[LedgerEntry]:
    """Return what an account was charged, credited, paid and given back for a piece of work, the
    oldest first.
    """
    return session.scalars(
        select(LedgerEntry)
        .options(joinedload(LedgerEntry.quote))
        .where(LedgerEntry.account_id == account.id, of_scope(scope))
        .where(LedgerEntry.subject_kind == kind, LedgerEntry.subject_ref == ref)
        .order_by(LedgerEntry.id)
    ).all()


def standing_of(
    session: Session, *, kind: str, ref: str, account: Account, today: date, scope: Scope
) -> Standing:
    """Return how the money behind a piece of work stands, in 4 queries.

    `today` is the day where the account is. Whether work may begin and goods may leave is told by
    `rules.obstacles_to_beginning` and `rules.obstacles_to_releasing`.
    """
    of_account = (
        LedgerEntry.account_id == account.id,
        LedgerEntry.currency == account.currency,
        of_scope(scope),
    )
    states = session.scalars(
        select(Quote.state)
        .where(Quote.account_id == account.id)
        .where(Quote.subject_kind == kind, Quote.subject_ref == ref)
        .where(Quote.state.not_in({QuoteState.SUPERSEDED, QuoteState.WITHDRAWN}))
        .order_by(Quote.id)
    )
    about = (LedgerEntry.subject_kind == kind, LedgerEntry.subject_ref == ref)
    later = (LedgerEntry.kind == EntryKind.CHARGE, LedgerEntry.due_on >= today)
    balance = _sum(session, *of_account)
    return Standing(
        currency=account.currency,
        quotes=tuple(states),
        due_minor=_sum(session, *of_account, *about),
        credit_days=account.credit_days,
        overdue_minor=overdue(balance, _sum(session, *of_account, *later)),
    )

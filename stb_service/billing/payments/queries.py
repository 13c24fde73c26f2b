"""Reads of payments. Every one takes the scope, as those of quotes do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, false, or_, select, true
from sqlalchemy.orm import Session, joinedload

from stb_service.billing.models import LedgerEntry, Payment, PaymentNotice, Quote
from stb_service.billing.queries import typed_number
from stb_service.billing.rules import PaymentState
from stb_service.shared.access import Scope
from stb_service.shared.errors import NotFound
from stb_service.shared.i18n import text
from stb_service.shared.paging import Narrowing, Page, keyset_page
from stb_service.subscribers.models import Account
from stb_service.subscribers.queries import find_account
from stb_service.subscribers.queries import within as account_within


@dataclass(frozen=True)
class PaymentFilter(Narrowing):
    """What the list can be narrowed to; empty means all. The account by number or external id."""

    text: str = ""
    state: str = ""
    provider: str = ""
    account: str = ""


def within(scope: Scope) -> ColumnElement[bool]:
    """Return the condition that a payment's account lies in the scope."""
    if scope.is_everything:
        return true()
    return Payment.account_id.in_(select(Account.id).where(account_within(scope)))


def payments_page(
    session: Session,
    wanted: PaymentFilter,
    scope: Scope,
    *,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Payment]:
    """Return one page of payments with account and quote, the newest first, in one query (two where
    it is narrowed to an account). The text is a reference or a quote's number.
    """
    conditions = [within(scope)]
    if wanted.state:
        conditions.append(Payment.state == wanted.state)
    if wanted.provider:
        conditions.append(Payment.provider == wanted.provider)
    if wanted.text:
        conditions.append(_called(wanted.text))
    if wanted.account:
        account = find_account(session, wanted.account, scope)
        conditions.append(Payment.account_id == account.id if account else false())
    statement = select(Payment).where(*conditions)
    return keyset_page(session, statement, order=[(Payment.id, True)], cursor=cursor, limit=limit)


def _called(typed: str) -> ColumnElement[bool]:
    names = [Payment.reference == typed.strip()]
    if number := typed_number(typed):
        names.append(Payment.quote_id.in_(select(Quote.id).where(Quote.number == number)))
    return or_(*names)


def payment_by_ref(session: Session, ref: str, scope: Scope) -> Payment:
    """Return a payment.

    Raises:
        NotFound: there is none in the scope.
    """
    found = session.scalar(
        select(Payment)
        .options(joinedload(Payment.account).selectinload(Account.sites))
        .where(Payment.public_id == ref, within(scope))
    )
    if found is None:
        raise NotFound(text("There is no such payment."))
    return found


def entries_of(session: Session, payment: Payment, scope: Scope) -> Sequence[LedgerEntry]:
    """Return what a payment and its refunds entered in the ledger, the oldest first."""
    return session.scalars(
        select(LedgerEntry)
        .join(Payment, Payment.id == LedgerEntry.payment_id)
        .options(joinedload(LedgerEntry.quote))
        .where(LedgerEntry.payment_id == payment.id, within(scope))
        .order_by(LedgerEntry.id)
    ).all()


def payments_of_quote(session: Session, quote: Quote, scope: Scope) -> Sequence[Payment]:
    """Return the payments of a quote, the newest first."""
    return session.scalars(
        select(Payment)
        .where(Payment.quote_id == quote.id, within(scope))
        .order_by(Payment.id.desc())
    ).all()


def awaited_of_quote(session: Session, quote: Quote, provider: str) -> Payment | None:
    """Return the payment of a quote that was begun with a provider and is awaited; for whoever acts
    on the quote, and so has found it.
    """
    return session.scalar(
        select(Payment)
        .where(Payment.quote_id == quote.id, Payment.provider == provider)
        .where(Payment.state == PaymentState.AWAITED)
        .order_by(Payment.id.desc())
        .limit(1)
    )


def payment_by_reference(session: Session, provider: str, reference: str) -> Payment | None:
    """Return what a provider calls so; for notices, whose signature is their permission."""
    return session.scalar(
        select(Payment).where(Payment.provider == provider, Payment.reference == reference)
    )


def notice_by_event(session: Session, provider: str, event_id: str) -> PaymentNotice | None:
    """Return a notice that came before; for notices."""
    return session.scalar(
        select(PaymentNotice).where(
            PaymentNotice.provider == provider, PaymentNotice.event_id == event_id
        )
    )

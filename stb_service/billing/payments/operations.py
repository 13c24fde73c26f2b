"""Verbs on payments: recording, beginning, believing a notice, giving back.

Money that came is always written down, whatever became of its quote: what the quote no longer asks
for is the account's credit. A quote's row is held before its payments' rows, so that nobody waits in
a circle; a payment that is told of many times at once counts once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from stb_service.billing.ledger.operations import (
    Posting,
    announce_if_paid,
    post,
    wrong_currency,
)
from stb_service.billing.ledger.queries import entry_by_key, left_of_payment, outstanding
from stb_service.billing.models import Payment, PaymentNotice, Quote
from stb_service.billing.notices import Notice, NoticeKind
from stb_service.billing.operations import touch
from stb_service.billing.payments import queries
from stb_service.billing.providers import MANUAL, PROVIDERS, Checkout, Order
from stb_service.billing.queries import quote_by_ref
from stb_service.billing.rules import (
    PAYMENT_MOVES,
    Cause,
    EntryKind,
    Method,
    PaymentState,
    QuoteState,
    obstacles_to_refund,
)
from stb_service.shared import audit, outbox
from stb_service.shared.access import EVERYTHING, Actor
from stb_service.shared.db import lock_row, new_public_id
from stb_service.shared.errors import Conflict, Invalid, NotFound, Obstacle, Refused
from stb_service.shared.i18n import text
from stb_service.shared.money import MOST_MINOR, Money
from stb_service.subscribers.models import Account
from stb_service.subscribers.queries import account_by_uid


class Outcome(StrEnum):
    """What a notice came to."""

    COUNTED = "counted"
    FAILED = "failed"
    HELD = "held"
    REPEATED = "repeated"


def subject_of(payment: Payment) -> tuple[str, str, str]:
    """Return what the audit calls a payment."""
    return "payment", payment.public_id, payment.reference


def record_payment(
    session: Session,
    *,
    account: str = "",
    quote: str = "",
    amount_minor: int,
    currency: str,
    method: str,
    reference: str = "",
    note: str = "",
    accept_surplus: bool = False,
    actor: Actor,
    now: datetime,
) -> Payment:
    """Record money that a person took, for a quote or for an account.

    The reference is a receipt's number; the same one again is refused. More than is due for the
    quote is refused unless `accept_surplus` says that the rest shall be the account's credit.

    Raises:
        NotFound: there is no such quote or account in the actor's scope.
        Invalid: the amount or the currency cannot be.
        Conflict: a payment with this reference is recorded already.
        Refused: the quote waits for no money, or asks for less.
    """
    asked = touch(session, quote, actor=actor) if quote else None
    payer = asked.account if asked else account_by_uid(session, account, actor.scope)
    if not 0 < amount_minor <= MOST_MINOR:
        raise Invalid.field("amount", text("Above zero, and not above what can be counted."))
    if currency != payer.currency:
        raise wrong_currency(payer)
    if method not in set(Method):
        raise Invalid.field("method", text("One of: %(names)s", names=", ".join(Method)))
    reference = reference.strip() or new_public_id()
    if queries.payment_by_reference(session, MANUAL, reference) is not None:
        message = text("A payment with the reference %(ref)s is recorded already.", ref=reference)
        raise Conflict(message, code="payment-known")
    if asked is not None:
        _refuse_surplus(session, asked, amount_minor, accept_surplus=accept_surplus)
    payment = _new_payment(
        session, payer, asked, MANUAL, reference, Money(amount_minor, currency), actor, now
    )
    payment.method, payment.note = method, note[:500]
    _receive(session, payment, actor, now)
    return payment


def _refuse_surplus(
    session: Session, quote: Quote, amount_minor: int, *, accept_surplus: bool
) -> None:
    if quote.state not in {QuoteState.SENT, QuoteState.ACCEPTED}:
        raise Refused([_NOT_PAYABLE])
    due = outstanding(session, quote)
    if amount_minor > due and not accept_surplus:
        message = text(
            "Only %(amount)s is due for this quote. Record that the rest is credit, or correct "
            "the amount.",
            amount=Money(due, quote.currency),
        )
        raise Refused([Obstacle("above-due", message)])


_NOT_PAYABLE = Obstacle("not-payable", text("This quote is not to be paid."))


def _new_payment(
    session: Session,
    account: Account,
    quote: Quote | None,
    provider: str,
    reference: str,
    amount: Money,
    actor: Actor,
    now: datetime,
) -> Payment:
    payment = Payment(
        account=account,
        quote=quote,
        provider=provider,
        reference=reference,
        state=PaymentState.AWAITED,
        amount_minor=amount.minor,
        currency=amount.currency,
        created_at=now,
        created_by=actor.label[:128],
    )
    session.add(payment)
    session.flush()
    return payment


def begin_payment(
    session: Session,
    *,
    ref: str,
    provider: str,
    sign: Callable[[str, datetime], str],
    actor: Actor,
    now: datetime,
) -> Checkout:
    """Begin to pay what is due for an accepted quote; return where the customer goes.

    A payment that was begun before and is awaited is gone on with.

    Raises:
        NotFound: there is no such quote in the actor's scope.
        Refused: it is not accepted, is paid, or the provider has no page to pay on.
    """
    quote = touch(session, ref, actor=actor)
    due = outstanding(session, quote)
    if quote.state != QuoteState.ACCEPTED or due == 0:
        raise Refused([_NOT_PAYABLE])
    payment = queries.awaited_of_quote(session, quote, provider)
    if payment is None or payment.amount_minor != due:
        reference = f"begun-{new_public_id()}"
        amount = Money(due, quote.currency)
        payment = _new_payment(
            session, quote.account, quote, provider, reference, amount, actor, now
        )
        _record(session, payment, "payment.begin", {}, actor, now)
    order = Order(payment.public_id, payment.amount, quote.title, now, sign)
    checkout = PROVIDERS[provider].begin(order)
    if checkout is None:
        raise Refused([_NOT_PAYABLE])
    payment.reference = checkout.reference
    session.flush()
    return checkout


def take_notice(
    session: Session, *, provider: str, notice: Notice, fingerprint: str, now: datetime
) -> tuple[Payment, Outcome]:
    """Believe what a provider tells, once for each of its event ids; its signature was checked.

    `fingerprint` is a digest of the body. An amount other than the one that was begun is counted
    as told; money in another currency than the account's is held for a person.

    Raises:
        NotFound: it names neither a payment nor a quote that is known.
        Conflict: the event id came before with another body.
    """
    actor = Actor("provider", provider, provider)
    payment = queries.payment_by_reference(session, provider, notice.payment)
    quote = _quote_of(session, payment, notice)
    if quote is not None:
        lock_row(session, Quote, quote.id)
    if payment is None:  # whoever held the quote may have written it
        payment = queries.payment_by_reference(session, provider, notice.payment)
    if payment is not None:
        lock_row(session, Payment, payment.id)
    known = queries.notice_by_event(session, provider, notice.event_id)
    if known is not None:
        if known.fingerprint != fingerprint:
            message = text("This event id came before with another body.")
            raise Conflict(message, code="event-reused")
        return session.get_one(Payment, known.payment_id), Outcome.REPEATED
    if payment is None:
        assert quote is not None
        amount = Money(notice.amount_minor, notice.currency)
        payment = _new_payment(
            session, quote.account, quote, provider, notice.payment, amount, actor, now
        )
    session.add(
        PaymentNotice(
            provider=provider,
            event_id=notice.event_id,
            kind=notice.kind,
            fingerprint=fingerprint,
            payment_id=payment.id,
            at=now,
        )
    )
    session.flush()
    return payment, _believe(session, payment, notice, actor, now)


def _quote_of(session: Session, payment: Payment | None, notice: Notice) -> Quote | None:
    if payment is not None:
        return payment.quote
    if not notice.quote:
        raise NotFound(text("This names no payment and no quote that is known here."))
    return quote_by_ref(session, notice.quote, EVERYTHING)


def _believe(
    session: Session, payment: Payment, notice: Notice, actor: Actor, now: datetime
) -> Outcome:
    wanted = PaymentState.FAILED
    if notice.kind is NoticeKind.SUCCEEDED:
        fits = notice.currency == payment.account.currency
        wanted = PaymentState.SUCCEEDED if fits else PaymentState.HELD
    if (payment.state, wanted) not in PAYMENT_MOVES:
        return Outcome.REPEATED
    if wanted is PaymentState.FAILED:
        _move(session, payment, wanted, "payment.fail", {}, actor, now)
        return Outcome.FAILED
    payment.amount_minor, payment.currency = notice.amount_minor, notice.currency
    if wanted is PaymentState.HELD:
        changes = {"amount": payment.amount}
        _move(session, payment, wanted, "payment.hold", changes, actor, now)
        return Outcome.HELD
    _receive(session, payment, actor, now)
    return Outcome.COUNTED


def _receive(session: Session, payment: Payment, actor: Actor, now: datetime) -> None:
    """Enter money that came: for its quote what that still asks for, the rest for the account."""
    due = outstanding(session, payment.quote) if payment.quote else 0
    for_quote = min(payment.amount_minor, due)
    parts = ((for_quote, payment.quote), (payment.amount_minor - for_quote, None))
    payment.received_at = now
    changes: dict[str, Any] = {"amount": payment.amount}
    if payment.quote is not None:
        changes["quote"] = payment.quote.number
    _move(session, payment, PaymentState.SUCCEEDED, "payment.receive", changes, actor, now)
    for part, quote in parts:
        if part:
            posting = Posting(
                EntryKind.PAYMENT,
                Cause.MONEY,
                Money(part, payment.currency),
                f"payment:{payment.public_id}:{'quote' if quote else 'account'}",
                quote=quote,
                payment_id=payment.id,
            )
            post(session, account=payment.account, posting=posting, actor=actor, now=now)
    if payment.quote is not None:
        announce_if_paid(session, quote=payment.quote, key=payment.public_id, now=now)


def refund_payment(
    session: Session,
    *,
    ref: str,
    amount_minor: int,
    key: str,
    reason: str = "",
    actor: Actor,
    now: datetime,
) -> Payment:
    """Give back money of a payment: first what was credit, then what was for its quote.

    The same key twice is one refund. A provider that can give back is asked to afterwards.

    Raises:
        NotFound: there is no such payment in the actor's scope.
        Invalid: the amount is not above zero.
        Conflict: the key was used for another amount.
        Refused: less is left of it, it was never received, or the actor is not of the operator.
    """
    payment = _hold(session, ref, actor)
    if amount_minor <= 0:
        raise Invalid.field("amount", text("Above zero, and not above what can be counted."))
    keys = [f"refund:{payment.public_id}:{key}:{part}" for part in ("account", "quote")]
    known = [entry for name in keys if (entry := entry_by_key(session, name)) is not None]
    if known:
        if sum(entry.amount_minor for entry in known) != amount_minor:
            raise Conflict(text("This key was used for another entry."), code="key-reused")
        return payment
    left = left_of_payment(session, payment.id)
    obstacles = obstacles_to_refund(
        state=payment.state,
        paid_minor=left,
        wanted_minor=amount_minor,
        currency=payment.currency,
        of_operator=actor.scope.is_everything,
    )
    if obstacles:
        raise Refused(obstacles)
    left_for_quote = left_of_payment(session, payment.id, quote_only=True)
    credit = min(amount_minor, left - left_for_quote)
    parts = ((credit, None), (amount_minor - credit, payment.quote))
    for name, (part, quote) in zip(keys, parts, strict=True):
        if part:
            money = Money(part, payment.currency)
            posting = Posting(
                EntryKind.REFUND, Cause.MONEY, money, name, 0, quote, payment.id, reason=reason
            )
            post(session, account=payment.account, posting=posting, actor=actor, now=now)
    said = {"amount": Money(amount_minor, payment.currency), "reason": reason}
    _record(session, payment, "payment.refund", said, actor, now)
    _ask_provider(session, payment, amount_minor, keys[0], now)
    return payment


def _ask_provider(
    session: Session, payment: Payment, amount_minor: int, key: str, now: datetime
) -> None:
    if payment.provider == MANUAL or payment.provider not in PROVIDERS:
        return  # whoever recorded it, or the system that only tells us, gives it back there
    payload = {
        "provider": payment.provider,
        "reference": payment.reference,
        "amount_minor": amount_minor,
        "currency": payment.currency,
        "key": key,
    }
    outbox.emit(session, topic="payment.refund", key=key, payload=payload, now=now)


def give_back(session: Session, payload: dict[str, Any], now: datetime) -> None:
    """Ask a provider to give money back (outbox topic `payment.refund`)."""
    amount = Money(payload["amount_minor"], payload["currency"])
    PROVIDERS[payload["provider"]].give_back(payload["reference"], amount, payload["key"])


def return_held(session: Session, *, ref: str, reason: str, actor: Actor, now: datetime) -> Payment:
    """Say that money which was held went back to where it came from.

    Raises:
        NotFound: there is no such payment in the actor's scope.
        Refused: it is not held, or the actor is not of the operator.
    """
    payment = _hold(session, ref, actor)
    if payment.state != PaymentState.HELD or not actor.scope.is_everything:
        raise Refused([Obstacle("not-held", text("Only what is held is returned so."))])
    said = {"reason": reason}
    _move(session, payment, PaymentState.RETURNED, "payment.return", said, actor, now)
    return payment


def _hold(session: Session, ref: str, actor: Actor) -> Payment:
    """Return a payment of the actor's scope, held after its quote against other writers."""
    payment = queries.payment_by_ref(session, ref, actor.scope)
    if payment.quote_id is not None:
        lock_row(session, Quote, payment.quote_id)
    lock_row(session, Payment, payment.id)
    return payment


def _move(
    session: Session,
    payment: Payment,
    to: PaymentState,
    verb: str,
    changes: dict[str, Any],
    actor: Actor,
    now: datetime,
) -> None:
    former = payment.state
    payment.state = to
    _record(session, payment, verb, {"state": [former, to], **changes}, actor, now)


def _record(
    session: Session,
    payment: Payment,
    verb: str,
    changes: dict[str, Any],
    actor: Actor,
    now: datetime,
) -> None:
    flag_modified(payment, "state")
    session.flush()
    audit.record(
        session, actor=actor, verb=verb, subject=subject_of(payment), changes=changes, now=now
    )

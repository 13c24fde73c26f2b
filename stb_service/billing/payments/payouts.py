"""Money that goes out without having come in here: the price of a box that is taken back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from stb_service.billing.ledger.operations import Posting, Subject, post, wrong_currency
from stb_service.billing.ledger.queries import entry_by_key
from stb_service.billing.models import Payment
from stb_service.billing.payments.operations import subject_of
from stb_service.billing.providers import MANUAL, PROVIDERS
from stb_service.billing.rules import OPERATORS_CREDIT, Cause, EntryKind, PaymentState
from stb_service.shared import audit, outbox
from stb_service.shared.access import Actor
from stb_service.shared.errors import Conflict, Invalid, Refused
from stb_service.shared.i18n import text
from stb_service.shared.money import MOST_MINOR, Money
from stb_service.subscribers.queries import account_by_uid

TOPIC = "payment.pay_out"
"""The outbox topic by which a provider is asked to pay."""


def refund_box(
    session: Session,
    *,
    account: str,
    amount_minor: int,
    currency: str,
    provider: str = "",
    key: str,
    subject: Subject,
    reason: str = "",
    actor: Actor,
    now: datetime,
) -> Payment:
    """Credit an account with the price of a box that is taken back, and pay it out: by hand, unless
    a provider is named, which is asked to afterwards. The same key twice is one refund.

    Raises:
        NotFound: there is no such account in the actor's scope.
        Invalid: the amount, the currency or the provider cannot be.
        Conflict: the key was used for another amount.
        Refused: the actor is of a dealer or a service centre.
    """
    payee = account_by_uid(session, account, actor.scope)
    if not actor.scope.is_everything:
        raise Refused([OPERATORS_CREDIT])
    provider = provider or MANUAL
    if provider not in PROVIDERS:
        raise Invalid.field("provider", text("One of: %(names)s", names=", ".join(PROVIDERS)))
    if not 0 < amount_minor <= MOST_MINOR:
        raise Invalid.field("amount", text("Above zero, and not above what can be counted."))
    if currency != payee.currency:
        raise wrong_currency(payee)
    amount, name = Money(amount_minor, currency), f"refund:box:{key}"
    known = entry_by_key(session, name)
    if known is not None:
        if (known.account_id, known.amount) != (payee.id, amount):
            raise Conflict(text("This key was used for another entry."), code="key-reused")
        return session.get_one(Payment, known.payment_id)
    payment = Payment(
        account=payee,
        provider=provider,
        reference=f"out-{key}",
        state=PaymentState.PAID_OUT,
        amount_minor=amount_minor,
        currency=currency,
        note=reason[:500],
        created_at=now,
        created_by=actor.label[:128],
    )
    session.add(payment)
    session.flush()
    credit = Posting(
        EntryKind.CREDIT, Cause.BOX_RETURN, amount, f"credit:box:{key}", subject=subject
    )
    refund = Posting(
        EntryKind.REFUND, Cause.MONEY, amount, name, payment_id=payment.id, subject=subject
    )
    for posting in (credit, refund):
        told = posting._replace(reason=reason)
        post(session, account=payee, posting=told, actor=actor, now=now)
    audit.record(
        session,
        actor=actor,
        verb="payment.pay-out",
        subject=subject_of(payment),
        changes={"amount": amount, "provider": provider, **({"reason": reason} if reason else {})},
        now=now,
    )
    if provider != MANUAL:
        payload = {
            "provider": provider,
            "payee": payee.number,
            "amount_minor": amount_minor,
            "currency": currency,
            "key": name,
        }
        outbox.emit(session, topic=TOPIC, key=name, payload=payload, now=now)
    return payment


def pay_out(session: Session, payload: dict[str, Any], now: datetime) -> None:
    """Ask a provider to pay (outbox topic `payment.pay_out`)."""
    amount = Money(payload["amount_minor"], payload["currency"])
    PROVIDERS[payload["provider"]].pay_out(payload["payee"], amount, payload["key"])

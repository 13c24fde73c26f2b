"""Verbs of the ledger: charging and crediting. Entries are only ever added.

Quotes and payments post through `post` in their own unit of work.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy.orm import Session

from stb_service.billing.ledger.queries import entry_by_key, outstanding
from stb_service.billing.models import LedgerEntry, Quote
from stb_service.billing.rules import (
    CREDITS,
    FEES,
    OPERATORS_CREDIT,
    OWED_MORE,
    TAX_UNIT,
    Cause,
    EntryKind,
    QuoteState,
    day_in,
    tax_of,
)
from stb_service.shared import audit, outbox
from stb_service.shared.access import Actor
from stb_service.shared.errors import Conflict, Invalid, Refused
from stb_service.shared.i18n import text
from stb_service.shared.money import MOST_MINOR, Money
from stb_service.subscribers.models import Account
from stb_service.subscribers.queries import account_by_uid

Subject = tuple[str, str, str]
NO_SUBJECT: Subject = ("", "", "")


class Posting(NamedTuple):
    """What is to be entered; the amount is above zero, whichever way it goes."""

    kind: EntryKind
    cause: Cause
    amount: Money
    key: str
    tax_minor: int = 0
    quote: Quote | None = None
    payment_id: int | None = None
    subject: Subject = NO_SUBJECT
    due_on: date | None = None
    reason: str = ""


def typed_key(account: str, key: str) -> str:
    """Return the key of a charge or a credit that a person or a program asks for: it is theirs for
    this account alone, and never one of those by which rooms know what they charged.
    """
    return f"typed:{account}:{key}"


def zone_of(account: Account, default: str) -> str:
    """Return the time zone in which an account's days are counted: its first site's."""
    return account.sites[0].timezone if account.sites else default


def due_day(account: Account, *, zone: str, now: datetime) -> date:
    """Return the day from whose end on a charge of now is overdue."""
    return day_in(zone, now) + timedelta(days=account.credit_days)


def post(
    session: Session, *, account: Account, posting: Posting, actor: Actor, now: datetime
) -> LedgerEntry:
    """Add an entry; what was posted under the same key stays as it is.

    Raises:
        Conflict: the key was used for something else.
    """
    sign = 1 if posting.kind in OWED_MORE else -1
    amount_minor = sign * posting.amount.minor
    known = entry_by_key(session, posting.key)
    if known is not None:
        same = (known.account_id, known.kind, known.amount_minor, known.currency)
        if same != (account.id, posting.kind, amount_minor, posting.amount.currency):
            raise Conflict(text("This key was used for another entry."), code="key-reused")
        return known
    entry = LedgerEntry(
        account_id=account.id,
        kind=posting.kind,
        cause=posting.cause,
        amount_minor=amount_minor,
        tax_minor=posting.tax_minor,
        currency=posting.amount.currency,
        quote_id=posting.quote.id if posting.quote else None,
        payment_id=posting.payment_id,
        due_on=posting.due_on,
        reason=posting.reason[:500],
        key=posting.key,
        at=now,
        actor_label=actor.label[:128],
    )
    subject = posting.quote.subject if posting.quote else posting.subject
    entry.subject_kind, entry.subject_ref, entry.subject_label = subject
    session.add(entry)
    session.flush()
    return entry


def charge_account(
    session: Session,
    *,
    account: str,
    cause: str,
    net_minor: int,
    tax_ppm: int = 0,
    currency: str,
    zone: str,
    key: str,
    subject: Subject = NO_SUBJECT,
    reason: str = "",
    actor: Actor,
    now: datetime,
) -> LedgerEntry:
    """Charge an account: a fee for a box that did not come back, for damage, for handling, or a
    correction. Tax is added. The same key twice is one charge.

    Raises:
        NotFound: there is no such account in the actor's scope.
        Invalid: the amount or the currency cannot be.
        Conflict: the key was used for another charge.
    """
    found = account_by_uid(session, account, actor.scope)
    _check(found, cause, net_minor, currency, allowed=FEES)
    if not 0 <= tax_ppm <= TAX_UNIT:
        raise Invalid.field("tax_ppm", text("Between 0 and 100 %%."))
    tax = tax_of(net_minor, tax_ppm)
    posting = Posting(
        EntryKind.CHARGE,
        Cause(cause),
        Money(net_minor + tax, currency),
        f"charge:{key}",
        tax_minor=tax,
        subject=subject,
        due_on=due_day(found, zone=zone_of(found, zone), now=now),
        reason=reason,
    )
    return _post_told(session, found, posting, "account.charge", actor, now)


def credit_account(
    session: Session,
    *,
    account: str,
    cause: str,
    amount_minor: int,
    currency: str,
    key: str,
    subject: Subject = NO_SUBJECT,
    reason: str = "",
    actor: Actor,
    now: datetime,
) -> LedgerEntry:
    """Credit an account, out of goodwill or to correct a charge. The same key twice is one credit.

    Raises:
        NotFound: there is no such account in the actor's scope.
        Invalid: the amount or the currency cannot be.
        Conflict: the key was used for another credit.
        Refused: the actor is of a dealer or a service centre.
    """
    found = account_by_uid(session, account, actor.scope)
    if not actor.scope.is_everything:
        raise Refused([OPERATORS_CREDIT])
    _check(found, cause, amount_minor, currency, allowed=CREDITS)
    posting = Posting(
        EntryKind.CREDIT,
        Cause(cause),
        Money(amount_minor, currency),
        f"credit:{key}",
        subject=subject,
        reason=reason,
    )
    return _post_told(session, found, posting, "account.credit", actor, now)


def credit_charge(
    session: Session, *, key: str, reason: str = "", actor: Actor, now: datetime
) -> LedgerEntry | None:
    """Credit what was charged under a key, with its tax, once; None if nothing was."""
    charged = entry_by_key(session, f"charge:{key}")
    if charged is None:
        return None
    account = session.get_one(Account, charged.account_id)
    posting = Posting(
        EntryKind.CREDIT,
        Cause(charged.cause),
        Money(charged.amount_minor, charged.currency),
        f"uncharge:{key}",
        tax_minor=charged.tax_minor,
        subject=(charged.subject_kind, charged.subject_ref, charged.subject_label),
        reason=reason,
    )
    return _post_told(session, account, posting, "account.credit", actor, now)


def _check(
    account: Account, cause: str, amount_minor: int, currency: str, *, allowed: tuple[Cause, ...]
) -> None:
    if cause not in allowed:
        raise Invalid.field("cause", text("One of: %(names)s", names=", ".join(allowed)))
    if not 0 < amount_minor <= MOST_MINOR:
        raise Invalid.field("amount", text("Above zero, and not above what can be counted."))
    if currency != account.currency:
        raise wrong_currency(account)


def wrong_currency(account: Account) -> Invalid:
    """Return the refusal of money in another currency than the account's."""
    message = text("The account is kept in %(currency)s.", currency=account.currency)
    return Invalid.field("currency", message)


def _post_told(
    session: Session, account: Account, posting: Posting, verb: str, actor: Actor, now: datetime
) -> LedgerEntry:
    """Post and audit, unless it was posted before."""
    is_known = entry_by_key(session, posting.key) is not None
    entry = post(session, account=account, posting=posting, actor=actor, now=now)
    if is_known:
        return entry
    changes = {"amount": posting.amount, "cause": posting.cause}
    audit.record(
        session,
        actor=actor,
        verb=verb,
        subject=("account", account.public_id, account.number),
        changes={**changes, **({"reason": posting.reason} if posting.reason else {})},
        now=now,
    )
    return entry


def announce(session: Session, *, event: str, quote: Quote, key: str, now: datetime) -> None:
    """Tell higher rooms what became of a quote (outbox topic `quote.<event>`)."""
    payload = {
        "quote": quote.public_id,
        "number": quote.number,
        "subject_kind": quote.subject_kind,
        "subject_ref": quote.subject_ref,
    }
    topic = f"quote.{event}"
    outbox.emit(session, topic=topic, key=f"{topic}:{key}", payload=payload, now=now)


def announce_if_paid(session: Session, *, quote: Quote, key: str, now: datetime) -> None:
    """Tell higher rooms once an accepted quote is paid in full."""
    if quote.state == QuoteState.ACCEPTED and outstanding(session, quote) == 0:
        announce(session, event="paid", quote=quote, key=f"{quote.public_id}:{key}", now=now)

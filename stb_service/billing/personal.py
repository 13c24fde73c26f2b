"""What this room keeps of a person: the money of a household's account, told to its holder.

Quotes, entries and payments are the operator's books and stay when a person is erased, without what
was said with an answer; they name the account by its number alone. An account is settled before its holder is erased.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from stb_service.billing.ledger.queries import balances
from stb_service.billing.models import LedgerEntry, Payment, Quote
from stb_service.billing.rules import (
    CAUSE_NAMES,
    ENTRY_KIND_NAMES,
    PAYMENT_STATE_NAMES,
    QUOTE_STATE_NAMES,
    QuoteState,
)
from stb_service.shared.access import EVERYTHING
from stb_service.shared.errors import Obstacle
from stb_service.shared.i18n import text
from stb_service.shared.registries import PersonalData, Spoken
from stb_service.subscribers.models import Account
from stb_service.subscribers.queries import person_by_ref


def _account_of_holder(session: Session, uid: str, ref: str) -> Account | None:
    """Return the account if the person is the holder of a household's."""
    person = person_by_ref(session, uid, ref, EVERYTHING)
    is_theirs = person.is_holder and person.account.is_of_person
    return person.account if is_theirs else None


def export(session: Session, uid: str, ref: str) -> dict[str, Any]:
    """Tell quotes, entries and payments; nothing of whoever does not hold the account."""
    account = _account_of_holder(session, uid, ref)
    if account is None:
        return {}
    rows = {
        kind: session.scalars(select(kind).where(kind.account_id == account.id).order_by(kind.id))
        for kind in (Quote, LedgerEntry, Payment)
    }
    return {
        "quotes": [
            _told(row, "number", "title", "state", "total", "answer_note") for row in rows[Quote]
        ],
        "entries": [_told(row, "at", "kind", "cause", "amount") for row in rows[LedgerEntry]],
        "payments": [_told(row, "created_at", "state", "amount") for row in rows[Payment]],
    }


def _told(row: Any, *names: str) -> dict[str, str]:
    values = {name: getattr(row, name) for name in names}
    return {
        name: value.isoformat() if isinstance(value, datetime) else str(value)
        for name, value in values.items()
    }


def obstacles(session: Session, uid: str, ref: str) -> list[Obstacle]:
    """Return why a holder cannot be erased yet: money is open, or a quote waits for an answer."""
    account = _account_of_holder(session, uid, ref)
    if account is None:
        return []
    found = []
    if any(balance.minor for balance in balances(session, account, EVERYTHING)):
        found.append(Obstacle("balance-open", text("The account is not settled.")))
    waiting = select(Quote.id).where(Quote.account_id == account.id, Quote.state == QuoteState.SENT)
    if session.scalar(waiting.limit(1)) is not None:
        found.append(Obstacle("quote-open", text("A quote waits for the customer's answer.")))
    return found


def erase(session: Session, uid: str, ref: str, now: datetime) -> None:
    """Empty what was said with answers. The books stay: they say nothing of the person but the
    account's number.
    """
    account = _account_of_holder(session, uid, ref)
    if account is None:
        return
    session.execute(
        update(Quote)
        .where(Quote.account_id == account.id, Quote.answer_note != "")
        .values(answer_note="", row_version=Quote.row_version + 1)
        .execution_options(synchronize_session=False)
    )


SPOKEN = Spoken(
    text("Money"),
    {
        "quotes": text("Quotes"),
        "entries": text("Entries of the account"),
        "payments": text("Payments"),
        "number": text("Number"),
        "title": text("Title"),
        "state": text("State"),
        "total": text("Total"),
        "at": text("When"),
        "kind": text("Kind"),
        "cause": text("What for"),
        "amount": text("Amount"),
        "created_at": text("When"),
    },
    {
        "quotes.state": {str(state): name for state, name in QUOTE_STATE_NAMES.items()},
        "payments.state": {str(state): name for state, name in PAYMENT_STATE_NAMES.items()},
        "kind": {str(kind): name for kind, name in ENTRY_KIND_NAMES.items()},
        "cause": {str(cause): name for cause, name in CAUSE_NAMES.items()},
    },
)
DATA = PersonalData("billing", export, obstacles, erase, SPOKEN)

"""Reads of quotes. Every one takes the scope: a dealer or a service centre finds the quotes of the
accounts that it finds."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, false, func, or_, select, true
from sqlalchemy.orm import Session, joinedload, selectinload

from stb_service.billing.models import Quote, QuoteEvent
from stb_service.billing.rules import QUOTE_STATE_NAMES, QuoteState
from stb_service.shared.access import Scope
from stb_service.shared.errors import NotFound
from stb_service.shared.i18n import text
from stb_service.shared.paging import Narrowing, Page, keyset_page
from stb_service.shared.registries import Hit
from stb_service.subscribers.models import Account
from stb_service.subscribers.queries import find_account
from stb_service.subscribers.queries import within as account_within

TYPED_NUMBER = re.compile(r"Q[\s-]*(\d{1,9})", re.IGNORECASE)


def quote_number(ordinal: int) -> str:
    """Return what the quote with this place in the order of making is called."""
    return f"Q-{ordinal:06d}"


def typed_number(raw: str) -> str | None:
    """Return the number of a quote that was typed, with or without its zeros."""
    found = TYPED_NUMBER.fullmatch(unicodedata.normalize("NFKC", raw).strip())
    return quote_number(int(found[1])) if found else None


@dataclass(frozen=True)
class QuoteFilter(Narrowing):
    """What the list can be narrowed to; empty means all. The account by number or external id."""

    text: str = ""
    state: str = ""
    account: str = ""
    subject_kind: str = ""
    subject_ref: str = ""


def within(scope: Scope) -> ColumnElement[bool]:
    """Return the condition that a quote's account lies in the scope."""
    if scope.is_everything:
        return true()
    return Quote.account_id.in_(select(Account.id).where(account_within(scope)))


def quotes_page(
    session: Session,
    wanted: QuoteFilter,
    scope: Scope,
    *,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Quote]:
    """Return one page of quotes with their accounts, the newest first, in one query (two where it
    is narrowed to an account).
    """
    conditions = [within(scope)]
    if wanted.state:
        conditions.append(Quote.state == wanted.state)
    if wanted.subject_kind:
        conditions.append(Quote.subject_kind == wanted.subject_kind)
    if wanted.subject_ref:
        conditions.append(Quote.subject_ref == wanted.subject_ref)
    if wanted.text:
        conditions.append(_called(wanted.text))
    if wanted.account:
        account = find_account(session, wanted.account, scope)
        conditions.append(Quote.account_id == account.id if account else false())
    statement = select(Quote).where(*conditions)
    return keyset_page(session, statement, order=[(Quote.id, True)], cursor=cursor, limit=limit)


def _called(typed: str) -> ColumnElement[bool]:
    """Return the condition that a quote, or what it is about, is called so."""
    names = [Quote.subject_label == typed.strip(), Quote.subject_ref == typed.strip()]
    if number := typed_number(typed) or typed_number(f"Q{typed}"):
        names.append(Quote.number == number)
    return or_(*names)


def quote_by_ref(session: Session, ref: str, scope: Scope) -> Quote:
    """Return a quote with its lines and its account's people and sites.

    Raises:
        NotFound: there is none in the scope.
    """
    found = session.scalar(
        select(Quote)
        .options(
            selectinload(Quote.lines),
            joinedload(Quote.account).selectinload(Account.sites),
            joinedload(Quote.supersedes),
        )
        .where(or_(Quote.public_id == ref, Quote.number == ref), within(scope))
    )
    if found is None:
        raise NotFound(text("There is no such quote."))
    return found


def successor_of(session: Session, quote: Quote, scope: Scope) -> Quote | None:
    """Return the newest quote that was made to take the place of another."""
    return session.scalar(
        select(Quote)
        .where(Quote.supersedes_id == quote.id, within(scope))
        .order_by(Quote.id.desc())
        .limit(1)
    )


def events_of(session: Session, quote: Quote, scope: Scope) -> Sequence[QuoteEvent]:
    """Return how a quote moved, the last first."""
    return session.scalars(
        select(QuoteEvent)
        .join(Quote, Quote.id == QuoteEvent.quote_id)
        .where(QuoteEvent.quote_id == quote.id, within(scope))
        .order_by(QuoteEvent.seq.desc())
    ).all()


def moves_of_account(
    session: Session, account: Account, scope: Scope, *, limit: int
) -> list[tuple[QuoteEvent, Quote]]:
    """Return the newest moves of an account's quotes, each with its quote."""
    rows = session.execute(
        select(QuoteEvent, Quote)
        .join(Quote, Quote.id == QuoteEvent.quote_id)
        .where(Quote.account_id == account.id, within(scope))
        .order_by(QuoteEvent.at.desc(), QuoteEvent.id.desc())
        .limit(limit)
    )
    return [(row[0], row[1]) for row in rows]


def quotes_of_account(
    session: Session, account: Account, scope: Scope, *, limit: int
) -> Sequence[Quote]:
    """Return the newest quotes of an account."""
    return session.scalars(
        select(Quote)
        .where(Quote.account_id == account.id, within(scope))
        .order_by(Quote.id.desc())
        .limit(limit)
    ).all()


def open_quote_of_subject(session: Session, kind: str, ref: str) -> Quote | None:
    """Return the one quote about a thing that waits for an answer; for whoever acts on the thing,
    and so has found it in their scope.
    """
    if not ref:
        return None
    return session.scalar(
        select(Quote).where(
            Quote.subject_kind == kind, Quote.subject_ref == ref, Quote.state == QuoteState.SENT
        )
    )


def expired_ids(session: Session, *, now: datetime, limit: int) -> Sequence[int]:
    """Return the ids of sent quotes whose last day is over; for the system, which sees all."""
    return session.scalars(
        select(Quote.id)
        .where(Quote.state == QuoteState.SENT, Quote.expires_at <= now, Quote.paused_at.is_(None))
        .order_by(Quote.expires_at, Quote.id)
        .limit(limit)
    ).all()


def count_by_state(session: Session, scope: Scope) -> dict[str, int]:
    """Return how many quotes are in each state."""
    rows = session.execute(
        select(Quote.state, func.count()).where(within(scope)).group_by(Quote.state)
    )
    return {row[0]: row[1] for row in rows}


def find_quotes(session: Session, typed: str, scope: Scope, limit: int) -> list[Hit]:
    """Return the quote of a typed number as a hit of the search box."""
    number = typed_number(typed)
    if number is None:
        return []
    rows = session.scalars(select(Quote).where(Quote.number == number, within(scope)).limit(limit))
    return [
        Hit(
            row.number,
            " · ".join((str(QUOTE_STATE_NAMES[row.state]), str(row.total))),
            f"/quotes/{row.public_id}",
        )
        for row in rows
    ]

"""Repair or replace as the customer sees it: what stands beside a quote, and what was chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from stb_service.billing.models import Quote
from stb_service.rma.beside import shown_beside
from stb_service.rma.comparison import Choice, Offer
from stb_service.rma.models import CaseQuote, Comparison, ReturnCase
from stb_service.rma.money import terms_of_model
from stb_service.rma.owners import Owner, record
from stb_service.shared.access import Actor
from stb_service.shared.db import lock_row
from stb_service.shared.documents import papers
from stb_service.shared.money import rounded_share


def last_choice(session: Session, case: ReturnCase) -> Choice | None:
    """Return what the customer chose last, None if nothing was chosen."""
    found = session.scalar(
        select(Comparison.choice)
        .where(Comparison.case_id == case.id, Comparison.choice != "")
        .order_by(Comparison.chosen_at.desc(), Comparison.id.desc())
        .limit(1)
    )
    return Choice(found) if found else None


def offers_of(made: Comparison) -> list[Offer]:
    """Return the offers of a comparison that was kept."""
    return offers_from(made.offers)


def offers_from(rows: Sequence[Mapping[str, Any]]) -> list[Offer]:
    """Return offers as they are kept."""
    return [
        Offer(
            Choice(row["choice"]),
            row["price_minor"],
            date.fromisoformat(row["supported_until_on"]),
        )
        for row in rows
    ]


def case_of_quote(session: Session, quote: Quote) -> tuple[ReturnCase, CaseQuote] | None:
    """Return the case that a quote is about, and what it was made for."""
    found = session.scalar(select(CaseQuote).where(CaseQuote.quote_id == quote.id))
    return (session.get_one(ReturnCase, found.case_id), found) if found else None


def ways_of(session: Session, case: ReturnCase, quote: Quote) -> tuple[papers.Choice, ...]:
    """Return what was held side by side for the customer, with tax; the repair is as quoted."""
    kept = shown_beside(session, case, quote.currency)
    terms = terms_of_model(session, case.device)
    if kept is None or terms is None:
        return ()
    return tuple(
        papers.Choice(
            str(offer.choice),
            quote.total_minor
            if offer.choice == Choice.REPAIR
            else with_tax(offer.price_minor, terms.tax_ppm),
            offer.supported_until_on,
        )
        for offer in offers_of(kept)
    )


def with_tax(net_minor: int, tax_ppm: int) -> int:
    """Return a net price with its tax, half a minor unit rounded up."""
    return net_minor + rounded_share(net_minor, tax_ppm, 1_000_000)


def keep_choice(
    session: Session,
    owner: Owner,
    shown: Comparison,
    choice: str,
    *,
    note: str = "",
    actor: Actor,
    now: datetime,
) -> None:
    """Keep what the customer chose, of what was held side by side."""
    lock_row(session, Comparison, shown.id)
    shown.choice, shown.choice_note = choice, note.strip()[:500]
    shown.chosen_at, shown.chosen_by = now, actor.label[:128]
    record(session, owner, "choose", {"choice": choice}, actor=actor, now=now)

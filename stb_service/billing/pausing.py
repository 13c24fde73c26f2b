"""The days of a quote do not run while whoever made it holds the matter up."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from stb_service.billing.models import Quote
from stb_service.billing.operations import subject_of
from stb_service.billing.rules import QuoteState, end_of_day
from stb_service.shared import audit
from stb_service.shared.access import Actor
from stb_service.shared.db import lock_row


def pause(session: Session, quote: Quote, *, now: datetime) -> None:
    """Let the days of a sent quote stand still; it may be answered all the same."""
    lock_row(session, Quote, quote.id)
    session.refresh(quote)
    if quote.state == QuoteState.SENT and not quote.is_over(now):
        quote.paused_at = now
        session.flush()


def go_on(session: Session, quote: Quote, *, actor: Actor, now: datetime) -> None:
    """Let the days of a quote run again, with those added on which they stood still: a day that was
    begun is a whole one. Links that were sent go on to count.
    """
    lock_row(session, Quote, quote.id)
    session.refresh(quote)
    if quote.paused_at is None:
        return
    days = -((quote.paused_at - now) // timedelta(days=1))
    quote.paused_at = None
    if quote.state == QuoteState.SENT and days > 0:
        last_day = quote.valid_until_on + timedelta(days)
        quote.expires_at = end_of_day(last_day, quote.timezone)
        changes = audit.apply_changes(quote, {"valid_until_on": last_day})
        audit.record(
            session,
            actor=actor,
            verb="quote.extend",
            subject=subject_of(quote),
            changes=changes,
            now=now,
        )
    session.flush()

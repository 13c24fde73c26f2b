"""A quote as its reader sees it: for its page, for the API, and for the customer behind a link."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy.orm import Session

from stb_service.billing import queries
from stb_service.billing.ledger.queries import outstanding, paid_for_quote
from stb_service.billing.models import Quote, QuoteEvent
from stb_service.billing.operations import facts_of
from stb_service.billing.rules import (
    QUOTE_MOVES,
    QuoteState,
    obstacles_to_editing,
    obstacles_to_extending,
    obstacles_to_move,
    obstacles_to_revising,
    taxes_by_rate,
)
from stb_service.shared.access import Scope
from stb_service.shared.errors import Obstacle
from stb_service.shared.money import Money


@dataclass
class QuoteCard:
    """A quote with what follows for one reader at one moment. `kept`: why it is for the steps of
    another room alone.
    """

    session: Session
    quote: Quote
    scope: Scope
    now: datetime
    kept: list[Obstacle] = field(default_factory=list)

    @cached_property
    def paid(self) -> Money:
        """What was paid for it."""
        return Money(paid_for_quote(self.session, self.quote), self.quote.currency)

    @cached_property
    def outstanding(self) -> Money:
        """What can still be paid for it."""
        return Money(outstanding(self.session, self.quote), self.quote.currency)

    @property
    def is_to_be_paid(self) -> bool:
        """Whether the customer has accepted and not paid all of it."""
        return self.quote.state == QuoteState.ACCEPTED and self.outstanding.minor > 0

    @property
    def is_paid(self) -> bool:
        """Whether the customer has accepted and paid it."""
        return self.quote.state == QuoteState.ACCEPTED and self.outstanding.minor == 0

    @property
    def is_open(self) -> bool:
        """Whether the customer may still answer."""
        return self.quote.state == QuoteState.SENT and not self.quote.is_over(self.now)

    @cached_property
    def moves(self) -> Sequence[QuoteEvent]:
        """How it moved, the last first."""
        return queries.events_of(self.session, self.quote, self.scope)

    @cached_property
    def successor(self) -> Quote | None:
        """The quote that was made to take its place."""
        return queries.successor_of(self.session, self.quote, self.scope)

    @property
    def taxes(self) -> list[tuple[int, Money, Money]]:
        """Each rate of tax with the net amount and the tax."""
        rows = [(row.tax_ppm, row.net_minor, row.tax_minor) for row in self.quote.lines]
        currency = self.quote.currency
        return [
            (rate, Money(net, currency), Money(tax, currency))
            for rate, net, tax in taxes_by_rate(rows)
        ]

    def money(self, minor: int) -> Money:
        """Return an amount of the quote's currency."""
        return Money(minor, self.quote.currency)

    def obstacles_to(self, state: str) -> list[Obstacle]:
        """Return why it cannot become so."""
        facts = facts_of(self.session, self.quote, now=self.now)
        return obstacles_to_move(facts, QuoteState(state))

    @property
    def moves_from_here(self) -> list[QuoteState]:
        """The states that people may bring it to, whether or not something stands in the way; none
        where that is for the steps of another room.
        """
        if self.kept:
            return []
        by_itself = {QuoteState.EXPIRED, QuoteState.SUPERSEDED}
        return [
            to for before, to in QUOTE_MOVES if before == self.quote.state and to not in by_itself
        ]

    @property
    def obstacles_to_editing(self) -> list[Obstacle]:
        """Why its lines cannot be changed."""
        return self.kept or obstacles_to_editing(self.quote.state)

    @property
    def obstacles_to_extending(self) -> list[Obstacle]:
        """Why its last day cannot be moved."""
        return obstacles_to_extending(self.quote.state)

    @property
    def obstacles_to_revising(self) -> list[Obstacle]:
        """Why no other can take its place."""
        return self.kept or obstacles_to_revising(self.quote.state)


def as_wire(card: QuoteCard, link: str | None) -> dict[str, Any]:
    """Return a quote by the names of `QuoteCardSchema`."""
    quote = card.quote
    names = (
        *("public_id", "number", "account", "subject_kind", "subject_ref", "subject_label"),
        *("title", "state", "edition", "currency", "discount_minor", "net_minor", "tax_minor"),
        *("total_minor", "valid_until_on", "timezone", "expires_at", "created_at", "sent_at"),
        *("answered_at", "notes", "lines"),
    )
    return {name: getattr(quote, name) for name in names} | {
        "moves": card.moves,
        "paid_minor": card.paid.minor,
        "outstanding_minor": card.outstanding.minor,
        "supersedes": quote.supersedes.public_id if quote.supersedes else None,
        "next_states": [to for to in card.moves_from_here if not card.obstacles_to(to)],
        "link": link,
    }

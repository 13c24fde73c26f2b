"""The addresses that customers are sent: signed words for a quote, and for a payment that was begun."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from flask import url_for

from stb_service.billing.links import Purpose, sign_link
from stb_service.billing.models import Quote
from stb_service.billing.rules import LINK_DAYS_AFTER, QuoteState
from stb_service.shared.http import services


def signing_keys() -> list[str]:
    """Return the keys that links are read with; the last signs."""
    settings = services().settings
    return [*settings.secret_key_former, settings.secret_key]


def link_of(quote: Quote) -> str | None:
    """Return the whole address of a quote for its customer, once it was sent."""
    if quote.sent_at is None or quote.state in {QuoteState.DRAFT, QuoteState.SUPERSEDED}:
        return None
    until = quote.expires_at + timedelta(LINK_DAYS_AFTER)
    values = [quote.public_id, quote.edition]
    word = sign_link(Purpose.QUOTE, values, until=until, keys=signing_keys())
    return services().settings.public_url + url_for("customer_pages.show_quote", word=word)


def checkout_signer() -> Callable[[str, datetime], str]:
    """Return what signs the address of a payment that was begun."""
    keys = signing_keys()

    def sign(reference: str, until: datetime) -> str:
        return sign_link(Purpose.CHECKOUT, [reference], until=until, keys=keys)

    return sign

"""What this room adds to the app."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from stb_service.billing import customer_pages, pages, personal, queries, routes, timeline
from stb_service.billing.ledger.queries import balances
from stb_service.billing.payments import pages as payment_pages
from stb_service.billing.payments import routes as payment_routes
from stb_service.billing.payments.operations import give_back
from stb_service.billing.payments.payouts import TOPIC as PAY_OUT
from stb_service.billing.payments.payouts import pay_out
from stb_service.billing.rules import QUOTE_STATE_COLOURS, QUOTE_STATE_NAMES
from stb_service.shared.access import EVERYTHING, Actor
from stb_service.shared.i18n import text
from stb_service.shared.registries import CardSection, NavItem, Registries, SearchProvider
from stb_service.subscribers.queries import account_row

page_blueprints = [pages.pages, payment_pages.pages, customer_pages.pages]
api_blueprints = [routes.api, payment_routes.api]

MONEY = text("Money")
QUOTES = text("Quotes")
SHOWN_QUOTES = 5
ANNOUNCED = ("quote.accepted", "quote.declined", "quote.expired", "quote.paid")
"""What higher rooms are told through the outbox. One that listens puts its handler in the place of
`nobody_listens`."""


def wire(registries: Registries) -> None:
    """Add search, menu, the account's section and timeline, what is told, and what is kept."""
    registries.search.append(SearchProvider(QUOTES, "billing.view", queries.find_quotes))
    registries.navigation += [
        NavItem(QUOTES, "receipt", "billing_pages.list_quotes", "billing.view", MONEY, 150),
        NavItem(
            text("Payments"),
            "credit-card",
            "payment_pages.list_payments",
            "billing.view",
            MONEY,
            160,
        ),
    ]
    registries.account.append(
        CardSection("billing", MONEY, "billing.view", "billing/account.html", _section, 200)
    )
    registries.account_timeline.append(timeline.entries)
    registries.personal.append(personal.DATA)
    registries.gauges.append(_gauge)
    registries.outbox["payment.refund"] = give_back
    registries.outbox[PAY_OUT] = pay_out
    for topic in ANNOUNCED:
        registries.outbox.setdefault(topic, nobody_listens)


def nobody_listens(session: Session, payload: dict[str, Any], now: datetime) -> None:
    """Do nothing with what no higher room waits for."""


def _section(session: Session, uid: str, actor: Actor, now: datetime) -> dict[str, Any]:
    account = account_row(session, uid, actor.scope)
    return {
        "account": account,
        "balances": balances(session, account, actor.scope),
        "quotes": queries.quotes_of_account(session, account, actor.scope, limit=SHOWN_QUOTES),
        "quote_state_names": QUOTE_STATE_NAMES,
        "quote_state_colours": QUOTE_STATE_COLOURS,
    }


def _gauge(session: Session) -> dict[tuple[str, str], float]:
    counts = queries.count_by_state(session, EVERYTHING)
    return {("stb_quotes", state): float(count) for state, count in counts.items()}

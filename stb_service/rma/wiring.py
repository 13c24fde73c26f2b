"""What this room adds to the app."""

from __future__ import annotations

from functools import partial

from flask import Blueprint
from sqlalchemy.orm import Session

from stb_service.rma import cover_facts, exchange, personal, queries, telling
from stb_service.rma.answers import ANSWERS, take_answer
from stb_service.rma.arrivals import imports
from stb_service.rma.arrivals import pages as arrival_pages
from stb_service.rma.arrivals import routes as arrival_routes
from stb_service.shared.access import EVERYTHING
from stb_service.shared.i18n import text
from stb_service.shared.registries import CardSection, Registries, SearchProvider

page_blueprints = [
    Blueprint("rma_cards", __name__, template_folder="templates"),
    arrival_pages.pages,
]
api_blueprints = [arrival_routes.api]

RETURNS = text("Returns")


def wire(registries: Registries) -> None:
    """Add search, sections, timelines, what bears on warranty, and what moves cases by itself."""
    registries.search.append(SearchProvider(RETURNS, "rma.view", queries.find_cases))
    registries.card.append(
        CardSection("returns", RETURNS, "rma.view", "rma/card.html", telling.card_of_box, 150)
    )
    registries.account.append(
        CardSection(
            "returns", RETURNS, "rma.view", "rma/card.html", telling.section_of_account, 150
        )
    )
    registries.timeline.append(telling.timeline_of_box)
    registries.account_timeline.append(telling.timeline_of_account)
    registries.personal.append(personal.KNOWN)
    registries.warranty_facts.append(cover_facts.facts)
    for topic in ANSWERS:
        registries.outbox[topic] = partial(take_answer, topic)
    registries.outbox[exchange.REPLACED] = exchange.provision_by_hand
    registries.jobs.update(imports.handlers(registries.warranty_facts))
    registries.gauges.append(_gauge)


def _gauge(session: Session) -> dict[tuple[str, str], float]:
    counts = queries.count_by_state(session, EVERYTHING)
    return {("stb_returns", state): float(count) for state, count in counts.items()}

"""What this room adds to the app."""

from __future__ import annotations

from functools import partial

from sqlalchemy.orm import Session

from stb_service.rma import (
    board_pages,
    case_pages,
    cover_facts,
    customer_pages,
    effects,
    exchange,
    exports,
    inspection_pages,
    intake_pages,
    opening_pages,
    overruling,
    paper_pages,
    papers,
    personal,
    queries,
    telling,
    terms_pages,
    workshop_pages,
)
from stb_service.rma.answers import ANSWERS, make_up, take_answer
from stb_service.rma.arrivals import imports
from stb_service.rma.arrivals import pages as arrival_pages
from stb_service.rma.arrivals import routes as arrival_routes
from stb_service.rma.claiming import pages as claim_pages
from stb_service.rma.claiming import routes as claim_routes
from stb_service.rma.claiming.queries import find_claims
from stb_service.rma.keeping import why_kept, why_quotes_kept
from stb_service.rma.routes import bench, cases, faults, orders, promises, terms
from stb_service.shared.access import EVERYTHING
from stb_service.shared.i18n import text
from stb_service.shared.registries import CardSection, NavItem, Registries, SearchProvider, Tile
from stb_service.warranty.decisions import OVERRIDDEN

page_blueprints = [
    board_pages.pages,
    opening_pages.pages,
    intake_pages.pages,
    case_pages.pages,
    workshop_pages.pages,
    inspection_pages.pages,
    terms_pages.pages,
    paper_pages.pages,
    customer_pages.pages,
    claim_pages.pages,
    arrival_pages.pages,
]
api_blueprints = [
    cases.api,
    faults.api,
    promises.api,
    orders.api,
    bench.api,
    terms.api,
    paper_pages.api,
    claim_routes.api,
    arrival_routes.api,
]

RETURNS = text("Returns")
CLAIMS = text("Claims from suppliers")


def wire(registries: Registries) -> None:
    """Add menu, search, sections, timelines, long work, what bears on warranty, and what moves cases
    by itself.
    """
    registries.navigation += [
        NavItem(
            text("Board of returns"),
            "layout-dashboard",
            "returns_pages.show_board",
            "rma.view",
            RETURNS,
            140,
        ),
        NavItem(text("All returns"), "list", "returns_pages.list_cases", "rma.view", RETURNS, 142),
        NavItem(
            text("Take boxes in"), "scan", "intake_pages.show_intake", "rma.receive", RETURNS, 144
        ),
        NavItem(text("Workshop"), "tools", "workshop_pages.show_bench", "rma.view", RETURNS, 150),
        NavItem(
            text("Terms"),
            "adjustments",
            "return_terms_pages.edit_terms",
            "rma.terms",
            RETURNS,
            190,
        ),
    ]
    registries.search.append(SearchProvider(RETURNS, "rma.view", queries.find_cases))
    registries.search.append(SearchProvider(CLAIMS, "rma.claim", find_claims))
    registries.navigation.append(
        NavItem(CLAIMS, "receipt", "claim_pages.list_claims", "rma.claim", RETURNS, 180)
    )
    registries.tiles.append(
        Tile("rma.waiting", "rma.view", "rma/tile.html", telling.tile, order=20)
    )
    registries.card.append(
        CardSection("returns", RETURNS, "rma.view", "rma/card.html", telling.card_of_box, 30)
    )
    registries.card.append(
        CardSection(
            "claims", CLAIMS, "rma.claim", "rma/claims_of_box.html", telling.claims_of_box, 75
        )
    )
    registries.card.append(
        CardSection(
            "components",
            text("Components exchanged"),
            "rma.view",
            "rma/components_of_box.html",
            telling.components_of_box,
            31,
        )
    )
    registries.account.append(
        CardSection("returns", RETURNS, "rma.view", "rma/card.html", telling.section_of_account, 30)
    )
    registries.customer_quote += [customer_pages.COVER, customer_pages.BESIDE_QUOTE]
    registries.timeline.append(telling.timeline_of_box)
    registries.account_timeline.append(telling.timeline_of_account)
    registries.personal.append(personal.KNOWN)
    registries.keepers.append(why_kept)
    registries.quote_keepers.append(why_quotes_kept)
    registries.warranty_facts.append(partial(cover_facts.facts, zone=registries.zone))
    for topic in ANSWERS:
        registries.outbox[topic] = partial(take_answer, topic)
    registries.outbox[OVERRIDDEN] = overruling.take_override
    registries.outbox[effects.RESUMED] = make_up
    registries.outbox[exchange.REPLACED] = exchange.provision_by_hand
    registries.jobs.update(exports.HANDLERS)
    registries.outbox.setdefault(papers.DUE, papers.nobody_mails)
    registries.jobs.update(imports.handlers(registries.warranty_facts, registries.zone))
    registries.gauges.append(_gauge)


def _gauge(session: Session) -> dict[tuple[str, str], float]:
    counts = queries.count_by_state(session, EVERYTHING)
    return {("stb_returns", state): float(count) for state, count in counts.items()}

"""What stock adds to the house."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from stb_service.parts import box_card, pages, queries, routes
from stb_service.parts.arrivals import pages as arrivals_pages
from stb_service.parts.arrivals import routes as arrivals_routes
from stb_service.parts.arrivals.jobs import handlers
from stb_service.parts.catalogue import pages as catalogue_pages
from stb_service.parts.catalogue import routes as catalogue_routes
from stb_service.parts.catalogue.queries import find_parts
from stb_service.parts.counts import pages as counts_pages
from stb_service.parts.counts import routes as counts_routes
from stb_service.parts.leaving import leave_shelf, leave_stock
from stb_service.parts.ordering.queries import shortages_count
from stb_service.shared.access import EVERYTHING, Actor
from stb_service.shared.i18n import text
from stb_service.shared.registries import (
    CardSection,
    NavItem,
    Registries,
    SearchProvider,
    Tile,
)

page_blueprints = [
    arrivals_pages.parts_pages,
    arrivals_pages.stock_pages,
    catalogue_pages.pages,
    pages.pages,
    counts_pages.pages,
]
api_blueprints = [arrivals_routes.api, catalogue_routes.api, routes.api, counts_routes.api]

STOCK = text("Stock")


def wire(registries: Registries) -> None:
    """Add menu, search, the box card's section, timeline, tile and figures."""
    registries.navigation += [
        NavItem(text("Parts"), "puzzle", "parts_pages.list_parts", "parts.view", STOCK, 200),
        NavItem(
            text("Places"),
            "building-warehouse",
            "parts_pages.list_locations",
            "parts.view",
            STOCK,
            210,
        ),
        NavItem(
            text("Moves"), "arrows-shuffle", "stock_pages.list_moves", "parts.view", STOCK, 220
        ),
        NavItem(
            text("Reservations"),
            "lock",
            "stock_pages.list_reservations",
            "parts.view",
            STOCK,
            230,
        ),
        NavItem(
            text("To order"),
            "shopping-cart",
            "stock_pages.list_shortages",
            "parts.view",
            STOCK,
            240,
        ),
        NavItem(
            text("Stock-taking"),
            "clipboard-list",
            "counts_pages.list_counts",
            "parts.view",
            STOCK,
            250,
        ),
    ]
    registries.search += [
        SearchProvider(text("Parts"), "parts.view", find_parts),
        SearchProvider(text("Places"), "parts.view", queries.find_locations),
    ]
    registries.card.append(
        CardSection(
            "stock", text("Stock"), "parts.view", "parts/card.html", box_card.load_card, order=60
        )
    )
    registries.timeline.append(box_card.timeline)
    registries.tiles.append(Tile("parts.short", "parts.view", "parts/tile.html", _tile, order=60))
    registries.leavers.append(leave_shelf)
    registries.losers.append(leave_stock)
    registries.jobs.update(handlers(registries.keepers))
    registries.gauges.append(_gauge)


def _tile(session: Session, actor: Actor, now: datetime) -> dict[str, Any]:
    short = shortages_count(session, actor.scope)
    return {"short": short} if short else {}


def _gauge(session: Session) -> dict[tuple[str, str], float]:
    return {("stb_stock", "short"): float(shortages_count(session, EVERYTHING))}

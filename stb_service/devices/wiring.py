"""What this room adds to the app."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from stb_service.devices import pages, queries, routes, timeline
from stb_service.devices.arrivals import pages as arrivals_pages
from stb_service.devices.arrivals.operations import register_unclaimed
from stb_service.devices.catalogue import pages as catalogue_pages
from stb_service.devices.catalogue import routes as catalogue_routes
from stb_service.devices.catalogue.queries import find_models
from stb_service.devices.holdings import import_pages as holding_imports
from stb_service.devices.holdings import pages as holdings_pages
from stb_service.devices.holdings import personal as holdings_personal
from stb_service.devices.holdings import routes as holdings_routes
from stb_service.devices.holdings.imports import handlers as handlers_of_holdings
from stb_service.devices.identity import pages as identity_pages
from stb_service.devices.identity import routes as identity_routes
from stb_service.devices.identity.queries import find_boxes, open_disputes_count
from stb_service.devices.jobs import handlers
from stb_service.devices.rules import STATUS_COLOURS, STATUS_NAMES, Status
from stb_service.shared.access import EVERYTHING, Actor
from stb_service.shared.i18n import text
from stb_service.shared.registries import CardSection, NavItem, Registries, SearchProvider, Tile

page_blueprints = [
    pages.pages,
    holdings_pages.pages,
    holding_imports.pages,
    arrivals_pages.pages,
    identity_pages.pages,
    catalogue_pages.pages,
]
api_blueprints = [routes.api, holdings_routes.api, catalogue_routes.api, identity_routes.api]

BOXES = text("Boxes")


def wire(registries: Registries) -> None:
    """Add search, menu, tile, timeline, long work and what the firmware room announces."""
    registries.search += [
        SearchProvider(BOXES, "devices.view", find_boxes),
        SearchProvider(text("Models"), "models.view", find_models),
        SearchProvider(text("Tags"), "devices.view", queries.find_tags),
    ]
    registries.navigation += [
        NavItem(BOXES, "device-tv", "devices_pages.list_devices", "devices.view", BOXES, 100),
        NavItem(text("Models"), "cpu", "models_pages.list_models", "models.view", BOXES, 110),
        NavItem(
            text("Import"),
            "file-import",
            "arrivals_pages.import_devices",
            "devices.import",
            BOXES,
            120,
        ),
        NavItem(
            text("Disputes"),
            "alert-triangle",
            "disputes_pages.list_disputes",
            "devices.review",
            BOXES,
            130,
        ),
    ]
    registries.tiles.append(
        Tile("devices.by_status", "devices.view", "devices/tile.html", _tile, order=10)
    )
    registries.timeline.append(timeline.entries)
    registries.card.append(
        CardSection(
            "owner",
            text("Owner"),
            "accounts.view",
            "devices/owner.html",
            partial(holdings_pages.load_owner, registries.keepers),
            10,
        )
    )
    registries.account.append(
        CardSection(
            "boxes",
            BOXES,
            "devices.view",
            "devices/boxes_of_account.html",
            holdings_pages.load_boxes,
        )
    )
    registries.account_timeline.append(holdings_pages.account_entries)
    registries.personal.append(holdings_personal.KNOWN)
    registries.jobs.update(handlers(registries.keepers, registries.leavers, registries.losers))
    registries.jobs.update(handlers_of_holdings(registries.keepers))
    registries.outbox["box.appeared"] = register_unclaimed
    registries.gauges.append(_gauge)


def _tile(session: Session, actor: Actor, now: datetime) -> dict[str, Any]:
    counts = queries.count_by_status(session, actor.scope)
    if not counts:
        return {}
    rows = [
        (status, STATUS_NAMES[status], STATUS_COLOURS[status], counts[status])
        for status in Status
        if status in counts
    ]
    disputes = open_disputes_count(session, actor.scope) if actor.can("devices.review") else 0
    return {"rows": rows, "total": sum(counts.values()), "disputes": disputes}


def _gauge(session: Session) -> dict[tuple[str, str], float]:
    counts = queries.count_by_status(session, EVERYTHING)
    return {("stb_devices", status): float(count) for status, count in counts.items()}

"""What boxes add to the house: pages, API, entries of the menu, tiles, figures."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from firmware.boxes import pages, queries, routes
from firmware.boxes.rules import BoxState
from stb_service.shared.access import Actor
from stb_service.shared.i18n import text
from stb_service.shared.registries import NavItem, Registries, Tile

page_blueprints = [pages.blp]
api_blueprints = [routes.blp]

FIRMWARE = text("Firmware")
SEEN_WITHIN = timedelta(hours=24)
TILE_VERSIONS = 8


def wire(registries: Registries) -> None:
    """Add the parts of this room."""
    registries.navigation += [
        NavItem(
            text("Waiting boxes"), "hand-stop", "box_pages.waiting", "boxes.approve", FIRMWARE, 330
        ),
        NavItem(
            text("Gateway tokens"), "key", "box_pages.gateway_tokens", "boxes.tokens", FIRMWARE, 340
        ),
    ]
    registries.tiles += [
        Tile("boxes_seen", "boxes.view", "boxes/tile_seen.html", seen_tile, 110),
        Tile("boxes_versions", "boxes.view", "boxes/tile_versions.html", versions_tile, 120),
    ]
    registries.gauges.append(gauges)


def seen_tile(session: Session, actor: Actor, now: datetime) -> dict[str, Any]:
    """Return how many boxes spoke in the last day, and how many wait for approval."""
    if not actor.scope.is_everything:
        return {}
    counts = queries.boxes_in_states(session)
    if not counts:
        return {}
    return {
        "seen": queries.seen_count(session, since=now - SEEN_WITHIN),
        "served": counts.get(BoxState.KNOWN, 0),
        "pending": counts.get(BoxState.PENDING, 0),
    }


def versions_tile(session: Session, actor: Actor, now: datetime) -> dict[str, Any]:
    """Return what boxes of each model run, the most frequent versions first."""
    if not actor.scope.is_everything:
        return {}
    found: dict[str, list[tuple[str, int]]] = {}
    for model, version, count in queries.versions_running(session):
        found.setdefault(model, []).append((version, count))
    if not found:
        return {}
    models = [
        (model, rows[:TILE_VERSIONS], sum(count for _version, count in rows))
        for model, rows in sorted(found.items())
    ]
    return {"models": models}


def gauges(session: Session) -> Mapping[tuple[str, str], float]:
    """Return the boxes in each state, for Prometheus."""
    counts = queries.boxes_in_states(session)
    return {("stb_boxes", state.value): counts.get(state, 0) for state in BoxState}

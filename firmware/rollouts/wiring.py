"""What rollouts add to the house: pages, API, the box card's section, tiles, figures."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import url_for
from sqlalchemy.orm import Session

from firmware.rollouts import box_card, box_pages, pages, planning_pages, queries, routes
from firmware.rollouts.figures import KINDS, bar_of_states
from firmware.rollouts.rules import ROLLOUT_STATE_NAMES, MemberState, RolloutState
from stb_service.shared.access import Actor, Scope
from stb_service.shared.i18n import text
from stb_service.shared.registries import (
    CardSection,
    Hit,
    NavItem,
    Registries,
    SearchProvider,
    Tile,
)

page_blueprints = [planning_pages.blp, pages.blp, box_pages.blp]
api_blueprints = [routes.blp]

TOLD_STATES = (RolloutState.RUNNING, RolloutState.HALTED, RolloutState.PAUSED)
TILE_ROLLOUTS = 4


def wire(registries: Registries) -> None:
    """Add the parts of this room."""
    registries.navigation.append(
        NavItem(
            text("Rollouts"),
            "rocket",
            "rollout_pages.list_rollouts",
            "rollouts.view",
            text("Firmware"),
            320,
        )
    )
    registries.card.append(
        CardSection(
            "firmware",
            text("Firmware"),
            "boxes.view",
            "rollouts/card.html",
            box_card.load_card,
            order=30,
        )
    )
    registries.timeline.append(box_card.timeline)
    registries.tiles.append(
        Tile("rollouts", "rollouts.view", "rollouts/tile.html", rollouts_tile, 100)
    )
    registries.search.append(SearchProvider(text("Rollouts"), "rollouts.view", find_rollouts))
    registries.gauges.append(gauges)


def rollouts_tile(session: Session, actor: Actor, now: datetime) -> dict[str, Any]:
    """Return the live rollouts, the newest first, and how many are in which state."""
    counts = queries.rollouts_in_states(session)
    if not actor.scope.is_everything or not counts:
        return {}
    live = list(queries.live_rollouts(session))[::-1][:TILE_ROLLOUTS]
    tallies = queries.tallies_of(session, live)
    return {
        "counts": [
            (state, ROLLOUT_STATE_NAMES[state], counts.get(state, 0)) for state in TOLD_STATES
        ],
        "live": [(rollout, bar_of_states(tallies[rollout.id])) for rollout in live],
        "kinds": KINDS,
    }


def find_rollouts(session: Session, typed: str, scope: Scope, limit: int) -> list[Hit]:
    """Return the newest rollouts in whose name or id stands what was typed."""
    words = typed.strip()
    if not scope.is_everything or not words.isprintable():
        return []
    return [
        Hit(
            title=rollout.name,
            detail=f"{ROLLOUT_STATE_NAMES[RolloutState(rollout.state)]} · {rollout.image.version}",
            url=url_for("rollout_pages.show", public_id=rollout.public_id),
        )
        for rollout in queries.rollouts_named(session, words, limit=limit)
    ]


def gauges(session: Session) -> Mapping[tuple[str, str], float]:
    """Return rollouts by state, and boxes of live rollouts by state, for Prometheus."""
    rollouts = queries.rollouts_in_states(session)
    members = queries.live_members_in_states(session)
    return {
        **{("stb_rollouts", state.value): rollouts.get(state, 0) for state in RolloutState},
        **{("stb_updates", state.value): members.get(state, 0) for state in MemberState},
    }

"""What stock tells of a box: its part of the card, and of the timeline."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from stb_service.devices.queries import device_row
from stb_service.parts.moves.queries import Move, last_place_of, moves_of_device
from stb_service.parts.ordering.queries import parts_of_model
from stb_service.parts.rules import MOVE_KIND_NAMES
from stb_service.shared.access import Actor
from stb_service.shared.i18n import text
from stb_service.shared.registries import TimelineEntry

PARTS = 10


def load_card(session: Session, uid: str, actor: Actor, now: datetime) -> dict[str, Any]:
    """Return where a box stands in stock, and the parts that fit its model."""
    device = device_row(session, uid, actor.scope)
    last = last_place_of(session, device, actor.scope)
    fitting = (
        parts_of_model(session, device.model_id, actor.scope, limit=PARTS)
        if device.model_id
        else []
    )
    position = last.position if last else None
    return {
        "location": position.location if position else None,
        "since": last.at if last else None,
        "parts": fitting,
    }


def timeline(session: Session, uid: str, actor: Actor, limit: int) -> Iterator[TimelineEntry]:
    """Yield how a box was moved in stock, the newest first, as far as the reader is told."""
    for row in moves_of_device(session, uid, actor.scope, limit=limit):
        move = Move(row, actor.scope)
        words = text(
            "%(kind)s by %(who)s: from %(source)s to %(target)s",
            kind=MOVE_KIND_NAMES[row.kind],
            who=row.actor_label if actor.scope.is_everything else text("somebody"),
            source=move.source.location.code if move.source else text("elsewhere"),
            target=move.target.location.code if move.target else text("elsewhere"),
        )
        yield TimelineEntry(row.at, "building-warehouse", str(words), row.reason)

"""Boxes that nobody knows: refused, queued for approval or registered, as the setting says."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from firmware.boxes.models import Box
from firmware.boxes.operations import forget_strangers, meet_unknown
from firmware.boxes.queries import forgettable_boxes, has_room_for_stranger
from firmware.boxes.rules import Statement, origin_of
from firmware.rollouts.models import DecisionRecord
from firmware.wires.contact import caller
from stb_service.shared.http import services

FORGOTTEN_AT_ONCE = 500


def are_refused() -> bool:
    """Whether the setting refuses them all."""
    return services().settings.unknown_box == "refuse"


def may_enter(session: Session, now: datetime) -> bool:
    """Tell whether the caller may be met, without taking the write lock."""
    if services().settings.unknown_box == "register":
        return True
    return has_room_for_stranger(session, origin=origin_of(caller()), now=now)


def meet(
    session: Session, *, controller_id: str, statement: Statement, token: str | None = None
) -> Box | None:
    """Add the caller; None where the setting refuses it, or too many wait for approval."""
    if are_refused():
        return None
    return meet_unknown(
        session,
        controller_id=controller_id,
        statement=statement,
        token=token,
        registers=services().settings.unknown_box == "register",
        address=caller(),
        now=statement.at,
    )


def forget_unseen(session: Session, *, now: datetime) -> int:
    """Remove some of the boxes that wait and have not polled for long; return how many."""
    boxes = forgettable_boxes(session, now=now, limit=FORGOTTEN_AT_ONCE)
    ids = [box.id for box in boxes]
    session.execute(delete(DecisionRecord).where(DecisionRecord.box_id.in_(ids)))
    forget_strangers(session, boxes=boxes, now=now)
    return len(boxes)

"""What stock writes down where a box goes from a shelf to an account: the sale at a counter."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from stb_service.devices.queries import device_row
from stb_service.parts.moves.queries import last_place_of
from stb_service.parts.operations import CUSTOMERS, move_stock
from stb_service.shared.access import EVERYTHING, Actor


def leave_shelf(session: Session, uid: str, account: str, actor: Actor, now: datetime) -> None:
    """Move a box (its uid) that stands at a place of the house to the customers.

    Raises:
        Refused: it is reserved, or its place gives nothing to customers.
        Invalid: it stands in stock as another model.
    """
    last = last_place_of(session, device_row(session, uid, EVERYTHING), EVERYTHING)
    if last is not None and not last.is_open:
        move_stock(
            session, device=uid, to_location=CUSTOMERS, reference=account, actor=actor, now=now
        )

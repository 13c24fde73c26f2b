"""What stock writes down where a box goes from a shelf to an account, the sale at a counter, or is
scrapped or lost.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from stb_service.devices.queries import device_row
from stb_service.devices.rules import STATUS_NAMES, Status
from stb_service.parts import queries
from stb_service.parts.ledger import single_location
from stb_service.parts.moves.queries import last_place_of
from stb_service.parts.operations import CUSTOMERS, move_stock
from stb_service.parts.rules import LocationKind
from stb_service.shared.access import EVERYTHING, Actor
from stb_service.shared.errors import Obstacle, Refused
from stb_service.shared.i18n import text


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


def leave_stock(
    session: Session, uid: str, status: str, reason: str, actor: Actor, now: datetime
) -> None:
    """Move a box (its uid) that stands at a place of the house, and is scrapped, to the only place
    of scrap; one that is lost is missing from its place, as a count finds it.

    Raises:
        Refused: it is reserved; or there is no place of scrap, or more than one.
        Invalid: it stands in stock as another model.
    """
    last = last_place_of(session, device_row(session, uid, EVERYTHING), EVERYTHING)
    stands = last.position.location if last is not None else None
    if stands is None or stands.is_open or stands.kind == LocationKind.SCRAP:
        return
    if status == Status.LOST:
        beyond = single_location(session, LocationKind.COUNT, now)
    else:
        found = queries.only_place(session, LocationKind.SCRAP, stands.organisation_id, EVERYTHING)
        if found is None:
            message = text("Move the box to a place of scrap first: which one is not clear.")
            raise Refused([Obstacle("scrap-place", message)])
        beyond = found
    move_stock(
        session,
        device=uid,
        to_location=beyond.code,
        reason=reason or STATUS_NAMES[Status(status)].msgid,
        is_count=True,
        actor=actor,
        now=now,
    )

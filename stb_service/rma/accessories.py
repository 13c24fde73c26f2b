"""What becomes of an accessory that is not sent: its quote is taken back, and what was held let go."""

from __future__ import annotations

from sqlalchemy import select

from stb_service.parts.operations import release_reservation
from stb_service.parts.rules import ReservationState
from stb_service.rma import quoting
from stb_service.rma.acting import Acting
from stb_service.rma.facts import Remedy
from stb_service.rma.models import Accessory


def give_up(acting: Acting) -> None:
    """Take the quote of an accessory back, if there is one; what was paid is given back before."""
    if acting.the_case.remedy == Remedy.ACCESSORY:
        quoting.give_up(acting)
        let_go(acting)


def let_go(acting: Acting) -> None:
    """Let others have what was held for the case."""
    held = select(Accessory).where(Accessory.case_id == acting.the_case.id)
    for row in acting.session.scalars(held):
        if row.reservation.state == ReservationState.HELD:
            release_reservation(
                acting.session,
                ref=row.reservation.public_id,
                reason=acting.reference,
                actor=acting.house,
                now=acting.now,
            )

"""What was kept for a case or an order and is not needed any more: it is let go, wherever either ends."""

from __future__ import annotations

from sqlalchemy import select

from stb_service.parts.models import Reservation
from stb_service.parts.operations import release_reservation
from stb_service.parts.rules import ReservationState
from stb_service.rma import exchange
from stb_service.rma.acting import Acting
from stb_service.rma.cases import CASE
from stb_service.rma.machine import Step
from stb_service.rma.models import Accessory, OrderPart
from stb_service.rma.workshop import ORDER


def let_go_at_the_end(acting: Acting, machine: str, step: Step) -> None:
    """Let go of what is still kept, if a step was the last one."""
    if machine == CASE.name and step.to_state in CASE.final_states:
        exchange.drop_allocated(acting)
        free_accessories(acting)
    elif machine == ORDER.name and step.to_state in ORDER.final_states:
        free_parts(acting)


def free_parts(acting: Acting) -> None:
    """Let go of the parts that are reserved for an order and were not used."""
    rows = acting.session.scalars(
        select(OrderPart).where(
            OrderPart.order_id == acting.the_order.id, OrderPart.dropped_at.is_(None)
        )
    )
    for row in rows:
        if row.reservation is not None:
            _release(acting, row.reservation)
        if not row.used:
            row.dropped_at = acting.now
    acting.session.flush()


def free_accessories(acting: Acting) -> None:
    """Let go of the accessories that are reserved for a case and have not left."""
    rows = acting.session.scalars(select(Accessory).where(Accessory.case_id == acting.the_case.id))
    for row in rows:
        _release(acting, row.reservation)


def _release(acting: Acting, reservation: Reservation) -> None:
    if reservation.state == ReservationState.HELD:
        release_reservation(
            acting.session,
            ref=reservation.public_id,
            reason=acting.reference,
            actor=acting.house,
            now=acting.now,
        )

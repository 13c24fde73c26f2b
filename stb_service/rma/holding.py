"""Why nothing is done to a box for now: its order is on hold, or the case that it belongs to."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from stb_service.rma.events import order_history
from stb_service.rma.machine import HOLD
from stb_service.rma.models import CaseEvent, OrderEvent, ReturnCase, WorkshopOrder
from stb_service.rma.rules import on_hold
from stb_service.rma.touching import touch_order
from stb_service.rma.workshop import PARTING
from stb_service.shared.access import Actor
from stb_service.shared.errors import Obstacle, Refused
from stb_service.shared.i18n import text


def has_parted(session: Session, order: WorkshopOrder) -> bool:
    """Tell whether a box is the operator's from here on, or gone."""
    return any(happened.event in PARTING for happened in order_history(session, order))


def reason_of_hold(session: Session, case: ReturnCase) -> str:
    """Return why a case was put on hold last."""
    found = session.scalar(
        select(CaseEvent.reason)
        .where(CaseEvent.case_id == case.id, CaseEvent.event == HOLD)
        .order_by(CaseEvent.seq.desc())
        .limit(1)
    )
    return found or ""


def obstacle_of_hold(session: Session, order: WorkshopOrder) -> Obstacle | None:
    """Return why nothing is done to a box now; None where nothing is on hold."""
    if order.held:
        reason = session.scalar(
            select(OrderEvent.reason)
            .where(OrderEvent.order_id == order.id, OrderEvent.event == HOLD)
            .order_by(OrderEvent.seq.desc())
            .limit(1)
        )
        message = text("The workshop order is on hold: %(reason)s. Resume it first.", reason=reason)
        return Obstacle("held", message)
    case = order.case
    if case is not None and case.held and not has_parted(session, order):
        return on_hold(reason_of_hold(session, case))
    return None


def touch_work(session: Session, ref: str, *, actor: Actor) -> WorkshopOrder:
    """Return a workshop order that is worked on, as `touch_order` does.

    Raises:
        NotFound: the actor sees no such order.
        Refused: it has ended, or it or its case is on hold.
    """
    order = touch_order(session, ref, actor=actor)
    if obstacle := obstacle_of_hold(session, order):
        raise Refused([obstacle])
    return order

"""Which components of a box were exchanged, in all its repairs."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, contains_eager

from stb_service.devices.models import Device
from stb_service.rma.models import ComponentSwap, WorkshopOrder
from stb_service.rma.queries import orders_within
from stb_service.shared.access import Scope

MOST_SWAPS = 100


def swaps_of_box(session: Session, uid: str, scope: Scope) -> Sequence[ComponentSwap]:
    """Return the components that were exchanged in the orders of the scope, each with its order, the
    last one first, in one query.
    """
    boxes = select(Device.id).where(Device.public_id == uid)
    return session.scalars(
        select(ComponentSwap)
        .join(ComponentSwap.order)
        .options(contains_eager(ComponentSwap.order))
        .where(WorkshopOrder.device_id.in_(boxes), orders_within(scope))
        .order_by(ComponentSwap.id.desc())
        .limit(MOST_SWAPS)
    ).all()

"""What comes out of a box when something is put in: the old piece, and the serials of both."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from stb_service.devices.components import Component
from stb_service.parts.models import Location, StockMove
from stb_service.parts.operations import CUSTOMERS, move_stock
from stb_service.parts.queries import find_location
from stb_service.parts.rules import Condition, LocationKind
from stb_service.rma.acting import in_house
from stb_service.rma.models import ComponentSwap, OrderPart, WorkshopOrder
from stb_service.shared.access import Actor
from stb_service.shared.errors import Invalid
from stb_service.shared.i18n import Text, text

CORES_AT = frozenset(
    {
        *(LocationKind.WAREHOUSE, LocationKind.CENTRE, LocationKind.DEALER),
        *(LocationKind.QUARANTINE, LocationKind.SCRAP),
    }
)
"""Where an old piece can be put."""


def take_old_out(
    session: Session,
    order: WorkshopOrder,
    used: OrderPart,
    *,
    old_to: str = "",
    actor: Actor,
    now: datetime,
) -> StockMove | None:
    """Let the old pieces in whose place new ones were put stand at a place of ours, defective: where the
    box is if the supplier wants such cores back, else at the place for scrap.

    `old_to` names another place. Nothing comes out for a part that is no component of a box.

    Raises:
        Invalid: no old piece is put there.
    """
    if not used.part.component:
        return None
    place = find_location(session, old_to, actor.scope) if old_to else _usual(session, order, used)
    if place is None or place.kind not in CORES_AT:
        raise Invalid.field("old_to", text("Name a place where the old piece can be put."))
    return move_stock(
        session,
        part=used.part.sku,
        from_location=CUSTOMERS,
        to_location=place.public_id,
        quantity=used.used,
        condition=Condition.DEFECTIVE,
        reference=order.number,
        actor=in_house(actor),
        now=now,
    )


def _usual(session: Session, order: WorkshopOrder, used: OrderPart) -> Location | None:
    scrap = None
    if not used.part.returns_core:
        scrap = session.scalar(
            select(Location)
            .where(Location.kind == LocationKind.SCRAP, Location.is_active)
            .order_by(Location.code)
            .limit(1)
        )
    return scrap or order.location


def old_serial_of(
    session: Session, order: WorkshopOrder, component: str, *, old: str, new: str
) -> str:
    """Return the serial of the component that comes out: the one that is known to be in the box, else
    the one that was stated.

    Raises:
        Invalid: there is no such component, no serial is known or stated, another one is in the box,
            or the new one is in a box already.
    """
    problems: dict[str, list[Text]] = {}
    if component not in set(Component):
        problems["component"] = [text("One of: %(names)s", names=", ".join(Component))]
    inside = _fitted(session, component, device_id=order.device_id)
    if not old and inside is None:
        problems["old_serial"] = [text("This is needed.")]
    elif inside is not None and old and old != inside.new_serial:
        message = text("The box has the one with serial %(serial)s.", serial=inside.new_serial)
        problems["old_serial"] = [message]
    if _fitted(session, component, serial=new) is not None or new == old:
        problems["new_serial"] = [text("This one is in a box already.")]
    if problems:
        raise Invalid(fields=problems)
    return old or (inside.new_serial if inside else "")


def known_serial(session: Session, order: WorkshopOrder, component: str) -> str:
    """Return the serial of the component that an earlier exchange put in; empty where none did."""
    inside = _fitted(session, component, device_id=order.device_id)
    return inside.new_serial if inside else ""


def _fitted(
    session: Session, component: str, *, device_id: int | None = None, serial: str = ""
) -> ComponentSwap | None:
    """Return the last exchange that put a component in a box, or that put in one with a serial, unless it
    was taken out again.
    """
    statement = select(ComponentSwap).where(ComponentSwap.component == component)
    if device_id is not None:
        statement = statement.join(WorkshopOrder, ComponentSwap.order_id == WorkshopOrder.id).where(
            WorkshopOrder.device_id == device_id
        )
    else:
        statement = statement.where(
            (ComponentSwap.new_serial == serial) | (ComponentSwap.old_serial == serial)
        )
    last = session.scalar(statement.order_by(ComponentSwap.id.desc()).limit(1))
    return last if last is not None and serial in {"", last.new_serial} else None

"""Reads of what can be claimed: suppliers, what is agreed with them, and repairs that we bore."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session, joinedload

from stb_service.devices.models import Device
from stb_service.parts.models import Location, StockMove
from stb_service.parts.rules import LocationKind, Side
from stb_service.rma.claiming.models import (
    SupplierClaim,
    SupplierTerms,
)
from stb_service.rma.claiming.queries import within
from stb_service.rma.claiming.rules import (
    CLAIMABLE_CODES,
    Repair,
    Terms,
    UsedPart,
    Worked,
)
from stb_service.rma.models import Fault, Labour, OrderEvent, OrderPart, WorkshopOrder
from stb_service.shared.access import Scope
from stb_service.shared.paging import Page, keyset_page
from stb_service.warranty.facts import sold_on
from stb_service.warranty.queries import held_by_each


def all_suppliers(session: Session, scope: Scope) -> Sequence[Location]:
    """Return the places that are suppliers, by name."""
    return session.scalars(
        select(Location)
        .where(Location.kind == LocationKind.SUPPLIER, within(scope))
        .order_by(Location.name)
    ).all()


def supplier_terms(session: Session, scope: Scope) -> Sequence[SupplierTerms]:
    """Return what is agreed with suppliers, model by model."""
    return session.scalars(
        select(SupplierTerms).where(within(scope)).order_by(SupplierTerms.id)
    ).all()


def terms_of(session: Session, model_id: int | None) -> SupplierTerms | None:
    """Return what is agreed with the supplier of a model."""
    if model_id is None:
        return None
    return session.scalar(select(SupplierTerms).filter_by(model_id=model_id))


def plain_terms(row: SupplierTerms | None) -> Terms | None:
    """Return terms as the arithmetic wants them."""
    if row is None:
        return None
    return Terms(**{name: getattr(row, name) for name in Terms.__dataclass_fields__})


_COSTS = (OrderPart.billing_code.in_(CLAIMABLE_CODES), OrderPart.used > 0)


def candidates_page(
    session: Session, scope: Scope, *, cursor: str | None = None, limit: int = 50
) -> Page[WorkshopOrder]:
    """Return one page of finished repairs that we bore, whose model has a supplier who answers, and
    for which nothing was claimed yet; the newest first, in one query.
    """
    parts = exists().where(OrderPart.order_id == WorkshopOrder.id, *_COSTS)
    labour = exists().where(
        Labour.order_id == WorkshopOrder.id, Labour.billing_code.in_(CLAIMABLE_CODES)
    )
    statement = (
        select(WorkshopOrder)
        .join(Device, Device.id == WorkshopOrder.device_id)
        .join(SupplierTerms, SupplierTerms.model_id == Device.model_id)
        .options(
            joinedload(WorkshopOrder.device).joinedload(Device.model),
            joinedload(WorkshopOrder.case),
        )
        .where(
            or_(parts, labour),
            _finished(),
            ~exists().where(SupplierClaim.order_id == WorkshopOrder.id),
            within(scope),
        )
    )
    return keyset_page(
        session, statement, order=[(WorkshopOrder.id, True)], cursor=cursor, limit=limit
    )


def _finished() -> ColumnElement[bool]:
    return exists().where(
        and_(OrderEvent.order_id == WorkshopOrder.id, OrderEvent.event == "finish")
    )


def repairs_of(session: Session, orders: Sequence[WorkshopOrder]) -> dict[int, Repair]:
    """Return repairs as claims see them, by the internal id of their order, in six queries."""
    ids = [order.id for order in orders]
    finished = set(
        session.scalars(
            select(OrderEvent.order_id).where(
                OrderEvent.order_id.in_(ids), OrderEvent.event == "finish"
            )
        )
    )
    claimed = set(
        session.scalars(select(SupplierClaim.order_id).where(SupplierClaim.order_id.in_(ids)))
    )
    classes = _classes(session, orders)
    parts, work = _parts(session, ids, classes), _work(session, ids, classes)
    held = held_by_each(session, {order.device_id for order in orders})
    return {
        order.id: Repair(
            is_finished=order.id in finished,
            is_claimed=order.id in claimed,
            reported_on=order.case.reported_on if order.case else order.opened_at.date(),
            made_on=order.device.made_on,
            sold_on=sold_on(order.device, held.get(order.device_id, [])),
            parts=parts.get(order.id, ()),
            work=work.get(order.id, ()),
        )
        for order in orders
    }


Classes = dict[tuple[int, int], str | None]


def _classes(session: Session, orders: Sequence[WorkshopOrder]) -> Classes:
    """Return the causes of faults by order and number; a case's faults are its order's."""
    by_case = {order.case_id: order.id for order in orders if order.case_id}
    rows = session.scalars(
        select(Fault).where(
            or_(Fault.case_id.in_(by_case), Fault.order_id.in_([order.id for order in orders]))
        )
    )
    return {
        (row.order_id or by_case[row.case_id or 0], row.number): row.second_class or row.fault_class
        for row in rows
    }


def _parts(session: Session, ids: Sequence[int], classes: Classes) -> dict[int, list[UsedPart]]:
    """Return the parts that were used, each at what left the stock for its reservation."""
    rows: Any = session.execute(
        select(OrderPart, StockMove.value_minor, StockMove.currency)
        .join(
            StockMove,
            and_(StockMove.reservation_id == OrderPart.reservation_id, StockMove.side == Side.OUT),
        )
        .where(OrderPart.order_id.in_(ids), OrderPart.used > 0)
        .order_by(OrderPart.id)
    )
    found: dict[int, list[UsedPart]] = {}
    for row, cost, currency in rows:
        cause = classes.get((row.order_id, row.fault_number or 0))
        used = UsedPart(row.part.sku, row.used, cost, currency, row.billing_code, cause)
        found.setdefault(row.order_id, []).append(used)
    return found


def _work(session: Session, ids: Sequence[int], classes: Classes) -> dict[int, list[Worked]]:
    found: dict[int, list[Worked]] = {}
    rows = select(Labour).where(Labour.order_id.in_(ids)).order_by(Labour.id)
    for row in session.scalars(rows):
        cause = classes.get((row.order_id, row.fault_number or 0))
        worked = Worked(row.what, row.minutes, row.billing_code, cause)
        found.setdefault(row.order_id, []).append(worked)
    return found

"""Reads of what can be claimed: suppliers, what is agreed with them, and repairs that we bore."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session, joinedload

from stb_service.devices.models import Device
from stb_service.parts.models import Location, StockMove
from stb_service.parts.rules import LocationKind, MoveKind, Side
from stb_service.rma.claiming.models import (
    ClaimLine,
    SupplierClaim,
    SupplierTerms,
)
from stb_service.rma.claiming.queries import within
from stb_service.rma.claiming.rules import (
    BOX_COST,
    CLAIMABLE_CODES,
    SUPPLIERS_CAUSES,
    LineKind,
    Repair,
    ReturnedBox,
    Terms,
    UsedPart,
    Worked,
    left_out,
    lines_of,
    obstacles_to_proposing,
)
from stb_service.rma.models import Fault, Labour, OrderEvent, OrderPart, WorkshopOrder
from stb_service.rma.workshop import OrderState
from stb_service.shared.access import Scope
from stb_service.shared.errors import Obstacle
from stb_service.shared.money import Money
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
AT_WORK = frozenset(
    {
        OrderState.PLANNED,
        OrderState.RESERVED,
        OrderState.IN_REPAIR,
        OrderState.WAITING_PARTS,
        OrderState.WAITING_SUPPLIER,
        OrderState.TESTING,
    }
)
"""Where a box is that is repaired again: what that takes is claimed once it is done."""
RETURN = "claim"
"""The step of a workshop order by which its box goes back to the supplier."""
HALF_AN_HOUR = 30
"""Minutes: at a tariff by the hour what comes to less than half a minor unit is nothing."""


def candidates_page(
    session: Session, scope: Scope, *, cursor: str | None = None, limit: int = 50
) -> Page[WorkshopOrder]:
    """Return one page of finished repairs that we bore and of boxes that went back, whose model has a
    supplier who answers, where something is to be claimed that no claim names yet; the newest
    first, in one query.
    """
    parts = exists().where(OrderPart.order_id == WorkshopOrder.id, *_COSTS)
    labour = exists().where(
        Labour.order_id == WorkshopOrder.id, Labour.billing_code.in_(CLAIMABLE_CODES)
    )
    is_claimed = exists().where(SupplierClaim.order_id == WorkshopOrder.id)
    untouched = and_(~is_claimed, or_(parts, labour, _box_left()))
    further = and_(is_claimed, or_(_more_parts(), _more_labour(), _box_left()))
    statement = (
        select(WorkshopOrder)
        .join(Device, Device.id == WorkshopOrder.device_id)
        .join(SupplierTerms, SupplierTerms.model_id == Device.model_id)
        .options(
            joinedload(WorkshopOrder.device).joinedload(Device.model),
            joinedload(WorkshopOrder.case),
        )
        .where(
            or_(untouched, further),
            or_(and_(_finished(), WorkshopOrder.state.not_in(AT_WORK)), _returned()),
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


def _returned() -> ColumnElement[bool]:
    return exists().where(and_(OrderEvent.order_id == WorkshopOrder.id, OrderEvent.event == RETURN))


def _of_order() -> ColumnElement[bool]:
    return or_(Fault.case_id == WorkshopOrder.case_id, Fault.order_id == WorkshopOrder.id)


def _cause() -> ColumnElement[Any]:
    return func.coalesce(func.nullif(Fault.second_class, ""), func.nullif(Fault.fault_class, ""))


def _others_cause(row: type[OrderPart | Labour]) -> ColumnElement[bool]:
    """Tell in SQL whether a part or work was for a fault whose cause was not in the box."""
    return exists().where(
        Fault.number == row.fault_number, _of_order(), _cause().not_in(SUPPLIERS_CAUSES)
    )


def _more_parts() -> ColumnElement[bool]:
    """Tell in SQL whether parts of an order can be claimed that no claim names: as `rules.lines_of`."""
    return exists().where(
        OrderPart.order_id == WorkshopOrder.id,
        *_COSTS,
        SupplierTerms.with_parts,
        ~_others_cause(OrderPart),
        ~exists().where(ClaimLine.order_part_id == OrderPart.id),
        exists().where(
            StockMove.reservation_id == OrderPart.reservation_id,
            StockMove.side == Side.OUT,
            StockMove.value_minor > 0,
            StockMove.currency == SupplierTerms.currency,
        ),
    )


def _more_labour() -> ColumnElement[bool]:
    """Tell in SQL whether labour of an order can be claimed that no claim names."""
    return exists().where(
        Labour.order_id == WorkshopOrder.id,
        Labour.billing_code.in_(CLAIMABLE_CODES),
        SupplierTerms.labour_minor * Labour.minutes >= HALF_AN_HOUR,
        ~_others_cause(Labour),
        ~exists().where(ClaimLine.labour_id == Labour.id),
    )


def _box_left() -> ColumnElement[bool]:
    """Tell in SQL whether a box went back that no claim names, for a cause in it."""
    caused = or_(
        ~exists().where(_of_order()),
        exists().where(_of_order(), or_(_cause().is_(None), _cause().in_(SUPPLIERS_CAUSES))),
    )
    claimed = exists().where(ClaimLine.order_id == WorkshopOrder.id, ClaimLine.kind == LineKind.BOX)
    return and_(_returned(), caused, ~claimed)


@dataclass(frozen=True)
class Candidate:
    """A repair for which something may be claimed: what it comes to, and what bars or narrows that."""

    order: WorkshopOrder
    terms: SupplierTerms | None
    amount: Money | None
    barred: Sequence[Obstacle]
    left_out: Sequence[Obstacle]

    @property
    def is_amount_asked(self) -> bool:
        """Whether a person has to state what the returned box cost."""
        return any(row.code == BOX_COST for row in self.left_out)


def candidates(session: Session, orders: Sequence[WorkshopOrder], scope: Scope) -> list[Candidate]:
    """Return what may be claimed for each of some orders, in a number of queries that stays."""
    repairs = repairs_of(session, orders)
    agreed = {row.model_id: row for row in supplier_terms(session, scope)}
    return [
        _candidate(order, agreed.get(order.device.model_id or 0), repairs[order.id])
        for order in orders
    ]


def _candidate(order: WorkshopOrder, row: SupplierTerms | None, repair: Repair) -> Candidate:
    terms = plain_terms(row)
    barred = obstacles_to_proposing(repair, terms)
    if terms is None:
        return Candidate(order, None, None, barred, [])
    amount = sum(line.amount_minor for line in lines_of(repair, terms))
    return Candidate(order, row, Money(amount, terms.currency), barred, left_out(repair, terms))


def repairs_of(session: Session, orders: Sequence[WorkshopOrder]) -> dict[int, Repair]:
    """Return repairs as claims see them, by the internal id of their order, in seven queries."""
    ids = [order.id for order in orders]
    done: dict[str, set[int]] = {"finish": set(), RETURN: set()}
    for order_id, event in session.execute(
        select(OrderEvent.order_id, OrderEvent.event).where(
            OrderEvent.order_id.in_(ids), OrderEvent.event.in_(done)
        )
    ):
        done[event].add(order_id)
    claimed = _claimed(session, ids)
    classes = _classes(session, orders)
    parts, work = _parts(session, ids, classes), _work(session, ids, classes)
    boxes = _boxes(session, done[RETURN], classes)
    held = held_by_each(session, {order.device_id for order in orders})
    return {
        order.id: Repair(
            is_finished=order.id in done[RETURN]
            or (order.id in done["finish"] and order.state not in AT_WORK),
            is_claimed=order.id in claimed.orders,
            reported_on=order.case.reported_on if order.case else order.opened_at.date(),
            made_on=order.device.made_on,
            sold_on=sold_on(order.device, held.get(order.device_id, [])),
            parts=[row for row in parts.get(order.id, ()) if row.source not in claimed.parts],
            work=[row for row in work.get(order.id, ()) if row.source not in claimed.work],
            box=None if (order.id, LineKind.BOX) in claimed.once else boxes.get(order.id),
            is_freight_claimed=(order.id, LineKind.FREIGHT) in claimed.once,
        )
        for order in orders
    }


@dataclass(frozen=True)
class _Claimed:
    """What claims name already: orders, parts, work, and the kinds that are claimed once for each."""

    orders: set[int]
    parts: set[int | None]
    work: set[int | None]
    once: set[tuple[int | None, str]]


def _claimed(session: Session, ids: Sequence[int]) -> _Claimed:
    rows = session.execute(
        select(
            SupplierClaim.order_id,
            *(ClaimLine.order_part_id, ClaimLine.labour_id, ClaimLine.order_id, ClaimLine.kind),
        )
        .join(ClaimLine, ClaimLine.claim_id == SupplierClaim.id)
        .where(SupplierClaim.order_id.in_(ids))
    ).all()
    return _Claimed(
        {row[0] for row in rows},
        {row[1] for row in rows if row[1]},
        {row[2] for row in rows if row[2]},
        {(row[3], row[4]) for row in rows if row[3]},
    )


def _boxes(session: Session, ids: Iterable[int], classes: Classes) -> dict[int, ReturnedBox]:
    """Return the boxes that went back for a cause in them, by their order: at what the supplier was
    paid when the box came, else at what it was worth where it stood.
    """
    causes: dict[int, set[str | None]] = {}
    for (order_id, _number), cause in classes.items():
        causes.setdefault(order_id, set()).add(cause or None)
    suppliers = {None, *SUPPLIERS_CAUSES}
    caused = [key for key in ids if not causes.get(key) or causes[key] & suppliers]
    rows = session.execute(
        select(OrderEvent.order_id, StockMove.kind, StockMove.value_minor, StockMove.currency)
        .join(WorkshopOrder, WorkshopOrder.id == OrderEvent.order_id)
        .join(StockMove, StockMove.device_id == WorkshopOrder.device_id)
        .where(
            OrderEvent.order_id.in_(caused),
            OrderEvent.event == RETURN,
            StockMove.side == Side.IN,
            StockMove.value_minor > 0,
            or_(
                and_(StockMove.kind == MoveKind.RECEIVE, StockMove.at <= OrderEvent.at),
                and_(StockMove.kind == MoveKind.SEND_BACK, StockMove.at == OrderEvent.at),
            ),
        )
        .order_by(StockMove.id)
    )
    worth: dict[tuple[int, str], ReturnedBox] = {
        (order_id, kind): ReturnedBox(value, currency) for order_id, kind, value, currency in rows
    }
    return {
        key: worth.get((key, MoveKind.RECEIVE))
        or worth.get((key, MoveKind.SEND_BACK))
        or ReturnedBox(0, "")
        for key in caused
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
        used = UsedPart(row.part.sku, row.used, cost, currency, row.billing_code, cause, row.id)
        found.setdefault(row.order_id, []).append(used)
    return found


def _work(session: Session, ids: Sequence[int], classes: Classes) -> dict[int, list[Worked]]:
    found: dict[int, list[Worked]] = {}
    rows = select(Labour).where(Labour.order_id.in_(ids)).order_by(Labour.id)
    for row in session.scalars(rows):
        cause = classes.get((row.order_id, row.fault_number or 0))
        worked = Worked(row.what, row.minutes, row.billing_code, cause, row.id)
        found.setdefault(row.order_id, []).append(worked)
    return found

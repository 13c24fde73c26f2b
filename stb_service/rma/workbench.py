"""What the bench's pages read: orders by state, what is missing, what stands here, and what the rules
propose of a fault.

Nothing is written here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session, aliased, joinedload

from stb_service.devices.models import Device
from stb_service.parts.models import Location, Reservation, StockMove, StockPosition
from stb_service.parts.queries import Standing
from stb_service.parts.rules import ReservationState
from stb_service.rma.comparison import Offer, Worth, compare_for_customer
from stb_service.rma.deciding import obstacles_to_judging, said_by
from stb_service.rma.lookups import find_scanned
from stb_service.rma.machine import NEW, Place
from stb_service.rma.models import (
    CasePhoto,
    Comparison,
    Fault,
    InspectionCheck,
    ModelTerms,
    OrderPart,
    ReturnCase,
    WorkshopOrder,
)
from stb_service.rma.queries import (
    case_of_order,
    find_case,
    find_order,
    order_of_case,
    orders_within,
    typed_case,
    typed_order,
)
from stb_service.rma.verdicts import Confirmed, Cover, FaultClass, Verdict, verdict_of
from stb_service.rma.workshop import PLACES, OrderState
from stb_service.shared.access import EVERYTHING, Actor, Scope
from stb_service.shared.errors import NotFound, Obstacle
from stb_service.shared.i18n import text

SHOWN = 20
Pair = tuple[ReturnCase | None, WorkshopOrder | None]

# --- the bench -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class BenchLine:
    """An order on the bench, with the parts that it waits for."""

    order: WorkshopOrder
    missing: Sequence[str]


@dataclass(frozen=True)
class BenchGroup:
    """The orders in one state: how many there are, and those that have been in it for longest."""

    place: Place
    total: int
    lines: Sequence[BenchLine]

    @property
    def hidden(self) -> int:
        """How many are not shown."""
        return self.total - len(self.lines)


@dataclass(frozen=True)
class Bench:
    """What lies on somebody's own bench, and all that has not ended, by state."""

    own: Sequence[BenchLine]
    groups: Sequence[BenchGroup]

    @property
    def total(self) -> int:
        """How many orders there are."""
        return sum(group.total for group in self.groups)


def bench(
    session: Session, scope: Scope, *, technician: str, location: str = "", shown: int = SHOWN
) -> Bench:
    """Return the orders that have not ended, at one place or at all of them, in four queries.

    On a technician's own bench lies what they began to inspect and what has not left it.
    """
    live = [WorkshopOrder.ended_at.is_(None), orders_within(scope)]
    if location:
        live.append(_stands_at(location))
    counted = session.execute(
        select(WorkshopOrder.state, func.count()).where(*live).group_by(WorkshopOrder.state)
    )
    counts = {row[0]: row[1] for row in counted}
    rank = (
        func.row_number()
        .over(
            partition_by=WorkshopOrder.state,
            order_by=(WorkshopOrder.entered_at, WorkshopOrder.id),
        )
        .label("rank")
    )
    ranked = select(WorkshopOrder.id, rank).where(*live).subquery()
    rows = session.scalars(
        _with_boxes()
        .join(ranked, ranked.c.id == WorkshopOrder.id)
        .where(ranked.c.rank <= shown)
        .order_by(WorkshopOrder.entered_at, WorkshopOrder.id)
    ).all()
    own = session.scalars(
        _with_boxes()
        .where(
            *live,
            WorkshopOrder.technician == technician[:128],
            WorkshopOrder.state.in_(ON_THE_BENCH),
        )
        .order_by(WorkshopOrder.entered_at, WorkshopOrder.id)
        .limit(shown)
    ).all()
    missing = missing_of(session, {order.id for order in (*rows, *own)})
    groups = [
        BenchGroup(
            PLACES[state],
            counts[state],
            [_line(order, missing) for order in rows if order.state == state],
        )
        for state in BENCH_ORDER
        if state in counts
    ]
    return Bench([_line(order, missing) for order in own], groups)


ON_THE_BENCH = (
    OrderState.INSPECTING,
    OrderState.SECOND,
    OrderState.INSPECTED,
    OrderState.PLANNED,
    OrderState.RESERVED,
    OrderState.IN_REPAIR,
    OrderState.WAITING_PARTS,
    OrderState.TESTING,
    OrderState.REPAIRED,
    OrderState.CONDEMNED,
    OrderState.KEPT,
    OrderState.WIPED,
)
_LAST = (OrderState.EXPECTED, OrderState.SENT_BACK)
BENCH_ORDER = (*(s for s in PLACES if s not in {NEW, *_LAST}), *_LAST)
"""What lies here before what is on its way."""


def _with_boxes() -> Select[WorkshopOrder]:
    return select(WorkshopOrder).options(
        joinedload(WorkshopOrder.device).joinedload(Device.model),
        joinedload(WorkshopOrder.location),
        joinedload(WorkshopOrder.destination),
        joinedload(WorkshopOrder.case),
    )


def _line(order: WorkshopOrder, missing: Mapping[int, Sequence[str]]) -> BenchLine:
    return BenchLine(order, missing.get(order.id, ()))


def _stands_at(location: str) -> ColumnElement[bool]:
    names = or_(Location.public_id == location, Location.code == location)
    return WorkshopOrder.location_id.in_(select(Location.id).where(names))


def missing_of(session: Session, orders: Collection[int]) -> Mapping[int, Sequence[str]]:
    """Return the numbers of the parts that are planned and not reserved, by order."""
    rows = session.scalars(
        select(OrderPart)
        .outerjoin(Reservation, OrderPart.reservation_id == Reservation.id)
        .where(
            OrderPart.order_id.in_(orders),
            OrderPart.dropped_at.is_(None),
            or_(OrderPart.reservation_id.is_(None), Reservation.state == ReservationState.RELEASED),
        )
        .order_by(OrderPart.id)
    )
    found: dict[int, list[str]] = {}
    for row in rows:
        found.setdefault(row.order_id, []).append(row.part.sku)
    return found


def order_scanned(session: Session, scanned: str, scope: Scope) -> WorkshopOrder | None:
    """Return the order that a label or a box names: by its own number or its case's, else the
    newest one of the box; None if there is none in the scope.
    """
    if typed_order(scanned):
        return find_order(session, scanned.strip(), scope)
    if typed_case(scanned):
        case = find_case(session, scanned.strip(), scope)
        return order_of_case(session, case, scope) if case else None
    box = find_scanned(session, scanned)
    if box is None:
        return None
    return session.scalar(
        select(WorkshopOrder)
        .where(WorkshopOrder.device_id == box.id, orders_within(scope))
        .order_by(WorkshopOrder.ended_at.is_not(None), WorkshopOrder.id.desc())
        .limit(1)
    )


# --- one order -----------------------------------------------------------------------------------


def pair_of(session: Session, ref: str, scope: Scope) -> Pair:
    """Return a case with its order by the number or public id of either; an order may have no case.

    Raises:
        NotFound: there is neither in the scope.
    """
    order = find_order(session, ref, scope)
    if order is not None:
        return case_of_order(session, order, EVERYTHING), order
    case = find_case(session, ref, scope)
    if case is None:
        raise NotFound(text("There is no such return."))
    return case, order_of_case(session, case, EVERYTHING)


def faults_of(
    session: Session, case: ReturnCase | None, order: WorkshopOrder | None
) -> Sequence[Fault]:
    """Return the faults of a box with the decisions on their warranty, in two queries at most."""
    key = Fault.case_id == case.id if case else Fault.order_id == (order.id if order else None)
    return (
        session.scalars(
            select(Fault)
            .options(joinedload(Fault.decision))
            .where(key)
            .order_by(Fault.number)
            .execution_options(populate_existing=True)
        )
        .unique()
        .all()
    )


def photos_of(
    session: Session, case: ReturnCase | None, order: WorkshopOrder | None
) -> Sequence[CasePhoto]:
    """Return the photographs of a box, the first first."""
    key = (
        CasePhoto.case_id == case.id
        if case
        else CasePhoto.order_id == (order.id if order else None)
    )
    return session.scalars(select(CasePhoto).where(key).order_by(CasePhoto.id)).all()


def checks_of(
    session: Session, order: WorkshopOrder, round_number: int
) -> dict[str, InspectionCheck]:
    """Return the points of the checklist that one round of inspection came to, by their codes."""
    rows = select(InspectionCheck).filter_by(order_id=order.id, round=round_number)
    return {row.code: row for row in session.scalars(rows)}


def stock_here(
    session: Session, location: Location | None, parts: Collection[int]
) -> Mapping[tuple[int, str], Standing]:
    """Return what stands of some parts (by their keys) at one place, by part and condition."""
    if location is None or not parts:
        return {}
    last = aliased(StockMove)
    newest = (
        select(StockMove.id)
        .where(StockMove.position_id == StockPosition.id)
        .order_by(StockMove.seq.desc())
        .limit(1)
        .correlate(StockPosition)
        .scalar_subquery()
    )
    rows = session.execute(
        select(StockPosition, last)
        .join(last, last.id == newest)
        .options(joinedload(StockPosition.part))
        .where(StockPosition.location_id == location.id, StockPosition.part_id.in_(parts))
    )
    return {
        (position.part_id, position.condition): Standing(
            location,
            position.part,
            position.condition,
            move.balance,
        )
        for position, move in rows
    }


# --- verdicts ------------------------------------------------------------------------------------


def cover_of(fault: Fault, *, contract: bool = False, own: bool = False) -> Cover:
    """Return what the warranty decision of a fault says of it, whatever its cause will be."""
    return said_by(fault.decision, contract=contract, own=own)


def proposed_verdict(
    fault: Fault,
    confirmed: str,
    fault_class: str,
    *,
    hours_on: int | None = None,
    contract: bool = False,
    own: bool = False,
) -> Verdict | None:
    """Return the verdict that the rules propose; None until both questions are answered."""
    if confirmed not in set(Confirmed) or fault_class not in set(FaultClass):
        return None
    return verdict_of(
        FaultClass(fault_class),
        Confirmed(confirmed),
        cover_of(fault, contract=contract, own=own),
        hours_on=hours_on,
    )


@dataclass(frozen=True)
class Otherwise:
    """Another verdict, and the causes that would lead to it."""

    verdict: Verdict
    causes: Sequence[FaultClass]


def otherwise(
    fault: Fault,
    found: Verdict | None,
    *,
    hours_on: int | None = None,
    contract: bool = False,
    own: bool = False,
) -> list[Otherwise]:
    """Return what each other cause of a fault that was seen would make of it."""
    cover = cover_of(fault, contract=contract, own=own)
    by_verdict: dict[Verdict, list[FaultClass]] = {}
    for cause in FaultClass:
        verdict = verdict_of(cause, Confirmed.YES, cover, hours_on=hours_on)
        by_verdict.setdefault(verdict, []).append(cause)
    return [Otherwise(v, causes) for v, causes in by_verdict.items() if v is not found]


@dataclass(frozen=True)
class FaultToJudge:
    """A fault as the inspector has it before them."""

    fault: Fault
    photos: Sequence[CasePhoto]
    obstacles: Sequence[Obstacle]
    second: bool

    @property
    def is_hidden(self) -> bool:
        """Whether the first verdict is kept from who is to state the second."""
        return self.second and self.fault.disputed and self.fault.second_verdict is None

    @property
    def may_judge(self) -> bool:
        """Whether it is to be judged, and nothing bars that."""
        return not self.obstacles

    @property
    def judged_class(self) -> str:
        """The cause that was stated in this inspection, if one was."""
        found = self.fault.second_class if self.second else self.fault.fault_class
        return found or ""

    @property
    def judged_note(self) -> str:
        """What was written beside it in this inspection."""
        return self.fault.second_note if self.second else self.fault.note

    @property
    def judged_hours(self) -> int | None:
        """What the counter showed in this inspection, None if it was not read."""
        return self.fault.second_hours_on if self.second else self.fault.hours_on

    @property
    def asks_hours(self) -> bool:
        """Whether how long the box ran bears on who answers for it, or was read already."""
        return cover_of(self.fault).doa_hours > 0 or self.judged_hours is not None

    @property
    def judged_seen(self) -> str:
        """Whether it was seen; a second inspection keeps no more of that than its verdict says."""
        if not self.second:
            return self.fault.confirmed or ""
        if self.fault.second_verdict is None:
            return ""
        return Confirmed.NO if self.fault.second_verdict == Verdict.NFF else Confirmed.YES


def faults_to_judge(
    session: Session, case: ReturnCase | None, order: WorkshopOrder, actor: Actor
) -> list[FaultToJudge]:
    """Return the faults of a box as somebody inspects them, each with what bars judging it."""
    second = order.state == OrderState.SECOND
    photos = photos_of(session, case, order)
    return [
        FaultToJudge(
            fault,
            [photo for photo in photos if photo.fault_id == fault.id],
            obstacles_to_judging(session, fault, order, actor, second=second),
            second,
        )
        for fault in faults_of(session, case, order)
    ]


# --- repair beside replacement -------------------------------------------------------------------


def comparisons_of(
    session: Session, case: ReturnCase | None, order: WorkshopOrder | None
) -> Sequence[Comparison]:
    """Return the comparisons that were kept of a box, the first first."""
    keys = [Comparison.case_id == case.id] if case else []
    keys += [Comparison.order_id == order.id] if order else []
    return session.scalars(select(Comparison).where(or_(*keys)).order_by(Comparison.id)).all()


def parts_of(session: Session, order: WorkshopOrder) -> Sequence[OrderPart]:
    """Return the parts of an order, planned and used, the first first."""
    return session.scalars(
        select(OrderPart).where(OrderPart.order_id == order.id).order_by(OrderPart.id)
    ).all()


def parts_worth(
    standings: Mapping[tuple[int, str], Standing], planned: Collection[OrderPart]
) -> int:
    """Return what the planned parts are worth by what stands of them here, in minor units."""
    return sum(
        standing.balance.worth(min(row.quantity, standing.balance.on_hand))
        for row in planned
        if row.dropped_at is None
        and (standing := standings.get((row.part_id, row.condition))) is not None
        and standing.balance.on_hand
    )


def worths_of(offers: Sequence[Offer], today: date) -> tuple[Sequence[Worth], str]:
    """Return what each offer is worth to the customer, and which has the cheapest months."""
    found = compare_for_customer(offers, today)
    return found.worths, found.best or ""


def terms_of(session: Session, model_id: int) -> ModelTerms | None:
    """Return the terms of a model, or None."""
    return session.scalar(select(ModelTerms).where(ModelTerms.model_id == model_id))


def owner_of_photo(session: Session, photo: CasePhoto) -> ReturnCase | WorkshopOrder:
    """Return the case or the order that a photograph belongs to."""
    if photo.case_id is not None:
        return session.get_one(ReturnCase, photo.case_id)
    return session.get_one(WorkshopOrder, photo.order_id)

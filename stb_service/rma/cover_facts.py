"""What returns know of a box that bears on its warranty: stays with us, components fitted, and that it
was given for another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from stb_service.billing.ledger.operations import zone_of
from stb_service.billing.rules import day_in
from stb_service.devices.models import Device
from stb_service.rma.models import (
    CaseEvent,
    Comparison,
    ComponentSwap,
    Exchange,
    Fault,
    OrderEvent,
    ReturnCase,
    Statement,
    WorkshopOrder,
)
from stb_service.rma.verdicts import FREE
from stb_service.subscribers.models import Account, Site
from stb_service.warranty.facts import Fit, Replaced, Stay
from stb_service.warranty.models import WarrantyDecision

CAME = frozenset({"receive", "accept_other"})
WENT = frozenset({"deliver", "hand_over"})


def zone_of_box(site: Site | None, account: Account | None, default: str) -> str:
    """Return the time zone in which a box's days are counted: its site's, else its account's."""
    if site is not None:
        return site.timezone
    return zone_of(account, default) if account is not None else default


def _zone(case: ReturnCase | None, default: str) -> str:
    return zone_of_box(case.site, case.account, default) if case is not None else default


def facts(session: Session, uid: str, *, zone: str = "UTC") -> Iterator[Stay | Fit | Replaced]:
    """Yield what is known of a box, by its uid, whoever asks: it is the box's own cover.

    Days are those where the box stood; `zone` is the operator's, for what no account had.
    """
    device_id = session.scalar(select(Device.id).where(Device.public_id == uid))
    if device_id is None:
        return
    cases = session.scalars(
        select(ReturnCase)
        .options(joinedload(ReturnCase.account), joinedload(ReturnCase.site))
        .where(ReturnCase.device_id == device_id)
        .order_by(ReturnCase.id)
    ).all()
    if cases:
        yield from _of_cases(session, cases, zone)
    yield from _fits(session, device_id, zone)
    yield from _replaced(session, device_id, zone)


def _of_cases(session: Session, cases: Sequence[ReturnCase], zone: str) -> Iterator[Stay]:
    """A stay counts whose faults the warranty answers for: what the customer pays adds nothing."""
    ids = [case.id for case in cases]
    faults = session.scalars(select(Fault).where(Fault.case_id.in_(ids))).all()
    events = session.scalars(
        select(CaseEvent)
        .where(CaseEvent.case_id.in_(ids), CaseEvent.event.in_(CAME | WENT))
        .order_by(CaseEvent.seq)
    ).all()
    chosen = set(
        session.scalars(
            select(Statement.case_id).where(
                Statement.case_id.in_(ids), Statement.kind == "remedy_chosen", Statement.stands
            )
        )
    ) | set(
        session.scalars(
            select(Comparison.case_id).where(
                Comparison.case_id.in_(ids), Comparison.choice == "repair"
            )
        )
    )
    for case in cases:
        covered = [f for f in faults if f.case_id == case.id and f.effective_verdict in FREE]
        mine = [e for e in events if e.case_id == case.id]
        stay = _stay(case, mine, covered, _zone(case, zone))
        if stay is not None:
            repaired, went = stay.repaired, stay.delivered_on
            yield Stay(stay.received_on, went, repaired, chose_repair=case.id in chosen)


def _stay(
    case: ReturnCase, events: Sequence[CaseEvent], covered: Sequence[Fault], zone: str
) -> Stay | None:
    came = next((event for event in events if event.event in CAME), None)
    if came is None or not covered:
        return None
    went = next((event for event in events if event.event in WENT and event.seq > came.seq), None)
    left_at = went.at if went else case.closed_at
    repaired = frozenset(fault.blamed_component for fault in covered if fault.blamed_component)
    return Stay(
        day_in(zone, came.at),
        day_in(zone, left_at) if left_at else None,
        repaired if went else frozenset(),
    )


def _fits(session: Session, device_id: int, zone: str) -> Iterator[Fit]:
    """Yield the components that a repair which was finished put in."""
    rows = session.execute(
        select(ComponentSwap.component, OrderEvent.at, WorkshopOrder)
        .options(joinedload(WorkshopOrder.case).joinedload(ReturnCase.site))
        .options(joinedload(WorkshopOrder.case).joinedload(ReturnCase.account))
        .join(WorkshopOrder, ComponentSwap.order_id == WorkshopOrder.id)
        .join(OrderEvent, OrderEvent.order_id == WorkshopOrder.id)
        .where(
            WorkshopOrder.device_id == device_id,
            OrderEvent.event == "finish",
            OrderEvent.at >= ComponentSwap.at,
        )
        .order_by(OrderEvent.at)
    )
    first: dict[str, Fit] = {}
    for component, at, order in rows:
        first.setdefault(component, Fit(component, day_in(_zone(order.case, zone), at)))
    yield from first.values()


def _replaced(session: Session, device_id: int, zone: str) -> Iterator[Replaced]:
    """Yield that the box was given for another, with the last day on which that one was covered.

    Its first day is the one on which it was handed over or delivered; until a parcel is, the day
    on which it was sent.
    """
    rows = session.scalars(
        select(Exchange).where(Exchange.device_id == device_id, Exchange.state == "given")
    ).all()
    for exchange in rows:
        last = session.scalar(
            select(WarrantyDecision.covered_until)
            .join(Fault, Fault.decision_id == WarrantyDecision.id)
            .where(Fault.case_id == exchange.case_id, WarrantyDecision.covered_until.is_not(None))
            .order_by(WarrantyDecision.covered_until.desc())
            .limit(1)
        )
        if (first := _first_day(session, exchange, zone)) is not None:
            yield Replaced(first, last)


def _first_day(session: Session, exchange: Exchange, zone: str) -> date | None:
    if exchange.given_at is None:
        return None
    arrived = session.scalar(
        select(CaseEvent.at)
        .where(
            CaseEvent.case_id == exchange.case_id,
            CaseEvent.event == "deliver",
            CaseEvent.at >= exchange.given_at,
        )
        .order_by(CaseEvent.seq)
        .limit(1)
    )
    case = session.get(ReturnCase, exchange.case_id)
    return day_in(_zone(case, zone), arrived or exchange.given_at)

"""What returns know of a box that bears on its warranty: stays with us, components fitted, and that it
was given for another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
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
from stb_service.rma.money import has_bought
from stb_service.rma.verdicts import FREE
from stb_service.subscribers.models import Account, Site
from stb_service.warranty.cover import cover
from stb_service.warranty.facts import Bought, Fit, Replaced, Stay
from stb_service.warranty.models import WarrantyDecision
from stb_service.warranty.traces import known_of

CAME = frozenset({"receive", "accept_other"})
WENT = frozenset({"deliver", "hand_over"})
REPAIRED = frozenset({"finish", "fail"})


def zone_of_box(site: Site | None, account: Account | None, default: str) -> str:
    """Return the time zone in which a box's days are counted: its site's, else its account's."""
    if site is not None:
        return site.timezone
    return zone_of(account, default) if account is not None else default


def _zone(case: ReturnCase | None, default: str) -> str:
    return zone_of_box(case.site, case.account, default) if case is not None else default


def facts(
    session: Session, uid: str, *, zone: str = "UTC"
) -> Iterator[Stay | Fit | Replaced | Bought]:
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
        .where(CaseEvent.case_id.in_(ids), CaseEvent.event.in_(CAME | WENT | REPAIRED))
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
        stay = _stay(case, mine, covered, _zone(case, zone), chose_repair=case.id in chosen)
        if stay is not None:
            yield stay


def _stay(
    case: ReturnCase,
    events: Sequence[CaseEvent],
    covered: Sequence[Fault],
    zone: str,
    *,
    chose_repair: bool,
) -> Stay | None:
    """Return the stay of a box that came. Its days count whatever was done: the owner was without
    a box whose fault the warranty answers for. What a repair gives, only a box has that went back
    repaired: who withdraws, or gets another box, was promised nothing for what was not done.
    """
    came = next((event for event in events if event.event in CAME), None)
    if came is None or not covered:
        return None
    went = next((event for event in events if event.event in WENT and event.seq > came.seq), None)
    left_at = went.at if went else case.closed_at
    is_repaired = went is not None and _was_repaired(events)
    components = frozenset(fault.blamed_component for fault in covered if fault.blamed_component)
    return Stay(
        day_in(zone, came.at),
        day_in(zone, left_at) if left_at else None,
        components if is_repaired else frozenset(),
        chose_repair=is_repaired and chose_repair,
    )


def _was_repaired(events: Sequence[CaseEvent]) -> bool:
    """Tell whether a repair was finished, and stayed so."""
    last = next((event for event in reversed(events) if event.event in REPAIRED), None)
    return last is not None and last.event == "finish"


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


def _replaced(session: Session, device_id: int, zone: str) -> Iterator[Replaced | Bought]:
    """Yield that the box was given for another: with what was left of that one's cover, or, where
    the customer paid for it, as bought.

    Its first day is the one on which it was handed over or delivered; until a parcel is, the day
    on which it was sent.
    """
    rows = session.scalars(
        select(Exchange).where(Exchange.device_id == device_id, Exchange.state == "given")
    ).all()
    for exchange in rows:
        case = session.get_one(ReturnCase, exchange.case_id)
        first = _first_day(session, exchange, zone)
        if first is not None:
            is_bought = _was_bought(session, case)
            yield Bought(first) if is_bought else _left_of(session, exchange, case, first, zone)


def _was_bought(session: Session, case: ReturnCase) -> bool:
    """Tell whether the customer pays for the replacement: by a quote, or by the fee for one that
    went ahead of a box whose fault turned out not to be covered. The fee for a box that did not
    come back pays for that box.
    """
    charged = select(CaseEvent.id).where(
        CaseEvent.case_id == case.id, CaseEvent.event == "settle_uncovered"
    )
    return has_bought(session, case) or session.scalar(charged.limit(1)) is not None


def _left_of(
    session: Session, exchange: Exchange, case: ReturnCase, first: date, zone: str
) -> Replaced:
    """Return to which day the box was covered that another was given for, and each component that
    has a day of its own: by the policy and the facts of the newest decision on it, as of the day
    on which the other was had. It was in our hands until then.
    """
    decision = session.scalar(
        select(WarrantyDecision)
        .join(Fault, Fault.decision_id == WarrantyDecision.id)
        .where(
            Fault.case_id == exchange.case_id,
            WarrantyDecision.device_id == exchange.replaced_id,
        )
        .order_by(WarrantyDecision.id.desc())
        .limit(1)
    )
    if decision is None:
        return Replaced(first, None)
    known, policy = known_of(decision.facts), decision.version.as_policy()
    known = replace(known, stays=(*known.stays, *_of_cases(session, [case], zone)))
    own = {*policy.components, *(fit.component for fit in known.fits)}
    own |= {component for stay in known.stays for component in stay.repaired}
    last = cover(known, policy, None, first).last
    days = {component: cover(known, policy, component, first).last for component in sorted(own)}
    return Replaced(first, last, {name: day for name, day in days.items() if day != last})


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

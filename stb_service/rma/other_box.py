"""Taking the box that came instead of the one that was authorised: what was known of the first is not
true of the other.
"""

from __future__ import annotations

from sqlalchemy import select

from stb_service.devices.holdings.chain import current_holding
from stb_service.devices.models import Device
from stb_service.rma import cover_facts
from stb_service.rma.acting import Acting
from stb_service.rma.deciding import decide_fault
from stb_service.rma.gathering import live_exchange
from stb_service.rma.models import Fault, Statement


def take_instead(acting: Acting, other: Device) -> None:
    """Let the case go on about another box: with its tenure, its site and its warranty."""
    case, session = acting.the_case, acting.session
    held = current_holding(session, other)
    case.device = acting.the_order.device = other
    case.tenure = held.tenure if held else other.tenure
    if held is not None and held.site is not None:
        case.site = held.site
    exchange = live_exchange(session, case)
    if exchange is not None:
        exchange.replaced = other
    session.flush()
    _forget_price(acting)
    for fault in session.scalars(select(Fault).where(Fault.case_id == case.id)):
        fault.decision = None
        decide_fault(
            session,
            case,
            fault,
            sources=(cover_facts.facts,),
            actor=acting.actor,
            now=acting.now,
        )


def _forget_price(acting: Acting) -> None:
    """Take back what was stated of the price of the first box."""
    case = acting.the_case
    known = select(Statement).filter_by(case_id=case.id, kind="price_paid")
    last = acting.session.scalar(known.order_by(Statement.id.desc()).limit(1))
    if last is not None and last.stands:
        taken_back = Statement(
            case_id=case.id,
            kind="price_paid",
            stands=False,
            note=case.device.label,
            seq=case.event_seq,
            at=acting.now,
            by=acting.actor.label[:128],
        )
        acting.session.add(taken_back)
        acting.session.flush()

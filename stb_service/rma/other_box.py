"""The box that came instead of the one that was authorised: it is put aside, and taken instead (what
was known of the first is not true of the other) or sent back.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from stb_service.devices.holdings.chain import current_holding
from stb_service.devices.models import Device
from stb_service.devices.operations import hand_over, renew
from stb_service.devices.queries import custody_of
from stb_service.devices.rules import RETIRED, Status
from stb_service.parts.rules import LocationKind
from stb_service.rma import cover_facts, homes, shipping
from stb_service.rma.acting import Acting
from stb_service.rma.deciding import decide_fault
from stb_service.rma.facts import Content
from stb_service.rma.lookups import is_received, live_exchange, stray_box
from stb_service.rma.models import Fault, Parcel, Statement
from stb_service.rma.owners import record
from stb_service.rma.touching import touch_case
from stb_service.shared.access import EVERYTHING, Actor
from stb_service.shared.errors import NotFound
from stb_service.shared.i18n import text

ASIDE = shipping.TAKEN_IN | {LocationKind.QUARANTINE}
"""The kinds of places where it waits until that is settled."""


def put_aside(acting: Acting) -> None:
    """Let the box stand at a place of ours; one that nobody knows, and one that was received in a
    return of its own, stands nowhere else by that.

    Raises:
        Invalid: it is not said where.
    """
    other = stray_box(acting.session, acting.the_case)
    if other is None or other.status in RETIRED:
        return
    if is_received(acting.session, other, acting.the_case):
        return
    shipping.stand_aside(
        acting,
        other,
        shipping.stated_location(acting, *sorted(ASIDE), default=acting.the_order.destination),
    )


def send_back(acting: Acting) -> None:
    """Send the box back to whoever has it, or to the shelf that it came from."""
    if acting.facts.stray_gone:
        return
    shipping.send_parcel(acting, "stray", Content.STRAY)
    other = stray_box(acting.session, acting.the_case)
    if other is None or other.status in RETIRED:
        return
    is_held = current_holding(acting.session, other) is not None
    if not is_held and homes.bring_home(acting, other):
        return
    shipping.let_out(acting, other, holder=shipping.carrier_of(acting))
    if is_held or other.sold_on is not None:
        shipping.mark(acting, other, Status.ACTIVE if other.activated_on else Status.SOLD)
    else:
        shipping.mark(acting, other, Status.REFURB, Status.IN_STOCK)


def deliver(session: Session, *, ref: str, parcel: str, actor: Actor, now: datetime) -> Parcel:
    """Write that the parcel (its public id) in which the box went back was delivered, whatever has
    become of the return since: who has the box holds it again.

    Raises:
        Forbidden: the actor takes no boxes in.
        NotFound: there is no such case in the actor's scope, or no such parcel of it.
    """
    actor.demand("rma.receive")
    case = touch_case(session, ref, actor=actor, ended=True)
    found = session.scalar(
        select(Parcel).filter_by(case_id=case.id, public_id=parcel, direction="stray")
    )
    if found is None:
        raise NotFound(text("There is no such parcel."))
    if found.ending is None:
        found.ending, found.ended_at = "delivered", now
        other = stray_box(session, case, before=found.sent_at)
        if other is not None:
            _hand_to_holder(session, other, found, actor=actor, now=now)
        said = {"tracking": found.tracking, **({"box": other.label} if other else {})}
        record(session, case, "deliver-stray", said, actor=actor, now=now)
    return found


def _hand_to_holder(
    session: Session, other: Device, parcel: Parcel, *, actor: Actor, now: datetime
) -> None:
    """Let a box that is still with the carrier of a parcel be with the account that has it."""
    held = current_holding(session, other)
    custody = custody_of(session, other, EVERYTHING)
    carrier = parcel.carrier or parcel.tracking
    if held is None or not custody or custody[0].until is not None:
        return
    if custody[0].organisation_id is None and custody[0].holder == carrier:
        hand_over(session, other, None, holder=held.account.number, reason="", actor=actor, now=now)
        renew(other, now)
        session.flush()


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

"""Verbs on what leaves in exchange: replacements, accessories, provisioning, what is pinned."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from stb_service.devices.holdings.chain import current_holding
from stb_service.devices.holdings.operations import give_to_account
from stb_service.devices.models import Device
from stb_service.devices.rules import Status, Tenure
from stb_service.parts.models import Location, StockMove
from stb_service.parts.moves.queries import last_place_of
from stb_service.parts.operations import CUSTOMERS, consume_reservation, move_stock, reserve_parts
from stb_service.parts.rules import Condition, ReservationState, Side
from stb_service.rma import accessories, shipping
from stb_service.rma.acting import Acting
from stb_service.rma.cases import CaseState
from stb_service.rma.lookups import can_replace, find_scanned, live_exchange
from stb_service.rma.models import Accessory, CaseEvent, Exchange, ReturnCase
from stb_service.rma.owners import record
from stb_service.rma.touching import touch_case
from stb_service.rma.traces import move_exchange
from stb_service.shared import outbox
from stb_service.shared.access import EVERYTHING, SYSTEM, Actor
from stb_service.shared.db import lock_row, new_public_id
from stb_service.shared.errors import Invalid, NotFound, Obstacle, Refused
from stb_service.shared.i18n import text

REPLACED = "box.replaced"
"""The outbox topic by which provisioning is told that another box has taken the place of one."""
SHELF = frozenset({Status.IN_STOCK, Status.REFURB})


def allocate_spare(
    session: Session, *, ref: str, device: str, actor: Actor, now: datetime
) -> Exchange:
    """Keep a box of the shelf (its uid, serial or MAC) for a case as the replacement.

    Raises:
        Forbidden: the actor answers for no customers.
        NotFound: there is no such case in the actor's scope.
        Invalid: there is no such box.
        Refused: it is not on the shelf, is kept for another case, cannot do what the customer's
            does, or the case has a replacement already.
    """
    actor.demand("rma.edit")
    case = touch_case(session, ref, actor=actor)
    spare = _box(session, device, actor)
    lock_row(session, Device, spare.id)
    if obstacles := _obstacles_to_allocating(session, case, spare):
        raise Refused(obstacles)
    last = last_place_of(session, spare, EVERYTHING)
    made = Exchange(
        public_id=new_public_id(),
        case_id=case.id,
        device_id=spare.id,
        replaced_id=case.device_id,
        location_id=last.position.location_id if last else None,
        condition=_condition(spare, last.position.condition if last else None),
        provision_key="",
        allocated_at=now,
        allocated_by=actor.label[:128],
    )
    made.provision_key = f"{REPLACED}:{made.public_id}"
    move_exchange(session, made, "allocated", actor=actor, now=now)
    record(session, case, "allocate-spare", {"spare": spare.label}, actor=actor, now=now)
    return made


def _condition(spare: Device, stands: str | None) -> str:
    if stands in {Condition.NEW, Condition.REFURBISHED}:
        return str(stands)
    return Condition.REFURBISHED if spare.status == Status.REFURB else Condition.NEW


def _box(session: Session, called: str, actor: Actor) -> Device:
    found = session.scalar(select(Device).where(Device.public_id == called))
    found = found or find_scanned(session, called)
    scope = actor.scope
    if found is None or not (
        scope.is_everything or scope.organisation_id in {found.seller_id, found.custodian_id}
    ):
        raise Invalid.field("device", text("There is no such box."))
    return found


def _obstacles_to_allocating(session: Session, case: ReturnCase, spare: Device) -> list[Obstacle]:
    found = []
    if live_exchange(session, case) is not None:
        found.append(Obstacle("spare-there", text("The case has a replacement already.")))
    if spare.status not in SHELF or current_holding(session, spare) is not None:
        found.append(Obstacle("spare-shelf", text("The box is not on the shelf.")))
    kept = select(Exchange.id).where(
        Exchange.device_id == spare.id, Exchange.state == "allocated", Exchange.case_id != case.id
    )
    if session.scalar(kept) is not None:
        found.append(Obstacle("spare-kept", text("The box is kept for another case.")))
    if not can_replace(session, spare, case.device):
        message = text("The replacement cannot do what the customer's box does.")
        found.append(Obstacle("spare_fits", message))
    return found


def release_spare(
    session: Session, *, ref: str, reason: str = "", actor: Actor, now: datetime
) -> None:
    """Give back to the shelf a replacement that was kept and has not left.

    Raises:
        Forbidden: the actor answers for no customers.
        NotFound: there is no such case in the actor's scope.
        Refused: none is kept.
    """
    actor.demand("rma.edit")
    case = touch_case(session, ref, actor=actor)
    exchange = live_exchange(session, case)
    if exchange is None or exchange.state != "allocated":
        raise Refused([Obstacle("spare", text("No box is allocated as the replacement."))])
    exchange.ended_at = now
    move_exchange(session, exchange, "released", actor=actor, now=now)
    changes = {"spare": exchange.device.label, **({"reason": reason} if reason else {})}
    record(session, case, "drop-spare", changes, actor=actor, now=now)


def reserve_accessory(
    session: Session,
    *,
    ref: str,
    part: str,
    location: str,
    quantity: int = 1,
    condition: str = Condition.NEW,
    reason: str = "",
    actor: Actor,
    now: datetime,
) -> Accessory:
    """Hold an accessory back for a case until it is sent: of a component that is reported to fail, as
    many as the box has. Anything else is for who decides, with a `reason`.

    Raises:
        Forbidden: the actor answers for no customers.
        NotFound: there is no such case in the actor's scope.
        Invalid: the part or the place is unknown to the actor; or it is another part, or more of it,
            than the box lacks, and the actor may not decide that, or gives no reason.
        Refused: too few are available there.
    """
    actor.demand("rma.edit")
    case = touch_case(session, ref, actor=actor)
    known = session.scalars(select(Accessory).where(Accessory.case_id == case.id)).all()
    reservation = reserve_parts(
        session,
        key=f"{case.number}/accessory/{len(known) + 1}",
        part=part,
        location=location,
        quantity=quantity,
        condition=condition,
        purpose=case.number,
        actor=actor,
        now=now,
    )
    if unusual := accessories.why_unusual(session, case, reservation.position.part, quantity):
        accessories.demand_decision(unusual, reason, actor)
    made = Accessory(
        case_id=case.id,
        part_id=reservation.position.part_id,
        quantity=quantity,
        reservation_id=reservation.id,
        reserved_at=now,
        reserved_by=actor.label[:128],
    )
    session.add(made)
    session.flush()
    changes = {
        "part": reservation.position.part.sku,
        "quantity": quantity,
        **({"reason": reason.strip()[:500]} if unusual else {}),
    }
    record(session, case, "reserve-accessory", changes, actor=actor, now=now)
    return made


def use_accessories(acting: Acting) -> None:
    """Let what was held back for a case leave."""
    case = acting.the_case
    rows = acting.session.scalars(select(Accessory).where(Accessory.case_id == case.id))
    for row in rows:
        if row.reservation.state == ReservationState.HELD:
            consume_reservation(
                acting.session,
                ref=row.reservation.public_id,
                reference=case.number,
                actor=acting.house,
                now=acting.now,
            )


# --- what steps do -------------------------------------------------------------------------------


def give(acting: Acting, *, by_parcel: bool) -> None:
    """Give the replacement to the customer, and tell provisioning."""
    case, session = acting.the_case, acting.session
    exchange = live_exchange(session, case)
    assert exchange is not None
    spare, account = exchange.device, case.account
    holder = shipping.carrier_of(acting) if by_parcel else shipping.holder_of(acting)
    shipping.let_out(acting, spare, holder=holder)
    if account is not None:
        give_to_account(
            session,
            uid=spare.public_id,
            account=account.public_id,
            tenure=case.tenure or Tenure.SOLD,
            site=case.site.public_id if case.site else None,
            reason=case.number,
            proof=case.number,
            moves=True,
            actor=acting.house,
            now=acting.now,
        )
    exchange.given_at = acting.now
    move_exchange(session, exchange, "given", actor=acting.actor, now=acting.now)
    payload = {
        "case": case.number,
        "exchange": exchange.public_id,
        "account": account.number if account else None,
        "old": exchange.replaced.public_id,
        "new": spare.public_id,
    }
    outbox.emit(
        session, topic=REPLACED, key=exchange.provision_key, payload=payload, now=acting.now
    )


def take_spare_back(acting: Acting) -> None:
    """Let a replacement that came back stand where it was, on the shelf."""
    exchange = live_exchange(acting.session, acting.the_case)
    if exchange is None or exchange.state != "given":
        return
    shipping.keep(acting, exchange.device)
    location = _back_to(acting, _location_of(acting.session, exchange))
    shipping.put_back(acting, exchange.device, location, exchange.condition)
    exchange.ended_at = acting.now
    move_exchange(acting.session, exchange, "returned", actor=acting.actor, now=acting.now)


def take_accessories_back(acting: Acting) -> None:
    """Let what left in the last parcel stand where it was kept back, worth what it was; what was
    lost before is not in it.
    """
    case, session = acting.the_case, acting.session
    sent_at = session.scalar(
        select(func.max(CaseEvent.at)).where(
            CaseEvent.case_id == case.id,
            CaseEvent.event == "ship",
            CaseEvent.from_state == CaseState.ACCESSORY,
        )
    )
    for row in session.scalars(select(Accessory).where(Accessory.case_id == case.id)):
        kept = row.reservation
        if kept.state != ReservationState.USED or kept.ended_at is None or kept.ended_at != sent_at:
            continue
        left = select(StockMove.value_minor).where(
            StockMove.reservation_id == kept.id, StockMove.side == Side.OUT
        )
        move_stock(
            session,
            part=row.part.sku,
            from_location=CUSTOMERS,
            to_location=_back_to(acting, kept.position.location).public_id,
            quantity=kept.used,
            condition=kept.position.condition,
            unit_cost_minor=(session.scalar(left) or 0) // kept.used,
            reference=case.number,
            actor=acting.house,
            now=acting.now,
        )


def _back_to(acting: Acting, stood: Location | None) -> Location:
    """Return the shelf that was named for what comes back, else the place where it stood."""
    if stood is not None and not acting.stated.location:
        return stood
    return shipping.stated_location(acting, *sorted(shipping.TAKEN_IN))


def _location_of(session: Session, exchange: Exchange) -> Location | None:
    return session.get(Location, exchange.location_id) if exchange.location_id else None


def lose_spare(acting: Acting) -> None:
    """Write that a replacement was lost on its way."""
    exchange = live_exchange(acting.session, acting.the_case)
    if exchange is not None and exchange.state == "given":
        shipping.write_off_box(acting, exchange.device)
        exchange.ended_at = acting.now
        move_exchange(acting.session, exchange, "lost", actor=acting.actor, now=acting.now)


def drop_allocated(acting: Acting) -> None:
    """Let a replacement go that was kept for a case and is not needed."""
    exchange = live_exchange(acting.session, acting.the_case)
    if exchange is not None and exchange.state == "allocated":
        exchange.ended_at = acting.now
        move_exchange(acting.session, exchange, "released", actor=acting.actor, now=acting.now)


# --- provisioning and pins -----------------------------------------------------------------------


def acknowledge_provisioning(
    session: Session, *, ref: str, note: str = "", actor: Actor, now: datetime
) -> Exchange:
    """Write that the new box is provisioned: it gets what the old one got.

    Raises:
        Forbidden: the actor answers for no customers.
        NotFound: there is no such case in the actor's scope.
        Refused: no replacement has left.
    """
    actor.demand("rma.edit")
    case = touch_case(session, ref, actor=actor)
    exchange = _given(session, case)
    if exchange.provisioned_at is None:
        exchange.provisioned_at, exchange.provisioned_by = now, actor.label[:128]
        session.flush()
        changes = {"spare": exchange.device.label, **({"note": note} if note else {})}
        record(session, case, "provision", changes, actor=actor, now=now)
    return exchange


def release_pins(
    session: Session, *, ref: str, note: str = "", actor: Actor, now: datetime
) -> Exchange:
    """Write that nothing is pinned to the old box any more: entitlements, licences, pairings.

    Raises:
        Forbidden: the actor answers for no customers.
        NotFound: there is no such case in the actor's scope.
        Refused: no replacement has left.
    """
    actor.demand("rma.edit")
    case = touch_case(session, ref, actor=actor)
    exchange = _given(session, case)
    if exchange.pins_released_at is None:
        exchange.pins_released_at, exchange.pins_released_by = now, actor.label[:128]
        session.flush()
        changes = {"box": exchange.replaced.label, **({"note": note} if note else {})}
        record(session, case, "release-pins", changes, actor=actor, now=now)
    return exchange


def _given(session: Session, case: ReturnCase) -> Exchange:
    exchange = live_exchange(session, case)
    if exchange is None or exchange.state != "given":
        raise Refused([Obstacle("given", text("No replacement has left."))])
    return exchange


def provision_by_itself(session: Session, payload: dict[str, Any], now: datetime) -> None:
    """Acknowledge at once: the provisioning of tests and demonstrations."""
    try:
        acknowledge_provisioning(session, ref=payload["case"], actor=SYSTEM, now=now)
        release_pins(session, ref=payload["case"], actor=SYSTEM, now=now)
    except (NotFound, Refused):  # the box came back meanwhile
        return


def provision_by_hand(session: Session, payload: dict[str, Any], now: datetime) -> None:
    """Do nothing: a person acknowledges on the case's page."""


PROVISIONING: Mapping[str, outbox.Handler] = {
    "manual": provision_by_hand,
    "test": provision_by_itself,
}
"""What is done when a replacement has left, by the choice of `STB_PROVISIONING`."""

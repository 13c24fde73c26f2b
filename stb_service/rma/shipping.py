"""What steps do to boxes and parcels: stock, custody and status follow; no rule is asked here."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from sqlalchemy import select
from sqlalchemy.orm import Session

from stb_service.devices.holdings import chain
from stb_service.devices.holdings.operations import take_back
from stb_service.devices.models import Device
from stb_service.devices.operations import change_status, hand_over, renew
from stb_service.devices.rules import TRANSITIONS, Status
from stb_service.parts.catalogue.queries import part_of_model
from stb_service.parts.models import Location
from stb_service.parts.moves.queries import last_place_of
from stb_service.parts.operations import CUSTOMERS, move_stock
from stb_service.parts.queries import find_location, only_place
from stb_service.parts.rules import Condition, LocationKind
from stb_service.rma.acting import Acting
from stb_service.rma.models import Parcel
from stb_service.shared.access import EVERYTHING, Actor
from stb_service.shared.errors import Invalid
from stb_service.shared.i18n import text
from stb_service.staff.queries import operator

TAKEN_IN = frozenset({LocationKind.CENTRE, LocationKind.WAREHOUSE, LocationKind.DEALER})


def stated_location(
    acting: Acting, *kinds: LocationKind, default: Location | None = None
) -> Location:
    """Return the place that was named with a step.

    Raises:
        Invalid: none was, or it is not of the kinds that are meant.
    """
    found = default
    if acting.stated.location:
        found = find_location(acting.session, acting.stated.location, acting.actor.scope)
    if found is None or (kinds and found.kind not in kinds):
        raise Invalid.field("location", text("Name a place where the box can stand."))
    return found


def take_in(acting: Acting, device: Device, location: Location) -> None:
    """Let a box that came stand at a place of ours, defective as far as is known."""
    _move(acting, device, location, Condition.DEFECTIVE)
    _set_status(acting, device, Status.IN_RMA)
    if acting.order is not None:
        acting.order.location = location
    acting.session.flush()


def stand_aside(acting: Acting, device: Device, location: Location) -> None:
    """Let a box that the return is not about stand at a place of ours."""
    _move(acting, device, location, Condition.DEFECTIVE)
    _set_status(acting, device, Status.IN_RMA)
    acting.session.flush()


def let_out(acting: Acting, device: Device, *, holder: str) -> None:
    """Let a box of ours go to the customers' side, into somebody's hands."""
    session = acting.session
    if part_of_model(session, device.model_id or 0) is not None:
        _leave(acting, device)
    hand_over(session, device, None, holder=holder, reason=acting.reference, **_who(acting))
    renew(device, acting.now)
    session.flush()


def give_back(acting: Acting, device: Device, *, holder: str) -> None:
    """Let the customer's own box go home."""
    let_out(acting, device, holder=holder)
    if acting.account is None:
        _set_status(acting, device, Status.REFURB)
    else:
        _set_status(acting, device, Status.ACTIVE if device.activated_on else Status.SOLD)


def hand_to_customer(acting: Acting, device: Device) -> None:
    """Write that a box which was on its way has arrived."""
    hand_over(acting.session, device, None, holder=holder_of(acting), reason="", **_who(acting))
    renew(device, acting.now)
    acting.session.flush()


def holder_of(acting: Acting) -> str:
    """Return how custody calls the customer."""
    case = acting.the_case
    return case.account.number if case.account else case.handler.name


def carrier_of(acting: Acting) -> str:
    """Return how custody calls who carries a parcel."""
    return acting.stated.carrier or acting.stated.tracking


class _Who(TypedDict):
    actor: Actor
    now: datetime


def _who(acting: Acting) -> _Who:
    return {"actor": acting.house, "now": acting.now}


def _move(acting: Acting, device: Device, location: Location, condition: Condition) -> None:
    """Move a box to a place of ours; the ledger is told first that it had left, if it was not."""
    session = acting.session
    if part_of_model(session, device.model_id or 0) is None:
        organisation = location.organisation or operator(session)
        if organisation is not None and device.custodian_id != organisation.id:
            hand_over(session, device, organisation, reason=acting.reference, **_who(acting))
            renew(device, acting.now)
        return
    last = last_place_of(session, device, EVERYTHING)
    if last is not None and last.position.location_id == location.id:
        return
    if last is not None and not last.position.location.is_open:
        _leave(acting, device)
    move_stock(
        session,
        device=device.public_id,
        from_location=CUSTOMERS if last is None else None,
        to_location=location.public_id,
        to_condition=condition,
        reference=acting.reference,
        **_who(acting),
    )
    organisation = location.organisation or operator(session)
    if organisation is not None and device.custodian_id != organisation.id:
        hand_over(session, device, organisation, reason=acting.reference, **_who(acting))
        renew(device, acting.now)


def put_back(acting: Acting, device: Device, location: Location, condition: str) -> None:
    """Let a box that came back unused stand on a shelf again, in the condition it had."""
    _move(acting, device, location, Condition(condition))
    _set_status(acting, device, Status.IN_STOCK if condition == "new" else Status.REFURB)
    if device.status == Status.IN_RMA:
        _set_status(acting, device, Status.REFURB)


def put(acting: Acting, device: Device, location: Location, condition: str, *life: Status) -> None:
    """Let a box stand at a place of ours in a condition, and go through these steps of its life."""
    _move(acting, device, location, Condition(condition))
    mark(acting, device, *life)


def mark(acting: Acting, device: Device, *life: Status) -> None:
    """Let a box go through these steps of its life, as far as there are such."""
    for status in life:
        _set_status(acting, device, status)


def _leave(acting: Acting, device: Device) -> None:
    last = last_place_of(acting.session, device, EVERYTHING)
    if last is not None and not last.position.location.is_open:
        move_stock(
            acting.session,
            device=device.public_id,
            to_location=CUSTOMERS,
            reference=acting.reference,
            **_who(acting),
        )


def move_within(
    acting: Acting, device: Device, location: Location, condition: str | None = None
) -> None:
    """Move a box that is ours to another place, or to another condition there."""
    if part_of_model(acting.session, device.model_id or 0) is None:
        return
    last = last_place_of(acting.session, device, EVERYTHING)
    if last is None:
        return
    if condition is not None and last.position.condition != condition:
        move_stock(
            acting.session,
            device=device.public_id,
            to_location=last.position.location.public_id,
            to_condition=condition,
            reference=acting.reference,
            **_who(acting),
        )
    if last.position.location_id != location.id:
        move_stock(
            acting.session,
            device=device.public_id,
            to_location=location.public_id,
            reference=acting.reference,
            **_who(acting),
        )


def _set_status(acting: Acting, device: Device, status: Status) -> None:
    """Move a box on in its life, where there is such a step."""
    if device.status != status and status in TRANSITIONS[Status(device.status)]:
        change_status(
            acting.session,
            uid=device.public_id,
            status=status,
            reason=acting.reference,
            actor=acting.house,
            now=acting.now,
        )


# --- the box becomes the operator's --------------------------------------------------------------


def keep(acting: Acting, device: Device) -> None:
    """Let the box that came be the operator's from here on."""
    if chain.current_holding(acting.session, device) is not None:
        organisation = device.custodian
        take_back(
            acting.session,
            uid=device.public_id,
            organisation=organisation.public_id if organisation else None,
            reason=acting.reference,
            actor=acting.house,
            now=acting.now,
        )


def mark_replaced(acting: Acting, device: Device) -> None:
    """Write that another box has taken the place of this one."""
    _set_status(acting, device, Status.REPLACED)


def write_off_box(acting: Acting, device: Device) -> None:
    """Write that a box is lost; nobody holds it."""
    chain.end_holding(acting.session, device, at=acting.now, reason=acting.reference)
    _set_status(acting, device, Status.LOST)


def restock(acting: Acting) -> None:
    """Put a box that is ready on a shelf, as good as new.

    Raises:
        Invalid: no shelf was named, and the box stands on none.
    """
    order = acting.the_order
    location = stated_location(acting, *sorted(TAKEN_IN), default=order.location)
    move_within(acting, order.device, location, Condition.REFURBISHED)
    _set_status(acting, order.device, Status.REFURB)
    order.location = location


def scrap(acting: Acting) -> None:
    """Scrap a box, at the place for it: the one that is named, else the only one.

    Raises:
        Invalid: none was named, and there is none, or more than one.
    """
    order = acting.the_order
    _take_away(acting, LocationKind.SCRAP)
    _set_status(acting, order.device, Status.SCRAPPED)


def leave_with_supplier(acting: Acting) -> None:
    """Let a box stay with the supplier: the one that is named, else the only one.

    Raises:
        Invalid: none was named, and there is none, or more than one.
    """
    _take_away(acting, LocationKind.SUPPLIER)


def _take_away(acting: Acting, kind: LocationKind) -> None:
    """Let a box that stands in stock leave for a place of a kind."""
    device = acting.the_order.device
    if acting.stated.location or stands_in_stock(acting.session, device):
        only = only_place(acting.session, kind, acting.actor.scope.organisation_id, EVERYTHING)
        move_within(acting, device, stated_location(acting, kind, default=only))


def stands_in_stock(session: Session, device: Device) -> bool:
    """Tell whether a box stands at a place of the house, as the ledger has it."""
    if part_of_model(session, device.model_id or 0) is None:
        return False
    last = last_place_of(session, device, EVERYTHING)
    return last is not None and not last.position.location.is_open


# --- parcels -------------------------------------------------------------------------------------


def send_parcel(acting: Acting, direction: str, content: str) -> None:
    """Write that a parcel was handed to its carrier."""
    owner = {"case_id": acting.case.id} if acting.case else {"order_id": acting.the_order.id}
    acting.session.add(
        Parcel(
            **owner,
            direction=direction,
            content=content,
            carrier=acting.stated.carrier[:64],
            tracking=acting.stated.tracking[:64],
            sent_at=acting.now,
        )
    )
    acting.session.flush()


def end_parcel(acting: Acting, direction: str, ending: str) -> None:
    """Write how the parcel that is on its way ended, if one is."""
    parcel = _last_parcel(acting, direction)
    if parcel is not None and parcel.ending is None:
        parcel.ending, parcel.ended_at = ending, acting.now
        acting.session.flush()


def find_parcel(acting: Acting, direction: str) -> None:
    """Let a parcel that was lost go on as the same one."""
    parcel = _last_parcel(acting, direction)
    if parcel is None:
        return
    parcel.ending, parcel.ended_at = "found", acting.now
    acting.session.add(
        Parcel(
            case_id=parcel.case_id,
            order_id=parcel.order_id,
            direction=direction,
            content=parcel.content,
            carrier=parcel.carrier,
            tracking=parcel.tracking,
            sent_at=acting.now,
        )
    )
    acting.session.flush()


def _last_parcel(acting: Acting, direction: str) -> Parcel | None:
    owner = {"case_id": acting.case.id} if acting.case else {"order_id": acting.the_order.id}
    return acting.session.scalar(
        select(Parcel).filter_by(**owner, direction=direction).order_by(Parcel.id.desc()).limit(1)
    )

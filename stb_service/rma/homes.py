"""Where a box that no account has came from, and goes back to: its shelf, its condition, its hands."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload

from stb_service.devices.models import CustodyEvent, Device
from stb_service.devices.operations import hand_over, renew
from stb_service.devices.rules import Status
from stb_service.parts.models import Location, StockMove, StockPosition
from stb_service.parts.rules import Condition, Side
from stb_service.rma import shipping
from stb_service.rma.acting import Acting
from stb_service.rma.events import last_event, order_history
from stb_service.staff.models import Organisation
from stb_service.staff.rules import OrganisationKind


@dataclass(frozen=True)
class Home:
    """Where a box stood, in which condition, and who held it, before we had it."""

    location: Location | None
    condition: str
    organisation: Organisation | None


def home_of(acting: Acting, device: Device) -> Home | None:
    """Return where a box was before it was moved for a case; None where it was on no shelf, and
    unsold in nobody's hands.
    """
    session, reference = acting.session, acting.reference
    left = session.scalar(
        select(StockMove)
        .options(joinedload(StockMove.position).joinedload(StockPosition.location))
        .where(StockMove.device_id == device.id, StockMove.side == Side.OUT)
        .where(StockMove.reference == reference)
        .order_by(StockMove.id)
        .limit(1)
    )
    stood = left.position if left is not None and not left.position.location.is_open else None
    held = _held_before(acting, device)
    if stood is None and (held is None or device.sold_on is not None):
        return None
    return Home(stood.location if stood else None, stood.condition if stood else "", held)


def _held_before(acting: Acting, device: Device) -> Organisation | None:
    """Return the dealer or the service centre that had a box when the case was opened."""
    at = acting.the_case.opened_at
    found = acting.session.scalar(
        select(CustodyEvent)
        .where(CustodyEvent.device_id == device.id, CustodyEvent.since <= at)
        .where(or_(CustodyEvent.until.is_(None), CustodyEvent.until > at))
        .order_by(CustodyEvent.id.desc())
        .limit(1)
    )
    holder = found.organisation if found is not None else None
    return holder if holder is not None and holder.kind != OrganisationKind.OPERATOR else None


def send_home(acting: Acting, device: Device, *, by_parcel: bool) -> None:
    """Let the box of a case leave for where it came from; by parcel it is in return until it is there."""
    holder = shipping.carrier_of(acting) if by_parcel else shipping.holder_of(acting)
    if acting.account is not None or home_of(acting, device) is None:
        shipping.give_back(acting, device, holder=holder)
    elif by_parcel:
        shipping.let_out(acting, device, holder=holder)
    else:
        bring_home(acting, device)


def arrive(acting: Acting, device: Device) -> None:
    """Let the box of a case that was on its way be where it came from."""
    if acting.account is not None or not bring_home(acting, device):
        shipping.hand_to_customer(acting, device)


def bring_home(acting: Acting, device: Device) -> bool:
    """Let a box that no account has be where it was before, as it was; one that was repaired is as
    good as new. Tell whether there is such a place, or such hands.
    """
    home = home_of(acting, device)
    if home is None:
        return False
    repaired = _was_repaired(acting)
    condition = Condition.REFURBISHED if repaired else home.condition
    if home.location is not None:
        shipping.put(acting, device, home.location, condition)
    if home.organisation is not None and device.custodian_id != home.organisation.id:
        hand_over(
            acting.session,
            device,
            home.organisation,
            reason=acting.reference,
            actor=acting.house,
            now=acting.now,
        )
        renew(device, acting.now)
    shipping.mark(acting, device, *_life_of(condition))
    acting.session.flush()
    return True


def _was_repaired(acting: Acting) -> bool:
    if acting.case is None or acting.order is None:
        return False
    events = order_history(acting.session, acting.order)
    return (last_event(events, "finish") or 0) > (last_event(events, "fail") or 0)


def _life_of(condition: str) -> tuple[Status, ...]:
    """Return the steps by which a box that is in return gets the status that it had."""
    if condition == Condition.DEFECTIVE:
        return ()
    if condition == Condition.REFURBISHED:
        return (Status.REFURB,)
    return (Status.REFURB, Status.IN_STOCK)

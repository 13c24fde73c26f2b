"""Boxes as returns look for them: by what was scanned, as replacements, in other returns."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, joinedload

from stb_service.devices.identity.rules import lookup_key
from stb_service.devices.models import Device, DeviceCapability, DeviceIdentifier, ModelCapability
from stb_service.devices.rules import Capability, effective_capabilities
from stb_service.rma.cases import CaseState
from stb_service.rma.models import CaseEvent, Exchange, ReturnCase, WorkshopOrder
from stb_service.rma.workshop import OrderState
from stb_service.shared.identifiers import latin


def scan_key(scanned: str) -> str:
    """Return what was typed or scanned as identifiers are compared."""
    return lookup_key(latin(scanned).upper())


def find_scanned(session: Session, scanned: str) -> Device | None:
    """Return the box that has an identifier, however it was typed or scanned."""
    key = scan_key(scanned)
    if not key:
        return None
    return session.scalar(
        select(Device)
        .join(DeviceIdentifier, DeviceIdentifier.device_id == Device.id)
        .where(DeviceIdentifier.lookup == key, DeviceIdentifier.until.is_(None))
        .limit(1)
    )


def capabilities_of(session: Session, device: Device) -> list[Capability]:
    """Return what a box can do: its model's capabilities and its own differences."""
    of_model = session.scalars(
        select(ModelCapability).where(ModelCapability.model_id == device.model_id)
    )
    own = session.scalars(
        select(DeviceCapability).where(DeviceCapability.device_id == device.id)
    ).all()
    return effective_capabilities(
        [Capability(row.kind, row.name, row.detail) for row in of_model],
        [(Capability(row.kind, row.name, row.detail), row.is_present) for row in own],
    )


def can_replace(session: Session, spare: Device, box: Device) -> bool:
    """Tell whether a box can do all that another can."""
    needed = {(c.kind, c.name) for c in capabilities_of(session, box)}
    return needed <= {(c.kind, c.name) for c in capabilities_of(session, spare)}


def live_exchange(session: Session, case: ReturnCase) -> Exchange | None:
    """Return the exchange of a case that is under way or done."""
    return session.scalar(
        select(Exchange)
        .options(joinedload(Exchange.device))
        .where(Exchange.case_id == case.id, Exchange.state.in_(("allocated", "given")))
    )


def other_live_case(session: Session, device_id: int, but: int | None = None) -> int:
    """Return how many cases of a box are open, but for one. One that is completed bars no other: its
    box is at home again, and may fail there before the customer has confirmed anything.
    """
    statement = select(func.count()).where(
        ReturnCase.device_id == device_id,
        ReturnCase.closed_at.is_(None),
        ReturnCase.state != CaseState.COMPLETED,
    )
    if but is not None:
        statement = statement.where(ReturnCase.id != but)
    return session.scalar(statement) or 0


def stray_box(session: Session, case: ReturnCase, before: datetime | None = None) -> Device | None:
    """Return the box that came instead of the one that was authorised: the last, or the last before."""
    came = (
        select(CaseEvent)
        .where(CaseEvent.case_id == case.id, CaseEvent.event == "mismatch")
        .order_by(CaseEvent.seq.desc())
        .limit(1)
    )
    event = session.scalar(came if before is None else came.where(CaseEvent.at <= before))
    return find_scanned(session, str(event.stated.get("scanned", ""))) if event else None


def is_received(session: Session, device: Device, but: ReturnCase) -> bool:
    """Tell whether a box is in the workshop for another case, or as the operator's own."""
    rows = select(WorkshopOrder.id).where(
        WorkshopOrder.device_id == device.id,
        WorkshopOrder.ended_at.is_(None),
        WorkshopOrder.state != OrderState.EXPECTED,
        or_(WorkshopOrder.case_id.is_(None), WorkshopOrder.case_id != but.id),
    )
    return session.scalar(rows.limit(1)) is not None

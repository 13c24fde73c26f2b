"""What the rules ask of a case and its box, read from the database."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from stb_service.devices.models import DeviceIdentifier
from stb_service.rma import history
from stb_service.rma.bench_facts import bench_facts
from stb_service.rma.case_facts import case_facts
from stb_service.rma.cases import CASE
from stb_service.rma.facts import Facts
from stb_service.rma.known import Known
from stb_service.rma.lists import NOTHING, Stated
from stb_service.rma.lookups import scan_key
from stb_service.rma.models import ReturnCase, WorkshopOrder
from stb_service.rma.rules import Action, actions
from stb_service.rma.workshop import ORDER
from stb_service.shared.access import Actor


def gather(
    session: Session,
    case: ReturnCase | None,
    order: WorkshopOrder | None,
    stated: Stated = NOTHING,
    *,
    now: datetime,
) -> Facts:
    """Return what is known of a case and its order, or of an order without a case, right now."""
    known = Known(session, case, order, stated, now)
    found: dict[str, Any] = {
        "reason": stated.reason,
        "scanned": stated.scanned,
        "tracking": stated.tracking,
        "signed_by": stated.signed_by,
        "now": now,
        "lines": known.lines,
        "warranty_decided": bool(known.faults)
        and all(fault.decision_id is not None for fault in known.faults),
        **case_facts(known),
        **_box_facts(known),
        **bench_facts(known),
    }
    return history.remember(Facts(**found), known.case_events, known.order_events)


def _box_facts(known: Known) -> dict[str, Any]:
    """Return how the box is called; what was scanned is compared as people write it."""
    rows = known.session.execute(
        select(DeviceIdentifier.value, DeviceIdentifier.lookup).where(
            DeviceIdentifier.device_id == known.device.id, DeviceIdentifier.until.is_(None)
        )
    ).all()
    names = {row.value for row in rows}
    if known.stated.scanned and scan_key(known.stated.scanned) in {
        row.lookup.upper() for row in rows
    }:
        names.add(known.stated.scanned)
    return {"serial": known.device.label, "identifiers": frozenset(names)}


def next_actions(
    session: Session,
    case: ReturnCase | None,
    order: WorkshopOrder | None,
    *,
    actor: Actor,
    now: datetime,
) -> list[Action]:
    """Return what the actor could do next with a case and its order, each with what bars it."""
    facts = gather(session, case, order, now=now)
    found: list[Action] = []
    if case is not None:
        found += actions(CASE, facts, actor.can)
    if order is not None:
        found += actions(ORDER, facts, actor.can)
    return found

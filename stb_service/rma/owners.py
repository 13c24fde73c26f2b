"""Whose faults, photographs and statements are: a case's, or those of an order without one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from stb_service.rma.events import subject_of
from stb_service.rma.models import (
    Fault,
    ReturnCase,
    WorkshopOrder,
)
from stb_service.rma.touching import ENDED, touch
from stb_service.shared import audit
from stb_service.shared.access import Actor
from stb_service.shared.errors import NotFound, Refused
from stb_service.shared.i18n import text

Owner = ReturnCase | WorkshopOrder


def touch_owner(session: Session, ref: str, *, actor: Actor) -> tuple[Owner, WorkshopOrder | None]:
    """Return whose faults those of a ref are (the case, else the order), and the order.

    Raises:
        NotFound: the actor sees no such case or order.
        Refused: both have ended.
    """
    case, order = touch(session, ref, actor=actor)
    owner = case or order
    assert owner is not None
    if not (owner.is_live or (order is not None and order.is_live)):
        raise Refused([ENDED])
    return owner, order


def key_of(owner: Owner) -> dict[str, int]:
    """Return what names the owner in a row that is the one's or the other's."""
    return {"case_id" if isinstance(owner, ReturnCase) else "order_id": owner.id}


def faults_of(session: Session, owner: Owner) -> list[Fault]:
    """Return the faults, the first first."""
    rows = select(Fault).filter_by(**key_of(owner)).order_by(Fault.number)
    return list(session.scalars(rows))


def fault_of(session: Session, owner: Owner, number: int) -> Fault:
    """Return a fault by its number.

    Raises:
        NotFound: there is none.
    """
    found = session.scalar(select(Fault).filter_by(**key_of(owner), number=number))
    if found is None:
        raise NotFound(text("There is no such fault."))
    return found


def record(
    session: Session,
    owner: Owner,
    deed: str,
    changes: Mapping[str, Any],
    *,
    actor: Actor,
    now: datetime,
) -> None:
    """Audit something about a case or an order that is no step; the row gets a new version."""
    owner.changed_at = now
    session.flush()
    subject = subject_of(owner)
    said = {name: value for name, value in changes.items() if value is not None and value != ""}
    audit.record(
        session,
        actor=actor,
        verb=f"rma_case.{deed}" if isinstance(owner, ReturnCase) else f"rma_order.{deed}",
        subject=subject,
        changes=said,
        now=now,
    )

"""Which earlier case a new one repeats: the same fault, of the same box or of the one that it took the
place of, completed within the days that the operator has set.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from stb_service.devices.models import Device
from stb_service.rma.events import case_history, terms_in_force
from stb_service.rma.history import is_repeatable
from stb_service.rma.lists import FaultSaid
from stb_service.rma.models import Exchange, Fault, ReturnCase

LOOKED_AT = 5
"""So many boxes back, and so many of their last cases, an earlier case is looked for."""


def same_fault(said: FaultSaid, known: Fault) -> bool:
    """Tell whether a fault is reported again: of the same component where both name one, else in the
    same words.
    """
    if said.component and known.component:
        return said.component == known.component
    words = " ".join(said.symptom.casefold().split())
    return bool(words) and words == " ".join(known.symptom.casefold().split())


def case_repeated(
    session: Session, box: Device, faults: Sequence[FaultSaid], now: datetime
) -> ReturnCase | None:
    """Return the last case that a report of these faults repeats, whoever took it on; else None."""
    statement = (
        select(ReturnCase)
        .where(ReturnCase.device_id.in_(_line_of(session, box)))
        .order_by(ReturnCase.id.desc())
        .limit(LOOKED_AT)
    )
    terms = terms_in_force(session)
    for case in session.scalars(statement):
        known = session.scalars(select(Fault).where(Fault.case_id == case.id)).all()
        if not any(same_fault(said, fault) for said in faults for fault in known):
            continue
        if is_repeatable(case_history(session, case), terms, now):
            return case
    return None


def _line_of(session: Session, box: Device) -> list[int]:
    """Return a box and those before it that each gave way to the next."""
    line = [box.id]
    while len(line) < LOOKED_AT:
        before = session.scalar(
            select(Exchange.replaced_id)
            .where(Exchange.device_id == line[-1], Exchange.state == "given")
            .order_by(Exchange.id.desc())
            .limit(1)
        )
        if before is None or before in line:
            break
        line.append(before)
    return line

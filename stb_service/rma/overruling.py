"""What follows for a fault when another outcome of its warranty is granted: its verdict is given again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from stb_service.rma.cases import CaseState
from stb_service.rma.deciding import record
from stb_service.rma.models import Fault, ReturnCase
from stb_service.rma.traces import pronounce
from stb_service.rma.verdicts import verdict_granted
from stb_service.shared.access import SYSTEM
from stb_service.shared.db import lock_row
from stb_service.warranty.models import WarrantyDecision

JUDGED_AGAIN_IN = frozenset(
    {
        *(CaseState.INSPECTING, CaseState.SECOND, CaseState.DECIDING),
        *(CaseState.QUOTING, CaseState.QUOTED, CaseState.CHOOSING, CaseState.REPAIR),
    }
)
"""Where a verdict may still change: nothing was done by it, and no price was accepted."""


def take_override(session: Session, payload: dict[str, Any], now: datetime) -> None:
    """Give the verdict of the fault again that a decision is about, as far as it has one.

    It is told at least once and may be late; what counts is what is granted by now. A fault whose
    price was accepted, or on which the case has gone on, is left as it is.
    """
    fault = session.scalar(
        select(Fault)
        .join(WarrantyDecision, Fault.decision_id == WarrantyDecision.id)
        .where(WarrantyDecision.public_id == payload["decision"], Fault.case_id.is_not(None))
    )
    if fault is None or fault.case_id is None:
        return
    case = lock_row(session, ReturnCase, fault.case_id)
    session.refresh(fault)
    before = fault.effective_verdict
    if before is None or fault.agreed or case is None or case.state not in JUDGED_AGAIN_IN:
        return
    assert fault.decision is not None
    found = verdict_granted(before, fault.decision.effective_outcome)
    if found == before:
        return
    second = fault.second_verdict is not None
    pronounce(session, fault, found, second=second, actor=SYSTEM, now=now)
    changes = {"fault": fault.number, "verdict": [before, found]}
    record(session, case, "judge-fault", changes, actor=SYSTEM, now=now)

"""What follows for a case when another outcome of a fault's warranty is granted: its verdict is given
again, and nobody is asked to pay for what is covered by now.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from stb_service.billing.rules import QuoteState
from stb_service.rma import quoting
from stb_service.rma.case_facts import COVERING
from stb_service.rma.cases import CaseState
from stb_service.rma.events import newest_quote
from stb_service.rma.facts import Remedy
from stb_service.rma.gathering import gather
from stb_service.rma.lists import Stated
from stb_service.rma.models import CaseQuote, Fault, ReturnCase
from stb_service.rma.operations import act_on_first
from stb_service.rma.owners import record
from stb_service.rma.queries import order_of_case
from stb_service.rma.traces import pronounce
from stb_service.rma.verdicts import BILLABLE, Outcome, verdict_granted
from stb_service.shared.access import EVERYTHING, SYSTEM
from stb_service.shared.db import lock_row
from stb_service.warranty.models import WarrantyDecision

JUDGED_AGAIN_IN = frozenset(
    {
        *(CaseState.INSPECTING, CaseState.SECOND, CaseState.DECIDING),
        *(CaseState.QUOTING, CaseState.QUOTED, CaseState.CHOOSING, CaseState.REPAIR),
    }
)
"""Where a verdict may still change, whichever is granted: nothing was done by it."""
NOT_BEGUN = JUDGED_AGAIN_IN | {CaseState.AWAITING_PAYMENT}
"""Where a quote can be made anew for what is left of it to be paid."""
ASKED_IN = frozenset({CaseState.QUOTED, CaseState.AWAITING_PAYMENT})
"""Where a case waits for the customer, and for nobody once its quote is taken back."""


def take_override(session: Session, payload: dict[str, Any], now: datetime) -> None:
    """Give the verdict of the fault again that a decision is about, as far as it has one.

    It is told at least once and may be late; what counts is what is granted by now. What was quoted
    or agreed is taken back for a fault that is not to be paid any more, wherever the case is; to
    another verdict a fault is left alone whose price was accepted, or on which the case has gone on.
    """
    fault = session.scalar(
        select(Fault)
        .join(WarrantyDecision, Fault.decision_id == WarrantyDecision.id)
        .where(WarrantyDecision.public_id == payload["decision"], Fault.case_id.is_not(None))
    )
    case = lock_row(session, ReturnCase, fault.case_id) if fault and fault.case_id else None
    if fault is None or case is None or not case.is_live:
        return
    session.refresh(fault)
    assert fault.decision is not None
    granted, before = fault.decision.effective_outcome, fault.effective_verdict
    if before is None:
        _free_accessory(session, case, fault, now)
        return
    found = verdict_granted(before, granted)
    quotes = _quotes_of(session, case, fault)
    is_free = found not in BILLABLE and (fault.agreed or bool(quotes))
    is_open = not fault.agreed and case.state in JUDGED_AGAIN_IN
    if found == before or not (is_free or is_open):
        return
    second = fault.second_verdict is not None
    pronounce(session, fault, found, second=second, actor=SYSTEM, now=now)
    changes = {"fault": fault.number, "verdict": [before, found]}
    record(session, case, "judge-fault", changes, actor=SYSTEM, now=now)
    if is_free:
        _take_back(session, case, quotes, _reason(fault), now)


def _quotes_of(session: Session, case: ReturnCase, fault: Fault) -> list[CaseQuote]:
    """Return the quotes that stand and ask for the price of a fault."""
    standing = quoting.standing_quotes(session, case)
    return [made for made in standing if fault.number in made.faults]


def _reason(fault: Fault) -> str:
    """Return why another outcome was granted."""
    overrides = fault.decision.overrides if fault.decision else []
    return overrides[-1].reason if overrides else ""


def _take_back(
    session: Session, case: ReturnCase, quotes: list[CaseQuote], reason: str, now: datetime
) -> None:
    """Take quotes back with what was charged; what is left of them to be paid is quoted anew.

    Once the work is begun, a quote that has a price for other faults too stands: what is to be given
    back of it is for a person to say.
    """
    for made in quotes:
        if case.state in NOT_BEGUN or not _asks_for_more(session, case, made):
            quoting.take_back(session, made, reason, actor=SYSTEM, now=now)
            quoting.mark(session, case, made.faults, agreed=False)
    if case.state == CaseState.QUOTING or _is_to_be_quoted(session, case, now):
        _act(session, case, reason, now)
    else:
        go_on(session, case, now, reason=reason)


def _asks_for_more(session: Session, case: ReturnCase, made: CaseQuote) -> bool:
    rows = session.scalars(
        select(Fault).where(Fault.case_id == case.id, Fault.number.in_(made.faults))
    )
    return any(row.effective_verdict in BILLABLE for row in rows)


def _is_to_be_quoted(session: Session, case: ReturnCase, now: datetime) -> bool:
    """Tell whether a repair that was approved has faults again whose price is to be agreed."""
    if case.state != CaseState.REPAIR:
        return False
    facts = gather(session, case, order_of_case(session, case, EVERYTHING), now=now)
    return facts.outcome is Outcome.BILLABLE


def go_on(session: Session, case: ReturnCase, now: datetime, *, reason: str = "") -> None:
    """Let a case be decided anew that waits for the answer to a quote, or its payment, which was
    taken back. One that is on hold waits until it is resumed.
    """
    newest = newest_quote(session, case)
    is_gone = newest is not None and newest.quote.state == QuoteState.WITHDRAWN
    if case.state in ASKED_IN and is_gone:
        _act(session, case, reason or case.number, now)


def _act(session: Session, case: ReturnCase, reason: str, now: datetime) -> None:
    act_on_first(
        session,
        ref=case.number,
        events=("redecide", "ask_again"),
        stated=Stated(reason=reason),
        actor=SYSTEM,
        now=now,
    )


def _free_accessory(session: Session, case: ReturnCase, fault: Fault, now: datetime) -> None:
    """Take the quotes of an accessory back once all that it is for is covered: nobody judges it."""
    asked = [q for q in quoting.standing_quotes(session, case) if q.remedy == Remedy.ACCESSORY]
    faults = session.scalars(select(Fault).where(Fault.case_id == case.id)).all()
    outcomes = {row.decision.effective_outcome if row.decision else "" for row in faults}
    if asked and outcomes <= COVERING:
        _take_back(session, case, asked, _reason(fault), now)

"""Verbs on faults: writing them down, deciding on their warranty, judging, granting goodwill."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from stb_service.rma.acting import in_house
from stb_service.rma.blaming import blame
from stb_service.rma.case_facts import COVERING
from stb_service.rma.cases import CaseState
from stb_service.rma.events import last_event, order_history
from stb_service.rma.holding import obstacle_of_hold
from stb_service.rma.lists import Answer
from stb_service.rma.models import Fault, OrderEvent, ReturnCase, WorkshopOrder
from stb_service.rma.owners import Owner, fault_of, faults_of, key_of, record, touch_owner
from stb_service.rma.touching import touch_case
from stb_service.rma.traces import pronounce
from stb_service.rma.verdicts import (
    BILLABLE,
    Confirmed,
    Cover,
    FaultClass,
    Verdict,
    verdict_granted,
    verdict_of,
)
from stb_service.rma.workshop import OrderState
from stb_service.shared.access import Actor
from stb_service.shared.errors import Invalid, Obstacle, Refused
from stb_service.shared.i18n import text
from stb_service.warranty.cover import Outcome
from stb_service.warranty.decisions import NO_POLICY, carry_override, decide
from stb_service.warranty.facts import Sources
from stb_service.warranty.judging import RAN_TOO_LONG
from stb_service.warranty.models import WarrantyDecision
from stb_service.warranty.policy import Cause
from stb_service.warranty.terms import HOURS_MOST

MOST_FAULTS = 20
MOST_HOURS = HOURS_MOST
JUDGED_IN = frozenset({OrderState.INSPECTING, OrderState.SECOND, OrderState.IN_REPAIR})


def add_fault(
    session: Session,
    *,
    ref: str,
    component: str = "",
    symptom: str = "",
    reported_by: str = "bench",
    sources: Sources = (),
    actor: Actor,
    now: datetime,
) -> Fault:
    """Write a further fault down; the warranty is decided for it as for the others.

    Raises:
        Forbidden: the actor answers for no customers.
        NotFound: there is no such case or order in the actor's scope.
        Invalid: there are too many.
        Refused: it has ended, or its faults are judged and the work is not begun.
    """
    actor.demand("rma.edit")
    owner, order = touch_owner(session, ref, actor=actor)
    known = faults_of(session, owner)
    if len(known) >= MOST_FAULTS:
        raise Invalid.field("symptom", text("At most %(n)s faults.", n=MOST_FAULTS))
    before = {None, OrderState.EXPECTED, OrderState.ARRIVED, *JUDGED_IN}
    if (order.state if order else None) not in before:
        message = text("A further fault is written down in an inspection, or in the repair.")
        raise Refused([Obstacle("not-now", message)])
    made = Fault(
        **key_of(owner),
        number=len(known) + 1,
        component=component[:32],
        symptom=symptom.strip()[:500],
        reported_by="customer" if reported_by == "customer" else "bench",
        found_seq=order.event_seq if order else None,
        added_at=now,
    )
    session.add(made)
    session.flush()
    if isinstance(owner, ReturnCase):
        decide_fault(session, owner, made, sources=sources, actor=actor, now=now)
    changes = {"fault": made.number, "component": component}
    record(session, owner, "add-fault", changes, actor=actor, now=now)
    return made


def decide_fault(
    session: Session,
    case: ReturnCase,
    fault: Fault,
    *,
    cause: str | None = None,
    hours_on: int | None = None,
    sources: Sources,
    actor: Actor,
    now: datetime,
) -> WarrantyDecision | None:
    """Decide on the warranty of a fault, as of the day on which it was reported; None where no
    policy was in force. Another outcome that was granted for the same fault goes on to count.
    """
    former = fault.decision
    try:
        found = decide(
            session,
            uid=case.device.public_id,
            reported_on=case.reported_on,
            component=fault.blamed_component,
            cause=cause,
            hours_on=hours_on,
            subject_ref=case.number,
            sources=sources,
            actor=in_house(actor),
            now=now,
        )
    except Refused as refusal:
        if refusal.obstacles != (NO_POLICY,):
            raise
        return None
    if former is not None:
        carry_override(session, former=former, decision=found, actor=in_house(actor), now=now)
    fault.decision = found
    session.flush()
    return found


def judge_fault(
    session: Session,
    *,
    ref: str,
    number: int,
    confirmed: str,
    fault_class: str,
    note: str = "",
    hours_on: int | None = None,
    contract: bool = False,
    component: str | None = None,
    sources: Sources = (),
    actor: Actor,
    now: datetime,
) -> Fault:
    """State what an inspector found of a fault; who answers for it follows from the warranty.

    In the second inspection it is the second verdict, of what is contested; both stay readable.
    That a contract covers it is said by whoever decides, and the note names the contract.
    `hours_on` is what the counter of the box shows, None if it is not to be read; in the second
    inspection what the first one read then counts. `component` is the one to blame, which the
    warranty goes by then (`blaming.blame`).

    Raises:
        Forbidden: the actor inspects no boxes, or says that a contract covers it and decides on
            no remedies.
        NotFound: there is no such fault of a case or order in the actor's scope.
        Invalid: what was found is none of the words for it, no contract is named, or no counter
            shows so many hours.
        Refused: the box is not being inspected, or the inspector judged this fault before.
    """
    actor.demand("rma.inspect")
    owner, order = touch_owner(session, ref, actor=actor)
    fault = fault_of(session, owner, number)
    _check(confirmed=(confirmed, Confirmed), fault_class=(fault_class, FaultClass))
    if hours_on is not None and not 0 <= hours_on <= MOST_HOURS:
        raise Invalid.field("hours_on", text("0 to %(most)s hours.", most=MOST_HOURS))
    if contract:
        actor.demand("rma.decide")
        if not note.strip():
            raise Invalid.field("note", text("Name the contract that covers it."))
    second = order is not None and order.state == OrderState.SECOND
    blame(fault, component, second=second)
    if obstacles := obstacles_to_judging(session, fault, order, actor, second=second):
        raise Refused(obstacles)
    hours = fault.hours_on if second and hours_on is None else hours_on
    cover = _cover_of(session, owner, fault, fault_class, hours, sources, actor, now)
    found = verdict_of(
        FaultClass(fault_class),
        Confirmed(confirmed),
        replace(cover, contract=contract),
        hours_on=hours,
        goodwill=bool(fault.goodwill_by) or _is_goodwill(fault),
    )
    if fault.decision is not None and fault.decision.overrides:
        found = verdict_granted(found, fault.decision.effective_outcome)
    if second:
        fault.second_class, fault.second_note = fault_class, note[:1000]
        fault.second_inspector_ref, fault.second_inspector = actor.ref[:64], actor.label[:128]
        fault.second_at, fault.second_hours_on = now, hours_on
    else:
        fault.confirmed, fault.fault_class = confirmed, fault_class
        fault.inspector_ref, fault.inspector = actor.ref[:64], actor.label[:128]
        fault.note, fault.inspected_at, fault.hours_on = note[:1000], now, hours_on
    pronounce(session, fault, found, second=second, actor=actor, now=now)
    changes: dict[str, Any] = {"fault": number, "fault_class": fault_class, "verdict": found.value}
    if hours_on is not None:
        changes["hours_on"] = hours_on
    if contract:
        changes["contract"] = True
    if component is not None:
        changes["component"] = component
    record(session, owner, "judge-fault", changes, actor=actor, now=now)
    return fault


def _check(**given: tuple[str, type[Confirmed | FaultClass | Answer]]) -> None:
    problems = {
        name: [text("One of: %(names)s", names=", ".join(words))]
        for name, (word, words) in given.items()
        if word not in set(words)
    }
    if problems:
        raise Invalid(fields=problems)


def obstacles_to_judging(
    session: Session, fault: Fault, order: WorkshopOrder | None, actor: Actor, *, second: bool
) -> list[Obstacle]:
    """Return why somebody may not judge a fault now; empty if they may."""
    if order is None or order.state not in JUDGED_IN:
        return [Obstacle("not-inspected", text("The box is not being inspected."))]
    if held := obstacle_of_hold(session, order):
        return [held]
    if second and not fault.disputed:
        return [Obstacle("not-contested", text("This fault is not contested."))]
    if second and actor.ref in _judges_of(session, fault, order):
        message = text(
            "What is contested is judged by somebody else than whoever judged it before."
        )
        return [Obstacle("second_inspector", message)]
    if order.state == OrderState.IN_REPAIR:
        begun = last_event(order_history(session, order), "begin") or 0
        if fault.found_seq is None or fault.found_seq < begun:
            return [Obstacle("judged", text("This fault was judged before the repair."))]
    return []


def _judges_of(session: Session, fault: Fault, order: WorkshopOrder) -> set[str]:
    """Return who judged a fault before it was contested, or stated the verdict of the box."""
    stated = session.scalars(
        select(OrderEvent.actor_ref).where(
            OrderEvent.order_id == order.id, OrderEvent.event == "judge"
        )
    )
    return {*fault.judges, *stated}


def _cover_of(
    session: Session,
    owner: Owner,
    fault: Fault,
    fault_class: str,
    hours_on: int | None,
    sources: Sources,
    actor: Actor,
    now: datetime,
) -> Cover:
    """Return what the warranty says of a fault, decided again now that its cause is known."""
    if not isinstance(owner, ReturnCase):
        return Cover(covered=False)
    none = fault_class == FaultClass.NONE_FOUND
    cause = Cause.NO_FAULT_FOUND if none else Cause(fault_class)
    decision = decide_fault(
        session,
        owner,
        fault,
        cause=cause,
        hours_on=hours_on,
        sources=sources,
        actor=actor,
        now=now,
    )
    return said_by(decision, own=owner.is_rented)


def said_by(decision: WarrantyDecision | None, *, contract: bool = False, own: bool) -> Cover:
    """Return what a decision says of a fault, whatever its cause and the counter of its box are.

    One that was early enough to be dead on arrival stays so: the hours are asked with its verdict.
    Dead on arrival that was granted asks for none.
    """
    if decision is None:
        return Cover(covered=False, contract=contract, own=own)
    outcome, policy = decision.effective_outcome, decision.version.as_policy()
    by_rules = not decision.overrides
    ran_too_long = any(rule["name"] == RAN_TOO_LONG for rule in decision.trace)
    return Cover(
        covered=outcome in COVERING or outcome == Outcome.EXCLUDED,
        doa=outcome == Outcome.DEAD_ON_ARRIVAL or (by_rules and ran_too_long),
        excluded=policy.excluded,
        contract=contract,
        own=own,
        doa_hours=policy.doa_hours if by_rules else 0,
    )


def _is_goodwill(fault: Fault) -> bool:
    return fault.decision is not None and fault.decision.effective_outcome == Outcome.GOODWILL


def may_be_goodwill(case: ReturnCase, fault: Fault) -> bool:
    """Tell whether the operator may answer for a fault now, instead of the customer."""
    is_billable = fault.effective_verdict in BILLABLE and not fault.agreed
    return case.state == CaseState.DECIDING and is_billable


def grant_goodwill(
    session: Session, *, ref: str, number: int, reason: str, actor: Actor, now: datetime
) -> Fault:
    """Let the operator answer for a fault that the customer would pay for, with the reason.

    Raises:
        Forbidden: the actor decides on no remedies.
        NotFound: there is no such fault of a case in the actor's scope.
        Invalid: no reason is given.
        Refused: nothing is to be paid for it, or the case is not to be decided.
    """
    actor.demand("rma.decide")
    case = touch_case(session, ref, actor=actor)
    fault = fault_of(session, case, number)
    if not reason.strip():
        raise Invalid.field("reason", text("Say why."))
    if not may_be_goodwill(case, fault):
        message = text("Goodwill is for a fault to be paid for, while the case is to be decided.")
        raise Refused([Obstacle("goodwill", message)])
    before = fault.effective_verdict
    fault.goodwill_by = actor.label[:128]
    second = fault.second_verdict is not None
    pronounce(session, fault, Verdict.GOODWILL, second=second, actor=actor, now=now)
    changes = {"fault": number, "verdict": [before, Verdict.GOODWILL], "reason": reason}
    record(session, case, "grant-goodwill", changes, actor=actor, now=now)
    return fault

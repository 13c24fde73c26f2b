"""The one writer of where cases and workshop orders are: a step, its row, and what follows of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from stb_service.rma import history
from stb_service.rma.cases import CASE, CaseState
from stb_service.rma.history import Happened, Terms
from stb_service.rma.lists import Stated
from stb_service.rma.machine import NEW, Machine, Step
from stb_service.rma.models import (
    CaseEvent,
    CaseQuote,
    OrderEvent,
    ReturnCase,
    ReturnTerms,
    WorkshopOrder,
)
from stb_service.rma.workshop import ORDER
from stb_service.shared import audit, personal
from stb_service.shared.access import Actor

COUNTER = (
    0x5354_5241  # of a lock that PostgreSQL gives by number: the next case's, the next order's
)


def case_number(ordinal: int) -> str:
    """Return what the case with this place in the order of opening is called."""
    return f"R-{ordinal:06d}"


def order_number(ordinal: int) -> str:
    """Return what the workshop order with this place in the order of opening is called."""
    return f"W-{ordinal:06d}"


def next_ordinal(session: Session, model: type[ReturnCase | WorkshopOrder]) -> int:
    """Return the next one's place; whoever opens another waits until this one is written."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(COUNTER)))
    return (session.scalar(select(func.max(model.ordinal))) or 0) + 1


def subject_of(owner: ReturnCase | WorkshopOrder) -> tuple[str, str, str]:
    """Return what the audit calls a case or an order."""
    kind = "rma_case" if isinstance(owner, ReturnCase) else "rma_order"
    return kind, owner.public_id, owner.number


def case_history(session: Session, case: ReturnCase | None) -> list[Happened]:
    """Return what has happened to a case, the first first."""
    if case is None or case.id is None:
        return []
    rows = select(CaseEvent).where(CaseEvent.case_id == case.id).order_by(CaseEvent.seq)
    return [row.happened for row in session.scalars(rows)]


def order_history(session: Session, order: WorkshopOrder | None) -> list[Happened]:
    """Return what has happened to a workshop order, the first first."""
    if order is None or order.id is None:
        return []
    rows = select(OrderEvent).where(OrderEvent.order_id == order.id).order_by(OrderEvent.seq)
    return [row.happened for row in session.scalars(rows)]


def terms_in_force(session: Session) -> Terms:
    """Return how many days each wait may take."""
    row = session.get(ReturnTerms, 1)
    return row.as_terms if row else Terms()


def place(owner: ReturnCase | WorkshopOrder, machine: Machine, step: Step, now: datetime) -> None:
    """Put a case or an order where a step leads; a hold leaves the time in the state running."""
    if step.from_state == NEW:
        owner.event_seq, owner.entered_at = 0, now
    if step.to_state != step.from_state:
        owner.entered_at = now
    owner.state, owner.held = step.to_state, step.to_held
    owner.event_seq += 1
    owner.changed_at = now
    if step.to_state in machine.final_states:
        if isinstance(owner, ReturnCase):
            owner.closed_at = now
        else:
            owner.ended_at = now


def write_step(
    session: Session,
    owner: ReturnCase | WorkshopOrder,
    step: Step,
    *,
    stated: Stated,
    actor: Actor,
    now: datetime,
    carried_by: int | None = None,
) -> CaseEvent | OrderEvent:
    """Write that a case or an order made a step, and put it where that leads; the audit with it.

    A new one has no place before. What names a person is sealed under that person's key.
    """
    machine = CASE if isinstance(owner, ReturnCase) else ORDER
    place(owner, machine, step, now)
    session.add(owner)
    session.flush()
    values: dict[str, Any] = {
        "seq": owner.event_seq,
        "previous_seq": owner.event_seq - 1,
        "predecessor_seq": owner.event_seq - 1 or None,
        "from_state": step.from_state,
        "from_held": step.from_held,
        "event": step.event,
        "to_state": step.to_state,
        "to_held": step.to_held,
        "at": now,
        "actor_ref": actor.ref[:64],
        "actor_label": actor.label[:128],
        "reason": stated.reason[:1000],
        "stated": _sealed(session, owner, stated, now),
        "carried_by": carried_by,
    }
    row: CaseEvent | OrderEvent
    if isinstance(owner, ReturnCase):
        row = CaseEvent(case_id=owner.id, **values)
    else:
        row = OrderEvent(order_id=owner.id, **values)
    session.add(row)
    session.flush()
    if isinstance(owner, ReturnCase):
        owner.due_at = _due_at(session, owner, now)
        session.flush()
    _record(session, owner, step, stated, actor, now)
    return row


def _sealed(
    session: Session, owner: ReturnCase | WorkshopOrder, stated: Stated, now: datetime
) -> dict[str, Any]:
    """Return what was said with a step; the name of who signed under the key of the case's person,
    where nobody of the account is named under one of the case's own.
    """
    said = stated.as_data()
    case = owner if isinstance(owner, ReturnCase) else owner.case
    if "signed_by" not in said or case is None:
        return said
    ref = case.person.public_id if case.person is not None else case.public_id
    known = personal.keys_of(session, [ref])
    if case.person is None and ref not in known:
        known = {ref: personal.make_key(session, ref=ref, now=now)}
    key = known.get(ref)
    if key is None:
        del said["signed_by"]
        return said
    return said | personal.seal(key, ref, {"signed_by": said["signed_by"]})


def _due_at(session: Session, case: ReturnCase, now: datetime) -> datetime | None:
    """Return when the time of the present state is over. Nothing runs out on hold, or at the end."""
    if case.held or case.closed_at is not None:
        return None
    if case.state == CaseState.QUOTED:
        newest = newest_quote(session, case)
        return newest.quote.expires_at if newest else None
    return history.due_at(case_history(session, case), terms_in_force(session), now)


def newest_quote(session: Session, case: ReturnCase) -> CaseQuote | None:
    """Return the last quote that was made about a case."""
    return session.scalar(
        select(CaseQuote)
        .where(CaseQuote.case_id == case.id)
        .order_by(CaseQuote.id.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    )


def _record(
    session: Session,
    owner: ReturnCase | WorkshopOrder,
    step: Step,
    stated: Stated,
    actor: Actor,
    now: datetime,
) -> None:
    subject = subject_of(owner)
    is_case = isinstance(owner, ReturnCase)
    field = "case_state" if is_case else "order_state"
    changes: dict[str, Any] = {field: [step.from_state, step.to_state]}
    if step.from_held != step.to_held:
        changes["held"] = [step.from_held, step.to_held]
    said = {"reason": stated.reason, "scanned": stated.scanned, "tracking": stated.tracking}
    changes |= {name: value for name, value in said.items() if value}
    audit.record(
        session,
        actor=actor,
        verb=f"rma_case.{step.event}" if is_case else f"rma_order.{step.event}",
        subject=subject,
        changes=changes,
        now=now,
    )


def last_event(events: Sequence[Happened], *names: str) -> int | None:
    """Return the place (from 1) of the last event of some names; None where none happened."""
    places = [seq for seq, happened in enumerate(events, 1) if happened.event in names]
    return places[-1] if places else None

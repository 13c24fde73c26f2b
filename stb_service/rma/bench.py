"""Verbs of the bench: checks, parts, labour, components, tests, firmware, grade."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from stb_service.parts.catalogue.queries import find_part
from stb_service.parts.operations import consume_reservation, release_reservation, reserve_parts
from stb_service.parts.rules import Condition, ReservationState
from stb_service.rma import agreed, cores
from stb_service.rma.acting import in_house
from stb_service.rma.bench_facts import round_of
from stb_service.rma.events import order_history
from stb_service.rma.holding import touch_work
from stb_service.rma.lab import run_of_lab
from stb_service.rma.lists import CHECKLIST, GRADES, Result
from stb_service.rma.models import (
    BoxTest,
    ComponentSwap,
    InspectionCheck,
    Labour,
    ModelTerms,
    OrderPart,
    ReturnCase,
    WorkshopOrder,
)
from stb_service.rma.money import terms_of_model
from stb_service.rma.owners import fault_of, record
from stb_service.rma.touching import touch_order
from stb_service.rma.workshop import OrderState
from stb_service.shared.access import Actor
from stb_service.shared.errors import Invalid, NotFound, Obstacle, Refused
from stb_service.shared.i18n import text
from stb_service.shared.money import rounded_share

PLANNED_IN = frozenset(
    {
        *(OrderState.INSPECTING, OrderState.SECOND, OrderState.INSPECTED, OrderState.PLANNED),
        *(OrderState.RESERVED, OrderState.IN_REPAIR, OrderState.WAITING_PARTS),
    }
)
WORKED_IN = frozenset({*PLANNED_IN, OrderState.TESTING, OrderState.KEPT, OrderState.WIPED})
"""Where time is worked on a box: not before it came, nor once it is repaired."""
TESTED_IN = frozenset({*WORKED_IN, OrderState.REPAIRED, OrderState.CONDEMNED, OrderState.STORED})
"""Where a box can be tested: wherever it stands on the bench or on a shelf of ours."""
USED_IN = frozenset({OrderState.IN_REPAIR, OrderState.WAITING_PARTS, OrderState.TESTING})


def record_check(
    session: Session,
    *,
    ref: str,
    code: str,
    result: str,
    note: str = "",
    actor: Actor,
    now: datetime,
) -> InspectionCheck:
    """Write what a point of the checklist came to in the present round; the last word counts.

    Raises:
        Forbidden: the actor inspects no boxes.
        NotFound: there is no such order in the actor's scope.
        Invalid: there is no such point or result.
        Refused: the box is not being inspected.
    """
    actor.demand("rma.inspect")
    order = touch_work(session, ref, actor=actor)
    if code not in CHECKLIST:
        raise Invalid.field("code", text("One of: %(names)s", names=", ".join(CHECKLIST)))
    if result not in set(Result):
        raise Invalid.field("result", text("One of: %(names)s", names=", ".join(Result)))
    _demand_state(order, {OrderState.INSPECTING, OrderState.SECOND})
    number = round_of(order_history(session, order))
    known = {"order_id": order.id, "round": number, "code": code}
    row = session.scalar(select(InspectionCheck).filter_by(**known))
    if row is None:
        row = InspectionCheck(**known)
        session.add(row)
    row.result, row.note = result, note.strip()[:500]
    row.by, row.at = actor.label[:128], now
    record(session, order, "check", {"check": code, "result": result}, actor=actor, now=now)
    return row


def _demand_state(order: WorkshopOrder, states: set[OrderState] | frozenset[OrderState]) -> None:
    if order.state not in states:
        message = text("The workshop order is not where this is done.")
        raise Refused([Obstacle("not-now", message)])


# --- parts ---------------------------------------------------------------------------------------


def plan_part(
    session: Session,
    *,
    ref: str,
    part: str,
    quantity: int = 1,
    condition: str = Condition.NEW,
    fault: int | None = None,
    billing_code: str = "",
    reason: str = "",
    actor: Actor,
    now: datetime,
) -> OrderPart:
    """Plan a part for a repair, and reserve it where the box is, if so many are there.

    What cannot be reserved is planned all the same, and is missing until `reserve_planned` finds
    it. Who pays follows from the fault, unless whoever decides says another, with the reason.

    Raises:
        Forbidden: the actor repairs no boxes, or says who pays and does not decide.
        NotFound: there is no such order, or no such fault.
        Invalid: there is no such part, the code is none or has no reason, or the fault is to be named.
        Refused: no part is planned where the order is.
    """
    actor.demand("rma.repair")
    order = touch_work(session, ref, actor=actor)
    _demand_state(order, PLANNED_IN)
    line = find_part(session, part)
    if line is None or line.is_box:
        raise Invalid.field("part", text("There is no such part."))
    if not 1 <= quantity <= 1000:
        raise Invalid.field("quantity", text("From 1 to %(most)s.", most=1000))
    code, why = agreed.code_said(session, order, fault, billing_code, reason, actor)
    made = OrderPart(
        order_id=order.id,
        part=line,
        quantity=quantity,
        condition=condition,
        fault_number=fault,
        billing_code=code,
        code_reason=why,
        planned_at=now,
        planned_by=actor.label[:128],
    )
    session.add(made)
    session.flush()
    _try_to_reserve(session, order, made, actor, now)
    changes = {"part": line.sku, "quantity": quantity, "fault": fault, **_said(code, why)}
    record(session, order, "plan-part", changes, actor=actor, now=now)
    return made


def _said(code: str, reason: str) -> dict[str, str]:
    """Return what the audit tells of a code that does not follow from the fault."""
    return {"billing_code": code, "reason": reason} if reason else {}


def _owner(order: WorkshopOrder) -> ReturnCase | WorkshopOrder:
    return order.case or order


def _try_to_reserve(
    session: Session, order: WorkshopOrder, planned: OrderPart, actor: Actor, now: datetime
) -> bool:
    """Reserve a planned part where the box is; tell whether it is."""
    if order.location is None:
        return False
    tries = 0 if planned.reservation is None else 1
    try:
        with session.begin_nested():
            planned.reservation = reserve_parts(
                session,
                key=f"{order.number}/part/{planned.public_id}/{tries}",
                part=planned.part.sku,
                location=order.location.public_id,
                quantity=planned.quantity,
                condition=planned.condition,
                purpose=order.number,
                actor=in_house(actor),
                now=now,
            )
    except Refused:
        return False
    session.flush()
    return True


def reserve_planned(
    session: Session, *, ref: str, actor: Actor, now: datetime
) -> Sequence[OrderPart]:
    """Try again to reserve what is planned and missing; return what still is.

    Raises:
        Forbidden: the actor repairs no boxes.
        NotFound: there is no such order in the actor's scope.
        Refused: no part is planned where the order is.
    """
    actor.demand("rma.repair")
    order = touch_work(session, ref, actor=actor)
    _demand_state(order, PLANNED_IN)
    rows = session.scalars(
        select(OrderPart)
        .where(OrderPart.order_id == order.id, OrderPart.dropped_at.is_(None))
        .order_by(OrderPart.id)
    ).all()
    missing = [row for row in rows if row.reservation is None]
    return [row for row in missing if not _try_to_reserve(session, order, row, actor, now)]


def use_part(
    session: Session,
    *,
    ref: str,
    part: str,
    quantity: int | None = None,
    old_to: str = "",
    has_old: bool = True,
    actor: Actor,
    now: datetime,
) -> OrderPart:
    """Use a reserved part (`part`: the public id of the planned row); what is left is let go.
    Asked again, nothing is used twice.

    One is fitted, one is removed: the old piece stands at a place of ours from then on
    (`cores.take_old_out`), unless there was none in the box.

    Raises:
        Forbidden: the actor repairs no boxes.
        NotFound: there is no such order or planned part.
        Invalid: so many are not reserved, or no old piece is put there.
        Refused: it is not reserved, the box is not in repair, or the customer would pay for it and
            has not agreed to.
    """
    actor.demand("rma.repair")
    order = touch_work(session, ref, actor=actor)
    _demand_state(order, USED_IN)
    row = _planned(session, order, part)
    if row.reservation is None:
        message = text("Parts are missing: %(parts)s.", parts=row.part.sku)
        raise Refused([Obstacle("parts", message)])
    row.billing_code = agreed.code_now(session, order, row)
    agreed.demand_agreement(session, order, row.fault_number, row.billing_code)
    was_used = row.used
    reservation = consume_reservation(
        session,
        ref=row.reservation.public_id,
        quantity=quantity,
        reference=order.number,
        actor=in_house(actor),
        now=now,
    )
    row.used = reservation.used
    if not was_used:
        if has_old:
            cores.take_old_out(session, order, row, old_to=old_to, actor=actor, now=now)
        changes = {"part": row.part.sku, "quantity": row.used}
        record(session, order, "use-part", changes, actor=actor, now=now)
    return row


def drop_part(session: Session, *, ref: str, part: str, actor: Actor, now: datetime) -> OrderPart:
    """Let a planned part go that is not needed.

    Raises:
        Forbidden: the actor repairs no boxes.
        NotFound: there is no such order or planned part.
        Refused: it was used.
    """
    actor.demand("rma.repair")
    order = touch_work(session, ref, actor=actor)
    row = _planned(session, order, part)
    if row.used:
        raise Refused([Obstacle("used", text("What was reserved has been used."))])
    if row.dropped_at is None:
        if row.reservation is not None and row.reservation.state == ReservationState.HELD:
            ref = row.reservation.public_id
            release_reservation(session, ref=ref, actor=in_house(actor), now=now)
        row.dropped_at = now
        record(session, order, "drop-part", {"part": row.part.sku}, actor=actor, now=now)
    return row


def _planned(session: Session, order: WorkshopOrder, ref: str) -> OrderPart:
    found = session.scalar(select(OrderPart).filter_by(order_id=order.id, public_id=ref))
    if found is None:
        raise NotFound(text("There is no such planned part."))
    return found


# --- work ----------------------------------------------------------------------------------------


def record_labour(
    session: Session,
    *,
    ref: str,
    what: str,
    minutes: int,
    rate_minor: int | None = None,
    fault: int | None = None,
    billing_code: str = "",
    reason: str = "",
    actor: Actor,
    now: datetime,
) -> Labour:
    """Write down time that was worked; an hour costs `rate_minor`, else what the model's terms say.

    Raises:
        Forbidden: the actor repairs no boxes.
        NotFound: there is no such order or fault.
        Invalid: the time or the rate cannot be.
        Refused: nothing is worked on the box now, or the customer would pay for it and has not
            agreed to.
    """
    actor.demand("rma.repair")
    order = touch_work(session, ref, actor=actor)
    _demand_state(order, WORKED_IN)
    if not 1 <= minutes <= 6000:
        raise Invalid.field("minutes", text("From 1 to %(most)s.", most=6000))
    terms = terms_of_model(session, order.device)
    rate = rate_minor if rate_minor is not None else (terms.labour_minor if terms else 0)
    if rate < 0:
        raise Invalid.field("rate", text("Not below zero."))
    code, why = agreed.code_said(session, order, fault, billing_code, reason, actor)
    agreed.demand_agreement(session, order, fault, code)
    made = Labour(
        order_id=order.id,
        what=what.strip()[:200],
        minutes=minutes,
        rate_minor=rate,
        currency=_currency(order, terms),
        fault_number=fault,
        billing_code=code,
        code_reason=why,
        by=actor.label[:128],
        at=now,
    )
    session.add(made)
    changes = {"minutes": minutes, "fault": fault, **_said(code, why)}
    record(session, order, "record-labour", changes, actor=actor, now=now)
    return made


def _currency(order: WorkshopOrder, terms: ModelTerms | None) -> str:
    if order.case is not None:
        return order.case.currency
    return terms.currency if terms else "EUR"


def swap_component(
    session: Session,
    *,
    ref: str,
    component: str,
    old_serial: str = "",
    new_serial: str,
    fault: int | None = None,
    actor: Actor,
    now: datetime,
) -> ComponentSwap:
    """Write down that a component was exchanged, with both serials; that of the old one need not be
    stated where it is known.

    Raises:
        Forbidden: the actor repairs no boxes.
        NotFound: there is no such order or fault in the actor's scope.
        Invalid: the component or a serial is missing, is none, or is of another box.
        Refused: the box is not in repair.
    """
    actor.demand("rma.repair")
    order = touch_work(session, ref, actor=actor)
    _demand_state(order, USED_IN)
    empty = [n for n, v in (("component", component), ("new_serial", new_serial)) if not v.strip()]
    if empty:
        raise Invalid(fields={name: [text("This is needed.")] for name in empty})
    if fault is not None:
        fault_of(session, _owner(order), fault)
    new = new_serial.strip()[:64]
    old = cores.old_serial_of(
        session, order, component.strip(), old=old_serial.strip()[:64], new=new
    )
    made = ComponentSwap(
        order_id=order.id,
        component=component.strip()[:32],
        old_serial=old,
        new_serial=new,
        fault_number=fault,
        by=actor.label[:128],
        at=now,
    )
    session.add(made)
    changes = {"component": component, "new_serial": new_serial}
    record(session, order, "swap-component", changes, actor=actor, now=now)
    return made


def record_test(
    session: Session,
    *,
    ref: str,
    passed: bool,
    note: str = "",
    lab_run: str | None = None,
    actor: Actor,
    now: datetime,
) -> BoxTest:
    """Write what a test of the box came to; the last one counts.

    Raises:
        Forbidden: the actor repairs no boxes.
        NotFound: there is no such order in the actor's scope.
        Invalid: the lab had no such run.
        Refused: the box is not here to be tested.
    """
    actor.demand("rma.repair")
    order = touch_work(session, ref, actor=actor)
    _demand_state(order, TESTED_IN)
    run = run_of_lab(session, lab_run, actor) if lab_run else None
    made = BoxTest(
        order_id=order.id,
        order_seq=order.event_seq,
        passed=passed,
        note=note.strip()[:500],
        lab_run=run,
        by=actor.label[:128],
        at=now,
    )
    session.add(made)
    record(session, order, "record-test", {"passed": passed}, actor=actor, now=now)
    return made


def attach_lab_run(
    session: Session, *, ref: str, test: str, lab_run: str, actor: Actor, now: datetime
) -> BoxTest:
    """Name the run of the lab that stands behind a test.

    Raises:
        Forbidden: the actor repairs no boxes.
        NotFound: there is no such order or test.
        Invalid: the lab had no such run.
    """
    actor.demand("rma.repair")
    order = touch_order(session, ref, actor=actor)
    found = session.scalar(select(BoxTest).filter_by(order_id=order.id, public_id=test))
    if found is None:
        raise NotFound(text("There is no such test."))
    found.lab_run = run_of_lab(session, lab_run, actor)
    record(session, order, "attach-lab-run", {"lab_run": lab_run}, actor=actor, now=now)
    return found


def record_firmware(
    session: Session,
    *,
    ref: str,
    before: str | None = None,
    after: str | None = None,
    actor: Actor,
    now: datetime,
) -> WorkshopOrder:
    """Write which firmware the box had before the repair, and has after it.

    Raises:
        Forbidden: the actor repairs no boxes.
        NotFound: there is no such order in the actor's scope.
    """
    actor.demand("rma.repair")
    order = touch_work(session, ref, actor=actor)
    if before is not None:
        order.firmware_before = before.strip()[:128]
    if after is not None:
        order.firmware_after = after.strip()[:128]
    changes = {"firmware_before": before, "firmware_after": after}
    record(session, order, "record-firmware", changes, actor=actor, now=now)
    return order


def grade_box(
    session: Session, *, ref: str, grade: str, actor: Actor, now: datetime
) -> WorkshopOrder:
    """Grade the condition of a box of the operator's.

    Raises:
        Forbidden: the actor repairs no boxes.
        NotFound: there is no such order in the actor's scope.
        Invalid: there is no such grade.
    """
    actor.demand("rma.repair")
    order = touch_work(session, ref, actor=actor)
    if grade not in GRADES:
        raise Invalid.field("grade", text("One of: %(names)s", names=", ".join(GRADES)))
    order.grade = grade
    record(session, order, "grade", {"grade": grade}, actor=actor, now=now)
    return order


def work_of(session: Session, order: WorkshopOrder) -> dict[str, int]:
    """Return what the work on a box comes to so far, in minor units: labour by who pays for it."""
    found: dict[str, int] = {}
    for row in session.scalars(select(Labour).where(Labour.order_id == order.id)):
        cost = rounded_share(row.rate_minor, row.minutes, 60)
        found[row.billing_code] = found.get(row.billing_code, 0) + cost
    return found

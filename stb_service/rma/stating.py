"""What was asked before a return, and what is stated with its evidence."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from stb_service.rma import ahead, wiping
from stb_service.rma.before import findings
from stb_service.rma.cases import CaseState
from stb_service.rma.deciding import _check
from stb_service.rma.lab import run_of_lab
from stb_service.rma.lists import (
    OF_ORDER,
    PRECHECKS,
    STATEMENTS,
    WITH_AMOUNT,
    WITH_NOTE,
    Answer,
)
from stb_service.rma.models import (
    Precheck,
    ReturnCase,
    Statement,
    WorkshopOrder,
)
from stb_service.rma.owners import Owner, key_of, record, touch_owner
from stb_service.rma.touching import touch_case
from stb_service.shared.access import Actor
from stb_service.shared.errors import Invalid, NotFound, Obstacle, Refused
from stb_service.shared.i18n import text


def record_precheck(
    session: Session,
    *,
    ref: str,
    code: str,
    answer: str,
    finding: str = "",
    note: str = "",
    actor: Actor,
    now: datetime,
) -> Precheck:
    """Write what came of a check that might have prevented the return; the last word counts. What
    the service knew is written beside it, unless another `finding` is given.

    Raises:
        Forbidden: the actor answers for no customers.
        NotFound: there is no such case in the actor's scope.
        Invalid: there is no such check or answer.
        Refused: the return is authorised already.
    """
    actor.demand("rma.edit")
    case = touch_case(session, ref, actor=actor)
    if code not in PRECHECKS:
        raise Invalid.field("code", text("One of: %(names)s", names=", ".join(PRECHECKS)))
    _check(answer=(answer, Answer))
    if case.state != CaseState.REQUESTED:
        message = text("These checks come before the return is authorised.")
        raise Refused([Obstacle("authorised", message)])
    known = finding or str(findings(session, case.device, now).get(code, ""))
    row = session.scalar(select(Precheck).filter_by(case_id=case.id, code=code))
    if row is None:
        row = Precheck(case_id=case.id, code=code)
        session.add(row)
    row.answer, row.finding, row.note = answer, known[:500], note.strip()[:500]
    row.by, row.at = actor.label[:128], now
    record(session, case, "precheck", {"check": code, "answer": answer}, actor=actor, now=now)
    return row


def state(
    session: Session,
    *,
    ref: str,
    kind: str,
    stands: bool = True,
    note: str = "",
    amount_minor: int | None = None,
    method: str = "",
    photo: str = "",
    lab_run: str = "",
    actor: Actor,
    now: datetime,
) -> Statement:
    """State something of a case or its order, or take it back; the last word of a kind counts.

    A wiping names its `method`, and what shows it: a note, a photograph of the box, a run of the
    lab.

    Raises:
        NotFound: there is no such case or order in the actor's scope.
        Forbidden: amounts are stated by whoever decides.
        Invalid: nothing of that kind is stated, an amount is missing or out of place, or what shows
            it; or a wiping has no method or nothing that shows it.
        Refused: it has ended, or the fee of a replacement that has left stands.
    """
    owner, order = touch_owner(session, ref, actor=actor)
    if kind not in STATEMENTS:
        raise Invalid.field("kind", text("One of: %(names)s", names=", ".join(STATEMENTS)))
    if (amount_minor is not None) != (kind in WITH_AMOUNT and stands):
        raise Invalid.field(
            "amount_minor", text("An amount is stated of prices and refunds alone.")
        )
    if kind in WITH_AMOUNT:
        _check_amount(amount_minor, note, actor)
    if kind in WITH_NOTE:
        actor.demand("rma.decide")
        if stands and not note.strip():
            raise Invalid.field("note", text("Say what became of the fee."))
    about: Owner = owner
    if kind in OF_ORDER:
        if order is None:
            raise NotFound(text("There is no such workshop order."))
        about = order
    actor.demand("rma.repair" if kind in OF_ORDER else "rma.edit")
    if kind == wiping.WIPING and stands:
        assert isinstance(about, WorkshopOrder)
        wiping.check_method(method)
        wiping.check_proof(session, about, note=note, photo=photo, lab_run=lab_run)
    values: dict[str, Any] = {"amount_minor": amount_minor}
    if kind == ahead.FEE_AGREED and isinstance(about, ReturnCase):
        fee = ahead.frozen(session, about)
        values |= fee if stands else {}
    made = Statement(
        **key_of(about),
        **values,
        kind=kind,
        stands=stands,
        note=note.strip()[:500],
        method=method,
        photo=photo or None,
        lab_run=run_of_lab(session, lab_run, actor) if lab_run else None,
        seq=about.event_seq,
        at=now,
        by=actor.label[:128],
    )
    session.add(made)
    changes = {
        "statement": kind,
        "stands": stands,
        "amount_minor": made.amount_minor,
        "method": method,
        "lab_run": lab_run,
    }
    record(session, about, "state", changes, actor=actor, now=now)
    return made


def _check_amount(amount_minor: int | None, note: str, actor: Actor) -> None:
    """Refuse an amount of money that anybody could have made up."""
    actor.demand("rma.decide")
    if amount_minor is None:  # it is taken back
        return
    if amount_minor <= 0:
        raise Invalid.field("amount_minor", text("Above zero, and not above what can be counted."))
    if not note.strip():
        raise Invalid.field("note", text("Say what shows it."))

"""What returns know of a person, in plain values: all that was said, shown, decided and signed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from stb_service.devices.components import COMPONENT_NAMES
from stb_service.rma.cases import EVENTS, PLACES
from stb_service.rma.comparison import CHOICE_NAMES
from stb_service.rma.lists import ANSWER_NAMES, PRECHECKS, STATEMENTS
from stb_service.rma.models import (
    CaseEvent,
    CasePhoto,
    Comparison,
    Fault,
    Parcel,
    Precheck,
    ReturnCase,
    Statement,
)
from stb_service.rma.verdicts import VERDICT_NAMES
from stb_service.rma.wording import CONTENT_NAMES, DIRECTION_NAMES, ENDING_NAMES
from stb_service.shared import personal
from stb_service.shared.i18n import CUSTOMER_LANGUAGES, Text, text
from stb_service.shared.registries import Spoken
from stb_service.warranty.models import WarrantyDecision
from stb_service.warranty.rules import OUTCOME_NAMES

EXTENSIONS: Mapping[str, str] = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}

SPOKEN = Spoken(
    text("Returns"),
    {
        "number": text("Number"),
        "box": text("Box"),
        "reported_on": text("Reported on"),
        "complaint": text("Complaint"),
        "language": text("Language"),
        "currency": text("Currency"),
        "state": text("State"),
        "closed_at": text("Closed"),
        "faults": text("Faults"),
        "prechecks": text("Checks before it was sent in"),
        "statements": text("What was stated"),
        "comparisons": text("Repair and replacement compared"),
        "photographs": text("Photographs"),
        "parcels": text("Parcels"),
        "steps": text("Steps"),
        "component": text("Component"),
        "symptom": text("What it does"),
        "verdict": text("Verdict"),
        "note": text("Note"),
        "hours_on": text("Hours of operation"),
        "disputed": text("Contested by the customer"),
        "dispute_reason": text("Why it is contested"),
        "second_verdict": text("Verdict of the second inspection"),
        "second_note": text("Note of the second inspection"),
        "second_hours_on": text("Hours of operation in the second inspection"),
        "agreed": text("Agreed to be paid"),
        "declined": text("Declined by the customer"),
        "warranty": text("Warranty"),
        "policy": text("Policy"),
        "version": text("Version"),
        "outcome": text("Outcome"),
        "granted": text("Granted later"),
        "reason": text("Reason"),
        "started_on": text("Cover began"),
        "covered_until": text("Covered until"),
        "prechecks.code": text("Check"),
        "finding": text("What was seen"),
        "answer": text("Answer"),
        "at": text("When"),
        "statements.kind": text("Statement"),
        "stands": text("Stands"),
        "amount_minor": text("Amount"),
        "made_at": text("Shown"),
        "offers": text("Offers"),
        "choice": text("Choice"),
        "price_minor": text("Price"),
        "supported_until_on": text("Supported until"),
        "choice_note": text("Note on the choice"),
        "chosen_at": text("Chosen"),
        "photographs.name": text("File"),
        "taken_at": text("Taken"),
        "direction": text("Direction"),
        "content": text("Content"),
        "carrier": text("Carrier"),
        "tracking": text("Number of the parcel"),
        "ending": text("What became of it"),
        "sent_at": text("Sent"),
        "ended_at": text("Ended"),
        "event": text("Step"),
        "signed_by": text("Signed by"),
    },
    {
        "state": {state: place.title for state, place in PLACES.items()},
        "language": {code: Text(name) for code, name in CUSTOMER_LANGUAGES.items()},
        "component": COMPONENT_NAMES,
        "verdict": {str(verdict): name for verdict, name in VERDICT_NAMES.items()},
        "second_verdict": {str(verdict): name for verdict, name in VERDICT_NAMES.items()},
        "outcome": {str(outcome): name for outcome, name in OUTCOME_NAMES.items()},
        "code": PRECHECKS,
        "answer": {str(answer): name for answer, name in ANSWER_NAMES.items()},
        "kind": STATEMENTS,
        "choice": {str(choice): name for choice, name in CHOICE_NAMES.items()},
        "direction": DIRECTION_NAMES,
        "content": CONTENT_NAMES,
        "ending": ENDING_NAMES,
        "event": EVENTS,
    },
)


def told(session: Session, cases: Sequence[ReturnCase]) -> list[dict[str, Any]]:
    """Return some cases with all that is kept of their people, in as many queries for any number."""
    ids = [case.id for case in cases]
    faults = session.scalars(
        select(Fault)
        .where(Fault.case_id.in_(ids))
        .options(joinedload(Fault.decision))
        .order_by(Fault.id)
    ).all()
    of_case = {
        "faults": _by_case(faults, _fault),
        "prechecks": _by_case(_rows(session, Precheck, ids), _precheck),
        "statements": _by_case(_rows(session, Statement, ids), _statement),
        "comparisons": _by_case(_rows(session, Comparison, ids), _comparison),
        "photographs": _by_case(_rows(session, CasePhoto, ids), _photo),
        "parcels": _by_case(_rows(session, Parcel, ids), _parcel),
        "steps": _steps(session, ids),
    }
    return [
        {
            "number": case.number,
            "box": case.device.serial,
            "reported_on": case.reported_on.isoformat(),
            "complaint": case.complaint,
            "language": case.language,
            "currency": case.currency,
            "state": case.state,
            "closed_at": _instant(case.closed_at),
            **{name: found[case.id] for name, found in of_case.items()},
        }
        for case in cases
    ]


def _rows(session: Session, model: Any, ids: Sequence[int]) -> Sequence[Any]:
    return session.scalars(select(model).where(model.case_id.in_(ids)).order_by(model.id)).all()


def _by_case(rows: Iterable[Any], plain: Any) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row.case_id].append(plain(row))
    return found


def _instant(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _fault(row: Fault) -> dict[str, Any]:
    return {
        "number": row.number,
        "component": row.component,
        "symptom": row.symptom,
        "verdict": row.verdict,
        "hours_on": row.hours_on,
        "note": row.note,
        "disputed": row.disputed,
        "dispute_reason": row.dispute_reason,
        "second_verdict": row.second_verdict,
        "second_note": row.second_note,
        "second_hours_on": row.second_hours_on,
        "agreed": row.agreed,
        "declined": row.declined,
        "warranty": _warranty(row.decision) if row.decision else None,
    }


def _warranty(row: WarrantyDecision) -> dict[str, Any]:
    return {
        "policy": row.version.title,
        "version": row.version.number,
        "outcome": row.outcome,
        "granted": [{"outcome": o.outcome, "reason": o.reason} for o in row.overrides],
        "started_on": row.started_on.isoformat() if row.started_on else None,
        "covered_until": row.covered_until.isoformat() if row.covered_until else None,
        "reported_on": row.reported_on.isoformat(),
    }


def _precheck(row: Precheck) -> dict[str, Any]:
    names = ("code", "finding", "answer", "note")
    return {name: getattr(row, name) for name in names} | {"at": _instant(row.at)}


def _statement(row: Statement) -> dict[str, Any]:
    names = ("kind", "stands", "note", "amount_minor")
    return {name: getattr(row, name) for name in names} | {"at": _instant(row.at)}


def _comparison(row: Comparison) -> dict[str, Any]:
    return {
        "made_at": _instant(row.made_at),
        "offers": row.offers,
        "choice": row.choice,
        "choice_note": row.choice_note,
        "chosen_at": _instant(row.chosen_at),
    }


def _photo(row: CasePhoto) -> dict[str, Any]:
    name = f"{row.public_id}.{EXTENSIONS[row.media_type]}"
    return {"name": name, "note": row.note, "taken_at": _instant(row.taken_at)}


def _parcel(row: Parcel) -> dict[str, Any]:
    names = ("direction", "content", "carrier", "tracking", "ending")
    times = {"sent_at": _instant(row.sent_at), "ended_at": _instant(row.ended_at)}
    return {name: getattr(row, name) for name in names} | times


def _steps(session: Session, ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """Return each step with what was said with it: who signed, as far as the key still opens it."""
    events = _rows(session, CaseEvent, ids)
    keys = personal.keys_of(session, personal.people_in(event.stated for event in events))

    def plain(event: CaseEvent) -> dict[str, Any]:
        said = personal.opened(event.stated, keys)
        legible = {name: value for name, value in said.items() if value != personal.UNREADABLE}
        return {
            "event": event.event,
            "at": _instant(event.at),
            "reason": event.reason,
            **{name: legible[name] for name in ("signed_by", "tracking") if name in legible},
        }

    return _by_case(events, plain)

"""What a row says otherwise than the return that it opened once: told, as it is not taken over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from stb_service.rma.arrivals.columns import Arrival
from stb_service.rma.cases import CaseState
from stb_service.rma.events import case_history
from stb_service.rma.models import Fault, ReturnCase
from stb_service.rma.promising import PROMISES
from stb_service.shared.i18n import Text, text

KEPT = text("It is “%(value)s” here, and is not changed by a file.")
LED = text("It is led here by now: make its next steps here.")
ENDED = text("It has ended here, and is not changed any more.")
BEHIND: Mapping[str, frozenset[str]] = {
    Arrival.ASKED: frozenset(),
    Arrival.AUTHORISED: frozenset({CaseState.REQUESTED}),
    Arrival.HERE: frozenset({CaseState.REQUESTED, CaseState.AUTHORISED, CaseState.INBOUND}),
}
"""Where a return has not come as far as its row says."""


def differences(
    session: Session, fields: Mapping[str, Any], known: ReturnCase, account: str
) -> dict[str, list[Text]]:
    """Return what a row says otherwise and nothing is made of, by its columns; `account` is the public
    id of the account that it names, empty where it names none.
    """
    found: dict[str, list[Text]] = {}
    for name, value in _kept(session, known).items():
        if name in fields and fields[name] != value:
            found[name] = [Text(KEPT.msgid, {"value": _told(value)})]
    if account and (known.account is None or known.account.public_id != account):
        number = known.account.number if known.account else ""
        found["account"] = [Text(KEPT.msgid, {"value": _told(number)})]
    if known.state in BEHIND[fields["arrival"]]:
        found["arrival"] = [LED]
    if not known.is_live and fields.get("complaint", known.complaint) != known.complaint:
        found["complaint"] = [ENDED]
    if _promises_other(session, fields, known):
        found["remedy"] = [Text(KEPT.msgid, {"value": known.remedy})]
    return found


def _kept(session: Session, known: ReturnCase) -> dict[str, Any]:
    first = session.scalars(select(Fault).where(Fault.case_id == known.id, Fault.number == 1)).one()
    return {
        "reported_on": known.reported_on,
        "opened_at": known.opened_at,
        "component": first.component,
        "symptom": first.symptom,
    }


def _promises_other(session: Session, fields: Mapping[str, Any], known: ReturnCase) -> bool:
    """Tell whether a row promises what can be promised no more: once steps here have, it is let be."""
    if fields.get("remedy", known.remedy) == known.remedy or known.state == CaseState.REQUESTED:
        return False
    return not any(happened.event in PROMISES for happened in case_history(session, known))


def _told(value: object) -> str:
    return str(value) if value else "-"

"""Taking boxes in by scan: a scanner types and sends Enter, and nobody touches the mouse."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import get_timezone
from flask_babel import gettext as _

from stb_service.parts.models import Location
from stb_service.parts.queries import all_locations, find_location
from stb_service.rma import board, queries
from stb_service.rma.board import midnight
from stb_service.rma.forms import ScanForm
from stb_service.rma.intake import Door, Meaning, Scan
from stb_service.rma.shipping import TAKEN_IN
from stb_service.rma.wording import words
from stb_service.shared.access import requires
from stb_service.shared.errors import DomainError, Invalid, Refused
from stb_service.shared.http import current_actor, read_form, unit
from stb_service.shared.http.pages import form_errors, see_other
from stb_service.shared.http.unit import request_time

pages = Blueprint("intake_pages", __name__, template_folder="templates")
pages.context_processor(words)
SHOWN = 50
REFUSED = frozenset({Meaning.UNKNOWN, Meaning.NO_CASE, Meaning.ENDED, Meaning.NOT_AUTHORISED})


def _places() -> list[Location]:
    return list(all_locations(unit(), current_actor().scope, tuple(sorted(TAKEN_IN))))


def _place(code: str) -> Location | None:
    """Return the place where boxes are taken in: the one named, or the only one."""
    found = _places()
    if code and code.isprintable():
        named = find_location(unit(), code, current_actor().scope)
        return named if named is not None and named.kind in TAKEN_IN else None
    return found[0] if len(found) == 1 else None


def _page(code: str, scan: Scan | None = None, errors: dict[str, list[str]] | None = None) -> str:
    place = _place(code)
    scope, now = current_actor().scope, request_time()
    today = now.astimezone(get_timezone()).date()
    since = midnight(today, get_timezone())
    return render_template(
        "rma/intake.html",
        place=place,
        places=[("", _("choose one")), *((p.code, f"{p.code} · {p.name}") for p in _places())],
        scan=scan,
        errors=errors or {},
        taken=board.taken_in(unit(), place, scope, since=since, limit=SHOWN) if place else [],
        shown=SHOWN,
    )


@pages.get("/returns/intake")
@requires("rma.receive")
def show_intake() -> ResponseReturnValue:
    """Show the field for the next scan, what the last one came to, and what came in today."""
    args = request.args
    scan = None
    case = queries.find_case(unit(), args.get("case", "")[:32], current_actor().scope)
    meaning = args.get("came", "")
    if case is not None and meaning in {"label", "received", "mismatched"}:
        scan = Scan(Meaning(meaning), case.number, case, case.device)
    return _page(args.get("place", "")[:32], scan)


@pages.post("/returns/intake")
@requires("rma.receive")
def take_in() -> ResponseReturnValue:
    """Do what a scan asks for."""
    code = request.form.get("place", "")[:32]
    try:
        form = read_form(ScanForm())
        place = _place(form["place"])
        door = Door(unit(), current_actor(), request_time(), place.code if place else "")
        scan = door.take(form["scanned"].strip(), label=form["label"], again=form["again"])
    except DomainError as refusal:
        if refusal.status in {401, 403, 404}:
            raise
        unit().rollback()
        return _page(code, _again(), _errors(refusal)), refusal.status
    if scan.meaning in {Meaning.LABEL, Meaning.RECEIVED, Meaning.MISMATCHED}:
        assert scan.case is not None
        come: dict[str, Any] = {"place": code, "case": scan.case.number, "came": scan.meaning.value}
        return see_other("intake_pages.show_intake", **come)
    return _page(code, scan), 422 if scan.meaning in REFUSED else 200


def _again() -> Scan | None:
    """Return the label that was scanned before, which a refusal does not forget."""
    label = request.form.get("label", "")[:32]
    case = queries.find_case(unit(), label, current_actor().scope) if label else None
    return Scan(Meaning.LABEL, label, case, case.device) if case else None


def _errors(refusal: DomainError) -> dict[str, list[str]]:
    if isinstance(refusal, Refused):
        return {"scanned": [str(obstacle) for obstacle in refusal.obstacles]}
    found = form_errors(refusal)
    known = isinstance(refusal, Invalid) and set(found) <= {"scanned", "place"}
    return found if known else {"scanned": [message for said in found.values() for message in said]}

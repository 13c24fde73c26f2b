"""The pages of an inspection, for a tablet on the bench: checklist, faults, photographs, verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from stb_service.devices.components import Component
from stb_service.devices.routes import who
from stb_service.rma import bench, blaming, deciding, owners, photographs, queries, workbench
from stb_service.rma.bench_facts import round_of
from stb_service.rma.deciding import JUDGED_IN
from stb_service.rma.events import order_history
from stb_service.rma.gathering import next_actions
from stb_service.rma.models import Fault, WorkshopOrder
from stb_service.rma.operations import act
from stb_service.rma.photographs import MOST_PHOTO_BYTES
from stb_service.rma.workbench import FaultToJudge
from stb_service.rma.workshop import ORDER, OrderState
from stb_service.rma.workshop_forms import Inspection, PhotoForm, hours_typed, read_inspection
from stb_service.rma.workshop_pages import errors_of, order_of
from stb_service.rma.workshop_words import words
from stb_service.shared.access import requires, takes_files
from stb_service.shared.errors import DomainError, Invalid, NotFound, Refused
from stb_service.shared.http import current_actor, read_form, services, unit
from stb_service.shared.http.pages import is_htmx, see_other, typed_values
from stb_service.shared.http.unit import request_time
from stb_service.shared.i18n import Text, text

pages = Blueprint("inspection_pages", __name__, template_folder="templates")
pages.context_processor(words)
MOST_BODY_BYTES = 4 * MOST_PHOTO_BYTES + 100_000
PHOTO_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"
COMPONENTS = frozenset({"", *Component})
PLAIN = ("confirmed", "fault_class", "note", "hours_on")


@pages.url_value_preprocessor
def limit_body(_endpoint: str | None, _values: Mapping[str, Any] | None) -> None:
    """Let no more of a request be read than a few photographs have."""
    request.max_content_length = MOST_BODY_BYTES


# --- the form ------------------------------------------------------------------------------------


@pages.get("/workshop/<ref>/inspection")
@requires("rma.inspect")
def show_inspection(ref: str) -> ResponseReturnValue:
    """Show the inspection of a box, as far as it is filled in."""
    return _inspection_page(order_of(ref), None, {})


def _lines(order: WorkshopOrder) -> list[FaultToJudge]:
    case = queries.case_of_order(unit(), order, current_actor().scope)
    return workbench.faults_to_judge(unit(), case, order, current_actor())


def _inspection_page(
    order: WorkshopOrder, typed: Mapping[str, Any] | None, errors: Mapping[str, list[str]]
) -> str:
    """Show the form with what is known of it, or with what was typed and refused."""
    session, actor = unit(), current_actor()
    case = queries.case_of_order(session, order, actor.scope)
    lines = _lines(order)
    known = _known(order, lines)
    values = known if typed is None else {**known, **typed}
    proposals = {line.fault.number: _proposal(order, line.fault, values) for line in lines}
    found = next_actions(session, case, order, actor=actor, now=request_time())
    return render_template(
        "rma/inspection.html",
        order=order,
        case=case,
        lines=lines,
        values=values,
        errors=errors,
        proposals=proposals,
        begin=next((a for a in found if (a.machine, a.event) == (ORDER.name, "inspect")), None),
        is_open=not order.held and order.state in JUDGED_IN,
        is_second=order.state == OrderState.SECOND,
        has_checklist=order.state in {OrderState.INSPECTING, OrderState.SECOND},
        photos=[photo for photo in workbench.photos_of(session, case, order) if not photo.fault_id],
    )


def _known(order: WorkshopOrder, lines: list[FaultToJudge]) -> dict[str, Any]:
    """Return what this inspection has come to so far, by the names of the form."""
    checks = workbench.checks_of(unit(), order, round_of(order_history(unit(), order)))
    values: dict[str, Any] = {}
    for code, row in checks.items():
        values |= {f"check.{code}.result": row.result, f"check.{code}.note": row.note}
    for line in lines:
        name = f"fault.{line.fault.number}"
        values |= {
            f"{name}.confirmed": line.judged_seen,
            f"{name}.fault_class": line.judged_class,
            f"{name}.note": line.judged_note,
            f"{name}.hours_on": line.judged_hours,
            f"{name}.component": _blamed(line, order),
        }
    return values


def _blamed(line: FaultToJudge, order: WorkshopOrder) -> str:
    """Return the component that was named in this inspection, else the one that was reported."""
    fault = line.fault
    named = fault.second_component if order.state == OrderState.SECOND else fault.found_component
    return fault.component if named is None else named


def _supposed(order: WorkshopOrder, fault: Fault, values: Mapping[str, Any]) -> Fault:
    """Return a fault as it would be decided on with the component that is chosen in the form."""
    name = values.get(f"fault.{fault.number}.component")
    if order.case is None or name not in COMPONENTS:
        return fault
    sources = services().registries.warranty_facts
    return blaming.supposed(unit(), fault, order.case, str(name), sources)


def _read_components(form: Mapping[str, str], filled: Inspection, known: Mapping[str, Any]) -> None:
    """Take in which component each fault is blamed on, beside what else is filled in of it.

    Raises:
        Invalid: there is no such component, or one is chosen of a fault that is not judged.
    """
    problems: dict[str, list[Text]] = {}
    for name, before in known.items():
        number, _dot, what = name.removeprefix("fault.").partition(".")
        chosen = form.get(name)
        if what != "component" or chosen is None:
            continue
        if chosen not in COMPONENTS:
            problems[name] = [text("Choose one of these.")]
        elif int(number) in filled.faults:
            filled.faults[int(number)]["component"] = chosen
        elif chosen != before:
            problems[f"fault.{number}.confirmed"] = [text("Choose one of these.")]
    if problems:
        raise Invalid(fields=problems)


def _proposal(order: WorkshopOrder, fault: Fault, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the rules propose of a fault as it is filled in, and what they would otherwise."""
    name = f"fault.{fault.number}"
    contract = bool(values.get(f"{name}.contract"))
    own = order.case is not None and order.case.is_rented
    typed = values.get(f"{name}.hours_on")
    hours = hours_typed("" if typed is None else str(typed))
    if hours is None and order.state == OrderState.SECOND:
        hours = fault.hours_on
    fault = _supposed(order, fault, values)
    verdict = workbench.proposed_verdict(
        fault,
        str(values.get(f"{name}.confirmed") or ""),
        str(values.get(f"{name}.fault_class") or ""),
        hours_on=hours,
        contract=contract,
        own=own,
    )
    return {
        "verdict": verdict,
        "otherwise": workbench.otherwise(
            fault, verdict, hours_on=hours, contract=contract, own=own
        ),
    }


@pages.get("/workshop/<ref>/inspection/faults/<number>")
@requires("rma.inspect")
def propose(ref: str, number: str) -> ResponseReturnValue:
    """Show what the rules propose of a fault, while it is being filled in."""
    order = order_of(ref)
    if not (number.isascii() and number.isdecimal() and len(number) < 5):
        raise NotFound(text("There is no such fault."))
    line = _line(order, int(number))
    return render_template(
        "rma/proposal.html", line=line, proposal=_proposal(order, line.fault, request.args)
    )


def _line(order: WorkshopOrder, number: int) -> FaultToJudge:
    lines = {line.fault.number: line for line in _lines(order)}
    if number not in lines:
        owners.fault_of(unit(), order.case or order, number)
    return lines[number]


@pages.post("/workshop/<ref>/inspection")
@requires("rma.inspect")
def save_inspection(ref: str) -> ResponseReturnValue:
    """Keep what is filled in; then state the verdict, if that was asked for."""
    order = order_of(ref)
    try:
        lines = _lines(order)
        filled = read_inspection(request.form, [x.fault.number for x in lines if x.may_judge])
        _read_components(request.form, filled, _known(order, lines))
        _keep(order, filled, lines)
    except DomainError as refusal:
        if refusal.status in {401, 403, 404}:
            raise
        unit().rollback()
        page = _inspection_page(order_of(ref), typed_values({}), errors_of(refusal))
        return page, refusal.status
    if request.form.get("then") != "judge":
        flash(_("What you filled in is kept."))
        return see_other("inspection_pages.show_inspection", ref=order.number)
    return _state_verdict(order)


def _keep(order: WorkshopOrder, filled: Inspection, lines: list[FaultToJudge]) -> None:
    """Write what differs from what is known already."""
    known = _known(order, lines)
    for code, (result, note) in filled.checks.items():
        name = f"check.{code}"
        if (known.get(f"{name}.result"), known.get(f"{name}.note")) != (result, note):
            bench.record_check(
                unit(), ref=order.number, code=code, result=result, note=note, **who()
            )
    sources = services().registries.warranty_facts
    for number, said in filled.faults.items():
        before = tuple(known.get(f"fault.{number}.{name}") for name in PLAIN)
        if (
            before != tuple(said[name] for name in PLAIN)
            or said["contract"]
            or _names_another(said, known.get(f"fault.{number}.component"))
        ):
            deciding.judge_fault(
                unit(), ref=order.number, number=number, sources=sources, **said, **who()
            )


def _names_another(said: Mapping[str, Any], known: Any) -> bool:
    return bool(said.get("component", known) != known)


def _state_verdict(order: WorkshopOrder) -> ResponseReturnValue:
    """End the inspection; what bars that is told, and what was filled in stays kept."""
    event = "judge_again" if order.state == OrderState.SECOND else "judge"
    number = order.number
    try:
        with unit().begin_nested():
            act(unit(), ref=number, machine=ORDER, event=event, **who())
    except Refused as refusal:
        unit().expire_all()
        errors = errors_of(refusal)
        flash(_("What you filled in is kept."))
        for message in errors[""]:
            flash(message, "error")
        return see_other("inspection_pages.show_inspection", ref=number)
    flash(_("The verdict is stated."))
    return see_other("workshop_pages.show_order", ref=number)


@pages.post("/workshop/<ref>/inspection/begin")
@requires("rma.inspect")
def begin_inspection(ref: str) -> ResponseReturnValue:
    """Begin the inspection."""
    order = order_of(ref)
    try:
        act(unit(), ref=order.number, machine=ORDER, event="inspect", **who())
    except Refused as refusal:
        unit().rollback()
        return _inspection_page(order_of(ref), None, errors_of(refusal)), refusal.status
    return see_other("inspection_pages.show_inspection", ref=order.number)


# --- photographs ---------------------------------------------------------------------------------


@pages.post("/workshop/<ref>/photos")
@requires("rma.edit")
@takes_files
def add_photos(ref: str) -> ResponseReturnValue:
    """Keep photographs as they are taken; a part of the page answers a part of the page."""
    order, errors, status = order_of(ref), dict[str, list[str]](), 200
    fault: int | None = None
    try:
        form = read_form(PhotoForm())
        fault = form["fault"]
        _keep_photos(order, form)
    except DomainError as refusal:
        if refusal.status in {401, 403, 404}:
            raise
        unit().rollback()
        errors, status = errors_of(refusal), 422
        if not is_htmx():
            flash(" ".join(message for found in errors.values() for message in found), "error")
    if not is_htmx():
        return see_other("inspection_pages.show_inspection", ref=ref)
    return _photo_part(order_of(ref), fault, errors), status


def _keep_photos(order: WorkshopOrder, form: Mapping[str, Any]) -> None:
    chosen = [upload for upload in request.files.getlist("photo") if upload.filename]
    if not chosen:
        raise Invalid.field("photo", text("Choose a file."))
    for upload in chosen:
        photographs.add_photo(
            unit(),
            ref=order.number,
            data=upload.stream.read(MOST_PHOTO_BYTES + 1),
            files=services().files,
            **form,
            **who(),
        )


def _photo_part(order: WorkshopOrder, number: int | None, errors: Mapping[str, list[str]]) -> str:
    line = None
    if number is None:
        case = queries.case_of_order(unit(), order, current_actor().scope)
        photos = [p for p in workbench.photos_of(unit(), case, order) if p.fault_id is None]
    else:
        line = _line(order, number)
        photos = list(line.photos)
    messages = [message for found in errors.values() for message in found]
    return render_template(
        "rma/photos.html", order=order, number=number or 0, photos=photos, messages=messages
    )


@pages.get("/returns/photos/<ref>")
@requires("rma.view")
def show_photo(ref: str) -> ResponseReturnValue:
    """Show a photograph in full, with what is written of it."""
    photo = queries.photo_by_ref(unit(), ref, current_actor().scope)
    owner = workbench.owner_of_photo(unit(), photo)
    return render_template("rma/photo.html", photo=photo, owner=owner)


@pages.get("/returns/photos/<ref>/file")
@requires("rma.view")
def photo_file(ref: str) -> Response:
    """Send a photograph as the picture that it was taken for, and as nothing else."""
    photo = queries.photo_by_ref(unit(), ref, current_actor().scope)
    return Response(
        services().files.path(photo.sha256).read_bytes(),
        mimetype=photo.media_type,
        headers={
            "Cache-Control": "private, max-age=3600",
            "Content-Security-Policy": PHOTO_POLICY,
            "X-Content-Type-Options": "nosniff",
        },
    )

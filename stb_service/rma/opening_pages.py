"""Opening a return: finding the box, what is known of it, and the form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from stb_service.devices.components import COMPONENT_NAMES
from stb_service.devices.holdings.chain import current_holding
from stb_service.devices.holdings.queries import holdings_page
from stb_service.devices.models import Device
from stb_service.devices.queries import device_by_uid
from stb_service.devices.routes import who
from stb_service.rma import board
from stb_service.rma.before import findings
from stb_service.rma.board_pages import handler_choices
from stb_service.rma.case_pages import write_prechecks
from stb_service.rma.facts import Remedy
from stb_service.rma.forms import FAULT_ROWS, FaultRowForm, OpeningForm, prechecks_form
from stb_service.rma.lists import PRECHECKS, PRECHECKS_OF, Channel, FaultSaid
from stb_service.rma.lookups import find_scanned
from stb_service.rma.operations import open_case
from stb_service.rma.wording import words
from stb_service.shared.access import requires
from stb_service.shared.errors import Invalid, NotFound
from stb_service.shared.http import current_actor, read_form, services, unit
from stb_service.shared.http.pages import form_page, see_other
from stb_service.shared.http.unit import field_messages, request_time
from stb_service.shared.i18n import text
from stb_service.subscribers.models import Account
from stb_service.subscribers.queries import account_by_id, find_account, find_by_id

pages = Blueprint("opening_pages", __name__, template_folder="templates")
pages.context_processor(words)
BOXES_SHOWN = 50


def find_box(called: str) -> Device | None:
    """Return the box of a uid, or of an identifier as it was read out; None if the reader sees none."""
    known = find_scanned(unit(), called)
    try:
        uid = known.public_id if known else called.strip()
        return device_by_uid(unit(), uid, current_actor().scope)
    except NotFound:
        return None


@pages.route("/returns/new", methods=["GET", "POST"])
@requires("rma.edit")
def open_return() -> ResponseReturnValue:
    """Open a return: first find the box, then say what it suffers from."""
    if request.method == "POST":
        return _opening(find_box(request.form.get("device", "")))
    called = request.args.get("device", "").strip()[:64]
    box = find_box(called) if called.isprintable() and called else None
    if box is not None:
        return _opening(box)
    errors = {}
    if called:
        errors["device"] = [str(text("No box that you see is called so."))]
    account = _asked_account()
    return render_template(
        "rma/find_box.html",
        called=called if called.isprintable() else "",
        errors=errors,
        account=account,
        holdings=_boxes_of(account),
    ), 422 if errors else 200


def _asked_account() -> Account | None:
    called = request.args.get("account", "").strip()[:64]
    if not called or not called.isprintable() or not current_actor().can("accounts.view"):
        return None
    return find_account(unit(), called, current_actor().scope)


def _boxes_of(account: Account | None) -> list[Any]:
    if account is None:
        return []
    scope = current_actor().scope
    page = holdings_page(unit(), account, scope, cursor=None, limit=BOXES_SHOWN)
    return [row for row in page.rows if row.until is None]


def _opening(box: Device | None) -> ResponseReturnValue:
    """Show the form for a box, or open the case."""
    scope = current_actor().scope
    holding = current_holding(unit(), box) if box else None
    holder = find_by_id(unit(), holding.account_id, scope) if holding else None
    uid = box.public_id if box else ""

    def save() -> ResponseReturnValue:
        form, checks = read_form(OpeningForm()), read_form(prechecks_form())
        case = open_case(
            unit(),
            **form,
            faults=typed_faults(),
            sources=services().registries.warranty_facts,
            zone=services().settings.timezone.key,
            **who(),
        )
        known = {
            code: str(said) for code, said in findings(unit(), case.device, request_time()).items()
        }
        write_prechecks(case.number, checks, known)
        flash(_("Return %(number)s is opened.", number=case.number))
        return see_other("case_pages.show_case", ref=case.number)

    chosen = Channel.CALL if scope.is_everything else Channel.COUNTER
    return form_page(
        "rma/opening.html",
        save,
        values={
            "device": uid or request.form.get("device", ""),
            "account": holder.number if holder else "",
            "remedy": Remedy.REPAIR.value,
            "channel": chosen.value,
            "reported_on": None,
            "previous": request.args.get("previous", ""),
        },
        box=lambda: find_box(uid) if uid else None,
        holder=lambda: _holder(uid),
        is_held=holding is not None,
        live=lambda: board.live_case_of(unit(), box.id, scope) if box else None,
        last=lambda: board.last_case_of(unit(), box.id, scope) if box else None,
        known=lambda: findings(unit(), box, request_time()) if box else {},
        checks=_checks(),
        fault_rows=shown_faults(),
        components=[("", _("not known")), *((c, str(n)) for c, n in COMPONENT_NAMES.items())],
        handlers=handler_choices(_("the operator")),
    )


def _holder(uid: str) -> Account | None:
    """Return whose the box is, as far as the reader is told."""
    box = find_box(uid) if uid else None
    holding = current_holding(unit(), box) if box else None
    if holding is None or not current_actor().can("accounts.view"):
        return None
    try:
        return account_by_id(unit(), holding.account_id, current_actor().scope)
    except NotFound:
        return None


def _checks() -> Mapping[str, Any]:
    """Return the checks that come before a return of any kind."""
    asked = {code for codes in PRECHECKS_OF.values() for code in codes}
    return {code: title for code, title in PRECHECKS.items() if code in asked}


def shown_faults() -> list[tuple[str, str]]:
    """Return the rows of faults that the form shows: what was typed, and some to spare."""
    rows = [row for row in _typed_rows() if any(row)]
    return [*rows, *[("", "")] * (FAULT_ROWS - len(rows))]


def _typed_rows() -> list[tuple[str, str]]:
    components, symptoms = request.form.getlist("component"), request.form.getlist("symptom")
    return list(zip(components, symptoms, strict=False))


def typed_faults() -> list[FaultSaid]:
    """Return the faults that were typed; rows in which nothing was chosen are left out.

    Raises:
        Invalid: a component is none, or a symptom cannot be kept.
    """
    rows = [row for row in _typed_rows() if row[0] or row[1].strip()]
    schema = FaultRowForm()
    for component, symptom in rows:
        problems = schema.validate({"component": component, "symptom": symptom})
        if problems:
            raise Invalid(fields=field_messages(problems))
    return [FaultSaid(component, symptom) for component, symptom in rows]

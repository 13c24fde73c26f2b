"""The pages of the workshop: the bench, the list of orders, an order and the work on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import format_date
from flask_babel import gettext as _

from firmware.verdicts.models import LabRun
from firmware.verdicts.queries import runs_page
from firmware.verdicts.rules import VERDICT_NAMES, Verdict
from stb_service.billing.pages import kept_filter
from stb_service.devices.routes import who
from stb_service.parts.queries import all_locations
from stb_service.rma import bench, deciding, queries, stating, workbench
from stb_service.rma.cores import CORES_AT
from stb_service.rma.forms import GoodwillForm
from stb_service.rma.gathering import next_actions
from stb_service.rma.history import stays
from stb_service.rma.lists import GRADES
from stb_service.rma.lookups import find_scanned
from stb_service.rma.machine import Phase
from stb_service.rma.models import WorkshopOrder
from stb_service.rma.operations import act, open_order
from stb_service.rma.queries import OrderFilter
from stb_service.rma.rules import MACHINES
from stb_service.rma.steps import NEEDED_PLACES, QUIET, kinds_of_place
from stb_service.rma.wiping import WIPING
from stb_service.rma.workshop import ORDER
from stb_service.rma.workshop_forms import (
    AdmitForm,
    BenchFields,
    FaultForm,
    FirmwareForm,
    GradeForm,
    LabourForm,
    LabRunForm,
    OrderFilterFields,
    PlanForm,
    StepForm,
    SwapForm,
    TestForm,
    UseForm,
    WipingForm,
    stated_of,
)
from stb_service.rma.workshop_words import words
from stb_service.shared.access import requires
from stb_service.shared.errors import DomainError, Invalid, NotFound, Refused
from stb_service.shared.http import current_actor, read_form, services, unit
from stb_service.shared.http.pages import form_errors, form_page, see_other, typed_values
from stb_service.shared.http.unit import request_time
from stb_service.shared.i18n import text

pages = Blueprint("workshop_pages", __name__, template_folder="templates")
pages.context_processor(words)
PAGE_SIZE = 50
RUNS_SHOWN = 30


# --- the bench -----------------------------------------------------------------------------------


@pages.get("/workshop")
@requires("rma.view")
def show_bench() -> ResponseReturnValue:
    """Show what lies on the reader's own bench, then all that has not ended by state."""
    actor, wanted = current_actor(), kept_filter(BenchFields())
    found = workbench.bench(
        unit(), actor.scope, technician=actor.label, location=wanted["location"]
    )
    return render_template(
        "rma/bench.html",
        bench=found,
        location=wanted["location"],
        locations=location_choices(_("all")),
    )


def location_choices(first: str) -> list[tuple[str, str]]:
    """Return the places of the reader as choices."""
    found = all_locations(unit(), current_actor().scope)
    return [("", first), *((row.code, f"{row.code} · {row.name}") for row in found)]


@pages.get("/workshop/open")
@requires("rma.view")
def open_scanned() -> ResponseReturnValue:
    """Open the order that was scanned: its label, its case's, or its box."""
    scanned = request.args.get("scan", "")[:64].strip()
    order = None
    if scanned and scanned.isprintable():
        order = workbench.order_scanned(unit(), scanned, current_actor().scope)
    if order is not None:
        return see_other("workshop_pages.show_order", ref=order.number)
    flash(_("There is no order of “%(scanned)s” in the workshop.", scanned=scanned), "error")
    return see_other("workshop_pages.show_bench")


@pages.get("/workshop/orders")
@requires("rma.view")
def list_orders() -> ResponseReturnValue:
    """List the orders: filters in the address, page by page."""
    wanted = OrderFilter(**kept_filter(OrderFilterFields()))
    page = queries.orders_page(
        unit(),
        wanted,
        current_actor().scope,
        cursor=request.args.get("cursor"),
        limit=PAGE_SIZE,
    )
    return render_template(
        "rma/orders.html", page=page, wanted=wanted, locations=location_choices(_("all"))
    )


@pages.route("/workshop/admit", methods=["GET", "POST"])
@requires("rma.receive")
def admit_box() -> ResponseReturnValue:
    """Take a box of the operator's from stock, to be refurbished."""

    def save() -> ResponseReturnValue:
        form = read_form(AdmitForm())
        box = find_scanned(unit(), form["device"])
        if box is None:
            raise Invalid.field("device", text("There is no such box."))
        order = open_order(unit(), device=box.public_id, location=form["location"], **who())
        flash(_("The box is in the workshop as %(number)s.", number=order.number))
        return see_other("workshop_pages.show_order", ref=order.number)

    return form_page(
        "rma/admit.html",
        save,
        values={"device": request.args.get("device", "")[:64]},
        locations=lambda: location_choices(_("where it stands")),
    )


# --- one order -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Failed:
    """A form of a page that was refused: which one, what was typed, and the messages."""

    form: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, list[str]] = field(default_factory=dict)

    def typed(self, form: str) -> Mapping[str, Any]:
        """Return what was typed into a form; nothing if it is another."""
        return self.values if form == self.form else {}

    def told(self, form: str) -> Mapping[str, list[str]]:
        """Return the messages of a form."""
        return self.errors if form == self.form else {}


@pages.get("/workshop/<ref>")
@requires("rma.view")
def show_order(ref: str) -> ResponseReturnValue:
    """Show an order: what may come next, what was found, planned, done and tested."""
    return _order_page(ref, Failed())


def order_of(ref: str) -> WorkshopOrder:
    """Return an order that the reader sees, by its number or public id.

    Raises:
        NotFound: there is none.
    """
    return queries.order_by_ref(unit(), ref, current_actor().scope)


def _order_page(ref: str, failed: Failed) -> str:
    session, actor = unit(), current_actor()
    order = order_of(ref)
    case = queries.case_of_order(session, order, actor.scope)
    faults = workbench.faults_of(session, case, order)
    rows = queries.belongings(session, case, order, actor.scope)
    events = queries.events_of_order(session, order, actor.scope)
    parts = {row.part_id for row in rows.parts}
    found = next_actions(session, case, order, actor=actor, now=request_time())
    found = [action for action in found if action.machine == ORDER.name]
    found.sort(key=lambda action: action.event in QUIET)
    return render_template(
        "rma/order.html",
        order=order,
        case=case,
        faults=faults,
        rows=rows,
        events=events,
        stays=stays([event.happened for event in events]),
        found=found,
        payable=[row for row in faults if case and deciding.may_be_goodwill(case, row)],
        waits_for_case=case is not None and order.is_live and order.phase is Phase.DECISION,
        again=next((a for a in found if failed.form == f"{a.machine}-{a.event}"), None),
        here=workbench.stock_here(session, order.location, parts),
        lab_choices=_lab_choices(),
        grade_choices=[(code, f"{code} · {title}") for code, title in GRADES.items()],
        places_for=places_for,
        old_places=_old_places(),
        failed=failed,
    )


def places_for(event: str) -> list[tuple[str, str]]:
    """Return the places that a step may put the box at, as choices."""
    kinds = kinds_of_place(event)
    found = all_locations(unit(), current_actor().scope, kinds) if kinds else []
    first = _("choose one") if event in NEEDED_PLACES else _("where it stands")
    return [("", first), *((row.code, f"{row.code} · {row.name}") for row in found)]


def _old_places() -> list[tuple[str, str]]:
    """Return the places where an old piece can be put, as choices."""
    found = all_locations(unit(), current_actor().scope, sorted(CORES_AT))
    return [("", _("the usual place")), *((row.code, f"{row.code} · {row.name}") for row in found)]


def _lab_choices() -> list[tuple[str, str]]:
    """Return the newest runs of the lab as choices, to readers who may see them."""
    if not current_actor().can("lab.view"):
        return []
    runs = runs_page(unit(), limit=RUNS_SHOWN).rows
    return [
        (
            run.public_id,
            f"{run.title or run.name} · {VERDICT_NAMES[Verdict(run.verdict)]} · {_day_of(run)}",
        )
        for run in runs
    ]


def _day_of(run: LabRun) -> str:
    return str(format_date(run.sent_at, "d MMM y"))


SHOWN = "workshop_pages.show_order"


def _work(
    ref: str, form: str, save: Callable[[str], Any], done: str, *, then: str = SHOWN
) -> ResponseReturnValue:
    """Carry out what a form of the order's page asks for; a refusal shows the page again, with
    what was typed and each message at its field.
    """
    try:
        save(order_of(ref).number)
    except DomainError as refusal:
        if refusal.status in {401, 403, 404}:
            raise
        unit().rollback()
        failed = Failed(form, typed_values({}), errors_of(refusal))
        return _order_page(ref, failed), refusal.status
    flash(done)
    return see_other(then, ref=ref)


def errors_of(refusal: DomainError) -> dict[str, list[str]]:
    """Return the messages of a refusal by field, every obstacle of it told."""
    if isinstance(refusal, Refused):
        return {"": [str(obstacle) for obstacle in refusal.obstacles]}
    return form_errors(refusal)


@pages.post("/workshop/<ref>/steps")
@requires("rma.view")
def make_step(ref: str) -> ResponseReturnValue:
    """Make a step of the order, or of its case; the verb of the step is asked for by the step."""
    name = f"{request.form.get('machine', '')}-{request.form.get('event', '')}"

    def save(number: str) -> None:
        form = read_form(StepForm())
        act(
            unit(),
            ref=number,
            machine=MACHINES[form["machine"]],
            event=form["event"],
            stated=stated_of(form),
            **who(),
        )

    return _work(ref, name, save, _("The step is made."))


# --- the work ------------------------------------------------------------------------------------


@pages.post("/workshop/<ref>/faults")
@requires("rma.edit")
def add_fault(ref: str) -> ResponseReturnValue:
    """Write a further fault down."""
    sources = services().registries.warranty_facts

    def save(number: str) -> None:
        deciding.add_fault(unit(), ref=number, sources=sources, **read_form(FaultForm()), **who())

    back = request.form.get("back") == "inspection"
    endpoint = "inspection_pages.show_inspection" if back else SHOWN
    return _work(ref, "fault", save, _("The fault is written down."), then=endpoint)


@pages.post("/workshop/<ref>/goodwill")
@requires("rma.decide")
def grant_goodwill(ref: str) -> ResponseReturnValue:
    """Let the operator answer for a fault of the order's case."""

    def save(number: str) -> None:
        form = read_form(GoodwillForm())
        case = queries.case_of_order(unit(), order_of(number), current_actor().scope)
        if case is None:
            raise NotFound(text("A box from stock is the operator's own: nobody is to pay for it."))
        deciding.grant_goodwill(unit(), ref=case.number, **form, **who())

    return _work(ref, "goodwill", save, _("Goodwill is granted."))


@pages.post("/workshop/<ref>/parts")
@requires("rma.repair")
def plan_part(ref: str) -> ResponseReturnValue:
    """Plan a part, and reserve it if it is here."""

    def save(number: str) -> None:
        bench.plan_part(unit(), ref=number, **read_form(PlanForm()), **who())

    return _work(ref, "part", save, _("The part is planned."))


@pages.post("/workshop/<ref>/parts/reserve")
@requires("rma.repair")
def reserve_parts(ref: str) -> ResponseReturnValue:
    """Try again to reserve what is missing."""
    return _work(
        ref,
        "part",
        lambda number: bench.reserve_planned(unit(), ref=number, **who()),
        _("What is here of the planned parts is reserved."),
    )


@pages.post("/workshop/<ref>/parts/<part>/use")
@requires("rma.repair")
def use_part(ref: str, part: str) -> ResponseReturnValue:
    """Use a reserved part."""

    def save(number: str) -> None:
        form = read_form(UseForm())
        has_old = not form.pop("no_old")
        bench.use_part(unit(), ref=number, part=part, has_old=has_old, **form, **who())

    return _work(ref, "part", save, _("The part is used."))


@pages.post("/workshop/<ref>/parts/<part>/drop")
@requires("rma.repair")
def drop_part(ref: str, part: str) -> ResponseReturnValue:
    """Let a planned part go."""
    return _work(
        ref,
        "part",
        lambda number: bench.drop_part(unit(), ref=number, part=part, **who()),
        _("The part is no longer planned."),
    )


@pages.post("/workshop/<ref>/labour")
@requires("rma.repair")
def add_labour(ref: str) -> ResponseReturnValue:
    """Write down time that was worked."""

    def save(number: str) -> None:
        bench.record_labour(unit(), ref=number, **read_form(LabourForm()), **who())

    return _work(ref, "labour", save, _("The time is written down."))


@pages.post("/workshop/<ref>/components")
@requires("rma.repair")
def swap_component(ref: str) -> ResponseReturnValue:
    """Write down that a component was exchanged."""

    def save(number: str) -> None:
        bench.swap_component(unit(), ref=number, **read_form(SwapForm()), **who())

    return _work(ref, "component", save, _("The exchange is written down."))


@pages.post("/workshop/<ref>/firmware")
@requires("rma.repair")
def record_firmware(ref: str) -> ResponseReturnValue:
    """Write which firmware the box had, and has."""

    def save(number: str) -> None:
        bench.record_firmware(unit(), ref=number, **read_form(FirmwareForm()), **who())

    return _work(ref, "firmware", save, _("The firmware is written down."))


@pages.post("/workshop/<ref>/tests")
@requires("rma.repair")
def record_test(ref: str) -> ResponseReturnValue:
    """Write what a test came to, with the run of the lab behind it where there is one."""

    def save(number: str) -> None:
        form = read_form(TestForm())
        bench.record_test(
            unit(),
            ref=number,
            passed=form["passed"] == "yes",
            note=form["note"],
            lab_run=form["lab_run"],
            **who(),
        )

    return _work(ref, "test", save, _("The test is written down."))


@pages.post("/workshop/<ref>/tests/<test>/run")
@requires("rma.repair")
def attach_run(ref: str, test: str) -> ResponseReturnValue:
    """Name the run of the lab behind a test."""

    def save(number: str) -> None:
        run = read_form(LabRunForm())["lab_run"]
        bench.attach_lab_run(unit(), ref=number, test=test, lab_run=run, **who())

    return _work(ref, "test", save, _("The run stands behind the test."))


@pages.post("/workshop/<ref>/wiping")
@requires("rma.repair")
def state_wiping(ref: str) -> ResponseReturnValue:
    """State how the customer's data were wiped."""

    def save(number: str) -> None:
        form = read_form(WipingForm())
        stating.state(unit(), ref=number, kind=WIPING, **form, **who())

    return _work(ref, "wiping", save, _("The wiping is written down."))


@pages.post("/workshop/<ref>/grade")
@requires("rma.repair")
def grade_box(ref: str) -> ResponseReturnValue:
    """Grade the condition of a box."""

    def save(number: str) -> None:
        bench.grade_box(unit(), ref=number, **read_form(GradeForm()), **who())

    return _work(ref, "grade", save, _("The box is graded."))

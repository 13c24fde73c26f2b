"""The page of a case, and everything that is done on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from stb_service.billing.pages import shown_rows, typed_lines
from stb_service.billing.routes import operators_zone
from stb_service.devices.routes import who
from stb_service.parts.queries import all_locations
from stb_service.rma import (
    deciding,
    exchange,
    operations,
    other_box,
    photographs,
    quoting,
    stating,
)
from stb_service.rma.case_card import CaseCard, card_of
from stb_service.rma.facts import REMEDY_NAMES
from stb_service.rma.forms import (
    AccessoryForm,
    CaseForm,
    CaseQuoteForm,
    FaultForm,
    GoodwillForm,
    NoteForm,
    PhotoForm,
    ReasonForm,
    SpareForm,
    StatementForm,
    StepForm,
    prechecks_form,
)
from stb_service.rma.lists import PRECHECKS, WITH_AMOUNT, Stated
from stb_service.rma.paper_pages import papers_of
from stb_service.rma.refunding import check_payer
from stb_service.rma.rules import MACHINES
from stb_service.rma.steps import NEEDED_PLACES, asked_with
from stb_service.rma.wording import words
from stb_service.shared.access import requires, takes_files
from stb_service.shared.errors import DomainError, Invalid, Refused
from stb_service.shared.http import current_actor, read_form, services, unit
from stb_service.shared.http.pages import form_errors, form_page, see_other, typed_values
from stb_service.shared.http.unit import request_time
from stb_service.shared.i18n import CUSTOMER_LANGUAGES, text
from stb_service.shared.money import read_amount

pages = Blueprint("case_pages", __name__, template_folder="templates")
pages.context_processor(words)


@dataclass(frozen=True)
class Tried:
    """What was typed into one form of the page that was refused, and why."""

    name: str = ""
    typed: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, list[str]] = field(default_factory=dict)

    def of(self, name: str) -> Mapping[str, Any]:
        """Return what was typed into a form."""
        return self.typed if self.name == name else {}

    def why(self, name: str) -> Mapping[str, list[str]]:
        """Return the messages of a form."""
        return self.errors if self.name == name else {}


NOT_TRIED = Tried()
pages.context_processor(lambda: {"asked_with": asked_with, "needed_places": NEEDED_PLACES})


def card(ref: str) -> CaseCard:
    """Return the card of a case, as the reader may see it."""
    return card_of(unit(), ref, current_actor(), request_time())


@pages.get("/returns/<ref>")
@requires("rma.view")
def show_case(ref: str) -> ResponseReturnValue:
    """Show a case: where it is, what may come next, and all that belongs to it."""
    return _page(ref, NOT_TRIED)


@pages.get("/returns/<ref>/changed")
@requires("rma.view")
def whether_changed(ref: str) -> ResponseReturnValue:
    """Tell whether a case has changed since its page was opened; nothing where it has not."""
    found, mark = card(ref), request.args.get("mark", "")
    if found.mark == mark:
        return "", 204
    return render_template("rma/changed.html", card=found, mark=mark)


def _page(ref: str, tried: Tried) -> str:
    found = card(ref)
    return render_template(
        "rma/case.html",
        card=found,
        order=found.order,
        rows=found.rows,
        **papers_of(found.case),
        tried=tried,
        shelves=shelf_choices,
        places_for=lambda event: [
            ("", _("choose one")),
            *((row.code, f"{row.code} · {row.name}") for row in found.places_for(event)),
        ],
    )


def shelf_choices() -> list[tuple[str, str]]:
    """Return the places of the reader, to take something from."""
    found = all_locations(unit(), current_actor().scope, ())
    return [("", _("choose one")), *((row.code, f"{row.code} · {row.name}") for row in found)]


def on_case(ref: str, name: str, act: Callable[[], Any], done: str) -> ResponseReturnValue:
    """Carry out what a form of the page asks for; refused, the page shows it again as it was typed."""
    try:
        act()
    except DomainError as refusal:
        if refusal.status in {401, 403, 404}:
            raise
        unit().rollback()
        return _page(ref, Tried(name, typed_values({}), _errors(refusal))), refusal.status
    flash(done)
    return see_other("case_pages.show_case", ref=ref)


def _errors(refusal: DomainError) -> dict[str, list[str]]:
    """Return every reason of a refusal, those of fields at theirs."""
    if isinstance(refusal, Refused):
        return {"": [str(obstacle) for obstacle in refusal.obstacles]}
    return form_errors(refusal)


# --- steps ---------------------------------------------------------------------------------------


@pages.post("/returns/<ref>/steps")
@requires("rma.view")
def make_step(ref: str) -> ResponseReturnValue:
    """Make a step of the case or of its order."""
    name = f"{request.form.get('machine', '')}-{request.form.get('event', '')}"

    def step() -> None:
        form = read_form(StepForm())
        machine, event = MACHINES[form.pop("machine")], form.pop("event")
        said = Stated(**{**form, "lines": tuple(form["lines"])})
        stated = check_payer(said, services().settings.payment_provider)
        operations.act(unit(), ref=ref, machine=machine, event=event, stated=stated, **who())

    return on_case(ref, name, step, _("Done."))


# --- before the return is authorised -------------------------------------------------------------


@pages.post("/returns/<ref>/checks")
@requires("rma.edit")
def record_prechecks(ref: str) -> ResponseReturnValue:
    """Record what came of the checks before the return."""

    def save() -> None:
        found = card(ref)
        known = {asked.code: asked.finding for asked in found.prechecks}
        write_prechecks(found.case.number, read_form(prechecks_form()), known)

    return on_case(ref, "checks", save, _("The checks are recorded."))


def write_prechecks(ref: str, form: Mapping[str, str], known: Mapping[str, str]) -> None:
    """Record the checks that were answered, with what the service knew of each."""
    for code in PRECHECKS:
        if answer := form[f"answer-{code}"]:
            stating.record_precheck(
                unit(),
                ref=ref,
                code=code,
                answer=answer,
                finding=known.get(code, ""),
                note=form[f"note-{code}"],
                **who(),
            )


# --- faults, photographs, statements -------------------------------------------------------------


@pages.post("/returns/<ref>/faults")
@requires("rma.edit")
def add_fault(ref: str) -> ResponseReturnValue:
    """Write a further fault down."""
    sources = services().registries.warranty_facts

    def save() -> None:
        form = read_form(FaultForm())
        by = "customer"
        deciding.add_fault(unit(), ref=ref, **form, reported_by=by, sources=sources, **who())

    return on_case(ref, "fault", save, _("The fault is written down."))


@pages.post("/returns/<ref>/goodwill")
@requires("rma.decide")
def grant_goodwill(ref: str) -> ResponseReturnValue:
    """Let the operator answer for a fault."""
    return on_case(
        ref,
        "goodwill",
        lambda: deciding.grant_goodwill(unit(), ref=ref, **read_form(GoodwillForm()), **who()),
        _("Goodwill is granted."),
    )


@pages.post("/returns/<ref>/photographs")
@requires("rma.edit")
@takes_files
def add_photo(ref: str) -> ResponseReturnValue:
    """Keep photographs of the box."""

    def save() -> None:
        form = read_form(PhotoForm())
        found = [file for file in request.files.getlist("photo") if file.filename]
        if not found:
            raise Invalid.field("photo", text("Choose a picture."))
        for file in found:
            data = file.stream.read(photographs.MOST_PHOTO_BYTES + 1)
            photographs.add_photo(
                unit(), ref=ref, data=data, files=services().files, **form, **who()
            )

    return on_case(ref, "photo", save, _("The photograph is kept."))


@pages.post("/returns/<ref>/statements")
@requires("rma.edit")
def state(ref: str) -> ResponseReturnValue:
    """State something of the case, or take it back."""

    def save() -> None:
        form = read_form(StatementForm())
        stands, amount = not form.pop("withdrawn"), form.pop("amount_minor")
        minor = None
        if amount or (form["kind"] in WITH_AMOUNT and stands):
            minor = read_amount(amount, card(ref).case.currency, field="amount_minor")
        stating.state(unit(), ref=ref, stands=stands, amount_minor=minor, **form, **who())

    return on_case(ref, "statement", save, _("The statement is kept."))


# --- what leaves in exchange ---------------------------------------------------------------------


@pages.post("/returns/<ref>/spare")
@requires("rma.edit")
def allocate_spare(ref: str) -> ResponseReturnValue:
    """Keep a box of the shelf for the case."""
    return on_case(
        ref,
        "spare",
        lambda: exchange.allocate_spare(unit(), ref=ref, **read_form(SpareForm()), **who()),
        _("The box is kept for this return."),
    )


@pages.post("/returns/<ref>/spare/release")
@requires("rma.edit")
def release_spare(ref: str) -> ResponseReturnValue:
    """Give the box back to the shelf."""
    return on_case(
        ref,
        "spare",
        lambda: exchange.release_spare(unit(), ref=ref, **read_form(ReasonForm()), **who()),
        _("The box is on the shelf again."),
    )


@pages.post("/returns/<ref>/provisioned")
@requires("rma.edit")
def acknowledge_provisioning(ref: str) -> ResponseReturnValue:
    """Write that the new box is provisioned."""
    return on_case(
        ref,
        "provisioning",
        lambda: exchange.acknowledge_provisioning(
            unit(), ref=ref, **read_form(NoteForm()), **who()
        ),
        _("The new box is provisioned."),
    )


@pages.post("/returns/<ref>/pins")
@requires("rma.edit")
def release_pins(ref: str) -> ResponseReturnValue:
    """Write that nothing is pinned to the old box any more."""
    return on_case(
        ref,
        "provisioning",
        lambda: exchange.release_pins(unit(), ref=ref, **read_form(NoteForm()), **who()),
        _("Nothing is pinned to the old box any more."),
    )


@pages.post("/returns/<ref>/parcels/<parcel>/delivered")
@requires("rma.receive")
def deliver_stray(ref: str, parcel: str) -> ResponseReturnValue:
    """Write that the box which came by mistake is back where it belongs."""
    return on_case(
        ref,
        "parcel",
        lambda: other_box.deliver(unit(), ref=ref, parcel=parcel, **who()),
        _("The parcel is delivered."),
    )


@pages.post("/returns/<ref>/accessory")
@requires("rma.edit")
def reserve_accessory(ref: str) -> ResponseReturnValue:
    """Hold an accessory back for the case."""
    return on_case(
        ref,
        "accessory",
        lambda: exchange.reserve_accessory(unit(), ref=ref, **read_form(AccessoryForm()), **who()),
        _("The accessory is held back for this return."),
    )


# --- corrections, quotes -------------------------------------------------------------------------


def language_choices() -> list[tuple[str, str]]:
    """Return the languages of letters as choices."""
    return [("", _("the customer's")), *((code, name) for code, name in CUSTOMER_LANGUAGES.items())]


@pages.route("/returns/<ref>/edit", methods=["GET", "POST"])
@requires("rma.edit")
def edit_case(ref: str) -> ResponseReturnValue:
    """Correct what the case says."""
    case = card(ref).case

    def save() -> ResponseReturnValue:
        operations.change_case(unit(), ref=ref, **read_form(CaseForm()), **who())
        flash(_("The return is changed."))
        return see_other("case_pages.show_case", ref=ref)

    values = {name: getattr(case, name) for name in ("complaint", "language", "remedy")}
    return form_page(
        "rma/case_form.html", save, values=values, case=case, languages=language_choices
    )


@pages.route("/returns/<ref>/quote", methods=["GET", "POST"])
@requires("rma.decide")
def quote_case(ref: str) -> ResponseReturnValue:
    """Make the quote of a case, as a draft."""
    case = card(ref).case
    number, currency = case.number, case.currency

    def save() -> ResponseReturnValue:
        form = read_form(CaseQuoteForm())
        discount = read_amount(form.pop("discount") or "0", currency, field="discount")
        made = quoting.quote_case(
            unit(),
            ref=ref,
            lines=typed_lines(currency),
            discount_minor=discount,
            zone=operators_zone(),
            **form,
            **who(),
        )
        flash(_("Quote %(number)s is a draft: send it by the next step.", number=made.quote.number))
        return see_other("case_pages.show_case", ref=number)

    quotable = quoting.quotable(unit(), case)
    chosen = quoting.chosen_remedy(unit(), case)
    return form_page(
        "rma/quote_form.html",
        save,
        values={"title": number, "remedy": (chosen or quotable[0]).value},
        case=case,
        remedies=[(remedy.value, REMEDY_NAMES[remedy]) for remedy in quotable],
        rows=shown_rows([], currency),
        currency=currency,
    )

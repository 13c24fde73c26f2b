"""The pages of what returns go by: repair beside replacement, the days of each wait, the terms of models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from marshmallow import Schema, ValidationError

from stb_service.devices.catalogue.queries import all_models, find_model, model_by_ref
from stb_service.devices.routes import who
from stb_service.rma import bench, choosing, comparing, comparison, queries, terms, workbench
from stb_service.rma.comparison import CHOICE_NAMES, Choice, Inputs, Result, Worth
from stb_service.rma.history import Terms
from stb_service.rma.law import law_of
from stb_service.rma.models import Comparison, ModelTerms, ReturnCase, WorkshopOrder
from stb_service.rma.money import terms_of_model
from stb_service.rma.workshop_forms import (
    AMOUNTS,
    MONTHS,
    PERMILLE_PLACES,
    PPM_PLACES,
    PRICES,
    SHARES,
    ChoiceForm,
    ComparisonForm,
    ModelTermsForm,
    days_schema,
    read_comparison,
    read_model_terms,
)
from stb_service.rma.workshop_pages import errors_of
from stb_service.rma.workshop_words import words
from stb_service.shared.access import requires
from stb_service.shared.errors import DomainError, Invalid, Obstacle, Refused
from stb_service.shared.http import current_actor, read_form, unit
from stb_service.shared.http.pages import form_page, see_other, typed_values
from stb_service.shared.http.unit import field_messages, request_time
from stb_service.shared.i18n import Text, text
from stb_service.shared.money import CURRENCIES, plain_amount, plain_decimal

pages = Blueprint("return_terms_pages", __name__, template_folder="templates")
pages.context_processor(words)
NO_TERMS = Obstacle(
    "no-terms", text("Nothing is known of prices and lives of this model; enter its terms.")
)
DAY_NAMES: Mapping[str, Text] = {
    "request_days": text("A request is authorised"),
    "authorised_days": text("The customer sends the box"),
    "ahead_days": text("The old box comes back, a replacement having gone ahead"),
    "choice_days": text("The customer chooses"),
    "payment_days": text("The customer pays"),
    "storage_days": text("An undelivered box is kept"),
    "confirm_days": text("The customer confirms"),
    "repeat_days": text("A return counts as a repeat"),
}


# --- repair beside replacement -------------------------------------------------------------------


@dataclass(frozen=True)
class Shown:
    """A comparison as the page shows it: one that was kept, or one that is only tried."""

    inputs: Inputs
    result: Result
    worths: Sequence[Worth]
    best: str
    kept: Comparison | None = None

    @property
    def why(self) -> Text:
        """The reason of the advice."""
        return comparison.why_sentence(self.inputs, self.result)


def _kept(row: Comparison) -> Shown:
    inputs, result = comparison.from_data({"inputs": row.inputs, "result": row.result})
    worths, best = workbench.worths_of(choosing.offers_of(row), row.made_at.date())
    return Shown(inputs, result, worths, best, row)


@pages.get("/workshop/<ref>/comparison")
@pages.get("/returns/<ref>/comparison")
@requires("rma.view")
def show_comparison(ref: str) -> ResponseReturnValue:
    """Show repair and replacement side by side; with inputs in the address, what they come to."""
    case, order = workbench.pair_of(unit(), ref, current_actor().scope)
    if "parts" not in request.args:
        return _comparison_page(case, order, None, {}, None)
    try:
        tried = _try(case, order)
    except DomainError as refusal:
        return _comparison_page(
            case, order, request.args.to_dict(), errors_of(refusal), None
        ), refusal.status
    return _comparison_page(case, order, request.args.to_dict(), {}, tried)


def _typed_inputs(known: ModelTerms, typed: Mapping[str, str]) -> dict[str, Any]:
    form = ComparisonForm()
    given = {name: value for name, value in typed.items() if name in form.fields and value.strip()}
    loaded = read_form_of(form, given)
    return read_comparison(loaded, typed, known.currency)


def read_form_of(form: Schema, given: Mapping[str, str]) -> dict[str, Any]:
    """Return values that came in an address, parsed by a schema.

    Raises:
        Invalid: with the messages of each field.
    """
    try:
        loaded: dict[str, Any] = form.load(given)
    except ValidationError as error:
        raise Invalid(fields=field_messages(error.messages)) from error
    return loaded


def _try(case: ReturnCase | None, order: WorkshopOrder | None) -> Shown:
    """Return what the inputs in the address come to; nothing is kept.

    Raises:
        Refused: nothing is known of the model.
        Invalid: an input cannot be read.
    """
    owner = case or order
    assert owner is not None
    known = terms_of_model(unit(), owner.device)
    if known is None:
        raise Refused([NO_TERMS])
    given, today = _typed_inputs(known, request.args), request_time().date()
    price = given["repair_price_minor"]
    if price is None:
        price = given["parts_minor"] + given["labour_minor"]
    inputs = comparing.inputs_by_terms(
        *(known, law_of(case), given["parts_minor"], given["labour_minor"], given["more"]),
        today=today,
    )
    offers = choosing.offers_from(comparing.offers_by_terms(known, price, today))
    worths, best = workbench.worths_of(offers, today)
    return Shown(inputs, comparison.compare(inputs), worths, best)


def _comparison_page(
    case: ReturnCase | None,
    order: WorkshopOrder | None,
    typed: Mapping[str, Any] | None,
    errors: Mapping[str, list[str]],
    tried: Shown | None,
) -> str:
    session, owner = unit(), case or order
    assert owner is not None
    known = terms_of_model(session, owner.device)
    rows = workbench.comparisons_of(session, case, order)
    kept = [_kept(row) for row in reversed(rows)]
    return render_template(
        "rma/comparison.html",
        case=case,
        order=order,
        owner=owner,
        known=known,
        shown=tried or (kept[0] if kept else None),
        former=kept if tried else kept[1:],
        values=_first_inputs(case, order, known) if typed is None and known else typed or {},
        errors=errors,
        amounts=AMOUNTS,
        months=MONTHS,
        shares=SHARES,
        choice_options=[(str(choice), CHOICE_NAMES[choice]) for choice in Choice],
        no_terms=[NO_TERMS],
    )


def _first_inputs(
    case: ReturnCase | None, order: WorkshopOrder | None, known: ModelTerms
) -> dict[str, Any]:
    """Return what the form begins with: the work so far, and what the model's terms say."""
    session, parts, labour = unit(), 0, 0
    if order is not None:
        planned = workbench.parts_of(session, order)
        here = workbench.stock_here(session, order.location, {row.part_id for row in planned})
        parts = workbench.parts_worth(here, planned)
        labour = sum(bench.work_of(session, order).values())
    today = request_time().date()
    inputs = comparing.inputs_by_terms(known, law_of(case), parts, labour, {}, today)
    values: dict[str, Any] = {
        name: plain_amount(getattr(inputs, name), known.currency) for name in AMOUNTS
    }
    values |= {name: getattr(inputs, name) for name in MONTHS}
    values |= {name: plain_decimal(getattr(inputs, name), PERMILLE_PLACES) for name in SHARES}
    values["parts"] = plain_amount(parts, known.currency)
    values["labour"] = plain_amount(labour, known.currency)
    return values


@pages.post("/workshop/<ref>/comparison")
@pages.post("/returns/<ref>/comparison")
@requires("rma.edit")
def keep_comparison(ref: str) -> ResponseReturnValue:
    """Keep a comparison with its inputs."""
    case, order = workbench.pair_of(unit(), ref, current_actor().scope)
    owner = case or order
    assert owner is not None
    try:
        known = terms_of_model(unit(), owner.device)
        if known is None:
            raise Refused([NO_TERMS])
        given = _typed_inputs(known, request.form)
        comparing.compare_repair(unit(), ref=owner.number, **given, **who())
    except DomainError as refusal:
        if refusal.status in {401, 403, 404}:
            raise
        unit().rollback()
        case, order = workbench.pair_of(unit(), ref, current_actor().scope)
        page = _comparison_page(case, order, typed_values({}), errors_of(refusal), None)
        return page, refusal.status
    flash(_("The comparison is kept with its inputs."))
    return see_other("return_terms_pages.show_comparison", ref=ref)


@pages.post("/returns/<ref>/comparison/<comparison_ref>/choice")
@requires("rma.edit")
def choose(ref: str, comparison_ref: str) -> ResponseReturnValue:
    """Keep what the customer chose."""
    case, order = workbench.pair_of(unit(), ref, current_actor().scope)
    owner = case or order
    assert owner is not None
    try:
        comparing.choose(
            unit(),
            ref=owner.number,
            comparison_ref=comparison_ref,
            **read_form(ChoiceForm()),
            **who(),
        )
    except DomainError as refusal:
        if refusal.status in {401, 403, 404}:
            raise
        unit().rollback()
        case, order = workbench.pair_of(unit(), ref, current_actor().scope)
        return _comparison_page(case, order, None, errors_of(refusal), None), refusal.status
    flash(_("The choice is kept."))
    return see_other("return_terms_pages.show_comparison", ref=ref)


# --- terms ---------------------------------------------------------------------------------------


@pages.route("/returns/terms", methods=["GET", "POST"])
@requires("rma.terms")
def edit_terms() -> ResponseReturnValue:
    """Show and change how many days each wait may take; and the models that have terms."""

    def save() -> ResponseReturnValue:
        form = read_form(days_schema(DAY_NAMES, terms.MOST_DAYS))
        terms.set_return_terms(unit(), **form, **who())
        flash(_("The days are set."))
        return see_other("return_terms_pages.edit_terms")

    row = terms.return_terms(unit())
    days = row.as_terms if row else Terms()
    return form_page(
        "rma/terms.html",
        save,
        values={name: getattr(days, name) for name in DAY_NAMES},
        names=DAY_NAMES,
        row=row,
        known=lambda: {found.model_id: found for found in queries.model_terms(unit())},
        models=lambda: all_models(unit()),
    )


@pages.route("/returns/terms/<ref>", methods=["GET", "POST"])
@requires("rma.terms")
def edit_model_terms(ref: str) -> ResponseReturnValue:
    """Show and change what returns of a model go by."""
    model = find_model(unit(), ref) or model_by_ref(unit(), ref)
    uid, name = model.public_id, model.code

    def save() -> ResponseReturnValue:
        given = read_model_terms(read_form(ModelTermsForm()), CURRENCIES)
        terms.set_model_terms(unit(), model=uid, **given, **who())
        flash(_("The terms of %(model)s are set.", model=name))
        return see_other("return_terms_pages.edit_terms")

    return form_page(
        "rma/model_terms.html",
        save,
        values=_terms_values(workbench.terms_of(unit(), model.id)),
        model=lambda: model_by_ref(unit(), uid),
        prices=PRICES,
    )


def _terms_values(row: ModelTerms | None) -> dict[str, Any]:
    """Return the terms of a model as they stand in the form; those of none, as they begin."""
    known: dict[str, Any] = {
        name: getattr(row, name) if row else value for name, value in terms.DEFAULTS.items()
    }
    values = {n: v for n, v in known.items() if n not in {"tau_permille", "tax_ppm", *PRICES}}
    values |= {name: plain_amount(known[name], known["currency"]) for name in PRICES}
    values["tau"] = plain_decimal(known["tau_permille"], PERMILLE_PLACES)
    values["tax"] = plain_decimal(known["tax_ppm"], PPM_PLACES)
    return values

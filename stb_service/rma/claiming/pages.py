"""The pages of claims: the list with its sums, a claim, batches, credit notes, suppliers' terms."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

from flask import Blueprint, Response, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import format_date
from flask_babel import gettext as _
from marshmallow import EXCLUDE, Schema

from stb_service.devices.catalogue.queries import all_models
from stb_service.devices.routes import who
from stb_service.parts.pages import carry_out
from stb_service.rma.claiming import (
    batches,
    claimable,
    crediting,
    operations,
    proposing,
    queries,
    rules,
)
from stb_service.rma.claiming.batches import NoteFilter
from stb_service.rma.claiming.crediting import Preview
from stb_service.rma.claiming.models import ClaimBatch, SupplierClaim, SupplierTerms
from stb_service.rma.claiming.queries import ClaimFilter
from stb_service.rma.claiming.schemas import (
    ClaimFilterFields,
    ClaimReasonForm,
    CreditNotePageForm,
    NoteFilterFields,
    ProposalForm,
    SupplierTermsPageForm,
)
from stb_service.rma.claims import CLAIM, MATCH_NAMES, PLACES
from stb_service.rma.guards import STATED
from stb_service.rma.machine import NEW
from stb_service.rma.needs import Need
from stb_service.shared.access import requires
from stb_service.shared.errors import DomainError, Invalid
from stb_service.shared.http import current_actor, read_form, unit
from stb_service.shared.http.pages import form_page, see_other, typed_values
from stb_service.shared.http.unit import request_time
from stb_service.shared.i18n import text
from stb_service.shared.money import Money, plain_amount, read_amount
from stb_service.shared.tables import write_csv

pages = Blueprint("claim_pages", __name__, template_folder="../templates")
PAGE_SIZE = 50
MOST_UPLOAD = 200_000


@pages.context_processor
def words() -> dict[str, Any]:
    """Return the names that the templates use."""
    return {
        "claim_places": {state: place for state, place in PLACES.items() if state != NEW},
        "claim_titles": [(state, row.title) for state, row in PLACES.items() if state != NEW],
        "claim_events": CLAIM.events,
        "supplier_money": Money,
        "format_date": format_date,
        "claim_colours": rules.STATE_COLOURS,
        "claim_line_names": rules.LINE_KIND_NAMES,
        "match_names": MATCH_NAMES,
        "match_colours": rules.MATCH_COLOURS,
        "basis_names": rules.BASIS_NAMES,
    }


def _supplier_choices(first: str) -> list[tuple[str, str]]:
    found = claimable.all_suppliers(unit(), current_actor().scope)
    return [("", first), *((row.code, row.name) for row in found)]


def _asked(schema: Schema) -> dict[str, Any]:
    """Return the filter in the address; a part that cannot be read is left out."""
    given = {name: value for name, value in request.args.items() if value.strip()}
    wrong = set(schema.validate(given, partial=True)) & set(given)
    kept = {name: value for name, value in given.items() if name not in wrong}
    found: dict[str, Any] = schema.load(kept, unknown=EXCLUDE)
    return found


# --- claims --------------------------------------------------------------------------------------


@pages.get("/returns/claims")
@requires("rma.claim")
def list_claims() -> ResponseReturnValue:
    """List the claims: filters in the address, sums by state, page by page."""
    wanted = ClaimFilter(**_asked(ClaimFilterFields()))
    scope = current_actor().scope
    return render_template(
        "rma/claims.html",
        wanted=wanted,
        page=queries.claims_page(
            unit(), wanted, scope, cursor=request.args.get("cursor"), limit=PAGE_SIZE
        ),
        sums=queries.sums_of(unit(), wanted, scope),
        suppliers=_supplier_choices(_("all")),
    )


@pages.get("/returns/claims/<ref>")
@requires("rma.claim")
def show_claim(ref: str) -> ResponseReturnValue:
    """Show a claim with its lines, its steps, and what can be said of it."""
    scope = current_actor().scope
    claim = queries.claim_by_ref(unit(), ref, scope)
    return render_template(
        "rma/claim.html",
        claim=claim,
        lines=queries.lines_of_claim(unit(), claim, scope),
        steps=queries.events_of_claim(unit(), claim, scope),
        credits=queries.credits_of_claim(unit(), claim, scope),
        actions=_actions(claim),
        left_out=claimable.candidates(unit(), [claim.order], scope)[0].left_out,
        money=lambda minor: Money(minor, claim.currency),
    )


def _actions(claim: SupplierClaim) -> list[tuple[str, bool]]:
    """Return the steps that people can make, each with whether a reason is asked."""
    return [
        (step.event, Need.REASON in step.needs and Need.REASON in STATED)
        for step in CLAIM.steps_from(claim.position)
        if step.event in operations.BY_HAND
    ]


@pages.post("/returns/claims/<ref>/<event>")
@requires("rma.claim")
def move_claim(ref: str, event: str) -> ResponseReturnValue:
    """Say what became of a claim."""
    return carry_out(
        lambda: operations.move_claim(
            unit(), ref=ref, event=event, **read_form(ClaimReasonForm()), **who()
        ),
        _("The claim has moved."),
        see_other("claim_pages.show_claim", ref=ref),
    )


@pages.get("/returns/claims/candidates")
@requires("rma.claim")
def list_candidates() -> ResponseReturnValue:
    """List the repairs for which something may be claimed, with what it comes to or what bars it."""
    scope = current_actor().scope
    page = claimable.candidates_page(
        unit(), scope, cursor=request.args.get("cursor"), limit=PAGE_SIZE
    )
    rows = claimable.candidates(unit(), page.rows, scope)
    return render_template("rma/claim_candidates.html", page=page, rows=rows)


@pages.post("/returns/claims/candidates")
@requires("rma.claim")
def propose() -> ResponseReturnValue:
    """Propose a claim for one repair, or for all that have something to claim."""
    back = see_other("claim_pages.list_claims", state="candidate")
    if not request.form.get("order", "").strip():
        made = proposing.propose_all(unit(), **who())
        flash(str(text("Claims proposed: %(n)s", n=len(made))))
        return back
    try:
        proposing.propose_claim(unit(), **_proposal(), **who())
    except DomainError as refusal:
        if refusal.status in {401, 403, 404}:
            raise
        unit().rollback()
        flash(_said(refusal), "error")
        return see_other("claim_pages.list_candidates")
    flash(_("The claim is proposed."))
    return back


def _proposal() -> dict[str, Any]:
    """Return the order that was sent, and what its box cost where that was typed."""
    form = read_form(ProposalForm())
    if typed := form.pop("box"):
        form["box_minor"] = read_amount(typed, form["currency"].upper(), field="box")
    del form["currency"]
    return form


# --- batches -------------------------------------------------------------------------------------


@pages.get("/returns/claims/batches")
@requires("rma.claim")
def list_batches() -> ResponseReturnValue:
    """List the batches with their sums."""
    page = batches.batches_page(
        unit(), current_actor().scope, cursor=request.args.get("cursor"), limit=PAGE_SIZE
    )
    return render_template("rma/claim_batches.html", page=page)


@pages.post("/returns/claims/batches")
@requires("rma.claim")
def submit_claims() -> ResponseReturnValue:
    """Send the chosen claims as a batch."""
    chosen = [value[:32] for value in request.form.getlist("claims")]
    try:
        batch = operations.submit_claims(unit(), claims=chosen, **who())
    except DomainError as refusal:
        if refusal.status in {401, 403}:
            raise
        unit().rollback()
        flash(_said(refusal), "error")
        return see_other("claim_pages.list_claims", state="candidate")
    flash(
        str(text("Batch %(number)s is made; send its table to the supplier.", number=batch.number))
    )
    return see_other("claim_pages.show_batch", ref=batch.number)


def _said(refusal: DomainError) -> str:
    """Return a refusal in one line: the messages of a form without fields are said as they are."""
    if isinstance(refusal, Invalid) and refusal.fields:
        return " ".join(str(said) for messages in refusal.fields.values() for said in messages)
    return str(refusal)


@pages.get("/returns/claims/batches/<ref>")
@requires("rma.claim")
def show_batch(ref: str) -> ResponseReturnValue:
    """Show a batch: its claims, its sums, and the credit notes held against it."""
    scope = current_actor().scope
    batch = batches.batch_by_ref(unit(), ref, scope)
    return render_template(
        "rma/claim_batch.html",
        batch=batch,
        row=batches.sum_of_batch(unit(), batch),
        claims=batches.claims_of_batch(unit(), batch, scope),
        notes=batches.notes_of_batch(unit(), batch, scope),
    )


@pages.get("/returns/claims/batches/<ref>.csv")
@requires("rma.claim")
def export_batch(ref: str) -> ResponseReturnValue:
    """Return a batch as the table that goes to the supplier: a row for each line of a claim."""
    batch = batches.batch_by_ref(unit(), ref, current_actor().scope)
    file = io.BytesIO()
    write_csv(file, _table(batch))
    name = f'attachment; filename="{batch.number}.csv"'
    return Response(file.getvalue(), mimetype="text/csv", headers={"Content-Disposition": name})


def _table(batch: ClaimBatch) -> Iterator[list[str]]:
    """Yield the rows, with headings in English: suppliers' systems read them."""
    yield [
        "claim",
        "serial",
        "model",
        "reported_on",
        "kind",
        "what",
        "quantity",
        "amount",
        "currency",
    ]
    lines = batches.lines_by_claim(unit(), batch)
    for claim in batches.claims_of_batch(unit(), batch, current_actor().scope):
        case = claim.order.case
        device = claim.device
        head = [
            claim.number,
            device.serial or device.label,
            device.model.code if device.model else "",
            case.reported_on.isoformat() if case else "",
        ]
        for line in lines.get(claim.id, ()):
            amount = plain_amount(line.amount_minor, claim.currency)
            yield [*head, line.kind, line.what, str(line.quantity), amount, claim.currency]


# --- credit notes --------------------------------------------------------------------------------


@pages.get("/returns/claims/credit-notes")
@requires("rma.claim")
def list_credit_notes() -> ResponseReturnValue:
    """List the credit notes: filters in the address, page by page."""
    wanted = NoteFilter(**_asked(NoteFilterFields()))
    return render_template(
        "rma/credit_notes.html",
        wanted=wanted,
        page=batches.notes_page(
            unit(),
            wanted,
            current_actor().scope,
            cursor=request.args.get("cursor"),
            limit=PAGE_SIZE,
        ),
        suppliers=_supplier_choices(_("all")),
    )


@pages.route("/returns/claims/credit-notes/new", methods=["GET", "POST"])
@requires("rma.claim")
def new_credit_note() -> ResponseReturnValue:
    """Enter a credit note: what it does is shown first, then it is entered."""
    scope = current_actor().scope
    values: dict[str, Any] = {"issued_on": request_time().date(), "currency": "EUR"}
    if called := request.args.get("batch", "")[:16]:
        batch = batches.batch_by_ref(unit(), called, scope)
        values |= {
            "batch": batch.number,
            "supplier": batch.supplier.code,
            "currency": batch.currency,
        }

    def save() -> ResponseReturnValue:
        form = read_form(CreditNotePageForm())
        typed = form["lines"] or _uploaded()
        lines = crediting.read_lines(typed, form.pop("currency").upper())
        seen, form["lines"] = form.pop("seen"), lines
        issued_on = form.pop("issued_on")
        if not seen:
            preview = crediting.preview_credit_note(unit(), **form, actor=current_actor())
            return _shown(typed_values(values) | {"lines": typed}, preview)
        note = crediting.enter_credit_note(unit(), **form, issued_on=issued_on, seen=seen, **who())
        flash(_("The credit note is entered."))
        return see_other("claim_pages.show_credit_note", ref=note.public_id)

    return form_page(
        "rma/credit_note_form.html",
        save,
        values=values,
        preview=None,
        suppliers=lambda: _supplier_choices(_("choose")),
    )


def _shown(values: Mapping[str, Any], preview: Preview) -> str:
    return render_template(
        "rma/credit_note_form.html",
        values=values,
        errors={},
        preview=preview,
        suppliers=_supplier_choices(_("choose")),
    )


def _uploaded() -> str:
    """Return what a file holds that was sent along.

    Raises:
        Invalid: it is too large, or no text.
    """
    file = request.files.get("file")
    raw = file.stream.read(MOST_UPLOAD + 1) if file else b""
    if len(raw) > MOST_UPLOAD:
        raise Invalid.field("file", text("At most %(n)s characters.", n=MOST_UPLOAD))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid.field("file", text("The file is no text in UTF-8.")) from error


@pages.get("/returns/claims/credit-notes/<ref>")
@requires("rma.claim")
def show_credit_note(ref: str) -> ResponseReturnValue:
    """Show a credit note, and what came of its lines."""
    note = batches.note_by_ref(unit(), ref, current_actor().scope)
    return render_template("rma/credit_note.html", note=note)


# --- terms ---------------------------------------------------------------------------------------


@pages.route("/returns/claims/terms", methods=["GET", "POST"])
@requires("rma.claim")
def edit_terms() -> ResponseReturnValue:
    """Show what is agreed with suppliers, and take what is agreed for a model."""

    def save() -> ResponseReturnValue:
        form = read_form(SupplierTermsPageForm())
        code = form["currency"] = form["currency"].upper()
        for name in ("labour", "freight"):
            form[f"{name}_minor"] = read_amount(form.pop(name), code, field=name)
        row = operations.set_supplier_terms(unit(), **form, **who())
        flash(str(text("%(name)s is changed.", name=row.model.code)))
        return see_other("claim_pages.edit_terms")

    scope = current_actor().scope
    known = claimable.supplier_terms(unit(), scope)
    wanted = request.args.get("model", "")
    chosen = next((row for row in known if row.model.code == wanted), None)
    return form_page(
        "rma/supplier_terms.html",
        save,
        values=_values(chosen),
        known=known,
        models=lambda: [(row.code, row.name) for row in all_models(unit())],
        suppliers=lambda: _supplier_choices(_("choose")),
    )


def _values(row: SupplierTerms | None) -> dict[str, Any]:
    if row is None:
        return {"months": 24, "basis": "production", "currency": "EUR", "with_parts": True}
    return {
        "model": row.model.code,
        "supplier": row.supplier.code,
        "months": row.months,
        "basis": row.basis,
        "currency": row.currency,
        "with_parts": row.with_parts,
        "labour": plain_amount(row.labour_minor, row.currency),
        "freight": plain_amount(row.freight_minor, row.currency),
    }

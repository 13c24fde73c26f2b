"""The API of claims from suppliers."""

# flask-smorest has no types, so mypy cannot see through its decorators.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

from stb_service.devices.routes import who
from stb_service.rma.claiming import (
    batches,
    claimable,
    crediting,
    operations,
    proposing,
    queries,
    schemas,
)
from stb_service.rma.claiming.batches import NoteFilter
from stb_service.rma.claiming.models import SupplierClaim
from stb_service.rma.claiming.queries import ClaimFilter
from stb_service.rma.claims import Credited
from stb_service.shared.access import requires
from stb_service.shared.http import current_actor, unit
from stb_service.shared.http.api import (
    CursorArguments,
    api_blueprint,
    check_if_match,
    etag,
    with_etag,
)

api = api_blueprint("claims", "Claims from suppliers, batches of them, and credit notes.")
Answer = tuple[Any, int, dict[str, str]]


def _card(claim: SupplierClaim, status: int = 200) -> Answer:
    unit().flush()
    scope = current_actor().scope
    names = schemas.ClaimSchema().fields
    attributes = {(field.attribute or name).split(".")[0] for name, field in names.items()}
    values = {name: getattr(claim, name) for name in attributes}
    values["lines"] = queries.lines_of_claim(unit(), claim, scope)
    values["left_out"] = claimable.candidates(unit(), [claim.order], scope)[0].left_out
    values["steps"] = queries.events_of_claim(unit(), claim, scope)
    return values, status, {"ETag": etag(claim)}


@api.route("/claims", methods=["GET"])
@api.refuses(422)
@api.arguments(schemas.ClaimsArguments, location="query")
@api.response(200, schemas.ClaimsSchema)
@requires("rma.claim")
def list_claims(arguments: dict[str, Any]) -> Any:
    """List claims, the newest first. `text` is a number, a serial or a workshop order's number."""
    page = {name: arguments.pop(name) for name in ("cursor", "limit")}
    return queries.claims_page(unit(), ClaimFilter(**arguments), current_actor().scope, **page)


@api.route("/claims", methods=["POST"])
@api.refuses(400, 404, 409, 415, 422)
@api.arguments(schemas.NewClaim)
@api.response(201, schemas.ClaimCardSchema)
@requires("rma.claim")
def propose_claim(body: dict[str, Any]) -> Answer:
    """Work out what a supplier owes for a repair beyond what was claimed: 201; 409 with the obstacles."""
    return _card(proposing.propose_claim(unit(), **body, **who()), 201)


@api.route("/claims/<string:claim_id>", methods=["GET"])
@api.refuses(404)
@api.response(200, schemas.ClaimCardSchema)
@requires("rma.claim")
def get_claim(claim_id: str) -> Answer:
    """Return a claim (by number or id) with its lines and steps."""
    return _card(queries.claim_by_ref(unit(), claim_id, current_actor().scope))


@api.route("/claims/<string:claim_id>/steps", methods=["POST"])
@api.refuses(400, 404, 409, 412, 415, 422)
@api.arguments(schemas.ClaimStepForm)
@api.response(200, schemas.ClaimCardSchema)
@requires("rma.claim")
def move_claim(body: dict[str, Any], claim_id: str) -> Answer:
    """Say what became of a claim: 200; 409 with the obstacles; 412 if it changed."""
    check_if_match(queries.claim_by_ref(unit(), claim_id, current_actor().scope))
    return _card(operations.move_claim(unit(), ref=claim_id, **body, **who()))


@api.route("/claim-batches", methods=["GET"])
@api.refuses(422)
@api.arguments(CursorArguments, location="query")
@api.response(200, schemas.BatchesSchema)
@requires("rma.claim")
def list_batches(arguments: dict[str, Any]) -> Any:
    """List the batches with their sums, the newest first."""
    return batches.batches_page(unit(), current_actor().scope, **arguments)


@api.route("/claim-batches", methods=["POST"])
@api.refuses(400, 404, 409, 415, 422)
@api.arguments(schemas.NewBatch)
@api.response(201, schemas.BatchSchema)
@requires("rma.claim")
def submit_claims(body: dict[str, Any]) -> Answer:
    """Send claims to their supplier together: 201, all of them; 409 with the obstacles, none."""
    batch = operations.submit_claims(unit(), **body, **who())
    return batches.sum_of_batch(unit(), batch), 201, {"ETag": etag(batch)}


@api.route("/claim-batches/<string:batch_id>", methods=["GET"])
@api.refuses(404)
@api.response(200, schemas.BatchSchema)
@requires("rma.claim")
def get_batch(batch_id: str) -> Answer:
    """Return a batch (by number or id) with its sums."""
    batch = batches.batch_by_ref(unit(), batch_id, current_actor().scope)
    return batches.sum_of_batch(unit(), batch), 200, {"ETag": etag(batch)}


def _lines(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "lines": [Credited(**line) for line in body["lines"]]}


@api.route("/credit-notes/preview", methods=["POST"])
@api.refuses(400, 404, 415, 422)
@api.arguments(schemas.CreditNoteLook)
@api.response(200, schemas.CreditPreviewSchema)
@requires("rma.claim")
def preview_credit_note(body: dict[str, Any]) -> Any:
    """Return what a credit note would do, entering nothing."""
    return crediting.preview_credit_note(unit(), **_lines(body), actor=current_actor())


@api.route("/credit-notes", methods=["GET"])
@api.refuses(422)
@api.arguments(schemas.CreditNotesArguments, location="query")
@api.response(200, schemas.CreditNotesSchema)
@requires("rma.claim")
def list_credit_notes(arguments: dict[str, Any]) -> Any:
    """List credit notes, the newest first. `text` is part of a note's number, or a claim's number."""
    page = {name: arguments.pop(name) for name in ("cursor", "limit")}
    return batches.notes_page(unit(), NoteFilter(**arguments), current_actor().scope, **page)


@api.route("/credit-notes", methods=["POST"])
@api.refuses(400, 404, 409, 415, 422)
@api.arguments(schemas.NewCreditNote)
@api.response(201, schemas.CreditNoteSchema)
@requires("rma.claim")
def enter_credit_note(body: dict[str, Any]) -> Answer:
    """Enter a credit note: 201; 409 where one of this number is entered, or where what it does is not
    what was `seen`.
    """
    return with_etag(crediting.enter_credit_note(unit(), **_lines(body), **who()), 201)


@api.route("/credit-notes/<string:note_id>", methods=["GET"])
@api.refuses(404)
@api.response(200, schemas.CreditNoteSchema)
@requires("rma.claim")
def get_credit_note(note_id: str) -> Answer:
    """Return a credit note with what came of its lines."""
    return with_etag(batches.note_by_ref(unit(), note_id, current_actor().scope))


@api.route("/supplier-terms", methods=["GET"])
@api.refuses()
@api.response(200, schemas.AllSupplierTermsSchema)
@requires("rma.claim")
def list_supplier_terms() -> Any:
    """List what is agreed with suppliers, model by model."""
    return {"items": claimable.supplier_terms(unit(), current_actor().scope)}


@api.route("/supplier-terms/<string:model>", methods=["PUT"])
@api.refuses(400, 404, 409, 415, 422)
@api.arguments(schemas.SupplierTermsForm)
@api.response(200, schemas.SupplierTermsSchema)
@requires("rma.terms")
def set_supplier_terms(body: dict[str, Any], model: str) -> Answer:
    """Set what the supplier of a model (its code or id) answers for; what is left out stays."""
    return with_etag(operations.set_supplier_terms(unit(), model=model, **body, **who()))

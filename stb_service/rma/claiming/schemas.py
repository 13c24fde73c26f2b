"""The wire of claims: bodies and answers of the API, forms and filters of the pages."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from stb_service.parts.schemas import LocationBriefSchema
from stb_service.rma.claiming.rules import MOST_IN_BATCH, Basis
from stb_service.rma.claims import CLAIM, ClaimState
from stb_service.shared.http import fields
from stb_service.shared.http.api import CursorArguments
from stb_service.shared.money import MOST_MINOR

STATES = [state.value for state in ClaimState]
BASES = [basis.value for basis in Basis]


def _minor(least: int = 0, **more: Any) -> ma.fields.Integer:
    return ma.fields.Integer(strict=True, validate=ma.validate.Range(least, MOST_MINOR), **more)


class ClaimFilterFields(ma.Schema):
    """What the list of claims can be narrowed to."""

    text = fields.line(64, shortest=0, load_default="")
    state = ma.fields.String(load_default="", validate=ma.validate.OneOf(["", *STATES]))
    supplier = fields.line(32, shortest=0, load_default="")
    batch = fields.line(16, shortest=0, load_default="")


class ClaimsArguments(CursorArguments, ClaimFilterFields):
    """Which claims."""


class ClaimSchema(ma.Schema):
    """A claim."""

    id = ma.fields.String(attribute="public_id", required=True)
    number = ma.fields.String(required=True)
    order = ma.fields.String(attribute="order.number", required=True)
    device = ma.fields.String(attribute="device.public_id", required=True)
    supplier = ma.fields.Nested(LocationBriefSchema, required=True)
    batch = ma.fields.String(attribute="batch.number", dump_default=None, allow_none=True)
    state = ma.fields.String(required=True)
    held = ma.fields.Boolean(required=True)
    currency = ma.fields.String(required=True)
    amount_minor = ma.fields.Integer(required=True)
    credited_minor = ma.fields.Integer(required=True)
    opened_at = ma.fields.AwareDateTime(required=True)
    ended_at = ma.fields.AwareDateTime(required=True, allow_none=True)


class ClaimsSchema(ma.Schema):
    """A slice of the claims."""

    items = ma.fields.List(ma.fields.Nested(ClaimSchema), attribute="rows", required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)


class ClaimLineSchema(ma.Schema):
    """What a claim is made of; `quantity` of labour is minutes."""

    kind = ma.fields.String(required=True)
    what = ma.fields.String(required=True)
    quantity = ma.fields.Integer(required=True)
    amount_minor = ma.fields.Integer(required=True)


class ClaimStepSchema(ma.Schema):
    """A step that a claim made."""

    event = ma.fields.String(required=True)
    from_state = ma.fields.String(required=True)
    to_state = ma.fields.String(required=True)
    at = ma.fields.AwareDateTime(required=True)
    by = ma.fields.String(attribute="actor_label", required=True)
    reason = ma.fields.String(required=True)


class LeftOutSchema(ma.Schema):
    """What the supplier answers for that is claimed nowhere, and why."""

    code = ma.fields.String(required=True)
    message = ma.fields.String(required=True)


class ClaimCardSchema(ClaimSchema):
    """A claim with its lines and steps; `left_out` is what no claim for its order names."""

    left_out = ma.fields.List(ma.fields.Nested(LeftOutSchema), required=True)
    lines = ma.fields.List(ma.fields.Nested(ClaimLineSchema), required=True)
    steps = ma.fields.List(ma.fields.Nested(ClaimStepSchema), required=True)


class NewClaim(ma.Schema):
    """A claim to be proposed: the number or id of the workshop order.

    `box_minor` is what its returned box cost, where stock does not know it, in the currency of the
    supplier's terms; `reason` says how that is known.
    """

    order = fields.line(32, required=True)
    box_minor = _minor(1, load_default=None, allow_none=True)
    reason = fields.line(1000, shortest=0, load_default="")


class ProposalForm(ma.Schema):
    """The same as a page sends it: the amount as typed, in the currency that the page showed."""

    order = fields.line(32, required=True)
    box = fields.line(20, shortest=0, load_default="")
    currency = fields.line(3, shortest=3, load_default="EUR")
    reason = fields.line(1000, shortest=0, load_default="")


class ClaimStepForm(ma.Schema):
    """What became of a claim."""

    event = ma.fields.String(required=True, validate=ma.validate.OneOf(sorted(CLAIM.events)))
    reason = fields.line(1000, shortest=0, load_default="")


class ClaimReasonForm(ma.Schema):
    """Why, as a page sends it."""

    reason = fields.line(1000, shortest=0, load_default="")


class NewBatch(ma.Schema):
    """Claims to be sent together, by number or id."""

    claims = ma.fields.List(
        fields.line(32), required=True, validate=ma.validate.Length(1, MOST_IN_BATCH)
    )


class BatchSchema(ma.Schema):
    """A batch with its sums."""

    id = ma.fields.String(attribute="batch.public_id", required=True)
    number = ma.fields.String(attribute="batch.number", required=True)
    supplier = ma.fields.Nested(LocationBriefSchema, attribute="batch.supplier", required=True)
    currency = ma.fields.String(attribute="batch.currency", required=True)
    made_at = ma.fields.AwareDateTime(attribute="batch.made_at", required=True)
    count = ma.fields.Integer(required=True)
    claimed_minor = ma.fields.Integer(attribute="claimed.minor", required=True)
    credited_minor = ma.fields.Integer(attribute="credited.minor", required=True)


class BatchesSchema(ma.Schema):
    """A slice of the batches."""

    items = ma.fields.List(ma.fields.Nested(BatchSchema), attribute="rows", required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)


class CreditLineForm(ma.Schema):
    """One line of a credit note: the number of the claim that it names, and the amount."""

    reference = fields.line(64, required=True)
    amount_minor = _minor(1, required=True)
    currency = fields.line(3, shortest=3, required=True)


class CreditNoteLook(ma.Schema):
    """A credit note to be looked at."""

    supplier = fields.line(32, required=True)
    number = fields.line(64, required=True)
    batch = fields.line(16, shortest=0, load_default="")
    lines = ma.fields.List(
        ma.fields.Nested(CreditLineForm), required=True, validate=ma.validate.Length(1, 2000)
    )


class NewCreditNote(CreditNoteLook):
    """A credit note to be entered; `seen` is what the preview said, null asks for no such look."""

    issued_on = ma.fields.Date(required=True)
    seen = ma.fields.String(load_default=None, allow_none=True)


class CreditNotePageForm(ma.Schema):
    """A credit note as a page sends it: its lines as CSV."""

    supplier = fields.line(32, required=True)
    number = fields.line(64, required=True)
    issued_on = ma.fields.Date(required=True)
    currency = fields.line(3, shortest=3, required=True)
    batch = fields.line(16, shortest=0, load_default="")
    lines = fields.paragraph(200_000, load_default="")
    seen = ma.fields.String(load_default="")


class ConsequenceSchema(ma.Schema):
    """What a credit note does to a claim; `event` is null where somebody has to look at it."""

    number = ma.fields.String(attribute="found.number", required=True)
    match = ma.fields.String(attribute="found.match", required=True)
    claimed_minor = ma.fields.Integer(attribute="found.claimed_minor", required=True)
    credited_minor = ma.fields.Integer(attribute="found.credited_minor", required=True)
    currency = ma.fields.String(required=True)
    event = ma.fields.String(required=True, allow_none=True)


class CreditObstacleSchema(ma.Schema):
    """What bars it."""

    code = ma.fields.String(required=True)
    message = ma.fields.String(required=True)


class CreditPreviewSchema(ma.Schema):
    """What entering a credit note would do."""

    consequences = ma.fields.List(ma.fields.Nested(ConsequenceSchema), required=True)
    obstacles = ma.fields.List(ma.fields.Nested(CreditObstacleSchema), required=True)
    seen = ma.fields.String(required=True)


class EnteredLineSchema(ma.Schema):
    """A line of a credit note, and what came of it."""

    reference = ma.fields.String(required=True)
    amount_minor = ma.fields.Integer(required=True)
    currency = ma.fields.String(required=True)
    match = ma.fields.String(required=True)
    claim = ma.fields.String(attribute="claim.number", dump_default=None, allow_none=True)


class CreditNoteSchema(ma.Schema):
    """A credit note."""

    id = ma.fields.String(attribute="public_id", required=True)
    number = ma.fields.String(required=True)
    supplier = ma.fields.Nested(LocationBriefSchema, required=True)
    batch = ma.fields.String(attribute="batch.number", dump_default=None, allow_none=True)
    issued_on = ma.fields.Date(required=True)
    entered_at = ma.fields.AwareDateTime(required=True)
    lines = ma.fields.List(ma.fields.Nested(EnteredLineSchema), required=True)


class NoteFilterFields(ma.Schema):
    """What the list of credit notes can be narrowed to."""

    text = fields.line(64, shortest=0, load_default="")
    supplier = fields.line(32, shortest=0, load_default="")
    batch = fields.line(16, shortest=0, load_default="")


class CreditNotesArguments(CursorArguments, NoteFilterFields):
    """Which credit notes."""


class CreditNotesSchema(ma.Schema):
    """A slice of the credit notes."""

    items = ma.fields.List(ma.fields.Nested(CreditNoteSchema), attribute="rows", required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)


class SupplierTermsSchema(ma.Schema):
    """What the supplier of a model answers for."""

    id = ma.fields.String(attribute="public_id", required=True)
    model = ma.fields.String(attribute="model.code", required=True)
    supplier = ma.fields.Nested(LocationBriefSchema, required=True)
    months = ma.fields.Integer(required=True)
    basis = ma.fields.String(required=True)
    currency = ma.fields.String(required=True)
    with_parts = ma.fields.Boolean(required=True)
    labour_minor = ma.fields.Integer(required=True)
    freight_minor = ma.fields.Integer(required=True)


class AllSupplierTermsSchema(ma.Schema):
    """What is agreed with suppliers."""

    items = ma.fields.List(ma.fields.Nested(SupplierTermsSchema), required=True)


class SupplierTermsForm(ma.Schema):
    """What is to be agreed with the supplier of a model; what is left out stays."""

    supplier = fields.line(32)
    months = ma.fields.Integer(strict=True, validate=ma.validate.Range(0, 600))
    basis = ma.fields.String(validate=ma.validate.OneOf(BASES))
    currency = fields.line(3, shortest=3)
    with_parts = ma.fields.Boolean()
    labour_minor = _minor()
    freight_minor = _minor()


class SupplierTermsPageForm(ma.Schema):
    """The same as a page sends it: amounts as typed."""

    model = fields.line(32, required=True)
    supplier = fields.line(32, required=True)
    months = ma.fields.Integer(required=True, validate=ma.validate.Range(0, 600))
    basis = ma.fields.String(required=True, validate=ma.validate.OneOf(BASES))
    currency = fields.line(3, shortest=3, required=True)
    with_parts = ma.fields.Boolean(load_default=False)
    labour = fields.line(20, shortest=0, load_default="0")
    freight = fields.line(20, shortest=0, load_default="0")

"""The wire of what belongs to a case or an order, and of what it names."""

from __future__ import annotations

import marshmallow as ma

from stb_service.parts.schemas import (
    PartBriefSchema,
)
from stb_service.rma.schemas.fields import flag, instant, maybe_words, rows, whole, words


class ReturnBoxSchema(ma.Schema):
    """A box by its names."""

    id = words(attribute="public_id")
    serial = words()
    model = words(attribute="model_code")
    status = words()


class ReturnPersonSchema(ma.Schema):
    """A person by their name."""

    id = words(attribute="public_id")
    name = words()


class ReturnSiteSchema(ma.Schema):
    """A site by its name."""

    id = words(attribute="public_id")
    name = words()


class ReturnBriefSchema(ma.Schema):
    """A case by its names."""

    id = words(attribute="public_id")
    number = words()
    state = words()
    held = flag()


class WorkshopOrderBriefSchema(ReturnBriefSchema):
    """A workshop order by its names."""


class ReturnFaultSchema(ma.Schema):
    """A fault: what was reported, what was found, who answers for it. Both verdicts stay."""

    number = whole()
    component = words()
    symptom = words()
    reported_by = words()
    confirmed = maybe_words()
    fault_class = maybe_words()
    found_component = maybe_words(metadata={"description": "named as to blame; null: as reported"})
    verdict = maybe_words()
    note = words()
    inspector = words()
    inspected_at = instant(or_none=True)
    hours_on = whole(allow_none=True, metadata={"description": "that its counter showed"})
    disputed = flag()
    dispute_reason = words()
    second_class = maybe_words()
    second_component = maybe_words()
    second_verdict = maybe_words()
    second_note = words()
    second_inspector = words()
    second_at = instant(or_none=True)
    second_hours_on = whole(allow_none=True)
    effective_verdict = maybe_words(metadata={"description": "the one that counts"})
    billing_code = maybe_words()
    agreed = flag()
    declined = flag()
    goodwill_by = words()
    decision = maybe_words(
        attribute="decision.public_id",
        dump_default=None,
        metadata={"description": "the warranty's decision; null where no policy was in force"},
    )
    photos = whole()


class ReturnPhotoSchema(ma.Schema):
    """A photograph."""

    id = words(attribute="public_id")
    fault = ma.fields.Integer(
        attribute="fault.number", required=True, allow_none=True, dump_default=None
    )
    sha256 = words()
    media_type = words()
    size_bytes = whole()
    note = words()
    by = words(attribute="taken_by")
    at = ma.fields.AwareDateTime(attribute="taken_at", required=True)


class ReturnPhotosSchema(ma.Schema):
    """The photographs of a case or an order, the first first."""

    items = rows(ReturnPhotoSchema)


class ReturnPrecheckSchema(ma.Schema):
    """A check that comes before the return; `answer` is null while it is open."""

    code = words()
    title = words()
    answer = maybe_words()
    finding = words()
    note = words()
    by = words()
    at = instant(or_none=True)


class ReturnStatementSchema(ma.Schema):
    """What somebody stated; the last one of a kind counts."""

    kind = words()
    stands = flag()
    note = words()
    amount_minor = whole(
        allow_none=True, metadata={"description": "of a fee that was agreed: without tax"}
    )
    fee_currency = maybe_words()
    fee_tax_ppm = whole(allow_none=True)
    late_credited = ma.fields.Boolean(required=True, allow_none=True)
    method = words()
    photo = words(allow_none=True)
    lab_run = words(allow_none=True)
    by = words()
    at = instant()


class ReturnParcelSchema(ma.Schema):
    """A parcel; without an ending it is on its way."""

    id = words(attribute="public_id")
    direction = words()
    content = words()
    carrier = words()
    tracking = words()
    sent_at = instant()
    ending = maybe_words()
    ended_at = instant(or_none=True)


class ReturnExchangeSchema(ma.Schema):
    """A box that is given for another."""

    id = words(attribute="public_id")
    device = ma.fields.Nested(ReturnBoxSchema, required=True)
    replaced = ma.fields.Nested(ReturnBoxSchema, required=True)
    condition = words()
    state = words()
    allocated_at = instant()
    given_at = instant(or_none=True)
    provisioned_at = instant(or_none=True)
    pins_released_at = instant(or_none=True)
    ended_at = instant(or_none=True)


class ReturnAccessorySchema(ma.Schema):
    """An accessory that is held back for a case, or was sent."""

    part = ma.fields.Nested(PartBriefSchema, required=True)
    quantity = whole()
    state = words(attribute="reservation.state")
    reserved_at = instant()


class ReturnQuoteSchema(ma.Schema):
    """A quote about a case."""

    id = words(attribute="quote.public_id")
    number = words(attribute="quote.number")
    state = words(attribute="quote.state")
    remedy = words()
    faults = ma.fields.List(ma.fields.Integer(), required=True)
    total_minor = whole(attribute="quote.total_minor")
    currency = words(attribute="quote.currency")
    expires_at = ma.fields.AwareDateTime(attribute="quote.expires_at", required=True)


class ReturnOfferSchema(ma.Schema):
    """What one choice costs the customer, and until when it is supported."""

    choice = words()
    price_minor = whole()
    supported_until_on = ma.fields.Date(required=True)


class ReturnComparisonSchema(ma.Schema):
    """Repair and replacement side by side: what went in, what came out, what was chosen."""

    id = words(attribute="public_id")
    inputs = ma.fields.Dict(required=True)
    result = ma.fields.Dict(required=True)
    offers = rows(ReturnOfferSchema)
    made_at = instant()
    made_by = words()
    choice = words(metadata={"description": "empty until one is made"})
    choice_note = words()
    chosen_at = instant(or_none=True)
    chosen_by = words()


class InspectionCheckSchema(ma.Schema):
    """A point of the checklist in one round of inspection."""

    round = whole()
    code = words()
    result = words()
    note = words()
    by = words()
    at = instant()


class WorkshopPartSchema(ma.Schema):
    """A part that a repair needs."""

    id = words(attribute="public_id")
    part = ma.fields.Nested(PartBriefSchema, required=True)
    quantity = whole()
    condition = words()
    fault = whole(attribute="fault_number", allow_none=True)
    billing_code = words()
    code_reason = words()
    is_reserved = flag()
    used = whole()
    dropped_at = instant(or_none=True)
    planned_at = instant()
    by = words(attribute="planned_by")


class WorkshopLabourSchema(ma.Schema):
    """Time that was worked; the rate is that of an hour."""

    what = words()
    minutes = whole()
    rate_minor = whole()
    currency = words()
    fault = whole(attribute="fault_number", allow_none=True)
    billing_code = words()
    code_reason = words()
    by = words()
    at = instant()


class WorkshopComponentSchema(ma.Schema):
    """A component that was exchanged."""

    component = words()
    old_serial = words()
    new_serial = words()
    fault = whole(attribute="fault_number", allow_none=True)
    by = words()
    at = instant()


class BoxComponentSchema(WorkshopComponentSchema):
    """A component of a box that was exchanged, with the order in which it was."""

    order = ma.fields.Nested(WorkshopOrderBriefSchema, required=True)


class BoxComponentsSchema(ma.Schema):
    """The components of a box that were exchanged, the last one first."""

    items = rows(BoxComponentSchema)


class WorkshopTestSchema(ma.Schema):
    """A test of a box; the last one counts."""

    id = words(attribute="public_id")
    passed = flag()
    note = words()
    lab_run = maybe_words()
    by = words()
    at = instant()

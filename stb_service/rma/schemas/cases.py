"""The wire of cases."""

from __future__ import annotations

import marshmallow as ma
from flask_smorest.fields import Upload

from stb_service.billing.schemas import AccountBriefSchema, integer
from stb_service.devices.schemas import OrganisationBriefSchema
from stb_service.rma.deciding import MOST_HOURS
from stb_service.rma.facts import Remedy
from stb_service.rma.lists import (
    Answer,
    Channel,
)
from stb_service.rma.machine import Phase
from stb_service.rma.schemas.fields import (
    CASE_STATES,
    COMPONENTS,
    MOST_LINES,
    STANDINGS,
    day,
    flag,
    instant,
    maybe_words,
    narrowed,
    one_of,
    rows,
    said,
    told,
    words,
)
from stb_service.rma.schemas.machines import ReturnActionSchema
from stb_service.rma.schemas.records import (
    ReturnAccessorySchema,
    ReturnBoxSchema,
    ReturnBriefSchema,
    ReturnComparisonSchema,
    ReturnExchangeSchema,
    ReturnFaultSchema,
    ReturnParcelSchema,
    ReturnPersonSchema,
    ReturnPhotoSchema,
    ReturnPrecheckSchema,
    ReturnQuoteSchema,
    ReturnSiteSchema,
    ReturnStatementSchema,
    WorkshopOrderBriefSchema,
)
from stb_service.rma.verdicts import Confirmed, FaultClass
from stb_service.shared.http import fields
from stb_service.shared.http.api import CursorArguments
from stb_service.shared.i18n import CUSTOMER_LANGUAGES


class ReturnSchema(ma.Schema):
    """A case as in lists. Account and handler are null for whoever may not know of them."""

    id = words(attribute="public_id")
    number = words()
    external_id = maybe_words()
    device = ma.fields.Nested(ReturnBoxSchema, required=True)
    account = ma.fields.Nested(AccountBriefSchema, required=True, allow_none=True)
    handler = ma.fields.Nested(OrganisationBriefSchema, required=True, allow_none=True)
    remedy = words()
    channel = words()
    tenure = maybe_words()
    reported_on = ma.fields.Date(required=True)
    state = words()
    held = flag()
    phase = words()
    waits_for = words()
    entered_at = instant()
    due_at = instant(or_none=True)
    opened_at = instant()
    changed_at = instant()
    closed_at = instant(or_none=True)


class ReturnsSchema(ma.Schema):
    """A slice of the cases."""

    items = rows(ReturnSchema)
    next_cursor = maybe_words()


class ReturnCardSchema(ReturnSchema):
    """A case with what belongs to it, and what can come next."""

    complaint = words()
    language = maybe_words()
    currency = words()
    opened_by = words(metadata={"description": "empty for whoever is told of no such person"})
    person = ma.fields.Nested(ReturnPersonSchema, required=True, allow_none=True)
    site = ma.fields.Nested(ReturnSiteSchema, required=True, allow_none=True)
    previous = ma.fields.Nested(ReturnBriefSchema, required=True, allow_none=True)
    next = ma.fields.Nested(ReturnBriefSchema, required=True, allow_none=True)
    order = ma.fields.Nested(WorkshopOrderBriefSchema, required=True, allow_none=True)
    actions = rows(ReturnActionSchema)
    faults = rows(ReturnFaultSchema)
    prechecks = rows(ReturnPrecheckSchema)
    statements = rows(ReturnStatementSchema)
    parcels = rows(ReturnParcelSchema)
    exchanges = rows(ReturnExchangeSchema)
    accessories = rows(ReturnAccessorySchema)
    quotes = rows(
        ReturnQuoteSchema, metadata={"description": "empty for whoever may not see quotes"}
    )
    comparisons = rows(ReturnComparisonSchema)
    photos = rows(ReturnPhotoSchema)
    links = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String(), required=True)


class ReturnFilterFields(ma.Schema):
    """What the list of cases can be narrowed to."""

    text = said(100)
    state = narrowed(*CASE_STATES)
    phase = narrowed(*Phase)
    remedy = narrowed(*Remedy)
    channel = narrowed(*Channel)
    account = said(64)
    device = said(128)
    handler = said(64)
    standing = narrowed(*STANDINGS)


class ReturnsArguments(CursorArguments, ReturnFilterFields):
    """Which cases."""


class FaultBody(ma.Schema):
    """A fault to be written down."""

    component = one_of(*COMPONENTS, load_default="")
    symptom = told(500)


class FurtherFaultBody(FaultBody):
    """A further fault, found on the bench or told by the customer."""

    reported_by = one_of("bench", "customer", load_default="bench")


def _language() -> ma.fields.String:
    return ma.fields.String(allow_none=True, validate=ma.validate.OneOf(list(CUSTOMER_LANGUAGES)))


class NewReturn(ma.Schema):
    """A case to be opened: the box by its id or by any identifier, as it was read out.

    Without an account it is that of whoever has the box.
    """

    device = fields.line(128, required=True)
    account = said(64)
    remedy = one_of(*Remedy, load_default=Remedy.REPAIR.value)
    channel = one_of(*Channel, load_default=Channel.CALL.value)
    reported_on = day(load_default=None)
    reported_because = fields.line(
        1000,
        shortest=0,
        load_default="",
        metadata={"description": "why the day lies before yesterday, which who decides may state"},
    )
    complaint = told(2000)
    faults = ma.fields.List(
        ma.fields.Nested(FaultBody),
        load_default=list,
        validate=ma.validate.Length(max=MOST_LINES),
    )
    person = said(32)
    site = said(32)
    previous = fields.line(
        32,
        shortest=0,
        load_default="",
        metadata={"description": "the case that this one repeats: its number or id"},
    )
    external_id = fields.line(64, load_default=None, allow_none=True)
    language = _language()
    handler = said(64)


class ReturnPatch(ma.Schema):
    """A correction; what is left out stays. The remedy only until the return is authorised."""

    complaint = fields.paragraph(2000)
    language = _language()
    remedy = one_of(*Remedy)


class VerdictBody(ma.Schema):
    """What an inspector found of a fault."""

    confirmed = one_of(*Confirmed, required=True)
    fault_class = one_of(*FaultClass, required=True)
    note = told(1000)
    hours_on = integer(
        0,
        MOST_HOURS,
        load_default=None,
        allow_none=True,
        metadata={"description": "that its counter shows; null if that cannot be read"},
    )
    contract = ma.fields.Boolean(load_default=False)
    component = one_of(
        *COMPONENTS,
        load_default=None,
        allow_none=True,
        metadata={"description": "the one to blame, empty for the whole box; null: as reported"},
    )


class PrecheckBody(ma.Schema):
    """What came of a check that might have prevented the return."""

    answer = one_of(*Answer, required=True)
    finding = told(500)
    note = told(500)


class ReturnReasonBody(ma.Schema):
    """Why."""

    reason = told(500)


class ReturnNoteBody(ma.Schema):
    """A note."""

    note = told(500)


class PhotoFiles(ma.Schema):
    """A photograph."""

    photo = Upload(required=True, metadata={"description": "JPEG, PNG or WebP, at most 10 MB"})


class PhotoForm(ma.Schema):
    """What it shows."""

    fault = ma.fields.Integer(
        load_default=None, allow_none=True, validate=ma.validate.Range(1, 1000)
    )
    note = told(500)


class OrderPhotoForm(PhotoForm):
    """What a photograph of the workshop shows."""

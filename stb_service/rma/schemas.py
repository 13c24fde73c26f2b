"""The wire of returns and of the workshop: bodies and answers of the API.

Amounts are whole minor units (`*_minor`) of the currency named beside them, or of the case's.
"""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask_smorest.fields import Upload

from stb_service.billing.schemas import AccountBriefSchema, LineForm, integer
from stb_service.billing.schemas import currency as currency_field
from stb_service.devices.components import Component
from stb_service.devices.fields import EARLIEST
from stb_service.devices.schemas import OrganisationBriefSchema
from stb_service.parts.schemas import (
    LocationBriefSchema,
    PartBriefSchema,
    condition_field,
)
from stb_service.rma import terms
from stb_service.rma.cases import CASE
from stb_service.rma.comparison import PERMILLE, Choice
from stb_service.rma.facts import Remedy
from stb_service.rma.history import Terms
from stb_service.rma.lists import (
    BILLING_CODE_NAMES,
    GRADES,
    STATEMENTS,
    Answer,
    Channel,
    Result,
)
from stb_service.rma.machine import Phase
from stb_service.rma.verdicts import Confirmed, FaultClass
from stb_service.rma.wiping import METHODS
from stb_service.rma.workshop import ORDER
from stb_service.shared.http import fields
from stb_service.shared.http.api import CursorArguments
from stb_service.shared.i18n import CUSTOMER_LANGUAGES
from stb_service.shared.money import MOST_MINOR
from stb_service.warranty.schemas import LATEST

CASE_STATES = [state for state in CASE.places if state != "new"]
ORDER_STATES = [state for state in ORDER.places if state != "new"]
STANDINGS = ["live", "closed", "held", "due"]
COMPONENTS = ["", *(component.value for component in Component)]
MOST_LINES = 20


def one_of(*values: str, **more: Any) -> ma.fields.String:
    """Return a field for one of some words."""
    return ma.fields.String(validate=ma.validate.OneOf(values), **more)


def _narrowed(*values: str) -> ma.fields.String:
    return one_of("", *values, load_default="")


def _said(longest: int) -> ma.fields.String:
    return fields.line(longest, shortest=0, load_default="")


def _told(longest: int) -> ma.fields.String:
    return fields.paragraph(longest, load_default="")


def _number(**more: Any) -> ma.fields.Integer:
    """Return a field for the number of a fault."""
    return integer(1, 1000, **more)


def _day(**more: Any) -> ma.fields.Date:
    """Return a field for a day that a box may see."""
    return ma.fields.Date(allow_none=True, validate=ma.validate.Range(EARLIEST, LATEST), **more)


def _text(**more: Any) -> ma.fields.String:
    return ma.fields.String(required=True, **more)


def _whole(**more: Any) -> ma.fields.Integer:
    return ma.fields.Integer(required=True, **more)


def _maybe_text(**more: Any) -> ma.fields.String:
    return ma.fields.String(required=True, allow_none=True, **more)


def _instant(*, or_none: bool = False) -> ma.fields.AwareDateTime:
    return ma.fields.AwareDateTime(required=True, allow_none=or_none)


def _flag() -> ma.fields.Boolean:
    return ma.fields.Boolean(required=True)


def _rows(schema: type[ma.Schema], **more: Any) -> ma.fields.List[Any]:
    return ma.fields.List(ma.fields.Nested(schema), required=True, **more)


# --- the machines --------------------------------------------------------------------------------


class MachinePlaceSchema(ma.Schema):
    """A state of a machine."""

    state = _text()
    title = _text()
    phase = _text()
    waits_for = _text(metadata={"description": "us, customer, carrier, supplier or nobody"})
    is_final = _flag()


class MachineEventSchema(ma.Schema):
    """Something that can happen."""

    event = _text()
    title = _text()


class MachineStepSchema(ma.Schema):
    """A legal step: what it needs, and which events of the other machine follow."""

    from_state = _text()
    from_held = _flag()
    event = _text()
    to_state = _text()
    to_held = _flag()
    verb = _text(metadata={"description": "what one must be allowed; empty: the other carries it"})
    needs = ma.fields.List(ma.fields.String(), required=True)
    carries = ma.fields.List(ma.fields.String(), required=True)


class MachineSchema(ma.Schema):
    """A machine as a table."""

    name = _text()
    title = _text()
    states = _rows(MachinePlaceSchema)
    events = _rows(MachineEventSchema)
    steps = _rows(MachineStepSchema)


class MachinesSchema(ma.Schema):
    """The machines that returns go by."""

    items = _rows(MachineSchema)


class DrawingArguments(ma.Schema):
    """How a drawing is to be read."""

    direction = one_of("ltr", "rtl", load_default="ltr")


class ReturnObstacleSchema(ma.Schema):
    """Why a step cannot be made now."""

    code = _text()
    message = _text()


class ReturnActionSchema(ma.Schema):
    """A step that the caller could make next; `asks` names what has to be said with it."""

    machine = _text()
    event = _text()
    title = _text()
    asks = ma.fields.List(ma.fields.String(), required=True)
    is_possible = _flag()
    obstacles = _rows(ReturnObstacleSchema)


class ReturnEventSchema(ma.Schema):
    """A step that was made. What was said with it is null where it may not be read."""

    machine = _text()
    number = _whole(metadata={"description": "its place in the history of its machine"})
    event = _text()
    title = _text()
    from_state = _text()
    from_held = _flag()
    to_state = _text()
    to_held = _flag()
    at = _instant()
    by = _text()
    reason = _text()
    said = ma.fields.Dict(required=True)
    is_carried = _flag()


class ReturnHistorySchema(ma.Schema):
    """What has happened, and how long each step took."""

    items = _rows(ReturnEventSchema)
    seconds = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.Integer(),
        required=True,
        metadata={"description": "in each state so far, holds left out"},
    )


class StepBody(ma.Schema):
    """A step: the event, and what is said with it."""

    event = fields.line(32, required=True)
    reason = _told(1000)
    scanned = _said(128)
    carrier = _said(64)
    tracking = _said(64)
    signed_by = _said(128)
    location = _said(32)
    provider = fields.line(
        32,
        shortest=0,
        load_default="",
        metadata={"description": "who pays a refund: `manual`, or the installation's provider"},
    )
    lines = ma.fields.List(
        _number(),
        load_default=list,
        validate=ma.validate.Length(max=MOST_LINES),
        metadata={"description": "the numbers of the faults that are meant"},
    )


# --- boxes, people, places -----------------------------------------------------------------------


class ReturnBoxSchema(ma.Schema):
    """A box by its names."""

    id = _text(attribute="public_id")
    serial = _text()
    model = _text(attribute="model_code")
    status = _text()


class ReturnPersonSchema(ma.Schema):
    """A person by their name."""

    id = _text(attribute="public_id")
    name = _text()


class ReturnSiteSchema(ma.Schema):
    """A site by its name."""

    id = _text(attribute="public_id")
    name = _text()


class ReturnBriefSchema(ma.Schema):
    """A case by its names."""

    id = _text(attribute="public_id")
    number = _text()
    state = _text()
    held = _flag()


class WorkshopOrderBriefSchema(ReturnBriefSchema):
    """A workshop order by its names."""


# --- what belongs to a case or an order ----------------------------------------------------------


class ReturnFaultSchema(ma.Schema):
    """A fault: what was reported, what was found, who answers for it. Both verdicts stay."""

    number = _whole()
    component = _text()
    symptom = _text()
    reported_by = _text()
    confirmed = _maybe_text()
    fault_class = _maybe_text()
    verdict = _maybe_text()
    note = _text()
    inspector = _text()
    inspected_at = _instant(or_none=True)
    disputed = _flag()
    dispute_reason = _text()
    second_class = _maybe_text()
    second_verdict = _maybe_text()
    second_note = _text()
    second_inspector = _text()
    second_at = _instant(or_none=True)
    effective_verdict = _maybe_text(metadata={"description": "the one that counts"})
    billing_code = _maybe_text()
    agreed = _flag()
    declined = _flag()
    goodwill_by = _text()
    decision = _maybe_text(
        attribute="decision.public_id",
        dump_default=None,
        metadata={"description": "the warranty's decision; null where no policy was in force"},
    )
    photos = _whole()


class ReturnPhotoSchema(ma.Schema):
    """A photograph."""

    id = _text(attribute="public_id")
    fault = ma.fields.Integer(
        attribute="fault.number", required=True, allow_none=True, dump_default=None
    )
    sha256 = _text()
    media_type = _text()
    size_bytes = _whole()
    note = _text()
    by = _text(attribute="taken_by")
    at = ma.fields.AwareDateTime(attribute="taken_at", required=True)


class ReturnPhotosSchema(ma.Schema):
    """The photographs of a case or an order, the first first."""

    items = _rows(ReturnPhotoSchema)


class ReturnPrecheckSchema(ma.Schema):
    """A check that comes before the return; `answer` is null while it is open."""

    code = _text()
    title = _text()
    answer = _maybe_text()
    finding = _text()
    note = _text()
    by = _text()
    at = _instant(or_none=True)


class ReturnStatementSchema(ma.Schema):
    """What somebody stated; the last one of a kind counts."""

    kind = _text()
    stands = _flag()
    note = _text()
    amount_minor = _whole(
        allow_none=True, metadata={"description": "of a fee that was agreed: without tax"}
    )
    fee_currency = _maybe_text()
    fee_tax_ppm = _whole(allow_none=True)
    late_credited = ma.fields.Boolean(required=True, allow_none=True)
    method = _text()
    photo = _text(allow_none=True)
    lab_run = _text(allow_none=True)
    by = _text()
    at = _instant()


class ReturnParcelSchema(ma.Schema):
    """A parcel; without an ending it is on its way."""

    id = _text(attribute="public_id")
    direction = _text()
    content = _text()
    carrier = _text()
    tracking = _text()
    sent_at = _instant()
    ending = _maybe_text()
    ended_at = _instant(or_none=True)


class ReturnExchangeSchema(ma.Schema):
    """A box that is given for another."""

    id = _text(attribute="public_id")
    device = ma.fields.Nested(ReturnBoxSchema, required=True)
    replaced = ma.fields.Nested(ReturnBoxSchema, required=True)
    condition = _text()
    state = _text()
    allocated_at = _instant()
    given_at = _instant(or_none=True)
    provisioned_at = _instant(or_none=True)
    pins_released_at = _instant(or_none=True)
    ended_at = _instant(or_none=True)


class ReturnAccessorySchema(ma.Schema):
    """An accessory that is held back for a case, or was sent."""

    part = ma.fields.Nested(PartBriefSchema, required=True)
    quantity = _whole()
    state = _text(attribute="reservation.state")
    reserved_at = _instant()


class ReturnQuoteSchema(ma.Schema):
    """A quote about a case."""

    id = _text(attribute="quote.public_id")
    number = _text(attribute="quote.number")
    state = _text(attribute="quote.state")
    remedy = _text()
    faults = ma.fields.List(ma.fields.Integer(), required=True)
    total_minor = _whole(attribute="quote.total_minor")
    currency = _text(attribute="quote.currency")
    expires_at = ma.fields.AwareDateTime(attribute="quote.expires_at", required=True)


class ReturnOfferSchema(ma.Schema):
    """What one choice costs the customer, and until when it is supported."""

    choice = _text()
    price_minor = _whole()
    supported_until_on = ma.fields.Date(required=True)


class ReturnComparisonSchema(ma.Schema):
    """Repair and replacement side by side: what went in, what came out, what was chosen."""

    id = _text(attribute="public_id")
    inputs = ma.fields.Dict(required=True)
    result = ma.fields.Dict(required=True)
    offers = _rows(ReturnOfferSchema)
    made_at = _instant()
    made_by = _text()
    choice = _text(metadata={"description": "empty until one is made"})
    choice_note = _text()
    chosen_at = _instant(or_none=True)
    chosen_by = _text()


class InspectionCheckSchema(ma.Schema):
    """A point of the checklist in one round of inspection."""

    round = _whole()
    code = _text()
    result = _text()
    note = _text()
    by = _text()
    at = _instant()


class WorkshopPartSchema(ma.Schema):
    """A part that a repair needs."""

    id = _text(attribute="public_id")
    part = ma.fields.Nested(PartBriefSchema, required=True)
    quantity = _whole()
    condition = _text()
    fault = _whole(attribute="fault_number", allow_none=True)
    billing_code = _text()
    is_reserved = _flag()
    used = _whole()
    dropped_at = _instant(or_none=True)
    planned_at = _instant()
    by = _text(attribute="planned_by")


class WorkshopLabourSchema(ma.Schema):
    """Time that was worked; the rate is that of an hour."""

    what = _text()
    minutes = _whole()
    rate_minor = _whole()
    currency = _text()
    fault = _whole(attribute="fault_number", allow_none=True)
    billing_code = _text()
    by = _text()
    at = _instant()


class WorkshopComponentSchema(ma.Schema):
    """A component that was exchanged."""

    component = _text()
    old_serial = _text()
    new_serial = _text()
    fault = _whole(attribute="fault_number", allow_none=True)
    by = _text()
    at = _instant()


class WorkshopTestSchema(ma.Schema):
    """A test of a box; the last one counts."""

    id = _text(attribute="public_id")
    passed = _flag()
    note = _text()
    lab_run = _maybe_text()
    by = _text()
    at = _instant()


# --- cases ---------------------------------------------------------------------------------------


class ReturnSchema(ma.Schema):
    """A case as in lists. The account is null for whoever may not see accounts."""

    id = _text(attribute="public_id")
    number = _text()
    external_id = _maybe_text()
    device = ma.fields.Nested(ReturnBoxSchema, required=True)
    account = ma.fields.Nested(AccountBriefSchema, required=True, allow_none=True)
    handler = ma.fields.Nested(OrganisationBriefSchema, required=True)
    remedy = _text()
    channel = _text()
    tenure = _maybe_text()
    reported_on = ma.fields.Date(required=True)
    state = _text()
    held = _flag()
    phase = _text()
    waits_for = _text()
    entered_at = _instant()
    due_at = _instant(or_none=True)
    opened_at = _instant()
    changed_at = _instant()
    closed_at = _instant(or_none=True)


class ReturnsSchema(ma.Schema):
    """A slice of the cases."""

    items = _rows(ReturnSchema)
    next_cursor = _maybe_text()


class ReturnCardSchema(ReturnSchema):
    """A case with what belongs to it, and what can come next."""

    complaint = _text()
    language = _maybe_text()
    currency = _text()
    opened_by = _text()
    person = ma.fields.Nested(ReturnPersonSchema, required=True, allow_none=True)
    site = ma.fields.Nested(ReturnSiteSchema, required=True, allow_none=True)
    previous = ma.fields.Nested(ReturnBriefSchema, required=True, allow_none=True)
    next = ma.fields.Nested(ReturnBriefSchema, required=True, allow_none=True)
    order = ma.fields.Nested(WorkshopOrderBriefSchema, required=True, allow_none=True)
    actions = _rows(ReturnActionSchema)
    faults = _rows(ReturnFaultSchema)
    prechecks = _rows(ReturnPrecheckSchema)
    statements = _rows(ReturnStatementSchema)
    parcels = _rows(ReturnParcelSchema)
    exchanges = _rows(ReturnExchangeSchema)
    accessories = _rows(ReturnAccessorySchema)
    quotes = _rows(
        ReturnQuoteSchema, metadata={"description": "empty for whoever may not see quotes"}
    )
    comparisons = _rows(ReturnComparisonSchema)
    photos = _rows(ReturnPhotoSchema)
    links = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String(), required=True)


class ReturnFilterFields(ma.Schema):
    """What the list of cases can be narrowed to."""

    text = _said(100)
    state = _narrowed(*CASE_STATES)
    phase = _narrowed(*Phase)
    remedy = _narrowed(*Remedy)
    channel = _narrowed(*Channel)
    account = _said(64)
    device = _said(128)
    handler = _said(64)
    standing = _narrowed(*STANDINGS)


class ReturnsArguments(CursorArguments, ReturnFilterFields):
    """Which cases."""


class FaultBody(ma.Schema):
    """A fault to be written down."""

    component = one_of(*COMPONENTS, load_default="")
    symptom = _told(500)


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
    account = _said(64)
    remedy = one_of(*Remedy, load_default=Remedy.REPAIR.value)
    channel = one_of(*Channel, load_default=Channel.CALL.value)
    reported_on = _day(load_default=None)
    complaint = _told(2000)
    faults = ma.fields.List(
        ma.fields.Nested(FaultBody),
        load_default=list,
        validate=ma.validate.Length(max=MOST_LINES),
    )
    person = _said(32)
    site = _said(32)
    previous = fields.line(
        32,
        shortest=0,
        load_default="",
        metadata={"description": "the case that this one repeats: its number or id"},
    )
    external_id = fields.line(64, load_default=None, allow_none=True)
    language = _language()
    handler = _said(64)


class ReturnPatch(ma.Schema):
    """A correction; what is left out stays. The remedy only until the return is authorised."""

    complaint = fields.paragraph(2000)
    language = _language()
    remedy = one_of(*Remedy)


class VerdictBody(ma.Schema):
    """What an inspector found of a fault."""

    confirmed = one_of(*Confirmed, required=True)
    fault_class = one_of(*FaultClass, required=True)
    note = _told(1000)
    contract = ma.fields.Boolean(load_default=False)


class GoodwillBody(ma.Schema):
    """Why the operator answers for a fault."""

    reason = fields.paragraph(1000, required=True)


class PrecheckBody(ma.Schema):
    """What came of a check that might have prevented the return."""

    answer = one_of(*Answer, required=True)
    finding = _told(500)
    note = _told(500)


class StatementBody(ma.Schema):
    """What is stated; with `stands` false it is taken back."""

    kind = one_of(*STATEMENTS, required=True)
    stands = ma.fields.Boolean(load_default=True)
    note = _told(500)
    amount_minor = integer(0, MOST_MINOR, load_default=None, allow_none=True)
    method = one_of("", *METHODS, load_default="", metadata={"description": "of a wiping"})
    photo = _said(16)
    lab_run = _said(16)


class ExchangeBody(ma.Schema):
    """A box of the shelf that is kept for a case: its id, serial or MAC."""

    device = fields.line(128, required=True)


class ReturnReasonBody(ma.Schema):
    """Why."""

    reason = _told(500)


class ReturnNoteBody(ma.Schema):
    """A note."""

    note = _told(500)


class AccessoryBody(ma.Schema):
    """An accessory that is held back for a case."""

    part = fields.line(64, required=True)
    location = fields.line(32, required=True)
    quantity = integer(1, 100, load_default=1)
    condition = condition_field(load_default="new")


class CaseQuoteBody(ma.Schema):
    """A quote of a case; without `faults` it has a price for all that are to be paid."""

    remedy = one_of("repair", "replace", "accessory", load_default="")
    lines = ma.fields.List(
        ma.fields.Nested(LineForm), required=True, validate=ma.validate.Length(1, 100)
    )
    faults = ma.fields.List(
        _number(),
        load_default=None,
        allow_none=True,
        validate=ma.validate.Length(max=MOST_LINES),
    )
    title = _said(200)
    notes = _told(2000)
    discount_minor = integer(0, MOST_MINOR, load_default=0)
    valid_until_on = _day(load_default=None)


MONTHS = 1200
MORE_AMOUNTS = (
    "repair_freight_minor",
    "handling_minor",
    "repair_goodwill_minor",
    "second_repair_minor",
    "unit_minor",
    "salvage_minor",
    "replacement_freight_minor",
    "replacement_goodwill_minor",
)
MORE_MONTHS = (
    "repaired_life_months",
    "repaired_supported_months",
    "replacement_life_months",
    "replacement_supported_months",
)
MORE_SHARES = {
    "bounce_permille": PERMILLE,
    "tau_permille": PERMILLE,
    "disproportion_permille": 10_000,
}


class _ComparisonBody(ma.Schema):
    parts_minor = integer(0, MOST_MINOR, required=True)
    labour_minor = integer(0, MOST_MINOR, required=True)
    repair_price_minor = integer(0, MOST_MINOR, load_default=None, allow_none=True)
    consumer_chooses = ma.fields.Boolean()


ComparisonBody: Any = _ComparisonBody.from_dict(
    {
        **{name: integer(0, MOST_MINOR) for name in MORE_AMOUNTS},
        **{name: integer(0, MONTHS) for name in MORE_MONTHS},
        **{name: integer(0, most) for name, most in MORE_SHARES.items()},
    },
    name="ComparisonBody",
)


class ChoiceBody(ma.Schema):
    """What the customer chose."""

    choice = one_of(*Choice, required=True)
    note = _told(500)


class PhotoFiles(ma.Schema):
    """A photograph."""

    photo = Upload(required=True, metadata={"description": "JPEG, PNG or WebP, at most 10 MB"})


class PhotoForm(ma.Schema):
    """What it shows."""

    fault = ma.fields.Integer(
        load_default=None, allow_none=True, validate=ma.validate.Range(1, 1000)
    )
    note = _told(500)


class OrderPhotoForm(PhotoForm):
    """What a photograph of the workshop shows."""


# --- workshop orders -----------------------------------------------------------------------------


class WorkshopOrderSchema(ma.Schema):
    """A workshop order as in lists."""

    id = _text(attribute="public_id")
    number = _text()
    case = ma.fields.Nested(ReturnBriefSchema, required=True, allow_none=True)
    device = ma.fields.Nested(ReturnBoxSchema, required=True)
    location = ma.fields.Nested(LocationBriefSchema, required=True, allow_none=True)
    destination = ma.fields.Nested(
        LocationBriefSchema,
        required=True,
        allow_none=True,
        metadata={"description": "where the box is sent, as the authorisation said"},
    )
    state = _text()
    held = _flag()
    phase = _text()
    waits_for = _text()
    technician = _text()
    grade = _text()
    firmware_before = _text()
    firmware_after = _text()
    entered_at = _instant()
    opened_at = _instant()
    changed_at = _instant()
    ended_at = _instant(or_none=True)


class WorkshopOrdersSchema(ma.Schema):
    """A slice of the workshop orders."""

    items = _rows(WorkshopOrderSchema)
    next_cursor = _maybe_text()


class WorkshopOrderCardSchema(WorkshopOrderSchema):
    """A workshop order with what was done to the box, and what can come next."""

    actions = _rows(ReturnActionSchema)
    faults = _rows(ReturnFaultSchema)
    checks = _rows(InspectionCheckSchema)
    parts = _rows(WorkshopPartSchema)
    labour = _rows(WorkshopLabourSchema)
    components = _rows(WorkshopComponentSchema)
    tests = _rows(WorkshopTestSchema)
    statements = _rows(ReturnStatementSchema)
    parcels = _rows(ReturnParcelSchema)
    comparisons = _rows(ReturnComparisonSchema)
    photos = _rows(ReturnPhotoSchema)
    labour_minor = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.Integer(),
        required=True,
        metadata={"description": "what was worked, by who pays for it"},
    )
    links = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String(), required=True)


class WorkshopOrderFilterFields(ma.Schema):
    """What the list of workshop orders can be narrowed to."""

    text = _said(100)
    state = _narrowed(*ORDER_STATES)
    location = _said(32)
    standing = _narrowed("live", "ended")


class WorkshopOrdersArguments(CursorArguments, WorkshopOrderFilterFields):
    """Which workshop orders."""


class NewWorkshopOrder(ma.Schema):
    """A box of the operator's that is admitted from stock; without a place, where it stands."""

    device = fields.line(128, required=True)
    location = _said(32)


class CheckBody(ma.Schema):
    """What a point of the checklist came to."""

    result = one_of(*Result, required=True)
    note = _told(500)


class PlannedPartBody(ma.Schema):
    """A part that a repair needs; who pays follows from the fault, unless that is said."""

    part = fields.line(64, required=True)
    quantity = integer(1, 1000, load_default=1)
    condition = condition_field(load_default="new")
    fault = _number(load_default=None, allow_none=True)
    billing_code = _narrowed(*BILLING_CODE_NAMES)


class UsedPartBody(ma.Schema):
    """How many of a planned part were used; all, unless that is said. The old piece goes to the place
    for scrap, or stays as a core where the box is, unless a place is named or there was none.
    """

    quantity = integer(0, 1000, load_default=None, allow_none=True)
    old_to = _said(32)
    has_old = ma.fields.Boolean(load_default=True)


class LabourBody(ma.Schema):
    """Time that was worked; without a rate, that of the model's terms."""

    what = fields.line(200, required=True)
    minutes = integer(1, 6000, required=True)
    rate_minor = integer(0, MOST_MINOR, load_default=None, allow_none=True)
    fault = _number(load_default=None, allow_none=True)
    billing_code = _narrowed(*BILLING_CODE_NAMES)


class ComponentBody(ma.Schema):
    """A component that was exchanged."""

    component = one_of(*COMPONENTS[1:], required=True)
    old_serial = _said(64)
    new_serial = fields.line(64, required=True)
    fault = _number(load_default=None, allow_none=True)


class BenchTestBody(ma.Schema):
    """What a test came to; a run of the lab may stand behind it."""

    passed = ma.fields.Boolean(required=True)
    note = _told(500)
    lab_run = fields.line(16, load_default=None, allow_none=True)


class LabRunBody(ma.Schema):
    """The run of the lab that stands behind a test."""

    lab_run = fields.line(16, required=True)


class BoxFirmwareBody(ma.Schema):
    """Which firmware the box had before the repair, and has after it; what is left out stays."""

    before = fields.line(128)
    after = fields.line(128)


class GradeBody(ma.Schema):
    """The condition of a box of the operator's."""

    grade = one_of(*GRADES, required=True)


# --- terms ---------------------------------------------------------------------------------------

DAYS = tuple(Terms.__dataclass_fields__)
ReturnTermsSchema: Any = ma.Schema.from_dict(
    {
        **{name: ma.fields.Integer(required=True) for name in DAYS},
        "changed_at": ma.fields.AwareDateTime(required=True, allow_none=True),
        "changed_by": ma.fields.String(required=True),
    },
    name="ReturnTermsSchema",
)
ReturnTermsPatch: Any = ma.Schema.from_dict(
    {name: integer(0, terms.MOST_DAYS) for name in DAYS}, name="ReturnTermsPatch"
)


class ModelTermsPatch(ma.Schema):
    """What returns of a model go by; what is left out stays."""

    currency = currency_field()
    tau_permille = integer(0, terms.LIMITS["tau_permille"])
    new_minor = integer(0, terms.LIMITS["new_minor"])
    refurbished_minor = integer(0, terms.LIMITS["refurbished_minor"])
    unreturned_minor = integer(0, terms.LIMITS["unreturned_minor"])
    damage_minor = integer(0, terms.LIMITS["damage_minor"])
    handling_minor = integer(0, terms.LIMITS["handling_minor"])
    labour_minor = integer(0, terms.LIMITS["labour_minor"])
    tax_ppm = integer(0, terms.LIMITS["tax_ppm"])
    may_send_ahead = ma.fields.Boolean()
    late_credited = ma.fields.Boolean()
    repaired_life_months = integer(0, terms.LIMITS["repaired_life_months"])
    replacement_life_months = integer(0, terms.LIMITS["replacement_life_months"])
    supported_until_on = _day()
    new_supported_until_on = _day()


class ModelTermsSchema(ma.Schema):
    """What returns of a model go by; `set_at` is null where the defaults count."""

    model = _text()
    currency = _text()
    tau_permille = _whole()
    new_minor = _whole()
    refurbished_minor = _whole()
    unreturned_minor = _whole(metadata={"description": "the fee for a box that does not come back"})
    damage_minor = _whole(metadata={"description": "the fee for a rented box that was damaged"})
    handling_minor = _whole(metadata={"description": "the fee where no fault was found"})
    labour_minor = _whole(metadata={"description": "an hour's"})
    tax_ppm = _whole()
    may_send_ahead = _flag()
    late_credited = _flag()
    repaired_life_months = _whole()
    replacement_life_months = _whole()
    supported_until_on = ma.fields.Date(required=True, allow_none=True)
    new_supported_until_on = ma.fields.Date(required=True, allow_none=True)
    changed_at = _instant(or_none=True)
    changed_by = _text()


class AllModelTermsSchema(ma.Schema):
    """The models that have terms."""

    items = _rows(ModelTermsSchema)

"""The wire of workshop orders."""

from __future__ import annotations

import marshmallow as ma

from stb_service.billing.schemas import integer
from stb_service.parts.schemas import (
    LocationBriefSchema,
    condition_field,
)
from stb_service.rma.lists import (
    BILLING_CODE_NAMES,
    GRADES,
    Result,
)
from stb_service.rma.schemas.fields import (
    COMPONENTS,
    ORDER_STATES,
    flag,
    instant,
    maybe_words,
    narrowed,
    number,
    one_of,
    rows,
    said,
    told,
    words,
)
from stb_service.rma.schemas.machines import ReturnActionSchema
from stb_service.rma.schemas.records import (
    InspectionCheckSchema,
    ReturnBoxSchema,
    ReturnBriefSchema,
    ReturnComparisonSchema,
    ReturnFaultSchema,
    ReturnParcelSchema,
    ReturnPhotoSchema,
    ReturnStatementSchema,
    WorkshopComponentSchema,
    WorkshopLabourSchema,
    WorkshopPartSchema,
    WorkshopTestSchema,
)
from stb_service.shared.http import fields
from stb_service.shared.http.api import CursorArguments
from stb_service.shared.money import MOST_MINOR


class WorkshopOrderSchema(ma.Schema):
    """A workshop order as in lists."""

    id = words(attribute="public_id")
    number = words()
    case = ma.fields.Nested(ReturnBriefSchema, required=True, allow_none=True)
    device = ma.fields.Nested(ReturnBoxSchema, required=True)
    location = ma.fields.Nested(LocationBriefSchema, required=True, allow_none=True)
    destination = ma.fields.Nested(
        LocationBriefSchema,
        required=True,
        allow_none=True,
        metadata={"description": "where the box is sent, as the authorisation said"},
    )
    state = words()
    held = flag()
    phase = words()
    waits_for = words()
    technician = words()
    grade = words()
    firmware_before = words()
    firmware_after = words()
    entered_at = instant()
    opened_at = instant()
    changed_at = instant()
    ended_at = instant(or_none=True)


class WorkshopOrdersSchema(ma.Schema):
    """A slice of the workshop orders."""

    items = rows(WorkshopOrderSchema)
    next_cursor = maybe_words()


class WorkshopOrderCardSchema(WorkshopOrderSchema):
    """A workshop order with what was done to the box, and what can come next."""

    actions = rows(ReturnActionSchema)
    faults = rows(ReturnFaultSchema)
    checks = rows(InspectionCheckSchema)
    parts = rows(WorkshopPartSchema)
    labour = rows(WorkshopLabourSchema)
    components = rows(WorkshopComponentSchema)
    tests = rows(WorkshopTestSchema)
    statements = rows(ReturnStatementSchema)
    parcels = rows(ReturnParcelSchema)
    comparisons = rows(ReturnComparisonSchema)
    photos = rows(ReturnPhotoSchema)
    labour_minor = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.Integer(),
        required=True,
        metadata={"description": "what was worked, by who pays for it"},
    )
    links = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String(), required=True)


class WorkshopOrderFilterFields(ma.Schema):
    """What the list of workshop orders can be narrowed to."""

    text = said(100)
    state = narrowed(*ORDER_STATES)
    location = said(32)
    standing = narrowed("live", "ended")


class WorkshopOrdersArguments(CursorArguments, WorkshopOrderFilterFields):
    """Which workshop orders."""


class NewWorkshopOrder(ma.Schema):
    """A box of the operator's that is admitted from stock; without a place, where it stands."""

    device = fields.line(128, required=True)
    location = said(32)


class CheckBody(ma.Schema):
    """What a point of the checklist came to."""

    result = one_of(*Result, required=True)
    note = told(500)


class PlannedPartBody(ma.Schema):
    """A part that a repair needs; who pays follows from the fault, unless whoever decides says another,
    with the reason.
    """

    part = fields.line(64, required=True)
    quantity = integer(1, 1000, load_default=1)
    condition = condition_field(load_default="new")
    fault = number(load_default=None, allow_none=True)
    billing_code = narrowed(*BILLING_CODE_NAMES)
    reason = told(500)


class UsedPartBody(ma.Schema):
    """How many of a planned part were used; all, unless that is said. The old piece goes to the place
    for scrap, or stays as a core where the box is, unless a place is named or there was none.
    """

    quantity = integer(0, 1000, load_default=None, allow_none=True)
    old_to = said(32)
    has_old = ma.fields.Boolean(load_default=True)


class LabourBody(ma.Schema):
    """Time that was worked; without a rate, that of the model's terms. Who pays follows from the fault,
    as with a part.
    """

    what = fields.line(200, required=True)
    minutes = integer(1, 6000, required=True)
    rate_minor = integer(0, MOST_MINOR, load_default=None, allow_none=True)
    fault = number(load_default=None, allow_none=True)
    billing_code = narrowed(*BILLING_CODE_NAMES)
    reason = told(500)


class ComponentBody(ma.Schema):
    """A component that was exchanged."""

    component = one_of(*COMPONENTS[1:], required=True)
    old_serial = said(64)
    new_serial = fields.line(64, required=True)
    fault = number(load_default=None, allow_none=True)


class BenchTestBody(ma.Schema):
    """What a test came to; a run of the lab may stand behind it."""

    passed = ma.fields.Boolean(required=True)
    note = told(500)
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

"""The wire of the two machines: their table, the steps that can be made, those that were."""

from __future__ import annotations

import marshmallow as ma

from stb_service.rma.schemas.fields import (
    MOST_LINES,
    flag,
    instant,
    number,
    one_of,
    rows,
    said,
    told,
    whole,
    words,
)
from stb_service.shared.http import fields


class MachinePlaceSchema(ma.Schema):
    """A state of a machine."""

    state = words()
    title = words()
    phase = words()
    waits_for = words(metadata={"description": "us, customer, carrier, supplier or nobody"})
    is_final = flag()


class MachineEventSchema(ma.Schema):
    """Something that can happen."""

    event = words()
    title = words()


class MachineStepSchema(ma.Schema):
    """A legal step: what it needs, and which events of the other machine follow."""

    from_state = words()
    from_held = flag()
    event = words()
    to_state = words()
    to_held = flag()
    verb = words(metadata={"description": "what one must be allowed; empty: the other carries it"})
    needs = ma.fields.List(ma.fields.String(), required=True)
    carries = ma.fields.List(ma.fields.String(), required=True)


class MachineSchema(ma.Schema):
    """A machine as a table."""

    name = words()
    title = words()
    states = rows(MachinePlaceSchema)
    events = rows(MachineEventSchema)
    steps = rows(MachineStepSchema)


class MachinesSchema(ma.Schema):
    """The machines that returns go by."""

    items = rows(MachineSchema)


class DrawingArguments(ma.Schema):
    """How a drawing is to be read."""

    direction = one_of("ltr", "rtl", load_default="ltr")


class ReturnObstacleSchema(ma.Schema):
    """Why a step cannot be made now."""

    code = words()
    message = words()


class ReturnActionSchema(ma.Schema):
    """A step that the caller could make next; `asks` names what has to be said with it."""

    machine = words()
    event = words()
    title = words()
    asks = ma.fields.List(ma.fields.String(), required=True)
    is_possible = flag()
    obstacles = rows(ReturnObstacleSchema)


class ReturnEventSchema(ma.Schema):
    """A step that was made. What was said with it is null where it may not be read."""

    machine = words()
    number = whole(metadata={"description": "its place in the history of its machine"})
    event = words()
    title = words()
    from_state = words()
    from_held = flag()
    to_state = words()
    to_held = flag()
    at = instant()
    by = words()
    reason = words()
    said = ma.fields.Dict(required=True)
    is_carried = flag()


class ReturnHistorySchema(ma.Schema):
    """What has happened, and how long each step took."""

    items = rows(ReturnEventSchema)
    seconds = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.Integer(),
        required=True,
        metadata={"description": "in each state so far, holds left out"},
    )


class TurnaroundSchema(ma.Schema):
    """The time from the box received to the box sent, up to now while it is here."""

    seconds = whole(metadata={"description": "in all"})
    customer = whole(metadata={"description": "of them, those that waited for the customer"})
    on_hold = whole(metadata={"description": "of them, those on hold"})


class CaseHistorySchema(ReturnHistorySchema):
    """The history of a case; `turnaround` is null until its box is received."""

    turnaround = ma.fields.Nested(TurnaroundSchema, required=True, allow_none=True)


class StepBody(ma.Schema):
    """A step: the event, and what is said with it."""

    event = fields.line(32, required=True)
    reason = told(1000)
    scanned = said(128)
    carrier = said(64)
    tracking = said(64)
    signed_by = said(128)
    location = said(32)
    provider = fields.line(
        32,
        shortest=0,
        load_default="",
        metadata={"description": "who pays a refund: `manual`, or the installation's provider"},
    )
    lines = ma.fields.List(
        number(),
        load_default=list,
        validate=ma.validate.Length(max=MOST_LINES),
        metadata={"description": "the numbers of the faults that are meant"},
    )

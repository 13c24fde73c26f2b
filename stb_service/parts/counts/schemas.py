"""The wire of stock-takings. Until one is closed, nobody is told what was expected."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from stb_service.parts.models import CountLine, StockCount
from stb_service.parts.rules import MOST, BoxOutcome, Condition, CountState
from stb_service.parts.schemas import (
    LocationBriefSchema,
    PartBriefSchema,
    StockReasonForm,
    condition_field,
    pieces,
)
from stb_service.shared.http import fields
from stb_service.shared.http.api import CursorArguments

STATES = [state.value for state in CountState]


class CountFilterFields(ma.Schema):
    """What the list can be narrowed to."""

    state = ma.fields.String(load_default="", validate=ma.validate.OneOf(["", *STATES]))
    location = fields.line(32, shortest=0, load_default="")


class CountsArguments(CursorArguments, CountFilterFields):
    """Which stock-takings."""


class BoxBriefSchema(ma.Schema):
    """A box by its names."""

    id = ma.fields.String(attribute="public_id", required=True)
    serial = ma.fields.String(required=True, allow_none=True)
    label = ma.fields.String(required=True)


class CountLineSchema(ma.Schema):
    """What was found of a part."""

    part = ma.fields.Nested(PartBriefSchema, required=True)
    device = ma.fields.Nested(BoxBriefSchema, required=True, allow_none=True)
    condition = ma.fields.String(required=True)
    counted = ma.fields.Integer(required=True)
    expected = ma.fields.Integer(required=True, allow_none=True)
    difference = ma.fields.Integer(required=True, allow_none=True)
    times = ma.fields.Integer(required=True)
    counted_at = ma.fields.AwareDateTime(required=True)
    counted_by = ma.fields.String(required=True)
    outcome = ma.fields.String(
        required=True,
        allow_none=True,
        validate=ma.validate.OneOf([*BoxOutcome]),
        metadata={"description": "what the count came to for a box; null until it is closed"},
    )
    why = ma.fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "why the box was not moved"},
    )


class ScannedSchema(CountLineSchema):
    """A box that was written down."""

    was_known = ma.fields.Boolean(
        required=True, metadata={"description": "it had been scanned before: it counts once"}
    )


class CountBriefSchema(ma.Schema):
    """A stock-taking as in lists."""

    id = ma.fields.String(required=True)
    location = ma.fields.Nested(LocationBriefSchema, required=True)
    state = ma.fields.String(required=True)
    reason = ma.fields.String(required=True)
    opened_at = ma.fields.AwareDateTime(required=True)
    opened_by = ma.fields.String(required=True)
    ended_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    ended_by = ma.fields.String(required=True)


class CountSchema(CountBriefSchema):
    """A stock-taking with what was found."""

    lines = ma.fields.List(ma.fields.Nested(CountLineSchema), required=True)


class CountsSchema(ma.Schema):
    """A slice of the stock-takings."""

    items = ma.fields.List(ma.fields.Nested(CountBriefSchema), required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)


class NewCount(ma.Schema):
    """A stock-taking to be opened."""

    location = fields.line(32, required=True)
    reason = fields.line(500, shortest=0, load_default="")


class NewLine(ma.Schema):
    """How many of a part were found."""

    part = fields.line(64, required=True)
    condition = condition_field(load_default=Condition.NEW.value)
    counted = pieces(0, required=True)
    again = ma.fields.Boolean(load_default=False)


class CountedForm(ma.Schema):
    """How many of a part were found, as a page sends it."""

    part = fields.line(64, required=True)
    condition = condition_field(load_default=Condition.NEW.value)
    counted = ma.fields.Integer(required=True, validate=ma.validate.Range(0, MOST))
    again = ma.fields.Boolean(load_default=False)


class NewScan(ma.Schema):
    """A box that was seen."""

    scanned = fields.line(64, required=True, metadata={"description": "its serial or MAC"})
    condition = condition_field(
        load_default=None,
        allow_none=True,
        metadata={"description": "left out: as the ledger has it, new if none has"},
    )


class ScanForm(ma.Schema):
    """A box that was seen, as a page sends it."""

    scanned = fields.line(64, required=True)
    condition = condition_field(load_default=None)


class CloseBody(StockReasonForm):
    """The end of a stock-taking."""

    boxes = ma.fields.Boolean(
        load_default=None,
        allow_none=True,
        metadata={
            "description": "whole boxes were counted, so those that were not scanned are missing;"
            " left out: if any was scanned"
        },
    )


class CloseForm(StockReasonForm):
    """The end of a stock-taking, as a page sends it."""

    boxes = ma.fields.Boolean(load_default=False)


class MissingBody(StockReasonForm):
    """How many boxes are written off as missing."""

    number = pieces(required=True)


class MissingForm(StockReasonForm):
    """How many boxes are written off as missing, as a page sends it."""

    number = ma.fields.Integer(required=True, validate=ma.validate.Range(1, MOST))


def brief_values(count: StockCount) -> dict[str, Any]:
    """Return a stock-taking by the names of `CountBriefSchema`."""
    names = ("location", "state", "reason", "opened_at", "opened_by", "ended_at", "ended_by")
    return {"id": count.public_id} | {name: getattr(count, name) for name in names}


def count_values(count: StockCount) -> dict[str, Any]:
    """Return a stock-taking with its lines; blind while it is open."""
    is_told = count.state == CountState.CLOSED
    lines = [line_values(line, is_told=is_told) for line in count.lines]
    return brief_values(count) | {"lines": lines}


def line_values(line: CountLine, *, is_told: bool) -> dict[str, Any]:
    """Return a line by the names of `CountLineSchema`."""
    names = ("part", "device", "condition", "counted", "times", "counted_at", "counted_by")
    told: dict[str, Any] = dict.fromkeys(("expected", "difference", "outcome", "why"))
    if is_told:
        told = {"expected": line.expected, "difference": line.difference}
        told |= {"outcome": line.outcome or None, "why": line.why}
    return {name: getattr(line, name) for name in names} | told

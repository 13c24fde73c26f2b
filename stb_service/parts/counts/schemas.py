"""The wire of stock-takings. Until one is closed, nobody is told what was expected."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from stb_service.parts.models import StockCount
from stb_service.parts.rules import MOST, Condition, CountState
from stb_service.parts.schemas import LocationBriefSchema, PartBriefSchema, condition_field, pieces
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


def brief_values(count: StockCount) -> dict[str, Any]:
    """Return a stock-taking by the names of `CountBriefSchema`."""
    names = ("location", "state", "reason", "opened_at", "opened_by", "ended_at", "ended_by")
    return {"id": count.public_id} | {name: getattr(count, name) for name in names}


def count_values(count: StockCount) -> dict[str, Any]:
    """Return a stock-taking with its lines; blind while it is open."""
    is_told = count.state == CountState.CLOSED
    names = ("part", "device", "condition", "counted", "times", "counted_at", "counted_by")
    lines = [
        {name: getattr(line, name) for name in names}
        | {
            "expected": line.expected if is_told else None,
            "difference": line.difference if is_told else None,
        }
        for line in count.lines
    ]
    return brief_values(count) | {"lines": lines}

"""The wire of disputed identifiers."""

from __future__ import annotations

import marshmallow as ma

from stb_service.shared.http import fields
from stb_service.shared.http.api import CursorArguments


class DisputesArguments(CursorArguments):
    """Which disputes."""

    state = ma.fields.String(load_default="open", validate=ma.validate.OneOf(["open", "settled"]))


class HolderSchema(ma.Schema):
    """The box that holds what is disputed."""

    id = ma.fields.String(attribute="public_id", required=True)
    serial = ma.fields.String(required=True)
    model = ma.fields.String(attribute="model_code", required=True)


class DisputeSchema(ma.Schema):
    """A claim on an identifier that another box holds."""

    id = ma.fields.String(attribute="public_id", required=True)
    kind = ma.fields.String(required=True)
    value = ma.fields.String(required=True)
    holder = ma.fields.Nested(HolderSchema, required=True)
    claimant = ma.fields.String(required=True)
    claim = ma.fields.Dict(keys=ma.fields.String(), required=True)
    source = ma.fields.String(required=True)
    place = ma.fields.String(required=True)
    raised_at = ma.fields.AwareDateTime(required=True)
    raised_by = ma.fields.String(required=True)
    settled_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    settled_by = ma.fields.String(required=True, allow_none=True)
    settled_note = ma.fields.String(required=True, allow_none=True)


class DisputesSchema(ma.Schema):
    """A slice of the disputes."""

    items = ma.fields.List(ma.fields.Nested(DisputeSchema), attribute="rows", required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)


class SettleForm(ma.Schema):
    """How a dispute ended."""

    note = fields.line(1000, required=True)

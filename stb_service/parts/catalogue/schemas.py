"""The wire of parts and their limits."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from stb_service.devices.components import Component
from stb_service.parts.rules import MOST, PartKind
from stb_service.parts.schemas import LocationBriefSchema, pieces
from stb_service.shared.http import fields
from stb_service.shared.http.api import CursorArguments
from stb_service.shared.i18n import text
from stb_service.shared.money import CURRENCIES

COMPONENTS = [component.value for component in Component]
KINDS = [kind.value for kind in PartKind]


def _currency(code: str) -> None:
    if code not in CURRENCIES:
        raise ma.ValidationError([text("Not a currency code of ISO 4217.")])


def _count(least: int, most: int = 100_000) -> ma.fields.Integer:
    return ma.fields.Integer(validate=ma.validate.Range(least, most))


class PartFilterFields(ma.Schema):
    """What the catalogue can be narrowed to."""

    text = fields.line(100, shortest=0, load_default="")
    model = fields.line(64, shortest=0, load_default="")
    component = ma.fields.String(load_default="", validate=ma.validate.OneOf(["", *COMPONENTS]))
    kind = ma.fields.String(load_default="", validate=ma.validate.OneOf(["", *KINDS]))
    state = ma.fields.String(load_default="", validate=ma.validate.OneOf(["", "active", "retired"]))


class PartsArguments(CursorArguments, PartFilterFields):
    """Which parts."""


class PartFitSchema(ma.Schema):
    """A model that a part fits."""

    model = fields.line(64, required=True, attribute="model_code")
    quantity = ma.fields.Integer(load_default=1, validate=ma.validate.Range(1, 1000))


class PartSchema(ma.Schema):
    """A line of the catalogue."""

    id = ma.fields.String(attribute="public_id", required=True)
    sku = ma.fields.String(required=True)
    ean = ma.fields.String(required=True, allow_none=True)
    name = ma.fields.String(required=True)
    kind = ma.fields.String(required=True)
    component = ma.fields.String(required=True)
    model = ma.fields.String(attribute="model_code", required=True, allow_none=True)
    currency = ma.fields.String(required=True)
    lead_time_days = ma.fields.Integer(required=True)
    min_order = ma.fields.Integer(required=True)
    pack_size = ma.fields.Integer(required=True)
    supersedes = ma.fields.String(attribute="supersedes_sku", required=True, allow_none=True)
    returns_core = ma.fields.Boolean(required=True)
    is_active = ma.fields.Boolean(required=True)
    notes = ma.fields.String(required=True)
    fits = ma.fields.List(ma.fields.Nested(PartFitSchema), required=True)
    created_at = ma.fields.AwareDateTime(required=True)
    changed_at = ma.fields.AwareDateTime(required=True)


class PartsSchema(ma.Schema):
    """A slice of the catalogue."""

    items = ma.fields.List(ma.fields.Nested(PartSchema), attribute="rows", required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)


class _PartFields(ma.Schema):
    """What can be said of a part, but for what it fits."""

    name = fields.line(128)
    ean = fields.line(20, shortest=0, allow_none=True)
    component = ma.fields.String(validate=ma.validate.OneOf(["", *COMPONENTS]))
    currency = ma.fields.String(validate=_currency)
    lead_time_days = _count(0, 3650)
    min_order = _count(1)
    pack_size = _count(1)
    supersedes = fields.line(64, shortest=0, allow_none=True)
    returns_core = ma.fields.Boolean()
    is_active = ma.fields.Boolean()
    notes = fields.paragraph(2000)


class PartPatch(_PartFields):
    """A change of a part; what is left out stays, what it fits is replaced."""

    fits = ma.fields.List(ma.fields.Nested(PartFitSchema), validate=ma.validate.Length(max=200))


class NewPart(PartPatch):
    """A part to be added; with a model, the line for whole boxes of it."""

    sku = fields.line(64, required=True)
    name = fields.line(128, required=True)
    currency = ma.fields.String(required=True, validate=_currency)
    model = fields.line(64, allow_none=True)


class PartForm(_PartFields):
    """A part as a page sends it: what it fits one a line."""

    name = fields.line(128, required=True)
    currency = ma.fields.String(required=True, validate=_currency)
    fits = fields.paragraph(8000)


class NewPartForm(PartForm):
    """A part to be added by a page."""

    sku = fields.line(64, required=True)
    model = fields.line(64, shortest=0, allow_none=True)


class LimitsSchema(ma.Schema):
    """How many of a part a place should have."""

    location = ma.fields.Nested(LocationBriefSchema, required=True)
    minimum = ma.fields.Integer(required=True)
    maximum = ma.fields.Integer(required=True)


class AllLimitsSchema(ma.Schema):
    """The limits of a part at all places of the reader."""

    items = ma.fields.List(ma.fields.Nested(LimitsSchema), required=True)


class NewLimits(ma.Schema):
    """Limits to be set; a minimum of 0 takes them away."""

    location = fields.line(32, required=True)
    minimum = pieces(0, required=True)
    maximum = pieces(0, load_default=0)


class LimitsForm(ma.Schema):
    """Limits as a page sends them."""

    location = fields.line(32, required=True)
    minimum = ma.fields.Integer(required=True, validate=ma.validate.Range(0, MOST))
    maximum = ma.fields.Integer(load_default=0, validate=ma.validate.Range(0, MOST))


def fits_of(rows: list[dict[str, Any]]) -> dict[str, int]:
    """Return what a body says that a part fits, as models and pieces in a box."""
    return {row["model_code"]: row["quantity"] for row in rows}

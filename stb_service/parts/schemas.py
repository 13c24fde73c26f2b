"""The wire of stock: bodies and answers of the API, forms and filters of the pages."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from stb_service.devices.schemas import OrganisationBriefSchema
from stb_service.parts.rules import (
    MOST,
    Condition,
    LocationKind,
    MoveKind,
    ReservationState,
)
from stb_service.shared.http import fields
from stb_service.shared.http.api import CursorArguments
from stb_service.shared.i18n import text
from stb_service.shared.money import MOST_MINOR

CONDITIONS = [condition.value for condition in Condition]
LOCATION_KINDS = [kind.value for kind in LocationKind]
MOVE_KINDS = [kind.value for kind in MoveKind]
RESERVATION_STATES = [state.value for state in ReservationState]


def condition_field(**more: Any) -> ma.fields.String:
    """Return a field for the state of a piece."""
    return ma.fields.String(validate=ma.validate.OneOf(CONDITIONS), **more)


def pieces(least: int = 1, **more: Any) -> ma.fields.Integer:
    """Return a field for a number of pieces."""
    return ma.fields.Integer(strict=True, validate=ma.validate.Range(least, MOST), **more)


def minor(**more: Any) -> ma.fields.Integer:
    """Return a field for an amount in minor units."""
    return ma.fields.Integer(strict=True, validate=ma.validate.Range(0, MOST_MINOR), **more)


def _choice(values: list[str]) -> ma.fields.String:
    return ma.fields.String(load_default="", validate=ma.validate.OneOf(["", *values]))


# --- places --------------------------------------------------------------------------------------


class LocationSchema(ma.Schema):
    """A place."""

    id = ma.fields.String(attribute="public_id", required=True)
    code = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    kind = ma.fields.String(required=True)
    organisation = ma.fields.Nested(
        OrganisationBriefSchema,
        required=True,
        allow_none=True,
        metadata={"description": "null: the operator's"},
    )
    is_active = ma.fields.Boolean(required=True)


class LocationsSchema(ma.Schema):
    """A slice of the places."""

    items = ma.fields.List(ma.fields.Nested(LocationSchema), attribute="rows", required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)


class LocationFilterFields(ma.Schema):
    """What the list of places can be narrowed to."""

    text = fields.line(100, shortest=0, load_default="")
    kind = _choice(LOCATION_KINDS)
    organisation = fields.line(32, shortest=0, load_default="")


class LocationsArguments(CursorArguments, LocationFilterFields):
    """Which places."""


class LocationPatch(ma.Schema):
    """A change of a place; its code, kind and owner stay."""

    name = fields.line(128)
    is_active = ma.fields.Boolean()


class NewLocation(ma.Schema):
    """A place to be added."""

    code = fields.line(32, required=True)
    name = fields.line(128, required=True)
    kind = ma.fields.String(required=True, validate=ma.validate.OneOf(LOCATION_KINDS))
    organisation = fields.line(32, shortest=0, allow_none=True, load_default=None)


class LocationForm(ma.Schema):
    """A place as a page sends it."""

    name = fields.line(128, required=True)
    is_active = ma.fields.Boolean(load_default=False)


class LocationBriefSchema(ma.Schema):
    """A place by its names."""

    id = ma.fields.String(attribute="public_id", required=True)
    code = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    kind = ma.fields.String(required=True)


class PartBriefSchema(ma.Schema):
    """A part by its names."""

    id = ma.fields.String(attribute="public_id", required=True)
    sku = ma.fields.String(required=True)
    name = ma.fields.String(required=True)


# --- what stands there ---------------------------------------------------------------------------


class StandingSchema(ma.Schema):
    """What stands in one condition."""

    condition = ma.fields.String(required=True)
    on_hand = ma.fields.Integer(required=True)
    reserved = ma.fields.Integer(required=True)
    available = ma.fields.Integer(required=True)
    value_minor = ma.fields.Integer(
        required=True, allow_none=True, metadata={"description": "told to the operator alone"}
    )


class StockLineSchema(ma.Schema):
    """What stands of one part at a place."""

    part = ma.fields.Nested(PartBriefSchema, required=True)
    currency = ma.fields.String(required=True)
    on_hand = ma.fields.Integer(required=True)
    reserved = ma.fields.Integer(required=True)
    available = ma.fields.Integer(required=True)
    standings = ma.fields.List(ma.fields.Nested(StandingSchema), required=True)


class StockSchema(ma.Schema):
    """A slice of what stands at a place."""

    items = ma.fields.List(ma.fields.Nested(StockLineSchema), required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)


class StockFields(ma.Schema):
    """What the stock of a place can be narrowed to."""

    text = fields.line(100, shortest=0, load_default="")
    empty = ma.fields.String(
        load_default="",
        validate=ma.validate.OneOf(("", "all")),
        metadata={"description": "`all`: also parts that stood there once and no longer do"},
    )


class StockArguments(CursorArguments, StockFields):
    """Which parts of a place's stock."""


# --- moves ---------------------------------------------------------------------------------------


class MoveFilterFields(ma.Schema):
    """What the list of moves can be narrowed to."""

    location = fields.line(32, shortest=0, load_default="")
    part = fields.line(64, shortest=0, load_default="")
    kind = _choice(MOVE_KINDS)
    reference = fields.line(64, shortest=0, load_default="")
    device = fields.line(64, shortest=0, load_default="")


class MovesArguments(CursorArguments, MoveFilterFields):
    """Which moves."""


class MoveEndSchema(ma.Schema):
    """One end of a move."""

    location = ma.fields.Nested(LocationBriefSchema, required=True)
    condition = ma.fields.String(required=True)


class StockMoveSchema(ma.Schema):
    """A move of stock. An end that the reader may not know is null, and so is what it was worth."""

    id = ma.fields.String(required=True)
    kind = ma.fields.String(required=True)
    part = ma.fields.Nested(PartBriefSchema, required=True)
    device = ma.fields.String(
        required=True, allow_none=True, metadata={"description": "the id of the box that moved"}
    )
    quantity = ma.fields.Integer(required=True)
    source = ma.fields.Nested(MoveEndSchema, required=True, allow_none=True)
    target = ma.fields.Nested(MoveEndSchema, required=True, allow_none=True)
    value_minor = ma.fields.Integer(required=True, allow_none=True)
    currency = ma.fields.String(required=True)
    reason = ma.fields.String(required=True)
    reference = ma.fields.String(required=True)
    at = ma.fields.AwareDateTime(required=True)
    actor_label = ma.fields.String(required=True)


class StockMovesSchema(ma.Schema):
    """A slice of the moves."""

    items = ma.fields.List(ma.fields.Nested(StockMoveSchema), required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)


class _Goods(ma.Schema):
    """A part and how many, or one box; and why."""

    part = fields.line(64, metadata={"description": "its id, number or barcode"})
    device = fields.line(32, metadata={"description": "the id of a box, in place of a part"})
    quantity = pieces(load_default=1)
    condition = condition_field()
    reason = fields.line(500, shortest=0, load_default="")
    reference = fields.line(64, shortest=0, load_default="")


class NewMove(_Goods):
    """A move to be made; places by code or id, the customers as `CUSTOMER`."""

    from_location = fields.line(32, metadata={"description": "left out: where the box stands"})
    to_location = fields.line(32, required=True)
    to_condition = condition_field()
    unit_cost_minor = minor(
        metadata={"description": "of what comes back from customers: what a piece is worth"}
    )


class NewReceipt(_Goods):
    """A delivery of a supplier."""

    from_location = fields.line(32, required=True)
    to_location = fields.line(32, required=True)
    unit_cost_minor = minor(required=True)


class GoodsForm(ma.Schema):
    """What is moved, as a page sends it: whatever was scanned, and amounts as they are written."""

    scanned = fields.line(64, required=True)
    from_location = fields.line(32)
    to_location = fields.line(32, required=True)
    quantity = ma.fields.Integer(load_default=1, validate=ma.validate.Range(1, MOST))
    condition = condition_field()
    to_condition = condition_field()
    unit_cost = fields.line(20)
    reason = fields.line(500, shortest=0, load_default="")
    reference = fields.line(64, shortest=0, load_default="")


# --- reservations --------------------------------------------------------------------------------


class ReservationFilterFields(ma.Schema):
    """What the list of reservations can be narrowed to."""

    state = _choice(RESERVATION_STATES)
    location = fields.line(32, shortest=0, load_default="")
    part = fields.line(64, shortest=0, load_default="")


class ReservationsArguments(CursorArguments, ReservationFilterFields):
    """Which reservations."""


class ReservationSchema(ma.Schema):
    """Pieces that are held back."""

    id = ma.fields.String(attribute="public_id", required=True)
    key = ma.fields.String(required=True)
    part = ma.fields.Nested(PartBriefSchema, attribute="position.part", required=True)
    location = ma.fields.Nested(LocationBriefSchema, attribute="position.location", required=True)
    condition = ma.fields.String(attribute="position.condition", required=True)
    quantity = ma.fields.Integer(required=True)
    used = ma.fields.Integer(required=True)
    state = ma.fields.String(required=True)
    purpose = ma.fields.String(required=True)
    made_at = ma.fields.AwareDateTime(required=True)
    made_by = ma.fields.String(required=True)
    ended_at = ma.fields.AwareDateTime(required=True, allow_none=True)


class ReservationsSchema(ma.Schema):
    """A slice of the reservations."""

    items = ma.fields.List(ma.fields.Nested(ReservationSchema), attribute="rows", required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)


class NewReservation(ma.Schema):
    """Pieces to be held back. `key` names the need: sent again, it reserves once. It stands in
    addresses, and has no slash, which the keys of returns and workshop orders have.
    """

    key = fields.line(128, required=True)
    part = fields.line(64, required=True)
    location = fields.line(32, required=True)
    quantity = pieces(load_default=1)
    condition = condition_field(load_default=Condition.NEW.value)
    purpose = fields.line(200, shortest=0, load_default="")

    @ma.validates("key")
    def _is_of_one_piece(self, key: str, **_: Any) -> None:
        if "/" in key:
            raise ma.ValidationError([text("Without a slash.")])


class ConsumeForm(ma.Schema):
    """What is used of a reservation, as a page sends it."""

    quantity = ma.fields.Integer(load_default=None, validate=ma.validate.Range(1, MOST))


class NewUse(ma.Schema):
    """What is used of a reservation; all of it where no number is named."""

    quantity = pieces(load_default=None, allow_none=True)
    to_location = fields.line(32, load_default=LocationKind.CUSTOMER.upper())
    reason = fields.line(500, shortest=0, load_default="")
    reference = fields.line(64, shortest=0, load_default="")


class StockReasonForm(ma.Schema):
    """Why."""

    reason = fields.line(500, shortest=0, load_default="")


# --- what to order -------------------------------------------------------------------------------


class ReorderArguments(CursorArguments):
    """Of which place."""

    location = fields.line(32, shortest=0, load_default="")


class ShortageSchema(ma.Schema):
    """A place that has less of a part than its minimum."""

    part = ma.fields.Nested(PartBriefSchema, attribute="rule.part", required=True)
    location = ma.fields.Nested(LocationBriefSchema, attribute="rule.location", required=True)
    minimum = ma.fields.Integer(attribute="rule.minimum", required=True)
    maximum = ma.fields.Integer(attribute="rule.maximum", required=True)
    available = ma.fields.Integer(required=True)
    order = ma.fields.Integer(required=True, metadata={"description": "how many to order"})


class ShortagesSchema(ma.Schema):
    """A slice of what is short."""

    items = ma.fields.List(ma.fields.Nested(ShortageSchema), attribute="rows", required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)

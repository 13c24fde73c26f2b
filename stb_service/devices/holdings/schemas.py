"""The wire of holdings."""

from __future__ import annotations

import marshmallow as ma

from stb_service.devices.schemas import TENURES, ImportForm
from stb_service.shared.http import fields

_TENURE = ma.validate.OneOf(TENURES)


class HoldingAccountSchema(ma.Schema):
    """The account of a holding."""

    id = ma.fields.String(attribute="public_id", required=True)
    number = ma.fields.String(required=True)
    name = ma.fields.String(required=True)


class HoldingDeviceSchema(ma.Schema):
    """The box of a holding."""

    id = ma.fields.String(attribute="public_id", required=True)
    serial = ma.fields.String(required=True)
    model = ma.fields.String(attribute="model_code", required=True)
    status = ma.fields.String(required=True)


class HoldingOfDeviceSchema(ma.Schema):
    """An account that has or had a box."""

    id = ma.fields.String(attribute="public_id", required=True)
    account = ma.fields.Nested(HoldingAccountSchema, required=True)
    site = ma.fields.String(attribute="site.public_id", dump_default=None, allow_none=True)
    tenure = ma.fields.String(required=True)
    reason = ma.fields.String(required=True)
    proof = ma.fields.String(required=True)
    ended_reason = ma.fields.String(required=True)
    since = ma.fields.AwareDateTime(required=True)
    until = ma.fields.AwareDateTime(required=True, allow_none=True)


class HoldingOfAccountSchema(ma.Schema):
    """A box that an account has or had."""

    id = ma.fields.String(attribute="public_id", required=True)
    device = ma.fields.Nested(HoldingDeviceSchema, required=True)
    site = ma.fields.String(attribute="site.public_id", dump_default=None, allow_none=True)
    tenure = ma.fields.String(required=True)
    since = ma.fields.AwareDateTime(required=True)
    until = ma.fields.AwareDateTime(required=True, allow_none=True)


class HoldingsSchema(ma.Schema):
    """A slice of an account's boxes."""

    items = ma.fields.List(
        ma.fields.Nested(HoldingOfAccountSchema), attribute="rows", required=True
    )
    next_cursor = ma.fields.String(required=True, allow_none=True)


class GiveForm(ma.Schema):
    """A box given to an account: by its number, its id or its id elsewhere."""

    account = fields.line(64, required=True)
    tenure = ma.fields.String(required=True, validate=_TENURE)
    site = fields.line(16, load_default=None, allow_none=True)
    reason = fields.line(500, shortest=0, load_default="")
    proof = fields.line(500, shortest=0, load_default="")


class NewHolding(GiveForm):
    """The same over the API, where it may also be said since when."""

    since = ma.fields.AwareDateTime(load_default=None, allow_none=True)


class TransferForm(GiveForm):
    """A box passed on, by a proof."""

    tenure = ma.fields.String(load_default=None, allow_none=True, validate=_TENURE)
    proof = fields.line(500, required=True)


class NewTransfer(TransferForm):
    """The same over the API, where it may also be said since when."""

    since = ma.fields.AwareDateTime(load_default=None, allow_none=True)


class TakeBackForm(ma.Schema):
    """A box taken back; the organisation that has it then by its code or id."""

    organisation = fields.line(32, load_default=None, allow_none=True)
    reason = fields.line(500, shortest=0, load_default="")


class PlaceForm(ma.Schema):
    """Where a box stands; null for no site in particular."""

    site = fields.line(16, load_default=None, allow_none=True)


class HoldingImportForm(ImportForm):
    """How to import a file of holdings."""

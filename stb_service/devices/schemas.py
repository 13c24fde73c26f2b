"""The wire of boxes: bodies and answers of the API, forms and filters of the pages."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask_smorest.fields import Upload

from firmware.rollouts.schemas import RolloutReasonSchema
from stb_service.devices.queries import SORTS
from stb_service.devices.rules import CapabilityKind, Status, Tenure
from stb_service.shared.http import fields
from stb_service.shared.http.api import CursorArguments
from stb_service.shared.tables import AUTO, ENCODING_NAMES, WRITERS

STATUSES = [status.value for status in Status]
TENURES = [tenure.value for tenure in Tenure]
ORDERS = [sign + name for name in SORTS for sign in ("", "-")]


def _maybe(longest: int, **more: Any) -> ma.fields.String:
    return fields.line(longest, shortest=0, allow_none=True, **more)


class FilterFields(ma.Schema):
    """What the list can be narrowed to."""

    text = fields.line(100, shortest=0, load_default="")
    model = fields.line(64, shortest=0, load_default="")
    revision = fields.line(64, shortest=0, load_default="")
    maker = fields.line(80, shortest=0, load_default="")
    status = ma.fields.String(load_default="", validate=ma.validate.OneOf(["", *STATUSES]))
    tenure = ma.fields.String(load_default="", validate=ma.validate.OneOf(["", *TENURES]))
    tag = fields.line(32, shortest=0, load_default="")
    batch = fields.line(64, shortest=0, load_default="")
    seller = fields.line(32, shortest=0, load_default="")
    custodian = fields.line(32, shortest=0, load_default="")
    codec = fields.line(32, shortest=0, load_default="")
    protection = fields.line(32, shortest=0, load_default="")
    account = fields.line(64, shortest=0, load_default="")


class DevicesArguments(CursorArguments, FilterFields):
    """Which boxes, in which order."""

    sort = ma.fields.String(load_default="-registered", validate=ma.validate.OneOf(ORDERS))


class OrganisationBriefSchema(ma.Schema):
    """An organisation by its names."""

    id = ma.fields.String(attribute="public_id", required=True)
    code = ma.fields.String(required=True)
    name = ma.fields.String(required=True)


class DeviceSchema(ma.Schema):
    """A box as in lists."""

    id = ma.fields.String(attribute="public_id", required=True)
    external_id = ma.fields.String(required=True, allow_none=True)
    maker = ma.fields.String(required=True)
    serial = ma.fields.String(required=True)
    mac_ethernet = ma.fields.String(required=True, allow_none=True)
    mac_wifi = ma.fields.String(required=True, allow_none=True)
    model = ma.fields.String(attribute="model_code", required=True)
    revision = ma.fields.String(attribute="revision_code", required=True)
    batch = ma.fields.String(required=True)
    made_on = ma.fields.Date(required=True, allow_none=True)
    shipped_on = ma.fields.Date(required=True, allow_none=True)
    sold_on = ma.fields.Date(required=True, allow_none=True)
    activated_on = ma.fields.Date(required=True, allow_none=True)
    tenure = ma.fields.String(required=True, allow_none=True)
    status = ma.fields.String(required=True)
    seller = ma.fields.Nested(OrganisationBriefSchema, required=True, allow_none=True)
    custodian = ma.fields.Nested(OrganisationBriefSchema, required=True, allow_none=True)
    tags = ma.fields.List(ma.fields.String(), attribute="tag_names", required=True)
    notes = ma.fields.String(required=True)
    registered_at = ma.fields.AwareDateTime(required=True)
    changed_at = ma.fields.AwareDateTime(required=True)


class DevicesSchema(ma.Schema):
    """A slice of the registry."""

    items = ma.fields.List(ma.fields.Nested(DeviceSchema), attribute="rows", required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)


class CapabilitySchema(ma.Schema):
    """One codec or content protection."""

    kind = ma.fields.String(
        required=True, validate=ma.validate.OneOf([kind.value for kind in CapabilityKind])
    )
    name = fields.line(32, required=True)
    detail = fields.line(64, shortest=0, load_default="")


class OverrideSchema(CapabilitySchema):
    """Where one box differs from its model."""

    is_present = ma.fields.Boolean(load_default=True)


class OverridesSchema(ma.Schema):
    """All that a box has besides its model, and lacks."""

    overrides = ma.fields.List(
        ma.fields.Nested(OverrideSchema), required=True, validate=ma.validate.Length(max=50)
    )


class IdentifierSchema(ma.Schema):
    """What a box is or was called."""

    kind = ma.fields.String(required=True)
    role = ma.fields.String(required=True)
    value = ma.fields.String(required=True)
    since = ma.fields.AwareDateTime(required=True)
    until = ma.fields.AwareDateTime(required=True, allow_none=True)


class CustodySchema(ma.Schema):
    """Who held a box. People of a dealer or a service centre are told of their own alone."""

    organisation = ma.fields.Nested(OrganisationBriefSchema, required=True, allow_none=True)
    holder = ma.fields.String(required=True)
    reason = ma.fields.String(required=True)
    actor_label = ma.fields.String(required=True)
    since = ma.fields.AwareDateTime(required=True)
    until = ma.fields.AwareDateTime(required=True, allow_none=True)


class DeviceCardSchema(DeviceSchema):
    """A box with its capabilities, its history and what is odd about it."""

    capabilities = ma.fields.List(ma.fields.Nested(CapabilitySchema), required=True)
    identifiers = ma.fields.List(ma.fields.Nested(IdentifierSchema), required=True)
    custody = ma.fields.List(ma.fields.Nested(CustodySchema), required=True)
    next_statuses = ma.fields.List(ma.fields.String(), required=True)
    warnings = ma.fields.List(ma.fields.String(), required=True)


class ToldSchema(ma.Schema):
    """What a box was told at a poll, and why."""

    at = ma.fields.AwareDateTime(required=True)
    reason = ma.fields.Nested(RolloutReasonSchema, required=True)


class DeviceFirmwareSchema(ma.Schema):
    """What a box runs, what it should run, and why."""

    running_version = ma.fields.String(required=True, allow_none=True)
    version_at = ma.fields.AwareDateTime(
        required=True, allow_none=True, metadata={"description": "when it stated that"}
    )
    wanted_version = ma.fields.String(
        required=True, allow_none=True, metadata={"description": "null: what it runs"}
    )
    last_seen_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    at = ma.fields.AwareDateTime(required=True)
    decision = ma.fields.Nested(
        ToldSchema,
        required=True,
        allow_none=True,
        metadata={"description": "the last one up to `at`; null if it had not asked yet"},
    )


class _DeviceFields(ma.Schema):
    """What can be said of a box, but for its serial."""

    external_id = _maybe(64)
    maker = fields.line(80, shortest=0)
    model = _maybe(64)
    revision = _maybe(64)
    mac_ethernet = _maybe(64)
    mac_wifi = _maybe(64)
    batch = fields.line(64, shortest=0)
    made_on = ma.fields.Date(allow_none=True)
    shipped_on = ma.fields.Date(allow_none=True)
    sold_on = ma.fields.Date(allow_none=True)
    activated_on = ma.fields.Date(allow_none=True)
    tenure = ma.fields.String(allow_none=True, validate=ma.validate.OneOf(TENURES))
    seller = _maybe(32)
    notes = fields.paragraph(2000)


class DevicePatch(_DeviceFields):
    """A correction; what is left out stays, null takes away."""

    serial = fields.line(128)
    tags = ma.fields.List(fields.line(64), validate=ma.validate.Length(max=20))


class NewDevice(DevicePatch):
    """A box to be registered."""

    serial = fields.line(128, required=True)
    model = fields.line(64, required=True)
    status = ma.fields.String(validate=ma.validate.OneOf(STATUSES))
    custodian = _maybe(32)


class DeviceForm(_DeviceFields):
    """A box as a page sends it: tags in one line."""

    serial = fields.line(128, required=True)
    tags = fields.line(400, shortest=0)


class NewDeviceForm(DeviceForm):
    """A box to be registered by a page."""

    model = fields.line(64, required=True)
    status = ma.fields.String(validate=ma.validate.OneOf(STATUSES))
    custodian = _maybe(32)


class StatusForm(ma.Schema):
    """A step in a box's life."""

    status = ma.fields.String(required=True, validate=ma.validate.OneOf(STATUSES))
    reason = fields.line(500, shortest=0, load_default="")


class CustodyForm(ma.Schema):
    """A box handed over: to an organisation, or to a holder in words."""

    organisation = _maybe(32, load_default=None)
    holder = fields.line(128, shortest=0, load_default="")
    reason = fields.line(500, shortest=0, load_default="")


class BoardForm(ma.Schema):
    """Another board: its MACs, or the box that it comes from."""

    mac_ethernet = _maybe(64, load_default=None)
    mac_wifi = _maybe(64, load_default=None)
    donor = _maybe(32, load_default=None)
    reason = fields.line(500, shortest=0, load_default="")


class TagForm(ma.Schema):
    """Tags for many boxes at once."""

    devices = ma.fields.List(fields.line(32), required=True, validate=ma.validate.Length(1, 1000))
    add = ma.fields.List(fields.line(64), load_default=list, validate=ma.validate.Length(max=20))
    remove = ma.fields.List(fields.line(64), load_default=list, validate=ma.validate.Length(max=20))


class TaggedSchema(ma.Schema):
    """How many boxes changed."""

    changed = ma.fields.Integer(required=True)


class SummarySchema(ma.Schema):
    """How many boxes there are of each status."""

    by_status = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Integer(), required=True)


class ImportFiles(ma.Schema):
    """The file of an import."""

    file = Upload(required=True, metadata={"description": "CSV or XLSX, at most 100 MB"})


class ImportForm(ma.Schema):
    """How to import it."""

    dry_run = ma.fields.Boolean(load_default=False)
    encoding = ma.fields.String(load_default=AUTO, validate=ma.validate.OneOf(list(ENCODING_NAMES)))


class ExportForm(FilterFields):
    """Which boxes to export, and as what."""

    format = ma.fields.String(load_default="csv", validate=ma.validate.OneOf(sorted(WRITERS)))


class JobStartedSchema(ma.Schema):
    """Work that was asked for; `/jobs/{id}` follows it."""

    id = ma.fields.String(attribute="public_id", required=True)
    kind = ma.fields.String(required=True)
    state = ma.fields.String(required=True)

"""Boxes on the wire of the staff: bodies of the API and forms of the pages."""

from __future__ import annotations

import marshmallow as ma

from firmware.boxes.rules import TOKEN_OVERLAP, BoxState
from stb_service.shared.http import fields
from stb_service.shared.http.api import CursorArguments

STATES = [state.value for state in BoxState]
OVERLAP_DAYS = TOKEN_OVERLAP.days
BULK_MOST = 200


class BoxesArguments(CursorArguments):
    """Which boxes."""

    state = ma.fields.String(load_default=None, validate=ma.validate.OneOf(STATES))
    model = fields.line(64, load_default=None)
    revision = fields.line(64, load_default=None)
    version = fields.line(128, load_default=None)
    tag = fields.line(64, load_default=None)


class BoxTagSchema(ma.Schema):
    """A word by which boxes are selected."""

    tag = ma.fields.String(required=True)


class BoxSchema(ma.Schema):
    """A box as the update service knows it."""

    id = ma.fields.String(attribute="uid", required=True)
    serial = ma.fields.String(required=True, allow_none=True)
    mac_ethernet = ma.fields.String(required=True, allow_none=True)
    mac_wifi = ma.fields.String(required=True, allow_none=True)
    alias = ma.fields.String(required=True, allow_none=True)
    model_code = ma.fields.String(required=True)
    revision_code = ma.fields.String(required=True)
    state = ma.fields.String(required=True, validate=ma.validate.OneOf(STATES))
    tags = ma.fields.List(ma.fields.Pluck(BoxTagSchema, "tag"), required=True)
    running_version = ma.fields.String(required=True, allow_none=True)
    version_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    boot_id = ma.fields.String(required=True, allow_none=True)
    boot_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    attributes = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String(), required=True)
    attributes_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    attributes_wanted = ma.fields.Boolean(
        required=True, metadata={"description": "it is asked what it runs at its next poll"}
    )
    last_seen_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    last_wire = ma.fields.String(required=True, allow_none=True)
    last_address = ma.fields.String(required=True, allow_none=True)
    created_at = ma.fields.AwareDateTime(required=True)


class BoxesSchema(ma.Schema):
    """A page of boxes."""

    items = ma.fields.List(ma.fields.Nested(BoxSchema), attribute="rows", required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)


class LimitArguments(ma.Schema):
    """How many of the newest."""

    limit = ma.fields.Integer(load_default=20, validate=ma.validate.Range(1, 200))


class BoxReportSchema(ma.Schema):
    """One thing a box said about an action."""

    at = ma.fields.AwareDateTime(required=True)
    wire = ma.fields.String(required=True)
    action = ma.fields.String(required=True, allow_none=True)
    execution = ma.fields.String(required=True, allow_none=True)
    finished = ma.fields.String(required=True, allow_none=True)
    details = ma.fields.String(required=True)
    unread = ma.fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "what could not be read of it, and why"},
    )
    body = ma.fields.String(required=True, metadata={"description": "as it was said"})


class BoxReportsSchema(ma.Schema):
    """What a box said last."""

    items = ma.fields.List(ma.fields.Nested(BoxReportSchema), required=True)


class AliasSchema(ma.Schema):
    """Another controller id by which the box calls itself; null takes it away."""

    alias = fields.line(256, required=True, allow_none=True)


class AliasForm(ma.Schema):
    """The same, from a form: an empty field takes it away."""

    alias = fields.line(256, load_default=None)


class RotationSchema(ma.Schema):
    """How the tokens of a box are changed."""

    overlap_days = ma.fields.Integer(
        load_default=OVERLAP_DAYS,
        validate=ma.validate.Range(0, 90),
        metadata={"description": "how long former tokens are still accepted"},
    )
    token = fields.line(
        128,
        shortest=16,
        load_default=None,
        metadata={"description": "one that the box has already; else one is made"},
    )


class NewBoxTokenSchema(ma.Schema):
    """A token, told this once."""

    secret = ma.fields.String(required=True)
    former_until = ma.fields.AwareDateTime(required=True)


class BoxTokenSchema(ma.Schema):
    """What is kept of a token."""

    hint = ma.fields.String(required=True, metadata={"description": "how it begins"})
    created_at = ma.fields.AwareDateTime(required=True)
    expires_at = ma.fields.AwareDateTime(required=True, allow_none=True)


class BoxTokensSchema(ma.Schema):
    """The tokens of a box, newest first."""

    items = ma.fields.List(ma.fields.Nested(BoxTokenSchema), required=True)


class GatewayTokenForm(ma.Schema):
    """A gateway token to be made."""

    name = fields.line(64, required=True)
    days = ma.fields.Integer(
        load_default=None,
        allow_none=True,
        validate=ma.validate.Range(1, 3650),
        metadata={"description": "how long it is accepted; for ever if not stated"},
    )


class GatewayTokenSchema(BoxTokenSchema):
    """A token that may speak for any box."""

    id = ma.fields.String(attribute="public_id", required=True)
    name = ma.fields.String(required=True)
    revoked_at = ma.fields.AwareDateTime(required=True, allow_none=True)


class NewGatewayTokenSchema(GatewayTokenSchema):
    """A gateway token with its secret, told this once."""

    secret = ma.fields.String(required=True)


class GatewayTokensSchema(ma.Schema):
    """All gateway tokens, newest first."""

    items = ma.fields.List(ma.fields.Nested(GatewayTokenSchema), required=True)

"""The wire of this room."""

from __future__ import annotations

import marshmallow as ma

from stb_service.shared.http import fields
from stb_service.shared.http.api import CursorArguments


class AuditArguments(CursorArguments):
    """Which entries of the audit."""

    actor = fields.line(
        128, load_default=None, metadata={"description": "id or name, or the id of a token"}
    )
    verb = fields.line(64, load_default=None)
    subject = fields.line(128, load_default=None, metadata={"description": "id, name or kind"})
    from_on = ma.fields.Date(load_default=None)
    to_on = ma.fields.Date(load_default=None)


class AuditForm(ma.Schema):
    """The filters of the page; unlike the API it forgives what it cannot read."""

    actor = fields.line(128)
    verb = fields.line(64)
    subject = fields.line(128)
    from_on = ma.fields.Date()
    to_on = ma.fields.Date()


class AuditEntrySchema(ma.Schema):
    """One change."""

    id = ma.fields.Integer(required=True)
    at = ma.fields.AwareDateTime(required=True)
    actor_kind = ma.fields.String(required=True)
    actor_ref = ma.fields.String(required=True)
    actor_label = ma.fields.String(required=True)
    token_ref = ma.fields.String(
        required=True, allow_none=True, metadata={"description": "the API token that was used"}
    )
    token_label = ma.fields.String(required=True, allow_none=True)
    verb = ma.fields.String(required=True)
    subject_kind = ma.fields.String(required=True)
    subject_ref = ma.fields.String(required=True)
    subject_label = ma.fields.String(required=True)
    changes = ma.fields.Dict(
        keys=ma.fields.String(),
        required=True,
        metadata={
            "description": "field to [before, after], or to one value; null: personal, and not readable"
        },
    )


class AuditPageSchema(ma.Schema):
    """A slice of the audit."""

    items = ma.fields.List(ma.fields.Nested(AuditEntrySchema), attribute="rows", required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)


class JobSchema(ma.Schema):
    """One piece of long work."""

    id = ma.fields.String(attribute="public_id", required=True)
    kind = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    state = ma.fields.String(
        required=True, validate=ma.validate.OneOf(["queued", "running", "done", "failed"])
    )
    actor = ma.fields.String(attribute="actor_label", required=True)
    created_at = ma.fields.AwareDateTime(required=True)
    started_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    finished_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    done_count = ma.fields.Integer(required=True)
    total_count = ma.fields.Integer(required=True, allow_none=True)
    result = ma.fields.Dict(required=True, allow_none=True)
    error = ma.fields.String(required=True, allow_none=True)
    report_name = ma.fields.String(required=True, allow_none=True)


class JobsSchema(ma.Schema):
    """A slice of the long work."""

    items = ma.fields.List(ma.fields.Nested(JobSchema), attribute="rows", required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)


class FollowUpSchema(ma.Schema):
    """What should have followed a change; `error` is what the last attempt met."""

    id = ma.fields.String(attribute="public_id", required=True)
    topic = ma.fields.String(required=True)
    key = ma.fields.String(required=True, metadata={"description": "the same twice is one"})
    payload = ma.fields.Dict(keys=ma.fields.String(), required=True)
    created_at = ma.fields.AwareDateTime(required=True)
    attempts = ma.fields.Integer(required=True)
    error = ma.fields.String(required=True, allow_none=True)


class FollowUpsSchema(ma.Schema):
    """A slice of the follow-ups that failed for good."""

    items = ma.fields.List(ma.fields.Nested(FollowUpSchema), attribute="rows", required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)


class SearchArguments(ma.Schema):
    """What to look for."""

    q = ma.fields.String(
        required=True, validate=ma.validate.Length(min=2, max=100), metadata={"minLength": 2}
    )
    limit = ma.fields.Integer(load_default=20, validate=ma.validate.Range(1, 100))


class HitSchema(ma.Schema):
    """One result."""

    title = ma.fields.String(required=True)
    detail = ma.fields.String(required=True)
    url = ma.fields.String(required=True, metadata={"description": "the page that shows it"})


class HitGroupSchema(ma.Schema):
    """The results of one kind."""

    name = ma.fields.String(required=True)
    hits = ma.fields.List(ma.fields.Nested(HitSchema), required=True)

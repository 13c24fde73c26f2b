"""Images on the wire."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from firmware.images import rules
from firmware.images.rules import State
from stb_service.shared.http.api import CursorArguments
from stb_service.shared.i18n import text


def _code(value: str) -> None:
    if not rules.is_code(value):
        raise ma.ValidationError(str(text("No model has such a code.")))


class ImagesArguments(CursorArguments):
    """Which images."""

    model = ma.fields.String(
        load_default=None, validate=_code, metadata={"description": "only those for this model"}
    )
    state = ma.fields.String(
        load_default=None, validate=ma.validate.OneOf([state.value for state in State])
    )


class FitSchema(ma.Schema):
    """A kind of box an image is for."""

    model_code = ma.fields.String(required=True)
    revision_code = ma.fields.String(
        load_default=rules.EVERY_REVISION, metadata={"description": "`*`: every revision"}
    )


class PlacedFitSchema(FitSchema):
    """A kind of box an image is for, and the place of its version in that model's order."""

    sequence = ma.fields.Integer(required=True)


class ObstacleSchema(ma.Schema):
    """A reason why an image cannot be offered."""

    code = ma.fields.String(required=True)
    message = ma.fields.String(required=True)


class ImageSchema(ma.Schema):
    """An image."""

    id = ma.fields.String(attribute="image.public_id", required=True)
    name = ma.fields.String(attribute="image.name", required=True)
    version = ma.fields.String(attribute="image.version", required=True)
    filename = ma.fields.String(
        attribute="image.filename",
        required=True,
        metadata={"description": "the name it was uploaded under"},
    )
    size_bytes = ma.fields.Integer(attribute="image.size_bytes", required=True)
    sha256 = ma.fields.String(attribute="image.sha256", required=True)
    sha1 = ma.fields.String(attribute="image.sha1", required=True)
    md5 = ma.fields.String(attribute="image.md5", required=True)
    notes = ma.fields.String(attribute="image.notes", required=True)
    state = ma.fields.String(
        attribute="image.state",
        required=True,
        validate=ma.validate.OneOf([state.value for state in State]),
    )
    withdrawn_at = ma.fields.AwareDateTime(
        attribute="image.withdrawn_at", required=True, allow_none=True
    )
    withdrawn_reason = ma.fields.String(
        attribute="image.withdrawn_reason", required=True, allow_none=True
    )
    uploaded_at = ma.fields.AwareDateTime(attribute="image.uploaded_at", required=True)
    uploaded_by = ma.fields.String(attribute="image.uploaded_by", required=True)
    fits = ma.fields.List(ma.fields.Nested(PlacedFitSchema), attribute="placed_fits", required=True)


class ImageDetailSchema(ImageSchema):
    """An image, and what bars it from being offered."""

    obstacles = ma.fields.List(ma.fields.Nested(ObstacleSchema), required=True)


class ImagesSchema(ma.Schema):
    """A page of images, newest first."""

    items = ma.fields.List(ma.fields.Nested(ImageSchema), required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)


class NotesSchema(ma.Schema):
    """New release notes."""

    notes = ma.fields.String(required=True, validate=ma.validate.Length(max=rules.NOTES_MAX))


class WithdrawalSchema(ma.Schema):
    """Why an image is withdrawn."""

    reason = ma.fields.String(
        required=True, validate=ma.validate.Length(min=1, max=rules.REASON_MAX)
    )


class FitsSchema(ma.Schema):
    """More boxes that an image fits."""

    fits = ma.fields.List(
        ma.fields.Nested(FitSchema),
        required=True,
        validate=ma.validate.Length(min=1, max=rules.FITS_MAX),
    )


# Written by hand: marshmallow never sees the upload, which streams past it.
UPLOAD_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file", "name", "version", "fits"],
                "properties": {
                    "file": {"type": "string", "format": "binary"},
                    "name": {"type": "string", "minLength": 1, "maxLength": rules.NAME_MAX},
                    "version": {"type": "string", "minLength": 1, "maxLength": 64},
                    "fits": {
                        "type": "array",
                        "items": {"type": "string"},
                        "description": "MODEL/REVISION, or MODEL for every revision",
                    },
                    "notes": {"type": "string", "maxLength": rules.NOTES_MAX},
                    "after": {
                        "type": "string",
                        "description": "the version it follows (the newest, if not stated)",
                    },
                    "sequence": {"type": "integer", "minimum": 0, "maximum": rules.SEQUENCE_MAX},
                },
            },
            "encoding": {"fits": {"style": "form", "explode": True}},
        }
    },
}

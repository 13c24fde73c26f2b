"""The wire of models of box."""

from __future__ import annotations

import marshmallow as ma

from stb_service.devices.schemas import CapabilitySchema
from stb_service.shared.http import fields


class ModelSchema(ma.Schema):
    """A model of box."""

    id = ma.fields.String(attribute="public_id", required=True)
    code = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    maker = ma.fields.String(required=True)
    memory_mb = ma.fields.Integer(required=True, allow_none=True)
    flash_mb = ma.fields.Integer(required=True, allow_none=True)
    end_of_sale_on = ma.fields.Date(required=True, allow_none=True)
    end_of_service_on = ma.fields.Date(required=True, allow_none=True)
    notes = ma.fields.String(required=True)
    revisions = ma.fields.List(ma.fields.Pluck("RevisionSchema", "code"), required=True)
    capabilities = ma.fields.List(ma.fields.Nested(CapabilitySchema), required=True)


class RevisionSchema(ma.Schema):
    """A hardware revision."""

    code = ma.fields.String(required=True)


class ModelsSchema(ma.Schema):
    """A slice of the models."""

    items = ma.fields.List(ma.fields.Nested(ModelSchema), attribute="rows", required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)


def _megabytes() -> ma.fields.Integer:
    return ma.fields.Integer(
        strict=True, allow_none=True, validate=ma.validate.Range(1, 16_777_216)
    )


class ModelPatch(ma.Schema):
    """A change of a model; revisions are only added, capabilities replaced."""

    name = fields.line(128)
    maker = fields.line(80)
    memory_mb = _megabytes()
    flash_mb = _megabytes()
    end_of_sale_on = ma.fields.Date(allow_none=True)
    end_of_service_on = ma.fields.Date(allow_none=True)
    notes = fields.paragraph(2000)
    revisions = ma.fields.List(fields.line(64), validate=ma.validate.Length(max=50))
    capabilities = ma.fields.List(
        ma.fields.Nested(CapabilitySchema), validate=ma.validate.Length(max=50)
    )


class NewModel(ModelPatch):
    """A model to be added."""

    code = fields.line(64, required=True)
    name = fields.line(128, required=True)
    maker = fields.line(80, required=True)


class ModelForm(ma.Schema):
    """A model as a page sends it: revisions and capabilities one a line."""

    name = fields.line(128, required=True)
    maker = fields.line(80, required=True)
    memory_mb = ma.fields.Integer(allow_none=True, validate=ma.validate.Range(1, 16_777_216))
    flash_mb = ma.fields.Integer(allow_none=True, validate=ma.validate.Range(1, 16_777_216))
    end_of_sale_on = ma.fields.Date(allow_none=True)
    end_of_service_on = ma.fields.Date(allow_none=True)
    notes = fields.paragraph(2000)
    revisions = fields.paragraph(4000)
    codecs = fields.paragraph(4000)
    protections = fields.paragraph(4000)


class NewModelForm(ModelForm):
    """A model to be added by a page."""

    code = fields.line(64, required=True)

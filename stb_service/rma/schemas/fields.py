"""Fields that several bodies and answers of returns share."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from stb_service.billing.schemas import integer
from stb_service.devices.components import Component
from stb_service.devices.fields import EARLIEST
from stb_service.rma.cases import CASE
from stb_service.rma.workshop import ORDER
from stb_service.shared.http import fields
from stb_service.warranty.schemas import LATEST

CASE_STATES = [state for state in CASE.places if state != "new"]
ORDER_STATES = [state for state in ORDER.places if state != "new"]
STANDINGS = ["live", "closed", "held", "due"]
COMPONENTS = ["", *(component.value for component in Component)]
MOST_LINES = 20


def one_of(*values: str, **more: Any) -> ma.fields.String:
    """Return a field for one of some words."""
    return ma.fields.String(validate=ma.validate.OneOf(values), **more)


def narrowed(*values: str) -> ma.fields.String:
    """Return a field that a list can be narrowed by: one of some words, or nothing."""
    return one_of("", *values, load_default="")


def said(longest: int) -> ma.fields.String:
    """Return a field for a line that may be left out."""
    return fields.line(longest, shortest=0, load_default="")


def told(longest: int) -> ma.fields.String:
    """Return a field for text of several lines that may be left out."""
    return fields.paragraph(longest, load_default="")


def number(**more: Any) -> ma.fields.Integer:
    """Return a field for the number of a fault."""
    return integer(1, 1000, **more)


def day(**more: Any) -> ma.fields.Date:
    """Return a field for a day that a box may see."""
    return ma.fields.Date(allow_none=True, validate=ma.validate.Range(EARLIEST, LATEST), **more)


def words(**more: Any) -> ma.fields.String:
    """Return a field of an answer: text."""
    return ma.fields.String(required=True, **more)


def whole(**more: Any) -> ma.fields.Integer:
    """Return a field of an answer: a whole number."""
    return ma.fields.Integer(required=True, **more)


def maybe_words(**more: Any) -> ma.fields.String:
    """Return a field of an answer: text or null."""
    return ma.fields.String(required=True, allow_none=True, **more)


def instant(*, or_none: bool = False) -> ma.fields.AwareDateTime:
    """Return a field of an answer: an instant."""
    return ma.fields.AwareDateTime(required=True, allow_none=or_none)


def flag() -> ma.fields.Boolean:
    """Return a field of an answer: yes or no."""
    return ma.fields.Boolean(required=True)


def rows(schema: type[ma.Schema], **more: Any) -> ma.fields.List[Any]:
    """Return a field of an answer: a list of things."""
    return ma.fields.List(ma.fields.Nested(schema), required=True, **more)

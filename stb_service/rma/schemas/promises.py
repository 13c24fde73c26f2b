"""The wire of what is promised to a customer: quotes, exchanges, comparisons, statements."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from stb_service.billing.schemas import LineForm, integer
from stb_service.parts.schemas import (
    condition_field,
)
from stb_service.rma.comparison import PERMILLE, Choice
from stb_service.rma.lists import (
    STATEMENTS,
)
from stb_service.rma.schemas.fields import MOST_LINES, day, number, one_of, said, told
from stb_service.rma.wiping import METHODS
from stb_service.shared.http import fields
from stb_service.shared.money import MOST_MINOR


class GoodwillBody(ma.Schema):
    """Why the operator answers for a fault."""

    reason = fields.paragraph(1000, required=True)


class StatementBody(ma.Schema):
    """What is stated; with `stands` false it is taken back."""

    kind = one_of(*STATEMENTS, required=True)
    stands = ma.fields.Boolean(load_default=True)
    note = told(500)
    amount_minor = integer(0, MOST_MINOR, load_default=None, allow_none=True)
    method = one_of("", *METHODS, load_default="", metadata={"description": "of a wiping"})
    photo = said(16)
    lab_run = said(16)


class ExchangeBody(ma.Schema):
    """A box of the shelf that is kept for a case: its id, serial or MAC."""

    device = fields.line(128, required=True)


class AccessoryBody(ma.Schema):
    """An accessory that is held back for a case."""

    part = fields.line(64, required=True)
    location = fields.line(32, required=True)
    quantity = integer(1, 100, load_default=1)
    condition = condition_field(load_default="new")
    reason = fields.line(
        500,
        shortest=0,
        load_default="",
        metadata={
            "description": "why another part, or more of it, than the reported fault calls for"
        },
    )


class CaseQuoteBody(ma.Schema):
    """A quote of a case; without `faults` it has a price for all that are to be paid."""

    remedy = one_of("repair", "replace", "accessory", load_default="")
    lines = ma.fields.List(
        ma.fields.Nested(LineForm), required=True, validate=ma.validate.Length(1, 100)
    )
    faults = ma.fields.List(
        number(),
        load_default=None,
        allow_none=True,
        validate=ma.validate.Length(max=MOST_LINES),
    )
    title = said(200)
    notes = told(2000)
    discount_minor = integer(0, MOST_MINOR, load_default=0)
    valid_until_on = day(load_default=None)


MONTHS = 1200
MORE_AMOUNTS = (
    "repair_freight_minor",
    "handling_minor",
    "repair_goodwill_minor",
    "second_repair_minor",
    "unit_minor",
    "salvage_minor",
    "replacement_freight_minor",
    "replacement_goodwill_minor",
)
MORE_MONTHS = (
    "repaired_life_months",
    "repaired_supported_months",
    "replacement_life_months",
    "replacement_supported_months",
)
MORE_SHARES = {"bounce_permille": PERMILLE}


class _ComparisonBody(ma.Schema):
    parts_minor = integer(0, MOST_MINOR, required=True)
    labour_minor = integer(0, MOST_MINOR, required=True)
    repair_price_minor = integer(0, MOST_MINOR, load_default=None, allow_none=True)


ComparisonBody: Any = _ComparisonBody.from_dict(
    {
        **{name: integer(0, MOST_MINOR) for name in MORE_AMOUNTS},
        **{name: integer(0, MONTHS) for name in MORE_MONTHS},
        **{name: integer(0, most) for name, most in MORE_SHARES.items()},
    },
    name="ComparisonBody",
)


class ChoiceBody(ma.Schema):
    """What the customer chose."""

    choice = one_of(*Choice, required=True)
    note = told(500)

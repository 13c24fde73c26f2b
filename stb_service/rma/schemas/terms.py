"""The wire of the terms that returns go by."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from stb_service.billing.schemas import currency as currency_field
from stb_service.billing.schemas import integer
from stb_service.rma import terms
from stb_service.rma.history import Terms
from stb_service.rma.schemas.fields import day, flag, instant, rows, whole, words

DAYS = tuple(Terms.__dataclass_fields__)
ReturnTermsSchema: Any = ma.Schema.from_dict(
    {
        **{name: ma.fields.Integer(required=True) for name in DAYS},
        "changed_at": ma.fields.AwareDateTime(required=True, allow_none=True),
        "changed_by": ma.fields.String(required=True),
    },
    name="ReturnTermsSchema",
)
ReturnTermsPatch: Any = ma.Schema.from_dict(
    {name: integer(0, terms.MOST_DAYS) for name in DAYS}, name="ReturnTermsPatch"
)


class ModelTermsPatch(ma.Schema):
    """What returns of a model go by; what is left out stays."""

    currency = currency_field()
    tau_permille = integer(0, terms.LIMITS["tau_permille"])
    new_minor = integer(0, terms.LIMITS["new_minor"])
    refurbished_minor = integer(0, terms.LIMITS["refurbished_minor"])
    unreturned_minor = integer(0, terms.LIMITS["unreturned_minor"])
    damage_minor = integer(0, terms.LIMITS["damage_minor"])
    handling_minor = integer(0, terms.LIMITS["handling_minor"])
    labour_minor = integer(0, terms.LIMITS["labour_minor"])
    tax_ppm = integer(0, terms.LIMITS["tax_ppm"])
    may_send_ahead = ma.fields.Boolean()
    late_credited = ma.fields.Boolean()
    repaired_life_months = integer(0, terms.LIMITS["repaired_life_months"])
    replacement_life_months = integer(0, terms.LIMITS["replacement_life_months"])
    supported_until_on = day()
    new_supported_until_on = day()


class ModelTermsSchema(ma.Schema):
    """What returns of a model go by; `set_at` is null where the defaults count."""

    model = words()
    currency = words()
    tau_permille = whole()
    new_minor = whole()
    refurbished_minor = whole()
    unreturned_minor = whole(metadata={"description": "the fee for a box that does not come back"})
    damage_minor = whole(metadata={"description": "the fee for a rented box that was damaged"})
    handling_minor = whole(metadata={"description": "the fee where no fault was found"})
    labour_minor = whole(metadata={"description": "an hour's"})
    tax_ppm = whole()
    may_send_ahead = flag()
    late_credited = flag()
    repaired_life_months = whole()
    replacement_life_months = whole()
    supported_until_on = ma.fields.Date(required=True, allow_none=True)
    new_supported_until_on = ma.fields.Date(required=True, allow_none=True)
    changed_at = instant(or_none=True)
    changed_by = words()


class AllModelTermsSchema(ma.Schema):
    """The models that have terms."""

    items = rows(ModelTermsSchema)

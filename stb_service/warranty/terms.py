"""Terms of a policy as data: what is stored, sent, edited and shipped as a preset."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import marshmallow as ma
import yaml

from stb_service.devices.components import Component
from stb_service.shared.http import fields
from stb_service.shared.i18n import text
from stb_service.warranty.periods import LastDay
from stb_service.warranty.policy import (
    NEVER_EXCLUDED,
    Basis,
    Cause,
    OnReplacement,
    OnTransfer,
    Policy,
    Repairs,
    Start,
    Tenure,
)

MONTHS_MOST = 240
DAYS_MOST = 3660
HOURS_MOST = 100_000
COMPONENTS_MOST = 50
EXCLUDABLE = [cause.value for cause in Cause if cause not in NEVER_EXCLUDED]


def _whole(most: int, **more: Any) -> ma.fields.Integer:
    return ma.fields.Integer(strict=True, validate=ma.validate.Range(0, most), **more)


class WarrantyStartTerms(ma.Schema):
    """One way to tell when cover begins."""

    basis = ma.fields.Enum(Basis, by_value=True, required=True)
    after_days = _whole(DAYS_MOST, load_default=0)
    at_most_after = ma.fields.Enum(Basis, by_value=True, load_default=None, allow_none=True)
    at_most_days = _whole(DAYS_MOST, load_default=0)


class WarrantyRepairTerms(ma.Schema):
    """What a repair does to the cover."""

    suspends = ma.fields.Boolean(load_default=False)
    tail_days = _whole(DAYS_MOST, load_default=0)
    extend_months = _whole(MONTHS_MOST, load_default=0)
    restarts_component = ma.fields.Boolean(load_default=False)


class WarrantyTerms(ma.Schema):
    """All that a version of a policy says."""

    starts = ma.fields.List(
        ma.fields.Nested(WarrantyStartTerms),
        required=True,
        validate=ma.validate.Length(1, len(Basis)),
        metadata={"description": "the first whose day is known counts"},
    )
    months = _whole(MONTHS_MOST, required=True)
    last_day = ma.fields.Enum(LastDay, by_value=True, required=True)
    doa_days = _whole(DAYS_MOST, load_default=0)
    doa_hours = _whole(
        HOURS_MOST,
        load_default=0,
        metadata={"description": "of operation, up to which it is dead on arrival; 0: any"},
    )
    components = ma.fields.Dict(
        keys=fields.line(32),
        values=_whole(MONTHS_MOST),
        load_default=dict,
        validate=ma.validate.Length(max=COMPONENTS_MOST),
        metadata={
            "description": f"months of components whose term is another; of {', '.join(Component)}"
        },
    )
    repairs = ma.fields.Nested(
        WarrantyRepairTerms, load_default=lambda: WarrantyRepairTerms().load({})
    )
    replacement = ma.fields.Enum(OnReplacement, by_value=True, load_default=OnReplacement.REMAINDER)
    replacement_days = _whole(DAYS_MOST, load_default=0)
    transfer = ma.fields.Enum(OnTransfer, by_value=True, load_default=OnTransfer.ALWAYS)
    excluded = ma.fields.List(
        ma.fields.String(validate=ma.validate.OneOf(EXCLUDABLE)),
        load_default=list,
        validate=ma.validate.Length(max=len(EXCLUDABLE)),
        metadata={"description": "causes of a fault that take its cover away"},
    )
    tenures = ma.fields.List(
        ma.fields.Enum(Tenure, by_value=True),
        load_default=lambda: [Tenure.SOLD],
        validate=ma.validate.Length(1, len(Tenure)),
    )

    @ma.validates_schema
    def _each_basis_once(self, data: Mapping[str, Any], **_: Any) -> None:
        bases = [start["basis"] for start in data["starts"]]
        if len(set(bases)) < len(bases):
            raise ma.ValidationError([text("Each basis may stand here once.")], "starts")


def read_stored(terms: Mapping[str, Any]) -> dict[str, Any]:
    """Return terms that were stored.

    Raises:
        marshmallow.ValidationError: they are none.
    """
    loaded: dict[str, Any] = _SCHEMA.load(terms)
    return loaded


_SCHEMA = WarrantyTerms()


def policy_of(code: str, version: int, jurisdiction: str, terms: Mapping[str, Any]) -> Policy:
    """Return a policy from terms as they are stored.

    Raises:
        marshmallow.ValidationError: they are none.
    """
    data = read_stored(terms)
    starts = tuple(Start(**start) for start in data.pop("starts"))
    repairs = Repairs(**data.pop("repairs"))
    excluded, tenures = (frozenset(data.pop(name)) for name in ("excluded", "tenures"))
    return Policy(
        code=code,
        version=version,
        jurisdiction=jurisdiction,
        starts=starts,
        repairs=repairs,
        excluded=excluded,
        tenures=tenures,
        **data,
    )


@cache
def presets() -> Mapping[str, Mapping[str, Any]]:
    """Return the presets that ship, by code: title, jurisdiction, sources and terms."""
    folder = files("stb_service.warranty") / "presets"
    found = {}
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if path.name.endswith(".yaml"):
            found[path.name.removesuffix(".yaml")] = yaml.safe_load(path.read_text("utf-8"))
    return found

"""What the pages send: terms of a draft as a form, its chain of days and its components row by row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from flask import request

from stb_service.devices.components import Component
from stb_service.shared.errors import Invalid
from stb_service.shared.http import read_form
from stb_service.shared.http.unit import field_messages
from stb_service.warranty.models import PolicyVersion
from stb_service.warranty.policy import Basis
from stb_service.warranty.schemas import MonthsForm, StartForm, TermsForm

ROWS = len(Basis)
OF_COMPONENT = "component_"
"""A field of this name and the component's code has its months."""
START_FIELDS = ("basis", "after_days", "at_most_after", "at_most_days")
REPAIR_FIELDS = ("suspends", "tail_days", "extend_months", "restarts_component")
PLAIN_FIELDS = (
    *("months", "last_day", "doa_days", "doa_hours"),
    *("replacement", "replacement_days", "transfer"),
)
LIST_FIELDS = ("excluded", "tenures")


def read_draft(schema: TermsForm) -> dict[str, Any]:
    """Return a draft from the form: its terms under `terms`, and the rest by name.

    Raises:
        Invalid: with the messages of each field.
    """
    form = read_form(schema)
    terms = {name: form.pop(name) for name in (*PLAIN_FIELDS, *LIST_FIELDS)}
    terms["repairs"] = {name: form.pop(name) for name in REPAIR_FIELDS}
    terms["components"] = _components()
    terms["starts"] = _starts()
    return {**form, "terms": terms}


def at_fields(refusal: Invalid) -> Invalid:
    """Return a refusal of terms with its messages at the fields of the form."""
    fields: dict[str, Any] = {}
    for place, messages in refusal.fields.items():
        parts = place.removeprefix("terms.").removeprefix("repairs.").split(".")
        fields.setdefault(parts[0], []).extend(messages)
    return Invalid(refusal.detail, fields=fields)


def component_rows(values: Mapping[str, Any]) -> list[str]:
    """Return the components that the form asks about: all, and what else the draft has."""
    found = [name.removeprefix(OF_COMPONENT) for name in values if name.startswith(OF_COMPONENT)]
    return [*Component, *sorted({*found} - {*Component})]


def _components() -> dict[str, int]:
    """Return the months of components; one without months is left out."""
    found: dict[str, int] = {}
    for name, typed in request.form.items():
        if not name.startswith(OF_COMPONENT) or not typed.strip():
            continue
        try:
            found[name.removeprefix(OF_COMPONENT)] = MonthsForm().load({"months": typed})["months"]
        except ma.ValidationError as error:
            raise Invalid(fields={name: _all_of(error)}) from error
    return found


def _starts() -> list[dict[str, Any]]:
    """Return the chain of days; rows without a basis are left out."""
    found = []
    for number in range(ROWS):
        typed = {name: request.form.get(f"start_{number}_{name}", "") for name in START_FIELDS}
        filled = {name: value for name, value in typed.items() if value.strip()}
        try:
            row = StartForm().load(filled)
        except ma.ValidationError as error:
            raise Invalid(fields={"starts": _all_of(error)}) from error
        if row["basis"]:
            found.append(row)
    return found


def _all_of(error: ma.ValidationError) -> list[Any]:
    return [message for found in field_messages(error.messages).values() for message in found]


def draft_values(version: PolicyVersion | None) -> dict[str, Any]:
    """Return what the form shows of a version; of None, an empty policy."""
    terms: Mapping[str, Any] = version.terms if version else EMPTY
    values: dict[str, Any] = {name: terms[name] for name in (*PLAIN_FIELDS, *LIST_FIELDS)}
    values |= {name: terms["repairs"][name] for name in REPAIR_FIELDS}
    values |= {f"{OF_COMPONENT}{word}": n for word, n in terms["components"].items()}
    for number in range(ROWS):
        start = terms["starts"][number] if number < len(terms["starts"]) else {}
        values |= {f"start_{number}_{name}": start.get(name) or "" for name in START_FIELDS}
    for name in ("title", "jurisdiction", "note"):
        values[name] = getattr(version, name) if version else ""
    return values


EMPTY: Mapping[str, Any] = {
    "months": 24,
    "last_day": "anniversary",
    "doa_days": 14,
    "doa_hours": 0,
    "replacement": "remainder",
    "replacement_days": 0,
    "transfer": "always",
    "excluded": [],
    "tenures": ["sold"],
    "components": {},
    "starts": [{"basis": "delivery"}, {"basis": "sale"}, {"basis": "activation"}],
    "repairs": {
        "suspends": True,
        "tail_days": 0,
        "extend_months": 0,
        "restarts_component": False,
    },
}

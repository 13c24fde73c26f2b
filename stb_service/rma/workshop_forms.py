"""What the pages of the workshop send."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import marshmallow as ma

from stb_service.parts.rules import Condition
from stb_service.rma.deciding import MOST_HOURS
from stb_service.rma.lists import BILLING_CODE_NAMES, CHECKLIST, GRADES, Result, Stated
from stb_service.rma.refunding import check_payer
from stb_service.rma.rules import MACHINES
from stb_service.rma.verdicts import Confirmed, FaultClass
from stb_service.rma.wiping import METHODS
from stb_service.shared.errors import Invalid
from stb_service.shared.http import fields, services
from stb_service.shared.i18n import Text, text
from stb_service.shared.money import read_amount, read_decimal

NOTE = 500
PERMILLE_PLACES, PPM_PLACES = 1, 4
"""Of a percentage as it is typed: 60.0 is 600 per mille, 19.0000 is 190,000 per million."""


def _one_of(values: Any, **more: Any) -> ma.fields.String:
    return ma.fields.String(validate=ma.validate.OneOf(list(values)), **more)


def _number(least: int, most: int, **more: Any) -> ma.fields.Integer:
    return ma.fields.Integer(validate=ma.validate.Range(least, most), **more)


# --- lists and steps -----------------------------------------------------------------------------


class BenchFields(ma.Schema):
    """What the bench is narrowed to."""

    location = fields.line(32, load_default="")


class OrderFilterFields(ma.Schema):
    """What the list of orders is narrowed to."""

    text = fields.line(64, load_default="")
    state = fields.line(32, load_default="")
    location = fields.line(32, load_default="")
    standing = _one_of(("", "live", "ended"), load_default="")


class StepForm(ma.Schema):
    """A step of a case or an order, with what is said with it."""

    machine = _one_of(MACHINES, required=True)
    event = fields.line(32, required=True)
    reason = fields.paragraph(1000, load_default="")
    scanned = fields.line(64, load_default="")
    carrier = fields.line(64, load_default="")
    tracking = fields.line(64, load_default="")
    signed_by = fields.line(128, load_default="")
    location = fields.line(32, load_default="")
    provider = fields.line(32, load_default="")
    lines = ma.fields.List(_number(1, 1000), load_default=list)


def stated_of(form: Mapping[str, Any]) -> Stated:
    """Return what was said with a step."""
    said = {name: value for name, value in form.items() if name not in {"machine", "event"}}
    stated = Stated(**{**said, "lines": tuple(said["lines"])})
    return check_payer(stated, services().settings.payment_provider)


# --- work ----------------------------------------------------------------------------------------


class AdmitForm(ma.Schema):
    """A box of the operator's that is taken from stock."""

    device = fields.line(64, required=True)
    location = fields.line(32, load_default="")


class FaultForm(ma.Schema):
    """A further fault."""

    component = fields.line(32, load_default="")
    symptom = fields.line(NOTE, load_default="")


class PlanForm(ma.Schema):
    """A part that a repair needs."""

    part = fields.line(64, required=True)
    quantity = _number(1, 1000, load_default=1)
    condition = _one_of(Condition, load_default=str(Condition.NEW))
    fault = _number(1, 1000, load_default=None)
    billing_code = _one_of(BILLING_CODE_NAMES, load_default="")
    reason = fields.line(500, shortest=0, load_default="")


class UseForm(ma.Schema):
    """How many of a planned part are used, all of them where none is said; and where the old ones go."""

    quantity = _number(1, 1000, load_default=None)
    old_to = fields.line(32, load_default="")
    no_old = ma.fields.Boolean(load_default=False)


class LabourForm(ma.Schema):
    """Time that was worked."""

    what = fields.line(200, required=True)
    minutes = _number(1, 6000, required=True)
    fault = _number(1, 1000, load_default=None)
    billing_code = _one_of(BILLING_CODE_NAMES, load_default="")
    reason = fields.line(500, shortest=0, load_default="")


class SwapForm(ma.Schema):
    """A component that was exchanged."""

    component = fields.line(32, required=True)
    old_serial = fields.line(64, load_default="")
    new_serial = fields.line(64, required=True)
    fault = _number(1, 1000, load_default=None)


class FirmwareForm(ma.Schema):
    """Which firmware a box had, and has."""

    before = fields.line(128, load_default="")
    after = fields.line(128, load_default="")


class TestForm(ma.Schema):
    """What a test came to; `passed` is said, not left out."""

    __test__ = False

    passed = _one_of(("yes", "no"), required=True)
    note = fields.line(NOTE, load_default="")
    lab_run = fields.line(16, load_default=None)


class LabRunForm(ma.Schema):
    """The run of the lab behind a test."""

    lab_run = fields.line(16, required=True)


class GradeForm(ma.Schema):
    """The grade of a box."""

    grade = _one_of(GRADES, required=True)


class WipingForm(ma.Schema):
    """How the customer's data were wiped."""

    method = _one_of(METHODS, required=True)
    note = fields.line(NOTE, load_default="")
    photo = fields.line(16, load_default="")
    lab_run = fields.line(16, load_default="")


class PhotoForm(ma.Schema):
    """What a photograph shows."""

    fault = _number(1, 1000, load_default=None)
    note = fields.line(NOTE, load_default="")


# --- the inspection ------------------------------------------------------------------------------


@dataclass
class Inspection:
    """What an inspector filled in: of each point and each fault, what was said."""

    checks: dict[str, tuple[str, str]] = field(default_factory=dict)
    faults: dict[int, dict[str, Any]] = field(default_factory=dict)


def read_inspection(form: Mapping[str, str], numbers: list[int]) -> Inspection:
    """Return what was filled in: `check.<code>.result`, `check.<code>.note`, and of the faults with
    these numbers `fault.<number>.confirmed`, `.fault_class`, `.note`, `.hours_on` and `.contract`.
    What was left open is left out.

    Raises:
        Invalid: something is half filled in, or is none of the words for it.
    """
    found, problems = Inspection(), dict[str, list[Text]]()
    for code in CHECKLIST:
        result, note = form.get(f"check.{code}.result", ""), _note(form, f"check.{code}", problems)
        if result and result not in set(Result):
            problems[f"check.{code}.result"] = [text("Choose one of these.")]
        elif result:
            found.checks[code] = (result, note)
        elif note:
            problems[f"check.{code}.result"] = [text("Say what it came to.")]
    for number in numbers:
        name = f"fault.{number}"
        given = {key: form.get(f"{name}.{key}", "") for key in ("confirmed", "fault_class")}
        note = _note(form, name, problems)
        hours = form.get(f"{name}.hours_on", "").strip()
        if not any(given.values()) and not note and not hours:
            continue
        for key, words in (("confirmed", Confirmed), ("fault_class", FaultClass)):
            if given[key] not in {str(word) for word in words}:
                problems[f"{name}.{key}"] = [text("Choose one of these.")]
        contract = bool(form.get(f"{name}.contract"))
        said = {"note": note, "hours_on": _hours(hours, name, problems), "contract": contract}
        found.faults[number] = {**given, **said}
    if problems:
        raise Invalid(fields=problems)
    return found


def hours_typed(typed: str) -> int | None:
    """Return what a counter shows as it was typed, None where that is nothing it can show."""
    plain = typed.strip()
    if not (plain.isascii() and plain.isdecimal() and len(plain) <= len(str(MOST_HOURS))):
        return None
    return hours if (hours := int(plain)) <= MOST_HOURS else None


def _hours(typed: str, name: str, problems: dict[str, list[Text]]) -> int | None:
    found = hours_typed(typed)
    if typed and found is None:
        problems[f"{name}.hours_on"] = [text("0 to %(most)s hours.", most=MOST_HOURS)]
    return found


def _note(form: Mapping[str, str], name: str, problems: dict[str, list[Text]]) -> str:
    note = form.get(f"{name}.note", "").strip()
    if len(note) > NOTE:
        problems[f"{name}.note"] = [text("At most %(n)s characters.", n=NOTE)]
    if not all(line.isprintable() for line in note.splitlines()):
        problems[f"{name}.note"] = [text("Control characters are not accepted.")]
    return note


# --- repair beside replacement -------------------------------------------------------------------

AMOUNTS: Mapping[str, Text] = {
    "repair_freight_minor": text("Freight of the repair"),
    "handling_minor": text("Handling"),
    "repair_goodwill_minor": text("Goodwill beside the repair"),
    "second_repair_minor": text("A second repair"),
    "unit_minor": text("A replacement"),
    "salvage_minor": text("What the old box is still worth"),
    "replacement_freight_minor": text("Freight of the replacement"),
    "replacement_goodwill_minor": text("Goodwill beside the replacement"),
}
MONTHS: Mapping[str, Text] = {
    "repaired_life_months": text("Life of a repaired box (months)"),
    "repaired_supported_months": text("Repaired box supported for (months)"),
    "replacement_life_months": text("Life of a replacement (months)"),
    "replacement_supported_months": text("Replacement supported for (months)"),
}
SHARES: Mapping[str, Text] = {
    "bounce_permille": text("Repairs that come back (%%)"),
}


class ComparisonForm(ma.Schema):
    """Inputs of a comparison as they are typed; amounts in the currency of the model's terms."""

    parts = fields.line(20, required=True)
    labour = fields.line(20, required=True)
    repair_price = fields.line(20, load_default="")


def read_comparison(
    form: Mapping[str, Any], typed: Mapping[str, str], currency: str
) -> dict[str, Any]:
    """Return the arguments of `comparing.compare_repair`.

    Raises:
        Invalid: an input is no amount, number or percentage.
    """
    problems: dict[str, list[Text]] = {}

    def amount(name: str, raw: str) -> int:
        try:
            return read_amount(raw, currency, field=name)
        except Invalid as refusal:
            problems.update({key: list(found) for key, found in refusal.fields.items()})
            return 0

    more: dict[str, Any] = {}
    for name in AMOUNTS:
        if typed.get(name, "").strip():
            more[name] = amount(name, typed[name])
    for name in MONTHS:
        if typed.get(name, "").strip():
            more[name] = _whole(name, typed[name], problems)
    for name in SHARES:
        if typed.get(name, "").strip():
            more[name] = _share(name, typed[name], problems)
    found = {
        "parts_minor": amount("parts", form["parts"]),
        "labour_minor": amount("labour", form["labour"]),
        "repair_price_minor": (
            amount("repair_price", form["repair_price"]) if form["repair_price"] else None
        ),
        "more": more,
    }
    if problems:
        raise Invalid(fields=problems)
    return found


def _whole(name: str, raw: str, problems: dict[str, list[Text]]) -> int:
    found = read_decimal(raw, 0)
    if found is None or found > 600:
        problems[name] = [text("From 0 to %(most)s.", most=600)]
        return 0
    return found


def _share(name: str, raw: str, problems: dict[str, list[Text]]) -> int:
    found = read_decimal(raw, PERMILLE_PLACES)
    if found is None or found > 1000:
        problems[name] = [text("From 0 to %(most)s.", most=100)]
        return 0
    return found


class ChoiceForm(ma.Schema):
    """What the customer chose."""

    choice = fields.line(16, required=True)
    note = fields.line(NOTE, load_default="")


# --- terms ---------------------------------------------------------------------------------------

PRICES: Mapping[str, Text] = {
    "new_minor": text("Price of a new box"),
    "refurbished_minor": text("Price of a refurbished box"),
    "unreturned_minor": text("Fee for a box that does not come back"),
    "damage_minor": text("Fee for a rented box that was damaged"),
    "handling_minor": text("Handling fee where no fault was found"),
    "labour_minor": text("An hour of labour"),
}


class ModelTermsForm(ma.Schema):
    """The terms of a model as they are typed."""

    currency = fields.line(3, required=True)
    tau = fields.line(8, required=True)
    tax = fields.line(10, load_default="0")
    new_minor = fields.line(20, load_default="0")
    refurbished_minor = fields.line(20, load_default="0")
    unreturned_minor = fields.line(20, load_default="0")
    damage_minor = fields.line(20, load_default="0")
    handling_minor = fields.line(20, load_default="0")
    labour_minor = fields.line(20, load_default="0")
    may_send_ahead = ma.fields.Boolean(load_default=False)
    late_credited = ma.fields.Boolean(load_default=False)
    repaired_life_months = _number(0, 600, required=True)
    replacement_life_months = _number(0, 600, required=True)
    supported_until_on = ma.fields.Date(load_default=None)
    new_supported_until_on = ma.fields.Date(load_default=None)


def read_model_terms(form: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    """Return the arguments of `terms.set_model_terms`; `known` are the currencies that can be.

    Raises:
        Invalid: an amount or a percentage cannot be read.
    """
    found = {name: value for name, value in form.items() if name not in {"tau", "tax"}}
    currency = found["currency"] = form["currency"].upper()
    if currency not in known:
        raise Invalid.field("currency", text("This is no currency that can be counted."))
    problems: dict[str, list[Text]] = {}
    for name in PRICES:
        try:
            found[name] = read_amount(form[name], currency, field=name)
        except Invalid as refusal:
            problems.update({key: list(said) for key, said in refusal.fields.items()})
    shares = (
        ("tau", "tau_permille", PERMILLE_PLACES, 1000),
        ("tax", "tax_ppm", PPM_PLACES, 1_000_000),
    )
    for name, column, places, most in shares:
        share = read_decimal(form[name], places)
        if share is None or share > most:
            problems[name] = [text("From 0 to %(most)s.", most=100)]
        else:
            found[column] = share
    if problems:
        raise Invalid(fields=problems)
    return found


def days_schema(names: Mapping[str, Any], most: int) -> ma.Schema:
    """Return the form of how many days each wait may take."""
    made = {name: _number(0, most, required=True) for name in names}
    return ma.Schema.from_dict(dict(made))()

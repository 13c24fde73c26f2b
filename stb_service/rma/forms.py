"""The forms and filters of the pages of returns."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import marshmallow as ma

from stb_service.devices.components import Component
from stb_service.parts.rules import Condition
from stb_service.rma.board import STANDINGS
from stb_service.rma.cases import PLACES
from stb_service.rma.facts import Remedy
from stb_service.rma.lists import PRECHECKS, STATEMENTS, Answer, Channel
from stb_service.rma.machine import NEW, Phase, Waits
from stb_service.rma.rules import MACHINES
from stb_service.shared.http import fields
from stb_service.shared.i18n import text
from stb_service.shared.tables import WRITERS

FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(9000, 1, 1)
FAULT_ROWS = 3


def one_of(values: Iterable[str], **more: Any) -> ma.fields.String:
    """Return a field for one of some words, or for none."""
    return ma.fields.String(
        load_default="", validate=ma.validate.OneOf(["", *map(str, values)]), **more
    )


def day(**more: Any) -> ma.fields.Date:
    """Return a field for a day."""
    return ma.fields.Date(validate=ma.validate.Range(FIRST_DAY, LAST_DAY), **more)


class WantedFields(ma.Schema):
    """What board and list can be narrowed to."""

    text = fields.line(100, shortest=0, load_default="")
    state = one_of(state for state in PLACES if state != NEW)
    phase = one_of(Phase)
    waits = one_of(Waits)
    standing = one_of(STANDINGS)
    model = fields.line(64, shortest=0, load_default="")
    handler = fields.line(32, shortest=0, load_default="")
    remedy = one_of(Remedy)
    account = fields.line(64, shortest=0, load_default="")
    mine = ma.fields.Boolean(load_default=False)
    opened_from = day(load_default=None, allow_none=True)
    opened_to = day(load_default=None, allow_none=True)


class CasesExportForm(WantedFields):
    """Which cases to export, and as what."""

    format = ma.fields.String(load_default="csv", validate=ma.validate.OneOf(sorted(WRITERS)))


class StepForm(ma.Schema):
    """A step, with what is said with it."""

    machine = ma.fields.String(required=True, validate=ma.validate.OneOf(list(MACHINES)))
    event = fields.line(32, required=True)
    reason = fields.paragraph(1000, load_default="")
    scanned = fields.line(64, shortest=0, load_default="")
    carrier = fields.line(64, shortest=0, load_default="")
    tracking = fields.line(64, shortest=0, load_default="")
    signed_by = fields.line(120, shortest=0, load_default="")
    location = fields.line(32, shortest=0, load_default="")
    provider = fields.line(32, shortest=0, load_default="")
    lines = ma.fields.List(ma.fields.Integer(validate=ma.validate.Range(1, 99)), load_default=list)


def prechecks_form() -> ma.Schema:
    """Return the form of the checks before a return: an answer and a note to each."""
    made: dict[str, Any] = {}
    for code in PRECHECKS:
        made[f"answer-{code}"] = one_of(Answer)
        made[f"note-{code}"] = fields.line(500, shortest=0, load_default="")
    return ma.Schema.from_dict(made)()


class FaultForm(ma.Schema):
    """A further fault."""

    component = one_of(Component)
    symptom = fields.line(500, required=True)


class GoodwillForm(ma.Schema):
    """Why the operator answers for a fault."""

    number = ma.fields.Integer(required=True, validate=ma.validate.Range(1, 99))
    reason = fields.paragraph(1000, required=True)


class StatementForm(ma.Schema):
    """What somebody states."""

    kind = ma.fields.String(required=True, validate=ma.validate.OneOf(list(STATEMENTS)))
    withdrawn = ma.fields.Boolean(load_default=False)
    note = fields.line(500, shortest=0, load_default="")
    amount_minor = fields.line(32, shortest=0, load_default="")


class PhotoForm(ma.Schema):
    """What a photograph shows."""

    fault = ma.fields.Integer(load_default=None, allow_none=True, validate=ma.validate.Range(1, 99))
    note = fields.line(500, shortest=0, load_default="")


class SpareForm(ma.Schema):
    """Which box is kept as the replacement."""

    device = fields.line(64, required=True)


class ReasonForm(ma.Schema):
    """Why."""

    reason = fields.line(500, shortest=0, load_default="")


class NoteForm(ma.Schema):
    """What is to be said besides."""

    note = fields.line(500, shortest=0, load_default="")


class AccessoryForm(ma.Schema):
    """An accessory that is held back."""

    part = fields.line(64, required=True)
    location = fields.line(32, required=True)
    quantity = ma.fields.Integer(load_default=1, validate=ma.validate.Range(1, 100))
    condition = ma.fields.String(
        load_default=Condition.NEW.value,
        validate=ma.validate.OneOf([condition.value for condition in Condition]),
    )
    reason = fields.line(500, shortest=0, load_default="")


class CaseForm(ma.Schema):
    """What may be corrected of a case."""

    complaint = fields.paragraph(2000, load_default="")
    language = fields.line(16, shortest=0, load_default="")
    remedy = ma.fields.String(validate=ma.validate.OneOf([str(remedy) for remedy in Remedy]))


class CaseQuoteForm(ma.Schema):
    """A quote of a case, without its lines."""

    remedy = ma.fields.String(
        required=True,
        validate=ma.validate.OneOf(
            [Remedy.REPAIR.value, Remedy.REPLACE.value, Remedy.ACCESSORY.value]
        ),
    )
    title = fields.line(200, required=True)
    notes = fields.paragraph(2000, load_default="")
    discount = fields.line(32, shortest=0, load_default="")
    valid_until_on = day(load_default=None, allow_none=True)


class OpeningForm(ma.Schema):
    """A new case."""

    device = fields.line(64, required=True)
    account = fields.line(64, shortest=0, load_default="")
    person = fields.line(32, shortest=0, load_default="")
    remedy = ma.fields.String(
        required=True, validate=ma.validate.OneOf([str(remedy) for remedy in Remedy])
    )
    channel = ma.fields.String(
        required=True, validate=ma.validate.OneOf([str(channel) for channel in Channel])
    )
    reported_on = day(load_default=None, allow_none=True)
    reported_because = fields.line(1000, shortest=0, load_default="")
    complaint = fields.paragraph(2000, load_default="")
    previous = fields.line(32, shortest=0, load_default="")
    handler = fields.line(32, shortest=0, load_default="")


class FaultRowForm(ma.Schema):
    """One row of the faults of a new case."""

    component = one_of(Component)
    symptom = fields.line(500, shortest=0, load_default="")


class ScanForm(ma.Schema):
    """What was scanned, and what the page was asking for."""

    scanned = fields.line(
        64, required=True, error_messages={"required": text("Scan or type something.")}
    )
    place = fields.line(32, shortest=0, load_default="")
    label = fields.line(32, shortest=0, load_default="")
    again = fields.line(64, shortest=0, load_default="")

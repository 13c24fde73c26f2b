"""The wire of quotes and of the ledger: bodies and answers of the API, forms of the pages.

Amounts are whole minor units (`*_minor`) of the currency named beside them.
"""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from stb_service.billing.rules import (
    CREDITS,
    FEES,
    MOST_LINES,
    MOST_QUANTITY_MILLI,
    MOST_UNIT_MINOR,
    TAX_UNIT,
    LineKind,
    QuoteState,
)
from stb_service.shared.http import fields
from stb_service.shared.http.api import CursorArguments
from stb_service.shared.money import CURRENCIES, MOST_MINOR

STATES = [state.value for state in QuoteState]
LINE_KINDS = [kind.value for kind in LineKind]


def integer(least: int, most: int, **more: Any) -> ma.fields.Integer:
    """Return a field for a whole number; text and fractions are refused."""
    return ma.fields.Integer(strict=True, validate=ma.validate.Range(least, most), **more)


def currency(**more: Any) -> ma.fields.String:
    """Return a field for a code of ISO 4217."""
    return ma.fields.String(validate=ma.validate.OneOf(sorted(CURRENCIES)), **more)


class QuoteFilterFields(ma.Schema):
    """What the list can be narrowed to."""

    text = fields.line(100, shortest=0, load_default="")
    state = ma.fields.String(load_default="", validate=ma.validate.OneOf(["", *STATES]))
    account = fields.line(64, shortest=0, load_default="")
    subject_kind = fields.line(32, shortest=0, load_default="")
    subject_ref = fields.line(64, shortest=0, load_default="")


class QuotesArguments(CursorArguments, QuoteFilterFields):
    """Which quotes."""


class LineForm(ma.Schema):
    """One line: thousandths of a unit, the price of one unit, the tax in millionths."""

    kind = ma.fields.String(required=True, validate=ma.validate.OneOf(LINE_KINDS))
    description = fields.line(200, required=True)
    quantity_milli = integer(1, MOST_QUANTITY_MILLI, load_default=1_000)
    unit_minor = integer(0, MOST_UNIT_MINOR, required=True)
    tax_ppm = integer(0, TAX_UNIT, load_default=0)


class QuotePatch(ma.Schema):
    """A change of a draft; what is left out stays."""

    title = fields.line(200)
    notes = fields.paragraph(2000)
    lines = ma.fields.List(ma.fields.Nested(LineForm), validate=ma.validate.Length(max=MOST_LINES))
    discount_minor = integer(0, MOST_MINOR)
    valid_until_on = ma.fields.Date()


class SubjectForm(ma.Schema):
    """What something is about: a thing of another room."""

    kind = fields.line(32, required=True)
    ref = fields.line(64, required=True)
    label = fields.line(128, shortest=0, load_default="")


class NewQuote(QuotePatch):
    """A quote to begin, for the account with this id."""

    account = fields.line(32, required=True)
    title = fields.line(200, required=True)
    subject = ma.fields.Nested(SubjectForm)


class AccountBriefSchema(ma.Schema):
    """An account by its names."""

    id = ma.fields.String(attribute="public_id", required=True)
    number = ma.fields.String(required=True)
    name = ma.fields.String(required=True)


class QuoteSchema(ma.Schema):
    """A quote as in lists."""

    id = ma.fields.String(attribute="public_id", required=True)
    number = ma.fields.String(required=True)
    account = ma.fields.Nested(AccountBriefSchema, required=True)
    subject_kind = ma.fields.String(required=True)
    subject_ref = ma.fields.String(required=True)
    subject_label = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    state = ma.fields.String(required=True)
    edition = ma.fields.Integer(required=True)
    currency = ma.fields.String(required=True)
    discount_minor = ma.fields.Integer(required=True)
    net_minor = ma.fields.Integer(required=True)
    tax_minor = ma.fields.Integer(required=True)
    total_minor = ma.fields.Integer(required=True)
    valid_until_on = ma.fields.Date(required=True)
    timezone = ma.fields.String(required=True)
    expires_at = ma.fields.AwareDateTime(required=True)
    created_at = ma.fields.AwareDateTime(required=True)
    sent_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    answered_at = ma.fields.AwareDateTime(required=True, allow_none=True)


class QuotesSchema(ma.Schema):
    """A slice of the quotes."""

    items = ma.fields.List(ma.fields.Nested(QuoteSchema), attribute="rows", required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)


class LineSchema(ma.Schema):
    """One line with its amounts: gross before the discount, net after it."""

    kind = ma.fields.String(required=True)
    description = ma.fields.String(required=True)
    quantity_milli = ma.fields.Integer(required=True)
    unit_minor = ma.fields.Integer(required=True)
    tax_ppm = ma.fields.Integer(required=True)
    gross_minor = ma.fields.Integer(required=True)
    discount_minor = ma.fields.Integer(required=True)
    net_minor = ma.fields.Integer(required=True)
    tax_minor = ma.fields.Integer(required=True)


class MoveSchema(ma.Schema):
    """A move of a quote."""

    from_state = ma.fields.String(required=True)
    to_state = ma.fields.String(required=True)
    edition = ma.fields.Integer(required=True)
    at = ma.fields.AwareDateTime(required=True)
    by = ma.fields.String(attribute="actor_label", required=True)
    note = ma.fields.String(attribute="words", required=True)


class QuoteCardSchema(QuoteSchema):
    """A quote with its lines and moves, and what may be done with it."""

    notes = ma.fields.String(required=True)
    lines = ma.fields.List(ma.fields.Nested(LineSchema), required=True)
    moves = ma.fields.List(ma.fields.Nested(MoveSchema), required=True)
    paid_minor = ma.fields.Integer(required=True)
    outstanding_minor = ma.fields.Integer(required=True)
    supersedes = ma.fields.String(required=True, allow_none=True)
    next_states = ma.fields.List(ma.fields.String(), required=True)
    link = ma.fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "for the customer, once it was sent; names this edition"},
    )


class AnswerForm(ma.Schema):
    """The customer's answer, taken by a person: how it came stands in the note."""

    note = fields.line(500, required=True)
    edition = ma.fields.Integer(strict=True, metadata={"description": "the one that was read"})


class WithdrawalForm(ma.Schema):
    """Why something is done."""

    reason = fields.line(500, shortest=0, load_default="")


class ExtendForm(ma.Schema):
    """Another last day."""

    valid_until_on = ma.fields.Date(required=True)


class MoneySchema(ma.Schema):
    """An amount."""

    minor = ma.fields.Integer(required=True)
    currency = ma.fields.String(required=True)


class EntrySchema(ma.Schema):
    """An entry of a ledger; above zero it is owed."""

    kind = ma.fields.String(required=True)
    cause = ma.fields.String(required=True)
    amount_minor = ma.fields.Integer(required=True)
    tax_minor = ma.fields.Integer(required=True)
    currency = ma.fields.String(required=True)
    subject_kind = ma.fields.String(required=True)
    subject_ref = ma.fields.String(required=True)
    subject_label = ma.fields.String(required=True)
    quote = ma.fields.String(attribute="quote.public_id", dump_default=None, allow_none=True)
    due_on = ma.fields.Date(required=True, allow_none=True)
    reason = ma.fields.String(required=True)
    at = ma.fields.AwareDateTime(required=True)
    by = ma.fields.String(attribute="actor_label", required=True)


class LedgerSchema(ma.Schema):
    """A slice of an account's ledger, and what the account owes in each currency."""

    balances = ma.fields.List(ma.fields.Nested(MoneySchema), required=True)
    items = ma.fields.List(ma.fields.Nested(EntrySchema), attribute="rows", required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)


class _PostingForm(ma.Schema):
    """What a charge and a credit have in common; the same key twice is one."""

    currency = currency(required=True)
    key = fields.line(80, required=True)
    reason = fields.line(500, shortest=0, load_default="")
    subject = ma.fields.Nested(SubjectForm)


class ChargeForm(_PostingForm):
    """A charge; tax is added to the net amount."""

    cause = ma.fields.String(
        required=True, validate=ma.validate.OneOf([cause.value for cause in FEES])
    )
    net_minor = integer(1, MOST_MINOR, required=True)
    tax_ppm = integer(0, TAX_UNIT, load_default=0)


class CreditForm(_PostingForm):
    """A credit."""

    cause = ma.fields.String(
        required=True, validate=ma.validate.OneOf([cause.value for cause in CREDITS])
    )
    amount_minor = integer(1, MOST_MINOR, required=True)


# --- forms of pages: amounts as people type them -------------------------------------------------


class QuoteForm(ma.Schema):
    """A draft as a page sends it: the lines in columns of the same length."""

    title = fields.line(200, required=True)
    notes = fields.paragraph(2000, load_default="")
    valid_until_on = ma.fields.Date()
    discount = fields.line(32, shortest=0, load_default="")


class NewQuoteForm(QuoteForm):
    """A quote to begin: the account by its number or external id."""

    account = fields.line(64, required=True)


class AnswerPageForm(AnswerForm):
    """The customer's answer as a page sends it."""

    edition = ma.fields.Integer()


class PostingPageForm(ma.Schema):
    """A charge or a credit as a page sends it."""

    cause = ma.fields.String(
        required=True,
        validate=ma.validate.OneOf(sorted({cause.value for cause in (*FEES, *CREDITS)})),
    )
    amount = fields.line(32, required=True)
    tax = fields.line(16, shortest=0, load_default="")
    reason = fields.line(500, required=True)
    key = fields.line(32, required=True)

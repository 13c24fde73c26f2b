"""The wire of payments: bodies and answers of the API, notices of providers, forms of the pages."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from stb_service.billing.notices import Notice, NoticeKind
from stb_service.billing.rules import Method, PaymentState
from stb_service.billing.schemas import AccountBriefSchema, currency, integer
from stb_service.shared.http import fields
from stb_service.shared.http.api import CursorArguments
from stb_service.shared.i18n import text
from stb_service.shared.money import MOST_MINOR

STATES = [state.value for state in PaymentState]
METHODS = [method.value for method in Method]


class PaymentFilterFields(ma.Schema):
    """What the list can be narrowed to."""

    text = fields.line(128, shortest=0, load_default="")
    state = ma.fields.String(load_default="", validate=ma.validate.OneOf(["", *STATES]))
    provider = fields.line(32, shortest=0, load_default="")
    account = fields.line(64, shortest=0, load_default="")


class PaymentsArguments(CursorArguments, PaymentFilterFields):
    """Which payments."""


class QuoteBriefSchema(ma.Schema):
    """A quote by its names."""

    id = ma.fields.String(attribute="public_id", required=True)
    number = ma.fields.String(required=True)


class PaymentSchema(ma.Schema):
    """A payment."""

    id = ma.fields.String(attribute="public_id", required=True)
    account = ma.fields.Nested(AccountBriefSchema, required=True)
    quote = ma.fields.Nested(QuoteBriefSchema, required=True, allow_none=True)
    provider = ma.fields.String(required=True)
    reference = ma.fields.String(required=True)
    method = ma.fields.String(required=True)
    state = ma.fields.String(required=True)
    amount_minor = ma.fields.Integer(required=True)
    currency = ma.fields.String(required=True)
    note = ma.fields.String(required=True)
    created_at = ma.fields.AwareDateTime(required=True)
    received_at = ma.fields.AwareDateTime(required=True, allow_none=True)


class PaymentCardSchema(PaymentSchema):
    """A payment with what is left of it."""

    left_minor = ma.fields.Integer(
        required=True, metadata={"description": "what was received less what was given back"}
    )


class PaymentsSchema(ma.Schema):
    """A slice of the payments."""

    items = ma.fields.List(ma.fields.Nested(PaymentSchema), attribute="rows", required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)


class NewPayment(ma.Schema):
    """Money that a person took: for a quote (id or number), or for an account (id)."""

    quote = fields.line(32, load_default="")
    account = fields.line(32, load_default="")
    amount_minor = integer(1, MOST_MINOR, required=True)
    currency = currency(required=True)
    method = ma.fields.String(required=True, validate=ma.validate.OneOf(METHODS))
    reference = fields.line(128, shortest=0, load_default="")
    note = fields.line(500, shortest=0, load_default="")
    accept_surplus = ma.fields.Boolean(load_default=False)

    @ma.validates_schema
    def _one_of_two(self, data: dict[str, Any], **_: Any) -> None:
        if bool(data.get("quote")) == bool(data.get("account")):
            raise ma.ValidationError({"quote": [text("Name a quote or an account.")]})


class RefundForm(ma.Schema):
    """Money to give back; the same key twice is one refund."""

    amount_minor = integer(1, MOST_MINOR, required=True)
    key = fields.line(64, required=True)
    reason = fields.line(500, shortest=0, load_default="")


class ReturnForm(ma.Schema):
    """Why money that was held went back."""

    reason = fields.line(500, required=True)


class NoticeForm(ma.Schema):
    """What a provider tells. `payment` is its own reference; `quote` is our number."""

    class Meta:
        """Providers may say more than we read."""

        unknown = ma.EXCLUDE

    event_id = fields.line(128, required=True)
    kind = ma.fields.String(
        required=True, validate=ma.validate.OneOf([kind.value for kind in NoticeKind])
    )
    payment = fields.line(128, required=True)
    quote = fields.line(32, shortest=0, load_default="")
    amount_minor = integer(1, MOST_MINOR, required=True)
    currency = currency(required=True)

    @ma.post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Notice:
        return Notice(**{**data, "kind": NoticeKind(data["kind"])})


class NoticeTakenSchema(ma.Schema):
    """What became of a notice."""

    payment = ma.fields.String(required=True)
    outcome = ma.fields.String(required=True)


class PaymentPageForm(ma.Schema):
    """A payment as a page sends it."""

    amount = fields.line(32, required=True)
    method = ma.fields.String(required=True, validate=ma.validate.OneOf(METHODS))
    quote = fields.line(32, shortest=0, load_default="")
    reference = fields.line(128, shortest=0, load_default="")
    note = fields.line(500, shortest=0, load_default="")
    accept_surplus = ma.fields.Boolean(load_default=False)
    key = fields.line(32, required=True)


class RefundPageForm(ma.Schema):
    """A refund as a page sends it."""

    amount = fields.line(32, required=True)
    reason = fields.line(500, required=True)
    key = fields.line(32, required=True)

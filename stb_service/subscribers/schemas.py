"""The wire of accounts: bodies and answers of the API, forms and filters of the pages."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask_smorest.fields import Upload

from stb_service.shared.http import fields
from stb_service.shared.http.api import CursorArguments
from stb_service.shared.i18n import CUSTOMER_LANGUAGES
from stb_service.shared.tables import AUTO, ENCODING_NAMES
from stb_service.subscribers.queries import SORTS
from stb_service.subscribers.rules import MOST_CONTACTS, AccountKind

KINDS = [kind.value for kind in AccountKind]
ORDERS = [sign + name for name in SORTS for sign in ("", "-")]


def _maybe(longest: int, **more: Any) -> ma.fields.String:
    return fields.line(longest, shortest=0, allow_none=True, **more)


def _language(**more: Any) -> ma.fields.String:
    return ma.fields.String(
        allow_none=True,
        validate=ma.validate.OneOf(list(CUSTOMER_LANGUAGES)),
        metadata={"description": "in which the customer is written to; null: the operator's"},
        **more,
    )


def _contacts(longest: int) -> ma.fields.List[str]:
    return ma.fields.List(fields.line(longest), validate=ma.validate.Length(max=MOST_CONTACTS))


class AccountFilterFields(ma.Schema):
    """What the list can be narrowed to."""

    text = fields.line(100, shortest=0, load_default="")
    kind = ma.fields.String(load_default="", validate=ma.validate.OneOf(["", *KINDS]))
    dealer = fields.line(32, shortest=0, load_default="")


class AccountsArguments(CursorArguments, AccountFilterFields):
    """Which accounts, in which order."""

    sort = ma.fields.String(load_default="-opened", validate=ma.validate.OneOf(ORDERS))


class DealerSchema(ma.Schema):
    """The organisation that brought an account."""

    id = ma.fields.String(attribute="public_id", required=True)
    code = ma.fields.String(required=True)
    name = ma.fields.String(required=True)


class AccountSchema(ma.Schema):
    """An account as in lists."""

    id = ma.fields.String(attribute="public_id", required=True)
    number = ma.fields.String(required=True)
    external_id = ma.fields.String(required=True, allow_none=True)
    kind = ma.fields.String(required=True)
    name = ma.fields.String(required=True, metadata={"description": "empty once erased"})
    currency = ma.fields.String(required=True)
    credit_days = ma.fields.Integer(required=True, metadata={"description": "0: none"})
    language = ma.fields.String(required=True, allow_none=True)
    dealer = ma.fields.Nested(DealerSchema, required=True, allow_none=True)
    opened_at = ma.fields.AwareDateTime(required=True)
    changed_at = ma.fields.AwareDateTime(required=True)


class AccountsSchema(ma.Schema):
    """A slice of the accounts."""

    items = ma.fields.List(ma.fields.Nested(AccountSchema), attribute="rows", required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)


class SubscriberSchema(ma.Schema):
    """A person of an account. Phones and mail addresses are null for whoever may not see them."""

    id = ma.fields.String(attribute="public_id", required=True)
    name = ma.fields.String(required=True)
    is_holder = ma.fields.Boolean(required=True)
    language = ma.fields.String(required=True, allow_none=True)
    phones = ma.fields.List(ma.fields.String(), required=True, allow_none=True)
    emails = ma.fields.List(ma.fields.String(), required=True, allow_none=True)
    erased_at = ma.fields.AwareDateTime(required=True, allow_none=True)


class SiteSchema(ma.Schema):
    """Where boxes stand. Street and postcode are null for whoever may not see them."""

    id = ma.fields.String(attribute="public_id", required=True)
    name = ma.fields.String(required=True)
    street = ma.fields.String(required=True, allow_none=True)
    postcode = ma.fields.String(required=True, allow_none=True)
    city = ma.fields.String(required=True)
    country = ma.fields.String(required=True)
    timezone = ma.fields.String(required=True)


class AccountCardSchema(AccountSchema):
    """An account with its people and sites."""

    people = ma.fields.List(ma.fields.Nested(SubscriberSchema), required=True)
    sites = ma.fields.List(ma.fields.Nested(SiteSchema), required=True)


class AccountPatch(ma.Schema):
    """A correction; what is left out stays, null takes away."""

    name = fields.line(128)
    currency = fields.line(3)
    credit_days = ma.fields.Integer()
    language = _language()
    dealer = _maybe(32)
    external_id = _maybe(64)


class NewAccount(AccountPatch):
    """An account to be opened; phones and mail addresses are those of a household's holder."""

    kind = ma.fields.String(required=True, validate=ma.validate.OneOf(KINDS))
    name = fields.line(128, required=True)
    currency = fields.line(3, required=True)
    phones = _contacts(64)
    emails = _contacts(254)


class SubscriberPatch(ma.Schema):
    """A correction of a person; what is left out stays."""

    name = fields.line(128)
    language = _language()
    phones = _contacts(64)
    emails = _contacts(254)


class NewSubscriber(SubscriberPatch):
    """A person to be added."""

    name = fields.line(128, required=True)


class SitePatch(ma.Schema):
    """A correction of a site; what is left out stays."""

    name = fields.line(64)
    street = fields.line(200, shortest=0)
    postcode = fields.line(16, shortest=0)
    city = fields.line(80, shortest=0)
    country = fields.line(2, shortest=0)
    timezone = fields.timezone()


class NewSite(SitePatch):
    """A site to be added."""

    name = fields.line(64, required=True)
    timezone = fields.timezone(required=True)


class AccountForm(ma.Schema):
    """An account as a page sends it."""

    name = fields.line(128, required=True)
    currency = fields.line(3, required=True)
    credit_days = ma.fields.Integer()
    language = _language()
    dealer = _maybe(32)
    external_id = _maybe(64)


class NewAccountForm(AccountForm):
    """An account to be opened by a page; phones and mail addresses one a line."""

    kind = ma.fields.String(required=True, validate=ma.validate.OneOf(KINDS))
    phones = fields.paragraph(1000)
    emails = fields.paragraph(3000)


class SubscriberForm(ma.Schema):
    """A person as a page sends them."""

    name = fields.line(128, required=True)
    language = _language()
    phones = fields.paragraph(1000)
    emails = fields.paragraph(3000)


class PersonDataSchema(ma.Schema):
    """All that is known of a person."""

    account = ma.fields.Dict(required=True)
    person = ma.fields.Dict(required=True)
    sites = ma.fields.List(ma.fields.Dict(), required=True)
    history = ma.fields.List(ma.fields.Dict(), required=True)
    rooms = ma.fields.Dict(
        required=True, metadata={"description": "what other rooms know, by their names"}
    )


class AccountImportStarted(ma.Schema):
    """Work that was asked for; `/jobs/{id}` follows it."""

    id = ma.fields.String(attribute="public_id", required=True)
    kind = ma.fields.String(required=True)
    state = ma.fields.String(required=True)


class AccountImportFiles(ma.Schema):
    """The file of an import of accounts."""

    file = Upload(required=True, metadata={"description": "CSV or XLSX, at most 100 MB"})


class AccountImportForm(ma.Schema):
    """How to import it."""

    dry_run = ma.fields.Boolean(load_default=False)
    encoding = ma.fields.String(load_default=AUTO, validate=ma.validate.OneOf(list(ENCODING_NAMES)))

"""Importing a file of accounts: good rows are kept, none is half-written, the rest is reported.

A row finds its account by external id, else by number, and changes only what it says. It is about
one account with, of a private person, its holder and one site, found by its name. Where two rows of
a file are about one account, the first counts: another that says the same is unchanged, any other
is refused. So a row needs nothing of a row before it, a trial of a chunk is true without those
before, and the same file twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from stb_service.shared.errors import DomainError, Invalid
from stb_service.shared.i18n import Text, text
from stb_service.shared.imports.rows import Fields, RowByRow
from stb_service.shared.imports.work import run_import
from stb_service.shared.jobs import Handler
from stb_service.subscribers import operations, queries
from stb_service.subscribers.columns import BY_SPELLING, FOUND_BY
from stb_service.subscribers.models import Account
from stb_service.subscribers.rules import typed_number

IMPORT = "accounts.import"
OF_ACCOUNT = ("name", "currency", "credit_days", "language", "dealer")
OF_HOLDER = ("phones", "emails")
OF_SITE = ("street", "postcode", "city", "country", "timezone")
NEEDED = ("kind", "name", "currency")
DEFAULT_SITE = "Home"


class _Import(RowByRow):
    spellings, found_by = BY_SPELLING, FOUND_BY
    same = text("Line %(line)s of this file is about the same account.")

    def keys(self, fields: Fields) -> Sequence[str]:
        number = typed_number(fields.get("number", ""))
        keys = {"external_id": fields.get("external_id"), "number": number}
        return [f"{name} {value}" for name, value in keys.items() if value]

    def by_column(self, refusal: DomainError) -> Mapping[str, Sequence[Text]]:
        if refusal.code == "external-id-taken":
            return {"external_id": [refusal.detail]}
        return super().by_column(refusal)

    def write(self, session: Session, fields: Fields, now: datetime) -> str:
        who: dict[str, Any] = {"actor": self.actor, "now": now}
        account = self._find(session, fields)
        version = account.row_version if account else None
        if account is None:
            account = self._open(session, fields, who)
        else:
            _change(session, account, fields, who)
        _write_site(session, account, fields, who)
        session.flush()
        if version is None:
            return "created"
        return "unchanged" if account.row_version == version else "changed"

    def _find(self, session: Session, fields: Mapping[str, Any]) -> Account | None:
        scope = self.actor.scope
        external_id, called = fields.get("external_id"), fields.get("number")
        found = queries.accounts_by_external_id(session, [external_id or ""], scope)
        if external_id in found:
            return found[external_id]
        if called is None:
            return None
        number = typed_number(called)
        by_number = queries.find_account(session, number, scope) if number else None
        if by_number is None or by_number.number != number:
            raise Invalid.field("number", text("There is no such account."))
        return queries.account_by_id(session, by_number.id, scope)

    def _open(self, session: Session, fields: Mapping[str, Any], who: Mapping[str, Any]) -> Account:
        missing = {
            n: [text("An account that is new needs this.")] for n in NEEDED if n not in fields
        }
        if missing:
            raise Invalid(fields=missing)
        names = ("kind", "external_id", *OF_ACCOUNT, *OF_HOLDER)
        return operations.create_account(session, **_said(fields, names), **who)


import_accounts = _Import.of_file
HANDLERS: dict[str, Handler] = {IMPORT: partial(run_import, import_accounts)}


def _said(fields: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: fields[name] for name in names if name in fields}


def _change(
    session: Session, account: Account, fields: Mapping[str, Any], who: Mapping[str, Any]
) -> None:
    if fields.get("kind", account.kind) != account.kind:
        raise Invalid.field("kind", text("An account stays what it was opened as."))
    uid = account.public_id
    names = ("external_id", *OF_ACCOUNT)
    operations.change_account(session, uid=uid, **_said(fields, names), **who)
    reached = _said(fields, OF_HOLDER)
    if reached and account.is_of_person and account.holder is not None:
        ref = account.holder.public_id
        operations.change_person(session, uid=uid, person=ref, **reached, **who)
    elif reached:
        name = next(iter(reached))
        raise Invalid.field(name, text("Of a business, people are added one by one."))


def _write_site(
    session: Session, account: Account, fields: Mapping[str, Any], who: Mapping[str, Any]
) -> None:
    """Add the site of a row, or correct the one of its name."""
    said = _said(fields, OF_SITE)
    if not said and "site" not in fields:
        return
    name = fields.get("site", DEFAULT_SITE)
    uid = account.public_id
    known = next((site for site in account.sites if site.name == name), None)
    if known is not None:
        operations.change_site(session, uid=uid, site=known.public_id, **said, **who)
    elif "timezone" not in said:
        raise Invalid.field("timezone", text("A site that is new needs its time zone."))
    else:
        operations.add_site(session, uid=uid, name=name, **said, **who)

"""Reads about accounts. Every one takes the scope: a dealer or a service centre finds the accounts
that it brought or whose box it sold."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload, selectinload

from stb_service.shared.access import Scope
from stb_service.shared.audit import AuditEntry, entries_of
from stb_service.shared.db import once
from stb_service.shared.errors import Invalid, NotFound
from stb_service.shared.i18n import text
from stb_service.shared.paging import Narrowing, Page, keyset_page
from stb_service.shared.registries import Hit
from stb_service.staff.models import Organisation, Person
from stb_service.subscribers.models import (
    Account,
    AccountSeller,
    AccountWord,
    Contact,
    Site,
    Subscriber,
)
from stb_service.subscribers.rules import (
    ACCOUNT_KIND_NAMES,
    ContactKind,
    email_key,
    phone_key,
    typed_number,
    typed_words,
)

COUNT_LIMIT = 10_000
LEAST_MAIL_TYPED = 3
SORTS: dict[str, InstrumentedAttribute[Any]] = {
    "opened": Account.id,
    "name": Account.name_key,
    "changed": Account.changed_at,
}


@dataclass(frozen=True)
class AccountFilter(Narrowing):
    """What the list can be narrowed to; empty means all. The dealer by its code or id."""

    text: str = ""
    kind: str = ""
    dealer: str = ""


def within(scope: Scope) -> ColumnElement[bool]:
    """Return the condition that an account lies in the scope: the organisation brought it, or sold
    a box that it holds.
    """
    if scope.is_everything:
        return true()
    sold_to = select(AccountSeller.account_id).where(
        AccountSeller.organisation_id == scope.organisation_id
    )
    return or_(Account.dealer_id == scope.organisation_id, Account.id.in_(sold_to))


def dealer_told(account: Account, scope: Scope) -> Organisation | None:
    """Return who brought an account, as far as the reader is told (decision 14)."""
    own = scope.is_everything or account.dealer_id == scope.organisation_id
    return account.dealer if own else None


def accounts_page(
    session: Session,
    wanted: AccountFilter,
    scope: Scope,
    *,
    personal: bool,
    sort: str = "-opened",
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Account]:
    """Return one page of accounts, in one query. Phones and mail addresses are looked at only for
    a reader who may see them (`personal`).

    Raises:
        Invalid: the order is unknown, or the cursor is not of this list.
    """
    statement = (
        select(Account)
        .options(joinedload(Account.dealer))
        .where(*_conditions(wanted, scope, personal=personal))
    )
    return keyset_page(session, statement, order=_order(sort), cursor=cursor, limit=limit)


def accounts_count(session: Session, wanted: AccountFilter, scope: Scope, *, personal: bool) -> int:
    """Return how many accounts match, counting no further than just past `COUNT_LIMIT`."""
    found = (
        select(Account.id)
        .where(*_conditions(wanted, scope, personal=personal))
        .limit(COUNT_LIMIT + 1)
    )
    return session.scalar(select(func.count()).select_from(found.subquery())) or 0


def _order(sort: str) -> list[tuple[InstrumentedAttribute[Any], bool]]:
    name, down = sort.removeprefix("-"), sort.startswith("-")
    if name not in SORTS:
        raise Invalid.field("sort", text("One of: %(names)s", names=", ".join(SORTS)))
    first = [] if name == "opened" else [(SORTS[name], down)]
    return [*first, (Account.id, down)]


def _conditions(
    wanted: AccountFilter, scope: Scope, *, personal: bool
) -> list[ColumnElement[bool]]:
    found = [within(scope)]
    if wanted.kind:
        found.append(Account.kind == wanted.kind)
    if wanted.dealer:
        own = true() if scope.is_everything else Organisation.id == scope.organisation_id
        names = or_(Organisation.code == wanted.dealer, Organisation.public_id == wanted.dealer)
        found.append(Account.dealer_id.in_(select(Organisation.id).where(names, own)))
    if wanted.text:
        ways = [_called(wanted.text)]
        if personal:
            ways.append(Account.id.in_(_reached(wanted.text)))
        found.append(or_(*ways))
    return found


def _called(typed: str) -> ColumnElement[bool]:
    """Return the condition that an account has this number or external id, or that each word typed
    begins a word of its names.
    """
    found = [Account.external_id == typed.strip()]
    if number := typed_number(typed):
        found.append(Account.number == number)
    words = typed_words(typed)
    if words:
        found.append(and_(*(Account.id.in_(_with_word(word)) for word in words)))
    return or_(*found)


def _with_word(start: str) -> Select[int]:
    return select(AccountWord.account_id).where(_begins(AccountWord.word, start))


def _begins(column: InstrumentedAttribute[str], start: str) -> ColumnElement[bool]:
    return and_(column >= start, column < _past(start))


def _past(key: str) -> str:
    """Return the first text after all that begin with `key`: the open end of a range."""
    return key[:-1] + chr(ord(key[-1]) + 1)


def _reached(typed: str) -> Select[int]:
    """Select the accounts of people with a phone that ends so, or a mail address that begins so."""
    ways: list[ColumnElement[bool]] = []
    if digits := phone_key(typed):
        ways.append(_is(ContactKind.PHONE, _begins(Contact.lookup_reversed, digits[::-1])))
    address = email_key(typed)
    if len(address) >= LEAST_MAIL_TYPED and address.isprintable() and " " not in address:
        ways.append(_is(ContactKind.EMAIL, _begins(Contact.lookup, address)))
    return (
        select(Subscriber.account_id)
        .join(Contact, Contact.person_id == Subscriber.id)
        .where(or_(false(), *ways))
    )


def _is(kind: ContactKind, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return and_(Contact.kind == kind, condition)


def with_details(statement: Select[Account]) -> Select[Account]:
    """Load what the page of an account shows together with it."""
    return statement.options(
        joinedload(Account.dealer),
        selectinload(Account.people).selectinload(Subscriber.contacts),
        selectinload(Account.sites),
    )


@once
def account_row(session: Session, uid: str, scope: Scope) -> Account:
    """Return an account by its row alone, for what asks for no more than its columns.

    Raises:
        NotFound: there is none in the scope.
    """
    found = session.scalar(select(Account).where(Account.public_id == uid, within(scope)))
    if found is None:
        raise NotFound(text("There is no such account."))
    return found


def account_by_uid(session: Session, uid: str, scope: Scope) -> Account:
    """Return an account with its people and sites.

    Raises:
        NotFound: there is none in the scope.
    """
    found = session.scalar(
        with_details(select(Account)).where(Account.public_id == uid, within(scope))
    )
    if found is None:
        raise NotFound(text("There is no such account."))
    return found


def account_by_number(session: Session, number: str, scope: Scope) -> Account:
    """Return an account by its number, as people write it, or by its external id.

    Raises:
        NotFound: there is none in the scope.
    """
    found = find_account(session, number, scope)
    if found is None:
        raise NotFound(text("There is no such account."))
    return found


def find_account(session: Session, called: str, scope: Scope) -> Account | None:
    """Return the account of a number, an external id or a public id, or None. The external id goes
    first.
    """
    names = [Account.external_id == called.strip(), Account.public_id == called]
    if number := typed_number(called):
        names.append(Account.number == number)
    rows = session.scalars(select(Account).where(or_(*names), within(scope))).all()
    return max(rows, key=lambda row: row.external_id == called.strip(), default=None)


def find_by_id(session: Session, account_id: int, scope: Scope) -> Account | None:
    """Return the account that a row of another room refers to, or None."""
    return session.scalar(
        with_details(select(Account)).where(Account.id == account_id, within(scope))
    )


def account_by_id(session: Session, account_id: int, scope: Scope) -> Account:
    """Return the account that a row of another room refers to.

    Raises:
        NotFound: it is not in the scope.
    """
    found = find_by_id(session, account_id, scope)
    if found is None:
        raise NotFound(text("There is no such account."))
    return found


def accounts_by_external_id(
    session: Session, ids: Collection[str], scope: Scope
) -> dict[str, Account]:
    """Return the accounts of some external ids, with their people and sites."""
    statement = with_details(select(Account)).where(Account.external_id.in_(ids), within(scope))
    return {str(row.external_id): row for row in session.scalars(statement)}


def person_by_ref(session: Session, uid: str, ref: str, scope: Scope) -> Subscriber:
    """Return a person of an account.

    Raises:
        NotFound: there is no such account in the scope, or it has no such person.
    """
    account = account_by_uid(session, uid, scope)
    for person in account.people:
        if person.public_id == ref:
            return person
    raise NotFound(text("This account has no such person."))


def site_by_ref(session: Session, uid: str, ref: str, scope: Scope) -> Site:
    """Return a site of an account.

    Raises:
        NotFound: there is no such account in the scope, or it has no such site.
    """
    for site in account_by_uid(session, uid, scope).sites:
        if site.public_id == ref:
            return site
    raise NotFound(text("This account has no such site."))


def entries_of_account(
    session: Session, uid: str, scope: Scope, *, limit: int
) -> Sequence[AuditEntry]:
    """Return what was done to an account, the newest first; to people of a dealer or a service
    centre only what they did themselves.
    """
    statement = entries_of("account", uid, limit=limit)
    if not scope.is_everything:
        own = select(Person.public_id).where(Person.organisation_id == scope.organisation_id)
        statement = statement.where(AuditEntry.actor_ref.in_(own))
    return session.scalars(statement).all()


# --- the search box ------------------------------------------------------------------------------


def find_accounts(session: Session, typed: str, scope: Scope, limit: int) -> list[Hit]:
    """Return the accounts with this number or external id, or with names that begin so."""
    return _hits(session, _called(typed), scope, limit)


def find_by_contact(session: Session, typed: str, scope: Scope, limit: int) -> list[Hit]:
    """Return the accounts of people whose phone ends so or whose mail address begins so.

    Only for readers who may see personal data.
    """
    return _hits(session, Account.id.in_(_reached(typed)), scope, limit)


def _hits(session: Session, condition: ColumnElement[bool], scope: Scope, limit: int) -> list[Hit]:
    rows = session.scalars(
        select(Account).where(condition, within(scope)).order_by(Account.id.desc()).limit(limit)
    )
    return [
        Hit(
            row.label,
            " · ".join((row.number, str(ACCOUNT_KIND_NAMES[row.kind]))),
            f"/accounts/{row.public_id}",
        )
        for row in rows
    ]

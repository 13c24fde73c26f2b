"""Verbs on accounts, their people and their sites; the only writers of this room.

Each is audited in the same unit of work, what is personal under the person's key; none reaches an
account outside the actor's scope.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict, Unpack, cast

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from stb_service.shared import audit, personal
from stb_service.shared.access import Actor
from stb_service.shared.db import lock_row
from stb_service.shared.errors import Conflict, Invalid, NotFound, Refused
from stb_service.shared.i18n import Text, text
from stb_service.shared.identifiers import Malformed
from stb_service.shared.registries import PersonalData
from stb_service.staff.models import Organisation
from stb_service.staff.queries import organisation_by_ref
from stb_service.subscribers import queries
from stb_service.subscribers.models import (
    Account,
    AccountSeller,
    AccountWord,
    Contact,
    Site,
    Subscriber,
)
from stb_service.subscribers.rules import (
    MOST_CONTACTS,
    MOST_CREDIT_DAYS,
    AccountKind,
    ContactKind,
    account_number,
    email_key,
    folded,
    name_words,
    obstacles_to_change,
    obstacles_to_erasure,
    obstacles_to_seller,
    phone_key,
    read_country,
    read_currency,
    read_email,
    read_language,
    read_phone,
    read_timezone,
)

COUNTER = 0x5354_4241  # of a lock that PostgreSQL gives by number: the next account's


class AccountFields(TypedDict, total=False):
    """What can be said of an account; the dealer by code or public id."""

    name: str
    currency: str
    credit_days: int
    language: str | None
    dealer: str | None
    external_id: str | None


class PersonFields(TypedDict, total=False):
    """What can be said of a person."""

    name: str
    language: str | None
    phones: Sequence[str]
    emails: Sequence[str]


class SiteFields(TypedDict, total=False):
    """What can be said of a site."""

    name: str
    street: str
    postcode: str
    city: str
    country: str
    timezone: str


class _Reading:
    """Values by field and problems by field, gathered before anything is refused."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.values: dict[str, Any] = dict(given)
        self.problems: dict[str, list[Text]] = {}

    def read(self, name: str, reader: Any) -> None:
        if name not in self.values:
            return
        try:
            self.values[name] = reader(self.values[name])
        except Malformed as refusal:
            self.problems[name] = [refusal.reason]

    def refuse(self) -> None:
        if self.problems:
            raise Invalid(fields=self.problems)


def subject_of(account: Account) -> tuple[str, str, str]:
    """Return what the audit calls an account: by its number, which says nothing of anybody."""
    return "account", account.public_id, account.number


# --- accounts ------------------------------------------------------------------------------------


def create_account(
    session: Session,
    *,
    kind: str,
    phones: Sequence[str] = (),
    emails: Sequence[str] = (),
    actor: Actor,
    now: datetime,
    **fields: Unpack[AccountFields],
) -> Account:
    """Open an account. A household's has its holder at once, by the account's name, with phones and
    mail addresses. What a dealer's people open, their organisation brought.

    Raises:
        Invalid: a field cannot be read or names something unknown.
        Conflict: the external id is taken.
    """
    reading = _read_account(session, fields, actor)
    if kind not in set(AccountKind):
        reading.problems["kind"] = [text("One of: %(names)s", names=", ".join(AccountKind))]
    for name in ("name", "currency"):
        if not reading.values.get(name) and name not in reading.problems:
            reading.problems[name] = [text("An account that is new needs this.")]
    if (phones or emails) and kind == AccountKind.BUSINESS:
        reading.problems["phones"] = [text("Of a business, people are added one by one.")]
    reading.refuse()
    _check_external_id(session, reading.values.get("external_id"), but=None)
    values = {"dealer_id": actor.organisation_id, **reading.values}
    ordinal = _next_ordinal(session)
    account = Account(
        ordinal=ordinal, number=account_number(ordinal), kind=kind, opened_at=now, changed_at=now
    )
    for name, value in values.items():
        setattr(account, name, value)
    account.name_key = folded(account.name)
    session.add(account)
    session.flush()
    session.refresh(account, ["people", "sites", "dealer"])
    said = {"number": account.number, "kind": kind, **_as_said(account, values)}
    if account.is_of_person:
        holder = _new_person(session, account, {"name": account.name}, now=now, is_holder=True)
        _set_contacts(session, holder, {"phones": phones, "emails": emails})
        said |= {n: found for n in ("phones", "emails") if (found := getattr(holder, n))}
    _finish(session, account, "account.create", said, actor, now)
    return account


def change_account(
    session: Session, *, uid: str, actor: Actor, now: datetime, **fields: Unpack[AccountFields]
) -> Account:
    """Correct what is known of an account. A household's holder is called as the account is.

    Raises:
        NotFound: there is no such account in the actor's scope.
        Invalid: a field cannot be read or names something unknown.
        Conflict: the external id is taken.
        Refused: its holder was erased, or another organisation brought it.
    """
    account = touch(session, uid, actor=actor)
    reading = _read_account(session, fields, actor, account)
    reading.refuse()
    _check_external_id(session, reading.values.get("external_id"), but=account.id)
    changes = audit.apply_changes(account, reading.values)
    if "name" in changes:
        account.name_key = folded(account.name)
        if account.is_of_person and account.holder is not None:
            account.holder.name = account.name
    if "dealer_id" in changes:
        session.flush()
        session.refresh(account, ["dealer"])
    if changes:
        _finish(session, account, "account.change", changes, actor, now)
    return account


def touch(session: Session, uid: str, *, actor: Actor) -> Account:
    """Return an account that the actor may change, held against other writers.

    Raises:
        NotFound: there is none in the actor's scope.
        Refused: its holder was erased, or another organisation brought it.
    """
    account = queries.account_by_uid(session, uid, actor.scope)
    lock_row(session, Account, account.id)
    obstacles = obstacles_to_change(is_erased=account.is_erased)
    obstacles += obstacles_to_seller(account.dealer_id, actor.organisation_id)
    if obstacles:
        raise Refused(obstacles)
    return account


def _read_account(
    session: Session, fields: AccountFields, actor: Actor, account: Account | None = None
) -> _Reading:
    reading = _Reading(cast("Mapping[str, Any]", fields))
    reading.read("name", _line(128, needed=True))
    reading.read("external_id", _absent(_line(64)))
    reading.read("currency", read_currency)
    reading.read("credit_days", _credit_days)
    reading.read("language", read_language)
    before = account.credit_days if account else 0
    if not actor.scope.is_everything and reading.values.get("credit_days", before) != before:
        reading.problems["credit_days"] = [text("Only the operator gives credit.")]
    if "dealer" in reading.values:
        dealer = _dealer(session, reading, actor)
        del reading.values["dealer"]
        reading.values["dealer_id"] = dealer.id if dealer else None
        if not actor.scope.is_everything:
            reading.values["dealer_id"] = actor.organisation_id
    return reading


def _dealer(session: Session, reading: _Reading, actor: Actor) -> Organisation | None:
    called = reading.values["dealer"]
    if not called:
        return None
    try:
        return organisation_by_ref(session, called, actor.scope)
    except NotFound as refusal:
        reading.problems["dealer"] = [refusal.detail]
        return None


def _check_external_id(session: Session, external_id: str | None, *, but: int | None) -> None:
    if external_id is None:
        return
    holder = session.scalar(select(Account.id).where(Account.external_id == external_id))
    if holder is not None and holder != but:
        message = text("Another account has the external id %(id)s.", id=external_id)
        raise Conflict(message, code="external-id-taken")


def _next_ordinal(session: Session) -> int:
    """Return the next account's place; whoever opens another waits until this one is written."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(COUNTER)))
    return (session.scalar(select(func.max(Account.ordinal))) or 0) + 1


def _as_said(account: Account, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a new account for the audit, those that were left empty aside."""
    said = {name: value for name, value in values.items() if value not in (None, "", 0)}
    if said.pop("dealer_id", None) is not None and account.dealer is not None:
        said["dealer"] = account.dealer.code
    return said


PERSONAL = frozenset({"name", "phones", "emails", "street", "postcode", "site_name"})
"""The fields that say something of a person, and never stand plainly in the audit."""


def _finish(
    session: Session,
    account: Account,
    verb: str,
    changes: Mapping[str, Any],
    actor: Actor,
    now: datetime,
    *,
    of: Subscriber | None = None,
) -> None:
    """Audit a change and give the account a new version.

    What is personal is enciphered: under the key of the person it is said `of`, else of the
    holder, where the account is a household's.
    """
    account.changed_at = now
    flag_modified(account, "changed_at")
    session.flush()
    _index_names(session, account)
    whose = of or (account.holder if account.is_of_person else None)
    audit.record(
        session,
        actor=actor,
        verb=verb,
        subject=subject_of(account),
        changes=_sealed(session, whose, changes),
        now=now,
    )


def _sealed(
    session: Session, person: Subscriber | None, changes: Mapping[str, Any]
) -> dict[str, Any]:
    if person is None:
        return dict(changes)
    key = personal.keys_of(session, [person.public_id])[person.public_id]
    assert key is not None  # nothing of somebody who was erased can be changed
    secret = {name: value for name, value in changes.items() if name in PERSONAL}
    return {**changes, **personal.seal(key, person.public_id, secret)}


def _index_names(session: Session, account: Account) -> None:
    """Keep the words that the account is found by: of its name and of its people's."""
    names = [account.name, *(person.name for person in account.people)]
    wanted = {word for name in names for word in name_words(name)}
    of_account = AccountWord.account_id == account.id
    held = set(session.scalars(select(AccountWord.word).where(of_account)))
    if gone := held - wanted:
        session.execute(delete(AccountWord).where(of_account, AccountWord.word.in_(gone)))
    session.add_all(AccountWord(account_id=account.id, word=word) for word in sorted(wanted - held))
    session.flush()


def set_sellers(session: Session, *, account_id: int, sellers: Collection[int]) -> None:
    """Say which organisations sold the boxes that an account holds now: they see the account.

    The registry says so whenever a box comes or goes.
    """
    of_account = AccountSeller.account_id == account_id
    held = set(session.scalars(select(AccountSeller.organisation_id).where(of_account)))
    if gone := held - set(sellers):
        session.execute(
            delete(AccountSeller).where(of_account, AccountSeller.organisation_id.in_(gone))
        )
    session.add_all(
        AccountSeller(account_id=account_id, organisation_id=seller)
        for seller in sorted(set(sellers) - held)
    )
    session.flush()


# --- people --------------------------------------------------------------------------------------


def add_person(
    session: Session, *, uid: str, actor: Actor, now: datetime, **fields: Unpack[PersonFields]
) -> Subscriber:
    """Add somebody who may be spoken to about an account.

    Raises:
        NotFound: there is no such account in the actor's scope.
        Forbidden: the actor may not see personal data.
        Invalid: a field cannot be read, or the name is missing.
        Refused: the account's holder was erased, or another organisation brought it.
    """
    actor.demand("accounts.personal")
    account = touch(session, uid, actor=actor)
    reading = _read_person(fields)
    if not reading.values.get("name"):
        reading.problems.setdefault("name", [text("A person has a name.")])
    reading.refuse()
    person = _new_person(session, account, reading.values, now=now)
    _set_contacts(session, person, reading.values)
    said = {name: value for name, value in reading.values.items() if value}
    changes = {"person": person.public_id, **said}
    _finish(session, account, "account.person-add", changes, actor, now, of=person)
    return person


def change_person(
    session: Session,
    *,
    uid: str,
    person: str,
    actor: Actor,
    now: datetime,
    **fields: Unpack[PersonFields],
) -> Subscriber:
    """Correct what is known of a person. A household is called as its holder.

    Raises:
        NotFound: there is no such person in the actor's scope.
        Forbidden: the actor may not see personal data.
        Invalid: a field cannot be read.
        Refused: the person was erased, or another organisation brought the account.
    """
    actor.demand("accounts.personal")
    account = touch(session, uid, actor=actor)
    found = queries.person_by_ref(session, uid, person, actor.scope)
    if obstacles := obstacles_to_change(is_erased=found.is_erased):
        raise Refused(obstacles)
    reading = _read_person(fields)
    reading.refuse()
    plain = {n: v for n, v in reading.values.items() if n in {"name", "language"}}
    changes: dict[str, Any] = dict(audit.apply_changes(found, plain))
    if "name" in changes and found.is_holder and account.is_of_person:
        account.name, account.name_key = found.name, folded(found.name)
    changes |= _set_contacts(session, found, reading.values)
    if changes:
        changes["person"] = found.public_id
        _finish(session, account, "account.person-change", changes, actor, now, of=found)
    return found


def _new_person(
    session: Session,
    account: Account,
    values: Mapping[str, Any],
    *,
    now: datetime,
    is_holder: bool = False,
) -> Subscriber:
    person = Subscriber(
        name=values["name"],
        language=values.get("language"),
        is_holder=is_holder,
        contacts=[],
    )
    account.people.append(person)
    session.flush()
    personal.make_key(session, ref=person.public_id, now=now)
    return person


def _read_person(fields: PersonFields) -> _Reading:
    reading = _Reading(cast("Mapping[str, Any]", fields))
    reading.read("name", _line(128, needed=True))
    reading.read("language", read_language)
    reading.read("phones", _several(read_phone))
    reading.read("emails", _several(read_email))
    return reading


KINDS = {"phones": ContactKind.PHONE, "emails": ContactKind.EMAIL}


def _set_contacts(
    session: Session, person: Subscriber, values: Mapping[str, Any]
) -> dict[str, list[Any]]:
    """Make a person's phones and mail addresses those that were given, and return what changed.

    Raises:
        Invalid: one cannot be read (a new account's are read here).
    """
    reading = _read_person(
        cast("PersonFields", {name: values[name] for name in KINDS if name in values})
    )
    reading.refuse()
    changes: dict[str, list[Any]] = {}
    for field, wanted in reading.values.items():
        before = getattr(person, field)
        if before == wanted:
            continue
        kind = KINDS[field]
        person.contacts = [row for row in person.contacts if row.kind != kind]
        session.flush()  # the old rows go before new ones of the same value come
        person.contacts += [_contact(kind, value) for value in wanted]
        session.flush()
        changes[field] = [before, wanted]
    return changes


def _contact(kind: ContactKind, value: str) -> Contact:
    key = phone_key(value) if kind == ContactKind.PHONE else email_key(value)
    lookup = key or value.lstrip("+")
    return Contact(kind=kind, value=value, lookup=lookup, lookup_reversed=lookup[::-1])


def erase_person(
    session: Session,
    *,
    uid: str,
    person: str,
    others: Sequence[PersonalData] = (),
    actor: Actor,
    now: datetime,
) -> Subscriber:
    """Forget somebody: name, phones, mail addresses and, of a household's holder, the account's
    name and sites too; `others` are what other rooms keep. The key is destroyed, so that what the
    audit says of them can be read no more. Numbers, dates and money stay, and the id elsewhere, by
    which an import refuses to bring them back.

    Raises:
        NotFound: there is no such person in the actor's scope.
        Refused: they were erased already, or another room still needs them.
    """
    account = queries.account_by_uid(session, uid, actor.scope)
    lock_row(session, Account, account.id)
    found = queries.person_by_ref(session, uid, person, actor.scope)
    session.refresh(found)
    needed = [o for other in others for o in other.obstacles(session, account.public_id, person)]
    if obstacles := obstacles_to_erasure(is_erased=found.is_erased, others=needed):
        raise Refused(obstacles)
    for other in others:
        other.erase(session, account.public_id, person, now)
    found.name, found.contacts, found.erased_at = "", [], now
    if found.is_holder and account.is_of_person:
        account.name = account.name_key = ""
        for site in account.sites:
            site.name = site.street = site.postcode = ""
    account.changed_at = now
    session.flush()
    _index_names(session, account)
    personal.destroy_key(session, ref=found.public_id, now=now)
    audit.record(
        session,
        actor=actor,
        verb="account.erase",
        subject=subject_of(account),
        changes={"person": found.public_id},
        now=now,
    )
    return found


# --- sites ---------------------------------------------------------------------------------------


def add_site(
    session: Session, *, uid: str, actor: Actor, now: datetime, **fields: Unpack[SiteFields]
) -> Site:
    """Add a place where boxes of an account stand.

    Raises:
        NotFound: there is no such account in the actor's scope.
        Forbidden: the actor may not see personal data.
        Invalid: a field cannot be read, or name or time zone is missing.
        Refused: the account's holder was erased, or another organisation brought it.
    """
    actor.demand("accounts.personal")
    account = touch(session, uid, actor=actor)
    reading = _read_site(fields)
    for name in ("name", "timezone"):
        if not reading.values.get(name):
            reading.problems.setdefault(name, [text("A site has a name and a time zone.")])
    reading.refuse()
    site = Site(**reading.values)
    account.sites.append(site)
    session.flush()
    said = {name: value for name, value in reading.values.items() if value}
    said["site_name"] = said.pop("name")
    _finish(session, account, "account.site-add", {"site": site.public_id, **said}, actor, now)
    return site


def change_site(
    session: Session,
    *,
    uid: str,
    site: str,
    actor: Actor,
    now: datetime,
    **fields: Unpack[SiteFields],
) -> Site:
    """Correct what is known of a site.

    Raises:
        NotFound: there is no such site in the actor's scope.
        Forbidden: the actor may not see personal data.
        Invalid: a field cannot be read.
        Refused: the account's holder was erased, or another organisation brought it.
    """
    actor.demand("accounts.personal")
    account = touch(session, uid, actor=actor)
    found = queries.site_by_ref(session, uid, site, actor.scope)
    reading = _read_site(fields)
    reading.refuse()
    changes: dict[str, Any] = dict(audit.apply_changes(found, reading.values))
    if changes:
        if "name" in changes:
            changes["site_name"] = changes.pop("name")
        flag_modified(found, "timezone")
        changes = {"site": found.public_id, **changes}
        _finish(session, account, "account.site-change", changes, actor, now)
    return found


def _read_site(fields: SiteFields) -> _Reading:
    reading = _Reading(cast("Mapping[str, Any]", fields))
    reading.read("name", _line(64, needed=True))
    reading.read("street", _line(200))
    reading.read("postcode", _line(16))
    reading.read("city", _line(80))
    reading.read("country", read_country)
    reading.read("timezone", read_timezone)
    return reading


# --- one value -----------------------------------------------------------------------------------


def _line(most: int, *, needed: bool = False) -> Any:
    def read(raw: Any) -> str:
        value = " ".join(str(raw or "").split())
        if len(value) > most:
            raise Malformed(text("At most %(most)s characters.", most=most))
        if not value.isprintable():
            raise Malformed(text("Control characters do not belong here."))
        if needed and not value:
            raise Malformed(text("This cannot be empty."))
        return value

    return read


def _absent(read: Any) -> Any:
    return lambda raw: read(raw) or None


def _credit_days(raw: int) -> int:
    if not 0 <= raw <= MOST_CREDIT_DAYS:
        raise Malformed(text("From 0 (none) to %(most)s days.", most=MOST_CREDIT_DAYS))
    return raw


def _several(read: Any) -> Any:
    def read_all(raw: Sequence[str]) -> list[str]:
        found = list(dict.fromkeys(read(one) for one in raw if one.strip()))
        if len(found) > MOST_CONTACTS:
            raise Malformed(text("At most %(most)s of them.", most=MOST_CONTACTS))
        return found

    return read_all

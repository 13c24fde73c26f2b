"""Accounts with their holders, sites and the words they are found by."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

from stb_service.scale.loading import Rows
from stb_service.scale.world import BY, FIRST_DAYS, OLDEST_DAYS, World, public_id
from stb_service.shared.audit import AuditEntry
from stb_service.shared.personal import PersonalKey
from stb_service.subscribers.models import (
    Account,
    AccountSeller,
    AccountWord,
    Contact,
    Site,
    Subscriber,
)
from stb_service.subscribers.rules import AccountKind, account_number, folded, name_words

BUSINESS_PERMILLE = 30
FIRST = (
    *("Ada", "Bruno", "Chiara", "Dmitri", "Eleni", "Farid", "Greta", "Hiro", "Ines", "Jonas"),
    *("Katya", "Lars", "Mariam", "Nikos", "Olga", "Priya", "Rosa", "Søren", "Tariq", "Zoë"),
    *("Αλέξης", "Мария", "فاطمة", "अनिल", "Nguyễn"),
)
LAST = (
    *("Adler", "Bianchi", "Costa", "Dubois", "Evans", "Fischer", "García", "Haddad", "Ivanov"),
    *("Jansen", "Kovač", "Larsen", "Marković", "Novak", "O'Neill", "Petrov", "Quist", "Rossi"),
    *("Şahin", "Tanaka", "Ueda", "Virtanen", "Weber", "Ødegård", "Zhang", "Παπαδάκης", "Смирнова"),
)
TRADES = ("Hotel", "Hostel", "Clinic", "Café", "Residence", "Sports bar")
CITIES = (
    ("Berlin", "DE", "Europe/Berlin"),
    ("Athens", "GR", "Europe/Athens"),
    ("Cairo", "EG", "Africa/Cairo"),
    ("Mumbai", "IN", "Asia/Kolkata"),
    ("Hanoi", "VN", "Asia/Ho_Chi_Minh"),
    ("London", "GB", "Europe/London"),
)
LANGUAGES = ("en", "el", "ar", "hi", "vi", "en")


class _Tables:
    def __init__(self, world: World) -> None:
        rows = world.loader.rows
        public = ("public_id", "row_version")
        self.accounts = rows(
            Account,
            *("id", *public, "ordinal", "number", "external_id", "kind", "name", "name_key"),
            *("currency", "credit_days", "language", "dealer_id", "opened_at", "changed_at"),
        )
        self.people = rows(Subscriber, "id", *public, "account_id", "name", "is_holder")
        contact = ("person_id", "kind", "value", "lookup", "lookup_reversed")
        self.contacts: Rows = rows(Contact, *contact)
        self.sites = rows(
            Site,
            *(*public, "account_id", "name", "street", "postcode", "city", "country", "timezone"),
        )
        self.words = rows(AccountWord, "account_id", "word")
        self.keys = rows(PersonalKey, "ref", "key", "made_at")
        self.audit = audit_rows(world)


def audit_rows(world: World) -> Rows:
    """Return where entries of the audit go: at, verb, kind, ref and label of what, changes."""
    fixed = ("actor_kind", "actor_ref", "actor_label")
    subject = ("subject_kind", "subject_ref", "subject_label")
    return world.loader.rows(AuditEntry, "at", *fixed, "verb", *subject, "changes")


MADE_BY = (BY, BY, BY)


@cache
def _found_by(name: str) -> tuple[str, tuple[str, ...]]:
    return folded(name), tuple(name_words(name))


def add_accounts(world: World) -> None:
    """Add accounts, all that belongs to them, and what the audit says of them."""
    chance, tables, instants = world.chance("accounts"), _Tables(world), world.instants()
    for number in range(1, world.sizes.accounts + 1):
        is_business = chance.randrange(1000) < BUSINESS_PERMILLE
        opened = instants[chance.randrange(OLDEST_DAYS, FIRST_DAYS)]
        place = chance.randrange(len(CITIES))
        city, country, zone = CITIES[place]
        uid, called = public_id(chance), account_number(number)
        kind, name = _named(chance, city, is_business=is_business)
        key, words = _found_by(name)
        tables.accounts.add(
            *(number, uid, 1, number, called, f"CRM-{number}", kind, name, key, "EUR"),
            *(30 if is_business else 0, LANGUAGES[place], world.seller_of(number), opened, opened),
        )
        for word in words:
            tables.words.add(number, word)
        street = f"{chance.choice(LAST)} street {chance.randrange(1, 200)}"
        postcode = f"{chance.randrange(10_000, 99_999)}"
        site = (street, postcode, city, country, zone)
        tables.sites.add(public_id(chance), 1, number, "Home", *site)
        if not is_business:
            _add_holder(tables, chance, number, name, opened)
        said = {"number": called, "kind": kind, "currency": "EUR"}
        tables.audit.add(opened, *MADE_BY, "account.create", "account", uid, called, said)


def _named(chance: random.Random, city: str, *, is_business: bool) -> tuple[str, str]:
    if is_business:
        return str(AccountKind.BUSINESS), f"{chance.choice(TRADES)} {chance.choice(LAST)} {city}"
    return str(AccountKind.PERSON), f"{chance.choice(FIRST)} {chance.choice(LAST)}"


def _add_holder(
    tables: _Tables, chance: random.Random, number: int, name: str, opened: Any
) -> None:
    ref = public_id(chance)
    tables.people.add(number, ref, 1, number, name, True)
    tables.keys.add(ref, chance.randbytes(32), opened)
    phone = f"49{chance.randrange(150, 180)}{number:07d}"
    tables.contacts.add(number, "phone", f"+{phone}", phone, phone[::-1])
    if chance.random() < 0.6:
        mail = f"customer.{number}@example.org"
        tables.contacts.add(number, "email", mail, mail, mail[::-1])


def add_sellers(world: World) -> None:
    """Say which dealer sold the boxes that accounts have."""
    rows = world.loader.rows(AccountSeller, "account_id", "organisation_id")
    for account in sorted(set(world.holders)):
        seller = world.seller_of(account) if account else None
        if seller is not None:
            rows.add(account, seller)

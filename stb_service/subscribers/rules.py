"""What may be said of an account, and how people are looked for: kinds, phones, names, erasure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cache
from zoneinfo import available_timezones

from babel import Locale

from stb_service.shared.errors import Obstacle
from stb_service.shared.i18n import CUSTOMER_LANGUAGES, Text, text
from stb_service.shared.identifiers import Malformed
from stb_service.shared.money import CURRENCIES


class AccountKind(StrEnum):
    """Who pays: a household, whose holder is a person, or a business."""

    PERSON = "person"
    BUSINESS = "business"


ACCOUNT_KIND_NAMES: Mapping[str, Text] = {
    AccountKind.PERSON: text("Private person"),
    AccountKind.BUSINESS: text("Business"),
}


class ContactKind(StrEnum):
    """How somebody is reached."""

    PHONE = "phone"
    EMAIL = "email"


FIELD_NAMES: Mapping[str, Text] = {
    "number": text("Number"),
    "external_id": text("Id elsewhere"),
    "kind": text("Kind"),
    "name": text("Name"),
    "language": text("Language"),
    "dealer": text("Brought by"),
    "currency": text("Currency"),
    "credit_days": text("Days of credit"),
    "person": text("Person"),
    "phones": text("Phones"),
    "emails": text("Mail addresses"),
    "site": text("Site"),
    "site_name": text("Name of the site"),
    "timezone": text("Time zone"),
    "street": text("Street"),
    "postcode": text("Postcode"),
    "city": text("City"),
    "country": text("Country"),
    "account": text("Account"),
    "proof": text("Proof"),
}


def field_name(name: str) -> str:
    """Return what people call a field of an account; of one without a name, its own words."""
    known = FIELD_NAMES.get(name) or FIELD_NAMES.get(name.removesuffix("_id"))
    return str(known) if known else name.removesuffix("_id").replace("_", " ")


MOST_CREDIT_DAYS = 365
MOST_CONTACTS = 10


def account_number(ordinal: int) -> str:
    """Return what the account with this place in the order of opening is called."""
    return f"A-{ordinal:06d}"


TYPED_NUMBER = re.compile(r"A?[\s-]*(\d{1,9})", re.IGNORECASE)


def typed_number(raw: str) -> str | None:
    """Return the number of an account that was typed, with or without its letter and zeros."""
    found = TYPED_NUMBER.fullmatch(unicodedata.normalize("NFKC", raw).strip())
    return account_number(int(found[1])) if found and int(found[1]) else None


def read_currency(raw: str) -> str:
    """Return a currency by its code of ISO 4217.

    Raises:
        Malformed: there is none of this code.
    """
    code = raw.strip().upper()
    if code not in CURRENCIES:
        raise Malformed(text("Not a currency code of ISO 4217."))
    return code


@cache
def countries() -> frozenset[str]:
    """Return the countries of ISO 3166-1 by their two letters."""
    codes = [str(code) for code in Locale("en").territories]
    return frozenset(c for c in codes if len(c) == 2 and c.isalpha()) - {"EU", "EZ", "UN", "ZZ"}


def read_country(raw: str) -> str:
    """Return a country by its two letters; empty stays empty.

    Raises:
        Malformed: there is none of this code.
    """
    code = raw.strip().upper()
    if code and code not in countries():
        raise Malformed(text("Not a country code of ISO 3166, such as DE."))
    return code


@cache
def timezones() -> frozenset[str]:
    """Return the time zones of the IANA database, which are many files to look through."""
    return frozenset(available_timezones())


def read_timezone(raw: str) -> str:
    """Return a time zone of the IANA database.

    Raises:
        Malformed: there is none of this name.
    """
    if raw not in timezones():
        raise Malformed(text("Not a time zone of the IANA database."))
    return raw


def read_language(raw: str | None) -> str | None:
    """Return a language that customers can be written to in; None for the operator's.

    Raises:
        Malformed: there is no such.
    """
    code = (raw or "").strip().lower()
    if code and code not in CUSTOMER_LANGUAGES:
        raise Malformed(text("One of: %(names)s", names=", ".join(CUSTOMER_LANGUAGES)))
    return code or None


# --- phones and mail addresses -------------------------------------------------------------------

PHONE_PARTS = re.compile(r"[\s().\-/\u00a0\u2010-\u2015]+")
PHONE_DIGITS = range(4, 16)  # E.164 section 6.2: at most 15
LEAST_PHONE_TYPED = 4
MAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(?:\.[^@\s.]+)+")  # RFC 5321 4.5.3.1.1 of the local part


def read_phone(raw: str) -> str:
    """Return a phone number as its digits, with a plus where the country is stated (`00` too).

    Nothing is guessed: a number without its country is kept so, and found by its last digits.

    Raises:
        Malformed: it holds other than digits, or too few or too many.
    """
    plain = PHONE_PARTS.sub("", unicodedata.normalize("NFKC", raw).strip())
    digits = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in plain)
    if digits.startswith("00"):
        digits = f"+{digits[2:]}"
    bare = digits.removeprefix("+")
    if not (bare.isascii() and bare.isdigit()):
        raise Malformed(text("A phone number has digits, and a plus before its country."))
    if len(bare) not in PHONE_DIGITS:
        raise Malformed(text("A phone number has 4 to 15 digits."))
    return digits


def phone_key(raw: str) -> str | None:
    """Return the digits by which a phone is looked up; None where too few can be read.

    A leading zero is dialled within a country and no part of the number abroad.
    """
    try:
        digits = read_phone(raw).removeprefix("+").lstrip("0")
    except Malformed:
        return None
    return digits if len(digits) >= LEAST_PHONE_TYPED else None


def read_email(raw: str) -> str:
    """Return a mail address as it was written.

    Raises:
        Malformed: it is none.
    """
    address = raw.strip()
    if not (address.isprintable() and len(address) <= 254 and MAIL.fullmatch(address)):
        raise Malformed(text("Not a valid email address."))
    return address


def email_key(raw: str) -> str:
    """Return what a mail address is looked up by."""
    return unicodedata.normalize("NFKC", raw).strip().casefold()


# --- names ---------------------------------------------------------------------------------------

MOST_WORDS = 40
WORD_LENGTH = 64
WITHOUT_SPACES = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]")
"""Thai, kana and Han, which are written without spaces between words."""


def folded(raw: str) -> str:
    """Return text as it is compared: case, width and accents aside.

    Only marks of Latin, Greek and Cyrillic letters and the vowel signs of Arabic are dropped;
    those of Hindi are part of the word.
    """
    # once more after: what stands for a capital letter becomes one (UAX 15, section 1.1)
    parts = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", raw.casefold()).casefold())
    kept = "".join(c for c in parts if not ("\u0300" <= c <= "\u036f" or "\u064b" <= c <= "\u0652"))
    return unicodedata.normalize("NFC", kept)


def _is_of_word(char: str) -> bool:
    return unicodedata.category(char)[0] in "LNM"


def name_words(name: str) -> list[str]:
    """Return the words of a name as they are kept; of writing without spaces, every ending, so that
    a name is found from any of its characters on.
    """
    plain = "".join(c if _is_of_word(c) else " " for c in folded(name))
    found: list[str] = []
    for word in plain.split():
        is_dense = WITHOUT_SPACES.search(word)
        found += [word[at:] for at in range(len(word))] if is_dense else [word]
    return list(dict.fromkeys(word[:WORD_LENGTH] for word in found))[:MOST_WORDS]


def typed_words(raw: str) -> list[str]:
    """Return the words that were typed, each the beginning of a word of the name."""
    plain = "".join(c if _is_of_word(c) else " " for c in folded(raw))
    return list(dict.fromkeys(word[:WORD_LENGTH] for word in plain.split()))[:5]


NOT_BROUGHT = Obstacle("brought", text("Another organisation brought this account."))


def obstacles_to_seller(dealer: int | None, own: int | None) -> list[Obstacle]:
    """Return why people of an organisation (`own`; None for the operator) may not change an
    account: they sold it a box, and did not bring it.
    """
    return [] if own is None or dealer == own else [NOT_BROUGHT]


# --- erasure -------------------------------------------------------------------------------------

ERASED = Obstacle("erased", text("This person was erased; nothing of them can be changed."))


def obstacles_to_change(*, is_erased: bool) -> list[Obstacle]:
    """Return why nothing may be changed of somebody; empty if it may."""
    return [ERASED] if is_erased else []


def obstacles_to_erasure(*, is_erased: bool, others: Sequence[Obstacle] = ()) -> list[Obstacle]:
    """Return why somebody may not be erased: they were, or another room still needs them."""
    return [ERASED] if is_erased else list(others)

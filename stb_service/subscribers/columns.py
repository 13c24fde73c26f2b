"""The columns of a file of accounts: their names, how else people spell them, how cells are read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from stb_service.shared.i18n import text
from stb_service.shared.identifiers import Malformed
from stb_service.shared.imports.columns import Column, by_spelling


def _word(raw: str) -> str:
    return raw.strip().lower()


def _several(raw: str) -> list[str]:
    return [part.strip() for part in re.split(r"[,;\n|]+", raw) if part.strip()]


def _days(raw: str) -> int:
    if not (raw.isascii() and raw.isdigit() and len(raw) < 6):
        raise Malformed(text("Not a whole number of days."))
    return int(raw)


COLUMNS: Sequence[Column] = (
    Column(
        "external_id",
        text("id in another system"),
        ("external", "externalid", "id", "extid", "customerid", "crmid"),
        is_name=True,
    ),
    Column(
        "number", text("number of the account, A-000123"), ("account", "accountno"), is_name=True
    ),
    Column("kind", text("person or business"), ("type", "accounttype"), _word),
    Column("name", text("name of the holder or of the business"), ("fullname", "customer")),
    Column("currency", text("currency by its three letters"), ("curr",)),
    Column("credit_days", text("days of credit; 0 for none"), ("credit", "terms"), _days),
    Column("language", text("language of letters: en, ar, el, hi, vi"), ("lang",), _word),
    Column("dealer", text("code of the organisation that brought it"), ("broughtby", "reseller")),
    Column(
        "phones",
        text("phones of a private person, separated by commas"),
        ("phone", "telephone", "tel", "mobile", "msisdn"),
        _several,
        is_name=True,
    ),
    Column(
        "emails",
        text("mail addresses of a private person, separated by commas"),
        ("email", "mail", "emailaddress"),
        _several,
    ),
    Column("site", text("name of the site; “Home” if empty"), ("sitename", "location")),
    Column("street", text("street of the site"), ("address", "addressline")),
    Column(
        "postcode", text("postcode of the site"), ("zip", "zipcode", "postalcode"), is_name=True
    ),
    Column("city", text("city of the site"), ("town",)),
    Column("country", text("country of the site by its two letters"), ("countrycode",)),
    Column("timezone", text("time zone of the site, Europe/Athens"), ("zone", "tz")),
)
BY_SPELLING: Mapping[str, Column] = by_spelling(COLUMNS)
FOUND_BY = ("external_id", "number")
"""One of these columns a file has, to find its accounts by."""

"""The columns of a file of holdings: names, other spellings, how cells are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time

from stb_service.devices.rules import Tenure
from stb_service.shared.i18n import text
from stb_service.shared.identifiers import Malformed
from stb_service.shared.imports.columns import Column, by_spelling, read_choice, read_day, read_line


def read_instant(raw: str) -> datetime:
    """Return an instant (`2024-03-31T10:00+02:00`), or the beginning of a day, in UTC.

    Raises:
        Malformed: it is neither, or a time of day without its zone.
    """
    try:
        found = datetime.fromisoformat(raw)
    except ValueError:
        return datetime.combine(read_day(raw), time(), UTC)
    if found.tzinfo is not None:
        return found.astimezone(UTC)
    if found.time() != time():
        raise Malformed(text("Say the time zone too, as in 2026-03-31T10:00+02:00."))
    return found.replace(tzinfo=UTC)


BOX = Column(
    "box",
    text("serial, MAC or id elsewhere of the box"),
    ("device", "serial", "serialnumber", "sn", "mac", "deviceid"),
    read_line(64),
    is_name=True,
)
ACCOUNT = Column(
    "account",
    text("number or id elsewhere of the account"),
    ("owner", "subscriber", "customer", "accountno", "accountnumber"),
    read_line(64),
    is_name=True,
)
COLUMNS: Sequence[Column] = (
    BOX,
    ACCOUNT,
    Column(
        "since",
        text("day from which the account had it; a day begins at midnight UTC"),
        ("from", "begin", "start"),
        read_instant,
    ),
    Column(
        "until",
        text("day from which it no longer had it; empty where it still has it"),
        ("to", "end", "ended"),
        read_instant,
    ),
    Column("tenure", text("sold, rented or on_loan"), ("ownership",), read_choice(Tenure)),
    Column("reason", text("why it came"), ("note", "comment"), read_line(500)),
)
BY_SPELLING: Mapping[str, Column] = by_spelling(COLUMNS)
NAMED_BY = ("box", "account")

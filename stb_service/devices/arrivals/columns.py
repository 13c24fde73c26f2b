"""The columns of an import file: their names, how else people spell them, how cells are read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from stb_service.shared.errors import Invalid
from stb_service.shared.i18n import Text, text
from stb_service.shared.identifiers import Malformed
from stb_service.shared.tables import Line


@dataclass(frozen=True)
class Column:
    """One column: the field it fills, what it holds, and other spellings of its header."""

    name: str
    meaning: Text
    spellings: tuple[str, ...] = ()
    read: Callable[[str], Any] = str


DAY_FIRST = re.compile(r"(\d{1,2})([./])(\d{1,2})\2(\d{4})")


def read_day(raw: str) -> date:
    """Return a day written as 2026-03-31, 31.03.2026, or 31/03/2026 where it can mean one day only.

    Raises:
        Malformed: it is no day, or could be two.
    """
    found = DAY_FIRST.fullmatch(raw)
    if found is not None:
        day, month = int(found[1]), int(found[3])
        if found[2] == "/" and max(day, month) <= 12 and day != month:
            raise Malformed(text("Could be two days; write it as 2026-03-31."))
        if found[2] == "/" and month > 12:
            day, month = month, day
        raw = f"{found[4]}-{month:02}-{day:02}"
    try:
        return date.fromisoformat(raw[:10])
    except ValueError as error:
        raise Malformed(text("No date; write it as 2026-03-31.")) from error


def _word(raw: str) -> str:
    return "_".join(re.split(r"[\s_-]+", raw.strip().lower()))


def _tags(raw: str) -> list[str]:
    return [tag for tag in re.split(r"[,;\s]+", raw) if tag]


COLUMNS: Sequence[Column] = (
    Column("external_id", text("id in another system"), ("external", "externalid", "id", "extid")),
    Column("maker", text("who made it; the model's maker if empty"), ("manufacturer", "vendor")),
    Column("serial", text("serial number"), ("serialnumber", "serialno", "sn")),
    Column("model", text("code of the model"), ("modelcode", "type")),
    Column("revision", text("code of the hardware revision"), ("hwrevision", "hardwarerevision")),
    Column(
        "mac_ethernet",
        text("MAC of the Ethernet interface, in any notation"),
        ("mac", "macaddress", "ethernetmac", "maceth", "ethmac", "lanmac"),
    ),
    Column(
        "mac_wifi",
        text("MAC of the Wi-Fi interface, in any notation"),
        ("wifimac", "wlanmac", "macwlan", "wirelessmac"),
    ),
    Column("batch", text("batch or lot"), ("lot", "batchno")),
    Column("made_on", text("day it was made"), ("made", "manufactured", "mfgdate"), read_day),
    Column("shipped_on", text("day it was shipped"), ("shipped", "shipdate"), read_day),
    Column("sold_on", text("day it was sold"), ("sold", "saledate"), read_day),
    Column("activated_on", text("day it first ran"), ("activated", "activationdate"), read_day),
    Column("tenure", text("sold, rented or on_loan"), ("ownership",), _word),
    Column("status", text("in_stock, sold, active, …"), ("state",), _word),
    Column("seller", text("code of the organisation that sold it"), ("dealer", "soldby")),
    Column("custodian", text("code of the organisation that holds it"), ("heldby", "location")),
    Column("tags", text("tags, separated by commas"), ("tag", "labels"), _tags),
    Column("notes", text("anything else"), ("note", "comment", "remarks")),
)


def _plain(header: str) -> str:
    folded = unicodedata.normalize("NFKC", header).casefold()
    return "".join(c for c in folded if c.isalnum())


BY_SPELLING: Mapping[str, Column] = {
    _plain(spelling): column for column in COLUMNS for spelling in (column.name, *column.spellings)
}


@dataclass(frozen=True)
class Header:
    """Which column stands where, and the headers that mean nothing here."""

    places: Mapping[int, Column]
    unknown: tuple[str, ...]
    width: int

    def place_of(self, name: str) -> int | None:
        """Return where a column stands; None if the file has none of this name."""
        return next((at for at, column in self.places.items() if column.name == name), None)


def read_header(cells: Sequence[str]) -> Header:
    """Find the columns of a file by its first line.

    Raises:
        Invalid: a column stands there twice, or there is none to find boxes by.
    """
    places: dict[int, Column] = {}
    unknown = []
    for place, cell in enumerate(cells):
        column = BY_SPELLING.get(_plain(cell))
        if column is None:
            unknown += [cell] if cell else []
        elif column in places.values():
            raise Invalid.field(
                "file", text("Column %(name)s stands there twice.", name=column.name)
            )
        else:
            places[place] = column
    names = {column.name for column in places.values()}
    if not names & {"serial", "external_id"}:
        raise Invalid.field(
            "file", text("The first line names no column “serial” and none “external_id”.")
        )
    return Header(places, tuple(unknown), len(cells))


SHEET_ERRORS = frozenset(
    {"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"}
)
SHORTENED = re.compile(r"\d[.,]?\d*E\+\d+")
NAMES = frozenset({"external_id", "serial", "mac_ethernet", "mac_wifi"})


def _damage(column: Column, place: int, cell: str, line: Line) -> Text | None:
    """Return what a spreadsheet did to a cell; None if it holds what was typed."""
    if place in line.formulas:
        return text("A formula whose result is not in the file; put the value in its place.")
    if cell.upper() in SHEET_ERRORS:
        return text("The spreadsheet shows an error here.")
    if column.name in NAMES and SHORTENED.fullmatch(cell.upper()):
        return text("The spreadsheet shortened this number; format the column as text.")
    return None


def read_cells(header: Header, line: Line) -> tuple[dict[str, Any], dict[str, Text]]:
    """Return the fields of a row and the problems by column. An empty cell says nothing."""
    fields: dict[str, Any] = {}
    problems: dict[str, Text] = {}
    cells = line.cells
    if any(cells[header.width :]):
        problems[""] = text("More cells than the first line has columns.")
    for place, column in header.places.items():
        cell = cells[place] if place < len(cells) else ""
        if not cell:
            continue
        damage = _damage(column, place, cell, line)
        if damage is not None:
            problems[column.name] = damage
            continue
        try:
            fields[column.name] = column.read(cell)
        except Malformed as refusal:
            problems[column.name] = refusal.reason
    return fields, problems

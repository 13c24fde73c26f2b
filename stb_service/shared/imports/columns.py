"""The columns of a file: the fields they fill, how their header and cells are read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from stb_service.shared.errors import Invalid
from stb_service.shared.i18n import Text, text
from stb_service.shared.identifiers import Malformed
from stb_service.shared.tables import Line


@dataclass(frozen=True)
class Column:
    """One column: the field it fills, what it holds, other spellings of its header, how a cell is
    read, and whether it names something by letters and digits (`is_name`), of which a spreadsheet
    may have made a number.
    """

    name: str
    meaning: Text
    spellings: tuple[str, ...] = ()
    read: Callable[[str], Any] = str
    is_name: bool = False


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


def read_line(most: int) -> Callable[[str], str]:
    """Return what reads one line of at most so many characters."""

    def read(raw: str) -> str:
        if len(raw) > most:
            raise Malformed(text("At most %(most)s characters.", most=most))
        if not raw.isprintable():
            raise Malformed(text("Letters that cannot be shown."))
        return raw

    return read


def read_choice(choices: type[StrEnum]) -> Callable[[str], str]:
    """Return what reads one of some words, with blanks and hyphens as people write them."""

    def read(raw: str) -> str:
        word = "_".join(re.split(r"[\s_-]+", raw.strip().lower()))
        if word not in set(choices):
            raise Malformed(text("One of: %(names)s", names=", ".join(choices)))
        return word

    return read


def read_number(least: int, most: int) -> Callable[[str], int]:
    """Return what reads a whole number; a spreadsheet's `12.0` is one."""

    def read(raw: str) -> int:
        digits = re.sub(r"[.,]0+$", "", raw)
        number = int(digits) if re.fullmatch(r"[0-9]{1,12}", digits) else -1
        if not least <= number <= most:
            raise Malformed(
                text("A whole number from %(least)s to %(most)s.", least=least, most=most)
            )
        return number

    return read


YES_WORDS, NO_WORDS = frozenset({"yes", "true", "1", "x"}), frozenset({"no", "false", "0"})


def read_yes(raw: str) -> bool:
    """Return whether a cell says yes.

    Raises:
        Malformed: it says neither yes nor no.
    """
    word = raw.strip().lower()
    if word not in YES_WORDS | NO_WORDS:
        raise Malformed(text("Write yes or no."))
    return word in YES_WORDS


def plain_header(header: str) -> str:
    """Return a header as it is compared: letters and digits alone, without case."""
    folded = unicodedata.normalize("NFKC", header).casefold()
    return "".join(c for c in folded if c.isalnum())


def by_spelling(columns: Iterable[Column]) -> dict[str, Column]:
    """Return columns by every way their header is written."""
    return {
        plain_header(spelling): column
        for column in columns
        for spelling in (column.name, *column.spellings)
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


def read_header(
    cells: Sequence[str], spellings: Mapping[str, Column], *, by: Collection[str]
) -> Header:
    """Find the columns of a file by its first line; `by` are those of which one has to be there.

    Raises:
        Invalid: a column stands there twice, or there is none to find rows by.
    """
    places: dict[int, Column] = {}
    unknown = []
    for place, cell in enumerate(cells):
        column = spellings.get(plain_header(cell))
        if column is None:
            unknown += [cell] if cell else []
        elif column in places.values():
            raise Invalid.field(
                "file", text("Column %(name)s stands there twice.", name=column.name)
            )
        else:
            places[place] = column
    if not {column.name for column in places.values()} & set(by):
        raise Invalid.field("file", _unnamed(*by))
    return Header(places, tuple(unknown), len(cells))


def _unnamed(first: str, second: str = "") -> Text:
    if not second:
        return text("The first line names no column “%(name)s”.", name=first)
    return text(
        "The first line names no column “%(first)s” and none “%(second)s”.",
        first=first,
        second=second,
    )


SHEET_ERRORS = frozenset(
    {"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"}
)
SHORTENED = re.compile(r"\d[.,]?\d*E\+\d+")


def _damage(column: Column, place: int, cell: str, line: Line) -> Text | None:
    """Return what a spreadsheet did to a cell; None if it holds what was typed."""
    if place in line.formulas:
        return text("A formula whose result is not in the file; put the value in its place.")
    if cell.upper() in SHEET_ERRORS:
        return text("The spreadsheet shows an error here.")
    if column.is_name and SHORTENED.fullmatch(cell.upper()):
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

"""Importing a file of rows, in every room alike: its columns, its report, the work that does it.

A room says which columns it knows and takes chunks of lines, each in a unit of work of its own; what
stands here reads header and cells, counts, and keeps the report of what was refused.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, cast

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from stb_service.shared import jobs
from stb_service.shared.access import Actor
from stb_service.shared.db import Database
from stb_service.shared.errors import DomainError, Invalid, Refused
from stb_service.shared.files import Stored
from stb_service.shared.i18n import Text, text
from stb_service.shared.identifiers import Malformed
from stb_service.shared.jobs import Job, Outcome, Work
from stb_service.shared.tables import (
    AUTO,
    Line,
    count_lines,
    is_guessed,
    read_lines,
    write_csv,
)

CHUNK = 500
MAX_UPLOAD_BYTES = 100 * 2**20
MAX_WARNINGS = 1_000
REFUSED, WARNING = "refused", "warning"
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Remark:
    """One entry of the report: where in the file, what stands there, what is wrong or odd."""

    line: int
    column: str
    value: str
    reason: Text
    severity: str = REFUSED


@dataclass
class Report:
    """What an import did, or would do."""

    is_dry_run: bool
    rows: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    remarks: list[Remark] = field(default_factory=list)
    unknown_columns: tuple[str, ...] = ()

    def refuse(self, line: Line, header: Header, problems: Mapping[str, Sequence[Text]]) -> None:
        """Count a row as refused, with each of its problems."""
        self.refused += 1
        for name, messages in problems.items():
            place = header.place_of(name)
            value = "" if place is None or place >= len(line.cells) else line.cells[place]
            self.remarks += [Remark(line.number, name, value, message) for message in messages]

    def warn(self, line: Line, value: str, reasons: Iterable[Text]) -> None:
        """Note what is odd about a row that was taken."""
        if len(self.remarks) < MAX_WARNINGS:
            self.remarks += [Remark(line.number, "", value, reason, WARNING) for reason in reasons]

    def figures(self) -> dict[str, Any]:
        """Return the counts, for the page of the job."""
        return {
            "rows": self.rows,
            "created": self.created,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "refused": self.refused,
            "warnings": sum(remark.severity == WARNING for remark in self.remarks),
            "dry_run": self.is_dry_run,
            "unknown_columns": ", ".join(self.unknown_columns),
        }

    def table(self) -> Iterable[Sequence[str]]:
        """Yield the report as rows, its header first."""
        yield ("line", "column", "severity", "value", "reason")
        for remark in sorted(self.remarks, key=lambda remark: remark.line):
            yield (
                str(remark.line),
                remark.column,
                remark.severity,
                remark.value,
                str(remark.reason),
            )


# --- columns -------------------------------------------------------------------------------------


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
        first, second = by
        message = text(
            "The first line names no column “%(first)s” and none “%(second)s”.",
            first=first,
            second=second,
        )
        raise Invalid.field("file", message)
    return Header(places, tuple(unknown), len(cells))


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


# --- the file ------------------------------------------------------------------------------------


@dataclass
class Source:
    """A file whose header was read, with the report that its rows go to."""

    header: Header
    report: Report
    lines: Iterator[Line]
    total: int | None

    def take_chunks(
        self, take: Callable[[Sequence[Line]], None], progress: Progress | None
    ) -> Report:
        """Let the rows be taken, chunk by chunk, and return the report.

        Raises:
            Invalid: there are none.
        """
        report = self.report
        while chunk := list(itertools.islice(self.lines, CHUNK)):
            take(chunk)
            if progress is not None:
                total = self.total
                progress(report.rows, total if total is None else max(total, report.rows))
        if not report.rows:
            raise Invalid.field("file", text("The file has a first line and no rows below it."))
        return report


def open_source(
    path: Path,
    *,
    name: str,
    encoding: str,
    dry_run: bool,
    spellings: Mapping[str, Column],
    by: Collection[str],
) -> Source:
    """Open a CSV or XLSX file and read its first line. The report says so where the encoding of the
    file had to be guessed.

    Raises:
        Invalid: the file is no table or is empty, or its first line names nothing to find rows by.
    """
    lines = read_lines(path, name, encoding)
    first = next(lines, None)
    if first is None:
        raise Invalid.field("file", text("The file is empty."))
    header = read_header(first.cells, spellings, by=by)
    total = count_lines(path)
    report = Report(dry_run, unknown_columns=header.unknown)
    if is_guessed(path, encoding):
        reason = text(
            "The file is not in UTF-8; it was read as Windows-1251. If letters are wrong, choose "
            "its encoding."
        )
        report.remarks.append(Remark(first.number, "", "", reason, WARNING))
    return Source(header, report, lines, None if total is None else max(total - 1, 1))


# --- row by row ----------------------------------------------------------------------------------

Fields = Mapping[str, Any]


class RowByRow(ABC):
    """Takes a file in chunks, each in a unit of work of its own, and each row as a whole or not.

    A room says by which keys a row names what it is about, and writes it. Where two rows of a file
    are about the same, the first counts: another that says the same is unchanged, any other is
    refused. So a trial of a chunk is true without those before, and the same file twice changes
    nothing.
    """

    same = text("Line %(line)s of this file is about the same.")

    def __init__(self, db: Database, source: Source, actor: Actor) -> None:
        self.db, self.source, self.actor = db, source, actor
        self.report = source.report
        self.said: dict[str, tuple[int, Fields]] = {}
        """By key, which line was taken, and what it said."""

    @abstractmethod
    def keys(self, fields: Fields) -> Sequence[str]:
        """Return what a row names, each with its column before it: `external_id crm-1`."""

    @abstractmethod
    def write(self, session: Session, fields: Fields, now: datetime) -> str:
        """Write what a row says; return which count of the report it adds to."""

    def by_column(self, refusal: DomainError) -> Mapping[str, Sequence[Text]]:
        """Return why a row was refused, by column; of the whole row under the empty name."""
        if isinstance(refusal, Invalid) and refusal.fields:
            return refusal.fields
        if isinstance(refusal, Refused):
            return {"": [obstacle.message for obstacle in refusal.obstacles]}
        return {"": [refusal.detail]}

    def take(self, chunk: Sequence[Line], now: datetime) -> None:
        """Import one chunk."""
        self.report.rows += len(chunk)
        with self.db.open(writes=True) as session:
            for line in chunk:
                self._take_line(session, line, now)
            if self.report.is_dry_run:
                session.rollback()
            else:
                session.commit()

    def _take_line(self, session: Session, line: Line, now: datetime) -> None:
        fields, problems = read_cells(self.source.header, line)
        if problems:
            self._refuse(line, {name: [reason] for name, reason in problems.items()})
            return
        keys = self.keys(fields)
        try:
            if self._is_repeated(keys, fields):
                self.report.unchanged += 1
                return
            with session.begin_nested():
                outcome = self.write(session, fields, now)
        except DomainError as refusal:
            self._refuse(line, self.by_column(refusal))
        except IntegrityError:
            raced = text("Someone else was first; import it again.")
            self._refuse(line, {keys[0].partition(" ")[0] if keys else "": [raced]})
        else:
            setattr(self.report, outcome, getattr(self.report, outcome) + 1)
            for key in keys:
                self.said[key] = (line.number, fields)

    def _is_repeated(self, keys: Sequence[str], fields: Fields) -> bool:
        """Tell whether a row before this one said the same.

        Raises:
            Invalid: it said something else of the same.
        """
        for key in keys:
            number, before = self.said.get(key, (0, fields))
            if before != fields:
                message = text(self.same.msgid, line=number)
                raise Invalid.field(key.partition(" ")[0], message)
            if number:
                return True
        return False

    def _refuse(self, line: Line, problems: Mapping[str, Sequence[Text]]) -> None:
        self.report.refuse(line, self.source.header, problems)


# --- the work ------------------------------------------------------------------------------------


def enqueue_import(
    session: Session,
    *,
    kind: str,
    stored: Stored,
    name: str,
    encoding: str = AUTO,
    dry_run: bool,
    actor: Actor,
    now: datetime,
) -> Job:
    """Ask for the import of a file that was received, in an encoding of `ENCODING_NAMES`."""
    title = text("Trial import of %(name)s") if dry_run else text("Import of %(name)s")
    return jobs.enqueue(
        session,
        kind=kind,
        title=str(text(title.msgid, name=name[:120])),
        arguments={
            "sha256": stored.sha256,
            "name": name[:120],
            "encoding": encoding,
            "dry_run": dry_run,
        },
        actor=actor,
        now=now,
    )


def enqueue_again(session: Session, *, trial: Job, actor: Actor, now: datetime) -> Job:
    """Ask for the import of a trial's file for good. Asked for twice, it is done once."""
    name = trial.arguments["name"]
    return jobs.enqueue(
        session,
        kind=trial.kind,
        title=str(text("Import of %(name)s", name=name)),
        arguments={**trial.arguments, "dry_run": False},
        actor=actor,
        now=now,
        key=f"{trial.kind}:{trial.public_id}",
    )


def outcome_of(work: Work, report: Report) -> Outcome:
    """Return what an import came to; its report holds every refused row and every warning."""
    if not report.remarks:
        return Outcome(report.figures())
    with work.files.receiving() as incoming:
        write_csv(cast("Any", incoming), report.table())
        stored = work.files.keep(incoming)
    return Outcome(report.figures(), stored.sha256, "import-report.csv")

"""Taking a file in chunks of rows, each chunk in a unit of work of its own."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from stb_service.shared.access import Actor
from stb_service.shared.db import Database
from stb_service.shared.errors import DomainError, Invalid, Refused
from stb_service.shared.i18n import Text, text
from stb_service.shared.imports.columns import Column, Header, read_cells, read_header
from stb_service.shared.imports.reports import WARNING, Remark, Report
from stb_service.shared.tables import AUTO, Line, count_lines, is_guessed, read_lines

CHUNK = 500
Fields = Mapping[str, Any]
Progress = Callable[[int, int | None], None]


@dataclass
class Source:
    """A file whose header was read, with the report that its rows go to."""

    path: Path
    name: str
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
    return Source(path, name, header, report, lines, None if total is None else max(total - 1, 1))


class FileImport(ABC):
    """Takes a file in chunks, each in a unit of work of its own. A room says by which columns its
    rows are known, and takes the lines.
    """

    spellings: ClassVar[Mapping[str, Column]]
    found_by: ClassVar[Collection[str]]
    """The columns of which a file has one, to find by what its rows are about."""

    def __init__(self, db: Database, source: Source, actor: Actor) -> None:
        self.db, self.source, self.actor = db, source, actor
        self.report = source.report

    @classmethod
    def of_file(
        cls,
        db: Database,
        path: Path,
        *,
        name: str,
        actor: Actor,
        clock: Callable[[], datetime],
        encoding: str = AUTO,
        dry_run: bool = False,
        progress: Progress | None = None,
        **more: Any,
    ) -> Report:
        """Import a CSV or XLSX file; a dry run does the same and keeps nothing. `more` is what a
        room has to know besides.

        Raises:
            Invalid: the file is no table, its first line names nothing to find rows by, or there
                is no other. Rows before a place where a file breaks off are kept.
        """
        source = open_source(
            path,
            name=name,
            encoding=encoding,
            dry_run=dry_run,
            spellings=cls.spellings,
            by=cls.found_by,
        )
        task = cls(db, source, actor, **more)
        return source.take_chunks(lambda chunk: task.take(chunk, clock()), progress)

    def take(self, chunk: Sequence[Line], now: datetime) -> None:
        """Import one chunk."""
        self.report.rows += len(chunk)
        with self.db.open(writes=True) as session:
            self.take_lines(session, chunk, now)
            if self.report.is_dry_run:
                session.rollback()
            else:
                session.commit()

    @abstractmethod
    def take_lines(self, session: Session, chunk: Sequence[Line], now: datetime) -> None:
        """Write what the lines of a chunk say."""


class RowByRow(FileImport):
    """Takes each row as a whole or not.

    A room says by which keys a row names what it is about, and writes it. Where two rows of a file
    are about the same, the first counts: another that says the same is unchanged, any other is
    refused. So a trial of a chunk is true without those before, and the same file twice changes
    nothing.
    """

    same = text("Line %(line)s of this file is about the same.")
    needed: ClassVar[Sequence[str]] = ()
    """The columns without which no row means anything."""

    def __init__(self, db: Database, source: Source, actor: Actor) -> None:
        super().__init__(db, source, actor)
        self.said: dict[str, tuple[int, Fields]] = {}
        """By key, which line was taken, and what it said."""

    @abstractmethod
    def keys(self, fields: Fields) -> Sequence[str]:
        """Return what a row names, each with its column before it: `external_id crm-1`."""

    @abstractmethod
    def write(self, session: Session, fields: Fields, now: datetime) -> str:
        """Write what a row says; return which count of the report it adds to."""

    def needed_of(self, fields: Fields) -> Sequence[str]:
        """Return the columns without which a row means nothing."""
        return self.needed

    def by_column(self, refusal: DomainError) -> Mapping[str, Sequence[Text]]:
        """Return why a row was refused, by column; of the whole row under the empty name."""
        if isinstance(refusal, Invalid) and refusal.fields:
            return refusal.fields
        if isinstance(refusal, Refused):
            return {"": [obstacle.message for obstacle in refusal.obstacles]}
        return {"": [refusal.detail]}

    def take_lines(self, session: Session, chunk: Sequence[Line], now: datetime) -> None:
        """Take one line after the other."""
        for line in chunk:
            self._take_line(session, line, now)

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
            self._check_needed(fields)
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

    def _check_needed(self, fields: Fields) -> None:
        wanted = self.needed_of(fields)
        missing = {n: [text("Each row needs this.")] for n in wanted if n not in fields}
        if missing:
            raise Invalid(fields=missing)

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

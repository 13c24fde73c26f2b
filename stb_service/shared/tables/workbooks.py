"""XLSX workbooks. Imported when one comes or is asked for: openpyxl takes long to load."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import date, datetime, time
from pathlib import Path
from typing import BinaryIO

from openpyxl import Workbook, load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from stb_service.shared.i18n import text
from stb_service.shared.tables.cells import Line, escape_cell, unescape_cell, unreadable

MAX_UNPACKED_BYTES = 2**30
FORMULA_XML = re.compile(rb"<(\w+:)?f[ />]")
BROKEN_XLSX = (
    zipfile.BadZipFile,
    InvalidFileException,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    IndexError,
    OSError,
    EOFError,
    SyntaxError,  # what both XML parsers raise
)


def read_xlsx(path: Path) -> Iterator[Line]:
    """Yield the rows of the first sheet."""
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
            has_formulas = unpacked <= MAX_UNPACKED_BYTES and _has_formulas(archive)
        if unpacked > MAX_UNPACKED_BYTES:
            raise unreadable(text("it unpacks to more than a gigabyte"))
        # opened here: by a path, openpyxl insists on an ending that a stored file lacks
        with (
            path.open("rb") as file,
            closing(load_workbook(file, read_only=True, data_only=True)) as book,
        ):
            rows = enumerate(book.worksheets[0].iter_rows(values_only=True), 1)
            if not has_formulas:
                for number, row in rows:
                    yield _sheet_line(number, row)
                return
            with closing(load_workbook(file, read_only=True)) as typed:
                formulas = typed.worksheets[0].iter_rows(values_only=True)
                for (number, row), typed_row in zip(rows, formulas, strict=False):
                    yield _sheet_line(number, row, typed_row)
    except BROKEN_XLSX as error:
        why = text("it is no whole XLSX workbook (%(error)s)", error=type(error).__name__)
        raise unreadable(why) from error


def _sheet_line(number: int, row: Sequence[object], typed: Sequence[object] = ()) -> Line:
    """Return a row of a sheet; `typed` holds its formulas where it may have some."""
    values = list(row)
    lost = frozenset(
        place
        for place, (value, raw) in enumerate(zip(row, typed, strict=False))
        if value is None and isinstance(raw, str) and raw.startswith("=")
    )
    for place in lost:
        values[place] = typed[place]
    return Line(number, tuple(unescape_cell(_words(value)) for value in values), lost)


def _has_formulas(archive: zipfile.ZipFile) -> bool:
    """Tell whether a sheet of the workbook holds a formula (the element `f` of its XML)."""
    for name in archive.namelist():
        if name.startswith("xl/worksheets/") and name.endswith(".xml"):
            with archive.open(name) as sheet:
                rest = b""
                while part := sheet.read(2**20):
                    if FORMULA_XML.search(rest + part):
                        return True
                    rest = part[-8:]
    return False


def stated_rows(path: Path) -> int | None:
    """Return how many rows a sheet says it has; of one row only it is no word to go by."""
    try:
        with (
            path.open("rb") as file,
            closing(load_workbook(file, read_only=True, data_only=True)) as book,
        ):
            stated = book.worksheets[0].max_row
    except BROKEN_XLSX:
        return None
    return stated if stated and stated > 1 else None


def _words(value: object) -> str:
    """Return what a cell shows; a serial that a spreadsheet took for a number has no point."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip(" \xa0")


def write_xlsx(file: BinaryIO, rows: Iterable[Sequence[str]]) -> None:
    """Write rows as XLSX, every cell a text, escaped; row by row, so that memory stays small."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("boxes")
    for row in rows:
        sheet.append([escape_cell(_printable(cell)) for cell in row])
    book.save(_Forward(file))


class _Forward:
    """A stream that cannot go back: what is digested while it is written is written once."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, data: bytes) -> int:
        return self._file.write(data)

    def flush(self) -> None:
        """Do nothing: whoever opened the file closes it."""


def _printable(cell: str) -> str:
    """Return a text without the control characters that XML 1.0 does not know."""
    return "".join(c for c in cell if c in "\t\n\r" or ord(c) >= 32)

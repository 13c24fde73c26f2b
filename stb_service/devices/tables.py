"""Files of rows as people keep them: CSV in any usual coding and dialect, and XLSX.

Rows are read as they are needed. tablib reads a whole file at once and gives up at the first
ragged line, so it only writes the small reports here.
"""

from __future__ import annotations

import codecs
import csv
import itertools
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import tablib
from openpyxl import Workbook, load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from stb_service.shared.errors import Invalid
from stb_service.shared.i18n import Text, text

FORMULA = ("=", "+", "-", "@", "\t", "\r")
DELIMITERS = ",;\t|"
QUOTED = re.compile(r'"[^"]*"')
MAX_COLUMNS = 200
MAX_UNPACKED_BYTES = 2**30
AUTO, UTF8 = "auto", "utf-8"
ENCODING_NAMES: Mapping[str, Text] = {
    AUTO: text("Found out: UTF-8, UTF-16, else Windows-1251"),
    UTF8: text("UTF-8"),
    "windows-1250": text("Windows-1250 (Central European)"),
    "windows-1251": text("Windows-1251 (Cyrillic)"),
    "windows-1252": text("Windows-1252 (Western European)"),
    "windows-1256": text("Windows-1256 (Arabic)"),
}
GUESSED = "windows-1251"
OLD_EXCEL = bytes.fromhex("d0cf11e0a1b11ae1")  # MS-CFB 2.2: what .xls and encrypted XLSX are in
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Line:
    """One row: the line of the file on which it begins (of a sheet, its row), and its cells.

    `formulas` are the places of formulas whose result the file does not hold; their cells hold
    the formula.
    """

    number: int
    cells: tuple[str, ...]
    formulas: frozenset[int] = frozenset()


def escape_cell(value: str) -> str:
    """Keep a spreadsheet from reading a text as a formula (OWASP, CSV injection)."""
    return f"'{value}" if value.lstrip("'").startswith(FORMULA) else value


def unescape_cell(value: str) -> str:
    """Undo `escape_cell`."""
    return value[1:] if value.startswith("'") and value.lstrip("'").startswith(FORMULA) else value


def read_lines(path: Path, name: str, encoding: str = AUTO) -> Iterator[Line]:
    """Yield the rows of a file that are not empty, the header first.

    `encoding` is one of `ENCODING_NAMES`; a CSV that states its own (by a mark, or as UTF-16)
    is read by that, and a sheet needs none.

    Raises:
        Invalid: the file cannot be read as a table.
    """
    with path.open("rb") as file:
        start = file.read(8)
    if start == OLD_EXCEL:
        raise _unreadable(text("it is an old or a protected Excel file; save it as XLSX or CSV"))
    is_zip = start.startswith(b"PK\x03\x04")
    lines = _xlsx_lines(path) if is_zip else _csv_lines(path, encoding)
    for line in lines:
        if any(line.cells[MAX_COLUMNS:]):
            raise _unreadable(text("more than %(most)s columns", most=MAX_COLUMNS))
        if any(line.cells):
            yield line


def is_guessed(path: Path, encoding: str) -> bool:
    """Tell whether a file is read in a coding that nothing but a guess speaks for (`GUESSED`)."""
    with path.open("rb") as file:
        is_zip = file.read(4) == b"PK\x03\x04"
    return encoding == AUTO and not is_zip and _coding(path, AUTO) == GUESSED


def count_lines(path: Path) -> int | None:
    """Return about how many lines a file has; None for a sheet that does not state its size."""
    with path.open("rb") as file:
        if file.read(4) == b"PK\x03\x04":
            return _stated_rows(path)
        file.seek(0)
        return sum(part.count(b"\n") for part in iter(lambda: file.read(2**20), b"")) or 1


def _unreadable(why: object) -> Invalid:
    reason = why if isinstance(why, Text) else str(why)
    return Invalid.field("file", text("This file cannot be read as a table: %(why)s", why=reason))


# --- CSV -----------------------------------------------------------------------------------------


def _csv_lines(path: Path, encoding: str) -> Iterator[Line]:
    with path.open(encoding=_coding(path, encoding), newline="") as file:
        delimiter, before = _delimiter(file, encoding)
        reader = csv.reader(file, delimiter=delimiter, strict=False)
        number = before + 1
        try:
            for row in reader:
                cells = tuple(unescape_cell(cell.strip(" \xa0")) for cell in row)
                yield Line(number, cells)
                number = before + reader.line_num + 1
        except csv.Error as error:
            raise _unreadable(
                text("from line %(line)s on a cell does not end; is a quote missing?", line=number)
            ) from error
        except UnicodeError as error:
            raise _undecodable(encoding) from error


def _undecodable(encoding: str) -> Invalid:
    if encoding == AUTO:
        return _unreadable(text("it is neither UTF-8, nor UTF-16, nor Windows-1251"))
    return _unreadable(text("it is not in %(encoding)s", encoding=ENCODING_NAMES[encoding]))


def _coding(path: Path, encoding: str) -> str:
    """Return the coding by its mark or its zeros, else the chosen one, else UTF-8 if it is that,
    else Windows-1251.

    Raises:
        Invalid: UTF-8 was chosen, and it is not that.
    """
    with path.open("rb") as file:
        start = file.read(4)
        for mark, coding in BOMS:
            if start.startswith(mark):
                return coding
        if start[1::2] == b"\0\0":
            return "utf-16-le"
        if start[::2] == b"\0\0":
            return "utf-16-be"
        if encoding not in {AUTO, UTF8}:
            return encoding
        file.seek(0)
        if _is_utf8(file):
            return UTF8
    if encoding == UTF8:
        raise _undecodable(encoding)
    return GUESSED


def _is_utf8(file: BinaryIO) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for part in iter(lambda: file.read(2**20), b""):
            decoder.decode(part)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _delimiter(file: TextIO, encoding: str) -> tuple[str, int]:
    """Return the delimiter that the header line has most of, and how many lines came before it:
    a `sep=;` line of Excel names it.
    """
    try:
        header = file.readline(2**16)
    except UnicodeError as error:
        raise _undecodable(encoding) from error
    if header[:4].lower() == "sep=" and header[4:5] in DELIMITERS:
        return header[4], 1
    file.seek(0)
    return max(DELIMITERS, key=QUOTED.sub("", header).count), 0


# --- XLSX ----------------------------------------------------------------------------------------

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


def _xlsx_lines(path: Path) -> Iterator[Line]:
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
            has_formulas = unpacked <= MAX_UNPACKED_BYTES and _has_formulas(archive)
        if unpacked > MAX_UNPACKED_BYTES:
            raise _unreadable(text("it unpacks to more than a gigabyte"))
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
        raise _unreadable(why) from error


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


def _stated_rows(path: Path) -> int | None:
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


# --- writing -------------------------------------------------------------------------------------


def write_csv(file: BinaryIO, rows: Iterable[Sequence[str]]) -> None:
    """Write rows as CSV in UTF-8 with a mark (spreadsheets guess wrongly without), escaped."""
    file.write(codecs.BOM_UTF8)
    rows = iter(rows)
    while batch := list(itertools.islice(rows, 1000)):
        table = tablib.Dataset()
        for row in batch:
            table.append([escape_cell(cell) for cell in row])
        file.write(table.export("csv").encode())


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


WRITERS: Mapping[str, Any] = {"csv": write_csv, "xlsx": write_xlsx}

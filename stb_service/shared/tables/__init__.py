"""Files of rows as people keep them: CSV in any usual coding and dialect, and XLSX.

Rows are read as they are needed. tablib reads a whole file at once and gives up at the first
ragged line, so it only writes the small reports here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from stb_service.shared.i18n import text
from stb_service.shared.tables.cells import Line, escape_cell, unescape_cell, unreadable
from stb_service.shared.tables.texts import (
    AUTO,
    ENCODING_NAMES,
    GUESSED,
    coding_of,
    read_csv,
    write_csv,
)

__all__ = [
    "AUTO",
    "ENCODING_NAMES",
    "WRITERS",
    "Line",
    "count_lines",
    "escape_cell",
    "is_guessed",
    "read_lines",
    "unescape_cell",
    "write_csv",
    "write_xlsx",
]

MAX_COLUMNS = 200
OLD_EXCEL = bytes.fromhex("d0cf11e0a1b11ae1")  # MS-CFB 2.2: what .xls and encrypted XLSX are in
ZIP = b"PK\x03\x04"


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
        raise unreadable(text("it is an old or a protected Excel file; save it as XLSX or CSV"))
    for line in _lines(path, encoding):
        if any(line.cells[MAX_COLUMNS:]):
            raise unreadable(text("more than %(most)s columns", most=MAX_COLUMNS))
        if any(line.cells):
            yield line


def _is_workbook(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == ZIP


def _lines(path: Path, encoding: str) -> Iterator[Line]:
    if not _is_workbook(path):
        return read_csv(path, encoding)
    from stb_service.shared.tables import workbooks  # noqa: PLC0415 - where one has come

    return workbooks.read_xlsx(path)


def is_guessed(path: Path, encoding: str) -> bool:
    """Tell whether a file is read in a coding that nothing but a guess speaks for (`GUESSED`)."""
    return encoding == AUTO and not _is_workbook(path) and coding_of(path, AUTO) == GUESSED


def count_lines(path: Path) -> int | None:
    """Return about how many lines a file has; None for a sheet that does not state its size."""
    if _is_workbook(path):
        from stb_service.shared.tables import workbooks  # noqa: PLC0415 - where one has come

        return workbooks.stated_rows(path)
    with path.open("rb") as file:
        return sum(part.count(b"\n") for part in iter(lambda: file.read(2**20), b"")) or 1


def write_xlsx(file: BinaryIO, rows: Iterable[Sequence[str]]) -> None:
    """Write rows as XLSX, every cell a text, escaped; row by row, so that memory stays small."""
    from stb_service.shared.tables import workbooks  # noqa: PLC0415 - for those who ask for one

    workbooks.write_xlsx(file, rows)


WRITERS: Mapping[str, Callable[[BinaryIO, Iterable[Sequence[str]]], None]] = {
    "csv": write_csv,
    "xlsx": write_xlsx,
}

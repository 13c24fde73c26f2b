"""CSV in any usual coding and dialect."""

from __future__ import annotations

import codecs
import csv
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, TextIO

import tablib

from stb_service.shared.errors import Invalid
from stb_service.shared.i18n import Text, text
from stb_service.shared.tables.cells import Line, escape_cell, unescape_cell, unreadable

DELIMITERS = ",;\t|"
QUOTED = re.compile(r'"[^"]*"')
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
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read_csv(path: Path, encoding: str) -> Iterator[Line]:
    """Yield the rows of a file; `encoding` is one of `ENCODING_NAMES`."""
    with path.open(encoding=coding_of(path, encoding), newline="") as file:
        delimiter, before = _delimiter(file, encoding)
        reader = csv.reader(file, delimiter=delimiter, strict=False)
        number = before + 1
        try:
            for row in reader:
                cells = tuple(unescape_cell(cell.strip(" \xa0")) for cell in row)
                yield Line(number, cells)
                number = before + reader.line_num + 1
        except csv.Error as error:
            raise unreadable(
                text("from line %(line)s on a cell does not end; is a quote missing?", line=number)
            ) from error
        except UnicodeError as error:
            raise _undecodable(encoding) from error


def _undecodable(encoding: str) -> Invalid:
    if encoding == AUTO:
        return unreadable(text("it is neither UTF-8, nor UTF-16, nor Windows-1251"))
    return unreadable(text("it is not in %(encoding)s", encoding=ENCODING_NAMES[encoding]))


def coding_of(path: Path, encoding: str) -> str:
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


def write_csv(file: BinaryIO, rows: Iterable[Sequence[str]]) -> None:
    """Write rows as CSV in UTF-8 with a mark (spreadsheets guess wrongly without), escaped."""
    file.write(codecs.BOM_UTF8)
    rows = iter(rows)
    while batch := list(itertools.islice(rows, 1000)):
        table = tablib.Dataset()
        for row in batch:
            table.append([escape_cell(cell) for cell in row])
        file.write(table.export("csv").encode())

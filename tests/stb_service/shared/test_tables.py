"""Reading and writing files of rows."""

from __future__ import annotations

import zipfile
from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from stb_service.shared.errors import Invalid
from stb_service.shared.tables import (
    AUTO,
    MAX_COLUMNS,
    count_lines,
    escape_cell,
    is_guessed,
    read_lines,
    unescape_cell,
    write_csv,
    write_xlsx,
)


def cells(path: Path) -> list[tuple[str, ...]]:
    return [line.cells for line in read_lines(path, path.name)]


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16", "cp1251"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_csv_is_read_in_any_usual_coding_and_dialect(
    tmp_path: Path, coding: str, delimiter: str
) -> None:
    path = tmp_path / "boxes.csv"
    path.write_bytes(f"serial{delimiter}notes\r\nA-1{delimiter}Пульт\r\n".encode(coding))

    assert cells(path) == [("serial", "notes"), ("A-1", "Пульт")]


@pytest.mark.parametrize(
    ("coding", "word"),
    [
        ("windows-1250", "Łódź"),
        ("windows-1251", "Пульт"),
        ("windows-1252", "Acmé"),
        ("windows-1256", "جهاز"),
        ("utf-8", "Acmé"),
    ],
)
def test_a_csv_is_read_in_the_encoding_that_was_chosen(
    tmp_path: Path, coding: str, word: str
) -> None:
    path = tmp_path / "boxes.csv"
    path.write_bytes(f"serial,notes\nA-1,{word}\n".encode(coding))

    assert [line.cells for line in read_lines(path, path.name, coding)][1] == ("A-1", word)
    assert not is_guessed(path, coding)


@pytest.mark.parametrize("coding", ["utf-8-sig", "utf-16"])
def test_a_file_that_states_its_encoding_is_read_by_that(tmp_path: Path, coding: str) -> None:
    path = tmp_path / "boxes.csv"
    path.write_bytes("serial,notes\nA-1,Acmé\n".encode(coding))

    lines = [line.cells for line in read_lines(path, path.name, "windows-1251")]
    assert lines == [("serial", "notes"), ("A-1", "Acmé")]
    assert not is_guessed(path, AUTO)


def test_a_file_that_is_not_in_the_chosen_encoding_is_refused_before_its_first_row(
    tmp_path: Path,
) -> None:
    path = tmp_path / "boxes.csv"
    path.write_bytes(b"serial,notes\n" + b"A-1,good\n" * 50_000 + b"A-2,Acm\xe9\n")

    with pytest.raises(Invalid, match="it is not in UTF-8"):
        next(read_lines(path, path.name, "utf-8"))


def test_the_line_that_names_the_delimiter_is_obeyed_and_not_a_row(tmp_path: Path) -> None:
    path = tmp_path / "boxes.csv"
    path.write_text("sep=;\nserial;notes, long\nA;b\n", encoding="utf-8")

    assert cells(path) == [("serial", "notes, long"), ("A", "b")]


def test_quoted_cells_may_hold_delimiters_and_lines_and_the_number_is_the_first_line(
    tmp_path: Path,
) -> None:
    path = tmp_path / "boxes.csv"
    path.write_text('serial,notes\nA,"one,\ntwo"\n\nB,x\n', encoding="utf-8")

    lines = list(read_lines(path, path.name))

    assert [(line.number, line.cells) for line in lines] == [
        (1, ("serial", "notes")),
        (2, ("A", "one,\ntwo")),
        (5, ("B", "x")),
    ]


@pytest.mark.parametrize("columns", [MAX_COLUMNS - 1, MAX_COLUMNS])
def test_a_wide_table_is_read(tmp_path: Path, columns: int) -> None:
    path = tmp_path / "boxes.csv"
    path.write_text(",".join("x" * columns), encoding="utf-8")

    assert [len(row) for row in cells(path)] == [columns]


@pytest.mark.parametrize(
    "content",
    [
        b",".join([b"x"] * (MAX_COLUMNS + 1)),
        b"PK\x03\x04 this is no zip",
        b"\xff\xfeA",
        b"serial\n" + b"x" * 200_000,
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "boxes.csv"
    path.write_bytes(content)

    with pytest.raises(Invalid):
        cells(path)


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "boxes.csv"
    path.write_bytes(b"")

    assert cells(path) == []


def test_a_sheet_is_read_as_it_shows(tmp_path: Path) -> None:
    path = tmp_path / "boxes.xlsx"
    book = Workbook()
    assert book.active is not None
    book.active.append(["serial", "made", "shipped", "count", "empty"])
    book.active.append([62014.0, date(2024, 1, 31), datetime(2024, 2, 1), 3, None])  # noqa: DTZ001
    book.save(path)
    book.close()

    assert cells(path) == [
        ("serial", "made", "shipped", "count", "empty"),
        ("62014", "2024-01-31", "2024-02-01", "3", ""),
    ]


def test_lines_are_counted_for_progress_where_that_is_cheap(tmp_path: Path) -> None:
    text, sheet = tmp_path / "boxes.csv", tmp_path / "boxes.xlsx"
    text.write_bytes(b"a\nb\nc\n")
    sheet.write_bytes(b"PK\x03\x04")

    assert (count_lines(text), count_lines(sheet)) == (3, None)


@pytest.mark.parametrize(("rows", "stated"), [(1, None), (2, 2), (3, 3)])
def test_the_rows_of_a_sheet_are_as_many_as_it_states(
    tmp_path: Path, rows: int, stated: int | None
) -> None:
    path = tmp_path / "boxes.xlsx"
    book = Workbook()
    assert book.active is not None
    book.active.cell(rows, 2, "x")
    book.save(path)
    book.close()

    assert count_lines(path) == stated


def test_the_rows_of_a_sheet_that_states_no_size_are_not_counted(tmp_path: Path) -> None:
    path = tmp_path / "boxes.xlsx"
    with path.open("wb") as file:
        write_xlsx(file, [["serial"], ["SN-1"], ["SN-2"]])

    assert count_lines(path) is None


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "'=", "''+"])
def test_a_cell_that_a_spreadsheet_would_run_is_escaped(start: str) -> None:
    assert escape_cell(f"{start}1+1") == f"'{start}1+1"


@pytest.mark.parametrize("harmless", ["", "A-1", "'quoted'", "1=1"])
def test_a_harmless_cell_stays(harmless: str) -> None:
    assert escape_cell(harmless) == harmless


@given(st.text(max_size=20) | st.text("'=+-@\t\r1a", max_size=8))
def test_escaping_is_undone_exactly(value: str) -> None:
    assert unescape_cell(escape_cell(value)) == value


def test_a_row_written_as_csv_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "boxes.csv"
    row = ("x", "=1", "'=1", "-", "a,b", 'say "so"', "two\nlines", "é")
    with path.open("wb") as file:
        write_csv(file, [row])

    assert cells(path) == [row]


def test_a_row_written_as_xlsx_is_text_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "boxes.xlsx"
    with path.open("wb") as file:
        write_xlsx(file, [["serial", "notes"], ["007", "=1+1\x01"]])

    book = load_workbook(path)
    assert book.active is not None
    assert [cell.value for cell in book.active[2]] == ["007", "'=1+1"]
    book.close()
    assert cells(path)[1] == ("007", "=1+1")


@pytest.mark.parametrize("coding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_its_mark_is_read(tmp_path: Path, coding: str) -> None:
    path = tmp_path / "boxes.csv"
    path.write_bytes("serial;notes\nA;Пульт\n".encode(coding))

    assert cells(path) == [("serial", "notes"), ("A", "Пульт")]


def test_lines_are_counted_with_the_one_that_names_the_delimiter(tmp_path: Path) -> None:
    path = tmp_path / "boxes.csv"
    path.write_text("sep=;\nserial;notes\nA;b\n", encoding="utf-8")

    assert [line.number for line in read_lines(path, path.name)] == [2, 3]


def test_delimiters_in_quoted_names_of_columns_count_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "boxes.csv"
    path.write_text('serial;"a, b, c"\nA;b\n', encoding="utf-8")

    assert cells(path)[1] == ("A", "b")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"serial\n\x98\n", "neither UTF-8"),
        (b'serial,notes\nA,"' + b"x" * 200_000, "from line 2 on a cell does not end"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600, "old or a protected Excel file"),
        (b"PK\x03\x04nothing", "no whole XLSX workbook"),
        (b",".join([b"serial"] * (MAX_COLUMNS + 1)), "more than 200 columns"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_words(
    tmp_path: Path, content: bytes, why: str
) -> None:
    path = tmp_path / "boxes.csv"
    path.write_bytes(content)

    with pytest.raises(Invalid) as refusal:
        cells(path)

    assert why in str(refusal.value)


def test_empty_columns_beyond_the_last_are_no_columns(tmp_path: Path) -> None:
    path = tmp_path / "boxes.csv"
    path.write_text("serial" + "," * 300 + "\nA\n", encoding="utf-8")

    assert [row[0] for row in cells(path)] == ["serial", "A"]


def test_a_formula_without_its_result_is_marked_and_one_with_it_is_its_result(
    tmp_path: Path,
) -> None:
    path = tmp_path / "boxes.xlsx"
    book = Workbook()
    assert book.active is not None
    book.active.append(["serial", "notes"])
    book.active.append(["A", '="B"&"C"'])
    book.save(path)
    book.close()

    lost = list(read_lines(path, path.name))
    _give_result(path, b"<v></v>", b"<v>BC</v>")
    held = list(read_lines(path, path.name))

    assert [(line.cells, line.formulas) for line in lost[1:]] == [
        (("A", '="B"&"C"'), frozenset({1}))
    ]
    assert [(line.cells, line.formulas) for line in held[1:]] == [(("A", "BC"), frozenset())]


def _give_result(path: Path, before: bytes, after: bytes) -> None:
    """Write the result of a formula into a workbook, as a spreadsheet does when it saves."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            sheet = content.replace(b"<v />", b"<v></v>").replace(before, after)
            archive.writestr(name, sheet.replace(b'<c r="B2">', b'<c r="B2" t="str">'))

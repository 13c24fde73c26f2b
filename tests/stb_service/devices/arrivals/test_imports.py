"""Importing files of boxes."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from sqlalchemy import func, select

from firmware.boxes.operations import meet_unknown
from firmware.boxes.queries import tokens_of
from firmware.boxes.rules import Statement
from stb_service.devices import operations, queries
from stb_service.devices.arrivals.columns import BY_SPELLING, COLUMNS, FOUND_BY
from stb_service.devices.arrivals.imports import import_file
from stb_service.devices.identity import queries as identity
from stb_service.devices.identity.operations import Holders
from stb_service.devices.jobs import rows_of
from stb_service.devices.models import Device
from stb_service.devices.queries import DeviceFilter
from stb_service.devices.rules import Status
from stb_service.shared.access import EVERYTHING
from stb_service.shared.audit import AuditEntry
from stb_service.shared.errors import Invalid
from stb_service.shared.identifiers import Malformed
from stb_service.shared.imports.columns import read_day, read_header
from stb_service.shared.imports.reports import Report
from stb_service.shared.tables import WRITERS
from tests.stb_service.devices.conftest import Registry

GOOD = """Serial No.;Model;Rev;HW Revision;MAC Address;Made;Tenure;Tags;Dealer
sn-0001;AUR-1;;A;02-00-00-00-00-01;31.01.2024;On loan;Friendly, hotel;north
sn-0002;BOR-2;;;0200.0000.0002;2024-02-01;;;
"""
Import = Callable[..., Report]


def importer(registry: Registry, folder: Path) -> Import:
    def run(content: str | bytes = GOOD, **more: Any) -> Report:
        path = folder / "boxes.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        arguments = {"actor": registry.actor, "clock": lambda: registry.now, **more}
        return import_file(registry.db, path, name="boxes.csv", **arguments)

    return run


@pytest.fixture
def load(registry: Registry, tmp_path: Path) -> Import:
    return importer(registry, tmp_path)


@pytest.fixture
def load_one(one: Registry, tmp_path: Path) -> Import:
    return importer(one, tmp_path)


def counts(report: Report) -> tuple[int, int, int, int]:
    return report.created, report.changed, report.unchanged, report.refused


def remarks(report: Report) -> list[tuple[int, str, str]]:
    return [(remark.line, remark.column, str(remark.reason)) for remark in report.remarks]


def boxes(registry: Registry) -> list[Device]:
    found: list[Device] = registry.ask(
        queries.devices_after, DeviceFilter(), EVERYTHING, after_id=0, limit=1000
    )
    return found


def test_a_file_registers_its_boxes(registry: Registry, load: Import) -> None:
    report = load()

    first, second = boxes(registry)
    assert counts(report) == (2, 0, 0, 0)
    assert (first.serial, first.mac_ethernet, first.made_on) == (
        "SN-0001",
        "02:00:00:00:00:01",
        date(2024, 1, 31),
    )
    assert (first.tenure, first.tag_names, first.seller and first.seller.code) == (
        "on_loan",
        ["friendly", "hotel"],
        "north",
    )
    assert (second.model_code, second.maker) == ("BOR-2", "Boreal")
    assert report.unknown_columns == ("Rev",)


def test_the_same_file_twice_changes_nothing(registry: Registry, load: Import) -> None:
    load()
    before = registry.ask(lambda s: s.scalar(select(func.max(AuditEntry.id))))

    report = load()

    assert counts(report) == (0, 0, 2, 0)
    assert registry.ask(lambda s: s.scalar(select(func.max(AuditEntry.id)))) == before


def test_a_dry_run_says_the_same_and_keeps_nothing(registry: Registry, load: Import) -> None:
    report = load(dry_run=True)

    assert counts(report) == (2, 0, 0, 0)
    assert boxes(registry) == []


def test_good_rows_are_kept_and_refused_ones_reported_with_line_and_column(
    registry: Registry, load: Import
) -> None:
    report = load(
        "serial,model,mac,sold\n"
        "SN-1,AUR-1,020000000001,2024-01-31\n"
        "SN-2,NONE,020000000002,\n"
        "SN-3,AUR-1,0200000000,31/12/24\n"
        ",AUR-1,020000000004,\n"
        "SN-5,AUR-1,020000000005,,surplus\n"
    )

    assert [box.serial for box in boxes(registry)] == ["SN-1"]
    assert counts(report) == (1, 0, 0, 4)
    assert remarks(report) == [
        (3, "model", "There is no model NONE."),
        (4, "sold_on", "No date; write it as 2026-03-31."),
        (4, "mac_ethernet", "A MAC has 12 hexadecimal digits; this has 10."),
        (5, "serial", "A box that is new needs this."),
        (6, "", "More cells than the first line has columns."),
    ]


def test_a_needed_column_that_the_file_lacks_is_named(one: Registry, load_one: Import) -> None:
    report = load_one("serial;mac\nSN-1;020000000001\n")

    why = "A box that is new needs this, and the file has no such column."
    assert remarks(report) == [(2, "model", why)]


@pytest.mark.parametrize("chunk", [1, 500])
def test_a_row_that_names_less_finds_the_box_of_a_row_before_it(
    one: Registry, load_one: Import, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr("stb_service.shared.imports.rows.CHUNK", chunk)

    report = load_one("serial,model,batch\nSN-1,AUR-1,\nSN-1,,B1\n")

    assert counts(report) == (1, 1, 0, 0)


@pytest.mark.parametrize(
    ("row", "column", "why"),
    [
        ("#N/A,AUR-1,", "serial", "The spreadsheet shows an error here."),
        (
            "6.20E+14,AUR-1,",
            "serial",
            "The spreadsheet shortened this number; format the column as text.",
        ),
        ('SN-1,AUR-1,"two\nlines"', "batch", "Control characters do not belong here."),
    ],
)
def test_what_a_spreadsheet_did_to_a_cell_is_told_at_its_line_and_column(
    one: Registry, load_one: Import, row: str, column: str, why: str
) -> None:
    report = load_one(f'serial,model,batch,notes\nSN-0,AUR-1,,"two\nlines"\n{row}\n')

    assert counts(report) == (1, 0, 0, 1)
    assert remarks(report) == [(4, column, why)]


def test_a_formula_without_its_result_is_refused_at_its_cell(
    one: Registry, load_one: Import, tmp_path: Path
) -> None:
    path = tmp_path / "boxes.xlsx"
    book = Workbook()
    assert book.active is not None
    book.active.append(["serial", "model"])
    book.active.append(['="SN-"&1', "AUR-1"])
    book.save(path)
    book.close()

    report = load_one(path.read_bytes())

    why = "A formula whose result is not in the file; put the value in its place."
    assert remarks(report) == [(2, "serial", why)]
    assert report.remarks[0].value == '="SN-"&1'


def test_a_token_shown_before_the_box_was_imported_is_not_accepted(
    registry: Registry, load: Import
) -> None:
    with registry.db.write() as session:
        waiting = meet_unknown(
            session,
            controller_id="SN-0001",
            statement=Statement(at=registry.now, wire="ddi"),
            token="a-token-of-the-stranger",
            registers=False,
            now=registry.now,
        )
    assert waiting is not None

    load()

    assert boxes(registry)[0].public_id == waiting.uid
    assert registry.ask(tokens_of, waiting) == []


def test_a_mac_that_another_box_holds_is_refused_and_listed_for_review(
    registry: Registry, load: Import
) -> None:
    registry.box("SN-0", mac_ethernet="02:00:00:00:00:01")

    report = load("serial,model,mac\nSN-1,AUR-1,020000000001\n")

    assert remarks(report) == [
        (2, "mac_ethernet", "Ethernet MAC 02:00:00:00:00:01 is held by box SN-0 AUR-1.")
    ]
    (dispute,) = registry.ask(identity.disputes_page, EVERYTHING, cursor=None, limit=9).rows
    assert (dispute.source, dispute.place, dispute.claimant) == ("import", "boxes.csv, 2", "SN-1")


def test_of_two_rows_with_one_mac_the_first_is_kept(one: Registry, load_one: Import) -> None:
    report = load_one("serial,model,mac\nSN-1,AUR-1,020000000001\nSN-2,AUR-1,020000000001\n")

    assert [box.serial for box in boxes(one)] == ["SN-1"]
    assert remarks(report) == [
        (3, "mac_ethernet", "Ethernet MAC 02:00:00:00:00:01 is held by box SN-1 AUR-1.")
    ]


def test_two_rows_about_one_box_add_to_each_other(one: Registry, load_one: Import) -> None:
    report = load_one("serial,model,batch,tags\nSN-1,AUR-1,B1,\nSN-1,AUR-1,B1,vip\n")

    assert counts(report) == (1, 1, 0, 0)
    assert [(box.batch, box.tag_names) for box in boxes(one)] == [("B1", ["vip"])]


@pytest.mark.parametrize("chunk", [1, 500])
@pytest.mark.parametrize("dry_run", [True, False])
def test_of_two_rows_that_contradict_each_other_the_first_counts(
    one: Registry, load_one: Import, monkeypatch: pytest.MonkeyPatch, chunk: int, dry_run: bool
) -> None:
    monkeypatch.setattr("stb_service.shared.imports.rows.CHUNK", chunk)

    report = load_one("serial,model,batch\nSN-1,AUR-1,B1\nSN-1,AUR-1,B2\n", dry_run=dry_run)

    assert counts(report) == (1, 0, 0, 1)
    assert remarks(report) == [(3, "batch", "Line 2 of this file says otherwise of this box.")]


def test_a_mac_that_a_row_gives_up_is_free_for_the_next(one: Registry, load_one: Import) -> None:
    one.box("SN-1", external_id="e1", mac_ethernet="02:00:00:00:00:01")

    report = load_one("external_id,serial,model,mac\ne1,,,020000000002\n,SN-2,AUR-1,020000000001\n")

    assert counts(report) == (1, 1, 0, 0)


def some_file(seed: int) -> str:
    """Rows about few boxes, so that they repeat, contradict and claim from each other."""
    chance = random.Random(seed)
    lines = ["external_id,serial,model,mac,batch,status,tags"]
    for _ in range(12):
        cells = (
            chance.choice(("", "", "e1", "e2")),
            chance.choice(("", "SN-1", "SN-2", "SN-3", "SN-4")),
            chance.choice(("AUR-1", "AUR-1", "BOR-2", "")),
            chance.choice(("", "020000000001", "020000000002", "020000000003")),
            chance.choice(("", "B1", "B2")),
            chance.choice(("", "", "sold", "scrapped")),
            chance.choice(("", "vip")),
        )
        lines.append(",".join(cells))
    return "\n".join(lines)


@pytest.mark.parametrize("seed", range(20))
def test_a_trial_says_what_the_import_does_and_the_same_file_twice_changes_nothing(
    one: Registry, load_one: Import, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr("stb_service.shared.imports.rows.CHUNK", 2)
    one.box("SN-1", external_id="e1", mac_ethernet="02:00:00:00:00:03")
    content = some_file(seed)

    trial = load_one(content, dry_run=True)
    done = load_one(content)

    assert (counts(trial), remarks(trial)) == (counts(done), remarks(done))


def test_a_row_changes_only_what_it_says(registry: Registry, load: Import) -> None:
    registry.box("SN-1", batch="B1", mac_ethernet="02:00:00:00:00:01", tags=["x"], notes="n")

    report = load("serial,model,batch,mac,tags,notes\nSN-1,AUR-1,B2,,,\n")

    (box,) = boxes(registry)
    assert counts(report) == (0, 1, 0, 0)
    assert (box.batch, box.mac_ethernet, box.tag_names, box.notes) == (
        "B2",
        "02:00:00:00:00:01",
        ["x"],
        "n",
    )


def test_a_row_finds_its_box_by_external_id_and_may_correct_its_serial(
    one: Registry, load_one: Import
) -> None:
    one.box("SN-1", external_id="crm-1")

    report = load_one("external_id,serial\ncrm-1,SN-2\n")

    assert counts(report) == (0, 1, 0, 0)
    assert [box.serial for box in boxes(one)] == ["SN-2"]


def test_a_serial_alone_finds_the_box_where_only_one_maker_gave_it(
    one: Registry, load_one: Import
) -> None:
    one.box("SN-1", model="AUR-1")
    one.box("SN-2", model="AUR-1")
    one.box("SN-2", model="BOR-2")

    report = load_one("serial,batch\nSN-1,B1\nSN-2,B2\n")

    assert [box.batch for box in boxes(one)] == ["B1", "", ""]
    assert counts(report) == (0, 1, 0, 1)


def test_status_and_custody_go_by_their_verbs(registry: Registry, load: Import) -> None:
    registry.box("SN-1")
    registry.box("SN-2")

    report = load("serial,status,custodian\nSN-1,sold,north\nSN-2,replaced,north\n")

    first, second = boxes(registry)
    assert (first.status, first.custodian and first.custodian.code) == ("sold", "north")
    assert (second.status, second.custodian) == ("in_stock", None)
    assert remarks(report) == [(3, "status", "A box goes from In stock to Replaced by no step.")]


def test_an_old_file_does_not_bring_a_scrapped_box_back(one: Registry, load_one: Import) -> None:
    load_one()
    one.do(operations.change_status, status=Status.SCRAPPED, uid=boxes(one)[0].public_id)

    report = load_one()

    assert counts(report) == (0, 0, 2, 0)
    assert len(boxes(one)) == 2


def test_a_chunk_that_fails_as_a_whole_is_taken_row_by_row(
    registry: Registry, load: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody registers a box between the look-up and the writing: the constraint speaks."""
    registry.box("SN-2", mac_ethernet="02:00:00:00:00:02")
    blind = staticmethod(lambda _session, _identities: Holders())
    monkeypatch.setattr(Holders, "of", blind)

    report = load(
        "serial,model,mac\nSN-1,AUR-1,020000000001\nSN-3,AUR-1,020000000002\nSN-4,AUR-1,\n"
    )

    assert [box.serial for box in boxes(registry)] == ["SN-2", "SN-1", "SN-4"]
    assert remarks(report) == [(3, "serial", "Someone else registered it at the same moment.")]


def test_rows_of_several_chunks_meet_each_other(
    one: Registry, load_one: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stb_service.shared.imports.rows.CHUNK", 2)
    told: list[tuple[int, int | None]] = []
    rows = "".join(f"SN-{n},AUR-1,0200000000{n % 4:02}\n" for n in range(6))

    report = load_one(
        "serial,model,mac\n" + rows, progress=lambda done, total: told.append((done, total))
    )

    assert counts(report) == (4, 0, 0, 2)
    assert told == [(2, 6), (4, 6), (6, 6)]
    assert len(boxes(one)) == 4


def test_a_dry_run_of_several_chunks_refuses_what_the_import_would(
    one: Registry, load_one: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stb_service.shared.imports.rows.CHUNK", 1)

    report = load_one(
        "serial,model,mac\nSN-1,AUR-1,020000000001\nSN-2,AUR-1,020000000001\n", dry_run=True
    )

    assert counts(report) == (1, 0, 0, 1)
    assert remarks(report) == [
        (3, "mac_ethernet", "Ethernet MAC 02:00:00:00:00:01 is held by box SN-1 AUR-1.")
    ]


def test_a_prefix_of_another_maker_is_a_warning_and_the_row_is_kept(
    one: Registry, load_one: Import
) -> None:
    report = load_one("serial,model,mac\nSN-1,AUR-1,10:27:BE:00:00:01\n")

    assert counts(report) == (1, 0, 0, 0)
    assert [remark.severity for remark in report.remarks] == ["warning"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "empty"),
        ("model,batch\nAUR-1,B1\n", "names no column"),
        ("serial,SN,model\n1,2,3\n", "stands there twice"),
        ("serial,model\n", "no rows below"),
        ("\ufeffserial;model\r\n\r\n", "no rows below"),
    ],
)
def test_a_file_that_names_no_boxes_is_refused_as_a_whole(
    load_one: Import, content: str, why: str
) -> None:
    with pytest.raises(Invalid, match=why):
        load_one(content)


def test_a_sheet_is_imported_like_a_text(one: Registry, load_one: Import, tmp_path: Path) -> None:
    path = tmp_path / "boxes.xlsx"
    book = Workbook()
    assert book.active is not None
    book.active.append(["serial", "model", "made"])
    book.active.append([62014, "AUR-1", date(2024, 1, 31)])
    book.save(path)
    book.close()

    report = load_one(path.read_bytes())

    (box,) = boxes(one)
    assert counts(report) == (1, 0, 0, 0)
    assert (box.serial, box.made_on) == ("62014", date(2024, 1, 31))


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_what_was_exported_imports_again_without_a_change(
    one: Registry, load_one: Import, tmp_path: Path, form: str
) -> None:
    one.box(
        "=SN-1",
        revision="B",
        mac_ethernet="02:00:00:00:00:01",
        made_on=date(2024, 1, 31),
        seller="north",
        custodian="south",
        tenure="rented",
        tags=["a", "b"],
        notes="-1 'quoted'",
        external_id="@1",
    )
    one.do(operations.change_status, status=Status.SCRAPPED, uid=one.box("SN-2").public_id)
    path = tmp_path / f"export.{form}"
    with path.open("wb") as file:
        WRITERS[form](file, rows_of(one.db, DeviceFilter(), EVERYTHING, lambda _done: None))

    report = load_one(path.read_bytes())

    assert counts(report) == (0, 0, 2, 0)
    assert remarks(report) == []


def test_a_dealers_import_does_not_reach_a_foreign_box(one: Registry, load_one: Import) -> None:
    one.box("SN-1", seller="north", batch="B1")

    report = load_one("serial,model,batch\nSN-1,AUR-1,B2\n", actor=one.dealer("south"))

    assert [box.batch for box in boxes(one)] == ["B1"]
    assert remarks(report) == [(2, "serial", "Serial SN-1 is held by another box.")]


@pytest.mark.parametrize(
    ("typed", "day"),
    [
        ("2024-01-31", date(2024, 1, 31)),
        ("2024-01-31T00:00:00", date(2024, 1, 31)),
        ("31.01.2024", date(2024, 1, 31)),
        ("1.2.2024", date(2024, 2, 1)),
        ("31/01/2024", date(2024, 1, 31)),
        ("01/31/2024", date(2024, 1, 31)),
        ("05/05/2024", date(2024, 5, 5)),
    ],
)
def test_a_day_is_read_in_usual_notations(typed: str, day: date) -> None:
    assert read_day(typed) == day


@pytest.mark.parametrize("typed", ["05/06/2024", "2024-13-01", "30.02.2024", "soon", "45321"])
def test_a_day_that_is_none_or_could_be_two_is_refused(typed: str) -> None:
    with pytest.raises(Malformed):
        read_day(typed)


SPELLINGS = [(c.name, spelling) for c in COLUMNS for spelling in (c.name, *c.spellings)]


@pytest.mark.parametrize(("name", "spelling"), SPELLINGS)
def test_every_spelling_of_a_header_is_understood(name: str, spelling: str) -> None:
    assert BY_SPELLING[spelling.replace("_", "")].name == name


def test_a_header_is_read_whatever_its_case_and_spaces() -> None:
    header = read_header(["", "Serial  Number", "Wi-Fi MAC", "Colour"], BY_SPELLING, by=FOUND_BY)

    assert {place: column.name for place, column in header.places.items()} == {
        1: "serial",
        2: "mac_wifi",
    }
    assert header.unknown == ("Colour",)


# --- encodings ------------------------------------------------------------------------------------


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize(
    ("content", "encoding", "warnings"),
    [
        ("notes,serial,model\nAcmé,SN-1,AUR-1\n".encode("windows-1252"), "auto", 1),
        ("notes,serial,model\nAcmé,SN-1,AUR-1\n".encode("windows-1252"), "windows-1252", 0),
        ("notes,serial,model\nAcmé,SN-1,AUR-1\n".encode(), "auto", 0),
    ],
)
def test_the_report_says_that_the_encoding_was_guessed(
    one: Registry, tmp_path: Path, content: bytes, encoding: str, warnings: int, dry_run: bool
) -> None:
    report = importer(one, tmp_path)(content, encoding=encoding, dry_run=dry_run)

    guessed = [row for row in report.table() if "it was read as Windows-1251" in row[-1]]
    assert [(row[0], row[2]) for row in guessed] == [("1", "warning")] * warnings
    assert (report.created, report.refused) == (1, 0)
    assert report.figures()["warnings"] >= warnings

"""Files of parts and of stock: taken as a whole, tried first, counted once; on both databases."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from openpyxl import Workbook
from sqlalchemy import func, select

from stb_service.cli import main
from stb_service.parts.arrivals.jobs import HANDLERS
from stb_service.parts.arrivals.parts import import_parts
from stb_service.parts.arrivals.stock import import_stock
from stb_service.parts.catalogue.queries import find_part
from stb_service.parts.counts import operations as counts
from stb_service.parts.models import CountLine, Part, StockCount, StockMove
from stb_service.shared import jobs
from stb_service.shared.access import SYSTEM
from stb_service.shared.audit import AuditEntry
from stb_service.shared.errors import Invalid
from stb_service.shared.files import FileStore
from stb_service.shared.imports.reports import Report
from tests.conftest import NOW, csrf_of
from tests.stb_service.parts.conftest import BOX, MAIN, PSU, QUARANTINE, REMOTE, SUPPLIER, Stock

PARTS = "part number,name,kind,models,component,currency,ean,pack,active"
FAN = "FAN-1,Fan,part,AUR-1 x2; BOR-2,other,EUR,5901234123457,10,yes"
WHOLE = "BOX-BOR-2,Boreal Two,box,BOR-2,,EUR,,,"
STOCK = "sku,place,condition,qty,cost"
ROW = f"{PSU},{MAIN},new,12,2.50"


def states(pieces: object) -> str:
    """Return the row with another number of pieces."""
    return ROW.replace(",12,", f",{pieces},")


def bring(stock: Stock, folder: Path, take: Callable[..., Report], *lines: str, **more: Any) -> Any:
    path = folder / "file.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    more = {"actor": stock.actor, "clock": lambda: NOW, "name": path.name, **more}
    return take(stock.db, path, **more)


def figures(report: Report) -> tuple[int, int, int, int]:
    return report.created, report.changed, report.unchanged, report.refused


def wrong(report: Report) -> list[tuple[int, str]]:
    return [(remark.line, remark.column) for remark in report.remarks]


def part(stock: Stock, sku: str) -> Part | None:
    with stock.db.read() as session:
        return find_part(session, sku)


def count(stock: Stock, model: Any) -> int:
    with stock.db.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


# --- parts ---------------------------------------------------------------------------------------


def test_parts_come_with_what_they_fit(stock: Stock, tmp_path: Path) -> None:
    report = bring(stock, tmp_path, import_parts, PARTS, FAN, WHOLE)

    fan, box = part(stock, "FAN-1"), part(stock, "BOX-BOR-2")
    assert figures(report) == (2, 0, 0, 0)
    assert fan is not None
    assert box is not None
    assert {fit.model_code: fit.quantity for fit in fan.fits} == {"AUR-1": 2, "BOR-2": 1}
    assert (fan.ean, fan.pack_size, fan.component) == ("5901234123457", 10, "other")
    assert (box.is_box, box.model_code) == (True, "BOR-2")


def test_the_same_parts_twice_change_nothing(stock: Stock, tmp_path: Path) -> None:
    bring(stock, tmp_path, import_parts, PARTS, FAN, WHOLE)
    before = count(stock, AuditEntry)

    report = bring(stock, tmp_path, import_parts, PARTS, FAN, WHOLE)

    assert figures(report) == (0, 0, 2, 0)
    assert count(stock, AuditEntry) == before


def test_a_row_changes_only_what_it_says_of_a_part(stock: Stock, tmp_path: Path) -> None:
    bring(stock, tmp_path, import_parts, PARTS, FAN)

    report = bring(stock, tmp_path, import_parts, "ean,active", "590-1234-123457,no")

    after = part(stock, "FAN-1")
    assert figures(report) == (0, 1, 0, 0)
    assert after is not None
    assert (after.is_active, after.name, len(after.fits)) == (False, "Fan", 2)


@pytest.mark.parametrize("chunk", [1, 500])
def test_a_trial_of_parts_says_the_same_and_keeps_nothing(
    stock: Stock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr("stb_service.shared.imports.rows.CHUNK", chunk)
    lines = (
        "sku,name,currency,replaces",
        "FAN-1,Fan,EUR,",
        f"{REMOTE},Remote control,EUR,FAN-1",
        "FAN-2,Fan,EUR,FAN-1",
        "FAN-3,Fan,EUR,FAN-9",
        "FAN-1,Other fan,EUR,",
    )

    trial = bring(stock, tmp_path, import_parts, *lines, dry_run=True)
    kept = part(stock, "FAN-1")
    real = bring(stock, tmp_path, import_parts, *lines)

    assert kept is None
    assert figures(trial) == figures(real) == (2, 1, 0, 2)
    assert wrong(trial) == wrong(real) == [(5, "supersedes"), (6, "sku")]


@pytest.mark.parametrize(
    ("head", "row", "column"),
    [
        (PARTS, FAN.replace("EUR", "EUX"), "currency"),
        (PARTS, FAN.replace("part,", "crate,"), "kind"),
        (PARTS, FAN.replace("BOR-2", "ZZZ-9"), "models"),
        (PARTS, FAN.replace("x2", "x0"), "models"),
        (PARTS, FAN.replace("other", "engine"), "component"),
        (PARTS, FAN.replace("123457", "123458"), "ean"),
        (PARTS, FAN.replace("5901234123457", "4006381333931"), "ean"),
        (PARTS, FAN.replace(",10,", ",0,"), "pack_size"),
        (PARTS, FAN.replace(",yes", ",perhaps"), "is_active"),
        (PARTS, FAN.replace(",Fan,", ",,"), "name"),
        (PARTS, FAN.replace(",Fan,", f",{'x' * 129},"), "name"),
        (PARTS, WHOLE.replace("box,BOR-2", "box,"), "models"),
        (PARTS, WHOLE.replace("box,BOR-2", "box,AUR-1"), "models"),
        ("sku,kind", f"{PSU},box", "kind"),
        ("sku,models", f"{BOX},BOR-2", "models"),
        ("ean,name", "5901234123457,Fan", "ean"),
        ("name,sku", "Fan,1.5E+12", "sku"),
    ],
)
def test_a_part_that_cannot_be_taken_is_reported_by_its_column(
    one: Stock, tmp_path: Path, head: str, row: str, column: str
) -> None:
    before = count(one, Part)

    report = bring(one, tmp_path, import_parts, head, row)

    assert figures(report) == (0, 0, 0, 1)
    assert wrong(report) == [(2, column)]
    assert count(one, Part) == before


def test_the_currency_of_a_part_with_stock_stays(one: Stock, tmp_path: Path) -> None:
    one.receive(1)

    report = bring(one, tmp_path, import_parts, "sku,currency", f"{PSU},USD")

    assert figures(report) == (0, 0, 0, 1)
    assert "EUR" in str(report.remarks[0].reason)


# --- stock ---------------------------------------------------------------------------------------


def test_opening_stock_is_entered_as_a_count(stock: Stock, tmp_path: Path) -> None:
    report = bring(stock, tmp_path, import_stock, STOCK, ROW, f"{REMOTE},{QUARANTINE},defective,3,")

    assert figures(report) == (2, 0, 0, 0)
    assert stock.balance().value_minor == 12 * 250
    assert stock.numbers() == (12, 0)
    assert stock.numbers(QUARANTINE, REMOTE, "defective") == (3, 0)
    with stock.db.read() as session:
        sheets = session.scalars(select(StockCount)).all()
        kinds = set(session.scalars(select(StockMove.kind)))
    assert {sheet.state for sheet in sheets} == {"closed"}
    assert kinds == {"count"}


def test_the_same_stock_twice_changes_nothing_whatever_has_moved_since(
    stock: Stock, tmp_path: Path
) -> None:
    bring(stock, tmp_path, import_stock, STOCK, ROW)
    stock.move(QUARANTINE, 5)
    before = count(stock, StockMove), count(stock, AuditEntry)

    report = bring(stock, tmp_path, import_stock, STOCK, ROW)

    assert figures(report) == (0, 0, 1, 0)
    assert stock.numbers() == (7, 0)
    assert (count(stock, StockMove), count(stock, AuditEntry)) == before


def test_stock_that_was_received_is_not_counted_twice(stock: Stock, tmp_path: Path) -> None:
    stock.receive(10)

    first = bring(stock, tmp_path, import_stock, STOCK, ROW)
    second = bring(stock, tmp_path, import_stock, STOCK, ROW, f"{REMOTE},{MAIN},new,1,")

    assert figures(first) == (0, 1, 0, 0)
    assert figures(second) == (1, 0, 1, 0)
    assert stock.numbers() == (12, 0)
    assert stock.balance().value_minor == 10 * 100 + 2 * 250


def test_a_later_file_corrects_in_both_directions(stock: Stock, tmp_path: Path) -> None:
    bring(stock, tmp_path, import_stock, STOCK, ROW)

    less = bring(stock, tmp_path, import_stock, STOCK, states("9"))
    none = bring(stock, tmp_path, import_stock, STOCK, states("0"))

    assert figures(less) == figures(none) == (0, 1, 0, 0)
    assert (stock.numbers(), stock.balance().value_minor) == ((0, 0), 0)


def test_a_row_counts_once_by_its_id_in_whatever_file_it_comes(
    stock: Stock, tmp_path: Path
) -> None:
    bring(stock, tmp_path, import_stock, f"id,{STOCK}", f"erp-1,{ROW}")
    stock.move(QUARANTINE, 5)

    again = bring(stock, tmp_path, import_stock, f"{STOCK},id", f"{ROW},erp-1")
    other = bring(stock, tmp_path, import_stock, f"{STOCK},id", f"{states('8')},erp-1")
    new = bring(stock, tmp_path, import_stock, f"{STOCK},id", f"{states('8')},erp-2")

    assert (figures(again), figures(new)) == ((0, 0, 1, 0), (0, 1, 0, 0))
    assert wrong(other) == [(2, "external_id")]
    assert stock.numbers() == (8, 0)


@pytest.mark.parametrize("chunk", [1, 500])
def test_a_trial_of_stock_says_the_same_and_keeps_nothing(
    stock: Stock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr("stb_service.shared.imports.rows.CHUNK", chunk)
    lines = (STOCK, ROW, f"{REMOTE},{MAIN},new,4,1", ROW, states("13"))

    trial = bring(stock, tmp_path, import_stock, *lines, dry_run=True)
    kept = count(stock, StockMove) + count(stock, CountLine)
    real = bring(stock, tmp_path, import_stock, *lines)

    assert kept == 0
    assert figures(trial) == figures(real) == (2, 0, 1, 1)
    assert wrong(trial) == wrong(real) == [(5, "part")]
    assert stock.numbers() == (12, 0)


def test_one_stock_under_two_names_counts_once(stock: Stock, tmp_path: Path) -> None:
    report = bring(stock, tmp_path, import_stock, STOCK, ROW, ROW.replace(PSU, "4006381333931"))

    assert figures(report) == (1, 0, 1, 0)
    assert stock.numbers() == (12, 0)


def test_what_is_reserved_is_not_counted_away(stock: Stock, tmp_path: Path) -> None:
    bring(stock, tmp_path, import_stock, STOCK, ROW)
    stock.reserve(10)

    report = bring(stock, tmp_path, import_stock, STOCK, states("9"))

    assert figures(report) == (0, 0, 0, 1)
    assert "reserved" in str(report.remarks[0].reason)
    assert stock.numbers() == (12, 10)
    assert count(stock, CountLine) == 1


@pytest.mark.parametrize(
    ("head", "row", "column"),
    [
        (STOCK, ROW.replace(PSU, "NO-SUCH"), "part"),
        (STOCK, ROW.replace(PSU, BOX), "part"),
        ("serial,place", f"NO-SUCH,{MAIN}", "box"),
        ("serial,place", f"SN-0001,{SUPPLIER}", "location"),
        ("serial,place,qty", f"SN-0001,{MAIN},2", "quantity"),
        ("serial,place,part", f"SN-0001,{MAIN},{PSU}", "part"),
        ("serial,cost", "SN-0001,12.50", "location"),
        (STOCK, ROW.replace(MAIN, "NOWHERE"), "location"),
        (STOCK, ROW.replace(MAIN, SUPPLIER), "location"),
        (STOCK, ROW.replace("new", "shiny"), "condition"),
        (STOCK, states("-1"), "quantity"),
        (STOCK, states("1.5"), "quantity"),
        (STOCK, states("1000001"), "quantity"),
        (STOCK, states(""), "quantity"),
        (STOCK, ROW.replace("2.50", "cheap"), "unit_cost"),
        (STOCK, ROW.replace("2.50", "2.505"), "unit_cost"),
        (STOCK, ROW.replace("2.50", "9999999999"), "unit_cost"),
        ("sku,qty", f"{PSU},5", "location"),
    ],
)
def test_stock_that_cannot_be_taken_is_reported_by_its_column(
    one: Stock, tmp_path: Path, head: str, row: str, column: str
) -> None:
    one.box("SN-0001")
    report = bring(one, tmp_path, import_stock, head, row)

    assert figures(report) == (0, 0, 0, 1)
    assert wrong(report) == [(2, column)]
    assert count(one, StockMove) == count(one, CountLine) == 0


@pytest.mark.parametrize("take", [import_parts, import_stock])
@pytest.mark.parametrize("lines", [("",), (STOCK,), ("colour,size", "red,1"), ("sku,sku", "1,2")])
def test_what_is_no_such_file_is_refused_as_a_whole(
    one: Stock, tmp_path: Path, take: Callable[..., Report], lines: tuple[str, ...]
) -> None:
    with pytest.raises(Invalid):
        bring(one, tmp_path, take, *lines)


def test_a_workbook_is_read_too(one: Stock, tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (STOCK.split(","), [PSU, MAIN, "new", 12.0, 2.5]):
        sheet.append(row)
    path = tmp_path / "stock.xlsx"
    book.save(path)

    report = import_stock(one.db, path, name=path.name, actor=one.actor, clock=lambda: NOW)

    assert figures(report) == (1, 0, 0, 0), report.remarks
    assert one.balance().value_minor == 12 * 250


def test_a_sheet_shows_what_a_file_stated(client: FlaskClient, one: Stock, tmp_path: Path) -> None:
    bring(one, tmp_path, import_stock, STOCK, ROW, f"{REMOTE},{MAIN},new,4,1")
    with one.db.read() as session:
        (sheet,) = session.scalars(select(StockCount)).all()

    page = client.get(f"/stock/counts/{sheet.public_id}")

    assert page.status_code == 200
    assert all(word in page.text for word in (PSU, REMOTE, "file.csv"))


def test_a_place_that_is_being_counted_takes_statements_too(one: Stock, tmp_path: Path) -> None:
    one.receive(10)
    sheet = one.do(counts.open_count, location=MAIN)
    one.do(counts.count_part, ref=sheet.public_id, part=PSU, counted=9)
    bring(one, tmp_path, import_stock, STOCK, ROW)

    one.do(counts.close_count, ref=sheet.public_id)

    assert one.numbers() == (11, 0)


# --- pages, API, command line --------------------------------------------------------------------


def work_off(stock: Stock, settings: Any) -> None:
    """Do what waits, as the worker would."""
    files = FileStore(settings.files_dir)
    with stock.db.read() as session:
        waiting = jobs.waiting(session, now=NOW)
    for job_id in waiting:
        jobs.run(stock.db, files, HANDLERS, job_id, clock=lambda: NOW, actor_of=lambda *_: SYSTEM)


@pytest.mark.parametrize(
    ("address", "lines", "words"),
    [
        ("/parts", (PARTS, FAN, "FAN-2,,part,,,,,,"), "A part that is new needs this."),
        ("/stock", (STOCK, ROW, f"{PSU},NOWHERE,new,1,"), "There is no such place."),
    ],
)
def test_a_file_is_tried_and_then_imported_on_the_pages(
    client: FlaskClient,
    one: Stock,
    settings: Any,
    address: str,
    lines: tuple[str, ...],
    words: str,
) -> None:
    token = csrf_of(client.get(f"{address}/import").text)
    sent = {
        "csrf_token": token,
        "dry_run": "true",
        "file": (io.BytesIO("\n".join(lines).encode()), "some.csv"),
    }
    tried = client.post(f"{address}/import", data=sent, content_type="multipart/form-data")
    work_off(one, settings)
    page = client.get(tried.headers["Location"]).text
    again = client.post(f"{tried.headers['Location']}/import", data={"csrf_token": token})
    work_off(one, settings)
    done = client.get(f"{again.headers['Location']}/progress").text
    with client.get(f"{again.headers['Location']}/file") as file:
        report = file.get_data(as_text=True)

    assert "This was a trial" in page
    assert words in page
    assert "severity" in report
    assert "New " in done


@pytest.mark.parametrize(
    ("address", "text"), [("/parts", f"{PARTS}\n{FAN}"), ("/stock", f"{STOCK}\n{ROW}")]
)
def test_the_api_takes_files(api: Any, one: Stock, settings: Any, address: str, text: str) -> None:
    sent = {"file": (io.BytesIO(text.encode()), "some.csv"), "dry_run": "true"}
    started = api("POST", f"{address}/imports", data=sent, content_type="multipart/form-data")
    again = api("POST", f"{address}/imports/{started.get_json()['id']}/import")
    work_off(one, settings)

    assert (started.status_code, again.status_code) == (202, 202)
    assert api("GET", f"/jobs/{again.get_json()['id']}").get_json()["result"]["created"] == 1
    assert api("POST", f"{address}/imports/nothing/import").status_code == 404


def test_the_command_line_takes_parts_and_then_stock(one: Stock, tmp_path: Path) -> None:
    parts, stock = tmp_path / "parts.csv", tmp_path / "stock.csv"
    parts.write_text(f"{PARTS}\n{FAN}", encoding="utf-8")
    stock.write_text(f"{STOCK}\nFAN-1,{MAIN},new,7,", encoding="utf-8")
    address = one.db.engine.url.render_as_string(hide_password=False)
    environ = {"STB_HOME": str(tmp_path), "STB_DATABASE_URL": address}
    run = CliRunner().invoke

    first = run(main, ["import", "parts", str(parts)], env=environ)
    second = run(main, ["import", "stock", str(stock)], env=environ)

    assert (first.exit_code, second.exit_code) == (0, 0), first.output + second.output
    assert one.numbers(MAIN, "FAN-1") == (7, 0)

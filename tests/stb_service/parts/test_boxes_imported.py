"""Whole boxes that come into stock by a file: by serial, at a place, each statement once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stb_service.devices.holdings.operations import give_to_account
from stb_service.devices.models import Device
from stb_service.devices.operations import change_status
from stb_service.parts.arrivals.stock import import_stock
from stb_service.parts.moves.queries import last_place_of
from stb_service.shared.access import EVERYTHING
from stb_service.shared.errors import Obstacle
from stb_service.shared.i18n import text
from stb_service.subscribers.operations import create_account
from tests.stb_service.parts.conftest import BOX, MAIN, NORTH, QUARANTINE, VAN, Stock
from tests.stb_service.parts.test_imports import bring, figures, wrong

HEAD = "serial,place,condition,cost"


def taken(stock: Stock, folder: Path, *rows: str, head: str = HEAD, **more: Any) -> Any:
    """Import rows about boxes."""
    return bring(stock, folder, import_stock, head, *rows, **more)


def stands(stock: Stock, serial: str = "SN-0001") -> tuple[str, str] | None:
    """Return where a box stands, and in which condition."""

    def ask(session: Any) -> tuple[str, str] | None:
        box = session.query(Device).filter_by(serial=serial).one()
        last = last_place_of(session, box, EVERYTHING)
        return (last.position.location.code, last.position.condition) if last else None

    found: tuple[str, str] | None = stock.ask(ask)
    return found


def test_boxes_come_into_stock_by_a_file_and_never_twice(stock: Stock, tmp_path: Path) -> None:
    stock.box("SN-0001")
    stock.box("SN-0002")
    rows = (f"SN-0001,{MAIN},,90.00", f"SN-0002,{VAN},refurbished,40.00")

    trial = taken(stock, tmp_path, *rows, dry_run=True)
    first = taken(stock, tmp_path, *rows)
    stock.move(QUARANTINE, device=stock.ask(uid_of))
    again = taken(stock, tmp_path, *rows)

    assert figures(trial) == figures(first) == (2, 0, 0, 0)
    assert figures(again) == (0, 0, 2, 0)
    assert stands(stock) == (QUARANTINE, "new")
    assert stands(stock, "SN-0002") == (VAN, "refurbished")
    assert stock.balance(QUARANTINE, BOX).value_minor == 9_000
    assert stock.balance(VAN, BOX, "refurbished").value_minor == 4_000


def uid_of(session: Any) -> str:
    return str(session.query(Device).filter_by(serial="SN-0001").one().public_id)


def test_a_later_file_moves_what_stands_elsewhere_and_grades_it(one: Stock, tmp_path: Path) -> None:
    one.box("SN-0001")
    taken(one, tmp_path, f"SN-0001,{MAIN},,90.00")

    moved = taken(one, tmp_path, f"SN-0001,{NORTH},refurbished,")
    worn = taken(one, tmp_path, f"SN-0001,{NORTH},new,")

    assert (figures(moved), figures(worn)) == ((0, 1, 0, 0), (0, 0, 0, 1))
    assert "never new again" in str(worn.remarks[0].reason)
    assert stands(one) == (NORTH, "refurbished")
    assert one.balance(NORTH, BOX, "refurbished").value_minor == 9_000
    assert one.numbers(MAIN, BOX) == (0, 0)


def test_a_box_that_is_not_there_is_missing_and_is_found_by_the_next_file(
    one: Stock, tmp_path: Path
) -> None:
    one.box("SN-0001")
    head = f"{HEAD},qty"
    taken(one, tmp_path, f"SN-0001,{MAIN},,90.00,1", head=head)

    missing = taken(one, tmp_path, f"SN-0001,{MAIN},,,0", head=head)
    assert (figures(missing), one.numbers(MAIN, BOX)) == ((0, 1, 0, 0), (0, 0))
    elsewhere = taken(one, tmp_path, f"SN-0001,{VAN},,,0", head=head)
    found = taken(one, tmp_path, f"SN-0001,{VAN},,,1", head=head)

    assert (figures(elsewhere), figures(found)) == ((0, 0, 1, 0), (0, 1, 0, 0))
    assert stands(one) == (VAN, "new")


def test_a_row_about_a_box_counts_once_by_its_id(one: Stock, tmp_path: Path) -> None:
    one.box("SN-0001")
    head = f"{HEAD},id"
    taken(one, tmp_path, f"SN-0001,{MAIN},,90.00,erp-1", head=head)

    other = taken(one, tmp_path, f"SN-0001,{VAN},,90.00,erp-1", head=head)
    same = taken(one, tmp_path, f"SN-0001,{MAIN},,80.00,erp-1", head=head)

    assert wrong(other) == [(2, "external_id")]
    assert figures(same) == (0, 0, 1, 0)


def test_a_box_that_an_account_has_or_that_is_lost_or_kept_does_not_come_into_stock(
    one: Stock, tmp_path: Path
) -> None:
    given, lost, kept = (one.box(serial) for serial in ("SN-0001", "SN-0002", "SN-0003"))
    account = one.do(create_account, kind="person", name="Ada", currency="EUR")
    held = {"account": account.number, "tenure": "sold"}
    one.do(give_to_account, uid=given.public_id, **held)
    one.do(change_status, uid=lost.public_id, status="lost")

    def keeper(session: Any, uid: str) -> list[Obstacle]:
        return [Obstacle("kept", text("Say why."))] if uid == kept.public_id else []

    rows = [f"SN-000{n},{MAIN},," for n in (1, 2, 3)]
    report = taken(one, tmp_path, *rows, keepers=[keeper])

    assert figures(report) == (0, 0, 0, 3)
    assert one.numbers(MAIN, BOX) == (0, 0)


@pytest.mark.parametrize("is_page", [False, True])
def test_the_sheet_names_the_boxes(
    one: Stock, tmp_path: Path, api: Any, client: Any, is_page: bool
) -> None:
    one.box("SN-0001")
    taken(one, tmp_path, f"SN-0001,{MAIN},,90.00")
    (sheet,) = api("GET", "/stock-counts").json["items"]

    if is_page:
        assert "SN-0001" in client.get(f"/stock/counts/{sheet['id']}").text
    else:
        (line,) = api("GET", f"/stock-counts/{sheet['id']}").json["lines"]
        assert (line["device"]["serial"], line["counted"], line["expected"]) == ("SN-0001", 1, 0)

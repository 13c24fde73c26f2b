"""A file of returns that were open elsewhere: opened, walked as far as they had come, once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from stb_service.devices.holdings.columns import read_instant
from stb_service.devices.holdings.operations import give_to_account
from stb_service.rma.arrivals.imports import import_cases
from stb_service.rma.models import CaseEvent, ReturnCase
from stb_service.shared.imports.reports import Report
from stb_service.subscribers.operations import add_site, create_account
from tests.stb_service.rma.conftest import BENCH, House

HEAD = (
    "external_id,box,account,reported_on,complaint,component,symptom,remedy,arrival,location,"
    "opened_at"
)


def row(number: str, box: str, arrival: str, place: str = "", complaint: str = "dark") -> str:
    said = f"2026-02-20,{complaint},power_supply,stays dark,repair,{arrival},{place},2026-02-21"
    return f"{number},{box},,{said}"


ROWS = (
    row("T-1", "SN-1", "asked"),
    row("T-2", "SN-2", "authorised"),
    row("T-3", "SN-3", "here", BENCH),
)


def bring(house: House, folder: Path, *lines: str, **more: Any) -> Report:
    path = folder / "returns.csv"
    path.write_text("\n".join((HEAD, *lines)), encoding="utf-8")
    return import_cases(
        house.db,
        path,
        name=path.name,
        sources=(),
        actor=house.actor,
        clock=lambda: house.now,
        **more,
    )


def figures(report: Report) -> tuple[int, int, int, int]:
    return report.created, report.changed, report.unchanged, report.refused


def cases(house: House) -> list[ReturnCase]:
    with house.db.read() as session:
        return list(session.scalars(select(ReturnCase).order_by(ReturnCase.id)))


def filled(house: House) -> House:
    for number in (1, 2, 3):
        house.customers_box(f"SN-{number}")
    return house


def test_each_is_opened_as_far_as_it_had_come(house: House, tmp_path: Path) -> None:
    report = bring(filled(house), tmp_path, *ROWS)

    found = cases(house)
    assert figures(report) == (3, 0, 0, 0)
    assert [case.state for case in found] == ["requested", "authorised", "received"]
    assert {case.channel for case in found} == {"import"}
    assert {case.opened_at.date().isoformat() for case in found} == {"2026-02-21"}
    assert {case.account_id for case in found} == {house.home.id}
    with house.db.read() as session:
        steps = session.scalars(select(CaseEvent).where(CaseEvent.seq > 1)).all()
    assert {step.reason for step in steps} == {"import"}


def test_the_same_file_again_changes_nothing(one: House, tmp_path: Path) -> None:
    bring(filled(one), tmp_path, *ROWS)

    assert figures(bring(one, tmp_path, *ROWS)) == (0, 0, 3, 0)
    assert len(cases(one)) == 3


def test_a_complaint_is_corrected_and_another_box_is_refused(one: House, tmp_path: Path) -> None:
    bring(filled(one), tmp_path, *ROWS)
    changed = row("T-1", "SN-1", "asked", complaint="no picture")

    report = bring(one, tmp_path, changed, row("T-2", "SN-3", "authorised"))

    assert figures(report) == (0, 1, 0, 1)
    assert cases(one)[0].complaint == "no picture"


@pytest.mark.parametrize(
    ("column", "line"),
    [
        ("reported_on", row("T-1", "SN-1", "asked").replace("2026-02-20", "2026-02-19")),
        ("opened_at", row("T-1", "SN-1", "asked").replace("2026-02-21", "2026-02-22")),
        ("component", row("T-1", "SN-1", "asked").replace("power_supply", "remote")),
        ("symptom", row("T-1", "SN-1", "asked").replace("stays dark", "flickers")),
        ("account", row("T-1", "SN-1", "asked").replace(",,2026-02-20", ",A-000002,2026-02-20")),
        ("arrival", row("T-1", "SN-1", "here", BENCH)),
        ("remedy", row("T-2", "SN-2", "authorised").replace(",repair,", ",refund,")),
        ("complaint", row("T-3", "SN-3", "here", BENCH, complaint="no picture")),
    ],
)
def test_a_row_that_says_something_otherwise_is_refused_with_what_it_is_about(
    one: House, tmp_path: Path, column: str, line: str
) -> None:
    bring(filled(one), tmp_path, *ROWS)
    one.do(create_account, kind="person", name="Somebody else", currency="EUR")
    one.ref = "R-000003"
    one.on_case("withdraw", reason="asked").on_case("ship", tracking="1Z").on_case("deliver")
    one.on_case("confirm")
    before = [(case.complaint, case.remedy, case.row_version) for case in cases(one)]

    report = bring(one, tmp_path, line)

    assert figures(report) == (0, 0, 0, 1)
    assert [remark.column for remark in report.remarks] == [column]
    assert [(case.complaint, case.remedy, case.row_version) for case in cases(one)] == before
    assert figures(bring(one, tmp_path, *ROWS)) == (0, 0, 3, 0)


def test_what_is_promised_is_corrected_while_it_is_asked_for(one: House, tmp_path: Path) -> None:
    bring(filled(one), tmp_path, *ROWS)

    report = bring(one, tmp_path, ROWS[0].replace(",repair,", ",refund,"))

    assert figures(report) == (0, 1, 0, 0)
    assert cases(one)[0].remedy == "refund"


@pytest.mark.parametrize(
    "line",
    [
        row("T-9", "SN-404", "asked"),
        row("T-9", "SN-1", "lost"),
        row("T-9", "SN-1", "here"),
        row("T-9", "SN-1", "here", "NOWHERE"),
        row("", "SN-1", "asked"),
        row("T-9", "SN-1", "asked").replace(",,2026-02-20", ",A-999999,2026-02-20"),
        row("T-9", "SN-1", "asked").replace("2026-02-21", "2031-01-01"),
    ],
)
def test_a_row_that_cannot_be_is_refused_with_its_reason_and_leaves_nothing(
    one: House, tmp_path: Path, line: str
) -> None:
    report = bring(filled(one), tmp_path, line)

    assert figures(report) == (0, 0, 0, 1)
    assert report.table()
    assert cases(one) == []


def test_a_box_with_an_open_return_gets_no_other(one: House, tmp_path: Path) -> None:
    report = bring(filled(one), tmp_path, ROWS[0], row("T-9", "SN-1", "asked"))

    assert figures(report) == (1, 0, 0, 1)


def test_a_trial_keeps_nothing(one: House, tmp_path: Path) -> None:
    report = bring(filled(one), tmp_path, *ROWS, dry_run=True)

    assert figures(report) == (3, 0, 0, 0)
    assert cases(one) == []


@pytest.mark.parametrize(
    ("opened_at", "zone", "day"),
    [
        ("2026-02-10T02:00Z", "America/Los_Angeles", "2026-02-09"),
        ("2026-02-10T07:59Z", "America/Los_Angeles", "2026-02-09"),
        ("2026-02-10T08:00Z", "America/Los_Angeles", "2026-02-10"),
        ("2026-02-09T20:00-08:00", "Europe/Berlin", "2026-02-10"),
        ("2026-02-10", "America/Los_Angeles", "2026-02-10"),
    ],
)
def test_without_a_day_of_report_that_of_opening_counts_where_the_customer_is(
    one: House, tmp_path: Path, opened_at: str, zone: str, day: str
) -> None:
    away = one.do(create_account, kind="person", name="Grace", currency="EUR")
    one.do(add_site, uid=away.public_id, name="Home", timezone=zone)
    for serial, account in (("SN-1", away.number), ("SN-2", None)):
        box = one.box(serial, tenure="sold", status="sold")
        if account:
            one.do(give_to_account, uid=box.public_id, account=account, tenure="sold", moves=False)
    lines = [
        row(number, serial, "asked").replace("2026-02-20", "").replace("2026-02-21", opened_at)
        for number, serial in (("T-1", "SN-1"), ("T-2", "SN-2"))
    ]

    report = bring(one, tmp_path, *lines, zone=zone)

    assert figures(report) == (2, 0, 0, 0), list(report.table())
    assert [case.reported_on.isoformat() for case in cases(one)] == [day, day]
    at = read_instant(opened_at)
    assert {case.opened_at for case in cases(one)} == {at}

"""A file of who had which box: history that an operator brings along; on both databases."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import func, select

from stb_service.cli import main
from stb_service.devices.holdings.imports import HANDLERS, import_holdings
from stb_service.devices.holdings.operations import give_to_account
from stb_service.devices.holdings.queries import holdings_of_device
from stb_service.devices.models import Device, Holding
from stb_service.devices.operations import change_status
from stb_service.devices.queries import device_by_uid
from stb_service.shared import jobs
from stb_service.shared.access import EVERYTHING, SYSTEM
from stb_service.shared.audit import AuditEntry
from stb_service.shared.errors import Invalid
from stb_service.shared.files import FileStore
from stb_service.shared.imports.reports import Report
from stb_service.subscribers import operations as accounts
from stb_service.subscribers.models import Account
from tests.conftest import NOW, csrf_of
from tests.stb_service.devices.conftest import Registry

HEAD = "serial,account,since,until,tenure,reason"
ADA = "SN-1,crm-1,2022-01-01,2023-01-01,rented,first contract"
BYRON = "SN-1,crm-2,2023-01-01,2024-06-30,sold,"
STILL = "SN-1,crm-1,2024-07-01,,on_loan,"


@pytest.fixture
def registry(registry: Registry) -> Registry:
    """A registry with two accounts and a box."""
    return peopled(registry)


@pytest.fixture
def one(one: Registry) -> Registry:
    """The same on SQLite alone."""
    return peopled(one)


def peopled(registry: Registry) -> Registry:
    for name, external_id in (("Ada", "crm-1"), ("Byron", "crm-2")):
        registry.do(
            accounts.create_account,
            kind="person",
            name=name,
            currency="EUR",
            external_id=external_id,
        )
    registry.box("SN-1", external_id="erp-1", mac_ethernet="02:00:00:00:00:01")
    return registry


def bring(registry: Registry, folder: Path, *lines: str, **more: Any) -> Report:
    path = folder / "holdings.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    more = {"actor": registry.actor, "clock": lambda: NOW, **more}
    return import_holdings(registry.db, path, name=path.name, **more)


def figures(report: Report) -> tuple[int, int, int, int]:
    return report.created, report.changed, report.unchanged, report.refused


def wrong(report: Report) -> list[tuple[int, str]]:
    return [(remark.line, remark.column) for remark in report.remarks]


def box(registry: Registry, serial: str = "SN-1") -> Device:
    with registry.db.read() as session:
        uid = session.scalars(select(Device.public_id).where(Device.serial == serial)).one()
        return device_by_uid(session, uid, EVERYTHING)


def chain(registry: Registry) -> list[tuple[str, str, bool]]:
    """Return the box's holdings, the last first: account, tenure, whether it ended."""
    rows: list[Holding] = registry.ask(holdings_of_device, box(registry), EVERYTHING)
    return [(row.account.name, row.tenure, row.until is not None) for row in rows]


def count(registry: Registry, model: Any) -> int:
    with registry.db.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def test_history_comes_in_any_order_and_is_shown_by_time(
    registry: Registry, tmp_path: Path
) -> None:
    report = bring(registry, tmp_path, HEAD, BYRON, ADA)

    assert figures(report) == (2, 0, 0, 0)
    assert chain(registry) == [("Byron", "sold", True), ("Ada", "rented", True)]
    rows: list[Holding] = registry.ask(holdings_of_device, box(registry), EVERYTHING)
    assert rows[1].since == datetime(2022, 1, 1, tzinfo=UTC)
    assert rows[1].reason == "first contract"


def test_the_box_stays_as_it_is(registry: Registry, tmp_path: Path) -> None:
    before = box(registry)

    bring(registry, tmp_path, HEAD, ADA)

    after = box(registry)
    assert (after.status, after.tenure, after.sold_on) == (
        *(before.status, before.tenure, before.sold_on),
    )


def test_a_row_without_an_end_gives_the_box(registry: Registry, tmp_path: Path) -> None:
    report = bring(registry, tmp_path, HEAD, ADA, BYRON, STILL)

    assert figures(report) == (3, 0, 0, 0)
    assert chain(registry)[0] == ("Ada", "on_loan", False)
    assert box(registry).status == "sold"


def test_the_same_history_twice_changes_nothing(registry: Registry, tmp_path: Path) -> None:
    bring(registry, tmp_path, HEAD, ADA, BYRON, STILL)
    before = count(registry, AuditEntry)

    report = bring(registry, tmp_path, HEAD, ADA, BYRON, STILL)

    assert figures(report) == (0, 0, 3, 0)
    assert count(registry, AuditEntry) == before


def test_tenure_and_reason_are_corrected(registry: Registry, tmp_path: Path) -> None:
    bring(registry, tmp_path, HEAD, ADA, BYRON)

    report = bring(registry, tmp_path, HEAD, ADA.replace("rented", "sold"), BYRON + "moved in")

    assert figures(report) == (0, 2, 0, 0)
    assert chain(registry)[1] == ("Ada", "sold", True)


@pytest.mark.parametrize("chunk", [1, 500])
def test_what_overlaps_is_refused_by_the_name_of_who_had_it(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr("stb_service.shared.imports.rows.CHUNK", chunk)
    early = BYRON.replace("2023-01-01", "2022-12-31")
    around = "SN-1,crm-2,2021-01-01,2025-01-01,sold,"

    trial = bring(registry, tmp_path, HEAD, ADA, early, around, BYRON, dry_run=True)
    kept = count(registry, Holding)
    real = bring(registry, tmp_path, HEAD, ADA, early, around, BYRON)

    assert kept == 0
    assert figures(trial) == figures(real) == (2, 0, 0, 2)
    assert wrong(trial) == wrong(real) == [(3, "since"), (4, "since")]
    reason = str(real.remarks[0].reason)
    assert reason == "Account A-000001 had the box from 2022-01-01 to 2023-01-01."
    assert reason == str(trial.remarks[0].reason)


def test_what_overlaps_who_has_it_now_is_refused(registry: Registry, tmp_path: Path) -> None:
    since = datetime(2023, 6, 1, tzinfo=UTC)
    uid = box(registry).public_id
    registry.do(give_to_account, uid=uid, account="crm-1", tenure="sold", since=since)

    report = bring(registry, tmp_path, HEAD, BYRON, ADA)

    assert figures(report) == (1, 0, 0, 1)
    assert str(report.remarks[0].reason) == "Account A-000001 has had the box since 2023-06-01."


def test_a_scrapped_box_has_its_history_too(registry: Registry, tmp_path: Path) -> None:
    registry.do(change_status, uid=box(registry).public_id, status="scrapped")

    report = bring(registry, tmp_path, HEAD, ADA)
    still = bring(registry, tmp_path, HEAD, STILL)

    assert figures(report) == (1, 0, 0, 0)
    assert figures(still) == (0, 0, 0, 1)


@pytest.mark.parametrize("called", ["erp-1", "SN-1", "sn-1", "02-00-00-00-00-01"])
def test_a_box_is_found_by_what_it_is_called(one: Registry, tmp_path: Path, called: str) -> None:
    report = bring(one, tmp_path, HEAD, ADA.replace("SN-1", called))

    assert figures(report) == (1, 0, 0, 0)


def test_a_serial_of_two_makers_is_not_guessed(one: Registry, tmp_path: Path) -> None:
    one.box("SN-1", model="BOR-2", maker="Boreal")

    report = bring(one, tmp_path, HEAD, ADA, ADA.replace("SN-1", "erp-1"))

    assert figures(report) == (1, 0, 0, 1)
    assert wrong(report) == [(2, "box")]


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (ADA.replace("SN-1", "SN-9"), "box"),
        (ADA.replace("crm-1", "crm-9"), "account"),
        (ADA.replace("2023-01-01", "2021-01-01"), "until"),
        (ADA.replace("2023-01-01", "2022-01-01"), "until"),
        (ADA.replace("2023-01-01", "2099-01-01"), "until"),
        (ADA.replace("2022-01-01", "once"), "since"),
        (ADA.replace("2022-01-01", "2022-01-01T10:00"), "since"),
        (ADA.replace("2022-01-01", ""), "since"),
        (ADA.replace("rented", "stolen"), "tenure"),
        (ADA.replace("rented", ""), "tenure"),
        (STILL.replace("2024-07-01", "2099-01-01"), "since"),
    ],
)
def test_a_row_that_cannot_be_taken_is_reported_by_its_column(
    one: Registry, tmp_path: Path, row: str, column: str
) -> None:
    report = bring(one, tmp_path, HEAD, row)

    assert figures(report) == (0, 0, 0, 1)
    assert wrong(report) == [(2, column)]
    assert count(one, Holding) == 0


def test_an_end_that_is_known_otherwise_is_refused(one: Registry, tmp_path: Path) -> None:
    bring(one, tmp_path, HEAD, ADA, BYRON, STILL)

    report = bring(
        one,
        tmp_path,
        HEAD,
        ADA.replace("2023-01-01", "2022-12-01"),
        STILL.replace("2024-07-01,", "2024-07-01,2024-08-01"),
    )

    assert figures(report) == (0, 0, 0, 2)
    assert wrong(report) == [(2, "until"), (3, "until")]


def test_who_was_erased_is_given_no_history(one: Registry, tmp_path: Path) -> None:
    with one.db.read() as session:
        account = session.scalars(select(Account).where(Account.external_id == "crm-1")).one()
        person = account.people[0].public_id
    one.do(accounts.erase_person, uid=account.public_id, person=person)

    report = bring(one, tmp_path, HEAD, ADA)

    assert figures(report) == (0, 0, 0, 1)
    assert wrong(report) == [(2, "account")]


def test_an_instant_is_taken_as_it_is(one: Registry, tmp_path: Path) -> None:
    bring(one, tmp_path, HEAD, ADA.replace("2022-01-01", "2022-01-01T10:00+02:00"))

    (row,) = one.ask(holdings_of_device, box(one), EVERYTHING)
    assert row.since == datetime(2022, 1, 1, 8, tzinfo=UTC)


def test_what_is_no_file_of_holdings_is_refused_as_a_whole(one: Registry, tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        bring(one, tmp_path, "colour,size", "red,1")


# --- pages, API, command line --------------------------------------------------------------------


def work_off(registry: Registry, settings: Any) -> None:
    """Do what waits, as the worker would."""
    files = FileStore(settings.files_dir)
    with registry.db.read() as session:
        waiting = jobs.waiting(session, now=NOW)
    for job_id in waiting:
        jobs.run(
            registry.db, files, HANDLERS, job_id, clock=lambda: NOW, actor_of=lambda *_: SYSTEM
        )


def test_history_is_tried_and_then_imported_on_the_pages(
    client: FlaskClient, one: Registry, settings: Any
) -> None:
    token = csrf_of(client.get("/holdings/import").text)
    sent = {
        "csrf_token": token,
        "dry_run": "true",
        "file": (io.BytesIO("\n".join((HEAD, ADA, "SN-9,crm-1")).encode()), "who.csv"),
    }
    tried = client.post("/holdings/import", data=sent, content_type="multipart/form-data")
    work_off(one, settings)
    page = client.get(tried.headers["Location"]).text
    again = client.post(f"{tried.headers['Location']}/import", data={"csrf_token": token})
    work_off(one, settings)
    done = client.get(again.headers["Location"]).text
    card = client.get(f"/devices/{box(one).public_id}").text

    assert "This was a trial" in page
    assert "Each row needs this." in page
    assert "New holdings" in done
    assert "noted that account A-000001 had it" in card
    assert [name for name, _, _ in chain(one)] == ["Ada"]


def test_the_api_takes_history(api: Any, one: Registry, settings: Any) -> None:
    sent = {"file": (io.BytesIO(f"{HEAD}\n{ADA}".encode()), "who.csv"), "dry_run": "true"}
    started = api("POST", "/holdings/imports", data=sent, content_type="multipart/form-data")
    again = api("POST", f"/holdings/imports/{started.get_json()['id']}/import")
    work_off(one, settings)

    assert (started.status_code, again.status_code) == (202, 202)
    assert api("GET", f"/jobs/{again.get_json()['id']}").get_json()["result"]["created"] == 1
    assert api("POST", "/holdings/imports/nothing/import").status_code == 404


def test_the_command_line_takes_history(one: Registry, tmp_path: Path) -> None:
    source = tmp_path / "who.csv"
    source.write_text(f"{HEAD}\n{ADA}", encoding="utf-8")
    address = one.db.engine.url.render_as_string(hide_password=False)
    environ = {"STB_HOME": str(tmp_path), "STB_DATABASE_URL": address}

    done = CliRunner().invoke(main, ["import", "holdings", str(source)], env=environ)

    assert done.exit_code == 0, done.output
    assert [name for name, _, _ in chain(one)] == ["Ada"]

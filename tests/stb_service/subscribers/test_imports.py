"""A file of accounts: taken as a whole, tried first, refused row by row; on both databases."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from stb_service.shared import jobs
from stb_service.shared.access import EVERYTHING, SYSTEM
from stb_service.shared.audit import AuditEntry
from stb_service.shared.errors import Invalid
from stb_service.shared.files import FileStore
from stb_service.shared.imports.reports import Report
from stb_service.subscribers import operations, queries
from stb_service.subscribers.imports import HANDLERS, import_accounts
from stb_service.subscribers.models import Account
from tests.conftest import NOW, csrf_of
from tests.stb_service.subscribers.conftest import Desk

HEAD = "external_id,kind,name,currency,phone,mail,city,timezone"
ADA = "crm-1,person,Ada Lovelace,EUR,+49 30 1234567,ada@example.org,London,Europe/London"
HOTEL = "crm-2,business,Seaview Hotels,GBP,,,Brighton,Europe/London"


def bring(desk: Desk, folder: Path, *lines: str, **more: Any) -> Report:
    path = folder / "accounts.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return import_accounts(
        desk.db, path, name=path.name, **{"actor": desk.actor, "clock": lambda: NOW, **more}
    )


def figures(report: Report) -> tuple[int, int, int, int]:
    return report.created, report.changed, report.unchanged, report.refused


def wrong(report: Report) -> list[tuple[int, str]]:
    return [(remark.line, remark.column) for remark in report.remarks]


def by_id(desk: Desk, *ids: str) -> dict[str, Account]:
    found: dict[str, Account] = desk.ask(queries.accounts_by_external_id, ids, EVERYTHING)
    return found


def entries(desk: Desk) -> int:
    with desk.db.read() as session:
        return session.scalar(select(func.count()).select_from(AuditEntry)) or 0


def test_accounts_come_with_their_holder_and_site(desk: Desk, tmp_path: Path) -> None:
    report = bring(desk, tmp_path, HEAD, ADA, HOTEL)

    found = by_id(desk, "crm-1", "crm-2")
    assert figures(report) == (2, 0, 0, 0)
    assert found["crm-1"].people[0].phones == ["+49301234567"]
    assert found["crm-1"].people[0].emails == ["ada@example.org"]
    assert (found["crm-2"].sites[0].name, found["crm-2"].sites[0].city) == ("Home", "Brighton")


def test_the_same_file_twice_changes_nothing(desk: Desk, tmp_path: Path) -> None:
    bring(desk, tmp_path, HEAD, ADA, HOTEL)
    before = entries(desk)

    report = bring(desk, tmp_path, HEAD, ADA, HOTEL)

    assert figures(report) == (0, 0, 2, 0)
    assert entries(desk) == before


def test_a_row_changes_only_what_it_says(desk: Desk, tmp_path: Path) -> None:
    bring(desk, tmp_path, HEAD, ADA)

    report = bring(desk, tmp_path, "number,city,lang", "a-1,Bath,el")

    after = by_id(desk, "crm-1")["crm-1"]
    assert figures(report) == (0, 1, 0, 0)
    assert (after.language, after.name, after.sites[0].city) == ("el", "Ada Lovelace", "Bath")
    assert after.people[0].phones == ["+49301234567"]


def test_a_trial_says_the_same_and_keeps_nothing(desk: Desk, tmp_path: Path) -> None:
    lines = (HEAD, ADA, ADA, HOTEL.replace("GBP", "XXQ"))

    trial = bring(desk, tmp_path, *lines, dry_run=True)
    kept = by_id(desk, "crm-1")
    real = bring(desk, tmp_path, *lines)

    assert kept == {}
    assert figures(trial) == figures(real) == (1, 0, 1, 1)
    assert wrong(trial) == wrong(real) == [(4, "currency")]


@pytest.mark.parametrize("chunk", [1, 2, 500])
def test_two_rows_about_one_account_the_first_counts(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr("stb_service.shared.imports.rows.CHUNK", chunk)

    report = bring(desk, tmp_path, HEAD, ADA, HOTEL, ADA.replace("Ada", "Eve"), ADA)

    assert figures(report) == (2, 0, 1, 1)
    assert wrong(report) == [(4, "external_id")]
    assert by_id(desk, "crm-1")["crm-1"].name == "Ada Lovelace"


@pytest.mark.parametrize(
    ("head", "row", "column"),
    [
        (HEAD, ADA.replace("EUR", "EUX"), "currency"),
        (HEAD, ADA.replace("person", "robot"), "kind"),
        (HEAD, ADA.replace("+49 30 1234567", "by pigeon"), "phones"),
        (HEAD, ADA.replace("ada@example.org", "ada"), "emails"),
        (HEAD, ADA.replace("Europe/London", "Mars/Base"), "timezone"),
        (HEAD, ADA.replace("Europe/London", ""), "timezone"),
        (HEAD, ADA.replace("Ada Lovelace", ""), "name"),
        (HEAD, HOTEL.replace("GBP,,", "GBP,12345,"), "phones"),
        (HEAD, ADA + ",more", ""),
        (HEAD, ADA.replace("crm-1", "1.5E+12"), "external_id"),
        ("number,name", "A-77,Nobody", "number"),
        ("external_id,credit", "crm-9,soon", "credit_days"),
        ("external_id,kind,name,currency,dealer", "crm-1,person,Ada,EUR,nobody", "dealer"),
    ],
)
def test_a_row_that_cannot_be_taken_is_reported_by_its_column(
    one: Desk, tmp_path: Path, head: str, row: str, column: str
) -> None:
    report = bring(one, tmp_path, head, row)

    assert figures(report) == (0, 0, 0, 1)
    assert wrong(report) == [(2, column)]
    with one.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Account)) == 0


def test_a_refused_row_leaves_nothing_half_written(desk: Desk, tmp_path: Path) -> None:
    bring(desk, tmp_path, HEAD, ADA)

    report = bring(
        desk, tmp_path, HEAD, ADA.replace("Lovelace", "King").replace("+49 30 1234567", "x")
    )

    assert figures(report) == (0, 0, 0, 1)
    assert by_id(desk, "crm-1")["crm-1"].name == "Ada Lovelace"


def test_an_account_stays_what_it_was_opened_as(one: Desk, tmp_path: Path) -> None:
    bring(one, tmp_path, HEAD, ADA)

    assert wrong(bring(one, tmp_path, "id,kind", "crm-1,business")) == [(2, "kind")]


def test_an_import_does_not_bring_back_who_was_erased(one: Desk, tmp_path: Path) -> None:
    bring(one, tmp_path, HEAD, ADA)
    account = by_id(one, "crm-1")["crm-1"]
    one.do(operations.erase_person, uid=account.public_id, person=account.people[0].public_id)

    report = bring(one, tmp_path, HEAD, ADA)

    assert figures(report) == (0, 0, 0, 1)
    assert "erased" in str(report.remarks[0].reason)
    assert one.read(account).name == ""


@pytest.mark.parametrize("lines", [("",), (HEAD,), ("name,phone", "Ada,12345"), ("id,id", "1,2")])
def test_what_is_no_file_of_accounts_is_refused_as_a_whole(
    one: Desk, tmp_path: Path, lines: tuple[str, ...]
) -> None:
    with pytest.raises(Invalid):
        bring(one, tmp_path, *lines)


def test_a_file_is_tried_and_then_imported_on_the_pages(
    client: FlaskClient, one: Desk, settings: Any
) -> None:
    token = csrf_of(client.get("/accounts/import").text)
    sent = {
        "csrf_token": token,
        "dry_run": "true",
        "file": (io.BytesIO(f"{HEAD}\n{ADA}\ncrm-3,person".encode()), "crm.csv"),
    }
    tried = client.post("/accounts/import", data=sent, content_type="multipart/form-data")
    work_off(one, settings)
    page = client.get(tried.headers["Location"]).text
    again = client.post(f"{tried.headers['Location']}/import", data={"csrf_token": token})
    work_off(one, settings)
    done = client.get(again.headers["Location"]).text
    with client.get(f"{again.headers['Location']}/file") as file:
        report = file.get_data(as_text=True)

    assert "This was a trial" in page
    assert "An account that is new needs this." in page
    assert "New accounts" in done
    assert "severity" in report
    assert set(by_id(one, "crm-1", "crm-3")) == {"crm-1"}


def work_off(desk: Desk, settings: Any) -> None:
    """Do what waits, as the worker would."""
    files = FileStore(settings.files_dir)
    with desk.db.read() as session:
        waiting = jobs.waiting(session, now=NOW)
    for job_id in waiting:
        jobs.run(desk.db, files, HANDLERS, job_id, clock=lambda: NOW, actor_of=lambda *_: SYSTEM)


def test_the_api_takes_a_file(api: Any, one: Desk, settings: Any) -> None:
    sent = {"file": (io.BytesIO(f"{HEAD}\n{ADA}".encode()), "crm.csv"), "dry_run": "true"}
    started = api("POST", "/accounts/imports", data=sent, content_type="multipart/form-data")
    again = api("POST", f"/accounts/imports/{started.get_json()['id']}/import")
    work_off(one, settings)

    assert (started.status_code, again.status_code) == (202, 202)
    assert api("GET", f"/jobs/{again.get_json()['id']}").get_json()["result"]["created"] == 1
    assert api("POST", "/accounts/imports/nothing/import").status_code == 404

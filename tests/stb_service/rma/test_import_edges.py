"""The page and the API by which open returns arrive in a file."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient

from stb_service.rma.arrivals.imports import handlers
from stb_service.shared import jobs
from stb_service.shared.access import SYSTEM, Actor
from stb_service.shared.db import Database
from stb_service.shared.files import FileStore
from stb_service.shared.settings import Settings
from tests.conftest import NOW, Api, csrf_of
from tests.stb_service.rma.conftest import House
from tests.stb_service.rma.test_cases_imported import HEAD, ROWS, cases, filled, row

FILE = b"external_id,box,arrival\nT-1,SN-1,asked\n"


def test_the_page_takes_a_file_and_shows_how_its_import_goes(client: FlaskClient) -> None:
    page = client.get("/returns/import").text
    data = {
        "csrf_token": csrf_of(page),
        "file": (BytesIO(FILE), "returns.csv"),
        "dry_run": "true",
        "encoding": "auto",
    }

    answer = client.post("/returns/import", data=data)

    assert "external_id" in page
    assert "how far its return had come" in page
    assert answer.status_code == 303
    assert client.get(answer.headers["Location"]).status_code == 200


def test_the_page_asks_for_the_file(client: FlaskClient) -> None:
    token = csrf_of(client.get("/returns/import").text)

    assert client.post("/returns/import", data={"csrf_token": token}).status_code == 422


@pytest.fixture
def one(sqlite_db: Database, actor: Actor) -> House:
    return filled(House(sqlite_db, actor, NOW))


def work_off(house: House, settings: Any) -> None:
    """Do what waits, as the worker would."""
    files = FileStore(settings.files_dir)
    with house.db.read() as session:
        waiting = jobs.waiting(session, now=NOW)
    for job_id in waiting:
        jobs.run(
            house.db, files, handlers(()), job_id, clock=lambda: NOW, actor_of=lambda *_: SYSTEM
        )


def upload(api: Any, *lines: str, **form: str) -> Any:
    sent = {"file": (BytesIO("\n".join((HEAD, *lines)).encode()), "returns.csv"), **form}
    return api("POST", "/returns/imports", data=sent, content_type="multipart/form-data")


def result(api: Any, started: Any) -> tuple[int, ...]:
    found = api("GET", f"/jobs/{started.json['id']}").json["result"]
    return tuple(found[name] for name in ("created", "changed", "unchanged", "refused"))


def test_the_api_takes_open_returns_and_a_second_time_changes_nothing(
    api: Any, one: House, settings: Any
) -> None:
    first = upload(api, *ROWS)
    work_off(one, settings)
    second = upload(api, *ROWS)
    work_off(one, settings)

    assert (first.status_code, second.status_code) == (202, 202)
    assert result(api, first) == (3, 0, 0, 0)
    assert result(api, second) == (0, 0, 3, 0)
    assert [case.state for case in cases(one)] == ["requested", "authorised", "received"]


def test_a_trial_of_the_api_keeps_nothing_and_is_then_imported_once(
    api: Any, one: House, settings: Any
) -> None:
    trial = upload(api, *ROWS, dry_run="true")
    work_off(one, settings)
    after_trial = cases(one)
    again = api("POST", f"/returns/imports/{trial.json['id']}/import")
    twice = api("POST", f"/returns/imports/{trial.json['id']}/import")
    work_off(one, settings)

    assert result(api, trial) == (3, 0, 0, 0)
    assert after_trial == []
    assert again.json["id"] == twice.json["id"]
    assert result(api, again) == (3, 0, 0, 0)
    assert len(cases(one)) == 3


def test_the_report_of_the_api_names_the_line_the_column_and_the_reason(
    api: Any, one: House, settings: Any
) -> None:
    started = upload(api, ROWS[0], row("T-9", "SN-404", "asked"))
    work_off(one, settings)

    with api("GET", f"/jobs/{started.json['id']}/report") as answer:
        report = answer.text.splitlines()

    assert result(api, started) == (1, 0, 0, 1)
    assert len(report) == 2
    assert report[1] == "3,box,refused,SN-404,There is no such box."


def test_the_api_asks_for_a_file_and_knows_its_own_trials_alone(api: Any, one: House) -> None:
    empty = api("POST", "/returns/imports", data={}, content_type="multipart/form-data")

    assert empty.status_code == 422
    assert api("POST", "/returns/imports/nothing/import").status_code == 404


def test_open_returns_are_imported_by_whoever_may(api_as: Any, one: House) -> None:
    assert upload(api_as("viewer"), *ROWS).status_code == 403
    assert cases(one) == []


@pytest.mark.parametrize("content", [b"box,arrival\nSN-1,asked\n", b"a,b\n"])
def test_a_file_that_names_no_returns_is_refused_as_a_whole(
    one: House, api: Api, settings: Settings, content: bytes
) -> None:
    sent = {"file": (BytesIO(content), "returns.csv")}
    asked = api("POST", "/returns/imports", data=sent, content_type="multipart/form-data").json

    work_off(one, settings)

    job = api("GET", f"/jobs/{asked['id']}").json
    assert job["state"] == "failed"
    assert "names no column “external_id”." in job["error"]

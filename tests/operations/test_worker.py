"""The worker: one ticker of many, and work that outlives its worker."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from stb_service.app import wire_rooms
from stb_service.devices.demo import MODELS, load_demo
from stb_service.devices.jobs import enqueue_export
from stb_service.devices.models import Device
from stb_service.devices.queries import IMPORT, DeviceFilter
from stb_service.shared import jobs, leases, outbox
from stb_service.shared.access import EVERYTHING, SYSTEM, VERBS
from stb_service.shared.audit import AuditEntry
from stb_service.shared.db import Database
from stb_service.shared.files import FileStore
from stb_service.shared.http.idempotency import IdempotencyKey
from stb_service.shared.imports.work import enqueue_import
from stb_service.shared.jobs import Job
from stb_service.shared.outbox import OutboxEntry
from stb_service.shared.registries import Registries
from stb_service.shared.settings import Settings
from stb_service.staff.models import Person, Role
from stb_service.staff.queries import actor_of, organisation_by_ref
from stb_service.worker import LEASE, Ticker, allowed, housekeeping, job_actor
from tests.conftest import NOW, Api, People
from tests.databases import KINDS, Databases
from tests.live import Live, live_service, wait_for


def ticker(db: Database, handed: list[int], registries: Registries | None = None) -> Ticker:
    return Ticker(db, registries or Registries(), handed.append)


def add_job(db: Database) -> int:
    with db.write() as session:
        return jobs.enqueue(session, kind="k", title="t", arguments={}, actor=SYSTEM, now=NOW).id


def test_of_two_tickers_one_works(db: Database) -> None:
    key = add_job(db)
    handed: list[int] = []
    one, other = ticker(db, handed), ticker(db, handed)

    assert (one.tick(NOW), other.tick(NOW)) == (True, False)
    assert handed == [key]


@pytest.mark.parametrize(("seconds", "works"), [(-0.001, False), (0, True), (0.001, True)])
def test_another_ticker_takes_over_when_the_lease_has_run_out(
    db: Database, seconds: float, works: bool
) -> None:
    ticker(db, []).tick(NOW)

    assert ticker(db, []).tick(NOW + LEASE + timedelta(seconds=seconds)) is works


def test_work_is_handed_out_once_while_nobody_has_taken_it_yet(sqlite_db: Database) -> None:
    key = add_job(sqlite_db)
    handed: list[int] = []
    one = ticker(sqlite_db, handed)

    for second in range(5):
        one.tick(NOW + timedelta(seconds=second))

    assert handed == [key]


def test_work_that_a_dead_worker_held_is_handed_out_again(db: Database) -> None:
    key = add_job(db)
    with db.write() as session:
        job = session.get_one(Job, key)
        job.state, job.attempts, job.lease_until = "running", 1, NOW
    handed: list[int] = []

    ticker(db, handed).tick(NOW)
    before = list(handed)
    ticker(db, handed).tick(NOW + LEASE)

    assert (before, handed) == ([], [key])


def test_a_tick_delivers_the_outbox(db: Database) -> None:
    with db.write() as session:
        outbox.emit(session, topic="t", key="k", payload={"n": 1}, now=NOW)
    found: list[object] = []
    registries = Registries(outbox={"t": lambda _session, payload, _now: found.append(payload)})

    ticker(db, [], registries).tick(NOW)

    assert found == [{"n": 1}]


def test_housekeeping_removes_what_has_had_its_time(db: Database, files: FileStore) -> None:
    day = timedelta(days=1)
    with db.write() as session:
        for name, age in (("old", day + timedelta(seconds=1)), ("on", day), ("young", day / 2)):
            session.add(
                IdempotencyKey(
                    actor_ref="a",
                    key=name,
                    fingerprint="f",
                    status=201,
                    headers={},
                    body=b"",
                    created_at=NOW - age,
                )
            )
    incoming = files.receive()
    incoming.close()
    left = incoming.path
    os.utime(left, (1000, 1000))

    housekeeping(db, files, now=NOW)

    with db.read() as session:
        kept = set(session.scalars(select(IdempotencyKey.key)))
    assert kept == {"on", "young"}
    assert not left.exists()


# Who asked is told in their language


@pytest.mark.parametrize(
    ("chosen", "of_the_browser"), [("ar", "en"), (None, "ar"), (None, "ar-EG,ar;q=0.9,en;q=0.5")]
)
def test_refused_rows_and_refused_files_are_told_in_the_language_of_the_person(
    api: Api, sqlite_db: Database, settings: Settings, chosen: str | None, of_the_browser: str
) -> None:
    files = FileStore(settings.files_dir)
    with sqlite_db.write() as session:
        session.scalars(select(Person)).one().language = chosen

    def ask(content: bytes) -> Job:
        """Have a file imported by whoever speaks so, and by a worker."""
        file = (io.BytesIO(content), "boxes.csv")
        headers = {"Accept-Language": of_the_browser}
        asked = api("POST", "/devices/imports", data={"file": file}, headers=headers)
        assert asked.status_code == 202
        with sqlite_db.read() as session:
            (waiting,) = jobs.waiting(session, now=NOW)
        handlers = wire_rooms().jobs
        jobs.run(sqlite_db, files, handlers, waiting, clock=lambda: NOW, actor_of=job_actor)
        with sqlite_db.read() as session:
            return session.get_one(Job, waiting)

    rows, table = ask(b"serial,model\nSN-1,NONE\n"), ask(b"nothing,known\n")

    report = files.path(rows.report_sha256 or "").read_text(encoding="utf-8-sig").splitlines()
    assert rows.title == "استيراد الملف boxes.csv"
    assert report == [
        "line,column,severity,value,reason",
        "2,model,refused,NONE,لا يوجد طراز بالرمز NONE.",
    ]
    assert table.error == "لا يسمّي السطر الأول عمود «serial» ولا عمود «external_id»."


# Who asked, has the right to it still


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({}, None),
        ({"is_active": False}, "The account of agent.operator was deactivated"),
        ({"role": "technician"}, "Your role does not allow: Export boxes"),
        ({"organisation": "cairo"}, "has gone to another organisation"),
    ],
)
def test_work_is_done_for_who_may_ask_for_it_today_alone(
    people: People, sqlite_db: Database, files: FileStore, change: dict[str, Any], sentence: str
) -> None:
    people.organisation("cairo")
    person = people.person("agent")
    with sqlite_db.write() as session:
        asked = session.get_one(Person, person.id)
        key = enqueue_export(
            session, wanted=DeviceFilter(), form="csv", actor=actor_of(asked), now=NOW
        ).id
        asked.is_active = change.get("is_active", True)
        if "role" in change:
            asked.role = session.scalars(select(Role).filter_by(name=change["role"])).one()
        if "organisation" in change:
            asked.organisation = organisation_by_ref(session, change["organisation"], EVERYTHING)

    handlers = allowed(wire_rooms().jobs)
    jobs.run(sqlite_db, files, handlers, key, clock=lambda: NOW, actor_of=job_actor)

    with sqlite_db.read() as session:
        job = session.get_one(Job, key)
    assert job.state == ("failed" if sentence else "done")
    assert (sentence or "") in (job.error or "")
    assert (job.report_sha256 is None) is bool(sentence)


def test_every_kind_of_work_is_called_as_the_verb_that_allows_it() -> None:
    assert set(wire_rooms().jobs) <= set(VERBS)


def test_the_page_of_ended_work_names_its_figures_in_the_language_of_the_reader(
    client: FlaskClient, sqlite_db: Database
) -> None:
    result = {
        "rows": 1200,
        "created": 1,
        "changed": 2,
        "unchanged": 3,
        "refused": 4,
        "warnings": 5,
        "dry_run": True,
        "unknown_columns": "x",
        "format": "csv",
    }
    with sqlite_db.write() as session:
        job = jobs.enqueue(session, kind=IMPORT, title="t", arguments={}, actor=SYSTEM, now=NOW)
        job.state, job.started_at, job.finished_at, job.result = jobs.DONE, NOW, NOW, result

    def facts(language: str) -> dict[str, str]:
        page = client.get(f"/jobs/{job.public_id}", headers={"Accept-Language": language}).text
        return dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page)[-len(result) :])

    english, arabic = facts("en"), facts("ar")

    assert list(english) == [str(words) for words in jobs.FIGURES.values()]
    assert (english["Rows"], english["Trial"]) == ("1,200", "yes")
    assert all(re.search("[\u0600-\u06ff]", name) for name in arabic)
    assert "نعم" in arabic.values()


# A real worker, really killed


@pytest.fixture(params=KINDS)
def live(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> Iterator[Live]:
    url = None
    if request.param == "postgresql":
        url = databases.make("postgresql").engine.url.render_as_string(hide_password=False)
    with live_service(tmp_path / "home", url) as service:
        yield service


def state_of(live: Live, job_id: int) -> Job:
    with live.db.read() as session:
        return session.get_one(Job, job_id)


def test_an_import_whose_worker_is_killed_is_finished_by_the_next_one_with_nothing_twice(
    live: Live,
) -> None:
    rows = 1500
    model = MODELS[0]["code"]
    lines = [f"X-{n},KILL{n:08d},AX1,{model}\n" for n in range(rows)]
    stored = live.files.keep_bytes("".join(["external_id,serial,batch,model\n", *lines]).encode())
    now = datetime.now(UTC)
    with live.db.write() as session:
        load_demo(session, actor=SYSTEM, now=now, seed=1, boxes=0)
        key = enqueue_import(
            session,
            kind=IMPORT,
            stored=stored,
            name="boxes.csv",
            dry_run=False,
            actor=SYSTEM,
            now=now,
        ).id
        outbox.emit(session, topic="box.appeared", key="one", payload={"uid": "appeared"}, now=now)
    live.start("worker")
    wait_for(lambda: state_of(live, key).done_count > 0, seconds=60, what="some progress")
    live.processes[-1].send_signal(signal.SIGKILL)
    live.processes.pop().wait(20)
    killed = state_of(live, key)
    with live.db.write() as session:  # a minute and a lease later
        session.get_one(Job, key).lease_until = now
        for lease in session.scalars(select(leases.Lease)):
            lease.until = now

    live.start("worker")
    wait_for(lambda: state_of(live, key).is_finished, seconds=90, what="the end of the work")

    ended = state_of(live, key)
    with live.db.read() as session:
        serials = session.scalars(select(Device.serial).where(Device.batch == "AX1")).all()
        entries = session.scalars(
            select(AuditEntry.subject_label).where(AuditEntry.verb == "device.create")
        ).all()
        effect = session.scalars(select(OutboxEntry).where(OutboxEntry.key == "one")).one()
    assert (killed.state, ended.state, ended.attempts) == ("running", "done", 2), ended.error
    assert len(serials) == len(set(serials)) == rows
    assert len([label for label in entries if "KILL" in label]) == rows
    assert (effect.attempts, effect.error) == (1, None)


def test_a_worker_ends_in_peace_on_sigint(tmp_path: Path) -> None:
    with live_service(tmp_path / "home") as service:
        worker = subprocess.Popen(
            [sys.executable, "-m", "stb_service", "worker"],
            env=service.environ,
            stderr=subprocess.PIPE,
        )

        def ticks() -> bool:
            with service.db.read() as session:
                return session.scalar(select(leases.Lease.id)) is not None

        wait_for(ticks, seconds=60, what="the first tick")
        worker.send_signal(signal.SIGINT)
        worker.wait(20)

        assert worker.returncode == 0
        assert worker.stderr is not None
        assert b"Traceback" not in worker.stderr.read()
        worker.stderr.close()

"""Work that has ended, effects that were carried out, files that nothing refers to."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from firmware.images.operations import add_image
from stb_service.admin import retention
from stb_service.shared import jobs, outbox
from stb_service.shared.access import SYSTEM, Actor
from stb_service.shared.audit import AuditEntry
from stb_service.shared.db import Database
from stb_service.shared.files import FileStore
from stb_service.shared.jobs import Job
from stb_service.shared.outbox import OutboxEntry
from tests.conftest import NOW

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
MakeJob = Callable[..., int]


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "SLICE", 2)


@pytest.fixture
def add(db: Database) -> MakeJob:
    def make(arguments: dict[str, Any] | None = None, **values: Any) -> int:
        with db.write() as session:
            job = jobs.enqueue(
                session, kind="k", title="t", arguments=arguments or {}, actor=SYSTEM, now=NOW
            )
            for name, value in values.items():
                setattr(job, name, value)
            return job.id

    return make


def ids(db: Database, model: type[Job | OutboxEntry]) -> list[int]:
    with db.read() as session:
        return list(session.scalars(select(model.id).order_by(model.id)))


def stored(files: FileStore, content: bytes, age: timedelta) -> str:
    found = files.keep_bytes(content)
    moment = (NOW - age).timestamp()
    os.utime(files.path(found.sha256), (moment, moment))
    return found.sha256


def test_work_goes_when_it_has_ended_long_ago(db: Database, add: MakeJob) -> None:
    for age in (5 * SECOND, 3 * SECOND, SECOND):
        add(state="done", finished_at=NOW - age)
    kept = [add(state="failed", finished_at=NOW), add(), add(state="running", started_at=NOW - DAY)]

    assert [retention.forget_jobs(db, before=NOW) for _ in range(2)] == [3, 0]
    assert ids(db, Job) == kept


def test_effects_go_when_they_were_carried_out_and_never_those_that_failed(db: Database) -> None:
    with db.write() as session:
        for key in "abc":
            outbox.emit(session, topic="t", key=key, payload={}, now=NOW - 9 * DAY)
    outbox.deliver(db, {"t": lambda *_: None}, now=NOW - SECOND)
    with db.write() as session:
        for key in ("failed", "waiting"):
            outbox.emit(session, topic="t", key=key, payload={}, now=NOW - 9 * DAY)
        session.scalars(select(OutboxEntry).where(OutboxEntry.key == "failed")).one().attempts = 8

    assert outbox.forget_done(db, before=NOW - SECOND, limit=2) == 0
    assert outbox.forget_done(db, before=NOW, limit=2) == 3
    assert len(ids(db, OutboxEntry)) == 2


def test_files_that_nothing_refers_to_go(db: Database, files: FileStore, add: MakeJob) -> None:
    asked, report, unused, other = (
        stored(files, name, 2 * DAY) for name in (b"asked", b"report", b"unused", b"other")
    )
    young = stored(files, b"young", DAY - SECOND)
    add({"sha256": asked, "name": "boxes.csv"})
    add({"filter": {}}, state="done", finished_at=NOW, report_sha256=report)

    assert retention.sweep_files(db, files, before=NOW - DAY) == 2
    assert [files.path(d).exists() for d in (asked, report, young)] == [True] * 3
    assert [files.path(d).exists() for d in (unused, other)] == [False] * 2
    assert list((files.root / "incoming").iterdir()) == []


def test_the_file_of_an_image_stays(db: Database, files: FileStore, actor: Actor) -> None:
    with files.receiving() as incoming:
        incoming.write(b"firmware")
        with db.write() as session:
            image = add_image(
                session,
                files,
                incoming=incoming,
                name="F",
                version="1.0",
                fits=[("AX1", "*")],
                filename="f.swu",
                actor=actor,
                now=NOW,
            )
    os.utime(files.path(image.sha256), (1000, 1000))

    assert retention.sweep_files(db, files, before=NOW) == 0
    assert files.path(image.sha256).exists()


def test_an_upload_under_way_is_left_alone(db: Database, files: FileStore) -> None:
    with files.receiving() as incoming:
        incoming.write(b"half")
        os.utime(incoming.path, (1000, 1000))

        assert retention.sweep_files(db, files, before=NOW) == 0
        assert incoming.path.exists()


def test_a_file_that_comes_anew_while_it_is_taken_out_is_given_back(
    sqlite_db: Database, files: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = stored(files, b"again", 2 * DAY)
    unused = retention._unused

    def meanwhile(db: Database, paths: Any) -> Any:
        found = unused(db, paths)
        files.keep_bytes(b"again")
        return found

    monkeypatch.setattr(retention, "_unused", meanwhile)

    assert retention.sweep_files(sqlite_db, files, before=NOW - DAY) == 0
    assert files.path(digest).read_bytes() == b"again"


def test_a_store_that_is_not_there_yet_is_no_fault(db: Database, files: FileStore) -> None:
    assert retention.sweep_files(db, files, before=NOW) == 0


def test_everything_goes_by_one_span_and_the_audit_stays(
    db: Database, files: FileStore, add: MakeJob, actor: Actor, now: datetime
) -> None:
    digest = stored(files, b"report", 9 * DAY)
    add(state="done", finished_at=NOW - 5 * DAY, report_sha256=digest)
    with db.write() as session:
        session.add(
            AuditEntry(
                at=NOW - 999 * DAY,
                actor_kind="person",
                actor_ref="r",
                actor_label="l",
                verb="v",
                subject_kind="s",
                subject_ref="r",
                subject_label="l",
                changes={},
            )
        )

    early = retention.apply(db, files, keep=6 * DAY, now=NOW)
    late = retention.apply(db, files, keep=5 * DAY - SECOND, now=NOW)

    assert {name for name, count in early.items() if count} == set()
    assert {name for name, count in late.items() if count} == {"jobs", "files"}
    with db.read() as session:
        assert session.scalar(select(func.count()).select_from(AuditEntry)) == 1

"""Runs in both databases: the same bytes are one run, and what changes is in the audit."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from firmware.verdicts import queries
from firmware.verdicts.models import LabRun
from firmware.verdicts.operations import take_run
from firmware.verdicts.rules import Evidence, read_junit, read_result
from stb_service.shared.access import Actor
from stb_service.shared.audit import AuditEntry
from stb_service.shared.db import Database
from stb_service.shared.files import FileStore
from tests.firmware.verdicts.test_runs import JUNIT, REPORT, as_bytes


def test_a_run_is_kept_once_and_gains_its_report(
    session: Session, files: FileStore, actor: Actor, now: datetime
) -> None:
    def take(report: bytes | None) -> Any:
        return take_run(
            session,
            sent=read_result(as_bytes(seed=2**62)),
            evidence=Evidence.EMULATED,
            result=files.keep_bytes(as_bytes(seed=2**62)),
            report=files.keep_bytes(report) if report else None,
            image=None,
            actor=actor,
            now=now,
        )

    (run, is_new), (again, is_new_again) = take(None), take(REPORT)
    third, _ = take(b"another report")

    assert (is_new, is_new_again) == (True, False)
    assert run is again is third
    assert run.report_sha256 == files.keep_bytes(REPORT).sha256
    assert run.seed == 2**62
    changes = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [entry.verb for entry in changes] == ["lab_run.take", "lab_run.take"]
    used = {run.result_sha256, run.report_sha256}
    assert queries.digests_in_use(session, {*used, "0" * 64}) == used


def test_runs_are_found_by_what_they_are(
    session: Session, files: FileStore, actor: Actor, now: datetime
) -> None:
    for sent, data in ((read_result(as_bytes()), as_bytes()), (read_junit(JUNIT), JUNIT)):
        take_run(
            session,
            sent=sent,
            evidence=sent.evidence,
            result=files.keep_bytes(data),
            report=None,
            image=None,
            actor=actor,
            now=now,
        )

    def names(**wanted: Any) -> list[str]:
        return [run.name for run in queries.runs_page(session, **wanted).rows]

    assert names() == ["bench 4", "burst-loss"]
    assert names(evidence="real_box") == ["bench 4"]
    assert names(name="burst-loss", verdict="fail") == ["burst-loss"]
    assert names(verdict="pass") == []
    assert [run.name for run in queries.runs_named(session, "BENCH", limit=5)] == ["bench 4"]
    assert queries.runs_named(session, "%", limit=5) == []
    assert queries.runs_by_verdict(session) == {"fail": 2}


@pytest.mark.race
def test_one_run_sent_by_many_at_once_is_kept_once_and_counted_as_often_as_it_was_taken(
    db: Database, files: FileStore, actor: Actor, now: datetime
) -> None:
    barrier = threading.Barrier(8)
    stored = files.keep_bytes(JUNIT)

    def send(_number: int) -> bool:
        barrier.wait()
        try:
            with db.write() as session:
                take_run(
                    session,
                    sent=read_junit(JUNIT),
                    evidence=Evidence.REAL_BOX,
                    result=stored,
                    report=None,
                    image=None,
                    actor=actor,
                    now=now,
                )
        except IntegrityError:  # the edge answers 409
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(send, range(8)))

    with db.read() as session:
        run = session.scalars(select(LabRun)).one()
        entries = session.scalars(select(AuditEntry.verb)).all()
    assert any(taken)
    assert run.times_sent == taken.count(True)
    assert entries == ["lab_run.take"]

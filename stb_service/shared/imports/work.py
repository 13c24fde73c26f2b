"""The work of importing a file: how it is asked for, and what it comes to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

from sqlalchemy.orm import Session

from stb_service.shared import jobs
from stb_service.shared.access import Actor
from stb_service.shared.files import Stored
from stb_service.shared.i18n import text
from stb_service.shared.imports.reports import Report
from stb_service.shared.jobs import Job, Outcome, Work
from stb_service.shared.tables import AUTO, write_csv


def enqueue_import(
    session: Session,
    *,
    kind: str,
    stored: Stored,
    name: str,
    encoding: str = AUTO,
    dry_run: bool,
    actor: Actor,
    now: datetime,
) -> Job:
    """Ask for the import of a file that was received, in an encoding of `ENCODING_NAMES`."""
    title = text("Trial import of %(name)s") if dry_run else text("Import of %(name)s")
    return jobs.enqueue(
        session,
        kind=kind,
        title=str(text(title.msgid, name=name[:120])),
        arguments={
            "sha256": stored.sha256,
            "name": name[:120],
            "encoding": encoding,
            "dry_run": dry_run,
        },
        actor=actor,
        now=now,
    )


def enqueue_again(session: Session, *, trial: Job, actor: Actor, now: datetime) -> Job:
    """Ask for the import of a trial's file for good. Asked for twice, it is done once."""
    name = trial.arguments["name"]
    return jobs.enqueue(
        session,
        kind=trial.kind,
        title=str(text("Import of %(name)s", name=name)),
        arguments={**trial.arguments, "dry_run": False},
        actor=actor,
        now=now,
        key=f"{trial.kind}:{trial.public_id}",
    )


def run_import(take: Callable[..., Report], work: Work, **more: Any) -> Outcome:
    """Import the file of some work as a room takes it (`FileImport.of_file`), which has to know
    `more`; the report holds every refused row and every warning.
    """
    report = take(
        work.db,
        work.files.path(work.arguments["sha256"]),
        name=work.arguments["name"],
        actor=work.actor,
        clock=work.clock,
        encoding=work.arguments["encoding"],
        dry_run=work.arguments["dry_run"],
        progress=work.progress,
        **more,
    )
    if not report.remarks:
        return Outcome(report.figures())
    with work.files.receiving() as incoming:
        write_csv(cast("Any", incoming), report.table())
        stored = work.files.keep(incoming)
    return Outcome(report.figures(), stored.sha256, "import-report.csv")

"""What has had its time: removed every hour, a little at a time. The audit is never touched."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import delete, select

from firmware.images import queries as images
from firmware.rollouts import retention as rollouts
from firmware.verdicts import queries as verdicts
from stb_service.rma import queries as returns
from stb_service.shared import outbox
from stb_service.shared.db import Database
from stb_service.shared.files import FileStore
from stb_service.shared.jobs import Job

log = structlog.get_logger()

SLICE = 500
FILE_AGE = timedelta(days=1)  # what refers to a file is written soon after the file


def apply(db: Database, files: FileStore, *, keep: timedelta, now: datetime) -> dict[str, int]:
    """Remove what is older than `keep`, and files that nothing refers to; return how many of each."""
    before = now - keep
    removed = {
        "decisions": rollouts.forget_decisions(db, before=before),
        "reports": rollouts.forget_reports(db, before=before),
        "moves": rollouts.forget_moves(db, before=before),
        "jobs": forget_jobs(db, before=before),
        "outbox": outbox.forget_done(db, before=before),
        "files": sweep_files(db, files, before=now - FILE_AGE),
    }
    log.info("retention", **removed)
    return removed


def forget_jobs(db: Database, *, before: datetime) -> int:
    """Remove long work that had ended by that moment; return how much. Its files are swept."""
    forgotten = 0
    old = select(Job.id).where(Job.finished_at < before).limit(SLICE)
    while True:
        with db.read() as session:
            ids = session.scalars(old).all()
        if not ids:
            return forgotten
        with db.write() as session:
            session.execute(delete(Job).where(Job.id.in_(ids)))
        forgotten += len(ids)


def sweep_files(db: Database, files: FileStore, *, before: datetime) -> int:
    """Remove files of the store that nothing refers to; return how many.

    Files that came after `before` are left alone: the row that will refer to them may not be
    written yet.
    """
    moment = before.timestamp()
    return sum(
        _drop(files, path, moment)
        for paths in _old_files(files, moment)
        for path in _unused(db, paths)
    )


def _old_files(files: FileStore, moment: float) -> Iterator[list[Path]]:
    for folder in sorted(files.root.glob("[0-9a-f][0-9a-f]")):
        old = [path for path in folder.iterdir() if _is_older(path, moment)]
        for start in range(0, len(old), SLICE):
            yield old[start : start + SLICE]


def _is_older(path: Path, moment: float) -> bool:
    """Tell whether a file is there and older; another worker may sweep too."""
    try:
        return path.stat().st_mtime < moment
    except FileNotFoundError:
        return False


def _unused(db: Database, paths: Sequence[Path]) -> list[Path]:
    with db.read() as session:
        among = {path.name for path in paths}
        used = images.digests_in_use(session, among) | verdicts.digests_in_use(session, among)
        used |= returns.digests_in_use(session, among)
        for report, arguments in session.execute(select(Job.report_sha256, Job.arguments)):
            used |= {report, arguments.get("sha256")}
    return [path for path in paths if path.name not in used]


def _drop(files: FileStore, path: Path, moment: float) -> bool:
    """Take a file out of its place, and give it back if it came anew just then."""
    aside = files.root / "incoming" / f"{path.name}.unused"
    aside.parent.mkdir(exist_ok=True)
    with contextlib.suppress(FileNotFoundError):  # another worker was faster
        path.replace(aside)
        if _is_older(aside, moment):
            aside.unlink()
            return True
        aside.replace(path)
    return False

"""Long work: a row says what is to be done and how far it is; Huey's workers do it.

The row is the truth. A worker holds it by a lease that each step of progress renews; work
whose lease has run out (its worker was killed) is handed out again, as is work that met a fault, so a
handler must be able to start over without doing anything twice. It speaks to whoever asked for
the work, in the language and the time zone they asked in.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Index, String, and_, or_, select, update
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, Session, mapped_column

from stb_service.shared.access import Actor
from stb_service.shared.db import Base, Database, Public
from stb_service.shared.errors import DomainError, NotFound
from stb_service.shared.files import FileStore
from stb_service.shared.i18n import Text, foreign_text, speaking, spoken, text

log = structlog.get_logger()

LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 3

YES, NO = text("yes"), text("no")
FIGURES = {
    "rows": text("Rows"),
    "created": text("New ones"),
    "changed": text("Changed"),
    "unchanged": text("Unchanged"),
    "refused": text("Refused"),
    "warnings": text("Warnings"),
    "dry_run": text("Trial"),
    "unknown_columns": text("Columns passed over"),
    "format": text("Format"),
}
"""The words for what handlers count; a name that is not here is shown as it is."""

QUEUED, RUNNING, DONE, FAILED = "queued", "running", "done", "failed"


class Job(Public, Base):
    """One piece of long work. Progress counts in the handler's own units."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index(
            "ix_jobs_open",
            "created_at",
            sqlite_where=sql("finished_at IS NULL"),
            postgresql_where=sql("finished_at IS NULL"),
        ),
    )

    kind: Mapped[str] = mapped_column(String(64))
    title: Mapped[str] = mapped_column(String(200))
    arguments: Mapped[dict[str, Any]]
    key: Mapped[str | None] = mapped_column(String(128), unique=True)
    state: Mapped[str] = mapped_column(String(16), default=QUEUED)
    actor_ref: Mapped[str] = mapped_column(String(64), index=True)
    actor_label: Mapped[str] = mapped_column(String(128))
    token_ref: Mapped[str | None] = mapped_column(String(16))
    token_label: Mapped[str | None] = mapped_column(String(64))
    organisation_id: Mapped[int | None]
    language: Mapped[str] = mapped_column(String(16))
    timezone: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    done_count: Mapped[int] = mapped_column(default=0)
    total_count: Mapped[int | None]
    result: Mapped[dict[str, Any] | None]
    error: Mapped[str | None] = mapped_column(String(1000))
    report_sha256: Mapped[str | None] = mapped_column(String(64))
    report_name: Mapped[str | None] = mapped_column(String(200))

    @property
    def figures(self) -> list[tuple[Text, Any]]:
        """Return what the work came to: each figure with its words; true and false in words too."""
        return [
            (FIGURES.get(name) or foreign_text(name), _in_words(value))
            for name, value in (self.result or {}).items()
        ]

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in {DONE, FAILED}

    def remaining_s(self, now: datetime) -> float | None:
        """Estimate the seconds left from the pace so far; None where nothing is known yet."""
        if not (self.started_at and self.total_count and self.done_count) or self.is_finished:
            return None
        spent_s = (now - self.started_at).total_seconds()
        return spent_s * (self.total_count - self.done_count) / self.done_count


def _in_words(value: Any) -> Any:
    return (YES if value else NO) if isinstance(value, bool) else value


class Overtaken(Exception):
    """The lease was lost, and a later attempt has the word."""


@dataclass(frozen=True)
class Work:
    """What a handler gets: its arguments, the stores, and a way to say how far it is."""

    db: Database
    files: FileStore
    job_id: int
    attempt: int
    arguments: dict[str, Any]
    actor: Actor
    clock: Callable[[], datetime]

    def progress(self, done: int, total: int | None) -> None:
        """Record how far the work is and renew the lease.

        Raises:
            Overtaken: the work was handed out again; the handler leaves it at that.
        """
        with self.db.write() as session:
            renewed = session.scalar(
                update(Job)
                .where(Job.id == self.job_id, Job.attempts == self.attempt, Job.state == RUNNING)
                .values(done_count=done, total_count=total, lease_until=self.clock() + LEASE)
                .returning(Job.id)
            )
        if renewed is None:
            raise Overtaken


@dataclass(frozen=True)
class Outcome:
    """What a handler returns: figures for the page, and a file to download."""

    result: dict[str, Any]
    report_sha256: str | None = None
    report_name: str | None = None


Handler = Callable[[Work], Outcome]


def enqueue(
    session: Session,
    *,
    kind: str,
    title: str,
    arguments: Mapping[str, Any],
    actor: Actor,
    now: datetime,
    key: str | None = None,
) -> Job:
    """Add work to the unit of work. The same key twice is one job."""
    if key is not None:
        known = session.scalar(select(Job).where(Job.key == key))
        if known is not None:
            return known
    language, timezone = spoken() or (actor.language or "en", actor.timezone or "UTC")
    job = Job(
        kind=kind,
        title=title[:200],
        arguments=dict(arguments),
        key=key,
        actor_ref=actor.ref,
        actor_label=actor.label,
        token_ref=actor.token_ref,
        token_label=actor.token_label,
        organisation_id=actor.organisation_id,
        language=language,
        timezone=timezone,
        created_at=now,
    )
    session.add(job)
    session.flush()
    return job


def work_by_ref(session: Session, ref: str, kinds: Collection[str], actor: Actor) -> Job:
    """Return long work of some kinds: what one asked for oneself in the organisation one is in
    today, or anyone's for whoever may read the audit.

    Raises:
        NotFound: there is none that the actor may see.
        Forbidden: the actor may no longer do what the work does.
    """
    job = session.scalar(select(Job).where(Job.public_id == ref, Job.kind.in_(kinds)))
    reads_all = actor.scope.is_everything and actor.can("audit.view")
    if job is None:
        raise NotFound(text("There is no such work."))
    own = (job.actor_ref, job.organisation_id) == (actor.ref, actor.organisation_id)
    if not (own or reads_all):
        raise NotFound(text("There is no such work."))
    actor.demand(job.kind)  # a kind of work is called as the verb that allows it
    return job


def trial_by_ref(session: Session, ref: str, kind: str, actor: Actor) -> Job:
    """Return the trial of an import.

    Raises:
        NotFound: there is none that the actor may see.
        Forbidden: the actor may no longer import.
    """
    job = work_by_ref(session, ref, [kind], actor)
    if not job.arguments["dry_run"]:
        raise NotFound(text("There is no such trial."))
    return job


def waiting(session: Session, *, now: datetime) -> list[int]:
    """Return the ids of jobs that no living worker holds."""
    return list(
        session.scalars(
            select(Job.id)
            .where(
                or_(
                    Job.state == QUEUED,
                    and_(Job.state == RUNNING, Job.lease_until < now),
                )
            )
            .order_by(Job.id)
        )
    )


def _take(session: Session, job_id: int, now: datetime) -> Job | None:
    job = session.get(Job, job_id, with_for_update={"skip_locked": True})
    if job is None or job.is_finished:
        return None
    if job.state == RUNNING and job.lease_until is not None and job.lease_until >= now:
        return None
    if job.attempts >= MAX_ATTEMPTS:
        _give_up(job, now)
        return None
    job.attempts += 1
    job.state, job.lease_until = RUNNING, now + LEASE
    job.started_at = job.started_at or now
    return job


def run(
    db: Database,
    files: FileStore,
    handlers: Mapping[str, Handler],
    job_id: int,
    *,
    clock: Callable[[], datetime],
    actor_of: Callable[[Session, str], Actor],
) -> bool:
    """Do one job if nobody else does; return whether it was done here.

    A `DomainError` ends the job with its reason. After any other error, or the death of its
    worker, it is run again, `MAX_ATTEMPTS` times in all.
    """
    with db.write() as session:
        job = _take(session, job_id, clock())
        if job is None:
            return False
        person = actor_of(session, job.actor_ref)
    actor = replace(person, token_ref=job.token_ref, token_label=job.token_label)
    work = Work(db, files, job_id, job.attempts, job.arguments, actor, clock)
    with speaking(job.language, job.timezone):
        return _attempt(handlers, job, work)


def _attempt(handlers: Mapping[str, Handler], job: Job, work: Work) -> bool:
    try:
        outcome = handlers[job.kind](work)
    except Overtaken:
        log.warning("job overtaken", job=job.public_id, attempt=work.attempt)
        return False
    except DomainError as error:
        return _finish(work, error=str(error))
    except Exception:
        log.exception("job", job=job.public_id, attempt=work.attempt)
        return _put_back(work)
    return _finish(work, outcome=outcome)


def _held(session: Session, work: Work) -> Job | None:
    """Return the job, unless the lease was lost and a later attempt has the word."""
    job = session.get_one(Job, work.job_id, with_for_update=True)
    return job if job.attempts == work.attempt and not job.is_finished else None


def _finish(work: Work, *, outcome: Outcome | None = None, error: str | None = None) -> bool:
    """Write how an attempt ended."""
    with work.db.write() as session:
        job = _held(session, work)
        if job is None:
            return False
        job.state = FAILED if outcome is None else DONE
        job.finished_at, job.lease_until = work.clock(), None
        job.error = error[:1000] if error else None
        if outcome is not None:
            job.result = outcome.result
            job.report_sha256, job.report_name = outcome.report_sha256, outcome.report_name
    return True


def _put_back(work: Work) -> bool:
    """Let the work be handed out again, or give it up."""
    with work.db.write() as session:
        job = _held(session, work)
        if job is None:
            return False
        job.state, job.lease_until = QUEUED, None
        if job.attempts >= MAX_ATTEMPTS:
            _give_up(job, work.clock())
    return True


def _give_up(job: Job, now: datetime) -> None:
    log.error("job given up", job=job.public_id, attempts=job.attempts)
    job.state, job.finished_at, job.lease_until = FAILED, now, None
    with speaking(job.language, job.timezone):
        job.error = str(
            text(
                "This work failed %(count)s times and was given up. The log of the service tells "
                "why, under %(job)s.",
                count=job.attempts,
                job=job.public_id,
            )
        )

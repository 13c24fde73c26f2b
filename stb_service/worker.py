"""The worker: Huey's threads do long work, and a ticker does what only time decides.

The ticker runs every second under a lease, so two workers do its work once: it lets time
move rollouts, delivers the outbox, and hands waiting jobs to Huey. What Huey forgets when it
is killed is found again by the job's expired lease.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from huey import SqliteHuey, crontab
from prometheus_client import Counter, Histogram
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from firmware.rollouts import engine
from firmware.rollouts import queries as rollouts
from firmware.wires import strangers
from stb_service.admin import retention
from stb_service.app import wire_rooms
from stb_service.billing import operations as quotes
from stb_service.rma import answers, exchange
from stb_service.shared import jobs, leases, metrics, outbox
from stb_service.shared.access import SYSTEM, Actor
from stb_service.shared.clock import utc_now
from stb_service.shared.db import Database
from stb_service.shared.errors import Forbidden
from stb_service.shared.files import FileStore
from stb_service.shared.http import idempotency
from stb_service.shared.i18n import text
from stb_service.shared.metrics import Counts
from stb_service.shared.registries import Registries
from stb_service.shared.settings import Settings
from stb_service.staff import operations as staff
from stb_service.staff.queries import actor_of, find_person

log = structlog.get_logger()

TICK_S = 1.0
LEASE = timedelta(seconds=10)
HANDED_FOR_S = 30.0
STALE_UPLOAD_S = 86400.0


class Meters:
    """What the worker counts, told by the staff app of the same machine."""

    def __init__(self, counts: Counts) -> None:
        own = counts.own
        self.ticks = Histogram("stb_tick_seconds", "Time of a tick of the worker", registry=own)
        self.failures = Counter(
            "stb_tick_failures", "Steps of ticks that failed", ["step"], registry=own
        )
        self.jobs = Histogram(
            "stb_job_seconds", "Time of long work", ["kind", "outcome"], registry=own
        )

    def timed(self, handlers: Mapping[str, jobs.Handler]) -> dict[str, jobs.Handler]:
        """Return handlers of long work whose time and outcome (done, failed) are counted."""
        return {kind: partial(self._run, kind, handler) for kind, handler in handlers.items()}

    def _run(self, kind: str, handler: jobs.Handler, work: jobs.Work) -> jobs.Outcome:
        started, outcome = time.monotonic(), jobs.FAILED
        try:
            result = handler(work)
            outcome = jobs.DONE
        finally:
            self.jobs.labels(kind, outcome).observe(time.monotonic() - started)
        return result


class Ticker:
    """What is done every second, by one worker of all."""

    def __init__(
        self,
        db: Database,
        registries: Registries,
        hand_out: Callable[[int], Any],
        meters: Meters | None = None,
    ) -> None:
        self._meters = meters or Meters(Counts())
        self._db = db
        self._registries = registries
        self._hand_out = hand_out
        self._holder = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._handed: dict[int, float] = {}
        self._stop = threading.Event()

    def tick(self, now: datetime) -> bool:
        """Do everything that is due; return whether this worker has the lease.

        What fails is logged, and holds up nothing else.
        """
        if not self._has_lease(now):
            return False
        with self._meters.ticks.time():
            return self._do_all(now)

    def _do_all(self, now: datetime) -> bool:
        with self._db.read() as session:
            running = list(rollouts.ticking_ids(session))
            waiting = jobs.waiting(session, now=now)
        for rollout_id in running:
            self._guarded("rollout", partial(self._move, rollout_id, now))
            if not self._has_lease(utc_now()):
                return False
        self._guarded("outbox", lambda: outbox.deliver(self._db, self._registries.outbox, now=now))
        self._hand_out_jobs(waiting)
        return True

    def _has_lease(self, now: datetime) -> bool:
        with self._db.write() as session:
            return leases.take(session, name="ticker", holder=self._holder, span=LEASE, now=now)

    def _move(self, rollout_id: int, now: datetime) -> None:
        """Let time move a rollout; one that has nothing to do takes no write lock."""
        with self._db.read() as session:
            due = engine.needs_tick(session, rollout_id=rollout_id, now=now)
        if due:
            with self._db.write() as session:
                engine.tick(session, rollout_id=rollout_id, now=now)

    def _guarded(self, what: str, work: Callable[[], Any]) -> None:
        try:
            work()
        except Exception:
            self._meters.failures.labels(what).inc()
            log.exception("tick", what=what)

    def _hand_out_jobs(self, waiting: list[int]) -> None:
        """Give each waiting job to Huey, and again only if nobody has taken it for a while."""
        moment = time.monotonic()
        self._handed = {k: v for k, v in self._handed.items() if moment - v < HANDED_FOR_S}
        for job_id in waiting:
            if job_id not in self._handed:
                self._handed[job_id] = moment
                self._hand_out(job_id)

    def run(self) -> None:
        """Tick until told to stop; what fails is logged and tried again."""
        while not self._stop.wait(TICK_S):
            try:
                self.tick(utc_now())
            except SQLAlchemyError as error:
                self._meters.failures.labels("tick").inc()
                log.warning("tick", error=type(error).__name__)
            except Exception:
                self._meters.failures.labels("tick").inc()
                log.exception("tick")

    def stop(self) -> None:
        """End after the present tick."""
        self._stop.set()


def job_actor(session: Session, ref: str) -> Actor:
    """Return who asked for a job, with what they may do today."""
    person = find_person(session, ref)
    return SYSTEM if person is None else actor_of(person)


def allowed(handlers: Mapping[str, jobs.Handler]) -> dict[str, jobs.Handler]:
    """Return handlers that work only for who may ask for such work at the moment it begins.

    A kind of work is called as the verb that allows it. They raise `Forbidden` where the account
    was deactivated since, or the role or the organisation no longer allows the verb.
    """
    return {kind: partial(_run_allowed, kind, handler) for kind, handler in handlers.items()}


def _run_allowed(kind: str, handler: jobs.Handler, work: jobs.Work) -> jobs.Outcome:
    with work.db.read() as session:
        person = find_person(session, work.actor.ref)
        if person is not None and not person.is_active:
            raise Forbidden(
                text(
                    "The account of %(name)s was deactivated before this work began.",
                    name=person.username,
                )
            )
        asked_in = session.get_one(jobs.Job, work.job_id).organisation_id
    if asked_in != work.actor.organisation_id:
        raise Forbidden(text("Whoever asked for this work has gone to another organisation."))
    work.actor.demand(kind)
    return handler(work)


def housekeeping(db: Database, files: FileStore, *, now: datetime) -> None:
    """Remove what has had its time: sessions, idempotency keys, uploads that were given up, boxes
    that waited for approval and have not polled for long.
    """
    with db.write() as session:
        staff.forget_expired(session, now=now)
        idempotency.forget_old(session, now=now)
    _forget_strangers(db, now)
    files.drop_stale(before=now.timestamp() - STALE_UPLOAD_S)


def _forget_strangers(db: Database, now: datetime) -> None:
    """Remove them in small units of work, between which boxes are heard."""
    forgotten = 1
    while forgotten:
        with db.write() as session:
            forgotten = strangers.forget_unseen(session, now=now)


def expire_quotes(db: Database, *, now: datetime) -> None:
    """Let quotes expire whose last day is over, in small units of work."""
    expired = 1
    while expired:
        with db.write() as session:
            expired = quotes.expire_quotes(session, now=now)


def let_returns_pass(db: Database, *, now: datetime) -> None:
    """Let returns whose time is over go on, in small units of work, each of them once."""
    after: tuple[datetime, int] | None = None
    while True:
        with db.write() as session:
            after = answers.let_time_pass(session, after=after, now=now)
        if after is None:
            return


def run_worker(settings: Settings) -> None:
    """Run until SIGINT or SIGTERM; Huey's consumer handles both, also in the background."""
    metrics.begin(settings, metrics.WORKER)
    meters = Meters(Counts(metrics.folder_of(settings, metrics.WORKER)))
    db = Database(settings.database_url)
    files = FileStore(settings.files_dir)
    registries = wire_rooms(settings.timezone.key)
    registries.outbox[exchange.REPLACED] = exchange.PROVISIONING[settings.provisioning]
    handlers = meters.timed(allowed(registries.jobs))
    huey = SqliteHuey("stb", filename=str(settings.home / "huey.sqlite3"))

    def do_job(job_id: int) -> None:
        jobs.run(db, files, handlers, job_id, clock=utc_now, actor_of=job_actor)

    hand_out = huey.task(name="do_job")(do_job)
    huey.periodic_task(crontab(minute="17"), name="housekeeping")(
        lambda: housekeeping(db, files, now=utc_now())
    )
    huey.periodic_task(crontab(minute="*/5"), name="quotes")(
        lambda: expire_quotes(db, now=utc_now())
    )
    huey.periodic_task(crontab(minute="*/5"), name="returns")(
        lambda: let_returns_pass(db, now=utc_now())
    )
    keep = timedelta(days=settings.retention_days)
    huey.periodic_task(crontab(minute="47"), name="retention")(
        lambda: retention.apply(db, files, keep=keep, now=utc_now())
    )
    ticker = Ticker(db, registries, hand_out, meters)
    thread = threading.Thread(target=ticker.run, name="ticker", daemon=True)
    thread.start()
    try:
        huey.create_consumer(
            workers=2, worker_type="thread", initial_delay=0.2, max_delay=1.0
        ).run()
    finally:
        ticker.stop()
        thread.join(timeout=10)
        db.close()

"""Long work of returns: writing the list to a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any, cast
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from stb_service.rma import board
from stb_service.rma.board import Wanted
from stb_service.rma.models import ReturnCase
from stb_service.rma.told import accounts_told
from stb_service.shared import jobs
from stb_service.shared.access import Actor
from stb_service.shared.db import Database
from stb_service.shared.i18n import text
from stb_service.shared.jobs import Job, Outcome, Work
from stb_service.shared.tables import WRITERS
from stb_service.subscribers.models import Account

EXPORT = "rma.export"
AT_ONCE = 500
COLUMNS = (
    *("number", "external_id", "state", "on_hold", "remedy", "channel", "device", "model"),
    *("account", "handler", "reported_on", "opened_at", "entered_at", "due_at", "closed_at"),
)


@dataclass(frozen=True)
class Reading:
    """Which cases are exported, for whom, and as of when and where."""

    wanted: Wanted
    reader: Actor
    now: datetime
    zone: tzinfo


def enqueue_export(
    session: Session, *, wanted: Wanted, form: str, zone: str, actor: Actor, now: datetime
) -> Job:
    """Ask for the export of a filtered list (`form` is csv or xlsx); days are those of the zone."""
    return jobs.enqueue(
        session,
        kind=EXPORT,
        title=str(text("Export of returns")),
        arguments={"filter": wanted.as_arguments(), "form": form, "zone": zone},
        actor=actor,
        now=now,
    )


def run_export(work: Work) -> Outcome:
    """Write the cases of the list, as far as whoever asked is told of them."""
    form, zone = work.arguments["form"], ZoneInfo(work.arguments["zone"])
    reading = Reading(_wanted(work.arguments["filter"]), work.actor, work.clock(), zone)
    written = 0

    def tell(done: int) -> None:
        nonlocal written
        written = done
        work.progress(done, done)

    rows = rows_of(work.db, reading, tell)
    with work.files.receiving() as incoming:
        WRITERS[form](cast("Any", incoming), rows)
        stored = work.files.keep(incoming)
    return Outcome({"rows": written, "format": form}, stored.sha256, f"returns.{form}")


def _wanted(arguments: dict[str, str]) -> Wanted:
    given: dict[str, Any] = dict(arguments)
    for name in ("opened_from", "opened_to"):
        if name in given:
            given[name] = date.fromisoformat(given[name])
    return Wanted(**given | {"mine": "mine" in given})


def rows_of(db: Database, reading: Reading, tell: Callable[[int], None]) -> Iterator[Sequence[str]]:
    """Yield the header and the cases of an export, read page by page; `tell` hears how many."""
    yield list(COLUMNS)
    done = last = 0
    while True:
        with db.read() as session:
            page = board.cases_after(
                session,
                reading.wanted,
                reading.reader,
                now=reading.now,
                zone=reading.zone,
                after_id=last,
                limit=AT_ONCE,
            )
            told = accounts_told(session, page, reading.reader)
            rows = [_row(case, told.get(case.account_id or 0), reading.reader) for case in page]
        yield from rows
        done += len(page)
        tell(done)
        if len(page) < AT_ONCE:
            return
        last = page[-1].id


def _row(case: ReturnCase, account: Account | None, reader: Actor) -> list[str]:
    """Return a case as cells."""
    own = reader.scope.is_everything or case.handler_id == reader.organisation_id
    instants = ("opened_at", "entered_at", "due_at", "closed_at")
    values: dict[str, Any] = {
        **{name: getattr(case, name) for name in ("number", "external_id", "state", "remedy")},
        "on_hold": "yes" if case.held else "no",
        "channel": case.channel,
        "device": case.device.label,
        "model": case.device.model_code,
        "account": account.number if account else None,
        "handler": case.handler.code if own else None,
        "reported_on": case.reported_on,
        **{name: _instant(getattr(case, name)) for name in instants},
    }
    return ["" if values[name] is None else str(values[name]) for name in COLUMNS]


def _instant(instant: datetime | None) -> str | None:
    return instant.isoformat(timespec="seconds") if instant else None


HANDLERS: dict[str, jobs.Handler] = {EXPORT: run_export}

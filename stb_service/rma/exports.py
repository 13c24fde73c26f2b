"""Long work of returns: writing the list to a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from typing import Any, cast

from flask_babel import get_timezone
from sqlalchemy.orm import Session

from stb_service.rma import board
from stb_service.rma.board import Wanted
from stb_service.rma.models import ReturnCase
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


def enqueue_export(
    session: Session, *, wanted: Wanted, form: str, actor: Actor, now: datetime
) -> Job:
    """Ask for the export of a filtered list (`form` is csv or xlsx)."""
    return jobs.enqueue(
        session,
        kind=EXPORT,
        title=str(text("Export of returns")),
        arguments={"filter": wanted.as_arguments(), "form": form},
        actor=actor,
        now=now,
    )


def run_export(work: Work) -> Outcome:
    """Write the cases of the list, as far as whoever asked is told of them."""
    wanted, form, now = _wanted(work.arguments["filter"]), work.arguments["form"], work.clock()
    written = 0

    def tell(done: int) -> None:
        nonlocal written
        written = done
        work.progress(done, done)

    rows = rows_of(work.db, wanted, work.actor, now, tell)
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


def rows_of(
    db: Database, wanted: Wanted, reader: Actor, now: datetime, tell: Callable[[int], None]
) -> Iterator[Sequence[str]]:
    """Yield the header and the cases of an export, read page by page; `tell` hears how many."""
    yield list(COLUMNS)
    done = last = 0
    while True:
        with db.read() as session:
            page = board.cases_after(
                session,
                wanted,
                reader,
                now=now,
                zone=get_timezone(),
                after_id=last,
                limit=AT_ONCE,
            )
            told = board.accounts_told(session, page, reader)
            rows = [_row(case, told.get(case.account_id or 0), reader) for case in page]
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

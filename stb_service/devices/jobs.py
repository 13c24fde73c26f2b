"""Long work of this room: importing a file, exporting a list. Run again, neither doubles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy.orm import Session

from stb_service.devices import queries
from stb_service.devices.arrivals.columns import COLUMNS
from stb_service.devices.arrivals.imports import import_file
from stb_service.devices.models import Device
from stb_service.devices.queries import DeviceFilter
from stb_service.devices.tables import WRITERS, write_csv
from stb_service.shared import jobs
from stb_service.shared.access import Actor
from stb_service.shared.files import Stored
from stb_service.shared.i18n import text
from stb_service.shared.jobs import Job, Outcome, Work

IMPORT, EXPORT = "devices.import", "devices.export"
AT_ONCE = 500
MAX_UPLOAD_BYTES = 100 * 2**20


def enqueue_import(
    session: Session, *, stored: Stored, name: str, dry_run: bool, actor: Actor, now: datetime
) -> Job:
    """Ask for the import of a file that was received."""
    title = text("Trial import of %(name)s") if dry_run else text("Import of %(name)s")
    return jobs.enqueue(
        session,
        kind=IMPORT,
        title=str(text(title.msgid, name=name[:120])),
        arguments={"sha256": stored.sha256, "name": name[:120], "dry_run": dry_run},
        actor=actor,
        now=now,
    )


def enqueue_again(session: Session, *, trial: Job, actor: Actor, now: datetime) -> Job:
    """Ask for the import of a trial's file for good. Asked for twice, it is done once."""
    name = trial.arguments["name"]
    return jobs.enqueue(
        session,
        kind=IMPORT,
        title=str(text("Import of %(name)s", name=name)),
        arguments={**trial.arguments, "dry_run": False},
        actor=actor,
        now=now,
        key=f"devices.import:{trial.public_id}",
    )


def enqueue_export(
    session: Session, *, wanted: DeviceFilter, form: str, actor: Actor, now: datetime
) -> Job:
    """Ask for the export of a filtered list (`form` is csv or xlsx)."""
    return jobs.enqueue(
        session,
        kind=EXPORT,
        title=str(text("Export of boxes")),
        arguments={"filter": wanted.as_arguments(), "form": form},
        actor=actor,
        now=now,
    )


def run_import(work: Work) -> Outcome:
    """Import the file; the report holds every refused row and every warning."""
    report = import_file(
        work.db,
        work.files.path(work.arguments["sha256"]),
        name=work.arguments["name"],
        actor=work.actor,
        clock=work.clock,
        dry_run=work.arguments["dry_run"],
        progress=work.progress,
    )
    if not report.remarks:
        return Outcome(report.figures())
    with work.files.receiving() as incoming:
        write_csv(cast("Any", incoming), report.table())
        stored = work.files.keep(incoming)
    return Outcome(report.figures(), stored.sha256, "import-report.csv")


def run_export(work: Work) -> Outcome:
    """Write the list to a file that can be imported again."""
    wanted, form = DeviceFilter(**work.arguments["filter"]), work.arguments["form"]
    counter = _Counter(work)
    with work.files.receiving() as incoming:
        WRITERS[form](incoming, counter.rows(wanted))
        stored = work.files.keep(incoming)
    return Outcome({"rows": counter.done, "format": form}, stored.sha256, f"boxes.{form}")


class _Counter:
    """Reads the boxes of an export page by page and says how far it is."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self.done = 0

    def rows(self, wanted: DeviceFilter) -> Iterator[Sequence[str]]:
        work = self._work
        yield [column.name for column in COLUMNS]
        with work.db.read() as session:
            total = queries.devices_count(session, wanted, work.actor.scope)
        last = 0
        while True:
            with work.db.read() as session:
                page = queries.devices_after(
                    session, wanted, work.actor.scope, after_id=last, limit=AT_ONCE
                )
                rows = [row_of(device) for device in page]
            yield from rows
            if len(page) < AT_ONCE:
                self.done += len(page)
                return
            self.done, last = self.done + len(page), page[-1].id
            work.progress(self.done, None if total > queries.COUNT_LIMIT else total)


def row_of(device: Device) -> list[str]:
    """Return a box as the cells of an import file."""
    values: dict[str, Any] = {
        column.name: getattr(device, column.name, None) for column in COLUMNS
    } | {
        "model": device.model_code,
        "revision": device.revision_code,
        "seller": device.seller.code if device.seller else "",
        "custodian": device.custodian.code if device.custodian else "",
        "tags": ", ".join(device.tag_names),
    }
    return ["" if value is None else str(value) for value in values.values()]


HANDLERS: dict[str, jobs.Handler] = {IMPORT: run_import, EXPORT: run_export}

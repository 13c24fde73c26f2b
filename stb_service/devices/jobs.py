"""Long work of this room: importing a file, exporting a list. Run again, neither doubles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any, cast

from sqlalchemy.orm import Session

from stb_service.devices import queries
from stb_service.devices.arrivals.columns import COLUMNS
from stb_service.devices.arrivals.imports import import_file
from stb_service.devices.holdings.queries import numbers_of
from stb_service.devices.models import Device
from stb_service.devices.queries import EXPORT, IMPORT, DeviceFilter
from stb_service.shared import jobs
from stb_service.shared.access import Actor, Scope
from stb_service.shared.db import Database
from stb_service.shared.i18n import text
from stb_service.shared.imports.work import run_import
from stb_service.shared.jobs import Job, Outcome, Work
from stb_service.shared.registries import Keeper, Leaver, Loser
from stb_service.shared.tables import WRITERS

AT_ONCE = 500


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


def run_export(work: Work) -> Outcome:
    """Write the list to a file that can be imported again."""
    wanted, form = DeviceFilter(**work.arguments["filter"]), work.arguments["form"]
    with work.db.read() as session:
        total = queries.devices_count(session, wanted, work.actor.scope, most=None)
    written = 0

    def tell(done: int) -> None:
        nonlocal written
        written = done
        work.progress(done, max(done, total))

    with work.files.receiving() as incoming:
        WRITERS[form](cast("Any", incoming), rows_of(work.db, wanted, work.actor.scope, tell))
        stored = work.files.keep(incoming)
    return Outcome({"rows": written, "format": form}, stored.sha256, f"boxes.{form}")


def rows_of(
    db: Database, wanted: DeviceFilter, scope: Scope, tell: Callable[[int], None]
) -> Iterator[Sequence[str]]:
    """Yield the header and the boxes of an export, read page by page; `tell` hears how many."""
    yield [column.name for column in COLUMNS]
    done = last = 0
    while True:
        with db.read() as session:
            page = queries.devices_after(session, wanted, scope, after_id=last, limit=AT_ONCE)
            held_by = numbers_of(session, [device.id for device in page], scope)
            rows = [row_of(device, scope, held_by.get(device.id, "")) for device in page]
        yield from rows
        done += len(page)
        tell(done)
        if len(page) < AT_ONCE:
            return
        last = page[-1].id


def row_of(device: Device, scope: Scope, account: str) -> list[str]:
    """Return a box as the cells of an import file, as far as the reader is told of it."""
    seller, custodian = (
        queries.told_of(found, scope) for found in (device.seller, device.custodian)
    )
    values: dict[str, Any] = {
        column.name: getattr(device, column.name, None) for column in COLUMNS
    } | {
        "model": device.model_code,
        "revision": device.revision_code,
        "seller": seller.code if seller else "",
        "custodian": custodian.code if custodian else "",
        "account": account,
        "tags": ", ".join(device.tag_names),
    }
    return ["" if value is None else str(value) for value in values.values()]


def handlers(
    keepers: Sequence[Keeper], leavers: Sequence[Leaver], losers: Sequence[Loser]
) -> dict[str, jobs.Handler]:
    """Return what runs this room's long work; `keepers`, `leavers` and `losers` are the
    registries'.
    """
    known: dict[str, Any] = {"keepers": keepers, "leavers": leavers, "losers": losers}
    return {IMPORT: partial(run_import, import_file, **known), EXPORT: run_export}


HANDLERS = handlers((), (), ())

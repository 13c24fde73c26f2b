"""The commands of this room: `stb import` and `stb export`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from stb_service.devices import queries
from stb_service.devices.arrivals.imports import import_file
from stb_service.devices.jobs import rows_of
from stb_service.devices.queries import DeviceFilter
from stb_service.shared.access import EVERYTHING, SYSTEM
from stb_service.shared.clock import utc_now
from stb_service.shared.db import Database
from stb_service.shared.imports import Report
from stb_service.shared.settings import Settings
from stb_service.shared.tables import AUTO, ENCODING_NAMES, WRITERS, write_csv

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)
SHOWN = 20
FILE = click.Path(path_type=Path, dir_okay=False)


@contextmanager
def _bar(words: str) -> Iterator[tuple[Progress, TaskID]]:
    columns = (TextColumn(words), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err) as bar:
        yield bar, bar.add_task("", total=None)


@click.command("import")
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Say what would happen and keep nothing.")
@click.option(
    "--encoding",
    type=click.Choice(list(ENCODING_NAMES)),
    default=AUTO,
    show_default=True,
    help="The encoding of a CSV file.",
)
@click.option("--report", type=FILE, help="Write refused rows and warnings to this CSV file.")
@click.pass_obj
def import_devices(
    settings: Settings, source: Path, encoding: str, report: Path | None, *, dry_run: bool
) -> None:
    """Import boxes from a CSV or XLSX file; good rows are kept, refused ones reported.

    Ends with status 1 if a row was refused.
    """
    with closing(Database(settings.database_url)) as db, _bar("importing") as (bar, task):
        found = import_file(
            db,
            source,
            name=source.name,
            actor=SYSTEM,
            clock=utc_now,
            encoding=encoding,
            dry_run=dry_run,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if report is not None:
        with report.open("wb") as file:
            write_csv(file, found.table())
    _show(found)
    if found.refused:
        raise SystemExit(1)


def _show(found: Report) -> None:
    counts = (
        f"{found.rows} rows: {found.created} new, {found.changed} changed, "
        f"{found.unchanged} unchanged, {found.refused} refused"
    )
    out.print(counts + (" (trial, nothing was kept)" if found.is_dry_run else ""))
    if not found.remarks:
        return
    table = Table("line", "column", "severity", "value", "reason")
    rows = list(found.table())[1:]
    for row in rows[:SHOWN]:
        table.add_row(*row)
    err.print(table)
    if len(rows) > SHOWN:
        err.print(f"... and {len(rows) - SHOWN} more; --report writes them all")


@click.command("export")
@click.argument("target", type=FILE)
@click.option("--model", default="", help="Only boxes of this model.")
@click.option("--status", default="", help="Only boxes of this status.")
@click.option("--tag", default="", help="Only boxes with this tag.")
@click.pass_obj
def export_devices(settings: Settings, target: Path, model: str, status: str, tag: str) -> None:
    """Export boxes to a .csv or .xlsx file that can be imported again."""
    write = WRITERS.get(target.suffix.lower().lstrip("."))
    if write is None:
        raise click.UsageError("the name ends in .csv or .xlsx")
    wanted = DeviceFilter(model=model, status=status, tag=tag)
    with (
        closing(Database(settings.database_url)) as db,
        _bar("exporting") as (bar, task),
        target.open("wb") as file,
    ):
        with db.read() as session:
            count = queries.devices_count(session, wanted, EVERYTHING)
        total = None if count > queries.COUNT_LIMIT else count
        write(
            file,
            rows_of(
                db,
                wanted,
                EVERYTHING,
                lambda done: bar.update(task, completed=done, total=total),
            ),
        )
    out.print(f"written to {target}")

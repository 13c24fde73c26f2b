"""What the commands of rooms have in common: `stb import`, whatever is in the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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

from stb_service.shared.access import SYSTEM
from stb_service.shared.clock import utc_now
from stb_service.shared.db import Database
from stb_service.shared.imports.reports import Report
from stb_service.shared.settings import Settings
from stb_service.shared.tables import AUTO, ENCODING_NAMES, write_csv

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)
SHOWN = 20
FILE = click.Path(path_type=Path, dir_okay=False)


@contextmanager
def progress_bar(words: str) -> Iterator[tuple[Progress, TaskID]]:
    """Show how far some work is."""
    columns = (TextColumn(words), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err) as bar:
        yield bar, bar.add_task("", total=None)


def import_command(name: str, run: Callable[..., Report], meaning: str) -> click.Command:
    """Return the command that imports a file by the same code as its page (`run`)."""

    @click.command(name, help=f"{meaning}\n\nEnds with status 1 if a row was refused.")
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
    def command(
        settings: Settings, source: Path, encoding: str, report: Path | None, *, dry_run: bool
    ) -> None:
        with closing(Database(settings.database_url)) as db, progress_bar("importing") as (bar, of):
            found = run(
                db,
                source,
                name=source.name,
                actor=SYSTEM,
                clock=utc_now,
                encoding=encoding,
                dry_run=dry_run,
                progress=lambda done, total: bar.update(of, completed=done, total=total),
            )
        if report is not None:
            with report.open("wb") as file:
                write_csv(file, found.table())
        _show(found)
        if found.refused:
            raise SystemExit(1)

    return command


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

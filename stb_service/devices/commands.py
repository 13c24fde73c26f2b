"""The commands of this room: `stb import boxes`, `stb import holdings`, `stb export`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from stb_service.devices import queries
from stb_service.devices.arrivals.imports import import_file
from stb_service.devices.holdings.imports import import_holdings
from stb_service.devices.jobs import rows_of
from stb_service.devices.queries import DeviceFilter
from stb_service.shared.access import EVERYTHING
from stb_service.shared.commands import FILE, import_command, out, progress_bar
from stb_service.shared.db import Database
from stb_service.shared.settings import Settings
from stb_service.shared.tables import WRITERS

import_devices = import_command(
    "boxes",
    import_file,
    "Import boxes from a CSV or XLSX file; good rows are kept, refused ones reported.",
)


import_holdings_command = import_command(
    "holdings",
    import_holdings,
    "Import from a CSV or XLSX file which accounts had boxes, and when.",
)


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
        progress_bar("exporting") as (bar, task),
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

"""The commands of this room: `stb warranty`."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime

import click
from rich.console import Console

from stb_service.shared.access import SYSTEM
from stb_service.shared.clock import utc_now
from stb_service.shared.db import Database
from stb_service.shared.settings import Settings
from stb_service.warranty import operations
from stb_service.warranty.terms import presets

out = Console(highlight=False)


@click.group("warranty")
def warranty() -> None:
    """Warranty policies that ship. They are no legal advice: have them checked by your lawyer."""


@warranty.command("presets")
def list_presets() -> None:
    """List the presets, with their sources."""
    for code, preset in presets().items():
        out.print(f"{code}: {preset['title']} [{preset['jurisdiction']}]", markup=False)
        for source in preset["sources"]:
            out.print(f"  {source}", markup=False, soft_wrap=True)


@warranty.command("load")
@click.argument("preset", type=click.Choice(sorted(presets())))
@click.option(
    "--in-force-from",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Publish it at once, for boxes given out from this day on.",
)
@click.option("--checked-by", default="", help="Who checked it for the country of sale.")
@click.option("--for-all-boxes", is_flag=True, help="Assign it to all boxes from that day on.")
@click.pass_obj
def load_preset(
    settings: Settings,
    preset: str,
    in_force_from: datetime | None,
    checked_by: str,
    *,
    for_all_boxes: bool,
) -> None:
    """Load PRESET as a policy: a draft, unless a day is given on which it comes into force."""
    if for_all_boxes and in_force_from is None:
        raise click.UsageError("--for-all-boxes needs --in-force-from")
    now = utc_now()
    with closing(Database(settings.database_url)) as db, db.write() as session:
        policy = operations.load_preset(session, preset=preset, actor=SYSTEM, now=now)
        if in_force_from is not None:
            day = in_force_from.date()
            operations.publish(
                session,
                policy=policy,
                in_force_from=day,
                checked_by=checked_by,
                actor=SYSTEM,
                now=now,
            )
            if for_all_boxes:
                operations.assign(session, policy=policy, from_on=day, actor=SYSTEM, now=now)
    state = "a draft" if in_force_from is None else f"in force from {in_force_from:%Y-%m-%d}"
    out.print(f"{preset} is loaded, {state}")
    out.print("It is no legal advice: have it checked by your lawyer for the country of sale.")

"""The command line of the service: `stb`. Knows every domain."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from sqlalchemy.exc import OperationalError

from stb_service.devices.commands import (
    export_devices,
    import_devices,
    import_holdings_command,
)
from stb_service.metadata import metadata
from stb_service.parts.commands import import_parts_command, import_stock_command
from stb_service.rma.commands import import_cases_command
from stb_service.scale.filling import fill
from stb_service.scale.world import MOST_DEVICES, Sizes
from stb_service.shared import archive, logs, migrate
from stb_service.shared.access import EVERYTHING, SYSTEM
from stb_service.shared.clock import utc_now
from stb_service.shared.db import Database
from stb_service.shared.errors import DomainError, Invalid, Misconfigured
from stb_service.shared.files import FileStore
from stb_service.shared.settings import SETTINGS, Settings, read_settings
from stb_service.staff import operations as staff
from stb_service.staff import queries as staff_queries
from stb_service.staff.setup import first_administrator
from stb_service.subscribers.commands import import_accounts_command
from stb_service.supervisor import Supervisor, command_of
from stb_service.warranty.commands import warranty

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    db = Database(settings.database_url)
    try:
        yield db
    finally:
        db.close()


def _complain(error: DomainError) -> None:
    err.print(f"[red]{error}[/red]")
    if isinstance(error, Invalid):
        for name, messages in error.fields.items():
            err.print(f"  {name}: {'; '.join(str(m) for m in messages)}")


class Commands(click.Group):
    """Commands whose refusals are sentences, not tracebacks."""

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; a refusal ends it with status 1, a bad setting with 2."""
        try:
            return super().invoke(ctx)
        except DomainError as error:
            _complain(error)
            ctx.exit(1)
        except Misconfigured as error:
            err.print(f"[red]{error}[/red]")
            ctx.exit(2)
        except OperationalError as error:
            err.print("[red]The database cannot be reached or does not answer:[/red]")
            err.print(f"  {error.orig}", markup=False)
            ctx.exit(1)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def main(ctx: click.Context) -> None:
    """The after-sales back office of a set-top-box operator.

    Settings come from the environment: `stb settings` lists them.
    """
    # data and backups hold secrets and customers: what any command makes is for its owner
    ctx.call_on_close(partial(os.umask, os.umask(0o077)))
    ctx.obj = read_settings()


@main.command("settings")
def list_settings() -> None:
    """List the environment variables, their defaults and meaning."""
    for setting in SETTINGS:
        default = f" [default {setting.default}]" if setting.default else ""
        out.print(f"{setting.name}: {setting.meaning}{default}", markup=False)


@main.command()
@click.pass_obj
def serve(settings: Settings) -> None:
    """Start the staff app, the box edge and the worker; end them together."""
    _prepare(settings)
    with Supervisor() as supervisor:
        start_servers(supervisor, settings)
        out.print(f"staff:  {settings.public_url}")
        out.print(f"boxes:  http://{settings.host}:{settings.edge_port}")
        supervisor.watch()


def start_servers(
    supervisor: Supervisor, settings: Settings, *, logs_to: Path | None = None
) -> None:
    """Start the three processes and wait until both servers answer."""
    for name in ("app", "edge", "worker"):
        supervisor.stb(name, quiet=None if logs_to is None else logs_to / f"{name}.log")
    supervisor.wait_until_ready(
        [
            f"http://{settings.host}:{settings.port}/readyz",
            f"http://{settings.host}:{settings.edge_port}/readyz",
        ]
    )


def _prepare(settings: Settings) -> None:
    """Migrate, and make the operator and its administrator where there is none."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with _database(settings) as db:
        migrate.upgrade(db)
        _move_in(db, settings)


def _move_in(db: Database, settings: Settings) -> None:
    """Make roles, operator and administrator where they are missing; tell the password once."""
    password = first_administrator(db, settings, now=utc_now())
    if password is not None:
        shown = "as set in STB_ADMIN_PASSWORD" if settings.admin_password else password
        out.print(f"administrator: admin   password: {shown}", markup=False)


@main.command("app")
def serve_staff() -> None:
    """Serve the staff app."""
    _become("app")


@main.command("edge")
def serve_edge() -> None:
    """Serve the box edge."""
    _become("edge")


def _become(name: str) -> None:
    """Go on as the process that `stb serve` starts too, without what the commands have loaded."""
    command = command_of(name)
    os.execv(command[0], command)  # noqa: S606 - our own command


@main.command("worker")
@click.pass_obj
def serve_worker(settings: Settings) -> None:
    """Do long work, and what only time decides."""
    from stb_service.worker import run_worker  # noqa: PLC0415 - knows every room

    logs.configure(settings.log_level)
    run_worker(settings)


@main.group("db")
def database() -> None:
    """Look after the database's schema."""


@database.command("upgrade")
@click.argument("revision", default="head")
@click.pass_obj
def db_upgrade(settings: Settings, revision: str) -> None:
    """Migrate up to REVISION (default: the newest).

    At the newest, the operator and its first administrator are made where there are none.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    with _database(settings) as db:
        migrate.upgrade(db, revision)
        if migrate.is_current(db):
            _move_in(db, settings)
        out.print(f"at {migrate.current(db)}")


@database.command("downgrade")
@click.argument("revision")
@click.pass_obj
def db_downgrade(settings: Settings, revision: str) -> None:
    """Migrate down to REVISION; tables made since then are dropped with their rows."""
    with _database(settings) as db:
        migrate.downgrade(db, revision)
        out.print(f"at {migrate.current(db)}")


@database.command("current")
@click.pass_obj
def db_current(settings: Settings) -> None:
    """Print the revision the database is at, and the newest."""
    with _database(settings) as db:
        out.print(f"at {migrate.current(db)}, newest {migrate.head()}")


@database.command("check")
def db_check() -> None:
    """Tell whether the migrations lead to the tables of the code; status 1 if not."""
    found = migrate.missing_steps(metadata)
    for step in found:
        err.print(step, markup=False)
    if found:
        raise click.ClickException("the models have changed without a migration")
    out.print("the migrations lead to the models")


@main.group()
def user() -> None:
    """People who sign in."""


@user.command("create")
@click.argument("username")
@click.option("--name", required=True)
@click.option("--role", required=True, help="for example agent, firmware_manager")
@click.option("--organisation", default="operator", help="its code")
@click.pass_obj
def user_create(settings: Settings, username: str, name: str, role: str, organisation: str) -> None:
    """Add a person; a first password is generated and printed once."""
    password = secrets.token_urlsafe(15)
    with _database(settings) as db, db.write() as session:
        staff.create_person(
            session,
            username=username,
            name=name,
            password=password,
            organisation=staff_queries.organisation_by_ref(session, organisation, EVERYTHING),
            role=role,
            actor=SYSTEM,
            now=utc_now(),
        )
    out.print(f"{username} {password}", markup=False)


@user.command("password")
@click.argument("username")
@click.pass_obj
def user_password(settings: Settings, username: str) -> None:
    """Give a person a generated password, end their sign-ins and any lock."""
    password = secrets.token_urlsafe(15)
    with _database(settings) as db, db.write() as session:
        person = staff_queries.person_by_username(session, username)
        if person is None:
            raise click.ClickException(f"there is no {username}")
        staff.set_password(
            session, person=person, password=password, must_change=True, actor=SYSTEM, now=utc_now()
        )
    out.print(f"{username} {password}", markup=False)


@user.command("list")
@click.pass_obj
def user_list(settings: Settings) -> None:
    """List people with role, organisation and state."""
    with _database(settings) as db, db.read() as session:
        cursor: str | None = None
        while True:
            page = staff_queries.people_page(session, EVERYTHING, cursor=cursor, limit=200)
            for person in page.rows:
                state = "active" if person.is_active else "inactive"
                out.print(
                    f"{person.username}\t{person.role.name}\t{person.organisation.code}\t{state}"
                )
            cursor = page.next_cursor
            if cursor is None:
                return


@main.group()
def token() -> None:
    """API tokens."""


@token.command("create")
@click.argument("username")
@click.option("--name", required=True, help="what it is for")
@click.option("--days", default=90, show_default=True)
@click.pass_obj
def token_create(settings: Settings, username: str, name: str, days: int) -> None:
    """Make an API token that acts for a person; the secret is printed once."""
    with _database(settings) as db, db.write() as session:
        person = staff_queries.person_by_username(session, username)
        if person is None:
            raise click.ClickException(f"there is no {username}")
        _, secret = staff.create_token(
            session, person=person, name=name, days=days, actor=SYSTEM, now=utc_now()
        )
    out.print(secret, markup=False)


@main.command()
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_obj
def backup(settings: Settings, target: Path) -> None:
    """Write database and files to TARGET (.tar.gz), consistent while everything runs."""
    with _database(settings) as db:
        written = archive.write_backup(
            db, FileStore(settings.files_dir), target, now=utc_now(), console=err
        )
    out.print(f"{written.rows} rows and {written.files} files in {target}")


@main.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.pass_obj
def restore(settings: Settings, source: Path) -> None:
    """Bring a backup back into an empty database and STB_HOME."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with _database(settings) as db:
        read = archive.read_backup(db, FileStore(settings.files_dir), source, console=err)
    out.print(f"{read.rows} rows and {read.files} files from {source}")


@main.command("demo")
@click.option(
    "--scale",
    type=click.IntRange(1, MOST_DEVICES),
    metavar="DEVICES",
    help="Only fill an empty database with an operator of so many boxes.",
)
@click.option("--database", metavar="URL", help="The database to fill, if not the service's own.")
@click.pass_obj
def demo_command(settings: Settings, scale: int | None, database: str | None) -> None:
    """Load a demo operator, start everything, and let emulated boxes update themselves."""
    if database is not None and scale is None:
        raise click.UsageError("--database goes with --scale")
    if scale is not None:
        _fill(replace(settings, database_url=database or settings.database_url), Sizes(scale))
        return
    from stb_service.demo import show  # noqa: PLC0415 - knows every room

    _prepare(settings)
    show.run(settings, start_servers, console=out)


def _fill(settings: Settings, sizes: Sizes) -> None:
    """Fill an empty database with a made-up operator, and tell how long it took."""
    _prepare(settings)
    started = utc_now()
    with _database(settings) as db:
        fill(db, sizes, now=started, say=out.print)
    spent = (utc_now() - started).total_seconds()
    out.print(
        f"{sizes.devices} boxes, {sizes.accounts} accounts and {sizes.moves} moves of stock "
        f"in {spent:.0f} s"
    )


class Imports(click.Group):
    """What can be imported. A file alone is one of boxes."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `boxes` before a file that stands alone."""
        known = {*self.commands, *ctx.help_option_names}
        return super().parse_args(ctx, args if not args or args[0] in known else ["boxes", *args])


@main.group("import", cls=Imports)
def import_files() -> None:
    """Import boxes (a FILE alone), accounts, holdings, parts, stock or cases from CSV or XLSX files."""


for command in (
    import_devices,
    import_accounts_command,
    import_holdings_command,
    import_parts_command,
    import_stock_command,
    import_cases_command,
):
    import_files.add_command(command)
main.add_command(export_devices, "export")
main.add_command(warranty)

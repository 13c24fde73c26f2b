"""What tests of the box side have in common."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
from sqlalchemy import make_url, text

from stb_service.shared.access import Actor
from stb_service.shared.db import Base, Database
from stb_service.shared.files import FileStore
from tests.firmware.world import World

KEPT = {"alembic_version", "audit_entries", "fw_rollout_moves"}


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


@pytest.fixture(params=["sqlite", "postgresql"])
def both(request: pytest.FixtureRequest) -> Database:
    """An empty database of either kind."""
    if request.param == "sqlite":
        sqlite: Database = request.getfixturevalue("sqlite_db")
        return sqlite
    db: Database = request.getfixturevalue("firmware_postgresql")
    tables = ", ".join(sorted(set(Base.metadata.tables) - KEPT))
    with db.engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
    return db


@pytest.fixture
def world(both: Database, files: FileStore, actor: Actor, now: datetime) -> World:
    """A fleet that runs 1.0, on SQLite and on PostgreSQL; 2.0 can be rolled out."""
    made = World(both, files, actor, now)
    made.image("1.0")
    return made


@pytest.fixture
def small_world(sqlite_db: Database, files: FileStore, actor: Actor, now: datetime) -> World:
    """The same on SQLite alone, for what is not about the database."""
    made = World(sqlite_db, files, actor, now)
    made.image("1.0")
    return made

"""What tests of the box side have in common."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from stb_service.shared.access import Actor
from stb_service.shared.db import Database
from stb_service.shared.files import FileStore
from tests.databases import KeptSqlite
from tests.firmware.world import World


@pytest.fixture
def small_db(kept_sqlite_of_two: KeptSqlite, sqlite_template: Path) -> Database:
    """An empty SQLite database."""
    return kept_sqlite_of_two.fresh(sqlite_template)


@pytest.fixture
def large_db(postgresql_db: Database) -> Database:
    """An empty PostgreSQL database."""
    return postgresql_db


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

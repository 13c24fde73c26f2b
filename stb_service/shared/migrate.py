"""Bringing a database to the schema of the code."""

from __future__ import annotations

import tempfile
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData

from stb_service.shared.db import Database

SCRIPTS = Path(__file__).resolve().parents[2] / "migrations"


def alembic_config(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration, bound to an open connection where there is one."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.set_main_option("version_path_separator", "os")
    config.attributes["connection"] = connection
    return config


def upgrade(db: Database, revision: str = "head") -> None:
    """Migrate up to a revision, all in one transaction where the database can."""
    with db.engine.execution_options(writes=True).begin() as connection:
        command.upgrade(alembic_config(connection), revision)


def downgrade(db: Database, revision: str) -> None:
    """Migrate down to a revision."""
    with db.engine.execution_options(writes=True).begin() as connection:
        command.downgrade(alembic_config(connection), revision)


def current(db: Database) -> str | None:
    """Return the revision a database is at."""
    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def missing_steps(metadata: MetaData) -> list[str]:
    """Return what a migration would still have to do to reach the models."""
    with tempfile.TemporaryDirectory() as folder:
        db = Database(f"sqlite:///{folder}/check.sqlite3")
        try:
            upgrade(db)
            with db.engine.connect() as connection:
                context = MigrationContext.configure(connection, opts={"compare_type": True})
                return [str(step) for step in compare_metadata(context, metadata)]
        finally:
            db.close()


def head() -> str | None:
    """Return the revision of the code."""
    return ScriptDirectory.from_config(alembic_config()).get_current_head()


def is_current(db: Database) -> bool:
    """Tell whether a database is at the revision of the code."""
    return current(db) == head()

"""Alembic's environment: the same metadata as the code, in batch mode so that SQLite can alter."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from sqlalchemy import JSON, Connection

from stb_service.metadata import metadata
from stb_service.shared.db import Database, UtcDateTime
from stb_service.shared.settings import read_settings


def render_item(kind: str, item: Any, _autogen_context: Any) -> str | Literal[False]:
    """Write our own column type by the name the migrations import."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "UtcDateTime()"
    if kind == "type" and isinstance(item, JSON):
        return "Json"
    return False


def run(connection: Connection) -> None:
    """Run the migrations on an open connection."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_item=render_item,
        render_as_batch=True,
        compare_type=True,
        compare_server_default=False,
    )
    with context.begin_transaction():
        context.run_migrations()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    database = Database(read_settings().database_url)
    with database.engine.connect() as opened:
        run(opened)
        opened.commit()
    database.close()

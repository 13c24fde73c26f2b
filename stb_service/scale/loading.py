"""Writing very many rows in one unit of work: COPY on PostgreSQL, statements of many on SQLite.

On PostgreSQL the keys to other tables, and the indexes that none of them stands on, are taken
away before and made again after, which checks every row at once. On SQLite keys to
other tables are checked when the unit of work ends.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import JSON, Connection, Table, insert
from sqlalchemy import text as sql
from sqlalchemy.orm import Session

from stb_service.shared.db import Base

AT_ONCE = 10_000

KEYS = """
SELECT c.conrelid::regclass::text AS of, c.conname AS name, pg_get_constraintdef(c.oid) AS made
FROM pg_constraint c
WHERE c.contype = 'f' AND c.conrelid = ANY(CAST(:tables AS regclass[]))
"""
UNIQUE = """
SELECT c.conrelid::regclass::text AS of, c.conname AS name, pg_get_constraintdef(c.oid) AS made
FROM pg_constraint c
WHERE c.contype = 'u' AND c.conrelid = ANY(CAST(:tables AS regclass[]))
AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.contype = 'f' AND k.conindid = c.conindid)
"""
INDEXES = """
SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS made
FROM pg_index i
WHERE i.indrelid = ANY(CAST(:tables AS regclass[]))
AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)
"""
NEXT = """
SELECT setval(pg_get_serial_sequence('{0}', 'id'), (SELECT coalesce(max(id), 0) + 1 FROM {0}), false)
"""


class Rows:
    """Rows of some columns of a table, on their way to the database."""

    def __init__(self, connection: Connection, model: type[Base], columns: Sequence[str]) -> None:
        self._connection = connection
        self._table: Table = model.metadata.tables[model.__tablename__]
        self._columns = columns
        self._waiting: list[tuple[Any, ...]] = []
        self._json = [n for n, c in enumerate(columns) if isinstance(self._table.c[c].type, JSON)]

    def add(self, *values: Any) -> None:
        """Add a row."""
        self._waiting.append(values)
        if len(self._waiting) >= AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        if self._connection.dialect.name == "postgresql":
            self._copy(waiting)
        else:
            rows = [dict(zip(self._columns, row, strict=True)) for row in waiting]
            self._connection.execute(insert(self._table), rows)

    def _copy(self, rows: Sequence[tuple[Any, ...]]) -> None:
        driver: Any = self._connection.connection.driver_connection
        names = ", ".join(f'"{name}"' for name in self._columns)
        with driver.cursor().copy(f'COPY "{self._table.name}" ({names}) FROM STDIN') as copy:
            for row in rows:
                copy.write_row(self._plain(row) if self._json else row)

    def _plain(self, row: tuple[Any, ...]) -> list[Any]:
        plain = list(row)
        for place in self._json:
            plain[place] = json.dumps(plain[place], ensure_ascii=False)
        return plain


class Loader:
    """Rows of many tables, in one unit of work."""

    def __init__(self, session: Session) -> None:
        self._connection = session.connection()
        self._rows: list[Rows] = []

    def rows(self, model: type[Base], *columns: str) -> Rows:
        """Return where rows of a table go, as values of these columns."""
        made = Rows(self._connection, model, columns)
        self._rows.append(made)
        return made

    def flush(self) -> None:
        """Write what waits."""
        for rows in self._rows:
            rows.flush()


@contextmanager
def unchecked(session: Session, tables: Sequence[str]) -> Iterator[None]:
    """Let rows be written to tables in any order; all constraints hold at the end."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        connection.execute(sql("PRAGMA defer_foreign_keys = ON"))
        yield
        return
    make_again = _take_away(connection, list(tables))
    yield
    for statement in make_again:
        connection.exec_driver_sql(statement)
    for table in tables:
        connection.exec_driver_sql(NEXT.format(table))
        connection.exec_driver_sql(f"ANALYZE {table}")


def _take_away(connection: Connection, tables: list[str]) -> list[str]:
    """Take away what would be checked row by row; return the statements that make it again."""
    connection.execute(sql("SET LOCAL maintenance_work_mem = '256MB'"))
    made: list[list[str]] = [[], [], []]
    for place, found in ((2, KEYS), (1, UNIQUE)):
        for row in connection.execute(sql(found), {"tables": tables}).all():
            connection.exec_driver_sql(f'ALTER TABLE {row.of} DROP CONSTRAINT "{row.name}"')
            made[place].append(f'ALTER TABLE {row.of} ADD CONSTRAINT "{row.name}" {row.made}')
    for row in connection.execute(sql(INDEXES), {"tables": tables}).all():
        connection.exec_driver_sql(f"DROP INDEX {row.name}")
        made[0].append(row.made)
    return [statement for step in made for statement in step]

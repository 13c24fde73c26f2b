"""The schema's own guards that no model can say: triggers that keep the audit, the ledger of stock
and the legal moves of state machines as they were written."""

from __future__ import annotations

from sqlalchemy import Connection, text

_SQLITE = """
CREATE TRIGGER {table}_no_{verb} BEFORE {event} ON {table}
BEGIN SELECT RAISE(ABORT, '{words}'); END
"""
_SQLITE_REPLACE = """
CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}
WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, '{words}'); END
"""
_POSTGRESQL_FUNCTION = """
CREATE FUNCTION {table}_keep() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '{words}'; END $$
"""
_POSTGRESQL = """
CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION {table}_keep()
"""
_POSTGRESQL_SEALED = """
CREATE TRIGGER {table}_sealed BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION {table}_keep()
"""
_MOVES = "what is legal is written by migrations alone"
AUDIT = "audit_entries"
LEDGER = "stock_moves"


def guard_audit(connection: Connection) -> None:
    """Make the database refuse to change or delete audit entries."""
    _guard(connection, AUDIT, "the audit is never changed")


def unguard_audit(connection: Connection) -> None:
    """Take the guards away (a migration downward)."""
    _unguard(connection, AUDIT)


def guard_ledger(connection: Connection) -> None:
    """Make the database refuse to change or delete what was moved in stock."""
    _guard(connection, LEDGER, "the ledger is never changed")


def unguard_ledger(connection: Connection) -> None:
    """Take the guards away (a migration downward)."""
    _unguard(connection, LEDGER)


def seal_moves(connection: Connection, table: str) -> None:
    """Make the database refuse to write legal moves, once a migration has filled their table."""
    if connection.dialect.name == "sqlite":
        for verb in ("insert", "update", "delete"):
            statement = _SQLITE.format(table=table, verb=verb, event=verb.upper(), words=_MOVES)
            connection.execute(text(statement))
        return
    connection.execute(text(_POSTGRESQL_FUNCTION.format(table=table, words=_MOVES)))
    connection.execute(text(_POSTGRESQL_SEALED.format(table=table)))


def unseal_moves(connection: Connection, table: str) -> None:
    """Let a migration write legal moves, or drop their table."""
    if connection.dialect.name == "sqlite":
        for verb in ("insert", "update", "delete"):
            connection.execute(text(f"DROP TRIGGER {table}_no_{verb}"))
        return
    connection.execute(text(f"DROP TRIGGER {table}_sealed ON {table}"))
    connection.execute(text(f"DROP FUNCTION {table}_keep()"))


def _guard(connection: Connection, table: str, words: str) -> None:
    """Refuse UPDATE and DELETE on a table.

    `INSERT OR REPLACE` of SQLite deletes without asking the triggers for DELETE, so it has one
    of its own.
    """
    if connection.dialect.name == "sqlite":
        for verb, event in (("update", "UPDATE"), ("delete", "DELETE")):
            statement = _SQLITE.format(table=table, verb=verb, event=event, words=words)
            connection.execute(text(statement))
        connection.execute(text(_SQLITE_REPLACE.format(table=table, words=words)))
        return
    connection.execute(text(_POSTGRESQL_FUNCTION.format(table=table, words=words)))
    connection.execute(text(_POSTGRESQL.format(table=table)))


def _unguard(connection: Connection, table: str) -> None:
    if connection.dialect.name == "sqlite":
        for verb in ("update", "delete", "replace"):
            connection.execute(text(f"DROP TRIGGER {table}_no_{verb}"))
        return
    connection.execute(text(f"DROP TRIGGER {table}_no_change ON {table}"))
    connection.execute(text(f"DROP FUNCTION {table}_keep()"))

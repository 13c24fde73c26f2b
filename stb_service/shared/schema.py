"""The schema's own guards that no model can say: triggers that keep the audit as it was written."""

from __future__ import annotations

from sqlalchemy import Connection, text

_SQLITE = """
CREATE TRIGGER audit_entries_no_{verb} BEFORE {event} ON audit_entries
BEGIN SELECT RAISE(ABORT, 'the audit is never changed'); END
"""
_SQLITE_REPLACE = """
CREATE TRIGGER audit_entries_no_replace BEFORE INSERT ON audit_entries
WHEN EXISTS (SELECT 1 FROM audit_entries WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'the audit is never changed'); END
"""
_POSTGRESQL_FUNCTION = """
CREATE FUNCTION audit_entries_keep() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the audit is never changed'; END $$
"""
_POSTGRESQL = """
CREATE TRIGGER audit_entries_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_keep()
"""


def guard_audit(connection: Connection) -> None:
    """Make the database refuse to change or delete audit entries.

    `INSERT OR REPLACE` of SQLite deletes without asking the triggers for DELETE, so it has one
    of its own.
    """
    if connection.dialect.name == "sqlite":
        for verb, event in (("update", "UPDATE"), ("delete", "DELETE")):
            connection.execute(text(_SQLITE.format(verb=verb, event=event)))
        connection.execute(text(_SQLITE_REPLACE))
        return
    connection.execute(text(_POSTGRESQL_FUNCTION))
    connection.execute(text(_POSTGRESQL))


def unguard_audit(connection: Connection) -> None:
    """Take the guards away (a migration downward)."""
    if connection.dialect.name == "sqlite":
        for verb in ("update", "delete", "replace"):
            connection.execute(text(f"DROP TRIGGER audit_entries_no_{verb}"))
        return
    connection.execute(text("DROP TRIGGER audit_entries_no_change ON audit_entries"))
    connection.execute(text("DROP FUNCTION audit_entries_keep()"))

"""Triggers that keep what was promised and what was decided as it was written."""

from __future__ import annotations

from sqlalchemy import Connection, text

KEPT_TABLES = ("warranty_decisions", "warranty_overrides")
KEPT = "what was decided is never changed"
PUBLISHED = "a version that was published is never changed"
FIXED_COLUMNS = (
    *("id", "public_id", "policy_id", "number", "title", "jurisdiction", "terms", "note"),
    *("preset", "checked_by", "created_at", "created_by", "in_force_from", "published_at"),
    "published_by",
)


def guard(connection: Connection) -> None:
    """Make the database refuse to change what was decided, and what was published."""
    for statement in _statements(connection.dialect.name):
        connection.execute(text(statement))


def unguard(connection: Connection) -> None:
    """Take the guards away (a migration downward)."""
    if connection.dialect.name == "sqlite":
        for table in KEPT_TABLES:
            for event in ("update", "delete", "replace"):
                connection.execute(text(f"DROP TRIGGER {table}_no_{event}"))
        for event in ("update", "delete", "replace"):
            connection.execute(text(f"DROP TRIGGER policy_versions_no_{event}"))
        return
    for table in KEPT_TABLES:
        connection.execute(text(f"DROP TRIGGER {table}_no_change ON {table}"))
    for event in ("change", "truncate"):
        connection.execute(text(f"DROP TRIGGER policy_versions_no_{event} ON policy_versions"))
    for function in ("warranty_decisions_keep", "policy_versions_keep", "policy_versions_hold"):
        connection.execute(text(f"DROP FUNCTION {function}()"))


def _statements(dialect: str) -> list[str]:
    return _sqlite() if dialect == "sqlite" else _postgresql()


def _sqlite() -> list[str]:
    """Return SQLite's triggers. `INSERT OR REPLACE` deletes without asking those for DELETE."""
    made = []
    for table in KEPT_TABLES:
        made += [
            _refusal(f"{table}_no_{event.lower()}", f"{event} ON {table}", KEPT)
            for event in ("UPDATE", "DELETE")
        ]
        made.append(_refusal(f"{table}_no_replace", f"INSERT ON {table}", KEPT, _exists(table)))
    changed = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in FIXED_COLUMNS)
    once = "(OLD.retired_on IS NOT NULL AND OLD.retired_on IS NOT NEW.retired_on)"
    table = "policy_versions"
    published = "OLD.published_at IS NOT NULL"
    when = f"{published} AND ({changed} OR {once})"
    made.append(_refusal(f"{table}_no_update", f"UPDATE ON {table}", PUBLISHED, when))
    made.append(_refusal(f"{table}_no_delete", f"DELETE ON {table}", PUBLISHED, published))
    there = _exists(table, "published_at IS NOT NULL")
    made.append(_refusal(f"{table}_no_replace", f"INSERT ON {table}", PUBLISHED, there))
    return made


def _refusal(name: str, event: str, message: str, when: str = "") -> str:
    condition = f"WHEN {when} " if when else ""
    return (
        f"CREATE TRIGGER {name} BEFORE {event} {condition}"
        f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
    )


def _exists(table: str, also: str = "") -> str:
    more = f" AND {also}" if also else ""
    return f"EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id{more})"  # noqa: S608 - our own names


def _postgresql() -> list[str]:
    made = [_function("warranty_decisions_keep", f"RAISE EXCEPTION '{KEPT}';")]
    made += [
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION warranty_decisions_keep()"
        for table in KEPT_TABLES
    ]
    changed = " OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in FIXED_COLUMNS)
    once = "OLD.retired_on IS NOT NULL AND OLD.retired_on IS DISTINCT FROM NEW.retired_on"
    body = (
        "IF OLD.published_at IS NOT NULL THEN"
        f" IF TG_OP = 'DELETE' THEN RAISE EXCEPTION '{PUBLISHED}'; END IF;"
        f" IF {changed} OR ({once}) THEN RAISE EXCEPTION '{PUBLISHED}'; END IF;"
        " END IF;"
        " IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW;"
    )
    made += [
        _function("policy_versions_keep", body),
        _function("policy_versions_hold", f"RAISE EXCEPTION '{PUBLISHED}';"),
    ]
    made.append(
        "CREATE TRIGGER policy_versions_no_change BEFORE UPDATE OR DELETE ON policy_versions"
        " FOR EACH ROW EXECUTE FUNCTION policy_versions_keep()"
    )
    made.append(
        "CREATE TRIGGER policy_versions_no_truncate BEFORE TRUNCATE ON policy_versions"
        " FOR EACH STATEMENT EXECUTE FUNCTION policy_versions_hold()"
    )
    return made


def _function(name: str, body: str) -> str:
    return f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$"

"""The history of the schema: up, down, up again; with rows; on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from firmware.rollouts.rules import ROLLOUT_MOVES
from stb_service.billing.rules import QUOTE_MOVES
from stb_service.metadata import metadata
from stb_service.rma.cases import CASE
from stb_service.rma.claims import CLAIM
from stb_service.rma.machine import Machine
from stb_service.rma.workshop import ORDER
from stb_service.shared import audit, migrate
from stb_service.shared.access import Actor
from stb_service.shared.db import Database
from stb_service.shared.settings import Settings
from tests.conftest import NOW
from tests.databases import KINDS, Databases
from tests.operations.filling import contents, counts, fill, tables

RELEASED = ("0001_the_first_tables",)
"""Every revision that a release has shipped with; a release adds its own."""

SEEDED = {"fw_rollout_moves", "quote_moves", "rma_case_moves"} | {
    "rma_claim_moves",
    "rma_order_moves",
}
"""Tables with rows that a migration brings."""

REVISIONS = [
    script.revision
    for script in reversed(
        list(ScriptDirectory.from_config(migrate.alembic_config()).walk_revisions())
    )
]


@pytest.fixture(params=KINDS)
def own(request: pytest.FixtureRequest, databases: Databases) -> Database:
    """A migrated database that no other test uses: its tables come and go here."""
    return databases.make(request.param)


def differences(db: Database) -> list[object]:
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))


def test_there_is_one_line_of_history() -> None:
    script = ScriptDirectory.from_config(migrate.alembic_config())

    assert len(script.get_heads()) == 1
    assert script.get_bases() == [REVISIONS[0]]


def test_the_head_is_what_the_models_say(db: Database) -> None:
    assert migrate.current(db) == migrate.head()
    assert differences(db) == []


def test_a_table_that_no_migration_made_is_noticed(own: Database) -> None:
    with own.engine.begin() as connection:
        connection.execute(text("ALTER TABLE leases DROP COLUMN holder"))

    assert len(differences(own)) == 1


def test_a_full_database_goes_down_to_nothing_and_up_again(
    own: Database, settings: Settings, actor: Actor
) -> None:
    fill(own, settings, actor)

    migrate.downgrade(own, "base")
    left = (tables(own), migrate.current(own))
    migrate.upgrade(own)

    assert left == ([], None)
    assert {name for name, count in counts(own).items() if count} == SEEDED
    assert differences(own) == []


def test_each_step_goes_down_and_up_and_the_last_leads_to_the_models(own: Database) -> None:
    migrate.downgrade(own, "base")

    for revision in REVISIONS:
        migrate.upgrade(own, revision)
        migrate.downgrade(own, "-1")
        migrate.upgrade(own, revision)
        assert migrate.current(own) == revision

    assert migrate.current(own) == migrate.head()
    assert differences(own) == []


@pytest.mark.parametrize("revision", RELEASED)
def test_rows_of_a_released_revision_live_on(
    own: Database, settings: Settings, actor: Actor, revision: str
) -> None:
    """Rows that the newest code wrote go down to the release and up again.

    What a later revision added is lost on the way down; all that the release knew is kept.
    """
    fill(own, settings, actor)
    before = contents(own)

    migrate.downgrade(own, revision)
    released = set(inspect(own.engine).get_table_names())
    migrate.upgrade(own)

    kept = contents(own)
    assert {name: len(rows) for name, rows in kept.items()} == {
        name: len(rows) if name in released | SEEDED else 0 for name, rows in before.items()
    }
    assert (kept == before) or revision != migrate.head()


def test_every_released_revision_is_still_in_the_history() -> None:
    assert set(RELEASED) <= set(REVISIONS)


def test_the_legal_moves_of_rollouts_are_those_of_the_rules(db: Database) -> None:
    with db.read() as session:
        rows = session.execute(text("SELECT from_state, to_state FROM fw_rollout_moves")).all()

    assert {tuple(row) for row in rows} == {(str(a), str(b)) for a, b in ROLLOUT_MOVES}
    assert len(rows) == len(ROLLOUT_MOVES)


@pytest.mark.parametrize("machine", [CASE, CLAIM, ORDER], ids=lambda machine: machine.name)
def test_the_legal_moves_of_returns_are_those_of_the_machines(
    db: Database, machine: Machine
) -> None:
    with db.read() as session:
        rows = session.execute(
            text(
                "SELECT from_state, from_held, event, to_state, to_held "
                f"FROM rma_{machine.name}_moves"
            )
        ).all()

    found = {(a, bool(held), event, b, bool(then)) for a, held, event, b, then in rows}
    assert found == machine.legal_moves
    assert len(rows) == len(machine.legal_moves)


def test_the_legal_moves_of_quotes_are_those_of_the_rules(db: Database) -> None:
    with db.read() as session:
        rows = session.execute(text("SELECT from_state, to_state FROM quote_moves")).all()

    assert {tuple(row) for row in rows} == {(str(a), str(b)) for a, b in QUOTE_MOVES}
    assert len(rows) == len(QUOTE_MOVES)


@pytest.fixture
def audited(db: Database, actor: Actor) -> Database:
    with db.write() as session:
        subject = ("thing", "ref", "label")
        audit.record(session, actor=actor, verb="thing.change", subject=subject, now=NOW)
    return db


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET verb = 'nothing.happened'",
        "UPDATE audit_entries SET changes = '{}' WHERE id = 1",
        "DELETE FROM audit_entries",
        "DELETE FROM audit_entries WHERE verb = 'thing.change'",
        "INSERT INTO audit_entries SELECT * FROM audit_entries ON CONFLICT (id) DO UPDATE SET id = 1",
    ],
)
def test_the_database_refuses_to_change_the_audit(audited: Database, statement: str) -> None:
    if audited.is_sqlite:
        statement = statement.replace("audit_entries ON", "audit_entries WHERE true ON")
    before = contents(audited)["audit_entries"]

    with (
        pytest.raises(DBAPIError, match="the audit is never changed"),
        audited.engine.execution_options(writes=True).begin() as connection,
    ):
        connection.execute(text(statement))

    assert contents(audited)["audit_entries"] == before


def test_postgresql_refuses_to_empty_the_audit(postgresql_db: Database) -> None:
    with (
        pytest.raises(DBAPIError, match="the audit is never changed"),
        postgresql_db.engine.begin() as connection,
    ):
        connection.execute(text("TRUNCATE audit_entries"))


def test_sqlite_refuses_to_replace_an_audit_entry(sqlite_db: Database, actor: Actor) -> None:
    with sqlite_db.write() as session:
        subject = ("thing", "ref", "label")
        audit.record(session, actor=actor, verb="thing.change", subject=subject, now=NOW)
    before = contents(sqlite_db)["audit_entries"]

    with (
        pytest.raises(DBAPIError, match="the audit is never changed"),
        sqlite_db.engine.execution_options(writes=True).begin() as connection,
    ):
        connection.execute(
            text(
                "INSERT OR REPLACE INTO audit_entries SELECT at, actor_kind, actor_ref, "
                "actor_label, token_ref, token_label, 'forged', subject_kind, subject_ref, "
                "subject_label, changes, id FROM audit_entries"
            )
        )

    assert contents(sqlite_db)["audit_entries"] == before


def test_what_the_command_checks_is_the_same(tmp_path: Path) -> None:
    assert migrate.missing_steps(metadata) == []

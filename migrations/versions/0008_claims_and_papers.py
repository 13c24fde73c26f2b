"""returns: claims from suppliers, and addresses for the papers of cases

Revision: 0008_claims_and_papers
Follows: 0007_returns
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from stb_service.shared.db import Json, UtcDateTime
from stb_service.shared.schema import seal_moves, unseal_moves

revision = "0008_claims_and_papers"
down_revision = "0007_returns"
branch_labels = None
depends_on = None

REACHED = (("address", 500), ("phone", 32), ("mail", 254))
CLAIM_MOVES = (
    ("new", False, "propose", "candidate", False),
    ("candidate", False, "submit", "submitted", False),
    ("candidate", False, "waive", "waived", False),
    ("submitted", False, "accept", "accepted", False),
    ("submitted", False, "refuse", "refused", False),
    ("submitted", False, "credit", "credited", False),
    ("submitted", False, "credit_short", "short", False),
    ("accepted", False, "credit", "credited", False),
    ("accepted", False, "credit_short", "short", False),
    ("short", False, "take", "credited", False),
    ("short", False, "claim_again", "submitted", False),
    ("short", False, "waive", "waived", False),
    ("refused", False, "claim_again", "submitted", False),
    ("refused", False, "waive", "waived", False),
    ("candidate", False, "hold", "candidate", True),
    ("submitted", False, "hold", "submitted", True),
    ("accepted", False, "hold", "accepted", True),
    ("refused", False, "credit", "credited", False),
    ("refused", False, "credit_short", "short", False),
    ("refused", False, "hold", "refused", True),
    ("short", False, "credit", "credited", False),
    ("short", False, "credit_short", "short", False),
    ("short", False, "hold", "short", True),
    ("candidate", True, "resume", "candidate", False),
    ("submitted", True, "resume", "submitted", False),
    ("accepted", True, "resume", "accepted", False),
    ("refused", True, "resume", "refused", False),
    ("short", True, "resume", "short", False),
)
APPEND_ONLY = ("rma_claim_events", "rma_claim_lines", "rma_credit_notes", "rma_credit_lines")
MACHINES = (("rma_claims", "rma_claim_events", "claim_id"),)
LAST_EVENT = (
    "fk_rma_claims_last_event",
    *("rma_claims", "rma_claim_events"),
    ["id", "event_seq", "state", "held"],
    ["claim_id", "seq", "to_state", "to_held"],
)
"""Claims and their events refer to each other: PostgreSQL is told once both are there."""

SQLITE_APPEND_ONLY = """
CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table}
BEGIN SELECT RAISE(ABORT, 'what happened is never changed'); END;

CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
BEGIN SELECT RAISE(ABORT, 'what happened is never changed'); END;

CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}
WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'what happened is never changed'); END
"""
SQLITE_MACHINE = """
CREATE TRIGGER {table}_not_back BEFORE UPDATE ON {table}
WHEN NEW.event_seq < (SELECT max(seq) FROM {events} WHERE {owner} = NEW.id)
BEGIN SELECT RAISE(ABORT, 'it shows where its last event led to'); END;

CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}
WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'what happened is never changed'); END;

CREATE TRIGGER {events}_shown AFTER INSERT ON {events}
BEGIN
  UPDATE {table} SET state = NEW.to_state, held = NEW.to_held, event_seq = NEW.seq,
    ended_at = CASE WHEN NEW.to_state IN ('credited', 'waived') THEN NEW.at END
  WHERE id = NEW.{owner} AND event_seq < NEW.seq;
END
"""
# `rma_keep` is there since the cases.
POSTGRESQL_APPEND_ONLY = """
CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION rma_keep()
"""
POSTGRESQL_MACHINE = """
CREATE FUNCTION {table}_not_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.event_seq < (SELECT max(seq) FROM {events} WHERE {owner} = NEW.id) THEN
    RAISE EXCEPTION 'it shows where its last event led to';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION {events}_shown() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE {table} SET state = NEW.to_state, held = NEW.to_held, event_seq = NEW.seq,
    ended_at = CASE WHEN NEW.to_state IN ('credited', 'waived') THEN NEW.at END
  WHERE id = NEW.{owner} AND event_seq < NEW.seq;
  RETURN NEW;
END $$;

CREATE TRIGGER {table}_not_back BEFORE UPDATE ON {table}
FOR EACH ROW EXECUTE FUNCTION {table}_not_back();

CREATE TRIGGER {events}_shown AFTER INSERT ON {events}
FOR EACH ROW EXECUTE FUNCTION {events}_shown()
"""


def guards(*, is_sqlite: bool) -> list[str]:
    """Return the statements that make the triggers, one for each, for one kind of database."""
    append_only = SQLITE_APPEND_ONLY if is_sqlite else POSTGRESQL_APPEND_ONLY
    machine = SQLITE_MACHINE if is_sqlite else POSTGRESQL_MACHINE
    texts = [append_only.format(table=table) for table in APPEND_ONLY]
    texts += [
        machine.format(table=table, events=events, owner=owner) for table, events, owner in MACHINES
    ]
    return [statement for text in texts for statement in text.split(";\n\n")]


def upgrade() -> None:
    for name, length in REACHED:
        column = sa.Column(name, sa.String(length=length), nullable=False, server_default="")
        op.add_column("organisations", column)
    op.create_table(
        "rma_claim_moves",
        sa.Column("from_state", sa.String(length=32), nullable=False),
        sa.Column("from_held", sa.Boolean(), nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("to_state", sa.String(length=32), nullable=False),
        sa.Column("to_held", sa.Boolean(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rma_claim_moves")),
        sa.UniqueConstraint(
            "from_state",
            "from_held",
            "event",
            "to_state",
            "to_held",
            name="uq_rma_claim_moves_move",
        ),
    )
    op.create_table(
        "rma_claim_batches",
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column(
            "supplier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("made_by", sa.String(length=128), nullable=False),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("length(currency) = 3", name=op.f("ck_rma_claim_batches_currency")),
        sa.ForeignKeyConstraint(
            ["supplier_id"], ["locations.id"], name=op.f("fk_rma_claim_batches_supplier_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rma_claim_batches")),
        sa.UniqueConstraint("number", name=op.f("uq_rma_claim_batches_number")),
        sa.UniqueConstraint("ordinal", name=op.f("uq_rma_claim_batches_ordinal")),
        sa.UniqueConstraint("public_id", name=op.f("uq_rma_claim_batches_public_id")),
    )
    with op.batch_alter_table("rma_claim_batches", schema=None) as batch_op:
        batch_op.create_index("ix_rma_claim_batches_supplier", ["supplier_id", "id"], unique=False)

    op.create_table(
        "rma_supplier_terms",
        sa.Column("model_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "supplier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("months", sa.Integer(), nullable=False),
        sa.Column("basis", sa.String(length=16), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("with_parts", sa.Boolean(), nullable=False),
        sa.Column("labour_minor", sa.BigInteger(), nullable=False),
        sa.Column("freight_minor", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("changed_by", sa.String(length=128), nullable=False),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "basis IN ('production', 'sale')", name=op.f("ck_rma_supplier_terms_basis")
        ),
        sa.CheckConstraint(
            "labour_minor >= 0 AND freight_minor >= 0", name=op.f("ck_rma_supplier_terms_amounts")
        ),
        sa.CheckConstraint("length(currency) = 3", name=op.f("ck_rma_supplier_terms_currency")),
        sa.CheckConstraint("months BETWEEN 0 AND 600", name=op.f("ck_rma_supplier_terms_months")),
        sa.ForeignKeyConstraint(
            ["model_id"], ["device_models.id"], name=op.f("fk_rma_supplier_terms_model_id")
        ),
        sa.ForeignKeyConstraint(
            ["supplier_id"], ["locations.id"], name=op.f("fk_rma_supplier_terms_supplier_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rma_supplier_terms")),
        sa.UniqueConstraint("model_id", name=op.f("uq_rma_supplier_terms_model_id")),
        sa.UniqueConstraint("public_id", name=op.f("uq_rma_supplier_terms_public_id")),
    )
    with op.batch_alter_table("rma_supplier_terms", schema=None) as batch_op:
        batch_op.create_index("ix_rma_supplier_terms_supplier", ["supplier_id"], unique=False)

    op.create_table(
        "rma_credit_notes",
        sa.Column(
            "supplier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("number_key", sa.String(length=200), nullable=False),
        sa.Column("batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("entered_at", UtcDateTime(), nullable=False),
        sa.Column("entered_by", sa.String(length=128), nullable=False),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "number <> '' AND number_key <> ''", name=op.f("ck_rma_credit_notes_number")
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["rma_claim_batches.id"], name=op.f("fk_rma_credit_notes_batch_id")
        ),
        sa.ForeignKeyConstraint(
            ["supplier_id"], ["locations.id"], name=op.f("fk_rma_credit_notes_supplier_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rma_credit_notes")),
        sa.UniqueConstraint("public_id", name=op.f("uq_rma_credit_notes_public_id")),
        sa.UniqueConstraint(
            "supplier_id", "number_key", name=op.f("uq_rma_credit_notes_supplier_id_number_key")
        ),
    )
    with op.batch_alter_table("rma_credit_notes", schema=None) as batch_op:
        batch_op.create_index("ix_rma_credit_notes_batch", ["batch_id"], unique=False)

    op.create_table(
        "rma_claims",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "supplier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("credited_minor", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("event_seq", sa.Integer(), nullable=False),
        sa.Column("entered_at", UtcDateTime(), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "state = 'candidate' OR state = 'waived' OR batch_id > 0",
            name=op.f("ck_rma_claims_sent"),
        ),
        sa.CheckConstraint(
            "amount_minor > 0 AND credited_minor >= 0", name=op.f("ck_rma_claims_amounts")
        ),
        sa.CheckConstraint("event_seq > 0", name=op.f("ck_rma_claims_event_seq")),
        sa.CheckConstraint(
            "(ended_at IS NOT NULL) = (state IN ('credited', 'waived'))",
            name=op.f("ck_rma_claims_ended"),
        ),
        sa.CheckConstraint("length(currency) = 3", name=op.f("ck_rma_claims_currency")),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["rma_claim_batches.id"], name=op.f("fk_rma_claims_batch_id")
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name=op.f("fk_rma_claims_device_id")
        ),
        sa.ForeignKeyConstraint(
            ["id", "event_seq", "state", "held"],
            [
                "rma_claim_events.claim_id",
                "rma_claim_events.seq",
                "rma_claim_events.to_state",
                "rma_claim_events.to_held",
            ],
            name="fk_rma_claims_last_event",
            initially="DEFERRED",
            deferrable=True,
            use_alter=True,
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["rma_orders.id"], name=op.f("fk_rma_claims_order_id")
        ),
        sa.ForeignKeyConstraint(
            ["supplier_id"], ["locations.id"], name=op.f("fk_rma_claims_supplier_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rma_claims")),
        sa.UniqueConstraint("number", name=op.f("uq_rma_claims_number")),
        sa.UniqueConstraint("ordinal", name=op.f("uq_rma_claims_ordinal")),
        sa.UniqueConstraint("public_id", name=op.f("uq_rma_claims_public_id")),
    )
    with op.batch_alter_table("rma_claims", schema=None) as batch_op:
        batch_op.create_index("ix_rma_claims_batch", ["batch_id", "id"], unique=False)
        batch_op.create_index("ix_rma_claims_device", ["device_id"], unique=False)
        batch_op.create_index("ix_rma_claims_order", ["order_id"], unique=False)
        batch_op.create_index("ix_rma_claims_state", ["state", "id"], unique=False)
        batch_op.create_index(
            "ix_rma_claims_supplier", ["supplier_id", "state", "id"], unique=False
        )

    op.create_table(
        "rma_claim_events",
        sa.Column("claim_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("previous_seq", sa.Integer(), nullable=False),
        sa.Column("predecessor_seq", sa.Integer(), nullable=True),
        sa.Column("from_state", sa.String(length=32), nullable=False),
        sa.Column("from_held", sa.Boolean(), nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("to_state", sa.String(length=32), nullable=False),
        sa.Column("to_held", sa.Boolean(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor_ref", sa.String(length=64), nullable=False),
        sa.Column("actor_label", sa.String(length=128), nullable=False),
        sa.Column("reason", sa.String(length=1000), nullable=False),
        sa.Column("stated", Json, nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "(seq = 1 AND from_state = 'new' AND NOT from_held) OR (seq > 1 AND predecessor_seq IS NOT NULL)",
            name=op.f("ck_rma_claim_events_begins"),
        ),
        sa.CheckConstraint(
            "predecessor_seq IS NULL OR predecessor_seq = previous_seq",
            name=op.f("ck_rma_claim_events_predecessor"),
        ),
        sa.CheckConstraint("previous_seq = seq - 1", name=op.f("ck_rma_claim_events_follows")),
        sa.ForeignKeyConstraint(
            ["claim_id", "predecessor_seq", "from_state", "from_held"],
            [
                "rma_claim_events.claim_id",
                "rma_claim_events.seq",
                "rma_claim_events.to_state",
                "rma_claim_events.to_held",
            ],
            name="fk_rma_claim_events_predecessor",
        ),
        sa.ForeignKeyConstraint(
            ["claim_id"], ["rma_claims.id"], name=op.f("fk_rma_claim_events_claim_id")
        ),
        sa.ForeignKeyConstraint(
            ["from_state", "from_held", "event", "to_state", "to_held"],
            [
                "rma_claim_moves.from_state",
                "rma_claim_moves.from_held",
                "rma_claim_moves.event",
                "rma_claim_moves.to_state",
                "rma_claim_moves.to_held",
            ],
            name="fk_rma_claim_events_move",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rma_claim_events")),
        sa.UniqueConstraint(
            "claim_id", "seq", "to_state", "to_held", name="uq_rma_claim_events_end"
        ),
        sa.UniqueConstraint("claim_id", "seq", name=op.f("uq_rma_claim_events_claim_id_seq")),
    )
    op.create_table(
        "rma_claim_lines",
        sa.Column("claim_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("what", sa.String(length=200), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column(
            "order_part_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("labour_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('part', 'labour', 'box', 'freight')", name=op.f("ck_rma_claim_lines_kind")
        ),
        sa.CheckConstraint(
            "(kind = 'part') = (order_part_id IS NOT NULL)"
            " AND (kind = 'labour') = (labour_id IS NOT NULL)"
            " AND (kind IN ('box', 'freight')) = (order_id IS NOT NULL)",
            name=op.f("ck_rma_claim_lines_source"),
        ),
        sa.CheckConstraint(
            "quantity > 0 AND amount_minor > 0", name=op.f("ck_rma_claim_lines_amounts")
        ),
        sa.ForeignKeyConstraint(
            ["claim_id"], ["rma_claims.id"], name=op.f("fk_rma_claim_lines_claim_id")
        ),
        sa.ForeignKeyConstraint(
            ["labour_id"], ["rma_labour.id"], name=op.f("fk_rma_claim_lines_labour_id")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["rma_orders.id"], name=op.f("fk_rma_claim_lines_order_id")
        ),
        sa.ForeignKeyConstraint(
            ["order_part_id"],
            ["rma_order_parts.id"],
            name=op.f("fk_rma_claim_lines_order_part_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rma_claim_lines")),
        sa.UniqueConstraint("labour_id", name=op.f("uq_rma_claim_lines_labour_id")),
        sa.UniqueConstraint("order_id", "kind", name=op.f("uq_rma_claim_lines_order_id_kind")),
        sa.UniqueConstraint("order_part_id", name=op.f("uq_rma_claim_lines_order_part_id")),
        sa.UniqueConstraint(
            "claim_id", "position", name=op.f("uq_rma_claim_lines_claim_id_position")
        ),
    )
    op.create_table(
        "rma_credit_lines",
        sa.Column("note_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("match", sa.String(length=16), nullable=False),
        sa.Column("claim_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "match = 'unknown' OR claim_id IS NOT NULL", name=op.f("ck_rma_credit_lines_claim")
        ),
        sa.CheckConstraint(
            "match IN ('matched', 'short', 'over', 'missing', 'currency', 'unknown')",
            name=op.f("ck_rma_credit_lines_match"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_rma_credit_lines_amount")),
        sa.CheckConstraint("length(currency) = 3", name=op.f("ck_rma_credit_lines_currency")),
        sa.ForeignKeyConstraint(
            ["claim_id"], ["rma_claims.id"], name=op.f("fk_rma_credit_lines_claim_id")
        ),
        sa.ForeignKeyConstraint(
            ["note_id"], ["rma_credit_notes.id"], name=op.f("fk_rma_credit_lines_note_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rma_credit_lines")),
        sa.UniqueConstraint(
            "note_id", "position", name=op.f("uq_rma_credit_lines_note_id_position")
        ),
    )
    with op.batch_alter_table("rma_credit_lines", schema=None) as batch_op:
        batch_op.create_index("ix_rma_credit_lines_claim", ["claim_id"], unique=False)
    names = ("from_state", "from_held", "event", "to_state", "to_held")
    op.bulk_insert(
        sa.table("rma_claim_moves", *(sa.column(name) for name in names)),
        [dict(zip(names, move, strict=True)) for move in CLAIM_MOVES],
    )
    seal_moves(op.get_bind(), "rma_claim_moves")
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    if not is_sqlite:
        op.create_foreign_key(*LAST_EVENT, deferrable=True, initially="DEFERRED")
    for guard in guards(is_sqlite=is_sqlite):
        op.execute(guard)


def downgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    unseal_moves(op.get_bind(), "rma_claim_moves")
    if not is_sqlite:
        op.drop_constraint(LAST_EVENT[0], "rma_claims", type_="foreignkey")
    with op.batch_alter_table("rma_credit_lines", schema=None) as batch_op:
        batch_op.drop_index("ix_rma_credit_lines_claim")

    op.drop_table("rma_credit_lines")
    op.drop_table("rma_claim_lines")
    op.drop_table("rma_claim_events")
    with op.batch_alter_table("rma_claims", schema=None) as batch_op:
        batch_op.drop_index("ix_rma_claims_supplier")
        batch_op.drop_index("ix_rma_claims_state")
        batch_op.drop_index("ix_rma_claims_order")
        batch_op.drop_index("ix_rma_claims_device")
        batch_op.drop_index("ix_rma_claims_batch")

    op.drop_table("rma_claims")
    with op.batch_alter_table("rma_credit_notes", schema=None) as batch_op:
        batch_op.drop_index("ix_rma_credit_notes_batch")

    op.drop_table("rma_credit_notes")
    with op.batch_alter_table("rma_supplier_terms", schema=None) as batch_op:
        batch_op.drop_index("ix_rma_supplier_terms_supplier")

    op.drop_table("rma_supplier_terms")
    with op.batch_alter_table("rma_claim_batches", schema=None) as batch_op:
        batch_op.drop_index("ix_rma_claim_batches_supplier")

    op.drop_table("rma_claim_batches")
    op.drop_table("rma_claim_moves")
    if not is_sqlite:  # there a table takes its triggers along
        for table, events, _ in MACHINES:
            op.execute(f"DROP FUNCTION {table}_not_back()")
            op.execute(f"DROP FUNCTION {events}_shown()")
    for name, _ in reversed(REACHED):
        op.drop_column("organisations", name)

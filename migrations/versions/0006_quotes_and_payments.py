"""quotes and payments

Revision: 0006_quotes_and_payments
Follows: 0003_subscribers_and_what_they
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from stb_service.shared.db import UtcDateTime
from stb_service.shared.schema import seal_moves, unseal_moves

revision = "0006_quotes_and_payments"
down_revision = "0005_warranty_policies"
branch_labels = None
depends_on = None

QUOTE_MOVES = (
    ("draft", "sent"),
    ("draft", "withdrawn"),
    ("sent", "accepted"),
    ("sent", "declined"),
    ("sent", "expired"),
    ("sent", "superseded"),
    ("sent", "withdrawn"),
    ("accepted", "withdrawn"),
)

# What was written stays: the ledger, moves and notices for ever, a quote from its sending on.
APPEND_ONLY = ("ledger_entries", "quote_events", "payment_notices")
SEALED = (
    *("account_id", "subject_kind", "subject_ref", "title", "notes", "currency"),
    *("discount_minor", "net_minor", "tax_minor", "total_minor", "line_count", "sent_at"),
)

LAST_EVENT = (
    "fk_quotes_last_event",
    *("quotes", "quote_events"),
    ["id", "event_seq", "state"],
    ["quote_id", "seq", "to_state"],
)
"""Quotes and their events refer to each other: PostgreSQL is told once both are there."""
FUNCTIONS = ("added_only", "as_sent", "lines_as_sent", "above_paid", "not_back", "shown")

SQLITE_APPEND_ONLY = """
CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table}
BEGIN SELECT RAISE(ABORT, 'entries are only added'); END;

CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
BEGIN SELECT RAISE(ABORT, 'entries are only added'); END;

CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}
WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'entries are only added'); END
"""
SQLITE = """
CREATE TRIGGER quotes_as_sent BEFORE UPDATE ON quotes
WHEN OLD.line_count IS NOT NULL AND ({differs})
BEGIN SELECT RAISE(ABORT, 'what was sent is never changed'); END;

CREATE TRIGGER quotes_no_delete BEFORE DELETE ON quotes WHEN OLD.line_count IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'what was sent is never changed'); END;

CREATE TRIGGER quotes_no_replace BEFORE INSERT ON quotes
WHEN EXISTS (SELECT 1 FROM quotes WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'what was sent is never changed'); END;

CREATE TRIGGER quotes_not_back BEFORE UPDATE ON quotes
WHEN coalesce(NEW.event_seq, 0) < (SELECT max(seq) FROM quote_events WHERE quote_id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'it shows where its last event led to'); END;

CREATE TRIGGER quote_events_shown AFTER INSERT ON quote_events
BEGIN
  UPDATE quotes SET state = NEW.to_state, event_seq = NEW.seq
  WHERE id = NEW.quote_id AND coalesce(event_seq, 0) < NEW.seq;
END;

CREATE TRIGGER quote_lines_no_insert BEFORE INSERT ON quote_lines
WHEN NEW.position > (SELECT line_count FROM quotes WHERE id = NEW.quote_id)
OR EXISTS (SELECT 1 FROM quote_lines WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'what was sent is never changed'); END;

CREATE TRIGGER quote_lines_no_update BEFORE UPDATE ON quote_lines
WHEN (SELECT line_count FROM quotes WHERE id = OLD.quote_id) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'what was sent is never changed'); END;

CREATE TRIGGER quote_lines_no_delete BEFORE DELETE ON quote_lines
WHEN (SELECT line_count FROM quotes WHERE id = OLD.quote_id) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'what was sent is never changed'); END;

CREATE TRIGGER ledger_entries_above_paid BEFORE INSERT ON ledger_entries
WHEN NEW.kind = 'refund' AND NEW.amount_minor + (
  SELECT coalesce(sum(amount_minor), 0) FROM ledger_entries WHERE payment_id = NEW.payment_id
) > (
  SELECT CASE state WHEN 'paid_out' THEN amount_minor ELSE 0 END
  FROM payments WHERE id = NEW.payment_id
)
BEGIN SELECT RAISE(ABORT, 'no more is given back than was paid'); END
"""

POSTGRESQL_APPEND_ONLY = """
CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION billing_added_only()
"""
POSTGRESQL = """
CREATE FUNCTION billing_added_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'entries are only added'; END $$;

CREATE FUNCTION billing_as_sent() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'what was sent is never changed'; END $$;

CREATE FUNCTION billing_lines_as_sent() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE held integer;
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT line_count INTO held FROM quotes WHERE id = NEW.quote_id;
    IF NEW.position > held THEN RAISE EXCEPTION 'what was sent is never changed'; END IF;
    RETURN NEW;
  END IF;
  SELECT line_count INTO held FROM quotes WHERE id = OLD.quote_id;
  IF held IS NOT NULL THEN RAISE EXCEPTION 'what was sent is never changed'; END IF;
  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION billing_above_paid() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.amount_minor + (
    SELECT coalesce(sum(amount_minor), 0) FROM ledger_entries WHERE payment_id = NEW.payment_id
  ) > (
    SELECT CASE state WHEN 'paid_out' THEN amount_minor ELSE 0 END
    FROM payments WHERE id = NEW.payment_id
  ) THEN
    RAISE EXCEPTION 'no more is given back than was paid';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION billing_not_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF coalesce(NEW.event_seq, 0) < (SELECT max(seq) FROM quote_events WHERE quote_id = NEW.id) THEN
    RAISE EXCEPTION 'it shows where its last event led to';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION billing_shown() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE quotes SET state = NEW.to_state, event_seq = NEW.seq
  WHERE id = NEW.quote_id AND coalesce(event_seq, 0) < NEW.seq;
  RETURN NEW;
END $$;

CREATE TRIGGER quotes_not_back BEFORE UPDATE ON quotes
FOR EACH ROW EXECUTE FUNCTION billing_not_back();

CREATE TRIGGER quote_events_shown AFTER INSERT ON quote_events
FOR EACH ROW EXECUTE FUNCTION billing_shown();

CREATE TRIGGER quotes_as_sent BEFORE UPDATE ON quotes FOR EACH ROW
WHEN (OLD.line_count IS NOT NULL AND ({differs})) EXECUTE FUNCTION billing_as_sent();

CREATE TRIGGER quotes_no_delete BEFORE DELETE ON quotes FOR EACH ROW
WHEN (OLD.line_count IS NOT NULL) EXECUTE FUNCTION billing_as_sent();

CREATE TRIGGER quotes_no_truncate BEFORE TRUNCATE ON quotes
FOR EACH STATEMENT EXECUTE FUNCTION billing_as_sent();

CREATE TRIGGER quote_lines_as_sent BEFORE INSERT OR UPDATE OR DELETE ON quote_lines
FOR EACH ROW EXECUTE FUNCTION billing_lines_as_sent();

CREATE TRIGGER quote_lines_no_truncate BEFORE TRUNCATE ON quote_lines
FOR EACH STATEMENT EXECUTE FUNCTION billing_as_sent();

CREATE TRIGGER ledger_entries_above_paid BEFORE INSERT ON ledger_entries FOR EACH ROW
WHEN (NEW.kind = 'refund') EXECUTE FUNCTION billing_above_paid()
"""


def guards(*, is_sqlite: bool) -> list[str]:
    """Return the statements that make the triggers."""
    differ = "IS NOT" if is_sqlite else "IS DISTINCT FROM"
    differs = " OR ".join(f"OLD.{name} {differ} NEW.{name}" for name in SEALED)
    append_only = SQLITE_APPEND_ONLY if is_sqlite else POSTGRESQL_APPEND_ONLY
    texts = [(SQLITE if is_sqlite else POSTGRESQL).format(differs=differs)]
    texts += [append_only.format(table=table) for table in APPEND_ONLY]
    return [statement for words in texts for statement in words.split(";\n\n")]


def upgrade() -> None:
    op.create_table(
        "quote_moves",
        sa.Column("from_state", sa.String(length=16), nullable=False),
        sa.Column("to_state", sa.String(length=16), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quote_moves")),
        sa.UniqueConstraint(
            "from_state", "to_state", name=op.f("uq_quote_moves_from_state_to_state")
        ),
    )
    op.create_table(
        "quotes",
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("subject_kind", sa.String(length=32), nullable=False),
        sa.Column("subject_ref", sa.String(length=64), nullable=False),
        sa.Column("subject_label", sa.String(length=128), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("notes", sa.String(length=2000), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("discount_minor", sa.BigInteger(), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("event_seq", sa.Integer(), nullable=True),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("line_count", sa.Integer(), nullable=True),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("valid_until_on", sa.Date(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("paused_at", UtcDateTime(), nullable=True),
        sa.Column(
            "supersedes_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=128), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.Column("answer_note", sa.String(length=500), nullable=False),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.CheckConstraint(
            "(subject_kind = '') = (subject_ref = '')", name=op.f("ck_quotes_subject")
        ),
        sa.CheckConstraint("state <> 'draft' OR line_count IS NULL", name=op.f("ck_quotes_draft")),
        sa.CheckConstraint(
            "state IN ('draft', 'withdrawn') OR (line_count > 0 AND sent_at IS NOT NULL)",
            name=op.f("ck_quotes_sent"),
        ),
        sa.CheckConstraint(
            "discount_minor >= 0 AND net_minor >= 0 AND tax_minor >= 0",
            name=op.f("ck_quotes_amounts"),
        ),
        sa.CheckConstraint("length(currency) = 3", name=op.f("ck_quotes_currency")),
        sa.CheckConstraint("total_minor = net_minor + tax_minor", name=op.f("ck_quotes_total")),
        sa.CheckConstraint(
            "(event_seq IS NULL) = (state = 'draft')", name=op.f("ck_quotes_event_seq")
        ),
        sa.ForeignKeyConstraint(
            ["id", "event_seq", "state"],
            ["quote_events.quote_id", "quote_events.seq", "quote_events.to_state"],
            name="fk_quotes_last_event",
            initially="DEFERRED",
            deferrable=True,
            use_alter=True,
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_quotes_account_id")),
        sa.ForeignKeyConstraint(
            ["supersedes_id"], ["quotes.id"], name=op.f("fk_quotes_supersedes_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quotes")),
        sa.UniqueConstraint("number", name=op.f("uq_quotes_number")),
        sa.UniqueConstraint("ordinal", name=op.f("uq_quotes_ordinal")),
        sa.UniqueConstraint("public_id", name=op.f("uq_quotes_public_id")),
    )
    with op.batch_alter_table("quotes", schema=None) as batch_op:
        batch_op.create_index("ix_quotes_account", ["account_id", "id"], unique=False)
        batch_op.create_index(
            "ix_quotes_expires",
            ["expires_at"],
            unique=False,
            sqlite_where=sa.text("state = 'sent'"),
            postgresql_where=sa.text("state = 'sent'"),
        )
        batch_op.create_index("ix_quotes_state", ["state", "id"], unique=False)
        batch_op.create_index("ix_quotes_subject", ["subject_kind", "subject_ref"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_quotes_supersedes_id"), ["supersedes_id"], unique=False
        )
        batch_op.create_index(
            "uq_quotes_open_subject",
            ["subject_kind", "subject_ref"],
            unique=True,
            sqlite_where=sa.text("state = 'sent' AND subject_ref <> ''"),
            postgresql_where=sa.text("state = 'sent' AND subject_ref <> ''"),
        )

    op.create_table(
        "payments",
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("quote_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("reference", sa.String(length=128), nullable=False),
        sa.Column("method", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=128), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=True),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "(state = 'succeeded') = (received_at IS NOT NULL)", name=op.f("ck_payments_received")
        ),
        sa.CheckConstraint(
            "state IN ('awaited', 'succeeded', 'failed', 'held', 'returned', 'paid_out')",
            name=op.f("ck_payments_state"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payments_amount")),
        sa.CheckConstraint("length(currency) = 3", name=op.f("ck_payments_currency")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_payments_account_id")
        ),
        sa.ForeignKeyConstraint(["quote_id"], ["quotes.id"], name=op.f("fk_payments_quote_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.UniqueConstraint("provider", "reference", name=op.f("uq_payments_provider_reference")),
        sa.UniqueConstraint("public_id", name=op.f("uq_payments_public_id")),
    )
    with op.batch_alter_table("payments", schema=None) as batch_op:
        batch_op.create_index("ix_payments_account", ["account_id", "id"], unique=False)
        batch_op.create_index("ix_payments_quote", ["quote_id"], unique=False)
        batch_op.create_index("ix_payments_state", ["state", "id"], unique=False)

    op.create_table(
        "quote_events",
        sa.Column("quote_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("previous_seq", sa.Integer(), nullable=False),
        sa.Column("predecessor_seq", sa.Integer(), nullable=True),
        sa.Column("from_state", sa.String(length=16), nullable=False),
        sa.Column("to_state", sa.String(length=16), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor_label", sa.String(length=128), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "(seq = 1 AND from_state = 'draft') OR (seq > 1 AND predecessor_seq IS NOT NULL)",
            name=op.f("ck_quote_events_begins"),
        ),
        sa.CheckConstraint(
            "predecessor_seq IS NULL OR predecessor_seq = previous_seq",
            name=op.f("ck_quote_events_predecessor"),
        ),
        sa.CheckConstraint("previous_seq = seq - 1", name=op.f("ck_quote_events_follows")),
        sa.ForeignKeyConstraint(
            ["from_state", "to_state"],
            ["quote_moves.from_state", "quote_moves.to_state"],
            name=op.f("fk_quote_events_from_state_to_state"),
        ),
        sa.ForeignKeyConstraint(
            ["quote_id", "predecessor_seq", "from_state"],
            ["quote_events.quote_id", "quote_events.seq", "quote_events.to_state"],
            name="fk_quote_events_predecessor",
        ),
        sa.ForeignKeyConstraint(["quote_id"], ["quotes.id"], name=op.f("fk_quote_events_quote_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quote_events")),
        sa.UniqueConstraint(
            "quote_id", "seq", "to_state", name=op.f("uq_quote_events_quote_id_seq_to_state")
        ),
        sa.UniqueConstraint("quote_id", "seq", name=op.f("uq_quote_events_quote_id_seq")),
    )
    op.create_table(
        "quote_lines",
        sa.Column("quote_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("description", sa.String(length=200), nullable=False),
        sa.Column("quantity_milli", sa.BigInteger(), nullable=False),
        sa.Column("unit_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_ppm", sa.Integer(), nullable=False),
        sa.Column("gross_minor", sa.BigInteger(), nullable=False),
        sa.Column("discount_minor", sa.BigInteger(), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('labour', 'part', 'device', 'freight', 'handling', 'damage', 'other')",
            name=op.f("ck_quote_lines_kind"),
        ),
        sa.CheckConstraint(
            "discount_minor BETWEEN 0 AND gross_minor AND net_minor = gross_minor - discount_minor",
            name=op.f("ck_quote_lines_net"),
        ),
        sa.CheckConstraint(
            "gross_minor = (2 * unit_minor * quantity_milli + 1000) / 2000",
            name=op.f("ck_quote_lines_gross"),
        ),
        sa.CheckConstraint(
            "quantity_milli BETWEEN 1 AND 10000000", name=op.f("ck_quote_lines_quantity")
        ),
        sa.CheckConstraint("tax_minor BETWEEN 0 AND net_minor", name=op.f("ck_quote_lines_tax")),
        sa.CheckConstraint("tax_ppm BETWEEN 0 AND 1000000", name=op.f("ck_quote_lines_tax_rate")),
        sa.CheckConstraint(
            "unit_minor BETWEEN 0 AND 100000000000", name=op.f("ck_quote_lines_unit")
        ),
        sa.ForeignKeyConstraint(["quote_id"], ["quotes.id"], name=op.f("fk_quote_lines_quote_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quote_lines")),
        sa.UniqueConstraint("quote_id", "position", name=op.f("uq_quote_lines_quote_id_position")),
    )
    op.create_table(
        "ledger_entries",
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("cause", sa.String(length=16), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("quote_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "payment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("subject_kind", sa.String(length=32), nullable=False),
        sa.Column("subject_ref", sa.String(length=64), nullable=False),
        sa.Column("subject_label", sa.String(length=128), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor_label", sa.String(length=128), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "(kind = 'charge') = (due_on IS NOT NULL)", name=op.f("ck_ledger_entries_due")
        ),
        sa.CheckConstraint(
            "(kind IN ('charge', 'refund') AND amount_minor > 0) OR (kind IN ('credit', 'payment') AND amount_minor < 0)",
            name=op.f("ck_ledger_entries_sign"),
        ),
        sa.CheckConstraint(
            "(kind IN ('payment', 'refund')) = (payment_id IS NOT NULL)",
            name=op.f("ck_ledger_entries_payment"),
        ),
        sa.CheckConstraint(
            "(subject_kind = '') = (subject_ref = '')", name=op.f("ck_ledger_entries_subject")
        ),
        sa.CheckConstraint("length(currency) = 3", name=op.f("ck_ledger_entries_currency")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_ledger_entries_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name=op.f("fk_ledger_entries_payment_id")
        ),
        sa.ForeignKeyConstraint(
            ["quote_id"], ["quotes.id"], name=op.f("fk_ledger_entries_quote_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entries")),
        sa.UniqueConstraint("key", name=op.f("uq_ledger_entries_key")),
    )
    with op.batch_alter_table("ledger_entries", schema=None) as batch_op:
        batch_op.create_index("ix_ledger_entries_account", ["account_id", "id"], unique=False)
        batch_op.create_index("ix_ledger_entries_payment", ["payment_id"], unique=False)
        batch_op.create_index("ix_ledger_entries_quote", ["quote_id"], unique=False)
        batch_op.create_index(
            "ix_ledger_entries_subject", ["subject_kind", "subject_ref"], unique=False
        )

    op.create_table(
        "payment_notices",
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("event_id", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column(
            "payment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name=op.f("fk_payment_notices_payment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_notices")),
        sa.UniqueConstraint(
            "provider", "event_id", name=op.f("uq_payment_notices_provider_event_id")
        ),
    )
    with op.batch_alter_table("payment_notices", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_payment_notices_payment_id"), ["payment_id"], unique=False
        )

    op.bulk_insert(
        sa.table("quote_moves", sa.column("from_state"), sa.column("to_state")),
        [{"from_state": before, "to_state": after} for before, after in QUOTE_MOVES],
    )
    seal_moves(op.get_bind(), "quote_moves")
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    if not is_sqlite:
        op.create_foreign_key(*LAST_EVENT, deferrable=True, initially="DEFERRED")
    for guard in guards(is_sqlite=is_sqlite):
        op.execute(guard)


def downgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    unseal_moves(op.get_bind(), "quote_moves")
    if not is_sqlite:
        op.drop_constraint(LAST_EVENT[0], "quotes", type_="foreignkey")
    with op.batch_alter_table("payment_notices", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_payment_notices_payment_id"))

    op.drop_table("payment_notices")
    with op.batch_alter_table("ledger_entries", schema=None) as batch_op:
        batch_op.drop_index("ix_ledger_entries_subject")
        batch_op.drop_index("ix_ledger_entries_quote")
        batch_op.drop_index("ix_ledger_entries_payment")
        batch_op.drop_index("ix_ledger_entries_account")

    op.drop_table("ledger_entries")
    op.drop_table("quote_lines")
    op.drop_table("quote_events")
    with op.batch_alter_table("payments", schema=None) as batch_op:
        batch_op.drop_index("ix_payments_state")
        batch_op.drop_index("ix_payments_quote")
        batch_op.drop_index("ix_payments_account")

    op.drop_table("payments")
    with op.batch_alter_table("quotes", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_quotes_open_subject",
            sqlite_where=sa.text("state = 'sent' AND subject_ref <> ''"),
            postgresql_where=sa.text("state = 'sent' AND subject_ref <> ''"),
        )
        batch_op.drop_index(batch_op.f("ix_quotes_supersedes_id"))
        batch_op.drop_index("ix_quotes_subject")
        batch_op.drop_index("ix_quotes_state")
        batch_op.drop_index(
            "ix_quotes_expires",
            sqlite_where=sa.text("state = 'sent'"),
            postgresql_where=sa.text("state = 'sent'"),
        )
        batch_op.drop_index("ix_quotes_account")

    op.drop_table("quotes")
    op.drop_table("quote_moves")
    if not is_sqlite:  # there a table takes its triggers along
        for name in FUNCTIONS:
            op.execute(f"DROP FUNCTION billing_{name}()")

"""parts and stock

Revision: 0004_parts_and_stock
Follows: 0002_runs_of_the_lab
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from stb_service.shared.db import Json, UtcDateTime
from stb_service.shared.schema import guard_ledger, unguard_ledger

revision = "0004_parts_and_stock"
down_revision = "0003_subscribers_and_what_they"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "locations",
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column(
            "organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "is_open = (kind IN ('count', 'customer', 'supplier'))", name=op.f("ck_locations_open")
        ),
        sa.CheckConstraint(
            "kind IN ('warehouse', 'centre', 'dealer', 'van', 'quarantine', 'scrap', 'supplier', 'customer', 'count')",
            name=op.f("ck_locations_kind"),
        ),
        sa.CheckConstraint(
            "organisation_id IS NOT NULL OR NOT (kind IN ('centre', 'dealer'))",
            name=op.f("ck_locations_owned"),
        ),
        sa.CheckConstraint(
            "organisation_id IS NULL OR kind IN ('centre', 'dealer', 'quarantine', 'scrap', 'van')",
            name=op.f("ck_locations_ownable"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_locations_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_locations")),
        sa.UniqueConstraint("code", name=op.f("uq_locations_code")),
        sa.UniqueConstraint("id", "is_open", name=op.f("uq_locations_id_is_open")),
        sa.UniqueConstraint("public_id", name=op.f("uq_locations_public_id")),
    )
    with op.batch_alter_table("locations", schema=None) as batch_op:
        batch_op.create_index("ix_locations_organisation", ["organisation_id"], unique=False)
        batch_op.create_index(
            "uq_locations_single",
            ["kind"],
            unique=True,
            sqlite_where=sa.text("kind IN ('count', 'customer')"),
            postgresql_where=sa.text("kind IN ('count', 'customer')"),
        )
    op.create_table(
        "parts",
        sa.Column("sku", sa.String(length=64), nullable=False),
        sa.Column("ean", sa.String(length=14), nullable=True),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("component", sa.String(length=16), nullable=False),
        sa.Column("model_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("lead_time_days", sa.Integer(), nullable=False),
        sa.Column("min_order", sa.Integer(), nullable=False),
        sa.Column("pack_size", sa.Integer(), nullable=False),
        sa.Column(
            "supersedes_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("returns_core", sa.Boolean(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("notes", sa.String(length=2000), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("(kind = 'box') = (model_id IS NOT NULL)", name=op.f("ck_parts_box")),
        sa.CheckConstraint(
            "component IN ('', 'power_supply', 'remote', 'battery', 'cable', 'mainboard', 'disk', 'flash', 'tuner', 'wifi', 'hdmi', 'card_reader', 'front_panel', 'fan', 'case', 'other')",
            name=op.f("ck_parts_component"),
        ),
        sa.CheckConstraint("kind IN ('part', 'box')", name=op.f("ck_parts_kind")),
        sa.CheckConstraint("lead_time_days >= 0", name=op.f("ck_parts_lead_time")),
        sa.CheckConstraint("min_order > 0 AND pack_size > 0", name=op.f("ck_parts_order")),
        sa.CheckConstraint(
            "supersedes_id IS NULL OR supersedes_id <> id", name=op.f("ck_parts_supersedes")
        ),
        sa.ForeignKeyConstraint(["model_id"], ["device_models.id"], name=op.f("fk_parts_model_id")),
        sa.ForeignKeyConstraint(
            ["supersedes_id"], ["parts.id"], name=op.f("fk_parts_supersedes_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parts")),
        sa.UniqueConstraint("ean", name=op.f("uq_parts_ean")),
        sa.UniqueConstraint("id", "currency", name=op.f("uq_parts_id_currency")),
        sa.UniqueConstraint("model_id", name=op.f("uq_parts_model_id")),
        sa.UniqueConstraint("public_id", name=op.f("uq_parts_public_id")),
        sa.UniqueConstraint("sku", name=op.f("uq_parts_sku")),
    )
    with op.batch_alter_table("parts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_parts_supersedes_id"), ["supersedes_id"], unique=False)
    op.create_table(
        "part_fits",
        sa.Column("part_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("model_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_part_fits_quantity")),
        sa.ForeignKeyConstraint(
            ["model_id"], ["device_models.id"], name=op.f("fk_part_fits_model_id")
        ),
        sa.ForeignKeyConstraint(["part_id"], ["parts.id"], name=op.f("fk_part_fits_part_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_part_fits")),
        sa.UniqueConstraint("part_id", "model_id", name=op.f("uq_part_fits_part_id_model_id")),
    )
    with op.batch_alter_table("part_fits", schema=None) as batch_op:
        batch_op.create_index("ix_part_fits_model", ["model_id"], unique=False)
    op.create_table(
        "stock_counts",
        sa.Column(
            "location_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("opened_by", sa.String(length=128), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.String(length=128), nullable=False),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "(state = 'open') = (ended_at IS NULL)", name=op.f("ck_stock_counts_ended")
        ),
        sa.CheckConstraint(
            "state IN ('open', 'closed', 'cancelled')", name=op.f("ck_stock_counts_state")
        ),
        sa.ForeignKeyConstraint(
            ["location_id"], ["locations.id"], name=op.f("fk_stock_counts_location_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_counts")),
        sa.UniqueConstraint("public_id", name=op.f("uq_stock_counts_public_id")),
    )
    with op.batch_alter_table("stock_counts", schema=None) as batch_op:
        batch_op.create_index("ix_stock_counts_location", ["location_id", "id"], unique=False)
        batch_op.create_index(
            "uq_stock_counts_open",
            ["location_id"],
            unique=True,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )
    op.create_table(
        "stock_positions",
        sa.Column("location_id", sa.Integer(), nullable=False),
        sa.Column("part_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("condition", sa.String(length=16), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "condition IN ('new', 'refurbished', 'defective')",
            name=op.f("ck_stock_positions_condition"),
        ),
        sa.ForeignKeyConstraint(
            ["location_id", "is_open"],
            ["locations.id", "locations.is_open"],
            name=op.f("fk_stock_positions_location_id_is_open"),
        ),
        sa.ForeignKeyConstraint(["part_id"], ["parts.id"], name=op.f("fk_stock_positions_part_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_positions")),
        sa.UniqueConstraint(
            "id",
            "location_id",
            "part_id",
            "is_open",
            name=op.f("uq_stock_positions_id_location_id_part_id_is_open"),
        ),
        sa.UniqueConstraint(
            "location_id",
            "part_id",
            "condition",
            name=op.f("uq_stock_positions_location_id_part_id_condition"),
        ),
    )
    with op.batch_alter_table("stock_positions", schema=None) as batch_op:
        batch_op.create_index("ix_stock_positions_part", ["part_id"], unique=False)
    op.create_table(
        "stock_rules",
        sa.Column(
            "location_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("part_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("minimum", sa.Integer(), nullable=False),
        sa.Column("maximum", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "minimum >= 1 AND maximum BETWEEN minimum AND 1000000",
            name=op.f("ck_stock_rules_limits"),
        ),
        sa.ForeignKeyConstraint(
            ["location_id"], ["locations.id"], name=op.f("fk_stock_rules_location_id")
        ),
        sa.ForeignKeyConstraint(["part_id"], ["parts.id"], name=op.f("fk_stock_rules_part_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_rules")),
        sa.UniqueConstraint(
            "location_id", "part_id", name=op.f("uq_stock_rules_location_id_part_id")
        ),
        sa.UniqueConstraint("public_id", name=op.f("uq_stock_rules_public_id")),
    )
    with op.batch_alter_table("stock_rules", schema=None) as batch_op:
        batch_op.create_index("ix_stock_rules_part", ["part_id"], unique=False)
    op.create_table(
        "reservations",
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column(
            "position_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("purpose", sa.String(length=200), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("made_by", sa.String(length=128), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "(state = 'held') = (ended_at IS NULL)", name=op.f("ck_reservations_ended")
        ),
        sa.CheckConstraint("(state = 'used') = (used > 0)", name=op.f("ck_reservations_used_up")),
        sa.CheckConstraint(
            "state IN ('held', 'used', 'released')", name=op.f("ck_reservations_state")
        ),
        sa.CheckConstraint("quantity BETWEEN 1 AND 1000000", name=op.f("ck_reservations_quantity")),
        sa.CheckConstraint("used BETWEEN 0 AND quantity", name=op.f("ck_reservations_used")),
        sa.ForeignKeyConstraint(
            ["position_id"], ["stock_positions.id"], name=op.f("fk_reservations_position_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reservations")),
        sa.UniqueConstraint("key", name=op.f("uq_reservations_key")),
        sa.UniqueConstraint("public_id", name=op.f("uq_reservations_public_id")),
    )
    with op.batch_alter_table("reservations", schema=None) as batch_op:
        batch_op.create_index("ix_reservations_position", ["position_id", "state"], unique=False)
        batch_op.create_index("ix_reservations_state", ["state", "id"], unique=False)
    op.create_table(
        "stock_count_lines",
        sa.Column("count_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("part_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("condition", sa.String(length=16), nullable=False),
        sa.Column("counted", sa.Integer(), nullable=False),
        sa.Column("expected", sa.Integer(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("counted_at", UtcDateTime(), nullable=False),
        sa.Column("counted_by", sa.String(length=128), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=True),
        sa.Column("device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("seen_seq", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("note", Json, nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "device_id IS NULL OR (counted <= 1 AND expected BETWEEN 0 AND 1)",
            name=op.f("ck_stock_count_lines_box"),
        ),
        sa.CheckConstraint(
            "outcome = '' OR (device_id IS NOT NULL AND outcome IN"
            " ('here', 'brought', 'away', 'kept', 'missing', 'written_off'))",
            name=op.f("ck_stock_count_lines_outcome"),
        ),
        sa.CheckConstraint(
            "condition IN ('new', 'refurbished', 'defective')",
            name=op.f("ck_stock_count_lines_condition"),
        ),
        sa.CheckConstraint(
            "counted BETWEEN 0 AND 1000000 AND times > 0", name=op.f("ck_stock_count_lines_counted")
        ),
        sa.ForeignKeyConstraint(
            ["count_id"], ["stock_counts.id"], name=op.f("fk_stock_count_lines_count_id")
        ),
        sa.ForeignKeyConstraint(
            ["part_id"], ["parts.id"], name=op.f("fk_stock_count_lines_part_id")
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name=op.f("fk_stock_count_lines_device_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_count_lines")),
        sa.UniqueConstraint("key", name=op.f("uq_stock_count_lines_key")),
    )
    with op.batch_alter_table("stock_count_lines", schema=None) as batch_op:
        batch_op.create_index("ix_stock_count_lines_count", ["count_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_stock_count_lines_part_id"), ["part_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_stock_count_lines_device_id"), ["device_id"], unique=False
        )
        batch_op.create_index(
            "uq_stock_count_lines_part",
            ["count_id", "part_id", "condition"],
            unique=True,
            sqlite_where=sa.text("device_id IS NULL"),
            postgresql_where=sa.text("device_id IS NULL"),
        )
        batch_op.create_index(
            "uq_stock_count_lines_device",
            ["count_id", "device_id"],
            unique=True,
            sqlite_where=sa.text("device_id IS NOT NULL"),
            postgresql_where=sa.text("device_id IS NOT NULL"),
        )
    op.create_table(
        "stock_moves",
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("side", sa.String(length=4), nullable=False),
        sa.Column("other_side", sa.String(length=4), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("position_id", sa.Integer(), nullable=False),
        sa.Column("location_id", sa.Integer(), nullable=False),
        sa.Column("part_id", sa.Integer(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("previous_seq", sa.Integer(), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("on_hand_before", sa.Integer(), nullable=False),
        sa.Column("on_hand", sa.Integer(), nullable=False),
        sa.Column("reserved_before", sa.Integer(), nullable=False),
        sa.Column("reserved", sa.Integer(), nullable=False),
        sa.Column("value_minor", sa.BigInteger(), nullable=False),
        sa.Column("value_before", sa.BigInteger(), nullable=False),
        sa.Column("value_after", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("device_seq", sa.Integer(), nullable=True),
        sa.Column("came_seq", sa.Integer(), nullable=True),
        sa.Column("stood_seq", sa.Integer(), nullable=True),
        sa.Column(
            "reservation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor_label", sa.String(length=128), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "(device_id IS NULL AND device_seq IS NULL AND came_seq IS NULL AND stood_seq IS NULL) OR (device_id IS NOT NULL AND device_seq IS NOT NULL AND device_seq > 0 AND quantity = 1 AND ((side = 'in' AND came_seq IS NOT NULL AND came_seq = device_seq AND stood_seq IS NULL) OR (side = 'out' AND came_seq IS NULL AND ((device_seq = 1 AND stood_seq IS NULL AND is_open) OR (device_seq > 1 AND stood_seq IS NOT NULL AND stood_seq = device_seq - 1)))))",
            name=op.f("ck_stock_moves_box"),
        ),
        sa.CheckConstraint(
            "(side IN ('out', 'in') AND other_side IS NOT NULL AND other_side <> side AND other_side IN ('out', 'in') AND kind <> '') OR (side IN ('hold', 'free') AND other_side IS NULL AND kind = '' AND reservation_id IS NOT NULL AND value_minor = 0)",
            name=op.f("ck_stock_moves_side"),
        ),
        sa.CheckConstraint(
            "kind IN ('receive', 'transfer', 'use', 'return', 'send_back', 'scrap', 'grade', 'count') OR kind = ''",
            name=op.f("ck_stock_moves_kind"),
        ),
        sa.CheckConstraint(
            "on_hand = on_hand_before + CASE side WHEN 'in' THEN quantity WHEN 'out' THEN -quantity ELSE 0 END",
            name=op.f("ck_stock_moves_sum"),
        ),
        sa.CheckConstraint(
            "reserved = reserved_before + CASE WHEN side = 'hold' THEN quantity WHEN side = 'free' THEN -quantity WHEN side = 'out' AND reservation_id IS NOT NULL THEN -quantity ELSE 0 END",
            name=op.f("ck_stock_moves_held"),
        ),
        sa.CheckConstraint(
            "value_after = value_before + CASE side WHEN 'in' THEN value_minor WHEN 'out' THEN -value_minor ELSE 0 END",
            name=op.f("ck_stock_moves_worth"),
        ),
        sa.CheckConstraint(
            "(seq = 1 AND previous_seq IS NULL AND on_hand_before = 0 AND reserved_before = 0 AND value_before = 0) OR (seq > 1 AND previous_seq IS NOT NULL AND previous_seq = seq - 1)",
            name=op.f("ck_stock_moves_follows"),
        ),
        sa.CheckConstraint("is_open OR on_hand >= 0", name=op.f("ck_stock_moves_not_below_zero")),
        sa.CheckConstraint(
            "quantity BETWEEN 1 AND 1000000 AND value_minor >= 0",
            name=op.f("ck_stock_moves_amounts"),
        ),
        sa.CheckConstraint(
            "reserved = 0 OR (reserved > 0 AND reserved <= on_hand AND NOT is_open)",
            name=op.f("ck_stock_moves_not_reserved_beyond"),
        ),
        sa.ForeignKeyConstraint(
            ["device_id", "stood_seq", "position_id"],
            ["stock_moves.device_id", "stock_moves.came_seq", "stock_moves.position_id"],
            name="fk_stock_moves_stood",
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name=op.f("fk_stock_moves_device_id")
        ),
        sa.ForeignKeyConstraint(
            ["number", "other_side", "part_id", "quantity", "value_minor"],
            [
                "stock_moves.number",
                "stock_moves.side",
                "stock_moves.part_id",
                "stock_moves.quantity",
                "stock_moves.value_minor",
            ],
            name="fk_stock_moves_other_side",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["part_id", "currency"],
            ["parts.id", "parts.currency"],
            name=op.f("fk_stock_moves_part_id_currency"),
        ),
        sa.ForeignKeyConstraint(
            ["position_id", "location_id", "part_id", "is_open"],
            [
                "stock_positions.id",
                "stock_positions.location_id",
                "stock_positions.part_id",
                "stock_positions.is_open",
            ],
            name="fk_stock_moves_position",
        ),
        sa.ForeignKeyConstraint(
            ["position_id", "previous_seq", "on_hand_before", "reserved_before", "value_before"],
            [
                "stock_moves.position_id",
                "stock_moves.seq",
                "stock_moves.on_hand",
                "stock_moves.reserved",
                "stock_moves.value_after",
            ],
            name="fk_stock_moves_predecessor",
        ),
        sa.ForeignKeyConstraint(
            ["reservation_id"], ["reservations.id"], name=op.f("fk_stock_moves_reservation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_moves")),
        sa.UniqueConstraint("device_id", "came_seq", "position_id", name="uq_stock_moves_came"),
        sa.UniqueConstraint(
            "device_id", "device_seq", "side", name=op.f("uq_stock_moves_device_id_device_seq_side")
        ),
        sa.UniqueConstraint(
            "number", "side", "part_id", "quantity", "value_minor", name="uq_stock_moves_sides"
        ),
        sa.UniqueConstraint(
            "position_id",
            "seq",
            "on_hand",
            "reserved",
            "value_after",
            name="uq_stock_moves_balance",
        ),
        sa.UniqueConstraint("position_id", "seq", name=op.f("uq_stock_moves_position_id_seq")),
        sa.UniqueConstraint(
            "reservation_id", "side", name=op.f("uq_stock_moves_reservation_id_side")
        ),
    )
    with op.batch_alter_table("stock_moves", schema=None) as batch_op:
        batch_op.create_index("ix_stock_moves_location", ["location_id", "id"], unique=False)
        batch_op.create_index("ix_stock_moves_part", ["part_id", "id"], unique=False)
    guard_ledger(op.get_bind())


def downgrade() -> None:
    unguard_ledger(op.get_bind())
    with op.batch_alter_table("stock_moves", schema=None) as batch_op:
        batch_op.drop_index("ix_stock_moves_part")
        batch_op.drop_index("ix_stock_moves_location")
    op.drop_table("stock_moves")
    with op.batch_alter_table("stock_count_lines", schema=None) as batch_op:
        batch_op.drop_index("ix_stock_count_lines_count")
        batch_op.drop_index(batch_op.f("ix_stock_count_lines_part_id"))
    op.drop_table("stock_count_lines")
    with op.batch_alter_table("reservations", schema=None) as batch_op:
        batch_op.drop_index("ix_reservations_state")
        batch_op.drop_index("ix_reservations_position")
    op.drop_table("reservations")
    with op.batch_alter_table("stock_rules", schema=None) as batch_op:
        batch_op.drop_index("ix_stock_rules_part")
    op.drop_table("stock_rules")
    with op.batch_alter_table("stock_positions", schema=None) as batch_op:
        batch_op.drop_index("ix_stock_positions_part")
    op.drop_table("stock_positions")
    with op.batch_alter_table("stock_counts", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_stock_counts_open",
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )
        batch_op.drop_index("ix_stock_counts_location")
    op.drop_table("stock_counts")
    with op.batch_alter_table("part_fits", schema=None) as batch_op:
        batch_op.drop_index("ix_part_fits_model")
    op.drop_table("part_fits")
    with op.batch_alter_table("parts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_parts_supersedes_id"))
    op.drop_table("parts")
    with op.batch_alter_table("locations", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_locations_single",
            sqlite_where=sa.text("kind IN ('count', 'customer')"),
            postgresql_where=sa.text("kind IN ('count', 'customer')"),
        )
        batch_op.drop_index("ix_locations_organisation")
    op.drop_table("locations")

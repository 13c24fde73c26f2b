"""warranty policies and decisions

Revision: 0005_warranty_policies
Follows: 0002_runs_of_the_lab
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from stb_service.shared.db import Json, UtcDateTime
from stb_service.warranty.guards import guard, unguard

revision = "0005_warranty_policies"
down_revision = "0004_parts_and_stock"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "warranty_policies",
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_warranty_policies")),
        sa.UniqueConstraint("code", name=op.f("uq_warranty_policies_code")),
        sa.UniqueConstraint("public_id", name=op.f("uq_warranty_policies_public_id")),
    )
    op.create_table(
        "policy_versions",
        sa.Column(
            "policy_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("jurisdiction", sa.String(length=64), nullable=False),
        sa.Column("terms", Json, nullable=False),
        sa.Column("note", sa.String(length=4000), nullable=False),
        sa.Column("preset", sa.String(length=64), nullable=False),
        sa.Column("checked_by", sa.String(length=128), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=128), nullable=False),
        sa.Column("in_force_from", sa.Date(), nullable=True),
        sa.Column("published_at", UtcDateTime(), nullable=True),
        sa.Column("published_by", sa.String(length=128), nullable=False),
        sa.Column("retired_on", sa.Date(), nullable=True),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "(published_at IS NULL) = (in_force_from IS NULL)",
            name=op.f("ck_policy_versions_published"),
        ),
        sa.CheckConstraint("number > 0", name=op.f("ck_policy_versions_number")),
        sa.CheckConstraint(
            "retired_on IS NULL OR retired_on > in_force_from",
            name=op.f("ck_policy_versions_retired"),
        ),
        sa.ForeignKeyConstraint(
            ["policy_id"], ["warranty_policies.id"], name=op.f("fk_policy_versions_policy_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_versions")),
        sa.UniqueConstraint(
            "policy_id", "in_force_from", name=op.f("uq_policy_versions_policy_id_in_force_from")
        ),
        sa.UniqueConstraint(
            "policy_id", "number", name=op.f("uq_policy_versions_policy_id_number")
        ),
        sa.UniqueConstraint("public_id", name=op.f("uq_policy_versions_public_id")),
    )
    with op.batch_alter_table("policy_versions", schema=None) as batch_op:
        batch_op.create_index(
            "uq_policy_versions_draft",
            ["policy_id"],
            unique=True,
            sqlite_where=sa.text("published_at IS NULL"),
            postgresql_where=sa.text("published_at IS NULL"),
        )

    op.create_table(
        "warranty_assignments",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("model_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("seller_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("tenure", sa.String(length=16), nullable=True),
        sa.Column("policy_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("assigned_at", UtcDateTime(), nullable=False),
        sa.Column("assigned_by", sa.String(length=128), nullable=False),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "key = CAST(coalesce(model_id, 0) AS VARCHAR) || '/' || CAST(coalesce(seller_id, 0) AS VARCHAR) || '/' || coalesce(tenure, '')",
            name=op.f("ck_warranty_assignments_key"),
        ),
        sa.CheckConstraint(
            "tenure IN ('sold', 'rented', 'on_loan')", name=op.f("ck_warranty_assignments_tenure")
        ),
        sa.ForeignKeyConstraint(
            ["model_id"], ["device_models.id"], name=op.f("fk_warranty_assignments_model_id")
        ),
        sa.ForeignKeyConstraint(
            ["policy_id"], ["warranty_policies.id"], name=op.f("fk_warranty_assignments_policy_id")
        ),
        sa.ForeignKeyConstraint(
            ["seller_id"], ["organisations.id"], name=op.f("fk_warranty_assignments_seller_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_warranty_assignments")),
        sa.UniqueConstraint("key", "from_on", name=op.f("uq_warranty_assignments_key_from_on")),
        sa.UniqueConstraint("public_id", name=op.f("uq_warranty_assignments_public_id")),
    )
    with op.batch_alter_table("warranty_assignments", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_warranty_assignments_model_id"), ["model_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_warranty_assignments_policy_id"), ["policy_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_warranty_assignments_seller_id"), ["seller_id"], unique=False
        )

    op.create_table(
        "warranty_decisions",
        sa.Column(
            "device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "policy_version_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column("component", sa.String(length=32), nullable=False),
        sa.Column("reported_on", sa.Date(), nullable=False),
        sa.Column("cause", sa.String(length=32), nullable=True),
        sa.Column("subject_ref", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("started_on", sa.Date(), nullable=True),
        sa.Column("covered_until", sa.Date(), nullable=True),
        sa.Column("is_presumed", sa.Boolean(), nullable=False),
        sa.Column("facts", Json, nullable=False),
        sa.Column("trace", Json, nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=False),
        sa.Column("decided_by", sa.String(length=128), nullable=False),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "cause IN ('manufacturing', 'component', 'firmware', 'transport', 'user_damage',"
            " 'liquid', 'surge', 'third_party', 'wear', 'no_fault_found')",
            name=op.f("ck_warranty_decisions_cause"),
        ),
        sa.CheckConstraint(
            "component IN ('', 'power_supply', 'remote', 'battery', 'cable', 'mainboard', 'disk',"
            " 'flash', 'tuner', 'wifi', 'hdmi', 'card_reader', 'front_panel', 'fan', 'case',"
            " 'other')",
            name=op.f("ck_warranty_decisions_component"),
        ),
        sa.CheckConstraint(
            "outcome IN ('dead_on_arrival', 'covered', 'excluded', 'not_yet', 'expired',"
            " 'no_cover', 'goodwill')",
            name=op.f("ck_warranty_decisions_outcome"),
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name=op.f("fk_warranty_decisions_device_id")
        ),
        sa.ForeignKeyConstraint(
            ["policy_version_id"],
            ["policy_versions.id"],
            name=op.f("fk_warranty_decisions_policy_version_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_warranty_decisions")),
        sa.UniqueConstraint("public_id", name=op.f("uq_warranty_decisions_public_id")),
    )
    with op.batch_alter_table("warranty_decisions", schema=None) as batch_op:
        batch_op.create_index("ix_warranty_decisions_device", ["device_id", "id"], unique=False)
        batch_op.create_index("ix_warranty_decisions_outcome", ["outcome", "id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_warranty_decisions_policy_version_id"),
            ["policy_version_id"],
            unique=False,
        )
        batch_op.create_index("ix_warranty_decisions_subject", ["subject_ref"], unique=False)

    op.create_table(
        "warranty_overrides",
        sa.Column(
            "decision_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=1000), nullable=False),
        sa.Column("granted_at", UtcDateTime(), nullable=False),
        sa.Column("granted_by", sa.String(length=128), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('dead_on_arrival', 'covered', 'excluded', 'not_yet', 'expired',"
            " 'no_cover', 'goodwill')",
            name=op.f("ck_warranty_overrides_outcome"),
        ),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_warranty_overrides_reason")),
        sa.CheckConstraint("number > 0", name=op.f("ck_warranty_overrides_number")),
        sa.ForeignKeyConstraint(
            ["decision_id"],
            ["warranty_decisions.id"],
            name=op.f("fk_warranty_overrides_decision_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_warranty_overrides")),
        sa.UniqueConstraint(
            "decision_id", "number", name=op.f("uq_warranty_overrides_decision_id_number")
        ),
    )

    guard(op.get_bind())


def downgrade() -> None:
    unguard(op.get_bind())

    op.drop_table("warranty_overrides")
    with op.batch_alter_table("warranty_decisions", schema=None) as batch_op:
        batch_op.drop_index("ix_warranty_decisions_subject")
        batch_op.drop_index(batch_op.f("ix_warranty_decisions_policy_version_id"))
        batch_op.drop_index("ix_warranty_decisions_outcome")
        batch_op.drop_index("ix_warranty_decisions_device")

    op.drop_table("warranty_decisions")
    with op.batch_alter_table("warranty_assignments", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_warranty_assignments_seller_id"))
        batch_op.drop_index(batch_op.f("ix_warranty_assignments_policy_id"))
        batch_op.drop_index(batch_op.f("ix_warranty_assignments_model_id"))

    op.drop_table("warranty_assignments")
    with op.batch_alter_table("policy_versions", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_policy_versions_draft",
            sqlite_where=sa.text("published_at IS NULL"),
            postgresql_where=sa.text("published_at IS NULL"),
        )

    op.drop_table("policy_versions")
    op.drop_table("warranty_policies")

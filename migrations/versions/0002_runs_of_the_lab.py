"""runs of the lab

Revision: 0002_runs_of_the_lab
Follows: 0001_the_first_tables
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from stb_service.shared.db import Json, UtcDateTime

revision = "0002_runs_of_the_lab"
down_revision = "0001_the_first_tables"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lab_runs",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("form", sa.String(length=16), nullable=False),
        sa.Column("evidence", sa.String(length=16), nullable=False),
        sa.Column("verdict", sa.String(length=8), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("expected", sa.Integer(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=True),
        sa.Column("scenario_digest", sa.String(length=64), nullable=True),
        sa.Column("changes", Json, nullable=False),
        sa.Column("failing", Json, nullable=False),
        sa.Column("result_sha256", sa.String(length=64), nullable=False),
        sa.Column("report_sha256", sa.String(length=64), nullable=True),
        sa.Column("image_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("sent_at", UtcDateTime(), nullable=False),
        sa.Column("sent_by", sa.String(length=128), nullable=False),
        sa.Column("times_sent", sa.Integer(), nullable=False),
        sa.Column("last_sent_at", UtcDateTime(), nullable=False),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "evidence IN ('emulated', 'real_box')", name=op.f("ck_lab_runs_evidence")
        ),
        sa.CheckConstraint("verdict IN ('pass', 'fail')", name=op.f("ck_lab_runs_verdict")),
        sa.CheckConstraint(
            "held >= 0 AND expected > 0 AND held <= expected", name=op.f("ck_lab_runs_counts")
        ),
        sa.CheckConstraint(
            "(verdict = 'pass') = (held = expected)", name=op.f("ck_lab_runs_worked_out")
        ),
        sa.CheckConstraint("times_sent > 0", name=op.f("ck_lab_runs_sent")),
        sa.ForeignKeyConstraint(
            ["image_id"], ["images.id"], name=op.f("fk_lab_runs_image_id_images")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lab_runs")),
        sa.UniqueConstraint("public_id", name=op.f("uq_lab_runs_public_id")),
        sa.UniqueConstraint(
            "result_sha256",
            "evidence",
            "image_id",
            name=op.f("uq_lab_runs_result_sha256_evidence_image_id"),
        ),
    )
    with op.batch_alter_table("lab_runs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_lab_runs_image_id"), ["image_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_lab_runs_name"), ["name"], unique=False)
        batch_op.create_index(
            "uq_lab_runs_without_image",
            ["result_sha256", "evidence"],
            unique=True,
            sqlite_where=sa.text("image_id IS NULL"),
            postgresql_where=sa.text("image_id IS NULL"),
        )
        batch_op.create_index("ix_lab_runs_newest", ["sent_at", "id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("lab_runs", schema=None) as batch_op:
        batch_op.drop_index("ix_lab_runs_newest")
        batch_op.drop_index("uq_lab_runs_without_image")
        batch_op.drop_index(batch_op.f("ix_lab_runs_name"))
        batch_op.drop_index(batch_op.f("ix_lab_runs_image_id"))
    op.drop_table("lab_runs")

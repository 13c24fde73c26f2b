"""returns: the place that a box is sent to, from the authorisation on

Revision: 0009_where_a_box_is_sent
Follows: 0008_claims_and_papers
"""

from __future__ import annotations

from alembic import op

revision = "0009_where_a_box_is_sent"
down_revision = "0008_claims_and_papers"
branch_labels = None
depends_on = None

KEY = "fk_rma_orders_destination_id"


def upgrade() -> None:
    # One statement for both: a table that SQLite makes anew would lose its triggers.
    kind = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    op.execute(
        f"ALTER TABLE rma_orders ADD COLUMN destination_id {kind}"
        f" CONSTRAINT {KEY} REFERENCES locations (id)"
    )
    op.create_index("ix_rma_orders_destination", "rma_orders", ["destination_id"])


def downgrade() -> None:
    op.drop_index("ix_rma_orders_destination", "rma_orders")
    op.execute("ALTER TABLE rma_orders DROP COLUMN destination_id")

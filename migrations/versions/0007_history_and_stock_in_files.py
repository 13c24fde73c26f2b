"""history and stock in files

Revision: 0007_history_and_stock_in_files
Follows: 0006_quotes_and_payments
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007_history_and_stock_in_files"
down_revision = "0006_quotes_and_payments"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("stock_count_lines", schema=None) as batch_op:
        batch_op.add_column(sa.Column("key", sa.String(length=80), nullable=True))
        batch_op.create_unique_constraint(batch_op.f("uq_stock_count_lines_key"), ["key"])
    with op.batch_alter_table("holdings", schema=None) as batch_op:
        batch_op.drop_index("ix_holdings_account")
        batch_op.create_index(
            "ix_holdings_account_since", ["account_id", "since", "id"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("holdings", schema=None) as batch_op:
        batch_op.drop_index("ix_holdings_account_since")
        batch_op.create_index("ix_holdings_account", ["account_id", "id"], unique=False)
    with op.batch_alter_table("stock_count_lines", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_stock_count_lines_key"), type_="unique")
        batch_op.drop_column("key")

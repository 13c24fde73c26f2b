"""returns: claims from suppliers, and addresses for the papers of cases

Revision: 0008_claims_and_papers
Follows: 0007_returns
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008_claims_and_papers"
down_revision = "0007_returns"
branch_labels = None
depends_on = None

REACHED = (("address", 500), ("phone", 32), ("mail", 254))


def upgrade() -> None:
    for name, length in REACHED:
        column = sa.Column(name, sa.String(length=length), nullable=False, server_default="")
        op.add_column("organisations", column)


def downgrade() -> None:
    with op.batch_alter_table("organisations", schema=None) as batch_op:
        for name, _ in reversed(REACHED):
            batch_op.drop_column(name)

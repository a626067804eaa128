"""How often a document's worker was lost over it"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    losses = sa.Column("losses", sa.Integer(), server_default="0", nullable=False)
    op.add_column("documents", losses)


def downgrade() -> None:
    op.drop_column("documents", "losses")

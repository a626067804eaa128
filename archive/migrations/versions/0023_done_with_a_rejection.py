"""Submitters put rejections away; a better picture comes in pieces, too"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "review_cases", sa.Column("put_away_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("transfers", sa.Column("replaces", sa.String(length=24), nullable=True))


def downgrade() -> None:
    op.drop_column("transfers", "replaces")
    op.drop_column("review_cases", "put_away_at")

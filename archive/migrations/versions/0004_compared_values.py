"""Verifications keep every field beside the portal's"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("verifications", sa.Column("compared", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("verifications", "compared")

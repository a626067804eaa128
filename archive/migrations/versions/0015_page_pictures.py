"""Pages drawn anew, for the desk"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "page_pictures",
        sa.Column("document_id", sa.String(length=24), nullable=False),
        sa.Column("page", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("media_type", sa.String(length=32), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_page_pictures_document_id")
        ),
        sa.PrimaryKeyConstraint("document_id", "page", name=op.f("pk_page_pictures")),
    )


def downgrade() -> None:
    op.drop_table("page_pictures")

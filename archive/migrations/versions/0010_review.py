"""What reviewers did, and the cases around documents at the desk"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "review_deeds",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("document_id", sa.String(length=24), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("token", sa.String(length=96), nullable=False),
        sa.Column("reason", sa.String(length=48), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("wish", sa.Text(), nullable=False),
        sa.Column("changed", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("about", sa.String(length=24), nullable=True),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_review_deeds_document_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_deeds")),
        sa.UniqueConstraint("token", name=op.f("uq_review_deeds_token")),
    )
    op.create_index(op.f("ix_review_deeds_actor"), "review_deeds", ["actor"])
    op.create_index(op.f("ix_review_deeds_document_id_at"), "review_deeds", ["document_id", "at"])
    op.create_table(
        "review_cases",
        sa.Column("document_id", sa.String(length=24), nullable=False),
        sa.Column("assignee", sa.String(length=64), nullable=True),
        sa.Column("proposal", sa.String(length=24), nullable=True),
        sa.Column("picture_wanted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("replaced_by", sa.String(length=24), nullable=True),
        sa.Column("replaces", sa.String(length=24), nullable=True),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_review_cases_document_id")
        ),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_review_cases")),
    )
    op.create_index(op.f("ix_review_cases_assignee"), "review_cases", ["assignee"])


def downgrade() -> None:
    op.drop_table("review_cases")
    op.drop_table("review_deeds")

"""A submitter's documents in the order that they came are found by index"""

from __future__ import annotations

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_documents_submitter_id"), "documents", ["submitter", "id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_documents_submitter_id"), "documents")

"""A submitter's documents by state, and vouchers in the order that they came, are found by index"""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_documents_submitter_state"), "documents", ["submitter", "state"])
    op.drop_index(op.f("ix_documents_submitter"), "documents")  # a beginning of the new one
    op.create_index(
        op.f("ix_vouchers_created_at_voucher_no"), "vouchers", ["created_at", "voucher_no"]
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_vouchers_created_at_voucher_no"), "vouchers")
    op.create_index(op.f("ix_documents_submitter"), "documents", ["submitter"])
    op.drop_index(op.f("ix_documents_submitter_state"), "documents")

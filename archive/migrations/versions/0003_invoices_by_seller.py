"""Invoices by seller and day, for the rules that look at a seller's other invoices"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        op.f("ix_invoices_seller_name_issue_date"), "invoices", ["seller_name", "issue_date"]
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_invoices_seller_name_issue_date"), "invoices")

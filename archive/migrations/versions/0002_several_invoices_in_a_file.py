"""Several invoices in a file: a document is a part of its bytes"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("documents") as documents:
        documents.add_column(sa.Column("part", sa.Integer(), server_default="1", nullable=False))
        documents.add_column(sa.Column("parts", sa.Integer(), server_default="1", nullable=False))
        documents.drop_constraint(op.f("uq_documents_sha256"), type_="unique")
        documents.create_unique_constraint(op.f("uq_documents_sha256_part"), ["sha256", "part"])
    # Receipts and bank slips carry longer numbers than invoices do.
    with op.batch_alter_table("invoices") as invoices:
        invoices.alter_column(
            "invoice_code", existing_type=sa.String(12), type_=sa.String(32), existing_nullable=True
        )
        for name in ("invoice_number", "number_reversed"):
            invoices.alter_column(
                name, existing_type=sa.String(32), type_=sa.String(64), existing_nullable=True
            )
    with op.batch_alter_table("invoice_claims") as claims:
        claims.alter_column(
            "invoice_key",
            existing_type=sa.String(48),
            type_=sa.String(160),
            existing_nullable=False,
        )


def downgrade() -> None:
    raise NotImplementedError("parts of files cannot be folded back into one document")

"""Archived documents are verified again; what changed since is an alarm"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("documents") as documents:
        documents.add_column(sa.Column("again_at", sa.DateTime(timezone=True), nullable=True))
        documents.create_index(op.f("ix_documents_again_at"), ["again_at"])
    op.create_table(
        "alarms",
        sa.Column("id", sa.String(24), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code", sa.String(48), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("document_id", sa.String(24), nullable=True),
        sa.Column("voucher_no", sa.String(64), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.String(64), nullable=True),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_alarms_document_id_documents")
        ),
        sa.ForeignKeyConstraint(
            ["voucher_no"], ["vouchers.voucher_no"], name=op.f("fk_alarms_voucher_no_vouchers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarms")),
        sa.UniqueConstraint("document_id", "code", name=op.f("uq_alarms_document_id_code")),
    )
    op.create_index(op.f("ix_alarms_voucher_no"), "alarms", ["voucher_no"])


def downgrade() -> None:
    op.drop_table("alarms")
    with op.batch_alter_table("documents") as documents:
        documents.drop_index(op.f("ix_documents_again_at"))
        documents.drop_column("again_at")

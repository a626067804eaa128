"""Checks asked of a portal, and the patience that it asked for"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "portal_checks",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("portal", sa.String(length=255), nullable=False),
        sa.Column("invoice_key", sa.String(length=160), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=True),
        sa.Column("document_id", sa.String(length=24), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_portal_checks")),
        sa.UniqueConstraint(
            "portal",
            "invoice_key",
            "day",
            "ordinal",
            name=op.f("uq_portal_checks_portal_invoice_key_day_ordinal"),
        ),
    )
    op.create_index(op.f("ix_portal_checks_portal_at"), "portal_checks", ["portal", "at"])
    with op.batch_alter_table("lanes") as lanes:
        lanes.add_column(sa.Column("resume_at", sa.DateTime(timezone=True), nullable=True))
        lanes.add_column(sa.Column("refusals", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("lanes") as lanes:
        lanes.drop_column("refusals")
        lanes.drop_column("resume_at")
    op.drop_table("portal_checks")

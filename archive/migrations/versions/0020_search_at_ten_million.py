"""Indexes that hold what a search looks at: a walk by days, sellers of a campus, odd verdicts"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0013"
branch_labels = None
depends_on = None

_WALK = ["day", "id", "seller_id", "campus_id", "buyer_id", "kind_id", "cents"]
_UNUSUAL = sa.text("verdict != 'confirmed'")


def upgrade() -> None:
    op.create_index("ix_search_invoices_walk", "search_invoices", _WALK)
    op.create_index(
        op.f("ix_search_invoices_campus_id_seller_id_day"),
        "search_invoices",
        ["campus_id", "seller_id", "day"],
    )
    op.create_index(
        "ix_documents_verdict_unusual",
        "documents",
        ["verdict"],
        sqlite_where=_UNUSUAL,
        postgresql_where=_UNUSUAL,
    )
    op.drop_index(op.f("ix_search_invoices_day"), "search_invoices")
    op.drop_index(op.f("ix_search_invoices_campus_id_day"), "search_invoices")


def downgrade() -> None:
    op.create_index(
        op.f("ix_search_invoices_campus_id_day"), "search_invoices", ["campus_id", "day"]
    )
    op.create_index(op.f("ix_search_invoices_day"), "search_invoices", ["day"])
    op.drop_index("ix_documents_verdict_unusual", "documents")
    op.drop_index(op.f("ix_search_invoices_campus_id_seller_id_day"), "search_invoices")
    op.drop_index("ix_search_invoices_walk", "search_invoices")

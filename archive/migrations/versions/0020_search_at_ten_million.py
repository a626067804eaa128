"""Indexes that hold what a search looks at: a walk by days, sellers of a campus, odd verdicts"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0018"
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
        postgresql_include=["id"],
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
    _whole(include=True)


def _whole(*, include: bool) -> None:
    """Whether indexes on PostgreSQL hold the row's number, as SQLite's do anyway."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, columns, number in (
        ("search_invoices", ["seller_id", "day"], "id"),
        ("search_lines", ["name_id", "day"], "invoice_id"),
    ):
        name = op.f(f"ix_{table}_{'_'.join(columns)}")
        op.drop_index(name, table)
        op.create_index(name, table, columns, postgresql_include=[number] if include else [])


def downgrade() -> None:
    _whole(include=False)
    op.create_index(
        op.f("ix_search_invoices_campus_id_day"), "search_invoices", ["campus_id", "day"]
    )
    op.create_index(op.f("ix_search_invoices_day"), "search_invoices", ["day"])
    op.drop_index("ix_documents_verdict_unusual", "documents")
    op.drop_index(op.f("ix_search_invoices_campus_id_seller_id_day"), "search_invoices")
    op.drop_index("ix_search_invoices_walk", "search_invoices")

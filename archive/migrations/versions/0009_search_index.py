"""The search index; numbers compared by bytes on PostgreSQL"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0007"
branch_labels = None
depends_on = None

#: Columns whose beginnings are sought: a language's own order would keep indexes from serving.
_BY_BYTES = (
    ("invoices", "invoice_number", 64),
    ("invoices", "number_reversed", 64),
    ("vouchers", "voucher_no", 64),
    ("documents", "voucher_no", 64),
    ("search_codes", "code", 32),
    ("search_codes", "reversed", 32),
)


def upgrade() -> None:
    _names()
    _invoices()
    if op.get_bind().dialect.name == "postgresql":
        for table, column, length in _BY_BYTES:
            op.execute(
                f'ALTER TABLE {table} ALTER COLUMN {column} TYPE varchar({length}) COLLATE "C"'
            )


def _names() -> None:
    op.create_table(
        "search_names",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_names")),
        sa.UniqueConstraint("folded", name=op.f("uq_search_names_folded")),
    )
    op.create_table(
        "search_grams",
        sa.Column("gram", sa.BigInteger(), nullable=False),
        sa.Column("name_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("gram", "name_id", name=op.f("pk_search_grams")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "search_codes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("reversed", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_codes")),
        sa.UniqueConstraint("code", name=op.f("uq_search_codes_code")),
    )
    op.create_index(op.f("ix_search_codes_reversed"), "search_codes", ["reversed"])


def _invoices() -> None:
    op.create_table(
        "search_invoices",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("document_id", sa.String(length=24), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("cents", sa.BigInteger(), nullable=True),
        *(
            sa.Column(f"{name}_id", sa.Integer(), nullable=True)
            for name in ("seller", "buyer", "kind", "campus", "code")
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_search_invoices_document_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_invoices")),
        sa.UniqueConstraint("document_id", name=op.f("uq_search_invoices_document_id")),
    )
    op.create_index(op.f("ix_search_invoices_day"), "search_invoices", ["day"])
    op.create_index(op.f("ix_search_invoices_cents"), "search_invoices", ["cents"])
    for name in ("seller", "buyer", "kind", "campus", "code"):
        op.create_index(
            op.f(f"ix_search_invoices_{name}_id_day"), "search_invoices", [f"{name}_id", "day"]
        )
    op.create_table(
        "search_lines",
        sa.Column("invoice_id", sa.Integer(), nullable=False),
        sa.Column("name_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("invoice_id", "name_id", name=op.f("pk_search_lines")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_search_lines_name_id_day"), "search_lines", ["name_id", "day"])


def downgrade() -> None:
    for table in ("search_lines", "search_invoices", "search_codes", "search_grams"):
        op.drop_table(table)
    op.drop_table("search_names")

"""What the accounting system says of vouchers, what people accepted, inspections of bags"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0006"
branch_labels = None
depends_on = None


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=False)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    _facts()
    _entries()
    _decisions()
    _inspections()


def _facts() -> None:
    op.create_table(
        "voucher_facts",
        _text("voucher_no", 64),
        sa.Column("fiscal_year", sa.Integer(), nullable=False),
        _text("account_set", 64),
        _text("agency_code", 64),
        sa.Column("agency_name", sa.Text(), nullable=False),
        _text("campus", 64),
        sa.Column("period", sa.Integer(), nullable=False),
        _text("word", 16),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("voucher_date", sa.Date(), nullable=False),
        sa.Column("posting_date", sa.Date(), nullable=True),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("invoice_amount", sa.String(length=32), nullable=True),
        _text("debit_total", 32),
        _text("credit_total", 32),
        sa.Column("attachments", sa.Integer(), nullable=True),
        _text("preparer", 64),
        _text("reviewer", 64),
        _text("poster", 64),
        sa.Column("red", sa.Boolean(), nullable=False),
        _text("origin", 16),
        _text("fingerprint", 64),
        _moment("updated_at"),
        _moment("stated_at"),
        _moment("blocked_at", nullable=True),
        sa.ForeignKeyConstraint(
            ["voucher_no"],
            ["vouchers.voucher_no"],
            name=op.f("fk_voucher_facts_voucher_no_vouchers"),
        ),
        sa.PrimaryKeyConstraint("voucher_no", name=op.f("pk_voucher_facts")),
        sa.UniqueConstraint(
            *("fiscal_year", "account_set", "agency_code", "period", "word", "number"),
            name=op.f("uq_voucher_facts_key"),
        ),
    )
    op.create_index(op.f("ix_voucher_facts_fiscal_year"), "voucher_facts", ["fiscal_year"])


def _entries() -> None:
    op.create_table(
        "voucher_entries",
        _text("id", 24),
        _text("voucher_no", 64),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        _text("account_code", 64),
        sa.Column("account_name", sa.Text(), nullable=False),
        _text("debit", 32),
        _text("credit", 32),
        sa.ForeignKeyConstraint(
            ["voucher_no"],
            ["voucher_facts.voucher_no"],
            name=op.f("fk_voucher_entries_voucher_no_voucher_facts"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_voucher_entries")),
        sa.UniqueConstraint("voucher_no", "line", name=op.f("uq_voucher_entries_voucher_no_line")),
    )


def _decisions() -> None:
    op.create_table(
        "voucher_decisions",
        _text("id", 24),
        _text("voucher_no", 64),
        _text("code", 48),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        _text("actor", 64),
        _moment("at"),
        sa.ForeignKeyConstraint(
            ["voucher_no"],
            ["vouchers.voucher_no"],
            name=op.f("fk_voucher_decisions_voucher_no_vouchers"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_voucher_decisions")),
    )
    op.create_index(op.f("ix_voucher_decisions_voucher_no"), "voucher_decisions", ["voucher_no"])


def _inspections() -> None:
    op.create_table(
        "bag_inspections",
        _text("id", 24),
        _text("bag_id", 24),
        _moment("at"),
        sa.Column("sound", sa.Boolean(), nullable=False),
        sa.Column("failed", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["bag_id"], ["bags.id"], name=op.f("fk_bag_inspections_bag_id_bags")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bag_inspections")),
    )
    op.create_index(op.f("ix_bag_inspections_bag_id"), "bag_inspections", ["bag_id"])
    op.create_index(op.f("ix_bag_inspections_at"), "bag_inspections", ["at"])


def downgrade() -> None:
    for table in ("bag_inspections", "voucher_decisions", "voucher_entries", "voucher_facts"):
        op.drop_table(table)

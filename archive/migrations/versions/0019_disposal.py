"""Disposal lists are carried out: how far they are, their sealed records"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("begun_at", "ended_at"):
        op.add_column("disposal_lists", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.add_column("disposal_lists", sa.Column("begun_by", sa.String(length=64), nullable=True))
    op.create_table(
        "disposal_todo",
        sa.Column("list_id", sa.String(length=24), nullable=False),
        sa.Column("place", sa.String(length=160), nullable=False),
        sa.ForeignKeyConstraint(
            ["list_id"], ["disposal_lists.id"], name=op.f("fk_disposal_todo_list_id")
        ),
        sa.PrimaryKeyConstraint("list_id", "place", name=op.f("pk_disposal_todo")),
    )
    op.create_table(
        "disposal_records",
        sa.Column("list_id", sa.String(length=24), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["list_id"], ["disposal_lists.id"], name=op.f("fk_disposal_records_list_id")
        ),
        sa.PrimaryKeyConstraint("list_id", name=op.f("pk_disposal_records")),
    )
    _freeze("disposal_records")


def _freeze(table: str) -> None:
    """Refuse every change at the database itself, as for the audit trail."""
    if op.get_bind().dialect.name == "sqlite":
        for deed in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{deed.lower()} BEFORE {deed} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"EXECUTE FUNCTION {table}_append_only()"
    )


def downgrade() -> None:
    op.drop_table("disposal_records")
    op.drop_table("disposal_todo")
    for name in ("begun_by", "ended_at", "begun_at"):
        op.drop_column("disposal_lists", name)

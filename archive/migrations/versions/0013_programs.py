"""Webhooks and their messages, and the keys of requests that may be sent again"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("person_id", sa.String(length=24), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret_sealed", sa.Text(), nullable=False),
        sa.Column("events", sa.Text(), nullable=False),
        _moment("created_at"),
        _moment("removed_at", nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_webhooks_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    op.create_index(op.f("ix_webhooks_person_id"), "webhooks", ["person_id"])
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("webhook_id", sa.String(length=24), nullable=False),
        sa.Column("event", sa.String(length=48), nullable=False),
        sa.Column("document_id", sa.String(length=24), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        _moment("created_at"),
        sa.Column("tries", sa.Integer(), nullable=False),
        _moment("next_try_at"),
        _moment("ended_at", nullable=True),
        sa.Column("delivered", sa.Boolean(), nullable=False),
        sa.Column("answer", sa.String(length=48), nullable=False),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name=op.f("fk_webhook_deliveries_webhook_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
    )
    op.create_index(op.f("ix_webhook_deliveries_webhook_id"), "webhook_deliveries", ["webhook_id"])
    op.create_index(
        op.f("ix_webhook_deliveries_ended_at_next_try_at"),
        "webhook_deliveries",
        ["ended_at", "next_try_at"],
    )
    op.create_table(
        "request_keys",
        sa.Column("person_id", sa.String(length=24), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("asked", sa.String(length=64), nullable=False),
        _moment("begun_at"),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_request_keys_person_id")
        ),
        sa.PrimaryKeyConstraint("person_id", "key", name=op.f("pk_request_keys")),
    )


def downgrade() -> None:
    op.drop_table("request_keys")
    op.drop_table("webhook_deliveries")
    op.drop_table("webhooks")

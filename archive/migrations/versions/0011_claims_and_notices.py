"""Files on their way, notices, and the figures of the dashboard"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "figures",
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("campus", sa.String(length=64), nullable=False),
        sa.Column("received", sa.Integer(), nullable=False),
        sa.Column("by_itself", sa.Integer(), nullable=False),
        sa.Column("by_hand", sa.Integer(), nullable=False),
        sa.Column("in_review", sa.Integer(), nullable=False),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("duplicates", sa.Integer(), nullable=False),
        sa.Column("money_checked", sa.String(length=32), nullable=False),
        sa.Column("money_stopped", sa.String(length=32), nullable=False),
        sa.Column("durations", sa.Text(), nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("month", "campus", name=op.f("pk_figures")),
    )
    op.create_table(
        "notice_choices",
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("topic", sa.String(length=16), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("wanted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "topic", "channel", name=op.f("pk_notice_choices")),
    )
    op.create_table(
        "outgoing",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("topic", sa.String(length=16), nullable=False),
        sa.Column("document_id", sa.String(length=24), nullable=True),
        sa.Column("code", sa.String(length=48), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outgoing")),
    )
    op.create_index(
        op.f("ix_outgoing_done_at_next_try_at"),
        "outgoing",
        ["done_at", "next_try_at"],
    )
    op.create_table(
        "walks",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_walks")),
    )
    op.create_table(
        "claims",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("campus", sa.String(length=64), nullable=False),
        sa.Column("voucher_no", sa.String(length=64), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.String(length=24), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_claims_batch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claims")),
    )
    op.create_index(op.f("ix_claims_batch_id"), "claims", ["batch_id"])
    op.create_index(op.f("ix_claims_person_id"), "claims", ["person_id"])
    op.create_table(
        "notices",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("topic", sa.String(length=16), nullable=False),
        sa.Column("document_id", sa.String(length=24), nullable=True),
        sa.Column("code", sa.String(length=48), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_notices_document_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
    )
    op.create_index(op.f("ix_notices_person_id_read_at"), "notices", ["person_id", "read_at"])
    op.create_table(
        "transfers",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("claim_id", sa.String(length=24), nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("offset", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["claim_id"], ["claims.id"], name=op.f("fk_transfers_claim_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfers")),
    )
    op.create_index(op.f("ix_transfers_claim_id"), "transfers", ["claim_id"])
    op.create_index(
        op.f("ix_transfers_person_id_finished_at"),
        "transfers",
        ["person_id", "finished_at"],
    )
    op.create_index(op.f("ix_transfers_updated_at"), "transfers", ["updated_at"])
    op.create_index(
        op.f("ix_documents_submitter_updated_at"), "documents", ["submitter", "updated_at"]
    )
    op.create_index(op.f("ix_documents_received_at_campus"), "documents", ["received_at", "campus"])


def downgrade() -> None:
    op.drop_index(op.f("ix_documents_received_at_campus"), table_name="documents")
    op.drop_index(op.f("ix_documents_submitter_updated_at"), table_name="documents")
    for table in (
        "transfers",
        "notices",
        "claims",
        "walks",
        "outgoing",
        "notice_choices",
        "figures",
    ):
        op.drop_table(table)

"""People, what they may do where, and what proves that it is them; whose a document is"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0008"
branch_labels = None
depends_on = None


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str, length: int, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=nullable)


def _person(table: str, *, nullable: bool = False) -> tuple[sa.Column[str], sa.Constraint]:
    return (
        _text("person_id", 24, nullable=nullable),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f(f"fk_{table}_person_id")),
    )


def _indexed(table: str) -> None:
    op.create_index(op.f(f"ix_{table}_person_id"), table, ["person_id"])


def upgrade() -> None:
    _people()
    _sessions()
    _proofs()
    op.create_table(
        "login_throttle",
        _text("key", 96),
        sa.Column("failures", sa.Integer(), nullable=False),
        _moment("last_at"),
        _moment("blocked_until", nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_login_throttle")),
    )
    for table, name in (("batches", "campus"), ("documents", "campus"), ("documents", "submitter")):
        op.add_column(
            table, sa.Column(name, sa.String(length=64), server_default="", nullable=False)
        )
    op.create_index(op.f("ix_documents_submitter"), "documents", ["submitter"])
    op.create_index(op.f("ix_documents_campus"), "documents", ["campus"])


def _people() -> None:
    op.create_table(
        "people",
        _text("id", 24),
        _text("login", 64),
        _text("name", 64),
        sa.Column("email", sa.String(length=254), server_default="", nullable=False),
        _text("password_hash", 255, nullable=True),
        _moment("created_at"),
        _moment("disabled_at", nullable=True),
        sa.Column("totp_sealed", sa.Text(), nullable=True),
        sa.Column("totp_step", sa.Integer(), server_default="0", nullable=False),
        sa.Column("factor_waived", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
        sa.UniqueConstraint("login", name=op.f("uq_people_login")),
    )
    op.create_table(
        "grants",
        *_person("grants"),
        _text("role", 16),
        _text("campus", 64),
        sa.PrimaryKeyConstraint("person_id", "role", "campus", name=op.f("pk_grants")),
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        _text("token_hash", 64),
        *_person("sessions"),
        _moment("created_at"),
        _moment("seen_at"),
        _moment("factor_at", nullable=True),
        _text("address", 64),
        _text("browser", 160),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sessions")),
    )
    _indexed("sessions")


def _proofs() -> None:
    op.create_table(
        "one_time_links",
        _text("token_hash", 64),
        _text("purpose", 16),
        *_person("one_time_links", nullable=True),
        _moment("expires_at"),
        _moment("used_at", nullable=True),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_one_time_links")),
    )
    _indexed("one_time_links")
    op.create_table(
        "recovery_codes",
        _text("id", 24),
        *_person("recovery_codes"),
        _text("code_hash", 64),
        _moment("used_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_codes")),
        sa.UniqueConstraint(
            "person_id", "code_hash", name=op.f("uq_recovery_codes_person_id_code_hash")
        ),
    )
    op.create_table(
        "api_tokens",
        _text("id", 24),
        _text("token_hash", 64),
        *_person("api_tokens"),
        _text("label", 64),
        sa.Column("scopes", sa.Text(), nullable=False),
        _moment("created_at"),
        _moment("expires_at", nullable=True),
        _moment("used_at", nullable=True),
        _moment("revoked_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_tokens_token_hash")),
    )
    _indexed("api_tokens")
    op.create_table(
        "identities",
        _text("issuer", 255),
        _text("subject", 255),
        *_person("identities"),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_identities")),
    )
    _indexed("identities")


def downgrade() -> None:
    op.drop_index(op.f("ix_documents_campus"), "documents")
    op.drop_index(op.f("ix_documents_submitter"), "documents")
    for table, name in (("documents", "submitter"), ("documents", "campus"), ("batches", "campus")):
        op.drop_column(table, name)
    for table in (
        "login_throttle",
        "identities",
        "api_tokens",
        "recovery_codes",
        "one_time_links",
        "sessions",
        "grants",
        "people",
    ):
        op.drop_table(table)

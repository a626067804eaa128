"""The database: tables as the code expects, old ones brought forward, times with zones."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from sqlalchemy import text

from archive.database import Database
from archive.records import Base, Document, Upload, UtcTime


def test_migrations_make_the_tables_that_the_code_expects(database: Database) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    database.migrate()  # a second time changes nothing
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Base.metadata) == []


_AT = "2026-11-01 00:00:00"
#: One upload as the first revision kept it.
_OLD_ROWS: tuple[tuple[str, dict[str, object]], ...] = (
    ("vouchers", {"voucher_no": "JZ-1", "created_at": _AT, "attempts": 0}),
    (
        "batches",
        {
            "id": "b1",
            "channel": "drop",
            "submitter": "",
            "voucher_no": "JZ-1",
            "received_at": _AT,
        },
    ),
    (
        "documents",
        {
            "id": "d1",
            "sha256": "a" * 64,
            "size": 1,
            "kept": 1,
            "media_type": "",
            "name": "a.pdf",
            "voucher_no": "JZ-1",
            "received_at": _AT,
            "updated_at": _AT,
            "state": "read",
            "portal_tries": 0,
            "attempts": 0,
        },
    ),
    (
        "uploads",
        {
            "id": "u1",
            "batch_id": "b1",
            "document_id": "d1",
            "name": "a.pdf",
            "received_at": _AT,
            "repeated": 0,
        },
    ),
    ("invoice_claims", {"invoice_key": ":1", "document_id": "d1"}),
)


def test_a_filled_database_of_the_first_revision_is_brought_forward(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'old.db'}")
    database.migrate("0001")
    with database.engine.connect() as connection, connection.begin():
        for table, row in _OLD_ROWS:
            places = ", ".join(f":{name}" for name in row)
            insert = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})"  # noqa: S608
            connection.execute(text(insert), row)
    database.migrate()
    with database.read() as session:
        document = session.get_one(Document, "d1")
        assert (document.part, document.parts) == (1, 1)
        assert session.get_one(Upload, "u1").document is document
        assert session.execute(text("PRAGMA foreign_keys")).scalar() == 1
    database.close()


def test_sqlite_writes_ahead_and_reaches_the_disk(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'b.db'}")
    with database.read() as session:
        assert session.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert session.execute(text("PRAGMA synchronous")).scalar() == 2
        assert session.execute(text("PRAGMA foreign_keys")).scalar() == 1


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        UtcTime().process_bind_param(dt.datetime(2026, 1, 1), None)  # type: ignore[arg-type]  # noqa: DTZ001

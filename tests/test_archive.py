"""The archive: the audit chain, and numbers that are found by any end."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from archive import audit, search
from archive.database import Database
from archive.records import Base, InvoiceRow
from tests.helpers import archived


def _chain(database: Database, rows: int = 5) -> None:
    with database.write() as session:
        for number in range(rows):
            audit.record(session, "deed", detail={"n": number})


def _tamper(database: Database, statement: str) -> tuple[str, ...]:
    """Change the trail behind the triggers' back, as somebody with the file in hand would."""
    with database.write() as session:
        if database.engine.dialect.name == "sqlite":
            for name in ("audit_no_update", "audit_no_delete"):
                session.execute(text(f"DROP TRIGGER {name}"))
        else:
            session.execute(text("DROP TRIGGER audit_frozen ON audit"))
        session.execute(text(statement))
    with database.read() as session:
        return audit.verify(session).faults


def test_an_untouched_chain_is_sound(database: Database) -> None:
    _chain(database)
    with database.read() as session:
        report = audit.verify(session)
    assert report.sound
    assert report.rows == 5


@pytest.mark.parametrize("deed", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit"])
def test_the_database_refuses_to_change_the_trail(database: Database, deed: str) -> None:
    _chain(database)
    with pytest.raises(DatabaseError, match="append-only"), database.write() as session:
        session.execute(text(deed))


def test_a_changed_row_is_named(database: Database) -> None:
    _chain(database)
    assert _tamper(database, "UPDATE audit SET detail = '{}' WHERE seq = 3") == (
        "row 3 was changed",
    )


def test_a_missing_row_is_named(database: Database) -> None:
    _chain(database)
    assert _tamper(database, "DELETE FROM audit WHERE seq = 3") == ("rows 3 to 3 are missing",)


def test_reordered_rows_are_named(database: Database) -> None:
    _chain(database)
    faults = _tamper(
        database,
        "UPDATE audit SET seq = CASE seq WHEN 2 THEN -3 WHEN 3 THEN 2 END WHERE seq IN (2, 3)",
    )
    assert faults


def test_many_writers_make_one_chain(database: Database) -> None:
    def write() -> None:
        for _ in range(10):
            with database.write() as session:
                audit.record(session, "deed")

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as session:
        report = audit.verify(session)
    assert report.sound
    assert report.rows == 40


def test_numbers_are_found_whole_by_beginning_and_by_end(database: Database) -> None:
    ids = {n: archived(database, n) for n in ("12345678", "12340000", "99995678")}
    with database.read() as session:

        def found(query: str) -> list[tuple[str, str]]:
            return [(match, document.id) for match, document in search.find(session, query)]

        assert found("12345678") == [("exact", ids["12345678"])]
        assert found("1234") == [("prefix", ids["12340000"]), ("prefix", ids["12345678"])]
        assert found("5678") == [("suffix", ids["12345678"]), ("suffix", ids["99995678"])]
        assert found(" 1234 5678 ") == [("exact", ids["12345678"])]
        assert found("") == found("777") == []


def test_search_uses_the_indexes(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'b.db'}")
    database.migrate()
    with database.read() as session:
        for column in (InvoiceRow.invoice_number, InvoiceRow.number_reversed):
            query = select(InvoiceRow).where(column >= "1", column < "2")
            sql = str(query.compile(compile_kwargs={"literal_binds": True}))
            plan = session.execute(text(f"EXPLAIN QUERY PLAN {sql}")).fetchall()
            assert "USING INDEX" in str(plan)


@given(st.text(max_size=30))
def test_no_query_breaks_the_search(query: str) -> None:
    database = Database("sqlite:///:memory:")
    Base.metadata.create_all(database.engine)
    with database.write() as session:
        assert search.find(session, query) == []
    database.close()

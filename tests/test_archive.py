"""The archive: files that cannot change unseen, the audit chain, bags, search, leases."""

from __future__ import annotations

import datetime as dt
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from archive import audit, bags, leases, search
from archive.database import Database
from archive.records import Base, Document, InvoiceRow, State, Upload, UtcTime, Voucher, new_id
from archive.store import FileStore, StoredFileDamaged, StoredFileMissing
from tests.helpers import sha256


def _document(database: Database, number: str, voucher: str = "V1") -> str:
    document_id = new_id()
    with database.write() as session:
        if session.get(Voucher, voucher) is None:
            session.add(Voucher(voucher_no=voucher))
            session.flush()
        session.add(
            Document(
                id=document_id,
                sha256=sha256(number.encode()),
                size=1,
                name="a.pdf",
                voucher_no=voucher,
                state=State.ARCHIVED,
            )
        )
        session.flush()
        session.add(
            InvoiceRow(
                document_id=document_id,
                kind="x",
                invoice_number=number,
                number_reversed=number[::-1],
                data={},
            )
        )
    return document_id


# -- database ------------------------------------------------------------------------------


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


# -- files ---------------------------------------------------------------------------------


def test_the_store_gives_back_the_same_bytes(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    digest = store.put(b"original")
    assert store.put(b"original") == digest == sha256(b"original")
    assert store.get(digest) == b"original"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [digest]


def test_the_store_notices_a_changed_or_missing_file(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    digest = store.put(b"original")
    store.path(digest).chmod(0o600)
    store.path(digest).write_bytes(b"0riginal")
    with pytest.raises(StoredFileDamaged):
        store.get(digest)
    store.path(digest).unlink()
    with pytest.raises(StoredFileMissing):
        store.get(digest)


@pytest.mark.parametrize("digest", ["../../etc/passwd", "", "A" * 64, "0" * 63])
def test_the_store_takes_only_digests_for_names(tmp_path: Path, digest: str) -> None:
    with pytest.raises(ValueError, match="digest"):
        FileStore(tmp_path).path(digest)


# -- audit ---------------------------------------------------------------------------------


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


# -- search --------------------------------------------------------------------------------


def test_numbers_are_found_whole_by_beginning_and_by_end(database: Database) -> None:
    ids = {n: _document(database, n) for n in ("12345678", "12340000", "99995678")}
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


# -- leases --------------------------------------------------------------------------------


def test_a_lease_is_for_one(database: Database) -> None:
    document_id = _document(database, "1")
    with database.write() as session:
        token = leases.take(session, Document, document_id, 60)
        assert token
        assert leases.take(session, Document, document_id, 60) is None
        assert leases.renew(session, Document, document_id, token, 60)
        assert not leases.end(session, Document, document_id, "somebody else's")
        assert leases.end(session, Document, document_id, token)
        assert leases.take(session, Document, document_id, 60)


def test_an_expired_lease_passes_on_and_its_holder_finds_out(database: Database) -> None:
    document_id = _document(database, "1")
    with database.write() as session:
        first = leases.take(session, Document, document_id, -1)
        second = leases.take(session, Document, document_id, 60)
        assert first
        assert second
        assert not leases.end(session, Document, document_id, first)
    with database.read() as session:
        assert session.get_one(Document, document_id).attempts == 2


def test_a_lease_asks_for_the_state(database: Database) -> None:
    document_id = _document(database, "1")
    with database.write() as session:
        assert leases.take(session, Document, document_id, 60, (State.RECEIVED,)) is None
        assert leases.take(session, Document, document_id, 60, (State.ARCHIVED,))


# -- bags ----------------------------------------------------------------------------------


def _seal(root: Path, voucher: str = "JZ-1", version: int = 1) -> Path:
    item = bags.BagItem(
        document_id="d1",
        invoice_number="26312000000000000001",
        original=b"%PDF original",
        suffix="pdf",
        metadata={"verdict": "confirmed"},
        evidence={"1-result.png": b"picture"},
    )
    moment = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)
    sealed = bags.seal(root, voucher, version, [item], sealed_at=moment, previous_digest=None)
    return root / sealed.path


def test_a_bag_is_whole_and_in_order(tmp_path: Path) -> None:
    folder = _seal(tmp_path)
    names = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    assert "data/02-originals/001-26312000000000000001.pdf" in names
    assert "data/04-evidence/001-26312000000000000001/1-result.png" in names
    assert "data/metadata/001-26312000000000000001.json" in names
    report = bags.inspect(folder, bags.bag_digest(folder))
    assert report.sound
    assert report.files == 7
    assert [p.name for p in folder.parent.iterdir()] == ["v0001"]


def _flip(path: Path) -> None:
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "name",
    [
        "data/02-originals/001-26312000000000000001.pdf",
        "data/metadata/001-26312000000000000001.json",
        "data/voucher.json",
        "manifest-sha256.txt",
        "tagmanifest-sha256.txt",
        "manifest-sm3.txt",
        "tagmanifest-sm3.txt",
        "data/voucher.xml",
        "data/01-voucher/000-JZ-1.pdf",
        "bag-info.txt",
    ],
)
def test_one_changed_bit_is_found(tmp_path: Path, name: str) -> None:
    folder = _seal(tmp_path)
    digest = bags.bag_digest(folder)
    _flip(folder / name)
    assert not bags.inspect(folder, digest).sound


def test_added_and_missing_files_are_found(tmp_path: Path) -> None:
    folder = _seal(tmp_path)
    (folder / "data" / "extra.txt").write_text("x")
    assert not bags.inspect(folder).sound
    (folder / "data" / "extra.txt").unlink()
    assert bags.inspect(folder).sound
    (folder / "data" / "voucher.json").unlink()
    assert not bags.inspect(folder).sound


def test_a_bag_rewritten_as_a_whole_differs_from_the_record(tmp_path: Path) -> None:
    digest = bags.bag_digest(_seal(tmp_path / "a"))
    other = _seal(tmp_path / "b", voucher="JZ-2")
    assert bags.inspect(other).sound
    assert not bags.inspect(other, digest).sound


def test_a_folder_that_is_no_bag_is_said_so(tmp_path: Path) -> None:
    assert bags.inspect(tmp_path).faults
    assert bags.inspect(tmp_path / "nowhere").faults


def test_an_interrupted_seal_leaves_nothing_behind(tmp_path: Path) -> None:
    left_over = tmp_path / "JZ-1" / ".sealing-dead"
    left_over.mkdir(parents=True)
    (left_over / "half").write_text("x")
    assert bags.inspect(_seal(tmp_path)).sound
    assert not left_over.exists()


@pytest.mark.parametrize("number", ["", "..", "a/b", ".hidden", "a..b", "a" * 64, "a b", "-x"])
def test_a_voucher_number_cannot_lead_out_of_the_store(number: str) -> None:
    with pytest.raises(bags.BadVoucherNumber):
        bags.check_voucher_no(number)


@pytest.mark.parametrize("number", ["JZ-2026-0001", "记-2026.11-12", "1"])
def test_customary_voucher_numbers_are_taken(number: str) -> None:
    assert bags.check_voucher_no(number) == number

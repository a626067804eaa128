"""The audit trail's proof: chain, signed heads and their copy, on every engine."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from archive import audit, audit_heads
from archive.audit_heads import HeadKey, public_keys
from archive.audit_proof import Proof, prove
from archive.database import Database
from worker.audit_signing import AuditSigner
from worker.settings import Settings


@pytest.fixture
def key(tmp_path: Path) -> HeadKey:
    return HeadKey.kept(tmp_path / "audit.key")


def _signed(database: Database, key: HeadKey, *counts: int) -> None:
    """So many deeds, then a head, for each count; then two deeds that no head covers."""
    for count in counts:
        with database.write() as session:
            for number in range(count):
                audit.record(session, "deed", detail={"n": number})
            assert audit_heads.sign_head(session, key)
    with database.write() as session:
        audit.record(session, "deed")
        audit.record(session, "deed")


def _tamper(database: Database, *statements: str) -> None:
    """Change tables behind their triggers' back."""
    with database.write() as session:
        lite = database.engine.dialect.name == "sqlite"
        for table in ("audit", "audit_heads"):
            for deed in ("update", "delete") if lite else ():
                session.execute(text(f"DROP TRIGGER IF EXISTS {table}_no_{deed}"))
            if not lite:
                session.execute(text(f"DROP TRIGGER IF EXISTS {table}_frozen ON {table}"))
        for statement in statements:
            session.execute(text(statement))


def _proof(database: Database, key: HeadKey, copy: Path | None = None) -> Proof:
    with database.read() as session:
        return prove(session, public_keys([key.public]), copy)


def test_an_untouched_trail_is_sound(database: Database, key: HeadKey, tmp_path: Path) -> None:
    _signed(database, key, 3, 4)
    with database.read() as session:
        assert audit_heads.append_copy(session, tmp_path / "copy") == 2
        assert audit_heads.append_copy(session, tmp_path / "copy") == 0
    proof = _proof(database, key, tmp_path / "copy")
    assert proof == Proof(rows=9, heads=2, last_signed=7, faults=())
    with database.write() as session:
        assert audit_heads.sign_head(session, key) is not None
        assert audit_heads.sign_head(session, key) is None


@pytest.mark.parametrize("deed", ["UPDATE audit_heads SET seq = 1", "DELETE FROM audit_heads"])
def test_the_database_refuses_to_change_heads(database: Database, key: HeadKey, deed: str) -> None:
    _signed(database, key, 3)
    with pytest.raises(DatabaseError, match="append-only"), database.write() as session:
        session.execute(text(deed))


def test_a_cut_trail_is_seen_against_its_signed_head(database: Database, key: HeadKey) -> None:
    _signed(database, key, 3, 4)
    _tamper(database, "DELETE FROM audit WHERE seq >= 6")
    [fault] = _proof(database, key).faults
    assert fault.startswith("the trail is cut: row 7, signed ")


def test_a_trail_written_anew_is_seen(database: Database, key: HeadKey) -> None:
    """Whoever holds the database makes a whole new chain, sound in itself."""
    _signed(database, key, 3)
    _tamper(database, "DELETE FROM audit")
    with database.write() as session:
        for _ in range(6):
            audit.record(session, "another deed")
    [fault] = _proof(database, key).faults
    assert fault.startswith("row 3 is not the one that was signed ")


def test_a_changed_head_and_a_foreign_key_are_seen(
    database: Database, key: HeadKey, tmp_path: Path
) -> None:
    _signed(database, key, 3, 4)
    other = HeadKey.kept(tmp_path / "other.key")
    assert all("not known" in fault for fault in _proof(database, other).faults)
    _tamper(database, "UPDATE audit_heads SET seq = 2 WHERE number = 1")
    assert _proof(database, key).faults == ("signed head 1 has a bad signature",)


def test_a_missing_head_is_seen_between_others_and_at_the_end_by_its_copy(
    database: Database, key: HeadKey, tmp_path: Path
) -> None:
    _signed(database, key, 3, 4, 2)
    with database.read() as session:
        audit_heads.append_copy(session, tmp_path / "copy")
    _tamper(database, "DELETE FROM audit_heads WHERE number = 2")
    assert "signed heads 2 to 2 are missing" in _proof(database, key).faults
    _tamper(database, "DELETE FROM audit_heads", "DELETE FROM audit WHERE seq > 2")
    assert _proof(database, key).sound  # nothing in the database tells
    faults = _proof(database, key, tmp_path / "copy").faults
    assert any("the trail is cut: row 9" in fault for fault in faults)
    assert "signed head 3 is missing, its copy is there" in faults


def test_a_copy_that_a_power_cut_broke_is_named_and_continued(
    database: Database, key: HeadKey, tmp_path: Path
) -> None:
    _signed(database, key, 3)
    (tmp_path / "copy").write_bytes(b'{"number": 1, "se')
    with database.read() as session:
        assert audit_heads.append_copy(session, tmp_path / "copy") == 1
    assert _proof(database, key, tmp_path / "copy").faults == (
        "line 1 of the heads' copy cannot be read",
    )


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "audit.key"
    assert HeadKey.kept(path).public == HeadKey.kept(path).public
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert HeadKey.kept(path).public.startswith(b"-----BEGIN PUBLIC KEY-----")


def test_the_clock_signs_at_intervals_and_copies(database: Database, tmp_path: Path) -> None:
    copy = tmp_path / "far"
    copy.mkdir()
    settings = Settings(data=tmp_path / "data", audit_seconds=3600, audit_copy=copy)
    signer = AuditSigner(settings, database)
    with database.write() as session:
        audit.record(session, "deed")
    signer.round()
    with database.write() as session:
        audit.record(session, "deed")
    signer.round()  # too early for another
    with database.read() as session:
        assert [head.seq for head in audit_heads.heads(session)] == [1]
    [line] = (copy / "audit-heads.jsonl").read_text().splitlines()
    assert json.loads(line)["seq"] == 1

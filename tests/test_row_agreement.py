"""Rows that no bag vouches for, against the digests that the trail holds of them."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import delete, select, text

from archive import (
    accounts,
    audit,
    readable,
    retention,
    row_agreement,
    trail_agreement,
    vouchers,
)
from archive.actors import Actor, Role
from archive.database import Database
from archive.people import Grant, Person
from archive.records import AuditRow, Voucher
from archive.retention import LegalHold
from archive.row_proof import key_of

LI = Actor("li", "li", "li", frozenset({(Role.ARCHIVIST, "")}))


@pytest.fixture
def held(database: Database) -> Database:
    with database.write() as session:
        session.add(Voucher(voucher_no="JZ-1"))
        session.flush()
        retention.hold(session, "JZ-1", "诉讼", LI)
        accounts.add_person(session, "wang", "王", [(Role.REVIEWER, "")])
    return database


def _faults(database: Database) -> list[str]:
    with database.read() as session:
        return row_agreement.differing(session)


def _last(database: Database) -> AuditRow:
    with database.read() as session:
        query = select(AuditRow).order_by(AuditRow.seq.desc()).limit(1)
        return session.scalars(query).one()


def test_untouched_rows_agree_also_after_every_kind_of_change(held: Database) -> None:
    assert _faults(held) == []
    with held.write() as session:
        person = accounts.by_login(session, "wang")
        assert person is not None
        accounts.set_grants(session, person, [(Role.AUDITOR, "北")])
        accounts.set_disabled(session, person, True)
        retention.lift(session, "JZ-1", LI)
    assert _faults(held) == []


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE legal_holds SET reason = '没有'", "legal_holds row"),
        ("DELETE FROM legal_holds", "legal_holds row"),
        ("UPDATE people SET login = 'wong'", "people row"),
        ("UPDATE grants SET role = 'admin'", "grants row"),
        ("INSERT INTO grants SELECT person_id, 'admin', campus FROM grants", "/admin/"),
    ],
)
def test_what_was_changed_behind_the_archive_is_named(
    held: Database, statement: str, named: str
) -> None:
    with held.write() as session:
        session.execute(text(statement))
    faults = _faults(held)
    assert faults
    assert all(named in fault or "grants row" in fault for fault in faults)


def test_a_row_changed_after_the_last_deed_enters_at_the_end_of_the_transaction(
    held: Database,
) -> None:
    with held.write() as session:
        audit.record(session, "deed")
        session.scalars(select(Person)).one().name = "王五"
    row = _last(held)
    assert row.action == "rows_kept"
    assert [key.partition(":")[0] for key in json.loads(row.detail)["rows"]] == ["people"]
    assert _faults(held) == []


def test_what_was_rolled_back_never_was(held: Database) -> None:
    with held.write() as session:
        inner = session.begin_nested()
        session.add(LegalHold(voucher_no="JZ-1", reason="x", placed_by="li"))
        for grant in session.scalars(select(Grant)):
            session.delete(grant)
        session.flush()
        inner.rollback()
        audit.record(session, "deed")
    assert _faults(held) == []


def test_rows_of_an_older_database_are_taken_in_once(held: Database) -> None:
    with held.write() as session:
        for emptied in ("DELETE FROM audit", "DELETE FROM walks"):
            if held.engine.dialect.name == "sqlite":
                session.execute(text("DROP TRIGGER IF EXISTS audit_no_delete"))
            else:
                session.execute(text("DROP TRIGGER IF EXISTS audit_frozen ON audit"))
            session.execute(text(emptied))
    assert len(_faults(held)) == 3
    held.migrate()
    assert (_last(held).action, _faults(held)) == ("rows_adopted", [])
    with held.write() as session:
        retention.hold(session, "JZ-1", "再次", LI)
    held.migrate()
    assert (_last(held).action, _faults(held)) == ("hold_placed", [])
    with held.write() as session:  # whoever forges a row and asks for it to be taken in again
        session.execute(text("UPDATE legal_holds SET placed_by = 'wang'"))
        session.execute(text("DELETE FROM walks"))
    held.migrate()
    assert [fault.partition(":")[2] for fault in _faults(held)] == [
        " rows were adopted a second time"
    ]


def test_a_key_names_table_and_row(held: Database) -> None:
    with held.read() as session:
        grant = session.scalars(select(Grant)).one()
        assert key_of(grant) == f"grants:{grant.person_id}/reviewer/"


def test_a_moment_written_by_another_program_is_named(database: Database) -> None:
    """What Python reads as the same moment: a change of the row all the same."""
    if database.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL keeps a moment in one way")
    with database.write() as session:
        audit.record(session, "deed")
        session.execute(text("DROP TRIGGER audit_no_update"))
        session.execute(text("UPDATE audit SET at = replace(at, ' ', 'x')"))
    with database.read() as session:
        assert audit.verify(session).sound  # read, it is the same
        [fault] = readable.unreadable(session, [AuditRow])
    assert fault == "audit row 1: at was not written by this program"


def test_a_voucher_and_its_row_are_known_to_each_other(held: Database) -> None:
    with held.write() as session:
        vouchers.ensure(session, "JZ-2", "li")
    with held.read() as session:
        assert list(trail_agreement.vouchers(session)) == [
            "voucher JZ-1: the audit trail does not know it"
        ]
    with held.write() as session:
        session.execute(delete(Voucher).where(Voucher.voucher_no == "JZ-2"))
    with held.read() as session:
        assert "voucher JZ-2: missing, though the audit trail knows it" in list(
            trail_agreement.vouchers(session)
        )

"""Retention: nothing goes early, on hold, or by one person, and lists stay."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from archive import retention
from archive.actors import SYSTEM, Actor, Role
from archive.database import Database
from archive.records import AuditRow, BagRow, Voucher


def _actor(name: str, role: Role = Role.ARCHIVIST) -> Actor:
    return Actor(name, name, name, frozenset({(role, "")}))


LI, WANG = _actor("li"), _actor("wang")
SEALED = dt.datetime(2026, 12, 31, 15, 59, tzinfo=dt.UTC)  # still 2026 in China
DUE = dt.date(2057, 1, 1)


@pytest.fixture
def sealed(database: Database) -> Database:
    with database.write() as session:
        for number in ("JZ-1", "JZ-2"):
            session.add(Voucher(voucher_no=number))
            session.flush()
            session.add(
                BagRow(
                    voucher_no=number,
                    version=1,
                    path=f"{number}/v0001",
                    digest="a" * 64,
                    invoices=1,
                    sealed_at=SEALED,
                )
            )
    return database


def test_periods_are_those_of_the_regulation() -> None:
    years = {kind: period.years for kind, period in retention.periods().items()}
    assert years["voucher"] == years["ledger"] == 30
    assert years["interim_report"] == years["tax_return"] == 10
    assert years["fixed_asset_card"] == 5
    assert years["annual_report"] is None


def test_a_period_counts_from_the_day_after_the_fiscal_years_end() -> None:
    assert retention.expires(2026, 30) == DUE
    assert retention.expires(2026, None) is None


def test_nothing_is_due_a_day_early(sealed: Database) -> None:
    with sealed.write() as session:
        assert retention.due(session, DUE - dt.timedelta(days=1)) == []
        assert [each.voucher_no for each in retention.due(session, DUE)] == ["JZ-1", "JZ-2"]
        with pytest.raises(retention.NotDue):
            retention.propose(session, ["JZ-1"], LI, DUE - dt.timedelta(days=1))


def test_a_hold_keeps_a_voucher_until_it_is_lifted(sealed: Database) -> None:
    with sealed.write() as session:
        retention.hold(session, "JZ-1", "诉讼", LI)
    with sealed.write() as session:
        assert [each.voucher_no for each in retention.due(session, DUE)] == ["JZ-2"]
        with pytest.raises(retention.NotDue):
            retention.propose(session, ["JZ-1", "JZ-2"], LI, DUE)
        retention.lift(session, "JZ-1", WANG)
        with pytest.raises(retention.NotHeld):
            retention.lift(session, "JZ-1", WANG)
    with sealed.read() as session:
        assert len(retention.due(session, DUE)) == 2


def test_a_list_needs_two_people_and_stays_for_ever(sealed: Database) -> None:
    with sealed.write() as session:
        list_id = retention.propose(session, ["JZ-1", "JZ-2", "JZ-1"], LI, DUE).id
    with sealed.write() as session:
        for nobody in (LI, SYSTEM):
            with pytest.raises(retention.SamePerson):
                retention.approve(session, list_id, nobody, DUE)
        with pytest.raises(retention.MayNotDispose):
            retention.approve(session, list_id, _actor("zhao", Role.REVIEWER), DUE)
        listed = retention.approve(session, list_id, WANG, DUE)
        assert [item.voucher_no for item in listed.items] == ["JZ-1", "JZ-2"]
        assert (listed.proposed_by, listed.approved_by) == ("li", "wang")
    with sealed.write() as session, pytest.raises(retention.UnknownList):
        retention.approve(session, list_id, WANG, DUE)
    with pytest.raises(DatabaseError, match="append-only"), sealed.write() as session:
        session.execute(text("DELETE FROM disposal_items"))
    with sealed.read() as session:
        actions = [row.action for row in session.query(AuditRow).order_by(AuditRow.seq)]
    assert actions == ["disposal_proposed", "disposal_approved"]


@pytest.mark.parametrize("change", ["hold", "bag"])
def test_what_changed_since_the_proposal_is_not_approved(sealed: Database, change: str) -> None:
    with sealed.write() as session:
        list_id = retention.propose(session, ["JZ-1"], LI, DUE).id
        if change == "hold":
            retention.hold(session, "JZ-1", "诉讼", LI)
        else:
            session.add(
                BagRow(
                    voucher_no="JZ-1",
                    version=2,
                    path="JZ-1/v0002",
                    digest="b" * 64,
                    invoices=1,
                    sealed_at=SEALED,
                )
            )
    with sealed.write() as session, pytest.raises(retention.NotDue):
        retention.approve(session, list_id, WANG, DUE)

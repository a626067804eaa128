"""Vouchers of the accounting system: files in, faults told, differences that hold sealing up."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import json
import zipfile
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from archive import audit
from archive.accounting import VoucherFacts
from archive.database import Database
from archive.records import AuditRow
from archive.voucher_cells import BadCell, columns, value_of
from archive.voucher_import import take_file
from archive.voucher_rows import VoucherColumnsMissing
from archive.voucher_sheets import VoucherFileTooLarge, VoucherFileUnreadable, open_rows
from extractors.errors import YanpiaoError
from tests.vouchering import HEAD, csv_file, entry, facts_of, of_voucher
from worker.services import Services
from worker.voucher_folder import VoucherFolder


def _xlsx(rows: list[list[object]]) -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in ([*HEAD], *rows):
        book.active.append(tuple(row))  # type: ignore[arg-type]
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


@pytest.fixture
def database(tmp_path: Path) -> Database:
    opened = Database(f"sqlite:///{tmp_path / 'a.db'}")
    opened.migrate()
    return opened


# -- files ---------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_csv_file_is_taken_in(database: Database, encoding: str) -> None:
    report = take_file(database, csv_file(of_voucher(), encoding), "test")
    assert (report.created, report.faults) == (("2026-11-记-0012",), ())
    facts = facts_of(database, "2026-11-记-0012")
    assert (facts.fiscal_year, facts.period, facts.word, facts.number) == (2026, 11, "记", 12)
    assert (facts.voucher_date, facts.attachments) == (dt.date(2026, 11, 5), 1)
    assert (facts.preparer, facts.summary, facts.red) == ("王会计", "办公用品", False)
    assert facts.debit_total == facts.credit_total == Decimal("113.00")
    assert [(e.account_code, e.debit, e.credit) for e in facts.entries] == [
        ("5001", Decimal("113.00"), Decimal(0)),
        ("1002", Decimal(0), Decimal("113.00")),
    ]


def test_an_xlsx_file_is_taken_in(database: Database) -> None:
    rows: list[list[object]] = [
        [2026, 11, "记", 12, None, dt.date(2026, 11, 5), 1, "王", "纸", 5001, "费用", 113.1, None],
        [2026, 11, "记", 12, None, dt.date(2026, 11, 5), 1, "王", "纸", 1002, "银行", None, 113.1],
    ]
    report = take_file(database, _xlsx(rows), "test")
    assert (report.created, report.faults) == (("2026-11-记-0012",), ())
    assert facts_of(database, "2026-11-记-0012").debit_total == Decimal("113.10")


def test_the_same_file_again_changes_nothing(database: Database) -> None:
    take_file(database, csv_file(of_voucher()), "test")
    with database.read() as session:
        before = session.scalar(select(func.count(AuditRow.seq)))
    report = take_file(database, csv_file(of_voucher()), "test")
    assert (report.created, report.updated, report.unchanged) == ((), (), ("2026-11-记-0012",))
    with database.read() as session:
        assert session.scalar(select(func.count(AuditRow.seq))) == before


def test_a_changed_voucher_is_updated_and_the_trail_says_what(database: Database) -> None:
    take_file(database, csv_file(of_voucher()), "test")
    report = take_file(database, csv_file(of_voucher("200.00", 凭证日期="2026-11-06")), "test")
    assert report.updated == ("2026-11-记-0012",)
    facts = facts_of(database, "2026-11-记-0012")
    assert (facts.debit_total, len(facts.entries)) == (Decimal("200.00"), 2)
    with database.read() as session:
        row = session.scalars(
            select(AuditRow).where(AuditRow.action == "voucher_facts_changed")
        ).one()
        changed = json.loads(row.detail)["changed"]
        assert {"voucher_date", "debit_total"} <= set(changed)
        assert audit.verify(session).sound


def test_a_bad_row_keeps_its_voucher_out_and_the_others_in(database: Database) -> None:
    rows = [
        *of_voucher(),
        *of_voucher("50.00", 凭证号="13"),
        *of_voucher("60.00", 凭证号="14"),
    ]
    rows[3][HEAD.index("贷方金额")] = "五十"
    report = take_file(database, csv_file(rows), "test")
    assert report.created == ("2026-11-记-0012", "2026-11-记-0014")
    first = report.faults[0]
    assert {(f.row, f.column, f.code) for f in report.faults} >= {
        (5, "贷方金额", "voucher_cell_amount")
    }
    assert first.row in (4, 5)
    with database.read() as session:
        assert session.get(VoucherFacts, "2026-11-记-0013") is None


def test_a_row_of_no_voucher_keeps_out_those_it_stands_between(database: Database) -> None:
    rows = [
        *of_voucher(),
        *of_voucher("50.00", 凭证号="13"),
        *of_voucher("60.00", 凭证号="14"),
    ]
    rows.insert(3, entry("1.00", "", 凭证号="?"))  # between the two rows of voucher 13
    report = take_file(database, csv_file(rows), "test")
    assert report.created == ("2026-11-记-0012", "2026-11-记-0014")
    assert [(f.row, f.code) for f in report.faults] == [(5, "voucher_cell_number")]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"会计年度": "26"}, "voucher_cell_year"),
        ({"期间": "0"}, "voucher_cell_period"),
        ({"期间": "17"}, "voucher_cell_period"),
        ({"凭证日期": "2026-02-30"}, "voucher_cell_date"),
        ({"凭证日期": ""}, "voucher_cell_missing"),
        ({"附单据数": "-1"}, "voucher_cell_not_whole"),
        ({"科目编码": ""}, "voucher_cell_missing"),
        ({"借方金额": "1.234", "贷方金额": ""}, "voucher_cell_amount"),
        ({"借方金额": "1e9", "贷方金额": ""}, "voucher_cell_amount"),
        ({"借方金额": "=1+1", "贷方金额": ""}, "voucher_cell_amount"),
        ({"借方金额": "", "贷方金额": ""}, "voucher_entry_empty"),
        ({"凭证号": "付-12"}, "voucher_words_differ"),
        ({"验票凭证号": "../x"}, "bad_voucher_number"),
        ({"制单人": "x" * 3000}, "voucher_cell_too_long"),
    ],
)
def test_each_fault_is_named(database: Database, change: dict[str, str], code: str) -> None:
    report = take_file(database, csv_file(of_voucher(**change)), "test")
    assert code in {fault.code for fault in report.faults}
    assert (report.created, report.updated) == ((), ())


def test_rows_of_a_voucher_must_agree_and_balance(database: Database) -> None:
    rows = of_voucher()
    rows[1][HEAD.index("凭证日期")] = "2026-11-07"
    rows[1][HEAD.index("贷方金额")] = "112.00"
    found = {(f.row, f.code) for f in take_file(database, csv_file(rows), "test").faults}
    assert found == {(3, "voucher_rows_differ"), (2, "voucher_unbalanced")}


def test_a_formula_is_never_taken_for_its_value(database: Database) -> None:
    rows: list[list[object]] = [[*row] for row in of_voucher()]
    rows[0][HEAD.index("借方金额")] = "=SUM(A1:A9)"
    report = take_file(database, _xlsx(rows), "test")
    assert ("借方金额", "voucher_cell_formula") in {(f.column, f.code) for f in report.faults}
    assert report.created == ()


def test_missing_columns_are_named(database: Database) -> None:
    with pytest.raises(VoucherColumnsMissing, match="贷方金额"):
        take_file(database, csv_file([], head=HEAD[:-1]), "test")


def test_swelling_and_reaching_files_are_refused() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("xl/worksheets/sheet1.xml", b"\0" * (201 * 1024**2))
    with pytest.raises(VoucherFileTooLarge):
        open_rows(stream.getvalue())
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as package:
        package.writestr("xl/workbook.xml", '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>')
    with pytest.raises(VoucherFileUnreadable):
        open_rows(stream.getvalue())
    for content in (b"PK\x03\x04rubbish", b"a\x00b", b"\xff\xfe\xfd" * 5):
        with pytest.raises(VoucherFileUnreadable):
            list(open_rows(content)[1])


@given(st.binary(max_size=300))
def test_no_bytes_break_the_import(content: bytes) -> None:
    with contextlib.suppress(YanpiaoError):
        list(open_rows(content)[1])


@given(st.text(max_size=40), st.sampled_from(sorted(columns())))
def test_every_cell_becomes_a_value_or_a_named_fault(text: str, name: str) -> None:
    with contextlib.suppress(BadCell):
        value_of(text, columns()[name])


def test_two_numbers_for_one_voucher_are_refused(database: Database) -> None:
    take_file(database, csv_file(of_voucher()), "test")
    report = take_file(database, csv_file(of_voucher(验票凭证号="JZ-1")), "test")
    assert [fault.code for fault in report.faults] == ["voucher_key_known"]
    report = take_file(
        database, csv_file(of_voucher(凭证号="13", 验票凭证号="2026-11-记-0012")), "test"
    )
    assert [fault.code for fault in report.faults] == ["voucher_no_taken"]


# -- the watched folder --------------------------------------------------------------------


def test_the_voucher_folder_sorts_what_it_took(services: Services) -> None:
    folder = VoucherFolder(services)
    bad = of_voucher("1.00", 凭证号="13", 期间="0")
    (folder.folder / "good.csv").write_bytes(csv_file(of_voucher()))
    (folder.folder / "bad.csv").write_bytes(csv_file(bad))
    (folder.folder / "none.csv").write_bytes(b"nothing")
    (folder.folder / "~$open.xlsx").write_bytes(b"locked")
    assert (folder.scan(), folder.scan()) == (0, 3)
    assert (folder.scan(), folder.scan()) == (0, 0)
    accepted = {p.name for p in (folder.folder / ".accepted").rglob("*.csv")}
    refused = {p.name for p in (folder.folder / ".refused").rglob("*.csv")}
    assert (accepted, refused) == ({"good.csv"}, {"bad.csv", "none.csv"})
    for report in (folder.folder / ".refused").rglob("*.report.json"):
        said = json.loads(report.read_text())
        assert said.get("faults") or said["error"]["hint"]

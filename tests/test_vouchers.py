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

from archive import accounting, audit, vouchers
from archive.accounting import VoucherFacts
from archive.actors import SYSTEM, Actor, Role
from archive.attaching import Attached, VoucherValues, check
from archive.database import Database
from archive.records import AuditRow, BagRow, Document
from archive.voucher_cells import BadCell, columns, value_of
from archive.voucher_import import take_file
from archive.voucher_rows import VoucherColumnsMissing
from archive.voucher_sheets import VoucherFileTooLarge, VoucherFileUnreadable, open_rows
from extractors.errors import YanpiaoError
from tests.helpers import hand_in, load, whole_road, xml
from verifiers.policy import Policy
from worker.pipeline import Pipeline
from worker.services import Services
from worker.voucher_folder import VoucherFolder

HEAD = (
    *("会计年度", "期间", "凭证字", "凭证号", "验票凭证号", "凭证日期", "附单据数", "制单人"),
    *("摘要", "科目编码", "科目名称", "借方金额", "贷方金额"),
)
REVIEWER = Actor("u1", "li", "李审核", frozenset({(Role.REVIEWER, "")}))


def _entry(debit: str, credit: str, **other: str) -> list[str]:
    row = {
        "会计年度": "2026", "期间": "11", "凭证字": "记", "凭证号": "12", "验票凭证号": "",
        "凭证日期": "2026-11-05", "附单据数": "1", "制单人": "王会计", "摘要": "办公用品",
        "科目编码": "5001", "科目名称": "业务活动费用", "借方金额": debit, "贷方金额": credit,
    }  # fmt: skip
    row.update(other)
    return [row[name] for name in HEAD]


def _voucher(amount: str = "113.00", **other: str) -> list[list[str]]:
    return [_entry(amount, "", **other), _entry("", amount, **{"科目编码": "1002", **other})]


def _csv(rows: list[list[str]], encoding: str = "utf-8", head: tuple[str, ...] = HEAD) -> bytes:
    return "\r\n".join(",".join(row) for row in (list(head), *rows)).encode(encoding)


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


def _facts(database: Database, number: str) -> VoucherFacts:
    with database.read() as session:
        return session.get_one(VoucherFacts, number)


# -- files ---------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_csv_file_is_taken_in(database: Database, encoding: str) -> None:
    report = take_file(database, _csv(_voucher(), encoding), "test")
    assert (report.created, report.faults) == (("2026-11-记-0012",), ())
    facts = _facts(database, "2026-11-记-0012")
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
    assert _facts(database, "2026-11-记-0012").debit_total == Decimal("113.10")


def test_the_same_file_again_changes_nothing(database: Database) -> None:
    take_file(database, _csv(_voucher()), "test")
    with database.read() as session:
        before = session.scalar(select(func.count(AuditRow.seq)))
    report = take_file(database, _csv(_voucher()), "test")
    assert (report.created, report.updated, report.unchanged) == ((), (), ("2026-11-记-0012",))
    with database.read() as session:
        assert session.scalar(select(func.count(AuditRow.seq))) == before


def test_a_changed_voucher_is_updated_and_the_trail_says_what(database: Database) -> None:
    take_file(database, _csv(_voucher()), "test")
    report = take_file(database, _csv(_voucher("200.00", 凭证日期="2026-11-06")), "test")
    assert report.updated == ("2026-11-记-0012",)
    facts = _facts(database, "2026-11-记-0012")
    assert (facts.debit_total, len(facts.entries)) == (Decimal("200.00"), 2)
    with database.read() as session:
        row = session.scalars(
            select(AuditRow).where(AuditRow.action == "voucher_facts_changed")
        ).one()
        changed = json.loads(row.detail)["changed"]
        assert {"voucher_date", "debit_total"} <= set(changed)
        assert audit.verify(session).sound


def test_a_bad_row_keeps_its_voucher_out_and_the_others_in(database: Database) -> None:
    rows = [*_voucher(), *_voucher("50.00", 凭证号="13"), *_voucher("60.00", 凭证号="14")]
    rows[3][HEAD.index("贷方金额")] = "五十"
    report = take_file(database, _csv(rows), "test")
    assert report.created == ("2026-11-记-0012", "2026-11-记-0014")
    first = report.faults[0]
    assert {(f.row, f.column, f.code) for f in report.faults} >= {
        (5, "贷方金额", "voucher_cell_amount")
    }
    assert first.row in (4, 5)
    with database.read() as session:
        assert session.get(VoucherFacts, "2026-11-记-0013") is None


def test_a_row_of_no_voucher_keeps_out_those_it_stands_between(database: Database) -> None:
    rows = [*_voucher(), *_voucher("50.00", 凭证号="13"), *_voucher("60.00", 凭证号="14")]
    rows.insert(3, _entry("1.00", "", 凭证号="?"))  # between the two rows of voucher 13
    report = take_file(database, _csv(rows), "test")
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
    report = take_file(database, _csv(_voucher(**change)), "test")
    assert code in {fault.code for fault in report.faults}
    assert (report.created, report.updated) == ((), ())


def test_rows_of_a_voucher_must_agree_and_balance(database: Database) -> None:
    rows = _voucher()
    rows[1][HEAD.index("凭证日期")] = "2026-11-07"
    rows[1][HEAD.index("贷方金额")] = "112.00"
    found = {(f.row, f.code) for f in take_file(database, _csv(rows), "test").faults}
    assert found == {(3, "voucher_rows_differ"), (2, "voucher_unbalanced")}


def test_a_formula_is_never_taken_for_its_value(database: Database) -> None:
    rows: list[list[object]] = [[*row] for row in _voucher()]
    rows[0][HEAD.index("借方金额")] = "=SUM(A1:A9)"
    report = take_file(database, _xlsx(rows), "test")
    assert ("借方金额", "voucher_cell_formula") in {(f.column, f.code) for f in report.faults}
    assert report.created == ()


def test_missing_columns_are_named(database: Database) -> None:
    with pytest.raises(VoucherColumnsMissing, match="贷方金额"):
        take_file(database, _csv([], head=HEAD[:-1]), "test")


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
    take_file(database, _csv(_voucher()), "test")
    report = take_file(database, _csv(_voucher(验票凭证号="JZ-1")), "test")
    assert [fault.code for fault in report.faults] == ["voucher_key_known"]
    report = take_file(database, _csv(_voucher(凭证号="13", 验票凭证号="2026-11-记-0012")), "test")
    assert [fault.code for fault in report.faults] == ["voucher_no_taken"]


# -- the watched folder --------------------------------------------------------------------


def test_the_voucher_folder_sorts_what_it_took(services: Services) -> None:
    folder = VoucherFolder(services)
    bad = _voucher("1.00", 凭证号="13", 期间="0")
    (folder.folder / "good.csv").write_bytes(_csv(_voucher()))
    (folder.folder / "bad.csv").write_bytes(_csv(bad))
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


# -- checks --------------------------------------------------------------------------------


_DAY = dt.date(2026, 11, 5)
_VALUES = VoucherValues(2026, 11, _DAY, Decimal("113.00"), attachments=1, agency_name="某某学校")
_ITEM = Attached("d1", "1", dt.date(2026, 10, 1), "某某学校", None, Decimal("113.00"))


def _codes(values: VoucherValues, *items: Attached, still_open: int = 0) -> list[str]:
    return [found.code for found in check(values, items, still_open, Policy())]


def test_what_agrees_has_no_findings() -> None:
    assert _codes(_VALUES, _ITEM) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"total": Decimal("113.02")}, "voucher_sum_differs"),
        ({"total": None}, "voucher_amount_unread"),
        ({"issue_date": dt.date(2026, 11, 6)}, "voucher_date_before_invoice"),
        ({"buyer_name": "别的学校"}, "voucher_buyer_differs"),
        ({"elsewhere": "JZ-9"}, "voucher_invoice_twice"),
    ],
)
def test_each_difference_is_found(change: dict[str, object], code: str) -> None:
    from dataclasses import replace

    assert _codes(_VALUES, replace(_ITEM, **change)) == [code]  # type: ignore[arg-type]


def test_counts_periods_and_open_documents() -> None:
    from dataclasses import replace

    assert _codes(replace(_VALUES, attachments=2), _ITEM) == ["voucher_attachments_differ"]
    assert _codes(replace(_VALUES, period=9), _ITEM) == ["voucher_period_before_invoice"]
    assert _codes(_VALUES, _ITEM, still_open=1) == ["voucher_documents_open"]
    assert _codes(_VALUES) == ["voucher_sum_differs", "voucher_attachments_differ"]


def test_a_cent_is_within_tolerance_and_red_turns_the_sign() -> None:
    from dataclasses import replace

    assert _codes(_VALUES, replace(_ITEM, total=Decimal("113.01"))) == []
    red = replace(_VALUES, red=True)
    assert _codes(red, replace(_ITEM, total=Decimal("-113.00"))) == []
    assert _codes(red, _ITEM) == ["voucher_sum_differs"]


def test_a_buyer_of_several_names_is_one() -> None:
    from dataclasses import replace

    policy = Policy.model_validate({"buyers": [{"name": "某某学校", "former_names": ["某某中学"]}]})
    item = replace(_ITEM, buyer_name="某某中学")
    assert check(_VALUES, [item], 0, policy) == []
    assert check(replace(_VALUES, agency_name=""), [item], 0, policy) == []
    assert check(replace(_VALUES, agency_name="别的"), [item], 0, policy) != []


# -- sealing -------------------------------------------------------------------------------


def _bags(services: Services, number: str) -> int:
    with services.database.read() as session:
        query = select(func.count(BagRow.id)).where(BagRow.voucher_no == number)
        return session.scalar(query) or 0


def test_a_voucher_that_agrees_is_sealed_and_then_stands_fast(services: Services) -> None:
    take_file(services.database, _csv(_voucher(验票凭证号="JZ-1")), "test")
    receipt = hand_in(services, xml(), voucher="JZ-1")
    assert whole_road(services, receipt.document_id).state == "archived"
    report = take_file(services.database, _csv(_voucher("99.00", 验票凭证号="JZ-1")), "test")
    assert [fault.code for fault in report.faults] == ["voucher_sealed"]
    assert _facts(services.database, "JZ-1").debit_total == Decimal("113.00")


def test_a_difference_holds_sealing_up_until_a_person_decides(services: Services) -> None:
    take_file(services.database, _csv(_voucher("200.00", 验票凭证号="JZ-1")), "test")
    receipt = hand_in(services, xml(), voucher="JZ-1")
    assert whole_road(services, receipt.document_id).state == "passed"
    with services.database.read() as session:
        found = accounting.standing(session, "JZ-1", services.policy)
        assert [each.code for each in found.blocking] == ["voucher_sum_differs"]
        assert (found.expected, found.total) == (Decimal("200.00"), Decimal("113.00"))
        assert accounting.blocked_numbers(session) == ["JZ-1"]
        assert vouchers.vouchers_ready(session) == []  # the clock leaves it in peace
    for actor, reason, error in (
        (SYSTEM, "x", accounting.MayNotAccept),
        (Actor("u2", "s", "s", frozenset({(Role.SUBMITTER, "")})), "x", accounting.MayNotAccept),
        (REVIEWER, " ", accounting.ReasonMissing),
    ):
        with pytest.raises(error), services.database.write() as session:
            accounting.accept_difference(session, actor, "JZ-1", "voucher_sum_differs", reason)
    with services.database.write() as session:
        accounting.accept_difference(
            session, REVIEWER, "JZ-1", "voucher_sum_differs", "其余为纸质附件", services.policy
        )
    with services.database.read() as session:
        assert vouchers.vouchers_ready(session) == ["JZ-1"]
    Pipeline(services).seal("JZ-1")
    assert load(services, receipt.document_id).state == "archived"
    with services.database.read() as session:
        actions = list(session.scalars(select(AuditRow.action).order_by(AuditRow.seq)))
    assert actions.count("voucher_sealing_blocked") == 1
    assert actions.count("voucher_difference_accepted") == 1


def test_an_invoice_that_another_voucher_stands_for_is_found(services: Services) -> None:
    first = hand_in(services, xml("1"), voucher="JZ-1")
    whole_road(services, first.document_id)
    second = hand_in(services, xml("2"), voucher="JZ-2")
    assert whole_road(services, second.document_id).reason == "duplicate"
    with services.database.write() as session:  # as if somebody had let it pass all the same
        session.get_one(Document, second.document_id).state = "passed"
    take_file(services.database, _csv(_voucher(验票凭证号="JZ-2")), "test")
    with services.database.read() as session:
        (found,) = accounting.standing(session, "JZ-2").blocking
    assert (found.code, found.params["other"]) == ("voucher_invoice_twice", "JZ-1")


def test_an_acceptance_does_not_cover_another_difference(services: Services) -> None:
    take_file(services.database, _csv(_voucher("200.00", 验票凭证号="JZ-1")), "test")
    receipt = hand_in(services, xml(), voucher="JZ-1")
    whole_road(services, receipt.document_id)
    with services.database.write() as session:
        accounting.accept_difference(session, REVIEWER, "JZ-1", "voucher_sum_differs", "可以")
    take_file(services.database, _csv(_voucher("300.00", 验票凭证号="JZ-1")), "test")
    Pipeline(services).seal("JZ-1")
    assert load(services, receipt.document_id).state == "passed"
    with pytest.raises(accounting.NothingToAccept), services.database.write() as session:
        accounting.accept_difference(session, REVIEWER, "JZ-1", "voucher_buyer_differs", "可以")


def test_facts_that_come_after_sealing_make_a_new_version(services: Services) -> None:
    receipt = hand_in(services, xml(), voucher="JZ-1")
    whole_road(services, receipt.document_id)
    take_file(services.database, _csv(_voucher(验票凭证号="JZ-1")), "test")
    with services.database.read() as session:
        assert vouchers.vouchers_ready(session) == ["JZ-1"]
    Pipeline(services).seal("JZ-1")
    assert _bags(services, "JZ-1") == 2
    with services.database.read() as session:
        assert vouchers.vouchers_ready(session) == []
    posted = _csv(_voucher(验票凭证号="JZ-1", 制单人="王会计"))
    assert take_file(services.database, posted, "test").unchanged == ("JZ-1",)


def test_posting_a_sealed_voucher_is_taken_and_seals_nothing(services: Services) -> None:
    head = (*HEAD, "记账人", "记账日期")
    rows = [[*row, "", ""] for row in _voucher(验票凭证号="JZ-1")]
    take_file(services.database, _csv(rows, head=head), "test")
    receipt = hand_in(services, xml(), voucher="JZ-1")
    whole_road(services, receipt.document_id)
    rows = [[*row[:-2], "赵记账", "2026-11-30"] for row in rows]
    report = take_file(services.database, _csv(rows, head=head), "test")
    assert (report.updated, report.faults) == (("JZ-1",), ())
    with services.database.read() as session:
        assert vouchers.vouchers_ready(session) == []
    rows = [[*row[:-2], "别人", "2026-11-30"] for row in rows]
    assert take_file(services.database, _csv(rows, head=head), "test").faults

"""Vouchers, search and the trail: what each shows, what may be taken away, and who may."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from starlette.testclient import TestClient

from archive.accounting import VoucherEntry, VoucherFacts
from archive.actors import Role
from archive.records import AuditRow
from extractors.messages import codes
from tests.helpers import FixedReader, hand_in, invoice, sign_in, whole_road, xml
from web.app import create_app
from worker import broker
from worker.pipeline import Pipeline
from worker.services import Services
from worker.settings import Settings


@pytest.fixture
def web(settings: Settings) -> Iterator[TestClient]:
    with (
        broker.bundled(settings),
        TestClient(create_app(settings), base_url="http://localhost") as client,
    ):
        sign_in(client, Role.REVIEWER, Role.AUDITOR)
        yield client


def facts(services: Services, voucher_no: str, amount: str) -> None:
    """What the accounting system says of a voucher."""
    with services.database.write() as session:
        session.add(
            VoucherFacts(
                voucher_no=voucher_no,
                fiscal_year=2026,
                period=10,
                word="记",
                number=7,
                voucher_date=dt.date(2026, 10, 31),
                summary="购办公用品",
                debit_total=Decimal(amount),
                credit_total=Decimal(amount),
                attachments=1,
                origin="csv",
                fingerprint="x",
                entries=[
                    VoucherEntry(
                        line=1,
                        summary="购办公用品",
                        account_code="5201",
                        account_name="业务活动费用",
                        debit=Decimal(amount),
                        credit=Decimal(0),
                    )
                ],
            )
        )


def trail(services: Services) -> list[str]:
    with services.database.read() as session:
        return [row.action for row in session.query(AuditRow).order_by(AuditRow.seq)]


# -- vouchers ------------------------------------------------------------------------------


def test_a_sealed_voucher_shows_its_invoices_and_gives_its_bag(
    web: TestClient, joined: Services
) -> None:
    whole_road(joined, hand_in(joined, xml(), voucher="记-7").document_id)
    listed = web.get("/vouchers").text
    assert "记-7" in listed
    assert "记-7" in web.get("/vouchers?state=sealed").text
    assert "/vouchers/%E8%AE%B0-7" not in web.get("/vouchers?state=open").text
    page = web.get("/vouchers/记-7").text
    for expected in ("已封存", "26312000000000000001", "113.00", "第 1 版"):
        assert expected in page
    taken = web.get("/vouchers/记-7/bags/1")
    assert taken.headers["content-disposition"].startswith("attachment")
    names = zipfile.ZipFile(io.BytesIO(taken.content)).namelist()
    assert any(name.endswith("bagit.txt") for name in names)
    assert trail(joined)[-1] == "bag_taken"
    assert web.get("/vouchers/记-7/bags/2").status_code == 404
    assert web.get("/vouchers/none").status_code == 404


def test_a_sum_that_differs_is_shown_and_accepted_with_a_reason(
    web: TestClient, joined: Services
) -> None:
    document_id = hand_in(joined, xml(), voucher="JZ-7").document_id
    facts(joined, "JZ-7", "120.00")
    whole_road(joined, document_id)
    page = web.get("/vouchers/JZ-7").text
    for expected in ("120.00", "113.00", "-7.00", "业务活动费用", "有差异"):
        assert expected in page
    code = page.split('name="code" value="')[1].split('"')[0]
    none = web.post("/vouchers/JZ-7/accept", data={"code": code, "reason": " "})
    assert none.status_code == 422
    done = web.post("/vouchers/JZ-7/accept", data={"code": code, "reason": "运费另附"})
    assert "运费另附" in done.text
    assert "JZ-7" in web.get("/vouchers?period=2026-10").text
    assert "JZ-7" not in web.get("/vouchers?period=2026-09").text


# -- search --------------------------------------------------------------------------------


def _read(services: Services, number: str, seller: str = "杭州某某有限公司") -> str:
    read = invoice(number)
    assert read.seller_name is not None
    named = read.seller_name.model_copy(update={"value": seller})
    document_id = hand_in(services, xml(number), voucher="JZ-1").document_id
    other = read.model_copy(update={"seller_name": named})
    Pipeline(services).read(document_id, FixedReader(other))
    return document_id


def test_one_box_and_filters_find(web: TestClient, joined: Services) -> None:
    _read(joined, "26312000000000000001")
    _read(joined, "26312000000000000002", "北京另一公司")
    for address in (
        "q=000000000002",
        "q=北京另一",
        "seller=北京另一公司",
        "q=北京另一&amount_min=100&date_from=2026-09-01",
    ):
        page = web.get(f"/find/results?{address}").text
        assert "26312000000000000002" in page, address
        assert "26312000000000000001" not in page, address
    assert "没有找到" in web.get("/find?q=北京另一&amount_min=999").text
    assert "随输入出现" in web.get("/find").text
    for nonsense in ("q=%00", "amount_min=NaN", "date_from=gestern", "q=" + "x" * 500):
        assert web.get(f"/find?{nonsense}").status_code == 200


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_what_is_taken_away_runs_nowhere_and_is_noted(
    web: TestClient, joined: Services, form: str
) -> None:
    _read(joined, "26312000000000000001", "=HYPERLINK(1)公司")
    reply = web.get(f"/find/export.{form}?q=26312000000000000001")
    assert reply.headers["content-disposition"].startswith("attachment")
    if form == "csv":
        rows = list(csv.reader(io.StringIO(reply.content.decode("utf-8-sig"))))
    else:
        sheet = openpyxl.load_workbook(io.BytesIO(reply.content)).active
        assert sheet is not None
        rows = [[str(cell or "") for cell in row] for row in sheet.iter_rows(values_only=True)]
    assert rows[0][0] == "发票号码"
    assert (rows[1][0], rows[1][4]) == ("26312000000000000001", "'=HYPERLINK(1)公司")
    assert "search_exported" in trail(joined)


def test_only_the_office_takes_tables_away(web: TestClient, joined: Services) -> None:
    sign_in(web, Role.SUBMITTER)
    assert web.get("/find?q=1").status_code == 200
    assert "/find/export" not in web.get("/find?q=1").text
    for address in ("/find/export.csv?q=1", "/vouchers", "/audit", "/audit/chain"):
        assert web.get(address).status_code == 403
    assert "search_exported" not in trail(joined)


# -- the trail -----------------------------------------------------------------------------


def test_the_trail_is_filtered_checked_and_taken_away(web: TestClient, joined: Services) -> None:
    document_id = hand_in(joined, xml(), voucher="JZ-1").document_id
    whole_road(joined, document_id)
    page = web.get(f"/audit?document={document_id}").text
    assert page.count("<tr>") > 4
    assert "封存档案包" in web.get("/audit?action=bag_sealed").text
    assert "没有符合条件" in web.get("/audit?action=nothing").text
    assert "没有符合条件" in web.get("/audit?from=2099-01-01").text
    assert document_id[-8:] in web.get("/audit?voucher=JZ-1&to=2099-01-01&from=never").text
    assert "审计链完整" in web.get("/audit/chain").text
    rows = list(csv.reader(io.StringIO(web.get("/audit/export.csv").content.decode("utf-8-sig"))))
    assert rows[0][0] == "序号"
    assert [int(row[0]) for row in rows[1:]] == list(range(1, len(rows)))
    assert trail(joined)[-1] == "audit_exported"


def test_a_changed_row_is_named(web: TestClient, joined: Services) -> None:
    hand_in(joined, xml())
    with joined.database.engine.begin() as connection:
        for trigger in connection.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE type='trigger' AND tbl_name='audit'"
        ).all():
            connection.exec_driver_sql(f'DROP TRIGGER "{trigger[0]}"')
        connection.exec_driver_sql("UPDATE audit SET action='x' WHERE seq=1")
    page = web.get("/audit/chain").text
    assert "审计链有问题" in page
    assert "row 1 was changed" in page


def test_every_page_speaks_both_languages(web: TestClient, joined: Services) -> None:
    facts_of = hand_in(joined, xml(), voucher="JZ-7").document_id
    facts(joined, "JZ-7", "120.00")
    whole_road(joined, facts_of)
    for address in ("/vouchers", "/vouchers/JZ-7", "/find?q=26", "/audit", "/audit/chain"):
        for language in ("zh", "en"):
            reply = web.get(address, params={"language": language} if "?" not in address else None)
            assert reply.status_code == 200
            assert "ui_" not in reply.text, address


def test_every_deed_that_the_code_records_has_its_word() -> None:
    recorded = set()
    for layer in ("archive", "worker", "web"):
        for path in Path(layer).rglob("*.py"):
            source = path.read_text(encoding="utf-8")
            recorded |= set(re.findall(r'audit\.record\(\s*\w+,\s*"(\w+)"', source))
    assert len(recorded) > 20
    known = codes("zh")
    assert sorted(one for one in recorded if f"ui_action_{one}" not in known) == []

"""What goes back to the accounting system, and that no cell of it is ever computed."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from archive import results_back
from archive.records import now
from archive.tabular import csv_bytes, harmless, xlsx_bytes
from archive.voucher_import import take_file
from tests.helpers import CONFIRMED, FixedReader, hand_in, invoice, visit, whole_road, xml
from tests.vouchering import HEAD, csv_file, of_voucher
from worker.cli import app
from worker.pipeline import Pipeline
from worker.services import Services


def _results(services: Services, since: dt.datetime | None = None) -> list[dict[str, str]]:
    with services.database.read() as session:
        return list(results_back.results(session, since))


def test_checked_and_booked_follow_the_truth(services: Services) -> None:
    receipt = hand_in(services, xml(), voucher="JZ-1")
    Pipeline(services).read(receipt.document_id, FixedReader(invoice()))
    row = _results(services)[0]
    marks = ("WhetherEinvoiceHasBeenChecked", "WhetherEinvoiceHasBeenBooked")
    assert [row[name] for name in marks] == ["N", "N"]
    Pipeline(services).verify(receipt.document_id, visit(CONFIRMED))
    Pipeline(services).seal("JZ-1")
    row = _results(services)[0]
    assert [row[name] for name in marks] == ["Y", "N"]
    assert (row["State"], row["BagVersion"], row["CheckTime"]) == (
        "archived",
        "1",
        "2026-11-22 10:00:00",
    )
    moment = now()
    assert _results(services, moment) == []
    rows = [[*row, "赵记账", "2026-11-30"] for row in of_voucher(验票凭证号="JZ-1")]
    take_file(services.database, csv_file(rows, head=(*HEAD, "记账人", "记账日期")), "test")
    (row,) = _results(services, moment)
    assert [row[name] for name in marks] == ["Y", "Y"]
    assert (row["VoucherWord"], row["VoucherNumber"], row["PostingDate"]) == (
        "记",
        "12",
        "2026-11-30",
    )


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "＝1", " =1", "\r=1"]
)
def test_formulas_are_only_text(text: str) -> None:
    assert harmless(text).startswith("'")
    book = openpyxl.load_workbook(io.BytesIO(xlsx_bytes("t", ["a"], [[text]])))
    assert book.active is not None
    assert book.active.cell(2, 1).data_type == "s"


def test_numbers_and_names_stay_as_they_are() -> None:
    for text in ("-113.40", "26312000000000000001", "杭州某某有限公司", "", "0"):
        assert harmless(text) == text


@given(st.lists(st.text(max_size=20), min_size=1, max_size=5))
def test_no_csv_cell_begins_a_formula(cells: list[str]) -> None:
    text = csv_bytes(["h"] * len(cells), [cells]).decode("utf-8-sig")
    for row in csv.reader(io.StringIO(text, newline="")):
        for cell in row:
            assert cell[:1] not in ("=", "+", "@", "\t", "\r")


def test_the_command_writes_a_file(services: Services, tmp_path: Path) -> None:
    receipt = hand_in(services, xml(), voucher="JZ-1")
    whole_road(services, receipt.document_id)
    target = tmp_path / "out.csv"
    done = CliRunner().invoke(app, ["vouchers", "results", "--csv", str(target)])
    assert json.loads(done.output) == {"file": str(target), "rows": 1}
    with target.open(encoding="utf-8-sig", newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert row["InvoiceNumber"] == "26312000000000000001"
    shown = CliRunner().invoke(app, ["vouchers", "show", "JZ-1", "--json"])
    assert json.loads(shown.output)["blocked"] is False

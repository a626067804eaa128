"""Everything that leaves as a table leaves through the one place that makes formulas text."""

from __future__ import annotations

import ast
import gc
import io
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from starlette.testclient import TestClient

from archive.actors import Role
from archive.tabular import write_xlsx
from tests.helpers import FixedReader, hand_in, invoice, sign_in, xml
from web import finding
from web.downloads import csv_download
from worker.pipeline import Pipeline
from worker.services import Services

ROOT = Path(__file__).resolve().parent.parent
#: The one place that writes tables.
WRITER = "archive/tabular.py"
_LAYERS = ("extractors", "verifiers", "archive", "worker", "web")


def _writes_tables(tree: ast.Module) -> bool:
    """Whether a module makes CSV rows or workbooks itself."""
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and (
            (node.func.attr in {"writer", "DictWriter"} and ast.unparse(node.func.value) == "csv")
            or node.func.attr == "Workbook"
        )
        for node in ast.walk(tree)
    )


def test_every_export_goes_through_the_one_place() -> None:
    found = [
        str(path.relative_to(ROOT))
        for layer in _LAYERS
        for path in (ROOT / layer).rglob("*.py")
        if _writes_tables(ast.parse(path.read_text("utf-8")))
    ]
    assert found == [WRITER]


def test_a_module_that_writes_its_own_is_found() -> None:
    assert _writes_tables(ast.parse("import csv\ncsv.writer(stream).writerow([1])"))
    assert _writes_tables(ast.parse("import openpyxl\nopenpyxl.Workbook()"))
    assert not _writes_tables(ast.parse("import csv\ncsv.reader(stream)"))


class _Row(Sequence[object]):
    """A row whose end can be seen."""

    def __init__(self, cell: str) -> None:
        self._cells = (cell, cell, cell)

    def __getitem__(self, index: Any) -> Any:
        return self._cells[index]

    def __len__(self) -> int:
        return len(self._cells)


class _Rows:
    """Many rows, and how many of them were ever there at once."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._alive: weakref.WeakSet[_Row] = weakref.WeakSet()
        self.most = 0

    def __iter__(self) -> Iterator[_Row]:
        for number in range(self._count):
            row = _Row(str(number))
            self._alive.add(row)
            self.most = max(self.most, len(self._alive))
            yield row


def test_a_large_table_is_never_whole_in_memory() -> None:
    gc.collect()
    sheet = _Rows(5_000)
    write_xlsx(io.BytesIO(), "t", ["a", "b", "c"], sheet)
    assert sheet.most <= 600
    lines = _Rows(5_000)
    reply = csv_download("t.csv", ["a", "b", "c"], lines)
    assert reply.body_iterator is not None
    assert lines.most == 0, "nothing is read before it is sent"


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_table_that_ends_early_says_so(
    web: TestClient, joined: Services, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in ("26312000000000000001", "26312000000000000002"):
        document = hand_in(joined, xml(number)).document_id
        Pipeline(joined).read(document, FixedReader(invoice(number)))
    sign_in(web, Role.AUDITOR)
    address = f"/find/export.{form}?q=2631200000000000000"
    whole = web.get(address).content
    monkeypatch.setitem(finding.MOST_EXPORTED, form, 1)
    cut = web.get(address).content
    if form == "csv":
        assert len(whole.splitlines()) == len(cut.splitlines()) == 3
        assert "结果超过 1 条" in cut.decode("utf-8-sig")
        assert "结果超过" not in whole.decode("utf-8-sig")
    else:
        rows = [list(_cells(content)) for content in (whole, cut)]
        assert [len(each) for each in rows] == [3, 3]
        assert "结果超过 1 条" in str(rows[1][-1][0])


def _cells(content: bytes) -> Iterator[tuple[object, ...]]:
    sheet = openpyxl.load_workbook(io.BytesIO(content)).active
    assert sheet is not None
    yield from sheet.iter_rows(values_only=True)

"""Everything that leaves as a table leaves through the one place that makes formulas text."""

from __future__ import annotations

import ast
from pathlib import Path

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

"""What docs/archive.md says of voucher files is so."""

from __future__ import annotations

from pathlib import Path

from archive.database import Database
from archive.voucher_cells import columns
from archive.voucher_import import take_file

DOCS = Path(__file__).parent.parent / "docs"


def test_the_example_is_taken(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'a.db'}")
    database.migrate()
    report = take_file(database, (DOCS / "archive-example.csv").read_bytes(), "test")
    assert (report.created, report.faults) == (("JZ-2026-0012",), ())


def test_every_column_is_documented() -> None:
    text = (DOCS / "archive.md").read_text(encoding="utf-8")
    for column in columns().values():
        assert column.headings[0] in text

"""What guards each column of the database is said once, and everything keeps to it."""

from __future__ import annotations

from pathlib import Path

from archive.row_agreement import guarded
from archive.tables import Base
from benchmarks.tampering_rows import free_columns, scope, tables_by

_DOCS = Path(__file__).parents[1] / "docs" / "archive.md"
#: Whose deeds the trail keeps one by one, without digests of rows.
_BY_DEEDS = {"vouchers"}


def test_every_table_and_only_those_is_said_to_be_guarded_or_not() -> None:
    assert set(scope()) == set(Base.metadata.tables)
    for name, said in scope().items():
        columns = set(Base.metadata.tables[name].columns.keys())
        assert free_columns(said) | set(said.get("at_once", ())) <= columns, name
        assert said["by"] in ("chain", "bag", "trail", "source", "none"), name


def test_rows_with_digests_in_the_trail_are_those_that_are_said() -> None:
    found = {str(each.__tablename__): set(each.__proven__) for each in guarded()}
    assert set(found) == set(tables_by("trail")) - _BY_DEEDS
    for name, columns in found.items():
        every = set(Base.metadata.tables[name].columns.keys())
        assert columns == every - free_columns(scope()[name]), name


def test_the_documentation_names_every_column_that_nothing_vouches_for() -> None:
    text = _DOCS.read_text(encoding="utf-8")
    for name, said in scope().items():
        for column in free_columns(said):
            assert f"`{name}.{column}`" in text or f"`{column}`" in text, (name, column)
        if said["by"] == "none":
            assert f"`{name}`" in text, name

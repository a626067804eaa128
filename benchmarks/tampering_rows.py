"""Changes of database rows behind the archive's back, on SQLite and PostgreSQL alike: a value
changed, a row deleted, a value swapped between two rows, in every column that `archive/proof.toml`
says is guarded."""

from __future__ import annotations

import datetime as dt
import random
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.types import NullType, TypeDecorator

import archive
from archive.tables import Base

#: Columns that say whose row it is: a fault must name one of their values.
_OWNERS = ("document_id", "voucher_no", "id", "verification_id", "person_id", "list_id", "seq")
_OWNERS_TOO = ("number",)
#: Parts of the search index that several invoices share; a fault names the index and the entry.
_SHARED = ("search_names", "search_grams", "search_codes", "search_lines")


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done, and the words of which a fault must name at least one."""

    what: str
    touched: tuple[str, ...]


def scope() -> dict[str, dict[str, Any]]:
    """`archive/proof.toml`: what guards each table."""
    path = Path(archive.__file__).parent / "proof.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def free_columns(said: dict[str, Any]) -> set[str]:
    """Columns of a table that nothing vouches for."""
    return {name for names in said.get("free", {}).values() for name in names}


def tables_by(*kinds: str) -> list[str]:
    """Names of the tables that are guarded in one of these ways."""
    return [name for name, said in scope().items() if said["by"] in kinds]


def no_guards(connection: sa.Connection) -> None:
    """Triggers and references out of the way, as for somebody who holds the database. To be called
    before the transaction begins."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET session_replication_role = replica")
        connection.commit()
        return
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys=OFF")
    names = driver.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for (name,) in names:
        driver.execute(f"DROP TRIGGER {name}")


def tamper(connection: sa.Connection, name: str, draw: random.Random) -> Deed | None:
    """One deed in one table; None where nothing there can be tampered with."""
    table = Base.metadata.tables[name]
    rows = _rows(connection, table)
    if not rows:
        return None
    row = draw.choice(rows)
    other = draw.choice(rows)
    columns = _columns(connection, table, row)
    kind = draw.choice(("change", "deletion", "swap")) if columns else "deletion"
    if kind == "deletion" and not _deletion_shows(connection, table, row):
        return None
    touched = [*_whose(connection, table, row), *_whose(connection, table, other)]
    if kind == "deletion":
        connection.execute(table.delete().where(_is(table, row)))
        return Deed(f"deletion in {name}", tuple(touched[: len(touched) // 2]))
    column = draw.choice(columns)
    what = _write(connection, table, column, row, other if kind == "swap" else None, draw)
    touched += what.touched
    if name in _SHARED:
        touched.append("search index")
    return Deed(f"{what.what} of {name}.{column}", tuple(dict.fromkeys(touched)))


def _rows(connection: sa.Connection, table: sa.Table) -> list[dict[str, Any]]:
    raw = [sa.type_coerce(column, NullType()).label(column.name) for column in table.columns]
    return [dict(row._mapping) for row in connection.execute(sa.select(*raw))]  # noqa: SLF001


def _columns(connection: sa.Connection, table: sa.Table, row: dict[str, Any]) -> list[str]:
    said = scope()[table.name]
    if "at_once" in said and not _sealed(connection, table, row):
        return list(said["at_once"])
    return [column.name for column in table.columns if column.name not in free_columns(said)]


def _deletion_shows(connection: sa.Connection, table: sa.Table, row: dict[str, Any]) -> bool:
    """What is read of a document that is not sealed may be read again; nothing vouches for it."""
    said = scope()[table.name]
    return said.get("at_once") != [] or _sealed(connection, table, row)


def _sealed(connection: sa.Connection, table: sa.Table, row: dict[str, Any]) -> bool:
    if table.name in ("bags", "voucher_facts", "voucher_entries"):
        return False  # the trail vouches for all their columns at once
    document = row.get("document_id") or row.get("id")
    if table.name == "evidence":
        document = _of_verification(connection, row["verification_id"])
    documents = Base.metadata.tables["documents"]
    state = connection.scalar(sa.select(documents.c.state).where(documents.c.id == document))
    return bool(state == "archived")


def _of_verification(connection: sa.Connection, verification: str) -> str:
    table = Base.metadata.tables["verifications"]
    query = sa.select(table.c.document_id).where(table.c.id == verification)
    return str(connection.scalar(query))


def _whose(connection: sa.Connection, table: sa.Table, row: dict[str, Any]) -> list[str]:
    words = [str(row[name]) for name in _OWNERS if row.get(name) is not None]
    words += [
        str(row[name]) for name in (*table.primary_key.columns.keys(), *_OWNERS_TOO) if name in row
    ]
    if table.name == "evidence":
        words.append(_of_verification(connection, row["verification_id"]))
    if table.name in _SHARED:
        words.append("search index")
    return words


def _is(table: sa.Table, row: dict[str, Any]) -> sa.ColumnElement[bool]:
    return sa.and_(*(_raw(column) == row[column.name] for column in table.primary_key.columns))


def _raw(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    return sa.type_coerce(column, NullType())


def _write(
    connection: sa.Connection,
    table: sa.Table,
    column: str,
    row: dict[str, Any],
    other: dict[str, Any] | None,
    draw: random.Random,
) -> Deed:
    if other is not None and row[column] != other[column]:
        deed, values = "swap", [(row, other[column]), (other, row[column])]
    else:
        value = _other(row[column], table.columns[column], draw)
        deed, values = "change", [(row, value)]
    try:
        with connection.begin_nested():
            for each, value in values:
                _set(connection, table, column, each, value)
    except IntegrityError:  # a unique value cannot stand twice, even for a moment
        connection.execute(table.delete().where(_is(table, row)))
        deed = "deletion instead of a change"
    return Deed(deed, tuple(str(value) for _, value in values))


def _set(
    connection: sa.Connection, table: sa.Table, column: str, row: dict[str, Any], value: object
) -> None:
    """Raw, as whoever has another tool would write it."""
    keys = table.primary_key.columns.keys()
    where = " AND ".join(f"{key} = :key_{key}" for key in keys)
    statement = sa.text(f'UPDATE {table.name} SET "{column}" = :value WHERE {where}')
    if connection.dialect.name == "sqlite" and isinstance(value, dt.datetime):
        value = value.strftime("%Y-%m-%d %H:%M:%S.%f")
    elif connection.dialect.name == "sqlite" and isinstance(value, dt.date):
        value = value.isoformat()
    connection.execute(statement, {"value": value, **{f"key_{key}": row[key] for key in keys}})


def _other(value: Any, column: sa.Column[Any], draw: random.Random) -> object:
    """Another value of the same sort: one bit, one character, a moment or a day away."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value ^ 1
    if isinstance(value, dt.datetime):
        return value + dt.timedelta(microseconds=draw.randrange(1, 10**9))
    if isinstance(value, dt.date):
        return value + dt.timedelta(days=draw.choice((-1, 1)))
    if value is None:
        return _instead_of_nothing(column)
    return _one_character(str(value), draw)


def _instead_of_nothing(column: sa.Column[Any]) -> object:
    own = column.type
    try:
        sort = (own.impl_instance if isinstance(own, TypeDecorator) else own).python_type
    except NotImplementedError:
        return "1"
    moment = dt.datetime(2026, 11, 26, 12, tzinfo=dt.UTC)
    by_sort: dict[type, object] = {
        int: 1, bool: True, Decimal: "1.00", dt.datetime: moment, dt.date: moment.date(),
    }  # fmt: skip
    return by_sort.get(sort, "1")


def _one_character(text: str, draw: random.Random) -> str:
    if not text:
        return "x"
    at = draw.randrange(len(text))
    choices = "0123456789" if text[at].isdigit() else "abcdefghijklmnopqrstuvwxyz"
    changed = draw.choice([each for each in choices if each != text[at]])
    return text[:at] + changed + text[at + 1 :]


def some_table(draw: random.Random, names: Sequence[str]) -> Iterator[str]:
    """Tables in an order of chance, so that one without rows is passed over."""
    yield from draw.sample(list(names), len(names))

"""Whether values in the database can be read at all as what they are: JSON, an amount, a day, a
moment. Somebody with the file in hand may have written anything; a check must name it, not fall
over it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any

from sqlalchemy import Date, String, Table, select, type_coerce
from sqlalchemy.orm import Session

from archive.records import JsonText, Money, UtcTime

_OWNERS = ("document_id", "voucher_no")
_READ: tuple[tuple[type[Any], Callable[[str], object]], ...] = (
    (JsonText, json.loads),
    (Money, Decimal),
    (UtcTime, dt.datetime.fromisoformat),
    (Date, dt.date.fromisoformat),
)


def unreadable(session: Session, tables: Iterable[Any]) -> list[str]:
    """Every value of these mapped classes that cannot be read, named by row and column."""
    return [fault for each in tables for fault in _table(session, each.__table__)]


def _table(session: Session, table: Table) -> Iterator[str]:
    # PostgreSQL itself takes no day or moment that is none.
    kept_as_text = 2 if session.get_bind().dialect.name == "postgresql" else len(_READ)
    typed = [
        (column, read)
        for column in table.columns
        for sort, read in _READ[:kept_as_text]
        if isinstance(column.type, sort)
    ]
    if not typed:
        return
    named = [*table.primary_key.columns, *(table.c[one] for one in _OWNERS if one in table.c)]
    query = select(*named, *(type_coerce(column, String) for column, _ in typed))
    for row in session.execute(query).yield_per(1000):
        for (column, read), value in zip(typed, row[len(named) :], strict=True):
            if value is not None and not _reads(read, value):
                called = " ".join(dict.fromkeys(str(part) for part in row[: len(named)]))
                yield f"{table.name} row {called}: {column.name} cannot be read"


def _reads(read: Callable[[str], object], value: object) -> bool:
    try:
        read(str(value))
    except (ValueError, ArithmeticError, RecursionError):
        return False
    return True

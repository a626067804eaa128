"""Whether values in the database can be read at all as what they are (JSON, an amount, a day, a
moment), and are written as this program writes them. Somebody with the file in hand may have
written anything; a check must name it, not fall over it, nor take `2026-11-26x10:00` for a time.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any

from sqlalchemy import Boolean, Date, String, Table, select, type_coerce
from sqlalchemy.orm import Session

from archive.records import JsonText, Money, UtcTime

_OWNERS = ("document_id", "voucher_no")


def _json(text: str) -> str:
    return json.dumps(json.loads(text), ensure_ascii=False)


def _amount(text: str) -> str:
    return format(Decimal(text), "f")


def _moment(text: str) -> str:
    return dt.datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M:%S.%f")


def _day(text: str) -> str:
    return dt.date.fromisoformat(text).isoformat()


def _yes_or_no(text: str) -> str:
    return str(int(bool(int(text))))


#: What a value looks like, written again by this program.
_WRITTEN: tuple[tuple[type[Any], Callable[[str], str]], ...] = (
    (JsonText, _json),
    (Money, _amount),
    (UtcTime, _moment),
    (Date, _day),
    (Boolean, _yes_or_no),
)


def unreadable(session: Session, tables: Iterable[Any]) -> list[str]:
    """Every value of these mapped classes that cannot be read, or is written otherwise than here,
    named by row and column."""
    return [fault for each in tables for fault in _table(session, each.__table__)]


def _table(session: Session, table: Table) -> Iterator[str]:
    # PostgreSQL itself takes no day or moment that is none, and keeps each in one way.
    kept_as_text = 2 if session.get_bind().dialect.name == "postgresql" else len(_WRITTEN)
    typed = [
        (column, write)
        for column in table.columns
        for sort, write in _WRITTEN[:kept_as_text]
        if isinstance(column.type, sort)
    ]
    if not typed:
        return
    named = [*table.primary_key.columns, *(table.c[one] for one in _OWNERS if one in table.c)]
    query = select(*named, *(type_coerce(column, String) for column, _ in typed))
    for row in session.execute(query).yield_per(1000):
        for (column, write), value in zip(typed, row[len(named) :], strict=True):
            if value is not None and (fault := _fault(write, str(value))):
                called = " ".join(dict.fromkeys(str(p) for p in row[: len(named)] if p is not None))
                yield f"{table.name} row {called}: {column.name} {fault}"


def _fault(write: Callable[[str], str], value: str) -> str | None:
    try:
        return None if write(value) == value else "was not written by this program"
    except (ValueError, ArithmeticError, RecursionError):
        return "cannot be read"

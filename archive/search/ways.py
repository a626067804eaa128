"""Ways into the index: by one condition, or by several that an index knows together.

Which way is taken is decided by counting how many invoices it leads to, never further than is
worth knowing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, select, union_all
from sqlalchemy.orm import Session

from archive.search.conditions import Condition
from archive.search.tables import SearchInvoice

S = SearchInvoice
#: Columns that one index holds one behind the other, so that conditions on them are met at once.
_TOGETHER = (
    ("campus_id", "seller_id", "day"),
    ("campus_id", "seller_id"),
    *((f"{name}_id", "day") for name in ("seller", "buyer", "kind", "code")),
)


@dataclass(frozen=True, slots=True)
class Way:
    """`where` picks rows of `SearchInvoice` that meet the conditions it `covers`, and perhaps
    some more that others look at; `counted` has a row for each."""

    where: Sequence[ColumnElement[bool]]
    counted: Select[Any]
    covers: tuple[Condition, ...]


def ways(needed: Sequence[Condition]) -> Iterator[Way]:
    """All ways in: each condition's own, and those by several at once."""
    for one in needed:
        plain = one.bound is not None and one.also is None
        where = [one.bound] if plain and one.bound is not None else [S.id.in_(one.keys)]
        covers = (one,) if one.exact else ()
        yield Way(where, one.counted if one.counted is not None else one.keys, covers)
    by_column = {one.column: one for one in reversed(needed) if one.bound is not None}
    for columns in _TOGETHER:
        if by_column.keys() >= set(columns):
            yield _together(tuple(by_column[column] for column in columns))


def _together(those: tuple[Condition, ...]) -> Way:
    bounds = [one.bound for one in those if one.bound is not None]
    besides = [one.also for one in those if one.also is not None]
    if not besides:
        covers = tuple(one for one in those if one.exact)
        return Way(bounds, select(S.id).where(*bounds), covers)
    keys = select(union_all(select(S.id).where(*bounds), *besides).subquery().c.id)
    return Way([S.id.in_(keys)], keys, ())


def counted(session: Session, those: Sequence[Way], most: int) -> list[int]:
    """To how many invoices each way leads, `most` for that many or more; asked all at once."""
    counts = [
        select(func.count()).select_from(
            select(literal(1)).select_from(way.counted.limit(most).subquery()).subquery()
        )
        for way in those
    ]
    return list(session.execute(select(*(each.scalar_subquery() for each in counts))).one())

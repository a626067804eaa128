"""Invoices by number: one statement for all ways a number may match, the documents with it.

This is what an archive is asked most, and its answer takes less time than its question: so the
usual form is built once, asks everything at once, and speaks to the database a single time.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    bindparam,
    literal,
    literal_column,
    not_,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session, aliased, contains_eager

from archive.records import Document, InvoiceRow
from archive.search.conditions import there
from archive.search.numbers import Match, begins_with
from archive.search.paging import Place
from archive.search.tables import SearchCode, SearchInvoice
from archive.visibility import Seen

S = SearchInvoice
#: How a number may match, in the order of the hits; those by their code or by nothing of the
#: kind follow, ordered by day.
MATCHES = (Match.EXACT, Match.PREFIX, Match.SUFFIX)
BY_DAY = len(MATCHES)


class Found(NamedTuple):
    """A document, where its hit stands, and how its number matched."""

    place: Place
    document: Document
    match: Match | None


def by_number(
    session: Session,
    number: str,
    others: Sequence[ColumnElement[bool]],
    seen: Seen | None,
    place: Place | None,
    most: int,
) -> tuple[list[Found], bool]:
    """Exact numbers, then beginnings, then endings, each in the order of its index; and whether
    there is a code that begins or ends with the digits. `others` look at `SearchInvoice`."""
    usual = not others and seen is None and place is None
    statement = _usual() if usual else _asked(others, seen, place)
    values = {"number": number, "backwards": number[::-1], "most": most}
    rows = session.execute(statement, values).unique().all()
    found = [
        Found(Place(phase, key, document.id), document, MATCHES[phase])
        for phase, key, document in rows
        if document is not None
    ]
    coded = any(document is None for _, _, document in rows)
    # The codes' mark stands behind everything, and is cut off where a page is full without it.
    return found, coded or len(rows) >= most


@cache
def _usual() -> Select[Any]:
    return _asked([], None, None)


def _asked(
    others: Sequence[ColumnElement[bool]], seen: Seen | None, place: Place | None
) -> Select[Any]:
    """Phase, key and document, in order; a row without a document for codes."""
    ways = [
        _way(phase, others, seen, place) for phase in range(place.phase if place else 0, BY_DAY)
    ]
    every = union_all(*ways, *_codes()).subquery()
    first = (
        select(every.c.phase, every.c.key, every.c.document_id)
        .order_by(every.c.phase, every.c.key, every.c.document_id)
        .limit(bindparam("most"))
        .subquery()
    )
    return with_invoices(
        select(first.c.phase, first.c.key, Document)
        .select_from(first)
        .outerjoin(Document, Document.id == first.c.document_id)
    ).order_by(first.c.phase, first.c.key, first.c.document_id)


def with_invoices(statement: Select[Any]) -> Select[Any]:
    """The statement's documents with what stands of their invoices in columns of their own."""
    return statement.outerjoin(Document.invoice).options(
        contains_eager(Document.invoice).defer(InvoiceRow.data)
    )


def _way(
    phase: int, others: Sequence[ColumnElement[bool]], seen: Seen | None, place: Place | None
) -> Select[Any]:
    """One way of matching; it stops when it has enough."""
    key, demanded = _demanded(phase)
    row = InvoiceRow.document_id
    way: Select[Any] = select(
        literal_column(str(phase)).label("phase"), key.label("key"), row.label("document_id")
    ).where(*demanded)
    if others:
        way = way.join(S, S.document_id == row).where(*others)
    if seen is not None:
        one = aliased(Document)
        way = way.where(there(select(one.id).where(one.id == row, seen.condition(one))))
    if place is not None and place.phase == phase:
        at, behind = str(place.key), str(place.row)
        way = way.where(key >= at, or_(key > at, row > behind))
    return select(way.order_by(key, row).limit(bindparam("most")).subquery())


def _demanded(phase: int) -> tuple[Any, list[ColumnElement[bool]]]:
    """What a way of matching is ordered by, and what it demands; none finds another's."""
    row, number = InvoiceRow, bindparam("number", type_=String)
    begins = begins_with(row.invoice_number, number)
    if phase == 0:
        return row.invoice_number, [row.invoice_number == number]
    if phase == 1:
        return row.invoice_number, [begins, row.invoice_number != number]
    ends = begins_with(row.number_reversed, bindparam("backwards", type_=String))
    return row.number_reversed, [ends, not_(begins)]


def _codes() -> list[Select[Any]]:
    """A row without a document where a code begins or ends with the digits."""
    mark: Any = (
        literal_column(str(BY_DAY)).label("phase"),
        literal("").label("key"),
        null().label("document_id"),
    )
    number = begins_with(SearchCode.code, bindparam("number", type_=String))
    backwards = begins_with(SearchCode.reversed, bindparam("backwards", type_=String))
    return [
        select(select(*mark).where(either).limit(1).subquery()) for either in (number, backwards)
    ]

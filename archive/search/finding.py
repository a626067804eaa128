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
    case,
    literal,
    not_,
    or_,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.orm import Session, aliased, contains_eager

from archive.records import Document, InvoiceRow
from archive.search.conditions import there
from archive.search.numbers import Match, begins_with, ends_with
from archive.search.paging import Place
from archive.search.tables import SearchCode, SearchInvoice
from archive.visibility import Seen

S = SearchInvoice
#: How a number may match, in the order of the hits; those by their code or by nothing of the
#: kind follow, ordered by day.
MATCHES = (Match.EXACT, Match.PREFIX, Match.SUFFIX)
BY_DAY = len(MATCHES)
_BEHIND = MATCHES.index(Match.SUFFIX)
#: All of an invoice but what was read besides: that is long, and no list shows it.
_SHOWN = tuple(each for each in InvoiceRow.__table__.columns if each.name != "data")


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
) -> list[Found]:
    """Exact numbers, then beginnings, then endings, each in the order of its index. `others` look
    at `SearchInvoice`."""
    usual = not others and seen is None and place is None
    statement = _usual() if usual else _asked(others, seen, place)
    values = {"number": number, "backwards": number[::-1], "most": most}
    return [
        Found(Place(phase, key, document.id), document, MATCHES[phase])
        for phase, key, document in session.execute(statement, values).unique()
    ]


def is_coded(session: Session, digits: str) -> bool:
    """Whether there is a code that begins or ends with the digits."""
    either = (begins_with(SearchCode.code, digits), ends_with(SearchCode.reversed, digits))
    found = (there(select(SearchCode.id).where(each)) for each in either)
    return bool(session.scalar(select(or_(*found))))


@cache
def _usual() -> Select[Any]:
    return _asked([], None, None)


def _asked(
    others: Sequence[ColumnElement[bool]], seen: Seen | None, place: Place | None
) -> Select[Any]:
    """Phase, key and document, in order."""
    ways = [_from_behind(others, seen, place)]
    if place is None or place.phase < _BEHIND:
        ways.insert(0, _from_before(others, seen, place))
    every = union_all(*ways).subquery()
    first = (
        select(every)
        .order_by(every.c.phase, every.c.key, every.c.document_id)
        .limit(bindparam("most"))
        .subquery()
    )
    # The index has led to the invoice: it is not looked up once more beside its document.
    invoice = aliased(InvoiceRow, first)
    return (
        select(first.c.phase, first.c.key, Document)
        .select_from(first)
        .join(Document, Document.id == first.c.document_id)
        .options(contains_eager(Document.invoice.of_type(invoice)).defer(invoice.data))
        .order_by(first.c.phase, first.c.key, first.c.document_id)
    )


def with_invoices(statement: Select[Any]) -> Select[Any]:
    """The statement's documents with what stands of their invoices in columns of their own."""
    return statement.outerjoin(Document.invoice).options(
        contains_eager(Document.invoice).defer(InvoiceRow.data)
    )


def _from_before(
    others: Sequence[ColumnElement[bool]], seen: Seen | None, place: Place | None
) -> Select[Any]:
    """Numbers that begin so. Those that are so stand first in the same order."""
    number = bindparam("number", type_=String)
    key = InvoiceRow.invoice_number
    phase = case((key == number, literal(0)), else_=literal(1))
    return _way(phase, key, [begins_with(key, number)], others, seen, place)


def _from_behind(
    others: Sequence[ColumnElement[bool]], seen: Seen | None, place: Place | None
) -> Select[Any]:
    """Numbers that end so and do not begin so."""
    key = InvoiceRow.number_reversed
    begins = begins_with(InvoiceRow.invoice_number, bindparam("number", type_=String))
    ends = begins_with(key, bindparam("backwards", type_=String))
    behind = place if place is not None and place.phase == _BEHIND else None
    return _way(literal(_BEHIND), key, [ends, not_(begins)], others, seen, behind)


def _way(
    phase: ColumnElement[int],
    key: Any,
    demanded: list[ColumnElement[bool]],
    others: Sequence[ColumnElement[bool]],
    seen: Seen | None,
    behind: Place | None,
) -> Select[Any]:
    """One way of matching; it stops when it has enough."""
    row = InvoiceRow.document_id
    # Coerced: else the key would be taken for the column, whose place it takes in the other way.
    shown: tuple[Any, ...] = (phase.label("phase"), type_coerce(key, String).label("key"), *_SHOWN)
    way: Select[Any] = select(*shown).where(*demanded)
    if others:
        way = way.join(S, S.document_id == row).where(*others)
    if seen is not None:
        one = aliased(Document)
        way = way.where(there(select(one.id).where(one.id == row, seen.condition(one))))
    if behind is not None:
        at, last = str(behind.key), str(behind.row)
        way = way.where(key >= at, or_(key > at, row > last))
    return select(way.order_by(key, row).limit(bindparam("most")).subquery())

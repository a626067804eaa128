"""Answering a query, newest issue date first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from sqlalchemy import ColumnElement, and_, false, func, or_, select
from sqlalchemy.orm import Session

from archive.records import Document, InvoiceRow
from archive.search.paging import BadCursor, Hit, Page, Place
from archive.search.query import Query

_UNDATED = dt.date(1, 1, 1)


def run(
    session: Session,
    query: Query,
    limit: int = 50,
    after: str | None = None,
    *,
    campuses: frozenset[str] | None = None,
) -> Page:
    """One page of what the query finds, at most `limit` hits, beginning behind `after`.

    `campuses` restricts it to documents of these; None sees all. An empty query finds nothing.
    Raises `BadCursor`.
    """
    if query.empty or campuses is not None:  # documents do not say their campus yet
        return Page(())
    day = func.coalesce(InvoiceRow.issue_date, _UNDATED)
    statement = select(Document, day).join(Document.invoice).where(*_conditions(query))
    if after is not None:
        place = _placed(after)
        statement = statement.where(
            or_(day < place[0], and_(day == place[0], Document.id < place[1]))
        )
    rows = session.execute(
        statement.order_by(day.desc(), Document.id.desc()).limit(limit + 1)
    ).all()
    hits = tuple(Hit(document) for document, _ in rows[:limit])
    if len(rows) <= limit:
        return Page(hits)
    last = rows[limit - 1]
    return Page(hits, Place(0, last[1].toordinal(), last[0].id).written())


def _placed(after: str) -> tuple[dt.date, str]:
    place = Place.read(after)
    try:
        return dt.date.fromordinal(int(place.key)), str(place.row)
    except (ValueError, OverflowError) as error:
        raise BadCursor from error


def _conditions(query: Query) -> Iterator[ColumnElement[bool]]:
    for digits, columns in (
        (query.number, (InvoiceRow.invoice_number,)),
        (query.code, (InvoiceRow.invoice_code,)),
        (query.digits, (InvoiceRow.invoice_number, InvoiceRow.invoice_code)),
    ):
        if digits:
            yield or_(
                *(column.startswith(digits, autoescape=True) for column in columns),
                *(column.endswith(digits, autoescape=True) for column in columns),
            )
    yield from _names(query)
    yield from _exactly(query)


def _names(query: Query) -> Iterator[ColumnElement[bool]]:
    for words, names in (
        (query.seller, (InvoiceRow.seller_name,)),
        (query.buyer, (InvoiceRow.buyer_name,)),
        (query.text, (InvoiceRow.seller_name, InvoiceRow.buyer_name)),
    ):
        for word in (words or "").split():
            yield or_(*(name.contains(word, autoescape=True) for name in names))


def _exactly(query: Query) -> Iterator[ColumnElement[bool]]:
    if query.date_from is not None:
        yield InvoiceRow.issue_date >= query.date_from
    if query.date_to is not None:
        yield InvoiceRow.issue_date <= query.date_to
    if query.amount_min is not None or query.amount_max is not None or query.campus:
        yield false()  # amounts are text in this table: the index to come compares them
    if query.voucher:
        yield Document.voucher_no.startswith(query.voucher, autoescape=True)
    for value, column in (
        (query.kind, InvoiceRow.kind),
        (query.verdict, Document.verdict),
        (query.state, Document.state),
    ):
        if value:
            yield column == value

"""Answering a query: numbers in their own order, everything else newest issue date first.

Two plans. Where a part of the query is met by few invoices, these are fetched by their keys and
looked at for the other parts. Where every part is met by many, the newest invoices are walked
until a page is full. Which of the two is decided by counting, never further than `FEW`; so a
page costs about the same however many invoices there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, not_, or_, select
from sqlalchemy.orm import Session, aliased

from archive.records import Document, InvoiceRow
from archive.search.conditions import (
    Condition,
    coded,
    conditions,
    in_campuses,
    numbered,
    of_documents,
)
from archive.search.numbers import Match, begins_with, ends_with, plain_digits
from archive.search.paging import BadCursor, Hit, Page, Place
from archive.search.query import Query
from archive.search.tables import SearchInvoice

S = SearchInvoice
#: As many are fetched and sorted without a second thought; more are walked instead.
FEW = 20_000
#: A walk that has come this far without filling its page is given up for a whole sort.
_FAR = 300_000
#: Phase of hits that are ordered by day. Phases below it are those of a number.
_BY_DAY = 3


def run(
    session: Session,
    query: Query,
    limit: int = 50,
    after: str | None = None,
    *,
    campuses: frozenset[str] | None = None,
    only: ColumnElement[bool] | None = None,
) -> Page:
    """One page of what the query finds, at most `limit` hits, beginning behind `after`.

    `campuses` restricts it to documents of these, None sees all; `only` is a condition on
    `Document` that narrows it further. An empty query finds nothing.
    Raises `BadCursor`.
    """
    if query.empty or (campuses is not None and not campuses):
        return Page(())
    place = Place.read(after) if after else None
    needed = list(conditions(session, query))
    if not needed and not plain_digits(query.number or query.digits or ""):
        return Page(())  # nothing is left of it once what no name holds is gone
    if campuses is not None:
        needed.append(in_campuses(session, campuses))
    if only is not None:
        needed.append(of_documents(only))
    found: list[tuple[Place, str, Match | None]] = []
    for phase in _phases(session, query, needed, place):
        found += phase.some(limit + 1 - len(found))
        if len(found) > limit:
            break
    more = found[limit - 1][0].written() if len(found) > limit else None
    return Page(_loaded(session, found[:limit]), more)


class _Phase:
    """Hits of one order."""

    def some(self, most: int) -> Sequence[tuple[Place, str, Match | None]]:
        """The next hits of this order: their places, document ids, and how the number matched."""
        raise NotImplementedError


def _phases(
    session: Session, query: Query, needed: list[Condition], place: Place | None
) -> Iterator[_Phase]:
    digits = plain_digits(query.digits or "")
    number = plain_digits(query.number or "") or digits
    begun = place.phase if place else 0
    if number:
        way_in = _few_of(session, needed) if needed else None
        for phase in range(begun, _BY_DAY):
            here = place if place is not None and place.phase == phase else None
            yield _ByNumber(session, number, phase, needed, way_in, here)
        if not digits:
            return
        code = coded(digits)
        needed = [
            *needed,
            Condition(code.keys, lambda row: and_(code.test(row), not_(numbered(row, digits)))),
        ]
    here = place if place is not None and place.phase == _BY_DAY else None
    yield _ByDay(session, needed, here)


def _few_of(session: Session, needed: list[Condition]) -> Condition | None:
    """The condition that fewest invoices meet, if they are few."""
    counted = []
    for condition in needed:
        some = condition.keys.limit(FEW).subquery()
        count = session.scalar(select(func.count()).select_from(some)) or 0
        if count < FEW // 100:
            return condition
        counted.append((count, condition))
    count, condition = min(counted, key=lambda each: each[0])
    return condition if count < FEW else None


class _ByNumber(_Phase):
    """Exact numbers, then beginnings, then endings, each in the order of the index."""

    def __init__(
        self,
        session: Session,
        number: str,
        phase: int,
        needed: list[Condition],
        way_in: Condition | None,
        place: Place | None,
    ) -> None:
        self._session, self._phase, self._place = session, phase, place
        self._needed, self._way_in = needed, way_in
        begins = begins_with(InvoiceRow.invoice_number, number)
        ways: tuple[tuple[Match, Any, list[ColumnElement[bool]]], ...] = (
            (Match.EXACT, InvoiceRow.invoice_number, [InvoiceRow.invoice_number == number]),
            (
                Match.PREFIX,
                InvoiceRow.invoice_number,
                [begins, InvoiceRow.invoice_number != number],
            ),
            (
                Match.SUFFIX,
                InvoiceRow.number_reversed,
                [ends_with(InvoiceRow.number_reversed, number), not_(begins)],
            ),
        )
        self._match, self._key, self._where = ways[phase]

    def some(self, most: int) -> Sequence[tuple[Place, str, Match | None]]:
        key, document = self._key, InvoiceRow.document_id
        statement: Select[Any] = select(key, document).where(*self._where)
        if self._needed:
            statement = statement.join(S, S.document_id == document).where(
                *(each.test(S) for each in self._needed)
            )
        if self._way_in is not None:
            statement = statement.where(S.id.in_(self._way_in.keys))
        if self._place is not None:
            at, row = str(self._place.key), str(self._place.row)
            statement = statement.where(key >= at, or_(key > at, document > row))
        rows = self._session.execute(statement.order_by(key, document).limit(most))
        return [(Place(self._phase, key, row), row, self._match) for key, row in rows]


class _ByDay(_Phase):
    """Newest issue date first."""

    def __init__(self, session: Session, needed: list[Condition], place: Place | None) -> None:
        self._session, self._needed, self._place = session, needed, place

    def some(self, most: int) -> Sequence[tuple[Place, str, Match | None]]:
        way_in = _few_of(self._session, self._needed)
        rows = None if way_in is not None else self._walk(most)
        if rows is None:
            rows = self._fetch(way_in or self._needed[0], most)
        return [(Place(_BY_DAY, day, number), document, None) for number, day, document in rows]

    def _fetch(self, way_in: Condition, most: int) -> Sequence[Any]:
        """All that meet one condition, looked at for every other, sorted. Keys of a code may
        name what the test refuses, so that it too is asked."""
        others = [each.test(S) for each in self._needed]
        statement = (
            select(S.id, S.day, S.document_id)
            .where(S.id.in_(way_in.keys), *others, *self._behind(S.day + 0))
            .order_by((S.day + 0).desc(), S.id.desc())  # a sum: no index may tempt the planner
            .limit(most)
        )
        return self._session.execute(statement).all()

    def _walk(self, most: int) -> Sequence[Any] | None:
        """The newest that meet all conditions; None when the walk led too far."""
        near = (
            select(S)
            .where(*self._behind(S.day))
            .order_by(S.day.desc(), S.id.desc())
            .limit(_FAR)
            .subquery()
        )
        row = aliased(S, near)
        statement = select(row.id, row.day, row.document_id).where(
            *(each.test(row) for each in self._needed)
        )
        rows = self._session.execute(statement.limit(most)).all()
        if len(rows) == most:
            return rows
        walked = self._session.scalar(select(func.count()).select_from(near)) or 0
        return rows if walked < _FAR else None

    def _behind(self, day: Any) -> list[ColumnElement[bool]]:
        if self._place is None:
            return []
        try:
            at, row = int(self._place.key), int(self._place.row)
        except ValueError as error:
            raise BadCursor from error
        return [day <= at, or_(day < at, S.id < row)]


def _loaded(session: Session, found: list[tuple[Place, str, Match | None]]) -> tuple[Hit, ...]:
    ids = [document for _, document, _ in found]
    rows = session.scalars(select(Document).where(Document.id.in_(ids))).unique()
    documents = {row.id: row for row in rows}
    return tuple(Hit(documents[document], match) for _, document, match in found)

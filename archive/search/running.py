"""Answering a query: numbers in their own order, everything else newest issue date first.

Two plans. Where a part of the query is met by few invoices, these are fetched by their keys and
looked at for the other parts. Where every part is met by many, the newest invoices are walked
until a page is full. Which of the two is decided by counting, never further than `FEW`; so a
page costs about the same however many invoices there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    String,
    and_,
    bindparam,
    func,
    literal_column,
    not_,
    or_,
    select,
    text,
    union_all,
)
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
from archive.search.numbers import Match, begins_with, plain_digits
from archive.search.paging import BadCursor, Hit, Page, Place
from archive.search.query import Query
from archive.search.tables import SearchInvoice

S = SearchInvoice
#: As many are fetched and sorted without a second thought; more are walked instead.
FEW = 20_000
#: A walk that has come this far without filling its page is given up for a whole sort.
_FAR = 300_000
#: From so many digits on, a number is met by fewer invoices than anything else.
_TELLING = 6
#: Digits of a 发票代码: 10 or 12.
_LONGEST_CODE = 12
#: How a number may match, in the order of the hits; those by their code or by nothing of the
#: kind follow, ordered by day.
_MATCHES = (Match.EXACT, Match.PREFIX, Match.SUFFIX)
_BY_DAY = len(_MATCHES)
#: Every query here looks a few rows up by an index, again and again. PostgreSQL's planner, which
#: cannot know how soon the rows are enough, would sooner read whole tables.
_BY_INDEX = text(
    "SELECT set_config('enable_hashjoin', 'off', true),"
    " set_config('enable_mergejoin', 'off', true),"
    " set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true),"
    " set_config('max_parallel_workers_per_gather', '0', true)"
)


class _Found(NamedTuple):
    place: Place
    document_id: str
    match: Match | None


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
    `Document` that narrows it further. An empty query finds nothing. Raises `BadCursor`.
    """
    if query.empty or (campuses is not None and not campuses):
        return Page(())
    place = Place.read(after) if after else None
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_BY_INDEX)
    needed = list(conditions(session, query))
    number = plain_digits(query.number or "") or plain_digits(query.digits or "")
    if not needed and not number:
        return Page(())  # nothing is left of it once what no name holds is gone
    if campuses is not None:
        needed.append(in_campuses(session, campuses))
    if only is not None:
        needed.append(of_documents(only))
    found: list[_Found] = []
    if number:
        found += _numbered(session, number, needed, place, limit + 1)
    if number and not query.number and len(number) <= _LONGEST_CODE:
        needed.append(_by_code_alone(number))
    elif number:
        needed = []
    if needed and len(found) <= limit:
        found += _by_day(session, needed, place, limit + 1 - len(found))
    more = found[limit - 1].place.written() if len(found) > limit else None
    return Page(_loaded(session, found[:limit]), more)


def _by_code_alone(digits: str) -> Condition:
    """That the digits are a code's, and not the number's too."""
    code = coded(digits)
    return Condition(
        code.keys,
        lambda row: and_(code.test(row), not_(numbered(row, digits))),
        exact=False,
    )


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


def _numbered(
    session: Session, number: str, needed: list[Condition], place: Place | None, most: int
) -> list[_Found]:
    """Exact numbers, then beginnings, then endings, each in the order of its index."""
    if place is not None and place.phase >= _BY_DAY:
        return []
    others: list[ColumnElement[bool]] = []
    if needed:
        others = [each.test(S) for each in needed]
        way_in = _few_of(session, needed) if len(number) < _TELLING else None
        others += [S.id.in_(way_in.keys)] if way_in is not None else []
    statement = _ways(others, place) if others or place is not None else _all_ways()
    values = {"number": number, "backwards": number[::-1], "most": most}
    rows = session.execute(statement, values).all()
    return [
        _Found(Place(phase, key, document), document, _MATCHES[phase])
        for phase, key, document in sorted(tuple(row) for row in rows)[:most]
    ]


@cache
def _all_ways() -> CompoundSelect[Any]:
    """Built once: most searches are this one, and building it takes longer than its answer."""
    return _ways([], None)


def _ways(others: list[ColumnElement[bool]], place: Place | None) -> CompoundSelect[Any]:
    """All ways that a number may match, in one statement; each stops when it has enough."""
    ways = []
    for phase in range(place.phase if place else 0, _BY_DAY):
        key, demanded = _way(phase)
        way: Select[Any] = select(
            literal_column(str(phase)).label("phase"), key.label("key"), InvoiceRow.document_id
        ).where(*demanded)
        if others:
            way = way.join(S, S.document_id == InvoiceRow.document_id).where(*others)
        if place is not None and place.phase == phase:
            at, row = str(place.key), str(place.row)
            way = way.where(key >= at, or_(key > at, InvoiceRow.document_id > row))
        ordered = way.order_by(key, InvoiceRow.document_id).limit(bindparam("most"))
        ways.append(select(ordered.subquery()))
    return union_all(*ways)


def _way(phase: int) -> tuple[Any, list[ColumnElement[bool]]]:
    """What a way of matching is ordered by, and what it demands; none finds another's."""
    row, number = InvoiceRow, bindparam("number", type_=String)
    begins = begins_with(row.invoice_number, number)
    if phase == 0:
        return row.invoice_number, [row.invoice_number == number]
    if phase == 1:
        return row.invoice_number, [begins, row.invoice_number != number]
    ends = begins_with(row.number_reversed, bindparam("backwards", type_=String))
    return row.number_reversed, [ends, not_(begins)]


def _by_day(
    session: Session, needed: list[Condition], place: Place | None, most: int
) -> list[_Found]:
    """Newest issue date first."""
    here = place if place is not None and place.phase == _BY_DAY else None
    way_in = _few_of(session, needed)
    rows = None if way_in is not None else _walk(session, needed, here, most)
    if rows is None:
        rows = _fetch(session, way_in or needed[0], needed, here, most)
    return [_Found(Place(_BY_DAY, day, number), document, None) for number, day, document in rows]


def _fetch(
    session: Session, way_in: Condition, needed: list[Condition], place: Place | None, most: int
) -> Sequence[Any]:
    """All that meet one condition, looked at for the others, sorted."""
    tests = [each.test(S) for each in needed if each is not way_in or not each.exact]
    day = S.day + 0  # a sum, so that no index on days tempts the planner
    statement = (
        select(S.id, S.day, S.document_id)
        .where(S.id.in_(way_in.keys), *tests, *_behind(day, place))
        .order_by(day.desc(), S.id.desc())
        .limit(most)
    )
    return session.execute(statement).all()


def _walk(
    session: Session, needed: list[Condition], place: Place | None, most: int
) -> Sequence[Any] | None:
    """The newest that meet all conditions; None when the walk led too far."""
    near = (
        select(S)
        .where(*_behind(S.day, place))
        .order_by(S.day.desc(), S.id.desc())
        .limit(_FAR)
        .subquery()
    )
    row = aliased(S, near)
    statement = select(row.id, row.day, row.document_id)
    rows = session.execute(statement.where(*(each.test(row) for each in needed)).limit(most)).all()
    if len(rows) == most:
        return rows
    walked = session.scalar(select(func.count()).select_from(near)) or 0
    return rows if walked < _FAR else None


def _behind(day: Any, place: Place | None) -> list[ColumnElement[bool]]:
    if place is None:
        return []
    try:
        at, row = int(place.key), int(place.row)
    except ValueError as error:
        raise BadCursor from error
    return [day <= at, or_(day < at, S.id < row)]


def _loaded(session: Session, found: list[_Found]) -> tuple[Hit, ...]:
    ids = [each.document_id for each in found]
    rows = session.scalars(select(Document).where(Document.id.in_(ids))).unique()
    documents = {row.id: row for row in rows}
    return tuple(Hit(documents[each.document_id], each.match) for each in found)

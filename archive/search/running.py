"""Answering a query: numbers in their own order, everything else newest issue date first.

Two plans. Where a way into the index leads to few invoices, these are fetched and looked at for
whatever else is asked. Where every way leads to many, the newest invoices are walked until a page
is full. Which of the two is decided by counting, not far; so a page costs about the same however
many invoices there are. A walk that leads too far is given up for the shortest way. Whatever the
plan, a page holds all that belongs on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, not_, or_, select, text
from sqlalchemy.orm import Session, undefer

from archive.records import Document, InvoiceRow
from archive.search import conditions as asked
from archive.search.conditions import Condition
from archive.search.finding import BY_DAY, Found, by_number, is_coded, with_invoices
from archive.search.numbers import plain_digits
from archive.search.paging import BadCursor, Hit, Page, Place
from archive.search.query import Query
from archive.search.tables import SearchInvoice
from archive.search.ways import Way, counted, ways
from archive.visibility import Seen

S = SearchInvoice
#: As many are fetched and sorted without a second thought; more are walked instead.
FEW = 20_000
#: So far a walk goes before it looks for a shorter way: what is sought may be old.
FAR = 50_000
#: As many are rather fetched than everything walked, where a short walk was not enough.
MANY = 1_000_000
#: From so many digits on, a number is met by fewer invoices than anything else.
_TELLING = 6
#: Digits of a 发票代码: 10 or 12.
_LONGEST_CODE = 12
#: Every query here looks a few rows up by an index, again and again. PostgreSQL's planner, which
#: cannot know how soon the rows are enough, would sooner read whole tables.
_BY_INDEX = text(
    "SELECT set_config('enable_hashjoin', 'off', true),"
    " set_config('enable_mergejoin', 'off', true),"
    " set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true),"
    " set_config('max_parallel_workers_per_gather', '0', true)"
)


def run(
    session: Session,
    query: Query,
    limit: int = 50,
    after: str | None = None,
    *,
    seen: Seen | None = None,
) -> Page:
    """One page of what the query finds, at most `limit` hits, beginning behind `after`.

    `seen` restricts it to what somebody may see, None sees all. An empty query finds nothing.
    What was read besides the columns (`InvoiceRow.data`) is loaded when it is first looked at,
    while the session lasts. Raises `BadCursor`.
    """
    if query.empty or (seen is not None and not seen.campuses and not seen.own):
        return Page(())
    place = Place.read(after) if after else None
    found = _found(session, query, place, limit + 1, seen)
    more = found[limit - 1].place.written() if len(found) > limit else None
    hits = (
        Hit(each.document, each.match)
        for each in found[:limit]
        if seen is None or seen.sees(each.document)
    )
    return Page(tuple(hits), more)


def _found(
    session: Session, query: Query, place: Place | None, most: int, seen: Seen | None
) -> list[Found]:
    number = plain_digits(query.number or "") or plain_digits(query.digits or "")
    needed = list(asked.conditions(session, query))
    if not number:
        # Without any, nothing was asked but what no name holds.
        return _by_day(session, needed, seen, place, most) if needed else []
    if needed or seen is not None:
        _by_index(session)
    found: list[Found] = []
    if place is None or place.phase < BY_DAY:
        others = [each.test for each in needed]
        if len(number) < _TELLING and (needed or seen is not None):
            others += _few(session, _within(session, needed, seen))
        found = by_number(session, number, others, seen, place, most)
    full = len(found) >= most or query.number or len(number) > _LONGEST_CODE
    if full or not is_coded(session, number):
        return found
    needed.append(_by_code_alone(number))
    return found + _by_day(session, needed, seen, place, most - len(found))


def _by_index(session: Session) -> None:
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_BY_INDEX)


def _by_code_alone(digits: str) -> Condition:
    """That the digits are a code's, and not the number's too."""
    code = asked.coded(digits)
    test = and_(code.test, not_(asked.numbered(digits)))
    return Condition(code.keys, test, exact=False, column=code.column, bound=code.bound)


def _few(session: Session, needed: list[Condition]) -> list[ColumnElement[bool]]:
    """What leads to few invoices at once, if anything does."""
    way, count = _shortest(session, needed, FEW)
    return [S.id.in_(select(S.id).where(*way.where))] if count < FEW else []


def _shortest(session: Session, needed: list[Condition], most: int) -> tuple[Way, int]:
    """The way that leads to fewest invoices, and to how many; `most` stands for more."""
    all_ways = list(ways(needed))
    counts = counted(session, all_ways, most)
    at = min(range(len(counts)), key=lambda each: counts[each])
    return all_ways[at], counts[at]


def _within(session: Session, needed: list[Condition], seen: Seen | None) -> list[Condition]:
    return needed if seen is None else [*needed, asked.seen(session, seen)]


def _by_day(
    session: Session, needed: list[Condition], seen: Seen | None, place: Place | None, most: int
) -> list[Found]:
    """Newest issue date first."""
    _by_index(session)
    needed = _within(session, needed, seen)
    behind = _behind(place if place is not None and place.phase == BY_DAY else None)
    way, count = _shortest(session, needed, FEW)
    if count < FEW:
        rows = session.execute(_fetched(way, needed, behind, most)).unique().all()
    else:
        rows = _walk(session, needed, behind, most)
    return [Found(Place(BY_DAY, day, key), document, None) for key, day, document in rows]


def _fetched(
    way: Way, needed: list[Condition], behind: list[ColumnElement[bool]], most: int
) -> Select[Any]:
    """All that a way leads to, looked at for the other conditions, sorted."""
    tests = [each.test for each in needed if each not in way.covers]
    day = S.day + 0  # a sum, so that no index on days tempts the planner
    near: Any = select(S.id, S.day).where(*way.where, *tests, *behind)
    return _documents(near.order_by(day.desc(), S.id.desc()).limit(most))


def _walk(
    session: Session, needed: list[Condition], behind: list[ColumnElement[bool]], most: int
) -> Sequence[Any]:
    """The newest that meet all conditions, near by or by the shortest way; or wherever they are."""
    tests = [each.test for each in needed]
    days = [each.test for each in needed if each.column == "day"]
    newest = (S.day.desc(), S.id.desc())
    walk: Any = select(S.id, S.day).where(*tests, *behind).order_by(*newest)
    last = session.scalar(
        select(S.day).where(*days, *behind).order_by(*newest).offset(FAR).limit(1)
    )
    if last is not None:
        near = _documents(walk.where(S.day >= last).limit(most))
        rows = session.execute(near).unique().all()
        if len(rows) == most:
            return rows
        way, count = _shortest(session, needed, MANY)
        if count < MANY:
            return session.execute(_fetched(way, needed, behind, most)).unique().all()
    return session.execute(_documents(walk.limit(most))).unique().all()


def _behind(place: Place | None) -> list[ColumnElement[bool]]:
    if place is None:
        return []
    try:
        at, row = int(place.key), int(place.row)
    except ValueError as error:
        raise BadCursor from error
    return [S.day <= at, or_(S.day < at, S.id < row)]


def _documents(near: Select[Any]) -> Select[Any]:
    """Those rows of the index with their documents."""
    those = near.subquery()
    return with_invoices(
        select(those.c.id, those.c.day, Document)
        .select_from(those)
        .join(S, S.id == those.c.id)
        .join(Document, Document.id == S.document_id)
    ).order_by(those.c.day.desc(), those.c.id.desc())


def with_data(session: Session, page: Page) -> None:
    """Load at once what was read of a page's invoices (`InvoiceRow.data`)."""
    ids = [hit.document.id for hit in page.hits]
    whole = select(InvoiceRow).where(InvoiceRow.document_id.in_(ids))
    session.scalars(whole.options(undefer(InvoiceRow.data))).all()

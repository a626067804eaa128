"""What each part of a query demands of an invoice, in the two forms that a plan needs.

`keys` names the invoices in the index that meet it: a good way in where they are few. `test`
looks at one invoice at a time, by scalar subqueries that no planner turns into anything else: a
good way where so many meet it that a page is full after a short walk through the newest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select, union_all
from sqlalchemy.orm import Session, aliased

from archive.records import Document, InvoiceRow, Voucher
from archive.search import grams
from archive.search.index import cents_of
from archive.search.numbers import begins_with, ends_with, plain_digits
from archive.search.query import Query
from archive.search.tables import SearchCode, SearchGram, SearchInvoice, SearchLine, SearchName

S = SearchInvoice
#: Enough to tell a rare pair of characters from a frequent one.
_LOOKED_AT = 2000


@dataclass(frozen=True, slots=True)
class Condition:
    """`keys` selects `SearchInvoice.id`; `test` says of a row of that table (or of an alias of
    it) whether it meets the condition. Keys that are not `exact` name some that the test refuses.
    """

    keys: Select[Any]
    test: Callable[[Any], ColumnElement[bool]]
    exact: bool = True


def conditions(session: Session, query: Query) -> Iterator[Condition]:
    """Every part of the query but its number."""
    for words, columns, lines in (
        (query.seller, ("seller_id",), False),
        (query.buyer, ("buyer_id",), False),
        (query.text, ("seller_id", "buyer_id"), True),
    ):
        for word in (words or "").split():
            if plain := grams.folded(word):
                yield _named(session, plain, columns, lines=lines)
    if code := plain_digits(query.code or ""):
        yield coded(code)
    yield from _ranges(query)
    yield from _exactly(session, query)


def _named(session: Session, word: str, columns: tuple[str, ...], *, lines: bool) -> Condition:
    """A word that occurs in one of the names."""
    ids = _names_with(session, word)
    selects = [select(S.id).where(getattr(S, column).in_(ids)) for column in columns]
    if lines:
        selects.append(select(SearchLine.invoice_id.label("id")).where(SearchLine.name_id.in_(ids)))
    keys = selects[0] if len(selects) == 1 else select(union_all(*selects).subquery().c.id)

    def test(row: Any) -> ColumnElement[bool]:
        tests = [_holds(getattr(row, column), word) for column in columns]
        return or_(*tests, *([_line_holds(row, word)] if lines else []))

    return Condition(keys, test)


def _names_with(session: Session, word: str) -> Select[Any]:
    """Ids of the names that contain the word, found by its rarest pair."""
    if len(word) == 1:
        low, high = grams.beginning_with(word)
        return select(SearchGram.name_id).where(SearchGram.gram >= low, SearchGram.gram < high)
    pairs = grams.asked(word)
    rarest = min(pairs, key=lambda pair: _how_often(session, pair)) if len(pairs) > 1 else pairs[0]
    found = select(SearchGram.name_id).where(SearchGram.gram == rarest)
    if len(word) == 2:
        return found
    return found.join(SearchName, SearchName.id == SearchGram.name_id).where(
        SearchName.folded.contains(word, autoescape=True)
    )


def _how_often(session: Session, pair: int) -> int:
    some = select(literal(1)).where(SearchGram.gram == pair).limit(_LOOKED_AT).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def _there(found: Select[Any]) -> ColumnElement[bool]:
    """Whether something is found, asked so that every planner asks it row by row."""
    return found.limit(1).scalar_subquery().is_not(None)


def _holds(name_id: ColumnElement[int | None], word: str) -> ColumnElement[bool]:
    """Whether the name with this id contains the word: by a pair, then by looking."""
    pair, name = aliased(SearchGram), aliased(SearchName)
    if len(word) == 1:
        low, high = grams.beginning_with(word)
        ranged = (pair.gram >= low, pair.gram < high)
        return _there(select(pair.name_id).where(*ranged, pair.name_id == name_id))
    if len(word) == 2:
        [asked] = grams.asked(word)
        return _there(select(pair.name_id).where(pair.gram == asked, pair.name_id == name_id))
    holds = name.folded.contains(word, autoescape=True)
    return _there(select(name.id).where(name.id == name_id, holds))


def _line_holds(row: Any, word: str) -> ColumnElement[bool]:
    """Whether a line of the invoice holds the word."""
    line, name = aliased(SearchLine), aliased(SearchName)
    found = select(line.name_id).join(name, name.id == line.name_id)
    holds = name.folded.contains(word, autoescape=True)
    return _there(found.where(line.invoice_id == row.id, holds))


def coded(code: str) -> Condition:
    """A code that is, begins with, or ends with the digits."""
    ids = select(SearchCode.id).where(
        or_(begins_with(SearchCode.code, code), ends_with(SearchCode.reversed, code))
    )

    def test(row: Any) -> ColumnElement[bool]:
        one = aliased(SearchCode)
        either = or_(begins_with(one.code, code), ends_with(one.reversed, code))
        return _there(select(one.id).where(one.id == row.code_id, either))

    return Condition(select(S.id).where(S.code_id.in_(ids)), test)


def numbered(row: Any, digits: str) -> ColumnElement[bool]:
    """Whether the invoice's number begins or ends with the digits."""
    one = aliased(InvoiceRow)
    tests = (begins_with(one.invoice_number, digits), ends_with(one.number_reversed, digits))
    found = select(one.document_id).where(one.document_id == row.document_id, or_(*tests))
    return _there(found)


def _ranges(query: Query) -> Iterator[Condition]:
    low, high = cents_of(query.amount_min), cents_of(query.amount_max)
    yield from _between("cents", low, high)
    first = query.date_from.toordinal() if query.date_from else 1 if query.date_to else None
    last = query.date_to.toordinal() if query.date_to else None
    yield from _between("day", first, last)


def _between(column: str, low: int | None, high: int | None) -> Iterator[Condition]:
    if low is None and high is None:
        return

    def test(row: Any) -> ColumnElement[bool]:
        value = getattr(row, column)
        bounds = [value >= low] if low is not None else []
        return and_(*bounds, *([value <= high] if high is not None else []))

    yield Condition(select(S.id).where(test(S)), test)


def in_campuses(session: Session, campuses: frozenset[str]) -> Condition:
    """Documents of one of these campuses."""
    return _one_of(session, "campus_id", sorted(campuses))


def _exactly(session: Session, query: Query) -> Iterator[Condition]:
    for value, column in ((query.kind, "kind_id"), (query.campus, "campus_id")):
        if value:
            yield _one_of(session, column, [value])
    if voucher := plain_digits(query.voucher or ""):
        yield _in_voucher(voucher)
    for value, state in ((query.verdict, "verdict"), (query.state, "state")):
        if plain := plain_digits(value or ""):
            yield _of_document(state, plain)


def _one_of(session: Session, column: str, names: list[str]) -> Condition:
    words = [grams.folded(name) for name in names]
    ids = list(session.scalars(select(SearchName.id).where(SearchName.folded.in_(words))))

    def test(row: Any) -> ColumnElement[bool]:
        return func.coalesce(getattr(row, column), 0).in_(ids)

    return Condition(select(S.id).where(getattr(S, column).in_(ids)), test)


def _in_voucher(voucher: str) -> Condition:
    numbers = select(Voucher.voucher_no).where(begins_with(Voucher.voucher_no, voucher))
    keys = select(S.id).join(Document, Document.id == S.document_id)
    return Condition(
        keys.where(Document.voucher_no.in_(numbers)),
        lambda row: _document(row, lambda one: begins_with(one.voucher_no, voucher)),
    )


def _of_document(column: str, value: str) -> Condition:
    keys = select(S.id).join(Document, Document.id == S.document_id)
    return Condition(
        keys.where(getattr(Document, column) == value),
        lambda row: _document(row, lambda one: getattr(one, column) == value),
    )


def of_documents(only: ColumnElement[bool]) -> Condition:
    """A condition on `Document`, whatever it is."""
    keys = select(S.id).join(Document, Document.id == S.document_id).where(only)
    return Condition(
        keys, lambda row: _there(select(Document.id).where(Document.id == row.document_id, only))
    )


def _document(row: Any, test: Callable[[Any], ColumnElement[bool]]) -> ColumnElement[bool]:
    """A test of the invoice's document."""
    one = aliased(Document)
    return _there(select(one.id).where(one.id == row.document_id, test(one)))

"""What each part of a query demands of an invoice, in the forms that a plan needs.

`keys` names the invoices in the index that meet it: a good way in where they are few. `test`
looks at one invoice at a time, by scalar subqueries that no planner turns into anything else: a
good way where so many meet it that a page is full after a short walk through the newest. `bound`
says the same of one column in words that an index on it, or on it and another, understands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    func,
    literal,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session, aliased

from archive.records import Document, InvoiceRow, Voucher
from archive.search import grams
from archive.search.index import cents_of
from archive.search.numbers import begins_with, ends_with, plain_digits
from archive.search.query import Query
from archive.search.tables import (
    USUAL_VERDICT,
    SearchCode,
    SearchGram,
    SearchInvoice,
    SearchLine,
    SearchName,
)
from archive.visibility import Seen

S = SearchInvoice
#: Enough to tell a rare pair of characters from a frequent one.
_LOOKED_AT = 2000
#: So many pairs of a long word are counted: among them is a rare one, if any is.
_TRIED = 8


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """`keys` selects `SearchInvoice.id`; `test` says of a row of that table whether it meets the
    condition. Keys that are not `exact` name some that the test refuses.

    `bound` is the same by `column` alone, where it can be said so; invoices that `also` names meet
    the condition besides. `counted` has at least as many rows as `keys`, and is sooner counted.
    """

    keys: Select[Any]
    test: ColumnElement[bool]
    exact: bool = True
    column: str = ""
    bound: ColumnElement[bool] | None = None
    also: Select[Any] | None = None
    counted: Select[Any] | None = None


def conditions(session: Session, query: Query) -> Iterator[Condition]:
    """Every part of the query but its number, or the digits that stand for one."""
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
    if (digits := plain_digits(query.digits or "")) and plain_digits(query.number or ""):
        yield _digits(digits)
    yield from _ranges(query)
    yield from _exactly(session, query)


def _named(session: Session, word: str, columns: tuple[str, ...], *, lines: bool) -> Condition:
    """A word that occurs in one of the names."""
    ids = _first(session, _names_with(session, word))
    bounds = [getattr(S, column).in_(ids) for column in columns]
    tests = [_holds(getattr(S, column), word) for column in columns]
    if len(bounds) == 1 and not lines:
        keys = select(S.id).where(bounds[0])
        return Condition(keys, tests[0], column=columns[0], bound=bounds[0])
    selects = [select(S.id).where(bound) for bound in bounds]
    if lines:
        selects.append(select(SearchLine.invoice_id.label("id")).where(SearchLine.name_id.in_(ids)))
        tests.append(_line_holds(word))
    return Condition(select(union_all(*selects).subquery().c.id), or_(*tests))


def _names_with(session: Session, word: str) -> Select[Any]:
    """Ids of the names that contain the word, found by its rarest pair."""
    if len(word) == 1:
        low, high = grams.beginning_with(word)
        return select(SearchGram.name_id).where(SearchGram.gram >= low, SearchGram.gram < high)
    rarest = _rarest(session, grams.asked(word))
    found = select(SearchGram.name_id).where(SearchGram.gram == rarest)
    if len(word) == 2:
        return found
    return found.join(SearchName, SearchName.id == SearchGram.name_id).where(
        SearchName.folded.contains(word, autoescape=True)
    )


def _first(session: Session, ids: Select[Any]) -> Select[Any]:
    """The same, to be found before the invoices that bear them. PostgreSQL's planner, to which a
    few buyers seem to stand for most of the names, would sooner go through all invoices and look
    each one's up; what has an offset it leaves as it is."""
    return ids.offset(0) if session.get_bind().dialect.name == "postgresql" else ids


def _rarest(session: Session, pairs: list[int]) -> int:
    """The pair that fewest names hold, of a few that stand evenly among them."""
    tried = pairs[:: -(-len(pairs) // _TRIED)]
    if len(tried) == 1:
        return tried[0]
    counts = []
    for pair in tried:
        some = select(literal(1)).where(SearchGram.gram == pair).limit(_LOOKED_AT).subquery()
        counts.append(select(func.count()).select_from(some).scalar_subquery())
    held = session.execute(select(*counts)).one()
    return min(zip(held, tried, strict=True))[1]


def there(found: Select[Any]) -> ColumnElement[bool]:
    """Whether something is found, asked so that every planner asks it row by row."""
    return found.limit(1).scalar_subquery().is_not(None)


def _holds(name_id: ColumnElement[int | None], word: str) -> ColumnElement[bool]:
    """Whether the name with this id contains the word: by a pair, then by looking."""
    pair, name = aliased(SearchGram), aliased(SearchName)
    if len(word) == 1:
        low, high = grams.beginning_with(word)
        ranged = (pair.gram >= low, pair.gram < high)
        return there(select(pair.name_id).where(*ranged, pair.name_id == name_id))
    if len(word) == 2:
        [asked] = grams.asked(word)
        return there(select(pair.name_id).where(pair.gram == asked, pair.name_id == name_id))
    holds = name.folded.contains(word, autoescape=True)
    return there(select(name.id).where(name.id == name_id, holds))


def _line_holds(word: str) -> ColumnElement[bool]:
    """Whether a line of the invoice holds the word."""
    line, name = aliased(SearchLine), aliased(SearchName)
    found = select(line.name_id).join(name, name.id == line.name_id)
    holds = name.folded.contains(word, autoescape=True)
    return there(found.where(line.invoice_id == S.id, holds))


def coded(code: str) -> Condition:
    """A code that is, begins with, or ends with the digits."""
    ids = select(SearchCode.id).where(
        or_(begins_with(SearchCode.code, code), ends_with(SearchCode.reversed, code))
    )
    one = aliased(SearchCode)
    either = or_(begins_with(one.code, code), ends_with(one.reversed, code))
    test = there(select(one.id).where(one.id == S.code_id, either))
    bound = S.code_id.in_(ids)
    return Condition(select(S.id).where(bound), test, column="code_id", bound=bound)


def numbered(digits: str) -> ColumnElement[bool]:
    """Whether the invoice's number begins or ends with the digits."""
    one = aliased(InvoiceRow)
    tests = (begins_with(one.invoice_number, digits), ends_with(one.number_reversed, digits))
    return there(select(one.document_id).where(one.document_id == S.document_id, or_(*tests)))


def _digits(digits: str) -> Condition:
    """Digits of a number or a code, beside a number that is asked for too."""
    code, row = coded(digits), InvoiceRow
    either = or_(begins_with(row.invoice_number, digits), ends_with(row.number_reversed, digits))
    named = select(S.id).join(row, row.document_id == S.document_id).where(either)
    keys = select(union_all(named, code.keys).subquery().c.id)
    return Condition(keys, or_(numbered(digits), code.test))


def _ranges(query: Query) -> Iterator[Condition]:
    low, high = cents_of(query.amount_min), cents_of(query.amount_max)
    yield from _between("cents", low, high)
    first = query.date_from.toordinal() if query.date_from else 1 if query.date_to else None
    last = query.date_to.toordinal() if query.date_to else None
    yield from _between("day", first, last)


def _between(column: str, low: int | None, high: int | None) -> Iterator[Condition]:
    def within(value: Any) -> ColumnElement[bool]:
        bounds = [value >= low] if low is not None else []
        return and_(*bounds, *([value <= high] if high is not None else []))

    if low is None and high is None:
        return
    value = getattr(S, column)
    bound = within(value)
    # A walk goes by days; a sum, so that no index on anything else tempts the planner.
    test = bound if column == "day" else within(value + 0)
    yield Condition(select(S.id).where(bound), test, column=column, bound=bound)


def seen(session: Session, those: Seen) -> Condition:
    """What somebody may see. The index knows campuses by their folded names: of two that differ
    by nothing else it names both, and `Seen.sees` has the last word."""
    campuses = _one_of(session, "campus_id", sorted(those.campuses))
    if not those.own:
        return campuses
    own = Document.submitter == those.own
    keys = select(S.id).join(Document, Document.id == S.document_id).where(own)
    if not those.campuses:
        return Condition(keys, _document(lambda one: one.submitter == those.own))
    either = select(union_all(campuses.keys, keys).subquery().c.id)
    test = or_(campuses.test, _document(lambda one: one.submitter == those.own))
    return Condition(either, test, column="campus_id", bound=campuses.bound, also=keys)


def _exactly(session: Session, query: Query) -> Iterator[Condition]:
    for value, column in ((query.kind, "kind_id"), (query.campus, "campus_id")):
        if value:
            yield _one_of(session, column, [value])
    if voucher := plain_digits(query.voucher or ""):
        yield _in_voucher(voucher)
    if verdict := plain_digits(query.verdict or ""):
        yield _of_verdict(verdict)
    if state := plain_digits(query.state or ""):
        yield of_documents(lambda one: one.state == state)


def _one_of(session: Session, column: str, names: list[str]) -> Condition:
    words = [grams.folded(name) for name in names]
    ids = list(session.scalars(select(SearchName.id).where(SearchName.folded.in_(words))))
    bound = getattr(S, column).in_(ids)
    test = func.coalesce(getattr(S, column), 0).in_(ids)
    return Condition(select(S.id).where(bound), test, column=column, bound=bound)


def _in_voucher(voucher: str) -> Condition:
    numbers = select(Voucher.voucher_no).where(begins_with(Voucher.voucher_no, voucher))
    those = Document.voucher_no.in_(numbers)
    return Condition(
        select(S.id).join(Document, Document.id == S.document_id).where(those),
        _document(lambda one: begins_with(one.voucher_no, voucher)),
        counted=select(Document.id).where(those),
    )


def _of_verdict(verdict: str) -> Condition:
    if verdict == USUAL_VERDICT:
        return of_documents(lambda one: one.verdict == verdict)
    # Said twice: the index on all others is only taken by who repeats what it leaves out.
    unusual: ColumnElement[str] = literal_column(f"'{USUAL_VERDICT}'")
    return of_documents(lambda one: and_(one.verdict == verdict, one.verdict != unusual))


def of_documents(only: Callable[[Any], ColumnElement[bool]]) -> Condition:
    """A condition on `Document`, or on an alias of it, whatever it is."""
    those = only(Document)
    keys = select(S.id).join(Document, Document.id == S.document_id).where(those)
    return Condition(keys, _document(only), counted=select(Document.id).where(those))


def _document(test: Callable[[Any], ColumnElement[bool]]) -> ColumnElement[bool]:
    """A test of the invoice's document."""
    one = aliased(Document)
    return there(select(one.id).where(one.id == S.document_id, test(one)))

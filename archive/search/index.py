"""Keeping the search index: it follows every invoice in the transaction that writes it.

`follow` listens to the writing sessions of `archive.database`, so no writer can forget it; only
what goes around the sessions (a bulk load) must call `rebuild`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from sqlalchemy import delete, insert, inspect, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.util import identity_key

from archive.locking import one_writer
from archive.records import Document, InvoiceRow
from archive.search.grams import folded, grams
from archive.search.tables import SearchCode, SearchGram, SearchInvoice, SearchLine, SearchName

_AT_ONCE = 500


def follow(session: Session, _flush: object) -> None:
    """After a flush: enter what it wrote, take out what it deleted."""
    gone = [each.document_id for each in session.deleted if isinstance(each, InvoiceRow)]
    written = {
        each.document_id: each
        for each in (*session.new, *session.dirty)
        if isinstance(each, InvoiceRow)
    }
    moved = [each.id for each in session.dirty if isinstance(each, Document) and _moved(each)]
    if moved:
        rows = session.scalars(select(InvoiceRow).where(InvoiceRow.document_id.in_(moved)))
        written |= {row.document_id: row for row in rows}
    if gone:
        _take_out(session, gone)
    if written:
        enter(session, list(written.values()))


def _moved(document: Document) -> bool:
    """Whether a document has changed to another campus."""
    changed: bool = inspect(document).attrs.campus.history.has_changes()
    return changed


def enter(session: Session, rows: list[InvoiceRow]) -> None:
    """Enter invoices, in place of whatever stood there of the same documents."""
    one_writer(session)
    ids = [row.document_id for row in rows]
    _take_out(session, ids)
    campuses = _campuses(session, ids)
    words = {row.document_id: words_of(row, campuses.get(row.document_id)) for row in rows}
    lines = {row.document_id: lines_of(row) for row in rows}
    named = (name for each in words.values() for name in each.values() if name)
    names = _name_ids(session, {*named, *(name for each in lines.values() for name in each)})
    codes = _code_ids(session, {row.invoice_code for row in rows if row.invoice_code})
    entries = []
    for row in rows:
        entry = {column: names.get(name) for column, name in words[row.document_id].items()}
        entries.append(
            {
                "document_id": row.document_id,
                "day": _day(row),
                "cents": cents_of(row.total_with_tax),
                "code_id": codes.get(row.invoice_code or ""),
                **entry,
            }
        )
    if not entries:
        return
    entered = insert(SearchInvoice).returning(SearchInvoice.id, sort_by_parameter_order=True)
    numbers = session.scalars(entered, entries).all()
    of_lines = [
        {"name_id": names[name], "day": _day(row), "invoice_id": number}
        for row, number in zip(rows, numbers, strict=True)
        for name in sorted(lines[row.document_id])
    ]
    if of_lines:
        session.execute(insert(SearchLine), of_lines)


def _day(row: InvoiceRow) -> int:
    return row.issue_date.toordinal() if row.issue_date else 0


def _campuses(session: Session, ids: list[str]) -> dict[str, str]:
    """The campus of each document; whoever enters an invoice mostly has its document at hand."""
    at_hand = (session.identity_map.get(identity_key(Document, key)) for key in ids)
    found = {each.id: each.campus for each in at_hand if each is not None}
    if missing := [key for key in ids if key not in found]:
        query = select(Document.id, Document.campus).where(Document.id.in_(missing))
        found |= dict(session.execute(query).all())
    return found


def _take_out(session: Session, ids: list[str]) -> None:
    of_documents = select(SearchInvoice.id).where(SearchInvoice.document_id.in_(ids))
    numbers = session.scalars(of_documents).all()
    if numbers:  # seldom: an invoice is read once
        session.execute(delete(SearchLine).where(SearchLine.invoice_id.in_(numbers)))
        session.execute(delete(SearchInvoice).where(SearchInvoice.id.in_(numbers)))


def cents_of(amount: Decimal | None) -> int | None:
    """An amount in whole cents; parts of a cent are cut off."""
    return None if amount is None else int(amount * 100)


def words_of(row: InvoiceRow, campus: str | None) -> dict[str, str]:
    """Folded names by the column that points at them; "" for none."""
    return {
        "seller_id": folded(row.seller_name or ""),
        "buyer_id": folded(row.buyer_name or ""),
        "kind_id": folded(row.kind),
        "campus_id": folded(campus or ""),
    }


def lines_of(row: InvoiceRow) -> set[str]:
    """What its lines of goods are called, with their kind or model."""
    lines: list[dict[str, Any]] = row.data.get("lines") or []
    texts = {folded(line.get(part) or "") for line in lines for part in ("name", "spec")}
    return texts - {""}


def _name_ids(session: Session, names: set[str]) -> dict[str, int]:
    """The id of each name, those that are new entered with their pairs."""
    known = _known(session, SearchName.folded, SearchName.id, names)
    new = sorted(names - known.keys())
    if new:
        entered = insert(SearchName).returning(SearchName.folded, SearchName.id)
        known |= dict(session.execute(entered, [{"folded": name} for name in new]).all())
        pairs = [{"gram": gram, "name_id": known[name]} for name in new for gram in grams(name)]
        session.execute(insert(SearchGram), pairs)
    return known


def _code_ids(session: Session, codes: set[str]) -> dict[str, int]:
    known = _known(session, SearchCode.code, SearchCode.id, codes)
    new = sorted(codes - known.keys())
    if new:
        values = [{"code": code, "reversed": code[::-1]} for code in new]
        entered = insert(SearchCode).returning(SearchCode.code, SearchCode.id)
        known |= dict(session.execute(entered, values).all())
    return known


def _known(session: Session, word: Any, key: Any, words: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    wanted = list(words)
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        found |= dict(session.execute(select(word, key).where(word.in_(some))).all())
    return found


def begin(session: Session) -> None:
    """Index what lay there before there was an index."""
    if session.scalar(select(SearchInvoice.id).limit(1)) is None:
        first = session.scalar(select(InvoiceRow.document_id).limit(1))
        if first is not None:
            rebuild(session)


def rebuild(session: Session) -> int:
    """Make the whole index again from the invoices; returns how many it holds."""
    one_writer(session)
    for table in (SearchLine, SearchInvoice, SearchGram, SearchName, SearchCode):
        session.execute(delete(table))
    entered = 0
    for rows in _all_rows(session):
        enter(session, rows)
        entered += len(rows)
    return entered


def _all_rows(session: Session) -> Iterator[list[InvoiceRow]]:
    last = ""
    while rows := list(
        session.scalars(
            select(InvoiceRow)
            .where(InvoiceRow.document_id > last)
            .order_by(InvoiceRow.document_id)
            .limit(_AT_ONCE)
        )
    ):
        yield rows
        last = rows[-1].document_id
        session.expunge_all()

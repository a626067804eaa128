"""The search index and the claims of numbers against the invoices they were made from, some
hundreds at a time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from pydantic import ValidationError
from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from archive.records import Document, InvoiceClaim, InvoiceRow, State
from archive.search import index
from archive.search.grams import grams
from archive.search.tables import SearchCode, SearchGram, SearchInvoice, SearchLine, SearchName
from extractors.model import Invoice

_AT_ONCE = 500


def differing(session: Session) -> Iterator[str]:
    """Every entry of the index, and every claim, that is not what its invoice says."""
    last = ""
    while rows := _next_invoices(session, last):
        yield from _some(session, rows)
        last = rows[-1].document_id
        session.expunge_all()
    yield from _astray(session)
    yield from _names(session)
    yield from _codes(session)


def _next_invoices(session: Session, last: str) -> list[InvoiceRow]:
    query = select(InvoiceRow).join(InvoiceRow.document).where(InvoiceRow.document_id > last)
    ordered = query.order_by(InvoiceRow.document_id).limit(_AT_ONCE)
    return list(session.scalars(ordered).unique())


def _some(session: Session, rows: list[InvoiceRow]) -> Iterator[str]:
    ids = [row.document_id for row in rows]
    found = session.scalars(select(SearchInvoice).where(SearchInvoice.document_id.in_(ids)))
    entries = {entry.document_id: entry for entry in found}
    lines: dict[int, list[SearchLine]] = {}
    numbers = [entry.id for entry in entries.values()]
    for line in session.scalars(select(SearchLine).where(SearchLine.invoice_id.in_(numbers))):
        lines.setdefault(line.invoice_id, []).append(line)
    known = _words(session, SearchName.id, SearchName.folded, _name_ids(entries, lines))
    codes = _words(session, SearchCode.id, SearchCode.code, {e.code_id for e in entries.values()})
    claimed = select(InvoiceClaim.document_id, InvoiceClaim.invoice_key)
    claims = dict(session.execute(claimed.where(InvoiceClaim.document_id.in_(ids))).all())
    for row in rows:
        entry = entries.get(row.document_id)
        if entry is None:
            yield f"search index: document {row.document_id} is missing"
        elif _entered(entry, known, codes, lines.get(entry.id, [])) != _due(row):
            yield f"search index: document {row.document_id} is not what its invoice says"
        own = _key(row)
        if row.document.state == State.ARCHIVED and own not in (None, claims.get(row.document_id)):
            yield f"document {row.document_id}: its number is not claimed for it"


def _name_ids(
    entries: dict[str, SearchInvoice], lines: dict[int, list[SearchLine]]
) -> set[int | None]:
    ids = {
        name
        for entry in entries.values()
        for name in (entry.seller_id, entry.buyer_id, entry.kind_id, entry.campus_id)
    }
    return ids | {line.name_id for each in lines.values() for line in each}


def _words(
    session: Session, key: Any, word: InstrumentedAttribute[str], ids: set[int | None]
) -> dict[int, str]:
    wanted = [each for each in ids if each is not None]
    found: dict[int, str] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        found |= dict(session.execute(select(key, word).where(key.in_(some))).all())
    return found


def _key(row: InvoiceRow) -> str | None:
    try:
        return Invoice.model_validate(row.data).key
    except ValidationError:
        return None  # named already, as not what was sealed


def _entered(
    entry: SearchInvoice, names: dict[int, str], codes: dict[int, str], lines: list[SearchLine]
) -> tuple[object, ...]:
    ids = (entry.seller_id, entry.buyer_id, entry.kind_id, entry.campus_id)
    # An id that leads nowhere is not the same as none.
    words = tuple(None if one is None else names.get(one, one) for one in ids)
    code = None if entry.code_id is None else codes.get(entry.code_id, entry.code_id)
    goods = {(names.get(line.name_id, line.name_id), line.day) for line in lines}
    return entry.day, entry.cents, code, words, goods


def _due(row: InvoiceRow) -> tuple[object, ...]:
    day = row.issue_date.toordinal() if row.issue_date else 0
    words = index.words_of(row, row.document.campus)
    ordered = tuple(words[f"{each}_id"] or None for each in ("seller", "buyer", "kind", "campus"))
    goods = {(name, day) for name in index.lines_of(row)}
    return day, index.cents_of(row.total_with_tax), row.invoice_code or None, ordered, goods


def _astray(session: Session) -> Iterator[str]:
    """What belongs to no invoice (any more)."""
    no_invoice = ~exists().where(InvoiceRow.document_id == SearchInvoice.document_id)
    for document_id in session.scalars(select(SearchInvoice.document_id).where(no_invoice)):
        yield f"search index: document {document_id} has no invoice"
    no_entry: ColumnElement[bool] = ~exists().where(SearchInvoice.id == SearchLine.invoice_id)
    for number in session.scalars(select(SearchLine.invoice_id).where(no_entry).distinct()):
        yield f"search index: a line of goods belongs to entry {number}, which is not there"
    no_document = ~exists().where(
        Document.id == InvoiceClaim.document_id, InvoiceRow.document_id == InvoiceClaim.document_id
    )
    for document_id in session.scalars(select(InvoiceClaim.document_id).where(no_document)):
        yield f"claim of document {document_id}: there is no such invoice"


def _names(session: Session) -> Iterator[str]:
    """Each distinct name with the pairs of characters by which it is found; the pairs are read
    once, sorted by their name."""
    query = select(SearchGram.name_id, SearchGram.gram).order_by(SearchGram.name_id)
    pairs = groupby(session.execute(query).yield_per(10_000), key=lambda row: row.name_id)
    names = select(SearchName.id, SearchName.folded).order_by(SearchName.id)
    here, found = next(pairs, (None, ()))
    for name_id, folded in session.execute(names).yield_per(1000):
        while here is not None and here < name_id:
            yield f"search index: name {here} is missing, its characters are there"
            here, found = next(pairs, (None, ()))
        own: set[int] = set()
        if here == name_id:
            own = {row.gram for row in found}
            here, found = next(pairs, (None, ()))
        if own != grams(folded):
            yield f"search index: name {name_id} is not found by its own characters"
    while here is not None:
        yield f"search index: name {here} is missing, its characters are there"
        here, found = next(pairs, (None, ()))


def _codes(session: Session) -> Iterator[str]:
    codes = select(SearchCode.id, SearchCode.code, SearchCode.reversed)
    for number, code, backwards in session.execute(codes).yield_per(1000):
        if backwards != code[::-1]:
            yield f"search index: code {number} is written backwards otherwise"

"""Finding an invoice by its number: the whole of it, its beginning, or its last digits.

All three are ranges on an index, so they stay fast however many invoices lie there.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, select, true
from sqlalchemy.orm import Session

from archive.records import Document, InvoiceRow

_HIGHEST = "\U0010ffff"


class Match(StrEnum):
    EXACT = "exact"
    PREFIX = "prefix"
    SUFFIX = "suffix"


def begins_with(column: Any, text: Any) -> ColumnElement[bool]:
    """A range, so that an index serves it; PostgreSQL compares these columns by bytes."""
    return and_(column >= text, column < text + _HIGHEST)


def ends_with(reversed_column: Any, text: str) -> ColumnElement[bool]:
    """`begins_with` on a column that is kept backwards."""
    return begins_with(reversed_column, text[::-1])


def plain_digits(number: str) -> str:
    """What was typed, without blanks and without what no database takes."""
    return "".join(each for each in number if each.isprintable() and not each.isspace())


def find(
    session: Session, number: str, limit: int = 50, only: ColumnElement[bool] | None = None
) -> list[tuple[Match, Document]]:
    """Documents whose invoice number is, begins with, or ends with `number`, best match first.

    Blanks in `number` are ignored; `only` narrows it to what somebody may see. At most `limit`
    documents, none twice; none for "".
    """
    wanted = plain_digits(number)
    if not wanted:
        return []
    found: dict[str, tuple[Match, Document]] = {}
    searches = (
        (Match.EXACT, InvoiceRow.invoice_number == wanted, InvoiceRow.invoice_number),
        (
            Match.PREFIX,
            begins_with(InvoiceRow.invoice_number, wanted),
            InvoiceRow.invoice_number,
        ),
        (Match.SUFFIX, ends_with(InvoiceRow.number_reversed, wanted), InvoiceRow.number_reversed),
    )
    for match, condition, key in searches:
        query = (
            select(Document)
            .join(Document.invoice)
            .where(condition, true() if only is None else only)
            .order_by(key, Document.id)
            .limit(limit)
        )
        for document in session.scalars(query):
            found.setdefault(document.id, (match, document))
        if len(found) >= limit:
            break
    return list(found.values())[:limit]

"""Finding an invoice by its number: the whole of it, its beginning, or its last digits.

All three are ranges on an index, so they stay fast however many invoices lie there.
"""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from archive.records import Document, InvoiceRow

_HIGHEST = "\U0010ffff"


class Match(StrEnum):
    EXACT = "exact"
    PREFIX = "prefix"
    SUFFIX = "suffix"


def _begins_with(
    column: InstrumentedAttribute[str | None], text: str
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return column >= text, column < text + _HIGHEST


def find(
    session: Session, number: str, limit: int = 50, only: ColumnElement[bool] | None = None
) -> list[tuple[Match, Document]]:
    """Documents whose invoice number is, begins with, or ends with `number`, best match first.

    Blanks in `number` are ignored; `only` narrows it to what somebody may see. At most `limit`
    documents, none twice; none for "".
    """
    wanted = "".join(number.split())
    if not wanted:
        return []
    found: dict[str, tuple[Match, Document]] = {}
    searches = (
        (Match.EXACT, (InvoiceRow.invoice_number == wanted,)),
        (Match.PREFIX, _begins_with(InvoiceRow.invoice_number, wanted)),
        (Match.SUFFIX, _begins_with(InvoiceRow.number_reversed, wanted[::-1])),
    )
    for match, conditions in searches:
        query = (
            select(Document)
            .join(Document.invoice)
            .where(*conditions, true() if only is None else only)
            .order_by(InvoiceRow.invoice_number, Document.id)
            .limit(limit)
        )
        for document in session.scalars(query):
            found.setdefault(document.id, (match, document))
        if len(found) >= limit:
            break
    return list(found.values())[:limit]

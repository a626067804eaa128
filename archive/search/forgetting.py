"""Names that no invoice bears any more leave the index: what was disposed of is not to be found
by its seller either."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from archive.search.tables import SearchGram, SearchInvoice, SearchLine, SearchName

_POINTING = (
    *(SearchInvoice.seller_id, SearchInvoice.buyer_id, SearchInvoice.kind_id),
    *(SearchInvoice.campus_id, SearchLine.name_id),
)


def names_of(session: Session, document_ids: Sequence[str]) -> set[int]:
    """Ids of all names that the entries of these documents point at."""
    entries = SearchInvoice.document_id.in_(document_ids)
    lines = (
        select(SearchLine.name_id)
        .join(SearchInvoice, SearchInvoice.id == SearchLine.invoice_id)
        .where(entries)
    )
    found = set(session.scalars(lines))
    for column in _POINTING[:-1]:
        found.update(each for each in session.scalars(select(column).where(entries)) if each)
    return found


def forget_names(session: Session, ids: Iterable[int]) -> None:
    """Delete those that nothing points at any more."""
    for name_id in ids:
        if any(session.scalar(select(c).where(c == name_id).limit(1)) for c in _POINTING):
            continue
        session.execute(delete(SearchGram).where(SearchGram.name_id == name_id))
        session.execute(delete(SearchName).where(SearchName.id == name_id))

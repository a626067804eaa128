"""Taking a voucher's rows out of the database, with everything that points at them: what is left
says that there was a voucher, and by which list it went.

Which rows point where is asked of the tables' references, so that a new table is not forgotten.
Guarded rows and invoices go by way of mapped rows, which the audit trail and the search index
follow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Column, Table, delete, select
from sqlalchemy.orm import Session

from archive.records import (
    BagRow,
    Base,
    Document,
    EvidenceRow,
    InvoiceRow,
    PortalCheck,
    VerificationRow,
)
from archive.search.forgetting import forget_names, names_of
from archive.tables import MODULES

_AT_ONCE = 500
#: What points at a voucher and stays: who handed in when, holds, claims of people, lists.
_STAYS = frozenset({"batches", "claims", "legal_holds", "documents"})


def files_of(session: Session, document_ids: Sequence[str]) -> set[str]:
    """Digests of originals, proofs and drawn pages of these documents."""
    assert MODULES  # noqa: S101 - named, so that importing them is seen to be what makes them known
    pages = Base.metadata.tables["page_pictures"]
    found: set[str] = set()
    for ids in _chunks(document_ids):
        proofs = select(EvidenceRow.sha256).join(
            VerificationRow, VerificationRow.id == EvidenceRow.verification_id
        )
        found.update(session.scalars(select(Document.sha256).where(Document.id.in_(ids))))
        found.update(session.scalars(proofs.where(VerificationRow.document_id.in_(ids))))
        found.update(session.scalars(select(pages.c.sha256).where(pages.c.document_id.in_(ids))))
    return found


def is_wanted(session: Session, sha256: str) -> bool:
    """Whether any row still names the file."""
    pages = Base.metadata.tables["page_pictures"]
    columns = (Document.sha256, EvidenceRow.sha256, pages.c.sha256)
    return any(session.scalar(select(c).where(c == sha256).limit(1)) for c in columns)


def erase_voucher(session: Session, voucher_no: str, document_ids: Sequence[str]) -> None:
    """Delete the documents and bags of a voucher, what the accounting system said of it, and all
    that points at them; the voucher's number stays, and will not be used again."""
    names = {name for ids in _chunks(document_ids) for name in names_of(session, ids)}
    for ids in _chunks(document_ids):
        session.execute(delete(PortalCheck).where(PortalCheck.document_id.in_(ids)))
        _erase(session, Document.__table__, ids)
    bags = list(session.scalars(select(BagRow.id).where(BagRow.voucher_no == voucher_no)))
    for ids in _chunks(bags):
        _erase(session, BagRow.__table__, ids)
    vouchers = Base.metadata.tables["vouchers"]
    for column in _pointing_at(vouchers):
        if column.table.name not in _STAYS:
            _erase_where(session, column, [voucher_no])
    session.flush()
    forget_names(session, names)


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]


def _pointing_at(table: Table) -> list[Column[Any]]:
    return [
        key.parent
        for other in Base.metadata.sorted_tables
        for key in other.foreign_keys
        if key.column.table is table and other is not table
    ]


def _erase(session: Session, table: Any, ids: Sequence[Any]) -> None:
    """Rows of a table with one key, by their keys; first what points at them."""
    [key] = table.primary_key.columns
    for column in _pointing_at(table):
        _erase_where(session, column, ids)
    _delete(session, table, key, ids)


def _erase_where(session: Session, column: Column[Any], values: Sequence[Any]) -> None:
    """Rows whose column has one of these values; first what points at them."""
    table = column.table
    if _pointing_at(table):
        [key] = table.primary_key.columns
        found = list(session.scalars(select(key).where(column.in_(values))))
        for ids in _chunks(found):
            _erase(session, table, ids)
        return
    _delete(session, table, column, values)


def _delete(session: Session, table: Any, column: Any, values: Sequence[Any]) -> None:
    mapped = next(each.class_ for each in Base.registry.mappers if each.local_table is table)
    if mapped.__proven__ or mapped is InvoiceRow:
        for row in session.scalars(select(mapped).where(column.in_(values))).unique():
            session.delete(row)
        session.flush()
        return
    statement = delete(table).where(column.in_(values))
    session.execute(statement.execution_options(synchronize_session=False))

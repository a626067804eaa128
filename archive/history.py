"""What the archive knows around one invoice, for the rules that look beyond it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from archive.records import Document, InvoiceRow, State
from extractors.model import SHOP_NUMBERED, Invoice
from verifiers.model import Reason
from verifiers.rules.case import History, Neighbour

#: A seller may have issued thousands; the rules count a handful of days and numbers.
_MOST = 500


def history_of(session: Session, document_id: str, invoice: Invoice, days: int) -> History:
    """Others of the same seller within `days` of the issue date, and others of the same number,
    at most `_MOST` of each, the nearest in time first. What a person rejected, and what already
    stands as a duplicate, counts in neither."""
    return History(
        same_seller=tuple(_same_seller(session, document_id, invoice, days)),
        same_number=tuple(_same_number(session, document_id, invoice)),
    )


def _same_seller(
    session: Session, document_id: str, invoice: Invoice, days: int
) -> Iterable[Neighbour]:
    if invoice.seller_name is None or invoice.issue_date is None:
        return ()
    issued, reach = invoice.issue_date.value, dt.timedelta(days=days)
    return _neighbours(
        session,
        document_id,
        InvoiceRow.seller_name == invoice.seller_name.value,
        InvoiceRow.issue_date.between(issued - reach, issued + reach),
    )


def _same_number(session: Session, document_id: str, invoice: Invoice) -> Iterable[Neighbour]:
    """Shops and banks number from 1 each: their numbers tell nothing."""
    if invoice.invoice_number is None or invoice.kind in SHOP_NUMBERED:
        return ()
    return _neighbours(
        session,
        document_id,
        InvoiceRow.invoice_number == invoice.invoice_number.value,
        InvoiceRow.kind.not_in([kind.value for kind in SHOP_NUMBERED]),
    )


def _neighbours(
    session: Session, document_id: str, *conditions: ColumnElement[bool]
) -> Iterable[Neighbour]:
    query = (
        select(InvoiceRow)
        .join(InvoiceRow.document)
        .where(
            *conditions,
            InvoiceRow.document_id != document_id,
            Document.state != State.REJECTED,
            Document.reason.is_distinct_from(Reason.DUPLICATE.value),
        )
        .order_by(InvoiceRow.document_id.desc())
        .limit(_MOST)
    )
    return [_neighbour(row, document_id) for row in session.scalars(query).unique()]


def _neighbour(row: InvoiceRow, document_id: str) -> Neighbour:
    return Neighbour(
        document_id=row.document_id,
        invoice_code=row.invoice_code or "",
        invoice_number=row.invoice_number or "",
        issue_date=row.issue_date,
        total_with_tax=row.total_with_tax,
        earlier=row.document_id < document_id,
    )

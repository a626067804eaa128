"""What the accounting system is told of each invoice: checked, booked, in which voucher.

The marks are those that the 电子凭证会计数据标准 has a receiver of 数电票 record, as Y or N:
checked by the tax authority, booked in a posted voucher.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from archive.accounting import VoucherFacts
from archive.records import BagRow, Document, State, VerificationRow

#: Columns of the results in their order, by their stable names.
COLUMNS = (
    *("InvoiceCode", "InvoiceNumber", "IssueDate", "SellerName", "BuyerName"),
    *("TotalTax-includedAmount", "WhetherEinvoiceHasBeenChecked", "CheckResult", "CheckTime"),
    *("WhetherEinvoiceHasBeenBooked", "VoucherNo", "FiscalYear", "Period", "VoucherWord"),
    *("VoucherNumber", "VoucherDate", "PostingDate", "State", "BagVersion", "BagDigest"),
)
_TOLD = tuple(state for state in State if state not in (State.RECEIVED, State.FAILED))


def results(session: Session, since: dt.datetime | None = None) -> Iterator[dict[str, str]]:
    """One row an invoice, in the order they came in; with `since`, those of which, or of whose
    voucher, anything changed from then on."""
    query = (
        select(Document, VoucherFacts)
        .outerjoin(VoucherFacts, VoucherFacts.voucher_no == Document.voucher_no)
        .where(Document.state.in_(_TOLD))
        .order_by(Document.id)
    )
    if since is not None:
        query = query.where(or_(Document.updated_at >= since, VoucherFacts.updated_at >= since))
    for document, facts in session.execute(query.execution_options(yield_per=500)):
        if document.invoice is not None:
            yield _row(session, document, facts)


def results_of(session: Session, document: Document) -> dict[str, str] | None:
    """The row of one document; None where nothing was read of it yet."""
    if document.invoice is None or document.state not in _TOLD:
        return None
    return _row(session, document, session.get(VoucherFacts, document.voucher_no))


def _row(session: Session, document: Document, facts: VoucherFacts | None) -> dict[str, str]:
    row = document.invoice
    assert row is not None  # noqa: S101 - `results` looked
    checked = _last_check(session, document)
    bag = _newest_bag(session, document) if document.state == State.ARCHIVED else None
    said: dict[str, Any] = {
        "InvoiceCode": row.invoice_code,
        "InvoiceNumber": row.invoice_number,
        "IssueDate": row.issue_date,
        "SellerName": row.seller_name,
        "BuyerName": row.buyer_name,
        "TotalTax-includedAmount": _amount(row.total_with_tax),
        "WhetherEinvoiceHasBeenChecked": _yes(checked is not None),
        "CheckResult": document.verdict,
        "CheckTime": checked.portal_time if checked else None,
        "WhetherEinvoiceHasBeenBooked": _yes(is_booked(document, facts)),
        "VoucherNo": document.voucher_no,
        "State": document.state,
        "BagVersion": bag.version if bag else None,
        "BagDigest": bag.digest if bag else None,
    }
    if facts is not None:
        said |= {
            "FiscalYear": facts.fiscal_year,
            "Period": facts.period,
            "VoucherWord": facts.word,
            "VoucherNumber": facts.number,
            "VoucherDate": facts.voucher_date,
            "PostingDate": facts.posting_date,
        }
    return {name: "" if said.get(name) is None else str(said[name]) for name in COLUMNS}


def _amount(value: object) -> str | None:
    return None if value is None else f"{value:.2f}"


def _yes(value: bool) -> str:
    return "Y" if value else "N"


def is_booked(document: Document, facts: VoucherFacts | None) -> bool:
    """Whether a posted voucher of the accounting system holds the invoice as one of its own."""
    if facts is None or document.state not in (State.PASSED, State.ARCHIVED):
        return False
    return facts.posting_date is not None or bool(facts.poster)


def _last_check(session: Session, document: Document) -> VerificationRow | None:
    """The newest attempt at which the tax authority gave an answer of its own."""
    query = (
        select(VerificationRow)
        .where(
            VerificationRow.document_id == document.id,
            VerificationRow.verdict.in_(("confirmed", "contradicted")),
        )
        .order_by(VerificationRow.id.desc())
        .limit(1)
    )
    return session.scalars(query).first()


def _newest_bag(session: Session, document: Document) -> BagRow | None:
    query = select(BagRow).where(BagRow.voucher_no == document.voucher_no)
    return session.scalars(query.order_by(BagRow.version.desc()).limit(1)).first()

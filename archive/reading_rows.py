"""What was read of a document as its row, so that everybody who writes one writes the same."""

from __future__ import annotations

from typing import Any

from archive.records import InvoiceRow
from extractors.model import Invoice


def invoice_row(document_id: str, invoice: Invoice) -> InvoiceRow:
    """A new row, not yet in any session."""
    return InvoiceRow(
        document_id=document_id, data=invoice.model_dump(mode="json"), **columns_of(invoice)
    )


def columns_of(invoice: Invoice) -> dict[str, Any]:
    """The columns that repeat values of `data`, for the database to look for."""
    number = invoice.invoice_number.value if invoice.invoice_number else None
    return {
        "kind": invoice.kind,
        "invoice_code": invoice.invoice_code.value if invoice.invoice_code else None,
        "invoice_number": number,
        "number_reversed": number[::-1] if number else None,
        "issue_date": invoice.issue_date.value if invoice.issue_date else None,
        "seller_name": invoice.seller_name.value if invoice.seller_name else None,
        "buyer_name": invoice.buyer_name.value if invoice.buyer_name else None,
        "total_with_tax": invoice.total_with_tax.value if invoice.total_with_tax else None,
    }

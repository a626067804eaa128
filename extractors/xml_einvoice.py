"""数电票 XML (`EInvoice`): the tax platform's own structured original.

Element names are those of the platform's files (税务数字账户 download); parts may be missing,
and wrappers around `EInvoice` occur.
"""

from __future__ import annotations

from extractors.build import LINE_CELLS, invoice_from_texts, line_from_texts
from extractors.model import Invoice, Kind, Line, Source
from extractors.notes import notes_of
from extractors.safe_xml import Element, every, first, local, text_of

#: Our field: the elements that state it, best first.
_FIELDS: dict[str, tuple[str, ...]] = {
    "invoice_number": ("InvoiceNumber", "EIid"),
    "issue_date": ("IssueTime", "RequestTime"),
    "buyer_name": ("BuyerName",),
    "buyer_tax_id": ("BuyerIdNum",),
    "seller_name": ("SellerName",),
    "seller_tax_id": ("SellerIdNum",),
    "total_without_tax": ("TotalAmWithoutTax",),
    "total_tax": ("TotalTaxAm",),
    "total_with_tax": ("TotalTax-includedAmount",),
    "amount_in_words": ("TotalTax-includedAmountInChinese",),
    "remarks": ("Remark",),
    "issuer": ("Drawer",),
}
_EXTRA = {
    "buyer_address": "BuyerAddr",
    "buyer_bank": "BuyerBankName",
    "seller_address": "SellerAddr",
    "seller_bank": "SellerBankName",
}
#: `GeneralOrSpecialVAT/LabelCode`.
_KIND_BY_LABEL = {"01": Kind.DIGITAL_SPECIAL, "02": Kind.DIGITAL_NORMAL}


def is_einvoice(root: Element) -> bool:
    """Whether this document is, or wraps, a 数电票 `EInvoice`."""
    return first(root, "EInvoice") is not None


def read_einvoice(root: Element) -> Invoice:
    """The invoice of an `EInvoice` document, source XML; empty where the document is silent."""
    invoice = first(root, "EInvoice")
    element = root if invoice is None else invoice
    texts = {name: _first_text(element, names) for name, names in _FIELDS.items()}
    lines = [
        line for item in every(element, "IssuItemInformation") if (line := _line(item)) is not None
    ]
    extra = {name: text_of(first(element, tag)) for name, tag in _EXTRA.items()}
    extra |= {name: value for name, (value, _) in notes_of(texts["remarks"] or "").items()}
    return invoice_from_texts(
        texts, Source.XML, kind=_kind(element), lines=_without_padding(lines), extra=extra
    )


def _first_text(element: Element, names: tuple[str, ...]) -> str | None:
    for name in names:
        for found in every(element, name):
            if (text := text_of(found)) is not None:
                return text
    return None


def _kind(element: Element) -> Kind:
    label = first(element, "GeneralOrSpecialVAT")
    if label is None:
        return Kind.UNKNOWN
    name = _first_text(label, ("LabelName",)) or ""
    if "专用" in name:
        return Kind.DIGITAL_SPECIAL
    if "普通" in name:
        return Kind.DIGITAL_NORMAL
    code = (_first_text(label, ("LabelCode",)) or "").zfill(2)
    return _KIND_BY_LABEL.get(code, Kind.UNKNOWN)


def _line(item: Element) -> Line | None:
    cells = {local(cell): text_of(cell) for cell in item}
    return line_from_texts({name: cells.get(tag) for name, tag in LINE_CELLS.items()})


def _without_padding(lines: list[Line]) -> list[Line]:
    """Quantities and prices of 0 stand for "not stated" in these files; a line keeps its sums."""
    return [
        line.model_copy(update={"quantity": line.quantity or None, "price": line.price or None})
        for line in lines
    ]

"""`eInvoice` of namespace `http://www.edrm.org.cn/schema/e-invoice/2019`: the structured
original inside old electronic invoices (OFD), and the vocabulary of OFD custom tags.

One vocabulary, two carriers: an attachment holds the values themselves, a tag file holds
references to text objects. A function that resolves an element to its text covers both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from extractors.build import invoice_from_texts, line_from_texts
from extractors.kinds import kind_from_code
from extractors.model import Box, Invoice, Kind, Line, Source
from extractors.safe_xml import Element, first, local, text_of

#: An element's text, or None.
Resolve = Callable[[Element], str | None]
#: Where an element's text stands on the page, or None.
Locate = Callable[[Element], Box | None]

#: Our field: the elements that state it. 数电票 tag files use names of either schema.
FIELDS: dict[str, tuple[str, ...]] = {
    "invoice_code": ("InvoiceCode",),
    "invoice_number": ("InvoiceNo", "InvoiceNumber"),
    "issue_date": ("IssueDate", "IssueTime"),
    "check_code": ("InvoiceCheckCode",),
    "machine_number": ("MachineNo",),
    "buyer_name": ("BuyerName",),
    "buyer_tax_id": ("BuyerTaxID", "BuyerIdNum"),
    "seller_name": ("SellerName",),
    "seller_tax_id": ("SellerTaxID", "SellerIdNum"),
    "total_without_tax": ("TaxExclusiveTotalAmount", "TotalAmWithoutTax"),
    "total_tax": ("TaxTotalAmount", "TotalTaxAm"),
    "total_with_tax": ("TaxInclusiveTotalAmount", "TotalTax-includedAmount"),
    "remarks": ("Note", "Remark"),
    "issuer": ("InvoiceClerk", "Drawer"),
}
_CELLS: dict[str, tuple[str, ...]] = {
    "name": ("Item", "ItemName"),
    "spec": ("Specification", "SpecMod"),
    "unit": ("MeasurementDimension", "MeaUnits"),
    "quantity": ("Quantity",),
    "price": ("Price", "UnPrice"),
    "amount": ("Amount",),
    "rate": ("TaxScheme", "TaxRate"),
    "tax": ("TaxAmount", "ComTaxAm"),
}
_LINES = ("GoodsInfo", "IssuItemInformation")
_EXTRA = {"payee": "Payee", "reviewer": "Checker"}


def is_edrm(root: Element) -> bool:
    """Whether the document speaks this vocabulary (`eInvoice`, also wrapped)."""
    return first(root, "eInvoice") is not None


def read_edrm(
    root: Element,
    source: Source,
    *,
    resolve: Resolve = text_of,
    locate: Locate = lambda _: None,
) -> Invoice:
    """The invoice that `root` states, each text through `resolve` and its box through `locate`."""
    named = _by_name(root)
    found = {name: _first_with_text(named, tags, resolve) for name, tags in FIELDS.items()}
    texts = {name: resolve(element) for name, element in found.items() if element is not None}
    boxes = {
        name: box
        for name, element in found.items()
        if element is not None and (box := locate(element)) is not None
    }
    lines = [
        line
        for tag in _LINES
        for item in named.get(tag, ())
        if (line := _line(item, resolve)) is not None
    ]
    extra = {
        name: resolve(element)
        for name, tag in _EXTRA.items()
        if (element := next(iter(named.get(tag, ())), None)) is not None
    }
    return invoice_from_texts(
        texts, source, kind=_kind(texts.get("invoice_code")), lines=lines, boxes=boxes, extra=extra
    )


def graph_code(root: Element) -> str | None:
    """The QR text that the document repeats (`GraphCode`); a picture in base64 is not one."""
    text = text_of(first(root, "GraphCode"))
    return text if text and text.startswith("01,") else None


def _kind(code: str | None) -> Kind:
    return kind_from_code("".join(code.split())) if code else Kind.UNKNOWN


def _by_name(root: Element) -> dict[str, list[Element]]:
    """All elements by their local names, in the order of the document; one walk for all fields."""
    named: dict[str, list[Element]] = {}
    for element in root.iter("{*}*"):
        named.setdefault(local(element), []).append(element)
    return named


def _first_with_text(
    named: Mapping[str, list[Element]], tags: tuple[str, ...], resolve: Resolve
) -> Element | None:
    for tag in tags:
        for element in named.get(tag, ()):
            if resolve(element) is not None:
                return element
    return None


def _line(item: Element, resolve: Resolve) -> Line | None:
    cells = {local(cell): resolve(cell) for cell in item}
    return line_from_texts(
        {
            name: next((cells[tag] for tag in tags if cells.get(tag)), None)
            for name, tags in _CELLS.items()
        }
    )

"""XBRL instances of 电子凭证会计数据标准 (财会〔2025〕9号): rail, air, 数电票 and old e-invoices.

Prefixes (`rai atr einv inv`) are bound to namespaces whose year differs from file to file, so
only the last part of the namespace and the local names count. Element names of rail tickets
are those of files in use; those of the other taxonomies follow 数电票 XML, which their taxonomy
copies, and a few spellings seen in public readers of such files.
"""

from __future__ import annotations

from lxml import etree

from extractors.build import LINE_CELLS, invoice_from_texts, line_from_texts
from extractors.kinds import kind_from_name
from extractors.model import Invoice, Kind, Line, Source
from extractors.safe_xml import Element, every, first, local, text_of

_FIELDS: dict[str, tuple[str, ...]] = {
    "invoice_code": ("InvoiceCode", "CodeOfInvoice"),
    "invoice_number": (
        "ElectronicInvoiceRailwayETicketNumber",
        "ElectronicInvoiceAirTransportETicketItineraryNumber",
        "EInvoiceNumber",
        "InvoiceNumber",
        "NumberOfInvoice",
        "EIid",
    ),
    "issue_date": ("DateOfIssue", "IssueTime", "IssueDate", "InvoiceDate", "RequestTime"),
    "check_code": ("InvoiceCheckCode", "CheckCode"),
    "buyer_name": ("NameOfPurchaser", "BuyerName"),
    "buyer_tax_id": (
        "UnifiedSocialCreditCodeOfPurchaser",
        "UnifiedSocialCreditCodeOrTaxpayerIdentificationNumberOfPurchaser",
        "BuyerIdNum",
    ),
    "seller_name": ("NameOfSeller", "SellerName", "IssueParty"),
    "seller_tax_id": ("UnifiedSocialCreditCodeOfSeller", "SellerIdNum"),
    "total_without_tax": ("TotalAmountExcludingTax", "TotalAmWithoutTax"),
    "total_tax": ("TotalTaxAm", "TotalTaxAmount"),
    "total_with_tax": ("TotalTax-includedAmount", "TotalAmountIncludingTax"),
    "amount_in_words": ("TotalTax-includedAmountInChinese",),
    "remarks": ("Remarks", "Remark"),
    "issuer": ("Drawer",),
}
#: What a rail ticket calls the total is its fare; for air the fare is only one part of it.
_TOTAL_BY_FAMILY = {"rai": ("Fare",), "atr": ("TotalAmount", "Total")}
#: Tickets have one tax amount; in the other taxonomies this name belongs to a line.
_TAX_BY_FAMILY = {"rai": ("TaxAmount",), "atr": ("TaxAmount",)}
_EXTRA = {
    "train": ("TrainNumber",),
    "from": ("DepartureStation",),
    "to": ("DestinationStation",),
    "travel_date": ("TravelDate",),
    "seat": ("SeatNumber", "Seat"),
    "seat_class": ("SeatCategory", "SeatClass"),
    "passenger": ("Name", "NameOfPassenger"),
}
_KIND_BY_FAMILY = {"rai": Kind.DIGITAL_RAIL, "atr": Kind.DIGITAL_AIR}
_FAMILIES = ("rai", "atr", "einv", "inv", "bker", "bkrs")


def is_xbrl(root: Element) -> bool:
    """Whether the document is an XBRL instance of a voucher taxonomy."""
    return local(root) == "xbrl" or _family(root) != ""


def read_xbrl(root: Element) -> Invoice:
    """The voucher of an XBRL instance, source XBRL; empty where the instance is silent."""
    family = _family(root)
    names = dict(_FIELDS)
    names["total_with_tax"] = (*_TOTAL_BY_FAMILY.get(family, ()), *names["total_with_tax"])
    names["total_tax"] = (*_TAX_BY_FAMILY.get(family, ()), *names["total_tax"])
    texts = {name: _first_text(root, tags) for name, tags in names.items()}
    extra = {name: _first_text(root, tags) for name, tags in _EXTRA.items()}
    kind = _KIND_BY_FAMILY.get(family) or kind_from_name(
        _first_text(root, ("TypeOfVoucher", "InvoiceType")) or ""
    )
    return invoice_from_texts(texts, Source.XBRL, kind=kind, lines=_lines(root), extra=extra)


def _family(root: Element) -> str:
    for element in root.iter():
        namespace = str(etree.QName(element).namespace or "")
        last = namespace.rstrip("/").rpartition("/")[2]
        if last in _FAMILIES:
            return last
    return ""


def _first_text(root: Element, tags: tuple[str, ...]) -> str | None:
    for tag in tags:
        text = text_of(first(root, tag))
        if text is not None:
            return text
    return None


def _lines(root: Element) -> list[Line]:
    parents = [
        parent
        for name in every(root, "ItemName")
        if (parent := name.getparent()) is not None and parent is not root
    ]
    found = []
    for parent in parents:
        cells = {local(cell): text_of(cell) for cell in parent}
        line = line_from_texts({name: cells.get(tag) for name, tag in LINE_CELLS.items()})
        if line is not None:
            found.append(line)
    return found

"""XBRL instances of 电子凭证会计数据标准 (财会〔2025〕9号): rail, air, 数电票 and old e-invoices.

Prefixes (`rai atr einv inv`) are bound to namespaces whose year differs from file to file, so
only the last part of the namespace and the local names count. Element names of rail tickets
are those of files in use; those of the other taxonomies follow 数电票 XML, which their taxonomy
copies, and a few spellings seen in public readers of such files.
"""

from __future__ import annotations

import re

from lxml import etree

from extractors import values
from extractors.build import LINE_CELLS, invoice_from_texts, line_from_texts
from extractors.kinds import kind_from_name
from extractors.model import Invoice, Kind, Line, Source
from extractors.safe_xml import Element, every, first, local, text_of

_FIELDS: dict[str, tuple[str, ...]] = {
    "invoice_code": ("InvoiceCode", "CodeOfInvoice"),
    "invoice_number": (
        "ElectronicInvoiceRailwayETicketNumber",
        "ElectronicInvoiceAirTransportReceiptNumber",
        "ElectronicInvoiceAirTransportETicketItineraryNumber",
        "EInvoiceNumber",
        "InvoiceNumber",
        "NumberOfInvoice",
        "EIid",
    ),
    "issue_date": ("DateOfIssue", "IssueTime", "IssueDate", "InvoiceDate", "RequestTime"),
    "check_code": ("InvoiceCheckCode", "CheckCode", "VerificationCode"),
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
_TAX_BY_FAMILY = {"rai": ("TaxAmount",), "atr": ("VatTaxAmount", "TaxAmount")}
#: Elements of a journey; where a face would print units or labels, `_TIDIED` takes them off.
_RAIL = {
    "train": ("TrainNumber",),
    "from": ("DepartureStation",),
    "to": ("DestinationStation",),
    "carriage": ("Carriage",),
    "seat": ("Seat", "SeatNumber"),
    "seat_class": ("SeatLevel", "SeatCategory", "SeatClass"),
    "fare": ("Fare",),
    "passenger": ("Name", "NameOfPassenger"),
    "passenger_id": ("IdNumber",),
    "eticket_number": ("ETicketNumber", "ElectronicTicketNum"),
    "business": ("TypeOfBusiness",),
    "original_number": ("NumberOfOriginalInvoice",),
}
_AIR = {
    "fare": ("Fare",),
    "fuel": ("FuelSurcharge",),
    "fund": ("CivilAviationDevelopmentFund",),
    "other_taxes": ("OtherTaxes",),
    "insurance": ("Insurance",),
    "passenger": ("PassengerName", "NameOfPassenger"),
    "passenger_id": ("ValidIdNumber",),
    "eticket_number": ("ETicketNumber", "ElectronicTicketNum"),
}
_LEG = {
    "from": ("DepartureStation",),
    "to": ("DestinationStation",),
    "flight": ("Flight",),
    "seat_class": ("Class", "SeatClass"),
}
_TIDIED = {
    "from": r"(?<=.)站$|(?:T\d)?\s*[A-Z]{3}$",
    "to": r"(?<=.)站$|(?:T\d)?\s*[A-Z]{3}$",
    "carriage": r"车厢?$",
    "seat": r"号$",
    "eticket_number": r"[-\s]",
}
_SUMS = frozenset({"fare", "fuel", "fund", "other_taxes", "insurance"})
#: TypeOfBusiness is one character; what faces print for the same is longer.
_BUSINESS = {"售": "售", "退": "退", "改": "改签", "改签": "改签", "补": "补"}
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
    extra = _journey(root, family)
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


def _journey(root: Element, family: str) -> dict[str, str | None]:
    """The kind-specific values of a ticket, in the shapes that faces give them."""
    if family == "atr":
        extra = {name: _first_text(root, tags) for name, tags in _AIR.items()}
        extra.update(_legs(root))
    elif family == "rai":
        extra = {name: _first_text(root, tags) for name, tags in _RAIL.items()}
        extra["departure"] = _departure(root, "TravelDate")
        extra["business"] = _BUSINESS.get(extra["business"] or "", extra["business"])
    else:
        return {}
    return {name: _tidied(name, text) for name, text in extra.items() if text}


def _legs(root: Element) -> dict[str, str | None]:
    """One value a leg, joined by "; "; a leg without one leaves all out."""
    legs = every(root, "DetailInformationOfAirTicketTuple")
    columns = {
        name: [_tidied(name, _first_text(leg, tags) or "") or "" for leg in legs]
        for name, tags in _LEG.items()
    }
    columns["departure"] = [_departure(leg, "CarrierDate") or "" for leg in legs]
    return {name: "; ".join(texts) for name, texts in columns.items() if texts and all(texts)}


def _departure(element: Element, day_tag: str) -> str | None:
    """Day and time as YYYY-MM-DD HH:MM; None unless both are stated."""
    day = values.parse_date(_first_text(element, (day_tag,)) or "")
    clock = re.fullmatch(
        r"(\d{1,2}):?(\d{2})(?::\d{2})?开?", _first_text(element, ("DepartureTime",)) or ""
    )
    if day is None or clock is None or int(clock[1]) > 23 or int(clock[2]) > 59:
        return None
    return f"{day} {clock[1]:0>2}:{clock[2]}"


def _tidied(name: str, text: str) -> str | None:
    if name in _SUMS:
        amount = values.parse_money(text)
        return None if amount is None else f"{amount:.2f}"
    if name in _TIDIED:
        return re.sub(_TIDIED[name], "", text.strip())
    return text


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

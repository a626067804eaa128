"""Codes, numbers and tax ids: their structure, and the region and kind that they name."""

from __future__ import annotations

import re

from stdnum.cn import uscc

from extractors.model import Finding, Invoice, Kind
from extractors.regions import digital_regions, region_of
from verifiers.keys import kind_from_code
from verifiers.rules.case import Case, Findings, block, info, warn

_DIGITAL = frozenset(
    {Kind.DIGITAL_SPECIAL, Kind.DIGITAL_NORMAL, Kind.DIGITAL_RAIL, Kind.DIGITAL_AIR}
)
#: Kinds numbered by the tax control system: a 发票代码 and 8 digits.
_CODED = frozenset(
    {
        Kind.VAT_SPECIAL,
        Kind.VAT_NORMAL,
        Kind.VAT_ELECTRONIC_SPECIAL,
        Kind.VAT_ELECTRONIC_NORMAL,
        Kind.VAT_ROLL,
        Kind.VAT_TOLL,
        Kind.DIGITAL_PAPER_SPECIAL,
        Kind.DIGITAL_PAPER_NORMAL,
        Kind.VEHICLE,
        Kind.USED_VEHICLE,
        Kind.BLOCKCHAIN,
        Kind.TAXI,
        Kind.QUOTA,
        Kind.MACHINE_PRINTED,
    }
)
#: Those whose code begins with the region of the tax office that gave it out.
_REGIONAL = _CODED - {Kind.TAXI, Kind.QUOTA, Kind.MACHINE_PRINTED}
#: The new platform's paper carries the old kinds' codes.
_PAPER_OF = {
    Kind.DIGITAL_PAPER_SPECIAL: Kind.VAT_SPECIAL,
    Kind.DIGITAL_PAPER_NORMAL: Kind.VAT_NORMAL,
}
#: 数电票 began with pilots in December 2021.
_FIRST_DIGITAL_YEAR = 21
#: Registered with the national office: such an id says nothing of where the seller sits.
_NATIONAL = "10"


def number(case: Case) -> Findings:
    """20 digits for a 数电票 (年度 2, 省 2, 渠道 1, 顺序 15), 8 digits for the kinds of the tax
    control system; tickets, receipts and unknown kinds are not judged."""
    kind, value = case.invoice.kind, case.number
    if case.invoice.invoice_number is None or kind not in _CODED | _DIGITAL:
        return ()
    # 机动车 and 二手车 invoices have been issued both ways since 2024.
    either = kind in (Kind.VEHICLE, Kind.USED_VEHICLE)
    lengths = (8, 20) if either else (20,) if kind in _DIGITAL else (8,)
    if not value.isascii() or not value.isdigit() or len(value) not in lengths:
        return (block("number_malformed", "invoice_number", number=value),)
    if len(value) == 20 and not _digital_head_is_known(value):
        return (warn("number_head_unknown", "invoice_number", number=value),)
    return ()


def code(case: Case) -> Findings:
    """A 发票代码 has 10 or 12 digits, and where it names a kind, names the face's kind
    (税总发票代码编制规则). Codes of bills that the tax office does not number are not judged."""
    kind, value = case.invoice.kind, case.code
    if kind not in _CODED | _DIGITAL | {Kind.UNKNOWN} or not value:
        return ()
    if not re.fullmatch(r"[0-9]{10}|[0-9]{12}", value):
        return (block("code_malformed", "invoice_code", value=value),)
    told = kind_from_code(value)
    face = _PAPER_OF.get(kind, kind)
    if told is None or face in (told, Kind.UNKNOWN):
        return ()
    params = {"value": value, "told": told.value, "face": kind.value}
    return (warn("code_kind_differs", "invoice_code", **params),)


def region(case: Case) -> Findings:
    """A 发票代码 names a region that exists (GB/T 2260), and usually the seller's own: its tax id
    carries the region of its registration in the third and fourth place. INFO only: firms move,
    and branches register elsewhere."""
    if case.invoice.kind not in _REGIONAL or not re.fullmatch(r"\d{10}|\d{12}", case.code):
        return ()
    place = region_of(case.code)
    if place is None:
        return (warn("code_region_unknown", "invoice_code", value=case.code),)
    seller = case.invoice.seller_tax_id.value if case.invoice.seller_tax_id else ""
    own = case.code[1:3] if len(case.code) == 12 else case.code[:2]
    if len(seller) != 18 or seller[2:4] in (own, _NATIONAL):
        return ()
    params = {"value": case.code, "region": place, "tax_id": seller}
    return (info("code_region_differs", "invoice_code", **params),)


def tax_ids(case: Case) -> Findings:
    """统一社会信用代码 (GB 32100-2015) of 18 characters: its check character. Older ids of 15
    to 20 characters: alphabet and length only. Never more than WARN: real ids fail it."""
    return tuple(
        finding
        for name in ("buyer_tax_id", "seller_tax_id")
        if (finding := _tax_id(case.invoice, name)) is not None
    )


def _tax_id(invoice: Invoice, name: str) -> Finding | None:
    field = getattr(invoice, name)
    if field is None or not field.value:
        return None
    value = field.value.strip().upper()
    if not re.fullmatch(r"[0-9A-Z]{15,20}", value):
        return warn("tax_id_malformed", name, field=name, value=value)
    if len(value) == 18 and value[0] in "159AN" and not uscc.is_valid(value):
        return warn("tax_id_check_digit", name, field=name, value=value)
    return None


def _digital_head_is_known(value: str) -> bool:
    return int(value[:2]) >= _FIRST_DIGITAL_YEAR and value[2:4] in digital_regions()

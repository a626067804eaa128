"""Offline rules: what an invoice must fulfil whoever is asked. Small pure functions.

A BLOCK finding asks a person to look; it does not accuse, for the reader may have misread.
What the reader has already found (same code and field) is not said twice.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from itertools import starmap

from stdnum.cn import uscc

from extractors.checks import totals_add_up, words_equal_figures
from extractors.model import Finding, Invoice, Kind, Line, Severity, Source
from verifiers.keys import kind_from_code

Findings = tuple[Finding, ...]

#: |amount x rate - tax| of one line; source: the invoicing software's own tolerance.
LINE_TOLERANCE = Decimal("0.06")
#: 增值税 began on 1994-01-01 (增值税暂行条例); no such invoice is older.
FIRST_DAY = dt.date(1994, 1, 1)
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
#: The new platform's paper carries the old kinds' codes.
_PAPER_OF = {
    Kind.DIGITAL_PAPER_SPECIAL: Kind.VAT_SPECIAL,
    Kind.DIGITAL_PAPER_NORMAL: Kind.VAT_NORMAL,
}
_PROVINCES = re.compile(r"1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]")
#: 数电票 began with pilots in December 2021.
_FIRST_DIGITAL_YEAR = 21


def run_rules(invoice: Invoice, today: dt.date) -> Findings:
    """All findings of the offline rules, in the order below. `today` is a date in China."""
    found = [
        *totals_add_up(invoice),
        *words_equal_figures(invoice),
        *lines_add_up(invoice),
        *line_taxes_fit(invoice),
        *date_is_sane(invoice, today),
        *number_is_well_formed(invoice),
        *code_is_well_formed(invoice),
        *tax_ids_check(invoice),
    ]
    said = {(finding.code, finding.field) for finding in invoice.findings}
    return tuple(finding for finding in found if (finding.code, finding.field) not in said)


def lines_add_up(invoice: Invoice) -> Findings:
    """Lines sum to the totals, exact to 0.01, where every line has the figure.

    WARN when the document was only recognised from a picture: a line may have been overlooked.
    """
    if not invoice.lines:
        return ()
    make = _warn if _only_recognised(invoice) else _block
    found: list[Finding] = []
    for name, field in (
        ("total_without_tax", invoice.total_without_tax),
        ("total_tax", invoice.total_tax),
    ):
        figures = [_line_figure(line, name) for line in invoice.lines]
        known = [figure for figure in figures if figure is not None]
        if field is None or len(known) < len(figures):
            continue
        if sum(known, Decimal(0)) != field.value:
            params = {"sum": str(sum(known, Decimal(0))), "total": str(field.value)}
            found.append(make("line_sum_mismatch", name, **params))
    return tuple(found)


def line_taxes_fit(invoice: Invoice) -> Findings:
    """Each line's tax is amount x rate within 0.06; not under 差额征税 (财税〔2016〕36号), where
    the base is a difference that the line does not show."""
    if "差额" in (invoice.remarks.value if invoice.remarks else ""):
        return ()
    return tuple(
        finding
        for finding in starmap(_line_tax, enumerate(invoice.lines, start=1))
        if finding is not None
    )


def date_is_sane(invoice: Invoice, today: dt.date) -> Findings:
    """Not to come, and not before there was value added tax. A 数电票's number opens with
    the year of its issue (20 位: 年度 2 位)."""
    if invoice.issue_date is None:
        return ()
    issued = invoice.issue_date.value
    if issued > today:
        return (_block("date_in_future", "issue_date", date=f"{issued}", today=f"{today}"),)
    if issued < FIRST_DAY:
        return (_block("date_implausible", "issue_date", date=f"{issued}"),)
    number = invoice.invoice_number.value if invoice.invoice_number else ""
    if re.fullmatch(r"\d{20}", number) and number[:2] != f"{issued:%y}":
        return (_warn("number_year_differs", "issue_date", number=number, date=f"{issued}"),)
    return ()


def number_is_well_formed(invoice: Invoice) -> Findings:
    """20 digits for a 数电票 (年度 2, 省 2, 渠道 1, 顺序 15), 8 digits for the kinds of the tax
    control system; tickets, receipts and unknown kinds are not judged."""
    if invoice.invoice_number is None or invoice.kind not in _CODED | _DIGITAL:
        return ()
    number = invoice.invoice_number.value
    digital = invoice.kind in _DIGITAL
    # 机动车 and 二手车 invoices have been issued both ways since 2024.
    either = invoice.kind in (Kind.VEHICLE, Kind.USED_VEHICLE)
    lengths = (8, 20) if either else (20,) if digital else (8,)
    if not number.isascii() or not number.isdigit() or len(number) not in lengths:
        return (_block("number_malformed", "invoice_number", number=number),)
    if len(number) == 20 and not _digital_head_is_known(number):
        return (_warn("number_head_unknown", "invoice_number", number=number),)
    return ()


def code_is_well_formed(invoice: Invoice) -> Findings:
    """A 发票代码 has 10 or 12 digits, and where it names a kind, names the face's kind
    (税总发票代码编制规则). Codes of bills that the tax office does not number are not judged."""
    judged = _CODED | _DIGITAL | {Kind.UNKNOWN}
    if invoice.kind not in judged or not (invoice.invoice_code and invoice.invoice_code.value):
        return ()
    code = invoice.invoice_code.value
    if not re.fullmatch(r"[0-9]{10}|[0-9]{12}", code):
        return (_block("code_malformed", "invoice_code", value=code),)
    told = kind_from_code(code)
    face = _PAPER_OF.get(invoice.kind, invoice.kind)
    if told is None or face in (told, Kind.UNKNOWN):
        return ()
    params = {"value": code, "told": told.value, "face": invoice.kind.value}
    return (_warn("code_kind_differs", "invoice_code", **params),)


def tax_ids_check(invoice: Invoice) -> Findings:
    """统一社会信用代码 (GB 32100-2015) of 18 characters: its check character. Older ids of 15
    to 20 characters: alphabet and length only. Never more than WARN: real ids fail it."""
    found: list[Finding] = []
    for name in ("buyer_tax_id", "seller_tax_id"):
        field = getattr(invoice, name)
        if field is None or not field.value:
            continue
        value = field.value.strip().upper()
        if not re.fullmatch(r"[0-9A-Z]{15,20}", value):
            found.append(_warn("tax_id_malformed", name, field=name, value=value))
        elif len(value) == 18 and value[0] in "159AN" and not uscc.is_valid(value):
            found.append(_warn("tax_id_check_digit", name, field=name, value=value))
    return tuple(found)


def _line_figure(line: Line, total: str) -> Decimal | None:
    return line.amount if total == "total_without_tax" else line.tax


def _line_tax(place: int, line: Line) -> Finding | None:
    if line.amount is None or line.rate is None or line.tax is None:
        return None
    due = line.amount * line.rate
    if abs(due - line.tax) <= LINE_TOLERANCE:
        return None
    return _warn(
        "line_tax_off",
        "lines",
        line=str(place),
        amount=str(line.amount),
        rate=f"{line.rate * 100:f}%",
        tax=str(line.tax),
    )


def _digital_head_is_known(number: str) -> bool:
    known_province = _PROVINCES.fullmatch(number[2:4]) is not None
    return int(number[:2]) >= _FIRST_DIGITAL_YEAR and known_province


def _only_recognised(invoice: Invoice) -> bool:
    return bool(invoice.sources) and set(invoice.sources) <= {Source.OCR, Source.QR}


def _finding(severity: Severity) -> Callable[..., Finding]:
    def make(code: str, about: str, /, **params: str) -> Finding:
        return Finding(code=code, severity=severity, field=about, params=params)

    return make


_warn = _finding(Severity.WARN)
_block = _finding(Severity.BLOCK)

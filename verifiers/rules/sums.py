"""Arithmetic: totals, words, lines and the tax of each line."""

from __future__ import annotations

import datetime as dt
import tomllib
from decimal import Decimal
from functools import cache
from itertools import starmap
from pathlib import Path

from extractors.checks import totals_add_up, words_equal_figures
from extractors.model import Finding, Line
from verifiers.rules.case import Case, Findings, block, warn

#: |amount x rate - tax| of one line; source: the invoicing software's own tolerance.
LINE_TOLERANCE = Decimal("0.06")
_RATES_FILE = Path(__file__).parent.parent / "tables" / "rates.toml"


def totals(case: Case) -> Findings:
    """合计金额 + 合计税额 = 价税合计, exact to 0.01."""
    return totals_add_up(case.invoice)


def words(case: Case) -> Findings:
    """The amount in words names the figures (票据法 第八条)."""
    return words_equal_figures(case.invoice)


def line_sums(case: Case) -> Findings:
    """Lines sum to the totals, exact to 0.01, where every line has the figure.

    WARN when the document was only recognised from a picture: a line may have been overlooked.
    """
    invoice = case.invoice
    if not invoice.lines:
        return ()
    make = warn if case.only_recognised else block
    found: list[Finding] = []
    for name, total in (
        ("total_without_tax", invoice.total_without_tax),
        ("total_tax", invoice.total_tax),
    ):
        figures = [_figure(line, name) for line in invoice.lines]
        known = [figure for figure in figures if figure is not None]
        if total is None or len(known) < len(figures):
            continue
        if sum(known, Decimal(0)) != total.value:
            params = {"sum": str(sum(known, Decimal(0))), "total": str(total.value)}
            found.append(make("line_sum_mismatch", name, **params))
    return tuple(found)


def line_taxes(case: Case) -> Findings:
    """Each line's tax is amount x rate within 0.06; not under 差额征税 (财税〔2016〕36号), where
    the base is a difference that the line does not show."""
    remarks = case.invoice.remarks
    if "差额" in (remarks.value if remarks else ""):
        return ()
    taxes = starmap(_line_tax, enumerate(case.invoice.lines, start=1))
    return tuple(finding for finding in taxes if finding is not None)


def rates(case: Case) -> Findings:
    """Every line's rate was in use on the day of issue. Red invoices repeat the rate of what they
    offset and are not judged."""
    issued, total = case.issued, case.total
    if issued is None or (total is not None and total < 0):
        return ()
    return tuple(
        warn("rate_unknown", "lines", line=str(place), rate=_percent(line.rate), date=f"{issued}")
        for place, line in enumerate(case.invoice.lines, start=1)
        if line.rate is not None and not rate_in_use(line.rate, issued)
    )


def rate_in_use(rate: Decimal, day: dt.date) -> bool:
    """Was `rate` (a fraction: 0.13) a rate or levy rate on that day?"""
    return any(
        known == rate * 100 and (since is None or since <= day) and (until is None or day <= until)
        for known, since, until in _rates()
    )


@cache
def _rates() -> tuple[tuple[Decimal, dt.date | None, dt.date | None], ...]:
    entries = tomllib.loads(_RATES_FILE.read_text(encoding="utf-8"))["rate"]
    return tuple((Decimal(e["percent"]), e.get("since"), e.get("until")) for e in entries)


def _figure(line: Line, total: str) -> Decimal | None:
    return line.amount if total == "total_without_tax" else line.tax


def _line_tax(place: int, line: Line) -> Finding | None:
    if line.amount is None or line.rate is None or line.tax is None:
        return None
    if abs(line.amount * line.rate - line.tax) <= LINE_TOLERANCE:
        return None
    params = {"line": str(place), "amount": str(line.amount), "tax": str(line.tax)}
    return warn("line_tax_off", "lines", rate=_percent(line.rate), **params)


def _percent(rate: Decimal) -> str:
    return f"{(rate * 100).normalize():f}%"

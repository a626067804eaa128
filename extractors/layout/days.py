"""Dates as tills of the world print them: 2026-03-12, 12 Mar 2026, Mar 12, 2026, 12/03/26.

Two numbers up to 12 say nothing of which is the month. The document decides, by another date on
it or by the country it is from; where nothing decides there is no date.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_MONTH = f"({'|'.join(_MONTHS)})[A-Z]*"
_YEAR_FIRST = re.compile(
    r"(?<!\d)(20\d\d)\s?([-/.年])\s?(\d{1,2})\s?[-/.月]\s?(\d{1,2})(?!\d(?!\d?:))"
)
_NUMBERS = re.compile(
    r"(?<![\d/-])(?<!\d[.,])(\d{1,2})\s?([-/.])\s?(\d{1,2})\s?\2\s?(20\d\d|\d\d)"
    r"(?![\d/]|[.,-]\d)"
    r"|(?<![\d.,/-])(\d{1,2})([-/.])(\d{1,2})\6(20\d\d)(?=\d{1,2}:\d\d)"
)
_DAY_NAMED = re.compile(
    rf"(?<!\d)(\d{{1,2}})(?:ST|ND|RD|TH)?[\s/.,-]{{0,2}}{_MONTH}[\s/.,'-]{{0,3}}(20\d\d(?=\d{{1,2}}:\d\d)|20\d\d(?!\d)|\d\d(?!\d|\s?:))"
)
_NAMED_DAY = re.compile(
    rf"\b{_MONTH}[\s.-]{{0,2}}(\d{{1,2}})(?:ST|ND|RD|TH)?[\s,.-]{{1,3}}(20\d\d)"
)
_MISREAD_MONTH = re.compile(r"\b(?:JU1|0CT|N0V|5EP)(?=\b|[A-Z])")
_LETTERS = str.maketrans("105", "LOS")
#: Signs of countries that write the day first, and of the one that writes the month first.
_DAY_FIRST_LAND = re.compile(
    r"\bRM\s?\d|\(RM\)|\bMYR\b|\bSDN\.?\s?BH|S\$|\bSGD\b|\bPTE\.?\s?LTD|£|€|\bGBP\b|\bEUR\b|\bVAT\b|"
    r"\bABN\b|\bAUD\b|HK\$|\bHKD\b|\bGST\s?(?:ID|REG|NO)|\bSST\s?(?:ID|REG|NO)|GMBH|\bS\.?A\.?R\.?L\b|"
    r"\bPLC\b|MALAYSIA|SINGAPORE|\bMWST\b|\bTVA\b|\bIVA\b"
)
_MONTH_FIRST_LAND = re.compile(
    r"\bUSD\b|US\$|\b[A-Z]{2},?\s\d{5}(?:-\d{4})?(?!\d)|(?<!\d)\(\d{3}\)\s?\d{3}-\d{4}|"
    r"(?<![\d-])\d{3}-\d{3}-\d{4}(?!\d)|\bSALES TAX\b"
)
#: Canada writes both ways.
_NEITHER = re.compile(r"\bHST\b|\bCANADA\b|\b[A-Z]\d[A-Z]\s\d[A-Z]\d\b")


class Order(Enum):
    """Which of its numbers the document writes first."""

    DAY_FIRST = "day first"
    MONTH_FIRST = "month first"
    YEAR_FIRST = "year first"


@dataclass(frozen=True)
class Printed:
    """A date in a text: where, and every day that it may mean, by order; None stands for an
    order that does not matter."""

    start: int
    end: int
    days: dict[Order | None, dt.date]

    def day(self, order: Order | None) -> dt.date | None:
        """The one day, given what the document says of its order."""
        if order in self.days:
            return self.days[order]
        meant = set(self.days.values())
        return meant.pop() if len(meant) == 1 else None


def printed_dates(text: str) -> list[Printed]:
    """Every date in a row of print, spaces kept; from left to right."""
    upper = _mended_months(text.upper())
    found = sorted(_found(upper), key=lambda printed: (printed.start, -printed.end))
    apart: list[Printed] = []
    for printed in found:
        if not apart or printed.start >= apart[-1].end:
            apart.append(printed)
    return apart


def _mended_months(upper: str) -> str:
    """Months whose letters were read as digits (JU1 28), each as long as before."""
    return _MISREAD_MONTH.sub(lambda match: match[0].translate(_LETTERS), upper)


def order_of(text: str) -> Order | None:
    """What a document says of the order of its dates; None where nothing or both."""
    upper = text.upper()
    orders = {
        next(iter(printed.days))
        for row in upper.splitlines()
        for printed in printed_dates(row)
        if len(printed.days) == 1 and None not in printed.days
    }
    if len(orders) == 1:
        return orders.pop()
    if orders or _NEITHER.search(upper):
        return None
    day, month = _DAY_FIRST_LAND.search(upper), _MONTH_FIRST_LAND.search(upper)
    if bool(day) == bool(month):
        return None
    return Order.DAY_FIRST if day else Order.MONTH_FIRST


def _found(text: str) -> Iterator[Printed]:
    for match in _YEAR_FIRST.finditer(text):
        yield from _certain(match, match[1], match[3], match[4])
    for match in _DAY_NAMED.finditer(text):
        yield from _certain(match, match[3], str(_MONTHS.index(match[2]) + 1), match[1])
    for match in _NAMED_DAY.finditer(text):
        yield from _certain(match, match[3], str(_MONTHS.index(match[1]) + 1), match[2])
    for match in _NUMBERS.finditer(text):
        first, second, year = (match[1] or match[5], match[3] or match[7], match[4] or match[8])
        sign = match[2] or match[6]
        days: dict[Order | None, dt.date] = {}
        _add(days, Order.DAY_FIRST, year, second, first)
        if sign != ".":  # dots part days, months and years in this order only
            _add(days, Order.MONTH_FIRST, year, first, second)
        if len(year) == 2 and 10 <= int(first) <= 40:
            _add(days, Order.YEAR_FIRST, first, second, year)
        if days:
            yield Printed(match.start(), match.end(), days)


def _certain(match: re.Match[str], year: str, month: str, day: str) -> Iterator[Printed]:
    days: dict[Order | None, dt.date] = {}
    _add(days, None, year, month, day)
    if days:
        yield Printed(match.start(), match.end(), days)


def _add(
    days: dict[Order | None, dt.date], order: Order | None, year: str, month: str, day: str
) -> None:
    whole = int(year) + (2000 if len(year) == 2 else 0)
    try:
        days[order] = dt.date(whole, int(month), int(day))
    except ValueError:
        return

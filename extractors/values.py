"""Text of an exact source becomes typed values: money, dates, numbers, names.

For XML, OFD, PDF Info and QR, where characters are what they say. Nothing is guessed here: a
text that is not wholly a value of its type yields None. (Recognition mends its own slips.)
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from decimal import Decimal, InvalidOperation

FEN = Decimal("0.01")
_MONEY_SIGNS = re.compile(r"^(?:¥|￥|CNY|RMB|人民币)")
_NUMBER = re.compile(r"^[+-]?\d{1,15}(?:\.\d{1,15})?$")
_GROUPED = re.compile(r"^[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?$")
_DATE = re.compile(
    r"^(?P<year>\d{4})(?:年|-|/|\.)?(?P<month>\d{1,2})(?:月|-|/|\.)?(?P<day>\d{1,2})日?(?:$|[ T])"
)
_COMPACT_DATE = re.compile(r"^(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})(?:\d{6})?$")
_YEARS = range(1985, 2100)
#: Rates printed as words: the amount bears no tax.
FREE_OF_TAX = frozenset({"免税", "不征税", "***", "*"})


def tidy(text: str | None) -> str | None:
    """`text` without surrounding or doubled white space; None when nothing is left."""
    joined = " ".join((text or "").split())
    return joined or None


def tidy_lines(text: str | None) -> str | None:
    """As `tidy`, but lines stay lines; blank ones go."""
    lines = [line for row in (text or "").splitlines() if (line := tidy(row)) is not None]
    return "\n".join(lines) or None


def parse_number(text: str) -> Decimal | None:
    """A decimal number, thousands separated or not; None for anything else (`***`, words)."""
    plain = unicodedata.normalize("NFKC", text).replace("\u2212", "-")
    plain = "".join(plain.split())
    plain = _MONEY_SIGNS.sub("", plain)
    if plain.startswith(("-¥", "-￥")):
        plain = "-" + plain[2:]
    if _GROUPED.match(plain):
        plain = plain.replace(",", "")
    if not _NUMBER.match(plain):
        return None
    try:
        return Decimal(plain)
    except InvalidOperation:  # pragma: no cover - the pattern admits decimals only
        return None


def parse_money(text: str) -> Decimal | None:
    """An amount in yuan with exactly two places; None when it is none, or has part fen."""
    number = parse_number(text)
    if number is None:
        return None
    in_fen = number.quantize(FEN)
    return in_fen if in_fen == number else None


def parse_rate(text: str) -> Decimal | None:
    """A tax rate as a fraction: `6%`, `0.06`, `0.060000` -> 0.06; 免税 and `***` -> None."""
    plain = unicodedata.normalize("NFKC", text).strip()
    if plain in FREE_OF_TAX:
        return None
    percent = plain.endswith("%")
    number = parse_number(plain.removesuffix("%"))
    if number is None or number < 0:
        return None
    fraction = number / 100 if percent or number >= 1 else number
    return fraction.normalize() if fraction else Decimal(0)


def parse_date(text: str) -> dt.date | None:
    """A calendar date: `20200805`, `2020-08-05[ time]`, `2020年08月05日`, `2020/8/5`."""
    plain = unicodedata.normalize("NFKC", text).strip()
    plain = re.sub(r"(?<=[年月])\s+|\s+(?=[年月日])", "", plain)
    match = _COMPACT_DATE.match(plain) or _DATE.match(plain)
    if match is None:
        return None
    try:
        date = dt.date(int(match["year"]), int(match["month"]), int(match["day"]))
    except ValueError:
        return None
    return date if date.year in _YEARS else None


def parse_digits(text: str) -> str | None:
    """A code or number whose digits may be grouped by blanks; None if other characters occur.

    Letters and digits are allowed, since tickets and masked specimens carry letters.
    """
    plain = "".join(unicodedata.normalize("NFKC", text).split())
    return plain if re.fullmatch(r"[0-9A-Za-z]{1,32}", plain) else None


def parse_tax_id(text: str) -> str | None:
    """A taxpayer's number in capitals, charset and length only (real ids fail the check digit)."""
    plain = "".join(unicodedata.normalize("NFKC", text).split()).upper()
    return plain if re.fullmatch(r"[0-9A-Z]{6,30}", plain) else None

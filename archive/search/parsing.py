"""Understanding one free search box.

Words are parted by blanks, each is one of these, tried in order: `part:value` with the part
named in Chinese or English (销方:华为), a day, month, year or a range of days, an amount or a
range of amounts (with a decimal point, ¥, 元, or a comparison), digits of a number or code, a
voucher number (letters or characters, a hyphen, ending in digits), the name of a kind. Everything
else is text. Nothing is ever refused: what cannot be meant is text.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
import unicodedata
from decimal import Decimal
from typing import Any

from archive.search.query import Query
from extractors.model import Kind

_PARTS = {
    **dict.fromkeys(("号码", "发票号码", "number"), "number"),
    **dict.fromkeys(("代码", "发票代码", "code"), "code"),
    **dict.fromkeys(("销方", "销售方", "seller"), "seller"),
    **dict.fromkeys(("购方", "购买方", "buyer"), "buyer"),
    **dict.fromkeys(("凭证", "凭证号", "voucher"), "voucher"),
    **dict.fromkeys(("校区", "campus"), "campus"),
    **dict.fromkeys(("种类", "票种", "kind"), "kind"),
    **dict.fromkeys(("结论", "verdict"), "verdict"),
    **dict.fromkeys(("状态", "state"), "state"),
    **dict.fromkeys(("内容", "text"), "text"),
}
_DATE_NAMES = ("日期", "开票日期", "date")
_AMOUNT_NAMES = ("金额", "amount")
_YEAR = r"((?:19|20)\d{2})"
#: Day, month, year. A point parts only whole days: 2026.10 is an amount.
_DAYS = (
    re.compile(rf"{_YEAR}[-/.年](\d{{1,2}})[-/.月](\d{{1,2}})日?"),
    re.compile(rf"{_YEAR}[-/年](\d{{1,2}})月?"),
    re.compile(rf"{_YEAR}年"),
)
_TO = re.compile(r"~|至|到|\.\.")
_SUM = r"[¥￥]?(-?\d{1,12}(?:,\d{3})*(?:\.\d{1,2})?)元?"
_SUMS = re.compile(rf"{_SUM}(?:(?:-|~|至|到|\.\.){_SUM})?")
_COMPARED = re.compile(rf"(>=|<=|>|<|≥|≤|大于|小于|不少于|不多于){_SUM}")
_VOUCHER = re.compile(r"[A-Za-z\u4e00-\u9fff][0-9A-Za-z\u4e00-\u9fff_.]{0,20}-[0-9A-Za-z_.-]*\d")
_DIGITS = re.compile(r"[*…]?(?:尾号)?(\d{3,30})")
_KINDS = frozenset(kind.value for kind in Kind)
_CENT = Decimal("0.01")


def parse(box: str) -> Query:
    """The query that a free box means."""
    return Query.parse(box)


def parts_of(box: str) -> dict[str, Any]:
    """Arguments of `Query`; of two values for one part the later holds, texts are gathered."""
    parts: dict[str, Any] = {}
    for word in box.split():
        for name, value in _understood(word).items():
            both = name == "text" and name in parts
            parts[name] = f"{parts[name]} {value}" if both else value
    return parts


def _understood(word: str) -> dict[str, Any]:
    plain = unicodedata.normalize("NFKC", word).replace("～", "~")
    label, colon, value = plain.partition(":")
    if colon and value and label.casefold() in _PARTS:
        return {_PARTS[label.casefold()]: value}
    if colon and value and label.casefold() in _AMOUNT_NAMES:
        return _amounts(value, named=True) or {"text": word}
    if colon and value and label.casefold() in _DATE_NAMES:
        return _dates(value) or {"text": word}
    for rule in (_dates, _amounts, _digits, _voucher, _kind):
        if found := rule(plain):
            return found
    return {"text": word}


def _dates(word: str) -> dict[str, Any] | None:
    sides = [_span(side) for side in _TO.split(word, maxsplit=1)]
    known = [side for side in sides if side is not None]
    if len(known) != len(sides):
        return None
    return {"date_from": known[0][0], "date_to": known[-1][1]}


def _span(word: str) -> tuple[dt.date, dt.date] | None:
    """First and last day of a day, month or year; None for none, such as the 31st of June."""
    match = next((match for form in _DAYS if (match := form.fullmatch(word))), None)
    if match is None:
        return None
    year, month, day = (int(part) for part in (*match.groups(), 0, 0)[:3])
    try:
        first = dt.date(year, month or 1, day or 1)
        last = day or calendar.monthrange(year, month or 12)[1]
        return first, dt.date(year, month or 12, last)
    except ValueError:
        return None


def _amounts(word: str, *, named: bool = False) -> dict[str, Any] | None:
    if match := _COMPARED.fullmatch(word):
        return _bound(match[1], _yuan(match[2]))
    match = _SUMS.fullmatch(word)
    if match is None or not (named or set(word) & set("¥￥元.,")):
        return None  # bare digits are a number's
    low = _yuan(match[1])
    return {"amount_min": low, "amount_max": _yuan(match[2]) if match[2] else low}


def _bound(sign: str, value: Decimal) -> dict[str, Any]:
    strict = _CENT if sign in (">", "<", "大于", "小于") else Decimal(0)
    if sign in (">", ">=", "≥", "大于", "不少于"):
        return {"amount_min": value + strict}
    return {"amount_max": value - strict}


def _yuan(text: str) -> Decimal:
    return Decimal(text.replace(",", ""))


def _digits(word: str) -> dict[str, Any] | None:
    match = _DIGITS.fullmatch(word)
    return {"digits": match[1]} if match else None


def _voucher(word: str) -> dict[str, Any] | None:
    return {"voucher": word} if _VOUCHER.fullmatch(word) else None


def _kind(word: str) -> dict[str, Any] | None:
    found = next((kind for kind in _KINDS if unicodedata.normalize("NFKC", kind) == word), None)
    return {"kind": found} if found else None

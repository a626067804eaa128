"""What stands in a cell, as the value that its column holds; or what is wrong with it."""

from __future__ import annotations

import datetime as dt
import re
import tomllib
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import TypeAlias

from archive.voucher_sheets import Cell, Formula, Oversized

Value: TypeAlias = str | int | bool | Decimal | dt.date | None

_YEARS = range(1990, 2100)
_PERIODS = range(1, 17)
#: Excel writes money as binary fractions: more digits than these are its noise.
_FLOAT_DIGITS = 6
_MOST_YUAN = Decimal("1e13")
_DATE = re.compile(r"(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})日?(?:[ T]0?0:00(?::00)?)?")
_NUMBER = re.compile(r"(?P<word>[^\d-]*?)字?第?-?(?P<number>\d{1,9})号?")
_TRUE = frozenset({"1", "Y", "YES", "TRUE", "是", "红", "红字", "√"})
_FALSE = frozenset({"", "0", "N", "NO", "FALSE", "否", "蓝", "蓝字"})
_LONGEST = {"code": 64, "text": 500}


class BadCell(ValueError):
    """`code` names the sentence that says what is wrong and what to do."""

    def __init__(self, code: str, **params: object) -> None:
        super().__init__(code)
        self.code = code
        self.params = {name: str(value) for name, value in params.items()}


@dataclass(frozen=True, slots=True)
class Column:
    """One column that a voucher file may have (`voucher_columns.toml`)."""

    name: str
    headings: tuple[str, ...]
    form: str
    needed: bool = False
    of: str = "voucher"


@cache
def columns() -> Mapping[str, Column]:
    """Every known column by its name."""
    path = Path(__file__).with_name("voucher_columns.toml")
    described = tomllib.loads(path.read_text(encoding="utf-8"))
    return {
        name: Column(
            name,
            tuple(entry["headings"]),
            entry["form"],
            entry.get("needed", False),
            entry.get("of", "voucher"),
        )
        for name, entry in described.items()
    }


def column_of(heading: Cell) -> Column | None:
    """The column that a heading names, if it is known."""
    wanted = _folded(heading)
    for column in columns().values():
        if wanted in map(_folded, (column.name, *column.headings)):
            return column
    return None


def _folded(heading: object) -> str:
    plain = unicodedata.normalize("NFKC", str(heading or ""))
    return re.sub(r"[\s*]", "", plain).casefold()


def value_of(cell: Cell, column: Column) -> Value:
    """The cell's value in the form of its column; None for an empty one. Raises `BadCell`."""
    if isinstance(cell, Formula):
        raise BadCell("voucher_cell_formula")
    if isinstance(cell, Oversized):
        raise BadCell("voucher_cell_too_long", limit=_LONGEST["text"])
    if cell is None or cell == "":
        if column.needed and column.form != "money":
            raise BadCell("voucher_cell_missing")
        return False if column.form == "flag" else None
    return _FORMS[column.form](cell)


def _plain(cell: Cell) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return unicodedata.normalize("NFKC", str(cell)).strip()


def _text(cell: Cell, form: str = "text") -> str:
    text = str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()
    if len(text) > _LONGEST[form]:
        raise BadCell("voucher_cell_too_long", limit=_LONGEST[form])
    if not text.isprintable():
        raise BadCell("voucher_cell_unprintable")
    return text


def _code(cell: Cell) -> str:
    return _text(cell, "code")


def _whole(cell: Cell) -> int:
    text = _plain(cell)
    if not re.fullmatch(r"\d{1,9}", text):
        raise BadCell("voucher_cell_not_whole", found=text[:40])
    return int(text)


def _year(cell: Cell) -> int:
    year = _whole(cell)
    if year not in _YEARS:
        raise BadCell("voucher_cell_year", found=year)
    return year


def _period(cell: Cell) -> int:
    text = _plain(cell).removesuffix("月").removesuffix("期")
    # 202611 and 2026-11 name the year once more.
    text = re.sub(r"^(?:19|20)\d\d[-.年]?(?=\d{1,2}$)", "", text)
    period = _whole(text)
    if period not in _PERIODS:
        raise BadCell("voucher_cell_period", found=period)
    return period


def _number(cell: Cell) -> str:
    text = _plain(cell)
    if not _NUMBER.fullmatch(text):
        raise BadCell("voucher_cell_number", found=text[:40])
    return text


def word_and_number(text: str) -> tuple[str, int]:
    """`记-0012`, `记字第12号` or `12` taken apart; the word is empty where there is none."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise BadCell("voucher_cell_number", found=text[:40])
    return match["word"].strip(), int(match["number"])


def _date(cell: Cell) -> dt.date:
    if isinstance(cell, dt.date):
        return cell
    match = _DATE.fullmatch(_plain(cell))
    year, month, day = map(int, match.groups()) if match else (0, 0, 0)
    try:
        found = dt.date(year, month, day)
    except ValueError as error:
        raise BadCell("voucher_cell_date", found=_plain(cell)[:40]) from error
    if found.year not in _YEARS:
        raise BadCell("voucher_cell_date", found=found)
    return found


def _money(cell: Cell) -> Decimal:
    if isinstance(cell, float):
        amount = Decimal(repr(round(cell, _FLOAT_DIGITS)))
    else:
        text = re.sub(r"[,\s¥￥元]", "", _plain(cell)).replace("−", "-")
        if text.startswith("(") and text.endswith(")"):
            text = f"-{text[1:-1]}"
        if not re.fullmatch(r"[-+]?\d*\.?\d*", text):
            raise BadCell("voucher_cell_amount", found=_plain(cell)[:40])
        try:
            amount = Decimal(text)
        except InvalidOperation as error:
            raise BadCell("voucher_cell_amount", found=_plain(cell)[:40]) from error
    if amount != round(amount, 2) or abs(amount) > _MOST_YUAN:
        raise BadCell("voucher_cell_amount", found=_plain(cell)[:40])
    return round(amount, 2)


def _flag(cell: Cell) -> bool:
    text = _plain(cell).upper()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise BadCell("voucher_cell_flag", found=text[:40])


_FORMS: Mapping[str, Callable[[Cell], Value]] = {
    "text": _text,
    "code": _code,
    "year": _year,
    "period": _period,
    "number": _number,
    "date": _date,
    "money": _money,
    "count": _whole,
    "flag": _flag,
}

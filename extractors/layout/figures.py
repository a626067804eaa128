"""Figures of table cells as worn print leaves them: a dot read as another mark, a digit read as
the letter like it. What needed such patience is never sure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from rapidfuzz.distance import Levenshtein

from extractors.layout import values

#: Letters that engines read for digits, among digits.
_LIKE_DIGITS = str.maketrans("OoDQlIiZSsbGgBq", "000011125566989")
_SPECKS = "'\"“”‘’·:;.,| "
_STRICT = re.compile(r"-?(?:\d{1,3}(?:,\d{3})+|\d+)\.\d\d")


@dataclass(frozen=True)
class Figure:
    """What stands in a cell. `text` is "" for an empty one; `value` is None for what is no
    figure; `sure` tells that it was printed just so; `void` that nothing is meant to stand there
    (免税, ***)."""

    text: str = ""
    value: Decimal | None = None
    sure: bool = False
    void: bool = False

    def but(self, value: Decimal | None, *, sure: bool) -> Figure:
        """Another value in its place, found by reckoning."""
        return Figure(self.text, value, sure=sure)

    def resembles(self, form: str, *, cut: bool = True) -> int | None:
        """By how many characters the cell differs from the printed form, of which the beginning or
        the end may be all that was read (`cut`); None if by too many to be a misreading of it."""
        bare = self.text.lstrip("¥￥VY羊").rstrip("., ")
        if cut and len(bare) >= _TELLING and (form.startswith(bare) or form.endswith(bare)):
            return 1
        off = Levenshtein.distance(bare, form)
        return off if off <= max(1, len(form) // 3) else None


#: Stars stand where nothing is taxed; engines read them as one character over and over.
_VOID = re.compile(r"免|征税|\*{2}|^([^\d\s])\1{1,3}$")
#: What is left of a figure shows which it is if it has so many characters.
_TELLING = 3
EMPTY = Figure()


@dataclass
class Figures:
    """The figures of one line. `reckoned` tells that some were not read but reckoned, `open` that
    some are contradicted and nothing says which."""

    quantity: Figure = EMPTY
    price: Figure = EMPTY
    amount: Figure = EMPTY
    rate: Figure = EMPTY
    tax: Figure = EMPTY
    counted: bool = True
    reckoned: bool = False
    open: bool = False

    @property
    def sure(self) -> bool:
        """Was every cell that something stands in read as printed, and nothing contradicted?"""
        cells = (self.quantity, self.price, self.amount, self.rate, self.tax)
        return not (self.reckoned or self.open) and all(
            each.sure or not each.text for each in cells
        )

    def set(self, name: str, value: Decimal | None, *, certain: bool = False) -> None:
        """Put a reckoned value in a cell; `certain` where it hardly can be another."""
        cell: Figure = getattr(self, name)
        if cell.value != value:
            setattr(self, name, cell.but(value, sure=certain))
            self.reckoned |= not certain


def money(text: str) -> Figure:
    """An amount with two decimals."""
    if _STRICT.fullmatch(text):
        return Figure(text, values.money(text), sure=True)
    if _VOID.search(text):
        return Figure(text, sure=True, void=True)
    bare = text.lstrip("¥￥VY羊'\"“”‘’.·:").rstrip(_SPECKS).translate(_LIKE_DIGITS)
    match = re.fullmatch(r"(-?)(\d[\d,.]*?)[^\d]{1,2}(\d\d)", bare)
    if match is None:
        return Figure(text)
    whole = re.sub(r"\D", "", match[2])
    return Figure(text, Decimal(f"{match[1]}{whole}.{match[3]}"))


def number(text: str) -> Figure:
    """A price or a quantity, any decimals."""
    value = values.number(text)
    if value is not None:
        return Figure(text, value, sure=not re.search(r",(?!\d{3}(?:\D|$))", text))
    bare = text.strip("¥￥VY羊" + _SPECKS).translate(_LIKE_DIGITS)
    match = re.fullmatch(r"(-?\d+)(?:[^\d-](\d+))?", bare)
    if match is None:
        return Figure(text)
    return Figure(text, Decimal(f"{match[1]}.{match[2]}" if match[2] else match[1]))


def rate(text: str) -> Figure:
    """A rate; stars and words that stand for none are void."""
    if _VOID.search(text):
        return Figure(text, sure=True, void=True)
    value = values.rate(text)
    return Figure(text, value, sure=value is not None)

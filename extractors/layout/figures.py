"""Figures of table cells as worn print leaves them: a dot read as another mark, a digit read as
the letter like it. What needed such patience is never sure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from rapidfuzz.distance import Levenshtein

from extractors.layout import values
from extractors.words import Choices

#: Letters that engines read for digits, among digits.
_LIKE_DIGITS = str.maketrans("OoDQlIiZSsbGgBq", "000011125566989")
_SPECKS = "'\"“”‘’·:;.,| "
_STRICT = re.compile(r"-?(?:\d{1,3}(?:,\d{3})+|\d+)\.\d\d")


@dataclass(frozen=True)
class Figure:
    """What stands in a cell. `text` is "" for an empty one; `value` is None for what is no
    figure; `sure` tells that it was printed just so; `void` that nothing is meant to stand there
    (免税, ***). `weighed`: of each character of the text what else it may be; empty if unknown."""

    text: str = ""
    value: Decimal | None = None
    sure: bool = False
    void: bool = False
    weighed: tuple[Choices, ...] = ()

    def but(self, value: Decimal | None, *, sure: bool) -> Figure:
        """Another value in its place, found by reckoning."""
        return Figure(self.text, value, sure=sure)

    def resembles(self, form: str, *, cut: bool = True) -> float | None:
        """By how many characters the cell differs from the printed form, of which the beginning or
        the end may be all that was read (`cut`); None if by too many to be a misreading of it. A
        character that the recogniser held possible counts less."""
        bare = self.text.lstrip("¥￥VY羊").rstrip("., ")
        if cut and len(bare) >= _TELLING and (form.startswith(bare) or form.endswith(bare)):
            return _LOST
        off = Levenshtein.distance(bare, form)
        if off > max(1, len(form) // 3):
            return None
        return self._weight(form) if off and len(form) == len(self.weighed) else off

    def _weight(self, form: str) -> float:
        """What it costs to take each character for that of the form: 1 for one that nobody saw,
        down to a half for one as likely as what was read."""
        costs = (dict(choices).get(char) for char, choices in zip(form, self.weighed, strict=True))
        return sum(1.0 if cost is None else _seen(cost) for cost in costs)

    def readings(self) -> Iterator[Decimal]:
        """What else it may be by one character that the recogniser held possible."""
        for place, choices in enumerate(self.weighed):
            for char, cost in choices[1:]:
                text = self.text[:place] + char + self.text[place + 1 :]
                if cost >= _POSSIBLE and _STRICT.fullmatch(text):
                    yield Decimal(text.replace(",", ""))


def _seen(cost: float) -> float:
    """A logarithm of likelihood as a number of characters; 0 for what was read itself."""
    return 0.0 if cost == 0 else min(1.0, 0.5 - cost / _FAR)


#: A beginning or an end that was not seen at all is less likely than one character misread.
_LOST = 1.25
#: A character that is so unlikely is as good as one that nobody saw; one below the second is not
#: tried.
_FAR, _POSSIBLE = 16.0, -5.0
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

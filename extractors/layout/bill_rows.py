"""The items of a fiscal bill told by their own shapes, where the titles over them were not read.

Whatever the columns, an item is printed in one order: a code perhaps, its name, then quantity and
unit, a price perhaps, and its amount, the one figure with two decimals. Two items may share a
row. What stands behind an amount and before the next name is a note.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from extractors.layout import values
from extractors.layout.page import Run, join
from extractors.layout.reading import compact
from extractors.model import Line

#: Engines read ¥ as Y, V or 羊, and a stroke of the box behind an amount as a letter.
_AMOUNT = re.compile(r"([-]?)[¥YVv羊]?((?:\d{1,3}(?:,\d{3})+|\d+)\.\d\d)[VvIl|]?")
#: Digits and marks in the place of an amount: one whose point or end was not read right.
_BROKEN = re.compile(r"[¥Y]?\d[\d.,:]{2,11}")
_BOTH = re.compile(r"(\d{1,6}(?:\.\d+)?)?(/)?([^\d/]{0,6})/?")
_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,6})?")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
#: Units are short; longer words are names.
_LONGEST_UNIT = 3
_LEAST_NAME = 2
#: Titles over the table, and what a rubber stamp says.
_NO_ITEM = re.compile(r"金额|单位|数量")
_STAMPED = re.compile(r"^已|作废|专用章")


@dataclass(frozen=True)
class Item:
    """One item and the print that it was read from. A name that was not seen is empty; where its
    amount is None, `broken` is what stands in its place."""

    line: Line
    run: Run
    broken: str = ""


@dataclass
class _Open:
    """What was seen of an item whose amount has not come yet."""

    name: list[Run] = field(default_factory=list)
    unit: str | None = None
    numbers: list[Run] = field(default_factory=list)
    #: Quantity and unit stood as one word: what follows can only be the amount.
    counted: bool = False

    def closed(self, figures: Sequence[Run], amount: Decimal | None) -> Item:
        quantity, price = self._figures(amount)
        line = Line(
            name=compact(join(self.name)).raw if self.name else "",
            unit=self.unit,
            quantity=quantity,
            price=price,
            amount=amount,
        )
        broken = "" if amount is not None else "".join(compact(run).text for run in figures)
        return Item(line, join([*self.name, *self.numbers, *figures]), broken)

    def _figures(self, amount: Decimal | None) -> tuple[Decimal | None, Decimal | None]:
        """Quantity and price. Of a single number, the larger share of the amount is the price."""
        numbers = [values.number(compact(run).text) for run in self.numbers]
        if len(numbers) > 1:
            return numbers[0], numbers[1]
        if not numbers:
            return None, None
        (single,) = numbers
        if (
            not self.counted
            and single
            and amount
            and amount % single == 0
            and single >= amount / single
        ):
            return None, single
        return single, None

    def given_up(self) -> Iterator[Item]:
        """The item without an amount, if it was one at all and not a note."""
        if not self.name or not (self.counted or self.numbers):
            return
        # Of a counted item, everything behind its quantity stands in place of the amount.
        own = 1 if self.counted else max(0, len(self.numbers) - 1)
        rest, self.numbers = self.numbers[own:], self.numbers[:own]
        if self.counted or any(_BROKEN.fullmatch(compact(run).text) for run in rest):
            yield self.closed(rest, None)


def items_by_shape(rows: Sequence[Run]) -> list[Item]:
    """The items of all rows, in printed order."""
    own = [row for row in rows if not _NO_ITEM.search(compact(row).text)]
    return [item for row in _rejoined(own) for item in _items_of_row(row)]


def amount_of(run: Run) -> Decimal | None:
    """The amount with two decimals that a piece is; None if it is none."""
    match = _AMOUNT.fullmatch(compact(run).text)
    return values.money(match[1] + match[2]) if match else None


def quantity_and_unit(text: str) -> tuple[str, str] | None:
    """`1/项`, `1.00项`, `/项` as quantity and unit, either of them perhaps empty."""
    match = _BOTH.fullmatch(text)
    if match is None or not (match[2] or (match[1] and match[3])):
        return None
    return match[1] or "", match[3]


def _rejoined(rows: Sequence[Run]) -> list[Run]:
    """The rows, those without any amount joined to one of an amount alone at their height: print
    between the two, of a seal perhaps, kept them apart."""
    joined: list[Run] = []
    lone = [row for row in rows if amount_of(row) is not None]
    for row in rows:
        if any(row is other for other in lone):
            continue
        if not any(amount_of(piece) is not None for piece in pieces_of(row)):
            right = [
                other
                for other in lone
                if other.x0 > row.x1 and abs(other.middle - row.middle) < 0.4 * row.height
            ]
            if right:
                lone.remove(right[0])
                joined.append(join([row, right[0]]))
                continue
        joined.append(row)
    return joined


def _items_of_row(row: Run) -> Iterator[Item]:
    item = _Open()
    for piece in pieces_of(row):
        text = compact(piece).text
        counted = quantity_and_unit(text)
        amount = amount_of(piece)
        if amount is not None:
            if item.name or item.counted:
                yield item.closed([piece], amount)
            item = _Open()
        elif counted and not item.counted and len(item.numbers) < 2:
            first = piece.part(0, len(counted[0])) if counted[0] else None
            item.numbers = [first] if first is not None else []
            item.unit, item.counted = counted[1] or None, True
        elif _CHINESE.search(text) and ":" not in text and not _STAMPED.search(text):
            if item.numbers or item.counted:
                yield from item.given_up()
                item = _Open()
            _take_words(item, piece, text)
        elif item.name and (_NUMBER.fullmatch(text) or _BROKEN.fullmatch(text)):
            item.numbers.append(piece)
    yield from item.given_up()


def pieces_of(run: Run) -> Iterator[Run]:
    """A run cut at its spaces: recognition glues neighbouring cells."""
    start = 0
    for index, char in enumerate((*run.text, " ")):
        if char == " ":
            part = run.part(start, index)
            if part is not None:
                yield part
            start = index + 1


def _take_words(item: _Open, piece: Run, text: str) -> None:
    """A name begins or goes on; a short word behind one is its unit; one behind a gap that is
    not short is the name, and what came before it a note."""
    if not item.name:
        if len(text) >= _LEAST_NAME:
            item.name = [piece]
    elif piece.x0 - item.name[-1].x1 < piece.height:
        item.name.append(piece)
    elif len(text) <= _LONGEST_UNIT and item.unit is None:
        item.unit = text
    else:
        item.name, item.unit = [piece], None

"""The sums of vehicle invoices: the total in words and figures, and of new vehicles price and tax.

Price + tax is the total, and the tax is the rate of the price. On a poor page these three are
known wherever they stand, for hardly any other three amounts are related so.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from extractors.amount_words import spelled_amount
from extractors.layout import values
from extractors.layout.grid import Cell, named, value_of
from extractors.layout.misspoken import blurred_figures, figures_amount, is_whole, misspoken
from extractors.layout.page import Run
from extractors.layout.paper import Sum, keep_total, money_in, spoken_sums
from extractors.layout.reading import MENDED, UNLABELLED, Face, compact
from extractors.model import Field

_FEN = Decimal("0.01")
_THREE = ("total_without_tax", "total_tax", "total_with_tax")
#: Rates and levies in use since the form began; 0.5 % is the levy on used vehicles.
_RATES = tuple(Decimal(rate) / 1000 for rate in (170, 160, 130, 40, 30, 20, 10, 5))


def read_total(face: Face, cells: Sequence[Cell]) -> None:
    """Keep the total by its words and figures alone."""
    words = next(iter(spoken_sums(face.sheet.rows)), None)
    if not _keep_misspoken(face, words):
        keep_total(face, words, _total_figures(cells, words))


def _keep_misspoken(face: Face, words: Sum | None) -> bool:
    """Keep the sum whose words were misread, by the figures that they say all the same. Whether
    there is one."""
    if not face.recognised or (words is not None and is_whole(face, words.run)):
        return False
    rows = face.sheet.within(face.sheet.rows)
    found = misspoken(rows, blurred_figures(face.sheet.phrases))
    if found is None:
        return False
    face.keep("amount_in_words", spelled_amount(found.amount), found.words, most=MENDED)
    face.keep("total_with_tax", found.amount.quantize(_FEN), found.figures, most=MENDED)
    return True


def read_sums(face: Face, cells: Sequence[Cell], extra: dict[str, Field[str]]) -> None:
    """Total, price and tax: price + tax is the total, and the tax is the rate of the price."""
    words = next(iter(spoken_sums(face.sheet.rows)), None)
    total = _total_figures(cells, words)
    without, tax = _without(cells), money_in(value_of(cells, "tax"))
    rate = _read_rate(face, cells, extra)
    adds_up = (
        total is not None
        and without is not None
        and tax is not None
        and without.value + tax.value == total.value
    )
    if adds_up or not _keep_misspoken(face, words):
        keep_total(face, words, total, proven=adds_up)
    if face.recognised and not adds_up and (three := _related(face)) is not None:
        for name, each in zip(_THREE, three, strict=True):
            face.keep(name, each.value, each.run, most=MENDED)
        return
    known = face.found.get("total_with_tax")
    for name, found in (("total_without_tax", without), ("total_tax", tax)):
        share = _part(known.value, rate, name) if known is not None and rate is not None else None
        _keep_part(face, name, found, share, proven=adds_up)


def _keep_part(
    face: Face, name: str, found: Sum | None, share: Decimal | None, *, proven: bool
) -> None:
    """Price or tax. Recognised ones are believed if they add up, or are the very `share` of the
    total, and hardly else; the share is also known by itself where its label could not be
    read."""
    if face.recognised and not proven and (found is None or found.value != share):
        labelled = found
        found = next(
            (each for run in face.sheet.runs if _is_sum(each := money_in(run), share)), None
        )
        if labelled is not None and found is None:
            face.keep(name, labelled.value, labelled.run, most=UNLABELLED)
        elif labelled is not None:
            face.doubt(name, labelled.value, labelled.run)
    if found is not None:
        face.keep(name, found.value, found.run, proven=proven or found.value == share)


def _is_sum(found: Sum | None, value: Decimal | None) -> bool:
    return found is not None and found.value == value


def _part(total: Decimal, rate: Decimal, name: str) -> Decimal:
    """What price or tax must be if the total holds tax at the rate."""
    without = (total / (1 + rate)).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return without if name == "total_without_tax" else total - without


def _without(cells: Sequence[Cell]) -> Sum | None:
    """The price without tax: behind its own label, or behind 小写 in the same row."""
    own_label = next((cell.label for cell in cells if cell.name == "without"), None)
    own = next(iter(named(cells, "without")), None)
    if own is not None and (found := money_in(own.rows[0])) is not None:
        return found
    for cell in named(cells, "figures"):
        found = money_in(cell.rows[0])
        if found is not None and own_label is not None and _under(own_label, cell.label):
            return found
    return None


def _under(upper: Run, lower: Run) -> bool:
    """In the same row, or the second line of the same label."""
    return abs(upper.middle - lower.middle) < 1.6 * upper.height


def _read_rate(face: Face, cells: Sequence[Cell], extra: dict[str, Field[str]]) -> Decimal | None:
    value = value_of(cells, "rate")
    rate = values.rate(compact(value).text) if value is not None else None
    if rate is None:
        # A label beside it may be lost, and its value stand in this cell too.
        shares = [run for run in map(compact, face.sheet.runs) if values.rate(run.text) is not None]
        value = shares[0] if len(shares) == 1 else None
        rate = values.rate(value.text) if value is not None else None
    if value is not None and rate is not None:
        extra["rate"] = face.field(compact(value).text, value)
    return rate


def _related(face: Face) -> tuple[Sum, Sum, Sum] | None:
    """Price, tax and total wherever they stand: the only three amounts of which the first two add
    up to the third and the second is a rate of the first."""
    seen = {
        amount: Sum(amount, run)
        for run in blurred_figures(face.sheet.phrases)
        if (amount := figures_amount(run))
    }
    found = {
        (price, tax)
        for price in seen
        for tax in seen
        if price + tax in seen and any(abs(price * rate - tax) <= _FEN for rate in _RATES)
    }
    if len(found) != 1:
        return None
    price, tax = found.pop()
    return seen[price], seen[tax], seen[price + tax]


def _total_figures(cells: Sequence[Cell], words: Sum | None) -> Sum | None:
    """The figures in the row of the words."""
    cells = named(cells, "figures", "total")
    for cell in cells:
        found = money_in(cell.rows[-1])
        if found is not None and "¥" not in found.run.text and "." not in found.run.text:
            # The mark before the words (ⓧ, read as ②) is no figure.
            found = None
        level = words is None or abs(cell.rows[-1].middle - words.run.middle) < words.run.height
        if found is not None and level:
            return found
    return None

"""The figures of a recognised table, reckoned: quantity x price = amount, amount x rate = tax, and
the sums below. A figure that was lost or misread is set where they leave one that it can be."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from math import prod

from extractors.layout import mending
from extractors.layout.counting import holds, settle_count
from extractors.layout.figures import Figure, Figures

_CENT = Decimal("0.01")
#: Taxes are rounded line by line, or shared out of the whole: more is a misreading.
_ROUNDED = Decimal("0.06")
#: Choices tried at most to make a sum hold.
_MOST_CHOICES = 4096


@dataclass(frozen=True)
class Sums:
    """The sums below the table; None where unknown. Those that nothing proves (`firm`) agree or
    do not, but mend nothing."""

    amount: Decimal | None = None
    tax: Decimal | None = None
    firm: bool = True


def reckon(rows: Sequence[Figures], sums: Sums) -> None:
    """Mend the rows in place."""
    if sums.amount is not None and sums.amount < 0 and sums.firm:
        _turn_red(rows, sums.amount)
    _fill_rates(rows, _rate_of_all(rows, sums))
    _settle(rows, "amount", sums.amount, [list(_amounts_of(row)) for row in rows], sums.firm)
    _settle_rates(rows)
    for row in rows:
        if row.rate.void and not any(char.isdigit() for char in row.tax.text):
            row.tax = replace(row.tax, sure=True, void=True)
    _settle(rows, "tax", sums.tax, [list(_taxes_of(row)) for row in rows], sums.firm)
    all_taxed = sums.tax is not None and _sum(rows, "tax") == sums.tax
    for row in rows:
        settle_count(row)
        if not all_taxed:
            _check_tax(row)


def _turn_red(rows: Sequence[Figures], total: Decimal) -> None:
    """On a red invoice amounts, taxes and quantities are negative, but for what offsets them; a
    minus is soon lost."""
    if _sum(rows, "amount") == total:
        return
    for row in rows:
        for name in ("quantity", "amount", "tax"):
            value: Decimal | None = getattr(row, name).value
            if value is not None and value > 0:
                row.set(name, -value)


def adds_up(rows: Sequence[Figures], sums: Sums) -> bool:
    """Do the lines sum to both sums?"""
    return _sum(rows, "amount") == sums.amount and (
        sums.tax is None or _sum(rows, "tax") == sums.tax
    )


def _sum(rows: Sequence[Figures], name: str) -> Decimal:
    return sum((getattr(row, name).value or Decimal(0) for row in rows), Decimal(0))


def _cents(value: Decimal) -> Decimal:
    return value.quantize(_CENT, rounding=ROUND_HALF_UP)


def _amounts_of(row: Figures) -> Iterator[Decimal]:
    """What the amount may be: as read, or as quantity and price make it, of which only the price
    may have been read."""
    amount, price = row.amount.value, row.price.value
    if amount is not None:
        yield amount
    if not price:
        return
    if row.quantity.value:
        yield _cents(row.quantity.value * price)
    nears = [amount] if amount is not None else []
    if row.tax.value is not None and row.rate.value:
        nears.append(row.tax.value / row.rate.value)
    for near in nears:
        other = _cents(price * (near / price).quantize(Decimal(1)))
        if _gives(other, row) or (amount is not None and row.amount.resembles(f"{other:.2f}")):
            yield other


def _gives(amount: Decimal, row: Figures) -> bool:
    """Does the amount give the tax?"""
    rate, tax = row.rate.value, row.tax.value
    return rate is not None and tax is not None and abs(amount * rate - tax) <= _CENT


def _taxes_of(row: Figures) -> Iterator[Decimal]:
    if row.rate.void and row.tax.value is None:
        return
    if row.tax.value is not None:
        yield row.tax.value
    if row.amount.value is not None and row.rate.value is not None:
        yield _cents(row.amount.value * row.rate.value)


def _settle(
    rows: Sequence[Figures],
    name: str,
    total: Decimal | None,
    read: Sequence[Sequence[Decimal]],
    firm: bool,
) -> None:
    """Choose for every row so that the sum holds; where none does, a row that was not read, or
    misread by a few characters, gets what is left of the sum."""
    options: list[list[Decimal | None]] = [list(dict.fromkeys(each)) or [None] for each in read]
    chosen = None
    if total is not None:
        chosen = _cheapest(_fitting(options, total))
        if chosen is None and firm:
            ways = (_with_rest, _with_two)
            chosen = _cheapest(each for way in ways for each in way(rows, options, name, total))
    for index, row in enumerate(rows):
        if chosen is not None:
            row.set(name, chosen[index])
        elif options[index][0] is not None:
            # Of equals the first, which is as it was read.
            row.set(name, max(filter(None, options[index]), key=partial(_witnesses(name), row)))


def _witnesses(name: str) -> Callable[[Figures, Decimal], int]:
    """How many other figures of a line speak for its amount or its tax."""
    return _witnesses_of_amount if name == "amount" else _witnesses_of_tax


def _witnesses_of_amount(row: Figures, amount: Decimal) -> int:
    """How well other figures of the line agree with the amount, their product to the cent best."""
    price, quantity = row.price.value, row.quantity.value
    pieces = _pieces(amount, price, quantity) if price is not None else None
    made = holds(price, pieces, amount)
    exact = made and price is not None and pieces is not None and _cents(price * pieces) == amount
    return made + exact + _gives(amount, row)


def _pieces(amount: Decimal, price: Decimal, quantity: Decimal | None) -> Decimal | None:
    """The quantity, or the whole one that price and amount come nearest to."""
    return quantity or ((amount / price).quantize(Decimal(1)) if price else None)


def _witnesses_of_tax(row: Figures, tax: Decimal) -> int:
    """Does the amount give the tax, if the cell may have shown it at all?"""
    amount, rate = row.amount.value, row.rate.value
    if amount is None or rate is None or abs(amount * rate - tax) > _ROUNDED:
        return 0
    return int(row.tax.value == tax or row.tax.resembles(f"{tax:.2f}") is not None)


#: What a choice costs in changes, and its figures row by row.
Choice = tuple[float, list[Decimal | None]]


def _cheapest(choices: Iterable[Choice]) -> list[Decimal | None] | None:
    """The choice with the fewest changes, None where several have."""
    found = sorted(choices, key=lambda choice: choice[0])
    if not found or (len(found) > 1 and found[0][0] == found[1][0] and found[0] != found[1]):
        return None
    return found[0][1]


def _choices(options: Sequence[Sequence[Decimal | None]]) -> Iterator[Choice]:
    if prod(len(each) for each in options) > _MOST_CHOICES:
        options = [each[:1] for each in options]
    for choice in itertools.product(*options):
        changes = sum(value != each[0] for value, each in zip(choice, options, strict=True))
        yield changes, list(choice)


def _fitting(options: Sequence[Sequence[Decimal | None]], total: Decimal) -> Iterator[Choice]:
    for changes, choice in _choices(options):
        if sum((value or Decimal(0) for value in choice), Decimal(0)) == total:
            yield changes, choice


#: A figure set to the rest, unlike what other figures of its line make it, is a guess: it costs
#: more than they do for each character that differs.
_GUESS = 2


def _with_rest(
    rows: Sequence[Figures],
    options: Sequence[Sequence[Decimal | None]],
    name: str,
    total: Decimal,
) -> Iterator[Choice]:
    """Every choice with one row set to what the others leave of the total."""
    lost = [
        index
        for index, each in enumerate(options)
        if each[0] is None and not (name == "tax" and rows[index].rate.void)
    ]
    if len(lost) > 1:
        return
    for index in lost or range(len(rows)):
        others = [each if other != index else [None] for other, each in enumerate(options)]
        for changes, choice in _choices(others):
            rest = total - sum((value or Decimal(0) for value in choice), Decimal(0))
            cost = _cost_of(rows[index], name, rest, total)
            if cost is not None:
                yield changes + cost, [*choice[:index], rest, *choice[index + 1 :]]


def _cost_of(row: Figures, name: str, value: Decimal, total: Decimal) -> float | None:
    """What it costs to set a figure of a line to another value, by its print and by what other
    figures of the line say of either; None where it cannot be."""
    cell: Figure = getattr(row, name)
    if not value:
        return None
    if not cell.text:
        return 0.0 if (value < 0) == (total < 0) else None
    off = cell.resembles(f"{value:.2f}")
    if off is None:
        return None
    witnesses = _witnesses(name)
    spoken = witnesses(row, cell.value) if cell.value is not None else 0
    return _GUESS * off + spoken - witnesses(row, value)


def _with_two(
    rows: Sequence[Figures],
    options: Sequence[Sequence[Decimal | None]],
    name: str,
    total: Decimal,
) -> Iterator[Choice]:
    """Every choice with two rows set to what the recogniser held possible for one character of
    each. Every figure must have been read."""
    read = [each[0] for each in options]
    if any(value is None for value in read):
        return
    off = total - sum((value for value in read if value is not None), Decimal(0))
    others = [
        (index, value - (read[index] or Decimal(0)), value, cost)
        for index, row in enumerate(rows)
        for value in set(getattr(row, name).readings())
        if (cost := _cost_of(row, name, value, total)) is not None
    ]
    for (one, moved, value, cost), (two, further, second, more) in itertools.combinations(
        others, 2
    ):
        if one != two and moved + further == off:
            choice = list(read)
            choice[one], choice[two] = value, second
            yield cost + more, choice


def _settle_rates(rows: Sequence[Figures]) -> None:
    """A rate not read is what amount and tax prove; or the one that the other lines have."""
    for row in rows:
        if row.rate.void or row.amount.value is None or row.tax.value is None:
            continue
        own = row.rate.value
        if own is not None and abs(row.amount.value * own - row.tax.value) <= _ROUNDED:
            continue
        better = mending.proven_rate(row.amount.value, row.tax.value)
        if better is not None and (own is None or row.rate.resembles(f"{better * 100:f}%")):
            row.set("rate", better, certain=own is None)
    _fill_rates(rows, _common_rate(rows))


def _fill_rates(rows: Sequence[Figures], rate: Decimal | None) -> None:
    for row in rows:
        if row.rate.value is None and not row.rate.void and rate is not None:
            row.set("rate", rate)


def _rate_of_all(rows: Sequence[Figures], sums: Sums) -> Decimal | None:
    """The one rate by which the sum of amounts gives that of taxes, if no line is free of tax."""
    if any(row.rate.void for row in rows) or sums.amount is None or sums.tax is None:
        return None
    return mending.proven_rate(sums.amount, sums.tax, len(rows) * _CENT) if sums.firm else None


def _common_rate(rows: Sequence[Figures]) -> Decimal | None:
    """The one rate of those lines whose amount and tax prove theirs, or else that all show."""
    if any(row.rate.void for row in rows):
        return None
    proven = {row.rate.value for row in rows if _is_taxed(row)}
    read = proven or {row.rate.value for row in rows if row.rate.value is not None}
    return read.pop() if len(read) == 1 else None


def _is_taxed(row: Figures) -> bool:
    """Do amount and rate give the tax?"""
    amount = row.amount.value
    return amount is not None and bool(row.rate.value) and _gives(amount, row)


def _check_tax(row: Figures) -> None:
    if row.amount.value is None or row.rate.value is None or row.tax.value is None:
        return
    if abs(row.amount.value * row.rate.value - row.tax.value) > _ROUNDED:
        row.open = True

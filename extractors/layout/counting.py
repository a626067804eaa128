"""Price and quantity of a recognised line, whose product is its amount: what was lost or misread of
them is set where one figure fits."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal

from extractors.layout import mending
from extractors.layout.figures import Figures

_CENT = Decimal("0.01")
_MOST_DECIMALS = 13
#: Decimals of a price of which nothing was read.
_USUAL_DECIMALS = 4


def settle_count(row: Figures) -> None:
    """Price and quantity whose product is the amount, or else those as they were read."""
    amount = row.amount.value
    if not row.counted or amount is None or not (row.price.text or row.quantity.text):
        return
    price, quantity = row.price.value, row.quantity.value
    if holds(price, quantity, amount):
        _settle_decimals(row, amount)
        return
    counted = mending.counted(price, amount) if price is not None else None
    if counted is not None and len(row.quantity.text) <= 1:
        row.set("quantity", counted, certain=True)
        return
    choices = [*_other_price(row, amount), *_other_quantity(row, amount)]
    if not choices and _settle_both(row, amount):
        return
    if choices:
        least = min(off for off, _, _ in choices)
        best = {(name, value) for off, name, value in choices if off == least}
        if len(best) == 1:
            row.set(*best.pop())
            return
    row.open = True


def _settle_decimals(row: Figures, amount: Decimal) -> None:
    """A price with many decimals comes of a division. Where it is one character, not the last,
    from what that gives, the character was misread or lost, though the product still holds."""
    price, quantity = row.price.value, row.quantity.value
    decimals = _decimals(price) if price is not None else 0
    if price is None or not quantity or decimals < _DIVIDED:
        return
    found = {each: off for off, _, each in _other_price(row, amount)}
    if found.get(price) == 0:
        return
    for wanted in (decimals, decimals + 1):
        near = [each for each, off in found.items() if off < _TWO and _decimals(each) == wanted]
        if len(near) == 1:
            if abs(near[0] - price) > Decimal(2).scaleb(-decimals):
                row.set("price", near[0])
            return


def _decimals(number: Decimal) -> int:
    return max(0, -int(number.as_tuple().exponent))


#: Fewer changes than these are one.
_TWO = 1.5
#: From so many decimals on a price is taken for a quotient.
_DIVIDED = 8


def _settle_both(row: Figures, amount: Decimal) -> bool:
    """A quantity that was not seen and a price of which the end was not: `2112` and 4224.68 are
    2 and 2112.34."""
    if row.quantity.text or not row.price.value or not row.price.text:
        return False
    quantity = (amount / row.price.value).quantize(Decimal(1))
    if not quantity:
        return False
    price = _bare(amount / quantity)
    if row.price.resembles(f"{price:f}") is None or not holds(price, quantity, amount):
        return False
    row.set("price", price)
    row.set("quantity", quantity)
    return True


def _bare(number: Decimal) -> Decimal:
    """Without zeros behind the last decimal."""
    return Decimal(f"{number.normalize():f}")


def _other_price(row: Figures, amount: Decimal) -> Iterator[tuple[float, str, Decimal]]:
    """The prices, by the quantity, that the cell may have shown; how much they differ from it."""
    if not row.quantity.value:
        return
    exact = amount / row.quantity.value
    seen: set[Decimal] = set()
    for decimals in range(_MOST_DECIMALS + 1):
        price = exact.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
        price = _bare(price)
        if price in seen or not holds(price, row.quantity.value, amount):
            continue
        seen.add(price)
        if not row.price.text:
            if decimals <= _USUAL_DECIMALS and price * row.quantity.value == amount:
                yield 0, "price", price
            continue
        off = row.price.resembles(f"{price:f}")
        if off is not None:
            yield off, "price", price


def _other_quantity(row: Figures, amount: Decimal) -> Iterator[tuple[float, str, Decimal]]:
    if not row.price.value:
        return
    seen: set[Decimal] = set()
    for decimals in range(_USUAL_DECIMALS):
        step = Decimal(1).scaleb(-decimals)
        quantity = _bare((amount / row.price.value).quantize(step, rounding=ROUND_HALF_UP))
        if quantity in seen or not holds(row.price.value, quantity, amount):
            continue
        seen.add(quantity)
        if decimals and not row.quantity.text:
            continue
        # A lone digit that was misread shows nothing of what it was.
        lone = len(row.quantity.text) <= 1 and decimals == 0
        off = 0 if not row.quantity.text else row.quantity.resembles(f"{quantity:f}", cut=False)
        if off is None and lone:
            off = 1
        if off is not None:
            yield off, "quantity", quantity


def holds(price: Decimal | None, quantity: Decimal | None, amount: Decimal) -> bool:
    """Prices are printed rounded, either factor may be the price: the product may differ by what
    the last digits are worth."""
    if price is None or quantity is None:
        return False
    worth = max(_last_digit(price) * abs(quantity), _last_digit(quantity) * abs(price))
    return abs(price * quantity - amount) <= max(_CENT, min(worth, abs(amount) / 100))


def _last_digit(number: Decimal) -> Decimal:
    """What one of the last decimal is worth; whole numbers are exact."""
    exponent = int(number.as_tuple().exponent)
    return Decimal(10) ** exponent if exponent < 0 else Decimal(0)

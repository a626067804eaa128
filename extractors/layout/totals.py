"""The sums at the foot of a VAT face: amount, tax, total, and the total in words.

The words in Chinese figures are the one text that looks like nothing else on the page; their
row carries the total, and the row above it the amount and the tax. Sums prove each other:
words = total, and amount + tax = total.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from extractors.amount_words import parse_amount
from extractors.layout import values
from extractors.layout.page import Run, join
from extractors.layout.reading import Face, compact, cut

_FIGURES = "零〇壹贰叁肆伍陆柒捌玖拾佰仟万亿圆元角分整正"
_WORDS = re.compile(rf"((?:\(?负数?\)?)?[{_FIGURES}]*[壹贰叁肆伍陆柒捌玖拾零][{_FIGURES}]*)")
#: 免税 and 不征税 print stars where the tax would stand.
_STARS = re.compile(r"\*{2,}|免税|不征税")


@dataclass(frozen=True)
class Amount:
    """One printed sum and where it stands."""

    value: Decimal
    run: Run


def read_totals(face: Face, top: float) -> float | None:
    """Find the sums below `top` (the head of the table) and keep those that hold. Returns the y
    of the row with the total, or None when there is none."""
    words = _words_run(face, top)
    total, row = _total(face, words, top)
    if row is None:
        return None
    amounts = _sum_row(face, row, top)
    _keep(face, words, total, amounts)
    return row.middle


def _words_run(face: Face, top: float) -> Run | None:
    found: list[Run] = []
    for phrase in face.sheet.within(face.sheet.phrases, top=top):
        run = compact(phrase)
        for match in _WORDS.finditer(run.text):
            part = cut(run, match)
            if part is not None and parse_amount(part.text) is not None and len(part.raw) >= 2:
                found.append(part)
    with_unit = [run for run in found if re.search("[圆元角分]", run.text)]
    return max(with_unit, key=lambda run: len(run.raw), default=None)


def _total(face: Face, words: Run | None, top: float) -> tuple[Amount | None, Run | None]:
    """The total in figures, and a run that marks its row."""
    if words is not None:
        return _rightmost(_amounts_in_row(face, words)), words
    for row in face.sheet.within(face.sheet.rows, top=top):
        if re.search(r"小写|价税合计", compact(row).text):
            return _rightmost(_amounts(row)), row
    return None, None


def _rightmost(amounts: list[Amount]) -> Amount | None:
    return max(amounts, key=lambda amount: amount.run.x0, default=None)


def _amounts_in_row(face: Face, mark: Run) -> list[Amount]:
    """Sums to the right of the mark, at its height. The figures' baseline may be off by half a
    row: printers and scans lean."""
    reach = 0.75 * max(mark.height, face.sheet.line_height)
    found: list[Amount] = []
    for run in face.sheet.phrases:
        if abs(run.middle - mark.middle) <= reach and run.x1 > mark.x1:
            found.extend(amount for amount in _amounts(run) if amount.run.x0 > mark.x1)
    return found


def _amounts(phrase: Run) -> list[Amount]:
    """Every sum of money in a phrase: marked ones, or else any with two decimals."""
    run = compact(phrase)
    for pattern in (values.SIGNED_MONEY, values.MONEY):
        amounts = []
        for match in pattern.finditer(run.text):
            part, value = cut(run, match, 0), values.money(match[0])
            if part is not None and value is not None:
                amounts.append(Amount(value, part))
        if amounts:
            return amounts
    return []


def _sum_row(face: Face, row: Run, top: float) -> list[Amount]:
    """The sums of the 合计 row, left to right: marked amounts nearest above the total's row."""
    above = [
        run
        for run in face.sheet.within(face.sheet.runs, top=top, bottom=row.middle)
        if run.middle < row.middle - 0.6 * max(row.height, face.sheet.line_height)
    ]
    marked = [
        amount
        for run in above
        if values.SIGNED_MONEY.search(compact(run).text)
        for amount in _amounts(run)
    ]
    if not marked:
        marked = _unmarked_sum_row(above)
    if not marked:
        return []
    lowest = max(amount.run.middle for amount in marked)
    reach = 0.8 * face.sheet.line_height
    level = [amount for amount in marked if lowest - amount.run.middle <= reach]
    if len(level) == 1 and not _stars_beside(face, level[0]):
        level += _bare_beside(face, level[0])
    return sorted(level, key=lambda amount: amount.run.x0)


def _unmarked_sum_row(above: list[Run]) -> list[Amount]:
    """Recognition may lose the ¥: then the row must say 合计."""
    for run in reversed(above):
        level = [other for other in above if abs(other.middle - run.middle) < 0.5 * run.height]
        row = compact(join(level))
        if re.match(r".{0,3}合计", row.text):
            return [amount for other in level for amount in _amounts(other)]
    return []


def _bare_beside(face: Face, amount: Amount) -> list[Amount]:
    """A second sum in the row of a marked one, whose own ¥ got lost."""
    return [
        other
        for run in face.sheet.runs
        if abs(run.middle - amount.run.middle) <= 0.5 * face.sheet.line_height
        and (run.x0 > amount.run.x1 or run.x1 < amount.run.x0)
        for other in _amounts(run)
    ]


def _stars_beside(face: Face, amount: Amount) -> bool:
    return any(
        _STARS.search(run.text)
        for run in face.sheet.runs
        if run.x0 > amount.run.x1 and abs(run.middle - amount.run.middle) <= face.sheet.line_height
    )


def _keep(face: Face, words: Run | None, total: Amount | None, amounts: list[Amount]) -> None:
    """Record the sums. A text layer is taken at its word, true or not: rules judge it later.
    Recognised sums must be proven by another, for a misread digit looks like any digit."""
    spoken = parse_amount(words.text) if words is not None else None
    without = amounts[0] if amounts else None
    tax = amounts[1] if len(amounts) == 2 else None
    spoken_agrees = total is not None and spoken is not None and total.value == spoken
    adds_up = (
        total is not None
        and without is not None
        and without.value + (tax.value if tax else Decimal(0)) == total.value
        and (tax is not None or spoken_agrees or _stars_beside(face, without))
    )
    if words is not None and spoken is not None:
        face.keep("amount_in_words", words.raw.replace(" ", ""), words, proven=spoken_agrees)
    _keep_sum(face, "total_with_tax", total, proven=spoken_agrees or adds_up)
    _keep_sum(face, "total_without_tax", without, proven=adds_up)
    _keep_sum(face, "total_tax", tax, proven=adds_up)


def _keep_sum(face: Face, name: str, amount: Amount | None, *, proven: bool) -> None:
    if amount is None:
        return
    if proven or not face.recognised:
        face.keep(name, amount.value, amount.run, proven=proven)
    else:
        face.doubt(name, amount.value, amount.run)

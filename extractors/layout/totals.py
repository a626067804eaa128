"""The sums at the foot of a VAT face: amount, tax, total, and the total in words.

The words in Chinese figures are the one text that looks like nothing else on the page; their
row carries the total, and the row above it the amount and the tax. What recognition made of
them is proven in `proving`.
"""

from __future__ import annotations

import re
from decimal import Decimal

from extractors.amount_words import parse_amount
from extractors.layout import values
from extractors.layout.page import Run, join
from extractors.layout.proving import Amount, Printed, prove
from extractors.layout.reading import Face, compact, cut

_FIGURES = "零〇壹贰叁肆伍陆柒捌玖拾佰仟万亿圆元角分整正"
_WORDS = re.compile(rf"((?:\(?负数?\)?)?[{_FIGURES}]*[壹贰叁肆伍陆柒捌玖拾零][{_FIGURES}]*)")
_CHINESE = re.compile(r"(?:\(?负数?\)?)?[\u4e00-\u9fff]+")
_SUM_LABEL = re.compile(r"^.{0,2}合计|^[合台]?计$")
#: 免税 and 不征税 print stars where the tax would stand.
_STARS = re.compile(r"\*{2,}|免税|不征税")


def read_totals(face: Face, top: float) -> float | None:
    """Find the sums below `top` (the head of the table) and keep those that hold. Returns the y
    of the row with the total, or None when there is none."""
    words = _words_run(face, top)
    total, row = _total(face, words, top)
    if row is None:
        if face.recognised:
            _prove_sums_alone(face, top)
        return None
    amounts = _sum_row(face, top, row.middle - 0.6 * max(row.height, face.sheet.line_height))
    if face.recognised:
        above = face.sheet.within(face.sheet.runs, top=top, bottom=row.middle - 0.6 * row.height)
        printed = Printed(
            _whole_words(face, words, row, total),
            total,
            tuple(amounts),
            tuple(_level(face, amounts, above)),
            tuple(above),
            starred=len(amounts) == 1 and _stars_beside(face, amounts[0]),
        )
        prove(face, printed)
    else:
        _keep_given(face, words, total, amounts)
    return row.middle


def _prove_sums_alone(face: Face, top: float) -> None:
    """Keep the sums of a page alone whose total stands on another one: on 数电票 of several pages
    each shows those of the whole below its own."""
    sheet = face.sheet
    amounts = _sum_row(face, top, sheet.bottom)
    if not amounts:
        return
    mark = amounts[0].run
    row = [run for run in sheet.runs if abs(run.middle - mark.middle) < 0.5 * mark.height]
    if not compact(join(sorted(row, key=lambda run: run.x0))).text.startswith("合计"):
        return
    above = sheet.within(sheet.runs, top=top, bottom=mark.middle - 0.6 * mark.height)
    starred = len(amounts) == 1 and _stars_beside(face, amounts[0])
    level = _level(face, amounts, above)
    prove(face, Printed(None, None, tuple(amounts), tuple(level), tuple(above), starred))


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


def _sum_row(face: Face, top: float, bottom: float) -> list[Amount]:
    """The sums of the 合计 row, left to right: the lowest marked amounts between two heights."""
    above = face.sheet.within(face.sheet.runs, top=top, bottom=bottom)
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


def _whole_words(
    face: Face, words: Run | None, row: Run, total: Amount | None
) -> tuple[Run, Decimal | None] | None:
    """The words as far as they stand without a gap, and their amount if every character of them
    is one of such words; recognition may have taken some for others."""
    right = total.run.x0 if total is not None else 1e9
    found = [] if words is None else [words]
    for phrase in face.sheet.phrases:
        if abs(phrase.middle - row.middle) < 0.75 * phrase.height and phrase.x0 < right:
            found.extend(_like_words(compact(phrase)))
    best = max(found, key=lambda run: len(run.glyphs), default=None)
    if best is None:
        return None
    return best, parse_amount(best.text) if _WORDS.fullmatch(best.text) else None


def _like_words(phrase: Run) -> list[Run]:
    """Chinese print of which at least half are figures; labels end with 写."""
    parts = []
    for match in _CHINESE.finditer(phrase.text):
        start = max(match.start(), phrase.text.rfind("写", 0, match.end()) + 1)
        part = phrase.part(start, match.end())
        figures = sum(char in _FIGURES for char in part.text) if part is not None else 0
        if part is not None and figures >= max(3, len(part.glyphs) / 2):
            parts.append(part)
    return parts


def _level(face: Face, amounts: list[Amount], above: list[Run]) -> list[Run]:
    """Everything with figures in the row of sums: that of the sums that were read, or of its
    label, or else the lowest."""
    labels = [run for run in above if _SUM_LABEL.match(compact(run).text)]
    figures = [run for run in above if re.search(r"\d\.\d\d$", compact(run).text)]
    marks = [amount.run for amount in amounts] or labels or figures
    if not marks:
        return []
    mark = max(marks, key=lambda run: run.middle)
    reach = 0.8 * max(mark.height, face.sheet.line_height)
    return [
        compact(run)
        for run in face.sheet.runs
        if abs(run.middle - mark.middle) <= reach and re.search(r"\d\d", run.text)
    ]


def _keep_given(face: Face, words: Run | None, total: Amount | None, amounts: list[Amount]) -> None:
    """A text layer is taken at its word, true or not: rules judge it later."""
    spoken = parse_amount(words.text) if words is not None else None
    without = amounts[0] if amounts else None
    tax = amounts[1] if len(amounts) == 2 else None
    if words is not None and spoken is not None:
        face.keep("amount_in_words", words.raw.replace(" ", ""), words)
    sums = {"total_with_tax": total, "total_without_tax": without, "total_tax": tax}
    for name, amount in sums.items():
        if amount is not None:
            face.keep(name, amount.value, amount.run)

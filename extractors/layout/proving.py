"""Recognised sums prove and mend each other: words = total, amount + tax = total, and what an exact
source (a QR code) says of either.

A sum that two printings agree on is proven. Where the total is proven, a part that was misread is
what the other leaves of it, if its print comes near that and the other way round does not hold.
What nothing proves is kept as it was read, for a person to look at; it is never sure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from rapidfuzz.distance import Levenshtein

from extractors.amount_words import spelled_amount
from extractors.layout import values
from extractors.layout.page import Run
from extractors.layout.reading import MENDED, UNLABELLED, Face, compact

#: Rates and levies of VAT in use since 2009, of the amount.
_RATES = tuple(
    Decimal(rate) / 1000 for rate in (170, 160, 130, 110, 100, 90, 60, 50, 40, 30, 20, 15, 10, 5)
)
#: What roundings of several lines may make of amount x rate.
_ROUNDING = Decimal("0.10")
#: Words that share so much with those of the sum are these, misread.
_ALIKE = 0.6
_WORDS = "零〇壹贰叁肆伍陆柒捌玖拾佰仟万亿圆元角分整正"
#: The 负数 before the words of a red invoice, the first of which is often misread.
_MINUS = re.compile(rf"^\W*(?:[^{_WORDS}]?数|负)\W*")
_MONEY = re.compile(r"(?<![\d.,])-?\d[\d,]*[.,]\d\d(?!\d)")


@dataclass(frozen=True)
class Amount:
    """One printed sum and where it stands."""

    value: Decimal
    run: Run


Pair = tuple[Amount, Amount]


@dataclass(frozen=True)
class Printed:
    """What stands in the two rows of sums: the words with their amount (None where they were
    misread), the total, the amount with or without the tax; `level` is everything with figures
    in the row of those, `above` what stands between the head of the table and the total's row;
    `starred` says that stars stand for the tax."""

    words: tuple[Run, Decimal | None] | None
    total: Amount | None
    parts: tuple[Amount, ...]
    level: tuple[Run, ...]
    above: tuple[Run, ...]
    starred: bool

    @cached_property
    def table(self) -> tuple[Pair, ...]:
        """Pairs of sums in rows of the table: of a single line, they are the invoice's too."""
        return tuple(_pairs_in_rows(self.above))

    @property
    def spoken(self) -> Decimal | None:
        return self.words[1] if self.words is not None else None


def prove(face: Face, printed: Printed) -> None:
    """Keep the sums, each as certain as others prove it."""
    total = _believed(face, printed)
    proven = total is not None
    if total is None:
        total = _unsaid(face, printed)
    _keep_total(face, printed, total, proven=proven)
    _keep_words(face, printed, total)
    _keep_parts(face, printed, total, proven=proven)


def _believed(face: Face, printed: Printed) -> Decimal | None:
    """The total that an exact source names, or that at least two printings say."""
    known = face.known.get("total_with_tax")
    if isinstance(known, Decimal):
        return known
    said = [printed.spoken, printed.total.value if printed.total else None]
    without = face.known.get("total_without_tax")
    parts = [part.value for part in printed.parts]
    if len(parts) == 2:
        said.append(sum(parts, Decimal(0)))
    elif printed.starred:
        said.extend(parts)
    if isinstance(without, Decimal) and parts and without not in parts:
        said.append(without + parts[-1])
    values_said = [value for value in said if value is not None]
    if printed.spoken is not None and -printed.spoken in values_said:
        values_said[0] = -printed.spoken  # the minus may stand on one side only
    for value in values_said:
        if values_said.count(value) > 1:
            return value
    added = {one.value + two.value for one, two in printed.table}
    agreed = {value for value in values_said if value in added}
    return agreed.pop() if len(agreed) == 1 else None


def _unsaid(face: Face, printed: Printed) -> Decimal | None:
    """The one printed sum that misread words do not gainsay. What it says in their misread places
    nothing proves."""
    said = [printed.total.value] if printed.total is not None else []
    without = face.known.get("total_without_tax")
    if len(printed.parts) == 2:
        said.append(printed.parts[0].value + printed.parts[1].value)
    if isinstance(without, Decimal) and printed.parts:
        said.append(without + printed.parts[-1].value)
    agreed = {value for value in said if _may_say(printed, value)}
    return agreed.pop() if len(agreed) == 1 else None


def _may_say(printed: Printed, value: Decimal) -> bool:
    """Are the words those of this sum, but for characters that are none of such words?"""
    if printed.words is None or printed.spoken is not None:
        return False
    read, whole = printed.words[0].text, _MINUS.sub("", _spelled(value))
    read = _MINUS.sub("", read)
    if len(read) != len(whole):
        return False
    strange = [one for one, two in zip(read, whole, strict=True) if one != two]
    return len(strange) <= len(whole) / 3 and not any(char in _WORDS for char in strange)


def _keep_total(face: Face, printed: Printed, total: Decimal | None, *, proven: bool) -> None:
    read = printed.total
    if read is not None and read.value == total:
        most = 1.0 if proven else MENDED
        face.keep("total_with_tax", read.value, read.run, proven=proven, most=most)
        return
    if read is not None:
        face.doubt("total_with_tax", read.value, read.run)
    if face.known.get("total_with_tax") is not None:
        return  # The exact source fills the field; what the face says otherwise is told.
    place = read.run if read is not None else printed.words[0] if printed.words else None
    if place is None:
        return
    if total is not None:
        face.keep("total_with_tax", total, place, most=MENDED)
    else:
        said = read.value if read is not None else printed.spoken
        face.keep("total_with_tax", said, place, most=UNLABELLED)


def _keep_words(face: Face, printed: Printed, total: Decimal | None) -> None:
    """Words whose characters were misread are those of the proven total, if they come near."""
    if printed.words is None:
        return
    run, spoken = printed.words
    if spoken is not None and spoken != -(total or 0):
        face.keep("amount_in_words", run.raw.replace(" ", ""), run, proven=spoken == total)
    elif total is not None and _share(run.text, _spelled(total)) >= _ALIKE:
        face.keep("amount_in_words", _spelled(total), run, most=MENDED)


def _spelled(total: Decimal) -> str:
    """The words of a sum, behind 负数 those of a negative one."""
    return ("（负数）" if total < 0 else "") + (spelled_amount(abs(total)) or "零圆整")


def _share(read: str, whole: str) -> float:
    """How much of the words is as they should read, from 0 to 1."""
    plain = (_MINUS.sub("", text) for text in (read, whole))
    return float(Levenshtein.normalized_similarity(*plain))


def _keep_parts(face: Face, printed: Printed, total: Decimal | None, *, proven: bool) -> None:
    parts = printed.parts
    # An amount that is the whole of a proven total leaves no tax, whatever was made of its stars.
    untaxed = proven and len(parts) == 1
    whole = len(parts) == 2 or printed.starred or untaxed
    if whole and total == sum((part.value for part in parts), Decimal(0)):
        for name, part in zip(_NAMES, parts, strict=False):
            face.keep(name, part.value, part.run, proven=True)
        return
    mended = _mended(face, printed, total) if total is not None else ()
    for name, part in zip(_NAMES, mended, strict=False):
        face.keep(name, part.value, part.run, most=MENDED)
    if mended:
        return
    for name, part in _by_place(parts, total):
        if face.known.get(name) == part.value:
            face.keep(name, part.value, part.run, proven=True)
            continue
        face.doubt(name, part.value, part.run)
        if name not in face.known:
            face.keep(name, part.value, part.run, most=UNLABELLED)


_NAMES = ("total_without_tax", "total_tax")


def _by_place(parts: Sequence[Amount], total: Decimal | None) -> Iterator[tuple[str, Amount]]:
    """Which sum each is; a single one is the tax if it is less than half of the total."""
    if len(parts) == 1 and total is not None and 2 * abs(parts[0].value) < abs(total):
        yield "total_tax", parts[0]
        return
    yield from zip(_NAMES, parts, strict=False)


def _mended(face: Face, printed: Printed, total: Decimal) -> tuple[Amount, ...]:
    """The amount and the tax, of which one was read and the other is what it leaves of the total,
    if its print comes near that or a rate in use proves it; or the amount alone where there is
    no tax. Nothing where several ways hold as well as one another."""
    ways: dict[tuple[bool, int], set[tuple[Decimal, Decimal]]] = {}
    places: dict[tuple[Decimal, Decimal], tuple[Amount, Amount]] = {}
    for one, two, distance in _ways(face, printed, total):
        pair = one.value, two.value
        ways.setdefault((not _is_taxed(*pair), distance), set()).add(pair)
        places[pair] = one, two
    if ways:
        best = ways[min(ways)]
        return places[best.pop()] if len(best) == 1 else ()
    found = [
        pair
        for pair in (*printed.table, *_completed(printed, total))
        if pair[0].value + pair[1].value == total and _is_taxed(pair[0].value, pair[1].value)
    ]
    if len({one.value for one, _ in found}) == 1:
        return found[-1]
    alone = printed.level[0] if len(printed.level) == 1 else None
    if alone is not None and _is_exempt(face) and _distance(total, alone) <= _most(total):
        return (Amount(total, alone),)
    return ()


def _completed(printed: Printed, total: Decimal) -> Iterator[Pair]:
    """A sum alone in its row with the rest of the total, which stands in the table too."""
    for value in _readings(printed.level[0]) if len(printed.level) == 1 else ():
        rest = total - value
        for run in printed.above:
            if run is not printed.level[0] and values.money(compact(run).text) == rest:
                one, two = Amount(value, printed.level[0]), Amount(rest, run)
                yield (one, two) if abs(value) > abs(rest) else (two, one)


def _ways(face: Face, printed: Printed, total: Decimal) -> Iterator[tuple[Amount, Amount, int]]:
    """Amount and tax as one run of the row says it and another may, and in how many figures the
    other differs from its print."""
    known = face.known.get("total_without_tax")
    for run in printed.level:
        for other in printed.level:
            if other.x0 < run.x1:
                continue
            readings = [(value, total - value) for value in _readings(run)]
            readings += [(total - value, value) for value in _readings(other)]
            if isinstance(known, Decimal):
                readings = [(known, total - known)]
            for without, tax in readings:
                distance = _distance(without, run) + _distance(tax, other)
                sound = without * total > 0 and tax * total >= 0 and abs(without) > abs(tax)
                if sound and (distance <= _most(tax) or _is_taxed(without, tax)):
                    yield Amount(without, run), Amount(tax, other), distance


def _readings(run: Run) -> Iterator[Decimal]:
    """The sum that a run is, and what it is if its first figure was the sign ¥."""
    for match in _MONEY.finditer(run.text):
        text = match[0].replace(",", ".") if match[0].count(",") == 1 else match[0]
        for each in (match[0], text, re.sub(r"^(-?)\d", r"\1", text)):
            value = values.money(each)
            if value is not None:
                yield value


def _most(value: Decimal) -> int:
    return 1 if abs(value) < 1000 else 2


def _distance(value: Decimal, run: Run) -> int:
    """In how many figures the print of a run differs from a sum, whatever became of its marks."""
    figures = re.sub(r"\D", "", f"{abs(value):.2f}")
    return int(Levenshtein.distance(figures, re.sub(r"\D", "", run.text)))


def _is_taxed(amount: Decimal, tax: Decimal) -> bool:
    """Is the tax the amount at some rate in use?"""
    return any(abs(amount * rate - tax) <= _ROUNDING for rate in _RATES)


def _is_exempt(face: Face) -> bool:
    return re.search(r"免税|不征税", face.sheet.text) is not None


def _pairs_in_rows(runs: Sequence[Run]) -> Iterator[Pair]:
    """Two sums of one row, the greater left of the other: of a single line, they are those of the
    invoice too."""
    amounts = [
        Amount(value, run)
        for run in runs
        if _MONEY.fullmatch(text := compact(run).text) and (value := values.money(text)) is not None
    ]
    for one in amounts:
        for two in amounts:
            level = abs(one.run.middle - two.run.middle) < 0.7 * one.run.height
            if level and one.run.x1 < two.run.x0 and abs(one.value) > abs(two.value) > 0:
                yield one, two

"""The sums of an itinerary: titles in one row, what they name in the next, set so that columns
need not line up.

Parts that add up to the total prove that nothing is misread and nothing paired wrongly. The paper
form marks its sums besides: CN is the fund, YQ or YR the fuel, and CNY begins the fare and the
total.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise

from rapidfuzz.distance import Hamming

from extractors.layout import values
from extractors.layout.page import Run
from extractors.layout.reading import UNLABELLED, Face, compact
from extractors.layout.slips import DOUBTED, doubted, span
from extractors.model import Field

_TITLES = (
    ("rate", r"增值税税?率"),
    ("tax", r"增值税税?额"),
    ("fare", r"票价"),
    ("fuel", r"燃油附加费"),
    ("fund", r"民航发展基金|机场建设费"),
    ("other_taxes", r"其[他它]税费"),
    ("total", r"合计"),
)
_TITLE = re.compile("|".join(f"(?P<{name}>{words})" for name, words in _TITLES))
_CELL = re.compile(
    r"(?P<mark>CNY|CN|[YV][QR]|RMB|¥)?[^\w\-]{0,2}(?P<sum>-?\d{1,7}[.,]\d{2})(?![\d.,])"
    # A sum that lost its point still takes the place of one.
    r"|(?P<broken>CNY\s?\d{1,7}(?:\.\d?)?(?![\d.,]))|(?P<rate>\d{1,2}(?:\.\d)?%)|(?P<free>EXEMPT|免税|不征税)"
    # Flights bear 9 (earlier 10 and 11) per cent; a small sign behind it gets lost.
    r"|(?P<bare>(?<![\w.,])(?:9|1[01])(?![\w.,%]))"
)
_FORM_ORDER = ("fare", "fuel", "rate", "tax", "fund", "other_taxes", "total")
_LEAST_TITLES = 3
_CENT = Decimal("0.01")
#: A row of so many sums, the last being those before it together, needs no titles.
_LEAST_SUMS = 3


@dataclass(frozen=True)
class _Cell:
    text: str
    mark: str
    value: Decimal | None
    run: Run


_Titles = Sequence[tuple[str, Run]]


def read_sums(face: Face) -> dict[str, Field[str]]:
    """Keep total and tax; returns the other parts by name. A total alone, where parts are
    unreadable, is doubtful, and so is every sum of a recognised page that does not add up."""
    titles = title_row(face)
    cells = sum_row(face)
    if not cells:
        return {}
    for paired, sure in _pairings(titles, cells):
        sums = {name: cell.value for name, cell in paired.items() if cell.value is not None}
        total = sums.pop("total", None)
        if total is None or len(sums) < 1 or sum(sums.values(), Decimal(0)) != total:
            continue
        face.keep("total_with_tax", total, paired["total"].run, proven=True)
        # The sum proves what is printed, not which part is which.
        most = 1.0 if sure or not face.recognised else DOUBTED
        if "tax" in sums:
            face.keep("total_tax", sums.pop("tax"), paired["tax"].run, proven=True, most=most)
        return {
            name: doubted(face.field(f"{value:.2f}", paired[name].run, proven=True), most)
            for name, value in sums.items()
        }
    _keep_summed(face, cells)
    return _keep_unproven(face, titles, cells) if face.recognised else {}


def _keep_summed(face: Face, cells: Sequence[_Cell]) -> None:
    """Where nothing says which part is which: the last of at least three sums that is what the
    others make together can only be the total."""
    sums = [(cell.value, cell.run) for cell in cells if cell.value is not None]
    parts = sum((value for value, _ in sums[:-1]), Decimal(0))
    if len(sums) >= _LEAST_SUMS and sums[-1][0] == parts > 0:
        face.keep("total_with_tax", sums[-1][0], sums[-1][1], proven=True)


def _keep_unproven(face: Face, titles: _Titles, cells: Sequence[_Cell]) -> dict[str, Field[str]]:
    """Recognised sums that do not add up, or of which some are unreadable: each as its mark, its
    place in the form or the title over it says. The last is the total where it stands under that
    title or is marked so. Hardly believed."""
    paired = next((pairing for pairing, sure in _pairings(titles, cells) if sure), None)
    complete = paired is not None
    paired = _one_mended(paired) if paired is not None else _under_titles(titles, cells)
    total = paired.get("total")
    last = total is not None and total.run is cells[-1].run
    if total is not None and last and "total_with_tax" not in face.found:
        most = UNLABELLED if complete else DOUBTED
        face.keep("total_with_tax", total.value, total.run, most=most)
    tax = paired.get("tax")
    if tax is not None:
        face.keep("total_tax", tax.value, tax.run, most=UNLABELLED)
    return {
        name: doubted(face.field(f"{cell.value:.2f}", cell.run), UNLABELLED)
        for name, cell in paired.items()
        if cell.value is not None and name not in ("total", "tax")
    }


def _one_mended(paired: Mapping[str, _Cell]) -> dict[str, _Cell]:
    """The sums with the one that lost its end set to what the total leaves; or the only one set
    right that by one figure makes them add up, of several the one by which rate and tax agree."""
    sums = {name: cell.value for name, cell in paired.items() if cell.value is not None}
    if "total" not in sums:
        return dict(paired)
    broken = [name for name, cell in paired.items() if cell.value is None and cell.mark == "CNY"]
    if len(broken) == 1:
        rest = 2 * sums["total"] - sum(sums.values())
        cell = paired[broken[0]]
        begun = re.sub(r"[^\d.]", "", cell.text)
        if rest > 0 and f"{rest:.2f}".startswith(begun):
            return {**paired, broken[0]: replace(cell, value=rest)}
    off = 2 * sums["total"] - sum(sums.values())
    near = [
        {**sums, name: wanted}
        for name, value in sums.items()
        if Hamming.distance(
            f"{(wanted := value - off if name == 'total' else value + off):.2f}", f"{value:.2f}"
        )
        == 1
    ]
    taxed = [each for each in near if _is_taxed(paired, each)]
    right = taxed if len(near) > 1 else near
    if len(right) != 1:
        return dict(paired)
    return {
        name: replace(cell, value=right[0].get(name, cell.value)) for name, cell in paired.items()
    }


def _is_taxed(paired: Mapping[str, _Cell], sums: Mapping[str, Decimal]) -> bool:
    """Do fare and fuel bear the tax at the printed rate?"""
    rate = values.rate(paired["rate"].text) if "rate" in paired else None
    if rate is None or not {"fare", "fuel", "tax"} <= sums.keys():
        return False
    return abs((sums["fare"] + sums["fuel"]) * rate - sums["tax"]) <= _CENT


def _under_titles(titles: _Titles, cells: Sequence[_Cell]) -> dict[str, _Cell]:
    """Each sum that stands right under a title, by the title's name."""
    paired: dict[str, _Cell] = {}
    for cell in cells:
        near = [(name, run) for name, run in titles if _apart(run, cell.run) < 1.5 * run.height]
        if len(near) == 1:
            paired.setdefault(near[0][0], cell)
    last = cells[-1]
    named = bool(titles) and titles[-1][0] == "total" and last.run.x1 > titles[-1][1].x0
    marked = len(cells) >= _LEAST_SUMS and (cells[0].mark, last.mark) == ("CNY", "CNY")
    if named or (marked and "total" not in paired):
        paired["total"] = last
    return paired


def title_row(face: Face) -> list[tuple[str, Run]]:
    """The titles of the sums from left to right: the row that shows most of them, and others that
    stand level with it where a leaning row was cut in two. Empty where one stands there twice."""
    best: list[tuple[str, Run]] = []
    every: list[tuple[str, Run]] = []
    for row in map(compact, face.sheet.rows):
        found = []
        for match in _TITLE.finditer(row.text):
            part = span(row, match)
            if part is not None and match.lastgroup is not None:
                found.append((match.lastgroup, part))
        every.extend(found)
        if len(found) > len(best):
            best = found
    names = {name for name, _ in best}
    best = [*best, *(each for each in every if each[0] not in names and _level(each[1], best))]
    best.sort(key=lambda title: title[1].x0)
    return best if len({name for name, _ in best}) == len(best) else []


def _level(run: Run, titles: _Titles) -> bool:
    nearest = min((other for _, other in titles), key=lambda other: abs(other.centre - run.centre))
    return abs(nearest.middle - run.middle) < 0.7 * run.height


def sum_row(face: Face) -> list[_Cell]:
    """Sums and rates of the row below the titles, from left to right; where the titles are
    unreadable the row that has most of them with their marks."""
    titles = title_row(face)
    rows: list[list[_Cell]] = []
    for row in face.sheet.rows:
        cells = list(_cells_of(row, recognised=face.recognised))
        if len(titles) < _LEAST_TITLES:
            marked = sum(bool(cell.mark) for cell in cells)
            if len(cells) >= _LEAST_SUMS and (marked >= 2 or _adds_up(cells)):
                rows.append(cells)
            continue
        height = titles[0][1].height
        nearest = min((run for _, run in titles), key=lambda run: abs(run.centre - row.centre))
        if 0.5 * height < row.middle - nearest.middle < 5 * height:
            rows.append(cells)
    return max(rows, key=len, default=[])


def _adds_up(cells: Sequence[_Cell]) -> bool:
    sums = [cell.value for cell in cells if cell.value is not None]
    return len(sums) >= _LEAST_SUMS and sum(sums[:-1], Decimal(0)) == sums[-1] > 0


def _cells_of(row: Run, *, recognised: bool) -> Iterator[_Cell]:
    for match in _CELL.finditer(row.text):
        part = span(row, match)
        if part is None:
            continue
        # Two digits after a comma are no thousands: a point was misread.
        value = values.money(match["sum"].replace(",", ".")) if match["sum"] else None
        if value is not None and recognised:
            value = abs(value)  # no itinerary is of less than nothing: a stroke was a speck
        mark = match["mark"] or ("CNY" if match["broken"] else "")
        if (match["broken"] or match["bare"]) and not recognised:
            continue
        text = f"{match[0]}%" if match["bare"] else match[0]
        yield _Cell(text, mark.replace("V", "Y"), value, part)


def _pairings(titles: _Titles, cells: Sequence[_Cell]) -> Iterator[tuple[dict[str, _Cell], bool]]:
    """The ways to give sums to titles, and whether the place of every sum speaks for it: by their
    marks; in order where there are as many; by the title that each begins or centres under; by
    the columns that titles begin. Titles may be unread where the order of the electronic form's
    seven cells, the rate third, says it all."""
    marked = _by_marks(cells)
    if marked is not None and marked[1]:
        yield marked
    whole = len(cells) == len(_FORM_ORDER) and cells[2].text.endswith("%")
    if len(titles) < _LEAST_TITLES:
        if whole:
            yield dict(zip(_FORM_ORDER, cells, strict=True)), False
    else:
        yield from _by_titles(titles, cells, whole=whole)
    unrated = tuple(name for name in _FORM_ORDER if name != "rate")
    if len(cells) == len(unrated) and all(cell.value is not None for cell in cells):
        yield dict(zip(unrated, cells, strict=True)), False
    if marked is not None:
        yield marked


def _by_titles(
    titles: _Titles, cells: Sequence[_Cell], *, whole: bool
) -> Iterator[tuple[dict[str, _Cell], bool]]:
    by_nearest = [min(titles, key=lambda title: _apart(title[1], cell.run))[0] for cell in cells]
    by_column = [
        max((title for title in titles if title[1].x0 <= cell.run.centre),
            key=lambda title: title[1].x0, default=titles[0])[0]
        for cell in cells
    ]  # fmt: skip
    if len(titles) == len(cells):
        names = [name for name, _ in titles]
        agreed = names in (by_nearest, by_column)
        yield dict(zip(names, cells, strict=True)), agreed or whole
    if whole:
        yield dict(zip(_FORM_ORDER, cells, strict=True)), True
    for names in (by_nearest, by_column):
        if len(set(names)) == len(names):
            yield dict(zip(names, cells, strict=True)), _close(titles, cells)


def _by_marks(cells: Sequence[_Cell]) -> tuple[dict[str, _Cell], bool] | None:
    """The paper form's sums by their marks, and whether all have theirs; None where the marks are
    not those of one form. Fund, fuel and other taxes stand in this order, so what lost its mark
    before the fuel is the fund."""
    middle = cells[1:-1]
    marks = [cell.mark for cell in middle]
    if len(cells) < _LEAST_SUMS or not {"CN", "YQ", "YR"} & set(marks):
        return None
    paired = {"fare": cells[0], "total": cells[-1]}
    fuel = next((place for place, mark in enumerate(marks) if mark in ("YQ", "YR")), -1)
    for place, cell in enumerate(middle):
        name = {"CN": "fund", "YQ": "fuel", "YR": "fuel"}.get(cell.mark, "")
        if not name and (cell.text == "EXEMPT" or place < fuel):
            name = "fund"
        name = name or ("other_taxes" if place == len(middle) - 1 else "")
        if not name or name in paired or (cell.value is None and cell.text != "EXEMPT"):
            return None
        paired[name] = cell
    outer = {cells[0].mark, cells[-1].mark} == {"CNY"}
    return paired, outer and all(
        mark or cell.value is None for mark, cell in zip(marks, middle, strict=True)
    )


def _close(titles: _Titles, cells: Sequence[_Cell]) -> bool:
    """Does every sum stand nearer to a title than half the titles' distance? One that does not
    may belong to a title that was not recognised."""
    places = sorted(run.x0 for _, run in titles)
    step = min(right - left for left, right in pairwise(places))
    return all(min(_apart(run, cell.run) for _, run in titles) < 0.5 * step for cell in cells)


def _apart(title: Run, cell: Run) -> float:
    return min(abs(title.centre - cell.centre), abs(title.x0 - cell.x0))

"""Columns whose titles recognition lost, found by what stands in them.

Figures of a column end one below the other, the sums below it included; rates have their percent
sign; names begin farthest left. A blank title is set where each such column has its middle.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean, median

from extractors.layout import values
from extractors.layout.columns import Header
from extractors.layout.lines import RATE
from extractors.layout.page import Run
from extractors.layout.reading import Face, compact

_MONEY = re.compile(r"-?[\d,]+[.,]\d\d")
#: A class of goods between stars, or what became of them, and the name behind.
STARRED = re.compile(r"[*\"“”‘’'°.·][一-鿿、]{2,}[*\"“”‘’°.·].")
#: Columns of special businesses, which stand in place of specification, unit and the like.
_SPECIAL = frozenset({"site", "project", "certificate", "plate", "vehicle", "begin", "end"})
#: Figures of one column end within so many heights of print.
_ALIGNED = 0.8
#: Cells of one row lie within so many heights of print.
_LEVEL = 0.6


def untitled(face: Face) -> Header | None:
    """The header of a recognised table none of whose titles could be read: goods that begin with
    their class between stars and have a rate in their row. It has a blank over the rates alone, a
    row above the first of those goods."""
    rows = [run for run in face.sheet.runs if STARRED.match(compact(run).text)]
    rates = [
        (name, run)
        for name in rows
        for run in face.sheet.runs
        if RATE.fullmatch(compact(run).text) and name.x1 < run.x0 and _beside(name, run)
    ]
    if not rates:
        return None
    first = min(rows, key=lambda run: run.middle)
    rate = min((rate for _, rate in rates), key=lambda run: abs(run.middle - first.middle))
    centre = fmean(rate.centre for _, rate in rates)
    top, bottom = first.y0 - first.height, first.y0
    glyph = replace(rate.glyphs[0], char=" ", x0=centre, x1=centre, y0=top, y1=bottom)
    return Header(top, bottom, {"rate": Run((glyph,))})


def _beside(one: Run, other: Run) -> bool:
    return one.page == other.page and abs(one.middle - other.middle) < _LEVEL * one.height


def completed(face: Face, header: Header, body: Sequence[Run]) -> Header:
    """The header with a blank for every lost title over a column that `body`, the runs between
    titles and sums, shows."""
    read = _rate_set_right(dict(header.titles), body)
    titles = dict(read)
    _add(header, titles, "rate", _rate_column(body))
    for name, total in (("amount", "total_without_tax"), ("tax", "total_tax")):
        span = _under(face, total) or _money_column(name, titles, body)
        _add(header, titles, name, span)
    if "amount" in titles and not _SPECIAL & titles.keys():
        for name, span in _figure_columns(titles, body):
            _add(header, titles, name, span)
        _add(header, titles, "unit", _unit_column(titles, body))
    if body:
        left = min(run.x0 for run in body)
        _add(header, titles, "name", (left, left))
    return replace(header, titles=titles, guessed=frozenset(titles.keys() - read.keys()))


def _add(
    header: Header, titles: dict[str, Run], name: str, span: tuple[float, float] | None
) -> None:
    """A blank for a title that is not there, if its column would stand in order."""
    if name not in titles and span is not None and _stands(name, span, titles):
        titles[name] = _blank(header, *span)


def _rate_column(body: Sequence[Run]) -> tuple[float, float] | None:
    rates = [run for run in body if RATE.fullmatch(compact(run).text)]
    middle = median(run.centre for run in rates) if rates else None
    return (middle, middle) if middle is not None else None


def _rate_set_right(titles: dict[str, Run], body: Sequence[Run]) -> dict[str, Run]:
    """税? over the rates is no 税额."""
    tax = titles.get("tax")
    if tax is None or "rate" in titles:
        return titles
    over = [run for run in body if "%" in run.text and tax.x0 < run.centre < tax.x1]
    if over:
        titles["rate"] = titles.pop("tax")
    return titles


def _blank(header: Header, x0: float, x1: float) -> Run:
    """An empty title at the height of the others."""
    some = next(iter(header.titles.values()))
    sink = header.slope * ((x0 + x1) / 2 - some.centre)
    y0, y1 = some.y0 + sink, some.y1 + sink
    return Run((replace(some.glyphs[0], char=" ", x0=x0, x1=x1, y0=y0, y1=y1),))


def _under(face: Face, total: str) -> tuple[float, float] | None:
    """Where the sum of the column stands, from left to right on the sheet."""
    field = face.found.get(total) or face.doubted.get(total)
    if field is None or field.box is None:
        return None
    spans = [
        (run.x0, run.x1)
        for run in face.sheet.runs
        if face.sheet.pages[(box := face.sheet.place(run)).page].page == field.box.page
        and box.y0 <= (field.box.y0 + field.box.y1) / 2 <= box.y1
        and box.x0 <= (field.box.x0 + field.box.x1) / 2 <= box.x1
    ]
    return spans[0] if spans else None


def _money_column(
    name: str, titles: dict[str, Run], body: Sequence[Run]
) -> tuple[float, float] | None:
    """Left or right of the rates, the column of amounts or of taxes."""
    rate = titles.get("rate")
    if rate is None:
        return None
    money = [run for run in body if _MONEY.fullmatch(compact(run).text)]
    if name == "tax":
        beyond = [run for run in money if run.x0 > rate.centre + rate.height]
        return _span(_aligned(beyond)[-1]) if beyond else None
    before = [run for run in money if run.x1 < rate.centre]
    return _span(_aligned(before)[-1]) if before else None


def _aligned(runs: Sequence[Run]) -> list[list[Run]]:
    """Runs that end one below the other, from left to right."""
    groups: list[list[Run]] = []
    for run in sorted(runs, key=lambda run: run.x1):
        if groups and run.x1 - groups[-1][-1].x1 < _ALIGNED * run.height:
            groups[-1].append(run)
        else:
            groups.append([run])
    return groups


def _span(group: Sequence[Run]) -> tuple[float, float]:
    return median(run.x0 for run in group), median(run.x1 for run in group)


_ORDER = ("name", "spec", "unit", "quantity", "price", "amount", "rate", "tax")
#: Rides set the price before the quantity.
_SWAPPED = {3: 4, 4: 3}


def _stands(name: str, span: tuple[float, float], titles: dict[str, Run]) -> bool:
    """Would a title there stand between those that come before and after it?"""
    middle = sum(span) / 2
    rank = _ORDER.index(name)
    return all(
        (title.centre < middle) == (_ORDER.index(column) < rank)
        for column, title in titles.items()
        if column in _ORDER and _ORDER.index(column) not in (rank, _SWAPPED.get(rank))
    )


def _figure_columns(
    titles: dict[str, Run], body: Sequence[Run]
) -> list[tuple[str, tuple[float, float]]]:
    """Lost columns of prices and quantities: figures left of the amounts under no title. The
    column next to the amounts is the price, or the one whose neighbour is known."""
    lost = [name for name in ("price", "quantity") if name not in titles]
    amount = titles["amount"]
    left = max(
        (titles[name].x1 for name in ("name", "spec", "unit") if name in titles), default=0.0
    )
    figures = [
        run
        for run in body
        if values.number(compact(run).text) is not None
        and left < run.centre
        and run.x1 < amount.x0 + amount.height
    ]
    known = [titles[name] for name in ("price", "quantity") if name in titles]
    free = [
        group
        for group in reversed(_aligned(figures))
        if not any(_is_under(group, title) for title in known)
    ]
    if len(lost) == 2 and len(free) == 1 and not _has_decimals(free[0]):
        lost = ["quantity"]
    return [(name, _span(group)) for name, group in zip(lost, free, strict=False)]


def _has_decimals(group: Sequence[Run]) -> bool:
    return any("." in run.text for run in group)


def _is_under(group: Sequence[Run], title: Run) -> bool:
    x0, x1 = _span(group)
    reach = 2 * title.height
    return x0 - reach < title.centre < x1 + reach


def _unit_column(titles: dict[str, Run], body: Sequence[Run]) -> tuple[float, float] | None:
    """A lost column of units: short words before the quantities, behind the specifications."""
    after = titles.get("quantity") or titles.get("price")
    before = titles.get("spec") or titles.get("name")
    if "unit" in titles or after is None or before is None or after.x0 < before.x1:
        return None
    words = [
        run
        for run in body
        if re.fullmatch(r"[一-鿿㎡·.]{1,3}", compact(run).text)
        and before.x1 < run.centre < after.x0 + 0.5 * after.height
        and run.x0 > before.x1 + 0.5 * before.height
    ]
    return _span(words) if words else None

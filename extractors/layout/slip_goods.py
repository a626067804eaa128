"""Goods of a narrow slip: a row of titles, then names with price, quantity and amount behind or
below them. Price x quantity = amount proves each row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from extractors.layout import values
from extractors.layout.mending import counted, with_stars
from extractors.layout.page import Run
from extractors.layout.reading import Face, compact
from extractors.model import Line

_TITLES = re.compile(r"^(?:项目|品名|商品|货物|名称|消费)[^\d]*金额")
_NUMBER = r"-?[¥Y]?\d[\d,]*(?:\.\d{1,8})?"
_FIGURES = re.compile(
    rf"^(?P<name>.*?)\s*(?P<one>{_NUMBER})\s+(?P<two>{_NUMBER})\s+(?P<sum>{_NUMBER})$"
)
#: What remains of such a row where the lone digit of a quantity, or the price, was not recognised.
_TWO = re.compile(rf"^(?P<name>.*?)\s*(?P<one>{_NUMBER})\s+(?P<sum>{_NUMBER})$")
_FEN = Decimal("0.01")


def goods_between(face: Face, bottom: float | None) -> tuple[Line, ...]:
    """The goods between the titles and `bottom`; () where a row of them cannot be understood."""
    rows = face.sheet.within(face.sheet.rows)
    head = next((row for row in rows if _TITLES.match(compact(row).text)), None)
    if head is None or bottom is None:
        return ()
    between = [row for row in rows if head.middle + 0.5 * head.height < row.middle < bottom]
    titles = _Titles(head)
    lines = _lines(between, titles, strict=face.recognised)
    return _with_units(face, lines, titles) if lines else ()


def _with_units(face: Face, lines: tuple[Line, ...], titles: _Titles) -> tuple[Line, ...]:
    """Units of one character, one below the other, that recognition took for upright print."""
    place = titles.places.get("unit")
    if place is None or any(line.unit for line in lines):
        return lines
    columns = [run for run in face.sheet.upright if abs(run.centre - place) < run.x1 - run.x0]
    if len(columns) != 1 or len(columns[0].glyphs) != len(lines):
        return lines
    units = columns[0].raw
    return tuple(
        line.model_copy(update={"unit": unit}) for line, unit in zip(lines, units, strict=True)
    )


class _Titles:
    """Where the columns stand that a name may be followed by, and which figure comes first."""

    def __init__(self, head: Run) -> None:
        bare = compact(head)
        self.quantity_first = 0 <= bare.text.find("数量") < bare.text.find("单价")
        self.places = {
            field: (bare.glyphs[start].x0 + bare.glyphs[start + 1].x1) / 2
            for field, title in (("unit", "单位"), ("spec", "规格"))
            if (start := bare.text.find(title)) >= 0
        }
        self._figures = {
            field: (bare.glyphs[start].x0 + bare.glyphs[start + 1].x1) / 2
            for field, title in (("price", "单价"), ("quantity", "数量"), ("amount", "金额"))
            if (start := bare.text.find(title)) >= 0
        }

    def figure(self, run: Run | None) -> str:
        """Which title a figure stands under, "" where none says."""
        if run is None:
            return ""
        near = {name: abs(run.centre - x) for name, x in self._figures.items()}
        return min(near, key=near.__getitem__, default="")

    def cells(self, run: Run | None) -> dict[str, str]:
        """The name and what stands behind it under the other titles."""
        cells = {"name": ""}
        for piece in _pieces(run) if run is not None else ():
            field = "name"
            if cells["name"]:
                near = {name: abs(piece.centre - x) for name, x in self.places.items()}
                best = min(near, key=near.__getitem__, default="name")
                field = best if near.get(best, 1.0) < 4 * piece.height else "name"
            cells[field] = cells.get(field, "") + _tidy(piece.raw)
        return cells


def _pieces(run: Run) -> list[Run]:
    """The run cut at gaps wider than a space of print."""
    parts, first = [], 0
    for index, glyph in enumerate(run.glyphs):
        if glyph.char.isspace() and glyph.x1 - glyph.x0 > 0.8 * (glyph.y1 - glyph.y0):
            parts.append(run.part(first, index))
            first = index + 1
    parts.append(run.part(first, len(run.glyphs)))
    return [part for part in parts if part is not None]


def _lines(rows: Sequence[Run], titles: _Titles, *, strict: bool) -> tuple[Line, ...]:
    lines: list[Line] = []
    names: list[str] = []
    behind: bool | None = None
    for row in rows:
        match = _FIGURES.match(row.text) or (_TWO.match(row.text) if strict else None)
        if match is None:
            # Rows of names only: the next good's, or the rest of the last one's.
            if behind and lines:
                name = lines[-1].name + _tidy(row.raw.strip())
                lines[-1] = lines[-1].model_copy(update={"name": name})
            else:
                names.append(_tidy(row.raw.strip()))
            continue
        cells = titles.cells(row.part(0, match.end("name")))
        behind = bool(cells["name"]) if behind is None else behind
        cells["name"] = "".join(names) + cells["name"]
        line = _unglued(cells, match) or _line(cells, match, titles, row)
        if line is None:
            return ()
        lines.append(_mended(line) if strict else line)
        names = []
    if names:
        return ()
    return tuple(_with_stars(lines) if strict else lines)


def _with_stars(lines: Sequence[Line]) -> list[Line]:
    """Where any name has its class between stars, all have."""
    if not any("*" in line.name for line in lines):
        return list(lines)
    return [line.model_copy(update={"name": with_stars(line.name)}) for line in lines]


def _tidy(text: str) -> str:
    return re.sub(r"(?<=[^\x00-\x7f])\s+|\s+(?=[^\x00-\x7f])", "", text)


def _line(cells: dict[str, str], match: re.Match[str], titles: _Titles, row: Run) -> Line | None:
    amount = values.money(match["sum"])
    figures = {"amount": amount, **_counts(match, titles, row)}
    if not cells["name"] or amount is None or len(figures) < 2:
        return None
    if "unit" in cells and not re.fullmatch(r"[^\d*]{1,4}", cells["unit"]):
        return None
    return Line(**cells, **figures)


def _unglued(cells: dict[str, str], match: re.Match[str]) -> Line | None:
    """A quantity that recognition set right before its amount (5 and 140306.45: 5140306.45), where
    the price says where to part them."""
    price = values.number(match["one"])
    if "two" in match.groupdict() or not cells["name"] or not price:
        return None
    for place in range(1, 4):
        quantity, amount = values.number(match["sum"][:place]), values.money(match["sum"][place:])
        if quantity and amount and abs(quantity * price - amount) <= _FEN:
            return Line(**cells, price=price, quantity=quantity, amount=amount)
    return None


def _counts(match: re.Match[str], titles: _Titles, row: Run) -> dict[str, Decimal]:
    """Price and quantity, or the one of them that was recognised, by the title it stands under."""
    first = values.number(match["one"])
    if first is None:
        return {}
    if "two" not in match.groupdict():
        name = titles.figure(row.part(*match.span("one")))
        return {name: first} if name in ("price", "quantity") else {}
    second = values.number(match["two"])
    if second is None:
        return {}
    quantity, price = (first, second) if titles.quantity_first else (second, first)
    return {"price": price, "quantity": quantity}


def _mended(line: Line) -> Line:
    """A recognised line whose price and quantity make its amount; a quantity that does not is
    counted anew from price and amount, and where that fails neither is believed."""
    price, amount = line.price, line.amount
    if _holds(line) or price is None:
        return line
    quantity = Decimal(1) if price == amount else counted(price, amount or Decimal(0))
    believed = price if quantity is not None or line.quantity is None else None
    return line.model_copy(update={"quantity": quantity, "price": believed})


def _holds(line: Line) -> bool:
    if line.quantity is None or line.price is None or line.amount is None:
        return False
    return abs(line.quantity * line.price - line.amount) <= _FEN

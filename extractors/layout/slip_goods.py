"""Goods of a narrow slip: a row of titles, then names with price, quantity and amount behind or
below them. Price x quantity = amount proves each row. What recognition leaves of a row is kept, for
a person to complete: whoever keeps goods says by `doubt_unless_total` if they do not sum."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from extractors.layout import values
from extractors.layout.mending import counted, with_stars
from extractors.layout.page import Run
from extractors.layout.reading import UNLABELLED, Face, compact
from extractors.model import Finding, Line, Severity

_TITLES = re.compile(r"^(?:项目|品名|商品|货物|名称|消费)[^\d]*金额")
_TITLE = re.compile(r"项目|品名|商品|货物|名称|规格|单位|数量|单价|金额")
#: What is recognised of the titles may be two of them.
_LEAST_TITLES = 2
_NUMBER = r"-?[¥Y]?(?!0\d)\d[\d,]*(?:\.\d{1,8})?"
_FIGURES = re.compile(
    rf"^(?P<name>.*?)\s*(?P<one>{_NUMBER})\s+(?P<two>{_NUMBER})\s+(?P<sum>{_NUMBER})$"
)
#: What remains of such a row where the lone digit of a quantity, or the price, was not recognised.
_TWO = re.compile(rf"^(?P<name>.*?)\s*(?P<one>{_NUMBER})\s+(?P<sum>{_NUMBER})$")
#: Words less certain than this make goods doubtful.
_SURE = 0.85
#: ... and where only the amount was.
_ONE = re.compile(r"^(?P<name>.*?)\s*(?<!\d)(?P<sum>-?[¥Y]?(?!0\d)\d[\d,]*\.\d\d)$")
_FEN = Decimal("0.01")


def _doubtful_goods() -> Finding:
    """Says that nothing proves the goods of a recognised slip."""
    params = {"field": "lines", "confidence": f"{UNLABELLED:.2f}"}
    return Finding(code="low_confidence", severity=Severity.WARN, field="lines", params=params)


def doubt_unless_total(face: Face, goods: Sequence[Line]) -> None:
    """Tell of recognised goods that do not sum to the total."""
    total = face.found.get("total_with_tax")
    spent = sum((line.amount or Decimal(0) for line in goods), Decimal(0))
    if face.recognised and goods and (total is None or total.value != spent):
        face.findings.append(_doubtful_goods())


def goods_between(
    face: Face, bottom: float | None, *, top: float | None = None
) -> tuple[Line, ...]:
    """The goods between the titles and `bottom`, or where the titles are unreadable below `top`;
    () where a row of a text layer cannot be understood. Adds a doubt where words of a
    recognised row are doubtful."""
    rows = face.sheet.within(face.sheet.rows)
    head = next((row for row in rows if _TITLES.match(compact(row).text)), None)
    if head is None and face.recognised and bottom is not None:
        head = next((row for row in rows if row.middle < bottom and _is_head(row)), None)
    if head is not None:
        top = head.middle + 0.5 * head.height
    elif not face.recognised:
        return ()
    if bottom is None or top is None:
        return ()
    between = [row for row in rows if top < row.middle < bottom]
    titles = _Titles(head)
    lines = _lines(between, titles, strict=face.recognised)
    if head is None and not any(line.amount for line in lines):
        return ()
    if lines and face.recognised and min(row.score for row in between) < _SURE:
        face.findings.append(_doubtful_goods())
    return _with_units(face, lines, titles) if lines else ()


def _is_head(row: Run) -> bool:
    text = compact(row).text
    return len(_TITLE.findall(text)) >= _LEAST_TITLES and not re.search(r"[\d:(]", text)


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

    def __init__(self, head: Run | None) -> None:
        bare = compact(head) if head is not None else None
        text = bare.text if bare is not None else ""
        self.quantity_first = 0 <= text.find("数量") < text.find("单价")
        #: Do the titles say which figure comes first?
        self.in_order = "数量" in text and "单价" in text
        self.places = _places(bare, unit="单位", spec="规格")
        self._figures = _places(bare, price="单价", quantity="数量", amount="金额")

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


def _places(head: Run | None, **titles: str) -> dict[str, float]:
    """The middle of each title in the row of them, by its field."""
    if head is None:
        return {}
    return {
        field: (head.glyphs[start].x0 + head.glyphs[start + 1].x1) / 2
        for field, title in titles.items()
        if (start := head.text.find(title)) >= 0
    }


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
        match = _figures(row, strict=strict)
        if match is None:
            # Rows of names only: the next good's, or the rest of the last one's.
            if strict and _is_broken(row):
                lines.extend(Line(name="".join(names)) for _ in names[:1])
                names = []
            elif behind and lines:
                name = lines[-1].name + _tidy(row.raw.strip())
                lines[-1] = lines[-1].model_copy(update={"name": name})
            else:
                names.append(_tidy(row.raw.strip()))
            continue
        cells = titles.cells(row.part(0, match.end("name")))
        behind = bool(cells["name"]) if behind is None else behind
        cells["name"] = "".join(names) + cells["name"]
        line = _unglued(cells, match) or _line(cells, match, titles, row)
        if line is None and strict:
            line = _rest_of_line(cells, match)
        if line is None:
            return ()
        lines.append(_mended(line) if strict else line)
        names = []
    if names and not strict:
        return ()
    if names and not behind and lines:
        lines.append(Line(name="".join(names)))
    return tuple(_with_stars(lines) if strict else lines)


def _figures(row: Run, *, strict: bool) -> re.Match[str] | None:
    whole = _FIGURES.match(row.text)
    return whole or (_TWO.match(row.text) or _ONE.match(row.text) if strict else None)


def _is_broken(row: Run) -> bool:
    """Is this what recognition left of a row of figures?"""
    text = compact(row).text
    return sum(char.isdigit() for char in text) > 0.5 * len(text)


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


def _rest_of_line(cells: dict[str, str], match: re.Match[str]) -> Line | None:
    """Name and amount of a row whose other figures cannot be understood."""
    name = cells["name"]
    return Line(name=name, amount=values.money(match["sum"])) if name else None


def _unglued(cells: dict[str, str], match: re.Match[str]) -> Line | None:
    """A quantity that recognition set right before its amount (5 and 140306.45: 5140306.45), where
    the price says where to part them."""
    if match.re is not _TWO or not cells["name"]:
        return None
    price = values.number(match["one"])
    if not price:
        return None
    for place in range(1, 4):
        quantity, amount = values.number(match["sum"][:place]), values.money(match["sum"][place:])
        if quantity and amount and abs(quantity * price - amount) <= _FEN:
            return Line(**cells, price=price, quantity=quantity, amount=amount)
    return None


def _counts(match: re.Match[str], titles: _Titles, row: Run) -> dict[str, Decimal]:
    """Price and quantity, or the one of them that was recognised, by the title it stands under."""
    first = values.number(match["one"]) if match.re is not _ONE else None
    if first is None:
        return {}
    if "two" not in match.groupdict():
        name = titles.figure(row.part(*match.span("one")))
        return {name: first} if name in ("price", "quantity") else {}
    second = values.number(match["two"])
    if second is None:
        return {}
    quantity, price = (first, second) if titles.quantity_first else (second, first)
    if not titles.in_order and "." in match["two"] and "." not in match["one"]:
        quantity, price = first, second
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

"""The lines of goods and services that a VAT face's text layer gives, from its columns.

Column titles say where columns are; within a row the rate, the only cell with a percent sign,
says which figures stand left and right of it. What is given is believed.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from extractors.layout import values
from extractors.layout.columns import Edges, Header, centred, column_of, one_cell, text_cell
from extractors.layout.counting import holds
from extractors.layout.page import Run, Sheet, overlap
from extractors.layout.reading import Face, compact
from extractors.model import Line

#: A rate, or what stands in its place.
RATE = re.compile(r"\d{1,2}(?:\.\d{1,2})?%|免税|不征税|\*{3}")
#: Between two figures, between an amount and its rate, between a rate and its tax.
_SEAM = re.compile(r"(?<=[\d%]) +(?=[\d*-])|(?<=\.\d\d)(?=\d{1,2}%)|(?<=%)(?=\d)")

#: Price and quantity.
Pair = tuple[Decimal | None, Decimal | None]


@dataclass(frozen=True)
class Row:
    """One line of the table and its cells by column. A recognised one is `doubtful` where some
    cell may be cut, glued, misread or reckoned, `glued` where some text reaches into the next
    column, and `cut` where words were parted with no gap to show it."""

    line: Line
    cells: dict[str, tuple[Run, ...]]
    doubtful: bool = False
    glued: bool = False
    cut: bool = False

    def cell(self, column: str) -> Run | None:
        """What stands in a column, all of its rows as one run."""
        return one_cell(self.cells.get(column, ()))


def is_rate(run: Run) -> bool:
    """Is the run a tax rate, or what stands in its place?"""
    return RATE.fullmatch(compact(run).text) is not None


def read_rows(face: Face, header: Header, top: float, bottom: float) -> list[Row]:
    """All lines between two heights, in the columns of `header` (which may stand on the page
    before)."""
    body = body_of(face, header, top, bottom)
    edges = centred(header, body)
    cells = [part for run in body for part in parts_of(run)]
    anchors = _anchors(cells)
    starts = [header.level(anchor) - 0.6 * anchor.height for anchor in anchors]
    ends = [*starts[1:], 1e9]
    rows = []
    for anchor, start, end in zip(anchors, starts, ends, strict=False):  # no anchors: one end
        own = [cell for cell in cells if start <= header.level(cell) < end and cell is not anchor]
        columns = by_column(own, edges)
        line = _line(anchor, own, header, columns)
        if line is not None:
            rows.append(Row(line, columns))
    return rows


def body_of(face: Face, header: Header, top: float, bottom: float) -> list[Run]:
    """The print of the table below its titles."""
    upright = [run for run in face.sheet.upright if _stands_in_table(run, header, top, bottom)]
    inside = face.sheet.within([*face.sheet.runs, *_unstacked(upright)], top=top, bottom=bottom)
    return [run for run in inside if _is_print(run, face.sheet) and header.is_over(run)]


def by_column(cells: Sequence[Run], edges: Edges) -> dict[str, tuple[Run, ...]]:
    """The cells, each in the column that it stands in."""
    columns: dict[str, tuple[Run, ...]] = {}
    for cell in cells:
        name = column_of(cell, edges)
        if name is not None:
            columns[name] = (*columns.get(name, ()), cell)
    return columns


def _anchors(cells: Sequence[Run]) -> list[Run]:
    """The rate of every line, from top to bottom. Exempt lines print stars for the tax too: of
    several in a row the leftmost is the rate."""
    anchors: list[Run] = []
    for run in sorted(filter(is_rate, cells), key=lambda run: run.x0):
        if not any(overlap(run, anchor) >= 0.5 for anchor in anchors):
            anchors.append(run)
    return sorted(anchors, key=lambda run: run.middle)


def _is_print(run: Run, sheet: Sheet) -> bool:
    """High enough for print? A lone 1 gets a low box. A lone character that recognition hardly
    believes is a mark on the paper."""
    figure = run.score > 0.6 and re.fullmatch(r"\d{1,2}", run.text) is not None
    stray = len(run.raw) == 1 and run.score < 0.6
    return run.height > (0.35 if figure else 0.5) * sheet.line_height and not stray


def _stands_in_table(run: Run, header: Header, top: float, bottom: float) -> bool:
    """Between the first and the last column: print down the margins stays out."""
    edges = [title.centre for title in header.titles.values()]
    between = min(edges) < run.centre < max(edges)
    return between and run.y0 > top and run.y1 < bottom + run.x1 - run.x0


def _unstacked(upright: Sequence[Run]) -> list[Run]:
    """Narrow cells above one another (册 册 册) may be recognised as one column of print; here
    every character is a cell again."""
    cells = []
    for run in upright:
        step = run.height / len(run.raw)
        for index, glyph in enumerate(run.glyphs):
            top = run.y0 + index * step
            place = replace(glyph, x0=run.x0, x1=run.x1, y0=top, y1=top + step)
            cells.append(Run((place,)))
    return cells


def parts_of(run: Run) -> list[Run]:
    """A run cut where recognition glued neighbouring cells: at spaces around figures, and
    between an amount and the rate behind it."""
    cuts = [0, *(match.end() for match in _SEAM.finditer(run.text)), len(run.text)]
    parts = [run.part(start, end) for start, end in itertools.pairwise(cuts)]
    return [part for part in parts if part is not None]


def _line(
    anchor: Run, cells: list[Run], header: Header, columns: dict[str, tuple[Run, ...]]
) -> Line | None:
    height = header.level(anchor)
    row = [cell for cell in cells if abs(header.level(cell) - height) < 0.8 * anchor.height]
    left = sorted((cell for cell in row if cell.centre < anchor.x0), key=lambda cell: -cell.x1)
    right = sorted((cell for cell in row if cell.centre > anchor.x1), key=lambda cell: cell.x0)
    amount = values.money(compact(left[0]).text) if left else None
    name = text_cell(columns.get("name", ()))
    if amount is None or not name:
        return None
    price, quantity = _price_and_quantity(left[1:], amount, header, columns)
    return Line(
        name=name,
        spec=text_cell(columns.get("spec", ())) or None,
        unit=text_cell(columns.get("unit", columns.get("area_unit", ()))) or None,
        quantity=quantity,
        price=price,
        amount=amount,
        rate=values.rate(anchor.text),
        tax=values.money(compact(right[0]).text) if right else None,
    )


def _price_and_quantity(
    cells: list[Run], amount: Decimal, header: Header, columns: dict[str, tuple[Run, ...]]
) -> Pair:
    """The figures next left of the amount, if their product is the amount, else what stands in
    their columns. `cells` come from right to left; toll has neither."""
    if "price" not in header.titles and "quantity" not in header.titles:
        return None, None
    turned = header.stands_before("price", "quantity")
    pair = pair_before(cells, amount, turned=turned)
    return pair or (_only_figure(columns, "price"), _only_figure(columns, "quantity"))


def pair_before(cells: Sequence[Run], amount: Decimal, *, turned: bool) -> Pair | None:
    """Price and quantity next left of the amount, as two cells (from right to left; rides print
    the price before the quantity: `turned`) or as one that both were run together in; None unless
    their product is the amount."""
    texts = [compact(cell).text for cell in cells[:2]]
    figures = [values.number(text) for text in texts]
    if len(figures) == 2 and holds(figures[0], figures[1], amount):
        return (figures[1], figures[0]) if turned else (figures[0], figures[1])
    if texts and figures[0] is not None and not turned:
        return _unglued(texts[0], amount)
    return None


def _only_figure(columns: dict[str, tuple[Run, ...]], name: str) -> Decimal | None:
    """The one figure of a column; two would mean that something else stands there."""
    figures = [values.number(compact(cell).text) for cell in columns.get(name, ())]
    found = [figure for figure in figures if figure is not None]
    return found[0] if len(found) == 1 else None


def _unglued(text: str, amount: Decimal) -> Pair | None:
    """Quantity and price that recognition ran together (`12481.39` for 12 and 481.39): the one
    place to cut where the product is the amount."""
    pairs = []
    for cut_at in range(1, min(len(text) - 1, 9)):
        quantity, price = values.number(text[:cut_at]), values.number(text[cut_at:])
        if text[cut_at] != "0" and holds(price, quantity, amount):
            pairs.append((price, quantity))
    return pairs[0] if len(pairs) == 1 else None

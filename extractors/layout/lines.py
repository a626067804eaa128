"""The lines of goods and services of a VAT face, from its columns.

Column titles say where columns are; within a row the rate, the only cell with a percent sign,
says which figures stand left and right of it. A figure that contradicts the others (quantity
x price = amount, amount x rate = tax) is dropped rather than believed.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from statistics import fmean

from extractors.layout import values
from extractors.layout.page import Run, join, overlap, plain
from extractors.layout.reading import Face, compact
from extractors.model import Line

_TITLES = (
    ("serial", r"^序号"),
    ("name", r"(?:项目|货物|应税|服务).{0,14}名称|^项目名称"),
    ("spec", r"规格型?号?"),
    ("unit", r"^单位|单位$"),
    ("quantity", r"数量|^数$"),
    ("price", r"单价"),
    ("amount", r"金额|^金$"),
    ("rate", r"税率|征收率"),
    ("tax", r"税额$|^税$"),
)
_RATE = re.compile(r"\d{1,2}(?:\.\d{1,2})?%|免税|不征税|\*{3}")
#: Between two figures, between an amount and its rate, between a rate and its tax.
_SEAM = re.compile(r"(?<=[\d%]) +(?=[\d*-])|(?<=\.\d\d)(?=\d{1,2}%)|(?<=%)(?=\d)")
_CENT = Decimal("0.01")
_STARRED = re.compile(r"\*[^*]+\*[^*].*")
#: Names recognised with less certainty than this are not compared with anything.
_SURE_NAME = 0.9


@dataclass(frozen=True)
class Header:
    """The row of column titles: its height on the sheet and where each title's middle is. Scans
    lean; the titles, which stand in one row, say how much."""

    top: float
    bottom: float
    titles: dict[str, Run]

    @cached_property
    def slope(self) -> float:
        """How much rows sink from left to right, height for width."""
        runs = self.titles.values()
        x, y = fmean(run.centre for run in runs), fmean(run.middle for run in runs)
        spread = sum((run.centre - x) ** 2 for run in runs)
        lean = sum((run.centre - x) * (run.middle - y) for run in runs)
        return lean / spread if spread else 0.0

    def level(self, run: Run) -> float:
        """The run's height as if rows did not lean."""
        return run.middle - self.slope * run.centre

    def is_over(self, run: Run) -> bool:
        """Does the run stand in a row below the titles?"""
        title = fmean(self.level(title) for title in self.titles.values())
        height = fmean(title.height for title in self.titles.values())
        return self.level(run) > title + 0.5 * height


def find_header(face: Face) -> Header | None:
    """The table's title row, None unless at least three titles are read."""
    best: Header | None = None
    for row in face.sheet.rows:
        runs = [
            run
            for run in face.sheet.runs
            if abs(run.middle - row.middle) < 0.7 * max(row.height, run.height)
            and len(run.glyphs) <= 16
        ]
        titles = _titles(_spread_joined(runs))
        if len(titles) >= 3 and (best is None or len(titles) > len(best.titles)):
            inside = titles.values()
            best = Header(min(run.y0 for run in inside), max(run.y1 for run in inside), titles)
    return best


def _spread_joined(runs: list[Run]) -> list[Run]:
    """Titles are spread over their column (金   额): single characters pair with the next."""
    order = sorted(runs, key=lambda run: run.x0)
    joined: list[Run] = []
    index = 0
    while index < len(order):
        run = order[index]
        follower = order[index + 1] if index + 1 < len(order) else None
        if (
            follower is not None
            and len(run.glyphs) == 1
            and len(follower.glyphs) == 1
            and follower.x0 - run.x1 < 4 * run.height
        ):
            joined.append(join([run, follower]))
            index += 2
        else:
            joined.append(run)
            index += 1
    return joined


def _titles(runs: list[Run]) -> dict[str, Run]:
    found: dict[str, Run] = {}
    for run in runs:
        text = compact(run).text
        for name, pattern in _TITLES:
            if name not in found and re.search(pattern, text):
                found[name] = run
                break
    return found


def is_rate(run: Run) -> bool:
    """Is the run a tax rate, or what stands in its place?"""
    return _RATE.fullmatch(compact(run).text) is not None


def read_lines(face: Face, header: Header, bottom: float) -> tuple[Line, ...]:
    """All lines between the titles and `bottom` (the top of the 合计 row)."""
    stacked = [run for run in face.sheet.upright if _stands_in_table(run, header, bottom)]
    body = face.sheet.within(
        [*face.sheet.runs, *_unstacked(stacked)], top=header.top, bottom=bottom
    )
    least = 0.5 * face.sheet.line_height
    edges = _edges(header)
    if face.recognised:
        edges = _centred(edges, header, body)
    cells = [
        cell
        for run in body
        if run.height > least and header.is_over(run)
        for part in _cells(run)
        for cell in (_name_and_spec(part, edges) if face.recognised else [part])
    ]
    anchors = _anchors(cells)
    starts = [header.level(anchor) - 0.6 * anchor.height for anchor in anchors]
    ends = [*starts[1:], 1e9]
    lines = []
    for anchor, start, end in zip(anchors, starts, ends, strict=False):  # no anchors: one end
        own = [cell for cell in cells if start <= header.level(cell) < end and cell is not anchor]
        line = _line(anchor, own, header, edges, given=not face.recognised)
        if line is not None and face.recognised and _is_doubtful(face, line, own, edges):
            return ()
        if line is not None:
            lines.append(line)
    return tuple(lines)


#: From this day every line names its class between stars (国家税务总局公告2017年第45号).
_STARRED_SINCE = dt.date(2018, 1, 1)


def _is_doubtful(face: Face, line: Line, cells: list[Run], edges: list[tuple[str, float]]) -> bool:
    """May the recognised name be cut, glued or misread?"""
    names = [cell for cell in cells if _column(cell, edges) == "name"]
    issued = face.found.get("issue_date")
    starred = issued is None or issued.value >= _STARRED_SINCE
    return (
        min(cell.score for cell in names) < _SURE_NAME
        or any(_reaches_over(cell, edges) for cell in names)
        or (starred and not _STARRED.fullmatch(line.name))
        or plain(line.name).count("(") != plain(line.name).count(")")
    )


def _reaches_over(cell: Run, edges: list[tuple[str, float]]) -> bool:
    """Does a name end so far right that it must hold the next column's text?"""
    after = _edge_after_name(edges)
    return after is not None and cell.x1 > after + 0.7 * cell.height


def _edge_after_name(edges: list[tuple[str, float]]) -> float | None:
    columns = [name for name, _ in edges]
    if "name" not in columns or columns.index("name") + 1 == len(columns):
        return None
    return edges[columns.index("name") + 1][1]


def _name_and_spec(cell: Run, edges: list[tuple[str, float]]) -> list[Run]:
    """A name that recognition glued to the text of the next column, cut at the one space near
    the column's edge; left whole where none or several are."""
    after = _edge_after_name(edges)
    if after is None or _column(cell, edges) != "name" or cell.x1 < after + 0.8 * cell.height:
        return [cell]
    near = [
        index
        for index, glyph in enumerate(cell.glyphs)
        if glyph.char == " " and abs(glyph.x1 - after) < 1.5 * cell.height
    ]
    if len(near) != 1:
        return [cell]
    parts = cell.part(0, near[0]), cell.part(near[0], len(cell.glyphs))
    return [part for part in parts if part is not None]


def _anchors(cells: Sequence[Run]) -> list[Run]:
    """The rate of every line, from top to bottom. Exempt lines print stars for the tax too: of
    several in a row the leftmost is the rate."""
    anchors: list[Run] = []
    for run in sorted(filter(is_rate, cells), key=lambda run: run.x0):
        if not any(overlap(run, anchor) >= 0.5 for anchor in anchors):
            anchors.append(run)
    return sorted(anchors, key=lambda run: run.middle)


def _stands_in_table(run: Run, header: Header, bottom: float) -> bool:
    """Between the first and the last column: print down the margins stays out."""
    edges = [title.centre for title in header.titles.values()]
    between = min(edges) < run.centre < max(edges)
    return between and run.y0 > header.top and run.y1 < bottom + run.x1 - run.x0


def _unstacked(upright: Sequence[Run]) -> list[Run]:
    """Narrow cells above one another (册 册 册) may be recognised as one column of print; here
    every character is a cell again."""
    cells = []
    for run in upright:
        step = run.height / len(run.glyphs)
        for index, glyph in enumerate(run.glyphs):
            top = run.y0 + index * step
            place = replace(glyph, x0=run.x0, x1=run.x1, y0=top, y1=top + step)
            cells.append(Run((place,)))
    return cells


def _cells(run: Run) -> list[Run]:
    """A run cut where recognition glued neighbouring cells: at spaces around figures, and
    between an amount and the rate behind it."""
    cuts = [0, *(match.end() for match in _SEAM.finditer(run.text)), len(run.text)]
    parts = [run.part(start, end) for start, end in itertools.pairwise(cuts)]
    return [part for part in parts if part is not None]


def _line(
    anchor: Run, cells: list[Run], header: Header, edges: list[tuple[str, float]], *, given: bool
) -> Line | None:
    height = header.level(anchor)
    row = [cell for cell in cells if abs(header.level(cell) - height) < 0.8 * anchor.height]
    left = sorted((cell for cell in row if cell.centre < anchor.x0), key=lambda cell: -cell.x1)
    right = sorted((cell for cell in row if cell.centre > anchor.x1), key=lambda cell: cell.x0)
    amount = values.money(compact(left[0]).text) if left else None
    tax = values.money(compact(right[0]).text) if right else None
    rate = values.rate(anchor.text)
    if amount is None:
        return None
    texts = {
        column: _text_cell([cell for cell in cells if _column(cell, edges) == column])
        for column in ("name", "spec", "unit")
    }
    if not texts["name"]:
        return None
    price, quantity = _price_and_quantity(left[1:], amount, edges, given=given)
    return Line(
        name=_with_stars(texts["name"]),
        spec=texts["spec"] or None,
        unit=texts["unit"] or None,
        quantity=quantity,
        price=price,
        amount=amount,
        rate=rate,
        tax=tax if given or _tax_holds(amount, rate, tax) else None,
    )


def _with_stars(name: str) -> str:
    """`*class*name`: recognition may lose the first star, which stands at the cell's edge."""
    return f"*{name}" if re.match(r"[\u4e00-\u9fff、]+\*[^*]", name) else name


def _tax_holds(amount: Decimal, rate: Decimal | None, tax: Decimal | None) -> bool:
    return rate is None or tax is None or abs(amount * rate - tax) <= Decimal("0.06")


Pair = tuple[Decimal | None, Decimal | None]


def _price_and_quantity(
    cells: list[Run], amount: Decimal, edges: list[tuple[str, float]], *, given: bool
) -> Pair:
    """The figures next left of the amount, if their product is the amount. `cells` come from
    right to left. A text layer is believed without the product, in its own columns."""
    texts = [compact(cell).text for cell in cells[:2]]
    figures = [values.number(text) for text in texts]
    if len(figures) == 2 and _product_holds(figures[0], figures[1], amount):
        return figures[0], figures[1]
    if texts and figures[0] is not None:
        glued = _unglued(texts[0], amount)
        if glued is not None:
            return glued
    if not given:
        return None, None
    read = {_column(cell, edges): values.number(compact(cell).text) for cell in reversed(cells)}
    return read.get("price"), read.get("quantity")


def _product_holds(price: Decimal | None, quantity: Decimal | None, amount: Decimal) -> bool:
    """Prices are printed rounded: the product may differ by what the last digit is worth."""
    if price is None or quantity is None:
        return False
    slack = max(_CENT, abs(quantity) * Decimal(10) ** int(price.as_tuple().exponent))
    return abs(price * quantity - amount) <= slack


def _unglued(text: str, amount: Decimal) -> Pair | None:
    """Quantity and price that recognition ran together (`12481.39` for 12 and 481.39): the one
    place to cut where the product is the amount."""
    pairs = []
    for cut_at in range(1, min(len(text) - 1, 9)):
        quantity, price = values.number(text[:cut_at]), values.number(text[cut_at:])
        if text[cut_at] != "0" and _product_holds(price, quantity, amount):
            pairs.append((price, quantity))
    return pairs[0] if len(pairs) == 1 else None


def _edges(header: Header) -> list[tuple[str, float]]:
    """Columns with their left edges: half way between neighbouring titles."""
    order = sorted(header.titles.items(), key=lambda item: item[1].x0)
    edges: list[tuple[str, float]] = []
    for index, (name, run) in enumerate(order):
        edges.append((name, -1.0 if index == 0 else (order[index - 1][1].x1 + run.x0) / 2))
    return edges


def _centred(
    edges: list[tuple[str, float]], header: Header, body: list[Run]
) -> list[tuple[str, float]]:
    """The edges, that behind the names set right: names fill a column from its left edge, and the
    title stands in its middle, so the right edge is as far from it as the left one."""
    title, after = header.titles.get("name"), _edge_after_name(edges)
    if title is None or after is None or edges[0][0] != "name" or not body:
        return edges
    left = min(run.x0 for run in body)
    right = 2 * title.centre - left
    follower = edges[1][0]
    if not after <= right <= header.titles[follower].x0:
        return edges
    return [edges[0], (follower, right), *edges[2:]]


def _column(cell: Run, edges: list[tuple[str, float]]) -> str | None:
    """Texts are set from the left, figures to the right: each is placed by its fixed end."""
    text = compact(cell).text
    figure = values.number(text) is not None
    where = cell.centre if figure else min(cell.centre, cell.x0 + cell.height)
    column = None
    for name, edge in edges:
        if where >= edge:
            column = name
    if column == "serial" and not figure:
        # Names start left in their wide column, nearer to the serial number than to their title.
        return "name"
    return column


def _text_cell(cells: list[Run]) -> str:
    """The words of one cell, over several rows if it wrapped. Spaces that the source shows stay."""
    rows: list[list[Run]] = []
    for cell in sorted(cells, key=lambda cell: cell.middle):
        if rows and cell.middle - rows[-1][0].middle < 0.5 * cell.height:
            rows[-1].append(cell)
        else:
            rows.append([cell])
    return "".join(join(row).raw for row in rows)

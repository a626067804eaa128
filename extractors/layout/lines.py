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

from extractors.layout import mending, values
from extractors.layout.columns import (
    TEXTS,
    Edges,
    Header,
    centred,
    column_of,
    cut_at_siblings,
    edge_after,
    find_header,
    find_headers,
    one_cell,
    reaches_over,
    text_cell,
)
from extractors.layout.page import Run, Sheet, overlap, plain
from extractors.layout.reading import Face, compact
from extractors.model import Line

__all__ = ["Header", "Row", "find_header", "find_headers", "is_rate", "read_lines", "read_rows"]

_RATE = re.compile(r"\d{1,2}(?:\.\d{1,2})?%|免税|不征税|\*{3}")
#: Between two figures, between an amount and its rate, between a rate and its tax.
_SEAM = re.compile(r"(?<=[\d%]) +(?=[\d*-])|(?<=\.\d\d)(?=\d{1,2}%)|(?<=%)(?=\d)")
_CENT = Decimal("0.01")
_STARRED = re.compile(r"\*[^*]+\*[^*].*")
#: Names recognised with less certainty than this are not compared with anything.
_SURE_NAME = 0.9
#: ... and a specification or unit below this is for a person to look at.
_SURE_WORD = 0.8


@dataclass(frozen=True)
class Row:
    """One line of the table, its rate's run, and its cells by column. A recognised one is
    `doubtful` where its name may be cut, glued or misread, and `glued` where some text reaches
    into the next column."""

    line: Line
    anchor: Run
    cells: dict[str, tuple[Run, ...]]
    doubtful: bool = False
    glued: bool = False

    def cell(self, column: str) -> Run | None:
        """What stands in a column, all of its rows as one run."""
        return one_cell(self.cells.get(column, ()))


def is_rate(run: Run) -> bool:
    """Is the run a tax rate, or what stands in its place?"""
    return _RATE.fullmatch(compact(run).text) is not None


def read_lines(face: Face, header: Header, bottom: float) -> tuple[Line, ...]:
    """All lines between the titles and `bottom` (the top of the 合计 row)."""
    rows = read_rows(face, header, header.top, bottom)
    if any(row.doubtful for row in rows):
        return ()
    return tuple(with_held_tax(row.line) if face.recognised else row.line for row in rows)


def read_rows(face: Face, header: Header, top: float, bottom: float) -> list[Row]:
    """All lines between two heights, in the columns of `header` (which may stand on the page
    before)."""
    upright = [run for run in face.sheet.upright if _stands_in_table(run, header, top, bottom)]
    body = face.sheet.within([*face.sheet.runs, *_unstacked(upright)], top=top, bottom=bottom)
    edges = centred(header, [run for run in body if header.is_over(run)])
    cells = [
        cell
        for run in body
        if _is_print(run, face.sheet) and header.is_over(run)
        for part in _cells(run)
        for cell in (_at_the_gap(part, edges) if face.recognised else [part])
    ]
    anchors = _anchors(cells)
    if face.recognised:
        cells = cut_at_siblings(cells, edges)
        anchors = _with_unread(anchors, cells, header, edges)
    starts = [header.level(anchor) - 0.6 * anchor.height for anchor in anchors]
    ends = [*starts[1:], 1e9]
    rows = []
    for anchor, start, end in zip(anchors, starts, ends, strict=False):  # no anchors: one end
        own = [cell for cell in cells if start <= header.level(cell) < end and cell is not anchor]
        columns = _by_column(own, edges)
        line = _line(anchor, own, header, columns, given=not face.recognised)
        if line is None:
            continue
        if face.recognised:
            line = _starred(face, line)
        glued = face.recognised and _is_glued(columns, edges, TEXTS)
        doubtful = face.recognised and (
            _is_glued(columns, edges, ("name", "spec"))
            or _is_doubtful(face, line, columns)
            or _may_go_on(columns, header, edges, end)
        )
        rows.append(Row(line, anchor, columns, doubtful, glued))
    return rows


def _by_column(cells: Sequence[Run], edges: Edges) -> dict[str, tuple[Run, ...]]:
    columns: dict[str, tuple[Run, ...]] = {}
    for cell in cells:
        name = column_of(cell, edges)
        if name is not None:
            columns[name] = (*columns.get(name, ()), cell)
    return columns


#: From this day every line names its class between stars (国家税务总局公告2017年第45号).
_STARRED_SINCE = dt.date(2018, 1, 1)


def _may_go_on(
    columns: dict[str, tuple[Run, ...]], header: Header, edges: Edges, end: float
) -> bool:
    """Does a name fill its column and leave a row's room below it? Its last characters, alone in
    that row, may have been overlooked."""
    names, after = columns.get("name", ()), edge_after("name", edges)
    if not names or after is None or end > header.bottom + 2:
        return False
    last = max(names, key=header.level)
    return last.x1 > after - last.height and end - header.level(last) > 1.2 * last.height


def _prints_stars(face: Face) -> bool:
    issued = face.found.get("issue_date")
    return issued is None or issued.value >= _STARRED_SINCE


def _starred(face: Face, line: Line) -> Line:
    """The line, stars around its class that recognition lost set anew."""
    name = mending.with_stars(line.name) if _prints_stars(face) or "*" in line.name else line.name
    return line.model_copy(update={"name": name})


def _is_doubtful(face: Face, line: Line, columns: dict[str, tuple[Run, ...]]) -> bool:
    """May the recognised name be cut or misread, or its specification or unit be?"""
    names = columns.get("name", ())
    starred = _prints_stars(face)
    others = [cell for column in ("spec", "unit") for cell in columns.get(column, ())]
    return (
        any(cell.score < _SURE_WORD for cell in others)
        or min((cell.score for cell in names), default=0.0) < _SURE_NAME
        or (starred and not _STARRED.fullmatch(line.name))
        or plain(line.name).count("(") != plain(line.name).count(")")
    )


def _is_glued(columns: dict[str, tuple[Run, ...]], edges: Edges, names: Sequence[str]) -> bool:
    """Does any text of these columns reach so far right that it must hold the next one's, too?"""
    return any(
        reaches_over(cell, column, edges) for column in names for cell in columns.get(column, ())
    )


def _at_the_gap(cell: Run, edges: Edges) -> list[Run]:
    """Words that recognition glued to those of the next column, cut at the one space near the
    column's edge; left whole where none or several are."""
    column = column_of(cell, edges)
    after = edge_after(column, edges) if column in TEXTS else None
    if after is None or cell.x1 < after + 0.8 * cell.height:
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


def _with_unread(
    anchors: list[Run], cells: Sequence[Run], header: Header, edges: Edges
) -> list[Run]:
    """The anchors with those of lines whose rate was misread or not seen: every figure in the
    column of amounts says that there is a line. What stands in its rate's place, or else the
    empty place itself, is the anchor."""
    title = header.titles.get("rate")
    if title is None:
        return anchors
    found = list(anchors)
    for amount in (cell for cell in cells if _is_amount(cell, edges)):
        level = header.level(amount)
        if any(abs(header.level(anchor) - level) < 0.5 * amount.height for anchor in found):
            continue
        beside = [
            cell
            for cell in cells
            if column_of(cell, edges) == "rate"
            and abs(header.level(cell) - level) < 0.5 * amount.height
        ]
        found.append(beside[0] if len(beside) == 1 else _empty_place(title, amount, header))
    return sorted(found, key=header.level)


def _is_amount(cell: Run, edges: Edges) -> bool:
    text = compact(cell).text
    return (
        re.fullmatch(r"-?[\d,]+\.\d\d", text) is not None
        and values.money(text) is not None
        and column_of(cell, edges) == "amount"
    )


def _empty_place(title: Run, amount: Run, header: Header) -> Run:
    """A blank in the rate's column, as high as the amount that it belongs to."""
    sink = header.slope * (title.centre - amount.centre)
    top, bottom = amount.y0 + sink, amount.y1 + sink
    glyph = amount.glyphs[0]
    return Run((replace(glyph, char=" ", x0=title.centre, x1=title.centre, y0=top, y1=bottom),))


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


def _cells(run: Run) -> list[Run]:
    """A run cut where recognition glued neighbouring cells: at spaces around figures, and
    between an amount and the rate behind it."""
    cuts = [0, *(match.end() for match in _SEAM.finditer(run.text)), len(run.text)]
    parts = [run.part(start, end) for start, end in itertools.pairwise(cuts)]
    return [part for part in parts if part is not None]


def _line(
    anchor: Run,
    cells: list[Run],
    header: Header,
    columns: dict[str, tuple[Run, ...]],
    *,
    given: bool,
) -> Line | None:
    height = header.level(anchor)
    row = [cell for cell in cells if abs(header.level(cell) - height) < 0.8 * anchor.height]
    left = sorted((cell for cell in row if cell.centre < anchor.x0), key=lambda cell: -cell.x1)
    right = sorted((cell for cell in row if cell.centre > anchor.x1), key=lambda cell: cell.x0)
    amount = values.money(compact(left[0]).text) if left else None
    tax = values.money(compact(right[0]).text) if right else None
    rate = values.rate(anchor.text)
    name = text_cell(columns.get("name", ()))
    if amount is None or not name:
        return None
    if not given:
        rate = _held_rate(anchor, rate, amount, tax)
    spec = text_cell(columns.get("spec", ()))
    unit = text_cell(columns.get("unit", columns.get("area_unit", ())))
    price, quantity = _price_and_quantity(left[1:], amount, header, columns, given=given)
    return Line(
        name=name,
        spec=(spec if given else mending.spec(spec)) or None,
        unit=(unit if given else mending.unit(unit)) or None,
        quantity=quantity,
        price=price,
        amount=amount,
        rate=rate,
        tax=tax,
    )


def _held_rate(
    anchor: Run, read: Decimal | None, amount: Decimal, tax: Decimal | None
) -> Decimal | None:
    """The recognised rate, or where none was recognised the one that amount and tax prove."""
    if read is not None or tax is None or is_rate(anchor):
        return read
    return mending.proven_rate(amount, tax)


def with_held_tax(line: Line) -> Line:
    """The line, without its tax where amount x rate says otherwise (差额征税 may)."""
    if line.amount is None or line.rate is None or line.tax is None:
        return line
    holds = abs(line.amount * line.rate - line.tax) <= Decimal("0.06")
    return line if holds else line.model_copy(update={"tax": None})


Pair = tuple[Decimal | None, Decimal | None]


def _price_and_quantity(
    cells: list[Run],
    amount: Decimal,
    header: Header,
    columns: dict[str, tuple[Run, ...]],
    *,
    given: bool,
) -> Pair:
    """The figures next left of the amount, if their product is the amount. `cells` come from
    right to left; rides print the price before the quantity, and toll has neither. A text layer
    is believed without the product, in its own columns."""
    if "price" not in header.titles and "quantity" not in header.titles:
        return None, None
    turned = header.stands_before("price", "quantity")
    texts = [compact(cell).text for cell in cells[:2]]
    figures = [values.number(text) for text in texts]
    if len(figures) == 2 and _product_holds(figures[0], figures[1], amount):
        return (figures[1], figures[0]) if turned else (figures[0], figures[1])
    if texts and figures[0] is not None and not turned:
        glued = _unglued(texts[0], amount)
        if glued is not None:
            return glued
    if not given:
        return _counted(columns, amount)
    return _only_figure(columns, "price"), _only_figure(columns, "quantity")


def _counted(columns: dict[str, tuple[Run, ...]], amount: Decimal) -> Pair:
    """The price and the whole quantity that it proves: a lone small figure is often overlooked or
    misread."""
    price = _only_figure(columns, "price")
    quantity = mending.counted(price, amount) if price is not None else None
    return (price, quantity) if quantity is not None else (None, None)


def _only_figure(columns: dict[str, tuple[Run, ...]], name: str) -> Decimal | None:
    """The one figure of a column; two would mean that something else stands there."""
    figures = [values.number(compact(cell).text) for cell in columns.get(name, ())]
    found = [figure for figure in figures if figure is not None]
    return found[0] if len(found) == 1 else None


def _product_holds(price: Decimal | None, quantity: Decimal | None, amount: Decimal) -> bool:
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


def _unglued(text: str, amount: Decimal) -> Pair | None:
    """Quantity and price that recognition ran together (`12481.39` for 12 and 481.39): the one
    place to cut where the product is the amount."""
    pairs = []
    for cut_at in range(1, min(len(text) - 1, 9)):
        quantity, price = values.number(text[:cut_at]), values.number(text[cut_at:])
        if text[cut_at] != "0" and _product_holds(price, quantity, amount):
            pairs.append((price, quantity))
    return pairs[0] if len(pairs) == 1 else None

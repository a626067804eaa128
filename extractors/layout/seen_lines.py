"""The lines of a recognised table.

Worn pages lose titles, rates, stars and dots. So every line is what any of its figures or a
starred name says is one; its cells are what stands in the columns; its figures are reckoned
against each other and the sums; and what is left in doubt is kept and told.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rapidfuzz.fuzz import partial_ratio

from extractors.layout import figures, mending
from extractors.layout.columns import (
    TEXTS,
    Edges,
    Header,
    edge_after,
    reaches_over,
    text_cell,
)
from extractors.layout.figures import EMPTY, Figure, Figures
from extractors.layout.lines import Row, by_column, pair_before
from extractors.layout.page import Run, plain
from extractors.layout.reading import Face, compact
from extractors.layout.reckoning import Sums, adds_up, reckon
from extractors.layout.seen_table import Table, levels_of, seen_table
from extractors.model import Line

#: Names recognised with less certainty than this are not compared with anything ...
_SURE_NAME = 0.9
#: ... any other word below this is for a person to look at.
_SURE_WORD = 0.8
#: What stands in a line's first row lies within so many heights of print of its level.
_SAME_ROW = 0.7
#: A line shows at least two of name, amount or tax, rate, and price.
_FEW = 2
#: So many characters of a tax id are no specification.
_SEAL_ID = 6
#: ... if this share of them, in hundredths, is as printed.
_LIKE_ID = 75
#: Pieces of one figure lie within so many heights of print.
_CLOSE = 0.4
_NO_END = 1e9
_UNIT = re.compile(r"[一-鿿㎡·.]{1,4}")
_WHOLE_STARS = re.compile(r"\*[^*]+\*[^*].*")
_READERS: tuple[tuple[str, Callable[[str], Figure]], ...] = (
    ("quantity", figures.number),
    ("price", figures.number),
    ("amount", figures.money),
    ("rate", figures.rate),
    ("tax", figures.money),
)


@dataclass(frozen=True)
class Draft:
    """A line before its figures are reckoned: its cells by column, its figures, whether some text
    may be cut or glued, whether any reaches into the next column, and whether any was cut where
    no gap shows."""

    columns: dict[str, tuple[Run, ...]]
    figures: Figures
    doubtful: bool
    glued: bool
    cut: bool


def read_drafts(face: Face, header: Header, top: float, bottom: float) -> list[Draft]:
    """The lines between two heights, as they were seen, in the columns of `header` (which may
    stand on the page before)."""
    table = seen_table(face, header, top, bottom)
    levels = levels_of(table)
    drafts = [_draft(table, start, end) for start, end in itertools.pairwise([*levels, _NO_END])]
    return [draft for draft in drafts if draft is not None]


def settled(face: Face, drafts: Sequence[Draft], sums: Sums) -> list[Row]:
    """The lines of all pages, their figures reckoned against each other and the sums."""
    all_figures = [draft.figures for draft in drafts]
    reckon(all_figures, sums)
    proven = sums.firm and adds_up(all_figures, sums)
    return [_row(face, draft, proven=proven) for draft in drafts]


def sums_of(face: Face) -> Sums:
    """The sums below the table, as far as they are known."""
    known = {
        name: field.value
        for name in ("total_without_tax", "total_tax", "total_with_tax")
        if (field := face.found.get(name)) is not None
    }
    amount, tax = known.get("total_without_tax"), known.get("total_tax")
    total = known.get("total_with_tax")
    if amount is not None:
        rest = total - amount if tax is None and total is not None else tax
        return Sums(amount, rest)
    doubted = face.doubted.get("total_without_tax")
    return Sums(doubted.value if doubted is not None else None, firm=False)


def _draft(table: Table, start: float, end: float) -> Draft | None:
    """The line that stands at the level `start`, the next one at `end`."""
    level = table.header.level
    above = 0.6 * table.height
    own = [cell for cell in table.cells if start - above <= level(cell) < end - above]
    first = [cell for cell in own if abs(level(cell) - start) < _SAME_ROW * table.height]
    columns = by_column(own, table.edges)
    found = _figures(table, by_column(first, table.edges))
    names = columns.get("name", ())
    money = found.amount.text or found.tax.text
    if sum(map(bool, (names, money, found.rate.text, found.price.text))) < _FEW:
        return None
    cut = _is_cut(own)
    texts = _is_glued(columns, table.edges, ("name", "spec"))
    doubtful = cut or texts or _may_go_on(table, columns, end)
    glued = _is_glued(columns, table.edges, TEXTS)
    return Draft(columns, found, doubtful, glued, cut)


def _is_cut(cells: Sequence[Run]) -> bool:
    """Were any words cut in two where print shows no gap?"""
    begins = {(cell.glyphs[0].x0, cell.glyphs[0].y0) for cell in cells}
    return any((cell.glyphs[-1].x1, cell.glyphs[-1].y0) in begins for cell in cells)


def _figures(table: Table, columns: dict[str, tuple[Run, ...]]) -> Figures:
    titles = table.header.titles
    turned = table.header.stands_before("price", "quantity")
    columns = _parted(columns, turned=turned)
    found = Figures(counted="price" in titles or "quantity" in titles)
    for name, read in _READERS:
        setattr(found, name, _figure(columns.get(name, ()), read))
    amounts = columns.get("amount", ())
    if found.counted and found.amount.value is not None and amounts:
        left = sorted(
            (cell for each in columns.values() for cell in each if cell.x1 < amounts[0].x1),
            key=lambda cell: -cell.x1,
        )
        left = [cell for cell in left if cell not in amounts]
        pair = pair_before(left, found.amount.value, turned=turned)
        if pair is not None:
            found.price = Figure(f"{pair[0]}", pair[0], sure=True)
            found.quantity = Figure(f"{pair[1]}", pair[1], sure=True)
    return found


def _figure(cells: Sequence[Run], read: Callable[[str], Figure]) -> Figure:
    """What stands in the cells of one column and row. Pieces close together are of one figure; of
    several the first that can be read counts."""
    pieces: list[list[Run]] = []
    for cell in sorted(cells, key=lambda cell: cell.x0):
        if pieces and cell.x0 - pieces[-1][-1].x1 < _CLOSE * cell.height:
            pieces[-1].append(cell)
        else:
            pieces.append([cell])
    # Where a dot was lost, the figure falls apart there.
    found = [_read(piece, read) for piece in pieces]
    whole = next((each for each in found if each.value is not None or each.void), None)
    return whole or (found[0] if found else EMPTY)


def _read(piece: Sequence[Run], read: Callable[[str], Figure]) -> Figure:
    found = read(" ".join(compact(cell).text for cell in piece))
    weighed = compact(piece[0]).weighed if len(piece) == 1 else ()
    return replace(found, weighed=weighed) if weighed else found


def _parted(columns: dict[str, tuple[Run, ...]], *, turned: bool) -> dict[str, tuple[Run, ...]]:
    """The columns, where two figures stand in that of quantities or prices and none in the other:
    one in each."""
    one, other = ("price", "quantity") if turned else ("quantity", "price")
    both = [*columns.get(one, ()), *columns.get(other, ())]
    both = [cell for cell in both if figures.number(compact(cell).text).value is not None]
    if len(both) != len(_PAIR) or (one in columns and other in columns):
        return columns
    left, right = sorted(both, key=lambda cell: cell.x0)
    return {**columns, one: (left,), other: (right,)}


_PAIR = ("quantity", "price")


def _row(face: Face, draft: Draft, *, proven: bool) -> Row:
    columns, found = draft.columns, draft.figures
    name = text_cell(columns.get("name", ()))
    if _prints_stars(face) or "*" in name:
        name = mending.with_stars(name)
    line = Line(
        name=name,
        spec=mending.spec(text_cell(_no_seals(face, columns.get("spec", ())))) or None,
        unit=_unit(columns),
        quantity=found.quantity.value,
        price=found.price.value,
        amount=found.amount.value,
        rate=found.rate.value,
        tax=found.tax.value,
    )
    doubtful = draft.doubtful or not (proven and found.sure) or _is_doubtful(face, line, columns)
    return Row(line, columns, doubtful, draft.glued, draft.cut)


def _unit(columns: dict[str, tuple[Run, ...]]) -> str | None:
    """A short word. Of several in its column, which a wide neighbour reaches into, the last."""
    area = "area_unit" in columns
    cells = columns.get("area_unit" if area else "unit", ())
    text = text_cell(cells)
    short = [compact(cell).raw for cell in cells if _UNIT.fullmatch(compact(cell).text)]
    behind = re.search(rf" ({_UNIT.pattern})$", text)
    if not _UNIT.fullmatch(plain(text)) and (short or behind):
        text = short[-1] if short else behind[1] if behind else text
    return mending.unit(text, area=area) or None


def _no_seals(face: Face, cells: Sequence[Run]) -> list[Run]:
    """The cells without the tax id of a party, which its seal over the table shows."""
    ids = [
        face.found[name].value for name in ("seller_tax_id", "buyer_tax_id") if name in face.found
    ]
    return [
        cell
        for cell in cells
        if len(cell.raw) < _SEAL_ID
        or not any(partial_ratio(compact(cell).text, each) > _LIKE_ID for each in ids)
    ]


#: From this day every line names its class between stars (国家税务总局公告2017年第45号).
_STARRED_SINCE = dt.date(2018, 1, 1)


def _prints_stars(face: Face) -> bool:
    issued = face.found.get("issue_date")
    return issued is None or issued.value >= _STARRED_SINCE


def _may_go_on(table: Table, columns: dict[str, tuple[Run, ...]], end: float) -> bool:
    """Does a name fill its column and leave a row's room below it? Its last characters, alone in
    that row, may have been overlooked."""
    names, after = columns.get("name", ()), edge_after("name", table.edges)
    if not names or after is None or end == _NO_END:
        return False
    level = table.header.level
    last = max(names, key=level)
    room = end - 0.6 * table.height - level(last)
    return last.x1 > after - last.height and room > 1.2 * last.height


def _is_doubtful(face: Face, line: Line, columns: dict[str, tuple[Run, ...]]) -> bool:
    """May the name be cut or misread, or another cell be?"""
    names = columns.get("name", ())
    others = [cell for column in ("spec", "unit") for cell in columns.get(column, ())]
    return (
        any(cell.score < _SURE_WORD for cell in others)
        or min((cell.score for cell in names), default=0.0) < _SURE_NAME
        or (_prints_stars(face) and not _WHOLE_STARS.fullmatch(line.name))
        or plain(line.name).count("(") != plain(line.name).count(")")
    )


def _is_glued(columns: dict[str, tuple[Run, ...]], edges: Edges, names: Sequence[str]) -> bool:
    """Does any text of these columns reach so far right that it must hold the next one's, too?"""
    return any(
        reaches_over(cell, column, edges) for column in names for cell in columns.get(column, ())
    )

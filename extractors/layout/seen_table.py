"""The cells of a recognised table in their columns, and the levels at which its lines stand."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean

from extractors.layout.columns import (
    TEXTS,
    Edges,
    Header,
    begun_by,
    centred,
    column_of,
    cut_at_siblings,
    edge_after,
)
from extractors.layout.lines import RATE, body_of, parts_of
from extractors.layout.lost_titles import STARRED, completed
from extractors.layout.page import Run
from extractors.layout.reading import Face, compact

#: What is less certain than this says of no line.
_SURE_MARK = 0.4
#: Cells of one row lie within so many heights of print of each other, those of two columns
#: farther where the page bends.
_PITCH, _BENT = 0.55, 0.8
#: Columns that tell lines apart, and what a cell of theirs may say: figures may stand there, or
#: a line begins.
_MARKING = frozenset({"name", "price", "amount", "rate", "tax"})
_WEAK, _STRONG = 1, 2
_LONGEST_RATE, _FEW_DIGITS = 4, 2
#: A line shows cells of at least so many columns that tell lines apart.
_FEW = 2
_SPECK = re.compile(r"(?<=\d)[.,|:;'·]+ +(?=\d)")
_STAMPS = re.compile(r"已报|报销|付讫|作废")
_LARGE = 1.8
_MONEY = re.compile(r"[-¥]?\d[\d,.OolI|SBb]*[^\d]{1,2}\d\d")


@dataclass(frozen=True)
class Table:
    """The columns and cells of one page."""

    face: Face
    header: Header
    edges: Edges
    cells: tuple[Run, ...]

    @cached_property
    def height(self) -> float:
        """Of its print. Boxes on worn pages are rather too high than too low."""
        heights = sorted(cell.height for cell in self.cells)
        return heights[len(heights) // 3] if heights else 0.01

    def mark_of(self, cell: Run, column: str) -> int:
        """How well a cell shows that a line begins: a word, figures, or what only the first row
        of a line can show."""
        text = compact(cell).text
        if column in ("amount", "tax") and _MONEY.fullmatch(text):
            return _STRONG
        if column == "rate":
            return _STRONG if RATE.fullmatch(text) else _WEAK * (len(text) <= _LONGEST_RATE)
        if column == "name":
            return _STRONG if STARRED.match(text) else 0
        return _WEAK if sum(char.isdigit() for char in text) >= _FEW_DIGITS else 0


def seen_table(face: Face, header: Header, top: float, bottom: float) -> Table:
    """The table between two heights, lost titles made good."""
    body = [run for run in body_of(face, header, top, bottom) if not _is_stamp(face, run)]
    parts = [part for run in body for piece in _parts_of(run) for part in parts_of(piece)]
    header = completed(face, header, parts)
    edges = _round_money(centred(header, body), header, parts)
    cells = [cell for part in parts for cell in _cut_at_the_gap(part, edges)]
    cells = cut_at_siblings(cells, edges)
    return Table(face, header, begun_by(cells, edges), tuple(cells))


def _round_money(edges: Edges, header: Header, cells: Sequence[Run]) -> Edges:
    """The edges, those beside the rates set so that money is none of them: boxes of worn titles are
    too wide."""
    rate = header.titles.get("rate")
    if rate is None:
        return edges
    money = [cell for cell in cells if _MONEY.fullmatch(compact(cell).text)]
    before = max((cell.x1 for cell in money if cell.centre < rate.centre), default=-1.0)
    behind = min((cell.x0 for cell in money if cell.x0 > rate.centre), default=2.0)
    ends = {"rate": (before, rate.centre), "tax": (rate.centre, behind)}
    better = []
    for name, edge in edges:
        low, high = ends.get(name, (edge, edge))
        better.append((name, min(max(edge, low), max(low, high))))
    return better


def levels_of(table: Table) -> list[float]:
    """The level of every line, from top to bottom: where figures stand in the columns of amounts,
    rates and taxes, or a name begins with its class between stars. What wraps has words only."""
    clusters: list[_Cluster] = []
    for level, cell in sorted(
        ((table.header.level(cell), cell) for cell in table.cells), key=lambda each: each[0]
    ):
        column = column_of(cell, table.edges)
        if column not in _MARKING or cell.score < _SURE_MARK:
            continue
        mark = table.mark_of(cell, column)
        if clusters and level - clusters[-1].level < _PITCH * table.height:
            clusters[-1].add(level, column, mark)
        else:
            clusters.append(_Cluster().add(level, column, mark))
    return [cluster.level for cluster in _unbent(clusters, table.height) if cluster.is_line]


@dataclass
class _Cluster:
    """Cells at one level: of which columns, and how well each shows that a line begins."""

    levels: list[float] = field(default_factory=list)
    marks: dict[str, int] = field(default_factory=dict)

    @property
    def level(self) -> float:
        return fmean(self.levels)

    @property
    def is_line(self) -> bool:
        weak = [column for column, mark in self.marks.items() if mark >= _WEAK]
        return _STRONG in self.marks.values() or (
            len(weak) + ("name" in self.marks and "name" not in weak) >= _FEW and bool(weak)
        )

    def add(self, level: float, column: str, mark: int) -> _Cluster:
        self.levels.append(level)
        self.marks[column] = max(mark, self.marks.get(column, 0))
        return self


def _unbent(clusters: Sequence[_Cluster], height: float) -> list[_Cluster]:
    """Where the page bends, a name may stand somewhat above or below its figures."""
    joined: list[_Cluster] = []
    for cluster in clusters:
        before = joined[-1] if joined else None
        if (
            before is not None
            and cluster.level - before.level < _BENT * height
            and not before.marks.keys() & cluster.marks.keys()
            and before.is_line
            and cluster.is_line
        ):
            before.levels.extend(cluster.levels)
            before.marks |= cluster.marks
        else:
            joined.append(cluster)
    return joined


def _is_stamp(face: Face, run: Run) -> bool:
    """Stamps of the house (已报销) are larger than print, or lean so that their boxes are."""
    return _STAMPS.search(run.text) is not None or run.height > _LARGE * face.sheet.line_height


def _parts_of(run: Run) -> list[Run]:
    """A run cut behind a figure that a speck follows (`762.48. 13%`)."""
    cuts = [0, *(match.end() for match in _SPECK.finditer(run.text)), len(run.text)]
    parts = [run.part(start, end) for start, end in itertools.pairwise(cuts)]
    return [part for part in parts if part is not None]


def _cut_at_the_gap(cell: Run, edges: Edges) -> list[Run]:
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

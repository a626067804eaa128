"""The columns of a VAT table: where each begins, and what stands in it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

from extractors.layout import values
from extractors.layout.page import Run, join
from extractors.layout.reading import compact

Edges = list[tuple[str, float]]


@dataclass(frozen=True)
class Header:
    """The row of column titles: its height on the sheet and where each title's middle is. Scans
    lean; the titles, which stand in one row, say how much. Titles in `guessed` are blanks, set
    where the column has its middle."""

    top: float
    bottom: float
    titles: dict[str, Run]
    guessed: frozenset[str] = frozenset()

    @property
    def page(self) -> int:
        """The page, counted from the sheet's first, that the titles stand on."""
        return next(iter(self.titles.values())).page

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

    @cached_property
    def _foot(self) -> float:
        """The level that rows below the titles lie under."""
        title = fmean(self.level(title) for title in self.titles.values())
        height = fmean(title.height for title in self.titles.values())
        return title + 0.5 * height

    def is_over(self, run: Run) -> bool:
        """Does the run stand in a row below the titles?"""
        return self.level(run) > self._foot

    @cached_property
    def edges(self) -> Edges:
        """Columns with their left edges: half way between neighbouring titles."""
        order = sorted(self.titles.items(), key=lambda item: item[1].x0)
        edges: Edges = []
        for index, (name, run) in enumerate(order):
            edges.append((name, -1.0 if index == 0 else (order[index - 1][1].x1 + run.x0) / 2))
        return edges

    def stands_before(self, one: str, other: str) -> bool:
        """Does the first column stand left of the second, both being there?"""
        first, second = self.titles.get(one), self.titles.get(other)
        return first is not None and second is not None and first.x0 < second.x0


def edge_after(column: str, edges: Edges) -> float | None:
    """Where the column behind the given one begins; None where there is none."""
    columns = [name for name, _ in edges]
    if column not in columns or columns.index(column) + 1 == len(columns):
        return None
    return edges[columns.index(column) + 1][1]


def centred(header: Header, body: list[Run]) -> Edges:
    """The edges, set right where titles stand in the middle of their columns: names fill theirs
    from its left edge, so its right edge is as far from the title as the left one, and the same
    holds for the columns behind it as long as edges fall between titles."""
    edges = header.edges
    if edges[0][0] != "name" or not body:
        return edges
    if "name" in header.guessed:
        return _name_bounded(header, edges)
    better = [edges[0]]
    left = min(run.x0 for run in body)
    for (name, _), (follower, _) in itertools.pairwise(edges):
        title, after = header.titles[name], header.titles[follower]
        right = 2 * title.centre - left
        # A title may fill its column, and be seen a little wider than it is.
        hair = _HAIR * title.height
        if not title.x1 - hair <= right <= after.x0 + hair:
            break
        better.append((follower, right))
        left = right
    return [*better, *edges[len(better) :]]


def _name_bounded(header: Header, edges: Edges) -> Edges:
    """The edges, where the title of the names was lost: the column behind them begins as far left
    of its title as it ends right of it."""
    if len(edges) < _ENOUGH or edges[1][0] not in TEXTS:
        return edges
    follower = edges[1][0]
    left = 2 * header.titles[follower].centre - edges[2][1]
    return [edges[0], (follower, left), *edges[2:]]


#: Columns that say how wide the second is.
_ENOUGH = 3


def column_of(cell: Run, edges: Edges) -> str | None:
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


def begun_by(cells: Sequence[Run], edges: Edges) -> Edges:
    """The edges, those of columns of words moved left to where their words begin: a narrow letter
    that alone goes on below another would else have its middle in the column before."""
    begins: dict[str, float] = {}
    for cell in cells:
        column = column_of(cell, edges)
        if column in TEXTS:
            begins[column] = min(cell.x0 - _HAIR * cell.height, begins.get(column, cell.x0))
    return [(name, min(edge, begins.get(name, edge))) for name, edge in edges]


#: How much left of one another words of a column may begin, in heights.
_HAIR = 0.3


#: Columns of words, set from the left, each of which may be glued to the next.
TEXTS = ("name", "spec", "site", "project", "certificate", "area_unit", "plate", "vehicle")


def reaches_over(cell: Run, column: str, edges: Edges) -> bool:
    """Does a cell of the column reach into the next one?"""
    after = edge_after(column, edges)
    return after is not None and cell.x1 > after + 0.7 * cell.height


def cut_at_siblings(cells: Sequence[Run], edges: Edges) -> list[Run]:
    """The cells, those that recognition glued across two columns of words cut where other cells of
    the second column begin."""
    columns = [column_of(cell, edges) for cell in cells]
    starts: dict[str, float] = {}
    for cell, column in zip(cells, columns, strict=True):
        if column in TEXTS:
            starts[column] = min(cell.x0, starts.get(column, cell.x0))
    parts: list[Run] = []
    for cell, column in zip(cells, columns, strict=True):
        start = starts.get(_column_after(column, edges) or "")
        if column in TEXTS and start is not None and reaches_over(cell, column, edges):
            parts.extend(_cut_at(cell, start))
        else:
            parts.append(cell)
    return parts


def _column_after(column: str | None, edges: Edges) -> str | None:
    return next(
        (after for (name, _), (after, _) in itertools.pairwise(edges) if name == column), None
    )


def _cut_at(cell: Run, start: float) -> list[Run]:
    """The cell in two, the second beginning at `start`: at the one space there, or else between
    two characters; whole where that falls within a character, or where so many characters before
    it are narrow that their places are a guess."""
    spaces = [
        index
        for index, glyph in enumerate(cell.glyphs)
        if glyph.char == " " and abs(glyph.x1 - start) < 1.5 * cell.height
    ]
    if len(spaces) == 1:
        return _in_two(cell, spaces[0])
    near = min(range(len(cell.glyphs)), key=lambda index: abs(cell.glyphs[index].x0 - start))
    narrow = sum(glyph.char <= "\u2e7f" for glyph in cell.glyphs[:near])
    if narrow > _MOST_NARROW or abs(cell.glyphs[near].x0 - start) > 0.35 * cell.height:
        return [cell]
    return _in_two(cell, near)


#: Figures and letters, whose widths vary, that may stand before a cut between characters.
_MOST_NARROW = 2


def _in_two(cell: Run, index: int) -> list[Run]:
    parts = cell.part(0, index), cell.part(index, len(cell.glyphs))
    return [part for part in parts if part is not None]


def stacked(cells: Sequence[Run]) -> list[Run]:
    """The rows of one cell from top to bottom, each joined over its gaps."""
    rows: list[list[Run]] = []
    for cell in sorted(cells, key=lambda cell: cell.middle):
        if rows and cell.middle - rows[-1][0].middle < 0.5 * cell.height:
            rows[-1].append(cell)
        else:
            rows.append([cell])
    return [join(row) for row in rows]


def one_cell(cells: Sequence[Run]) -> Run | None:
    """All of a cell that wrapped as one run, rows following each other without a space."""
    rows = stacked(cells)
    return Run(tuple(glyph for row in rows for glyph in row.glyphs)) if rows else None


def text_cell(cells: Sequence[Run]) -> str:
    """The words of one cell, over several rows if it wrapped. Spaces that the source shows stay."""
    return "".join(row.raw for row in stacked(cells))

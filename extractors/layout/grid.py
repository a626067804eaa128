"""Boxed forms: every value belongs to the label left of it, at its height.

Labels of such forms (机动车, 二手车, 卷票, 机打发票) wrap inside narrow boxes while their values
stand on one line at the middle, so rows of print do not line up. Hence ownership by geometry:
a piece of print belongs to the nearest label on its left whose height it shares.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from extractors.layout.page import Glyph, Run, join
from extractors.layout.reading import Face, compact

#: A gap this many times the height of print ends a value.
_GAP = 2.2
#: A piece shares a label's height if its middle is not farther outside than this share of a line.
_LEVEL = 0.3
#: Lines of one value are closer than this many times the height of print; rows of a form are not.
_PITCH = 1.5
#: Characters of labels that run down the side of a box (税控码), one a row.
_SIDE_PRINT = frozenset("税控码密区备注购买销售方")


@dataclass
class Cell:
    """A label by its name, its box, and the rows of print that stand in its cell."""

    name: str
    label: Run
    rows: list[Run] = field(default_factory=list)

    @property
    def value(self) -> Run | None:
        """All rows as one run; None where the cell is empty."""
        if not self.rows:
            return None
        return Run(tuple(glyph for row in self.rows for glyph in row.glyphs))

    @property
    def text(self) -> str:
        """The value's plain text without spaces, "" for an empty cell."""
        value = self.value
        return compact(value).text if value is not None else ""


def read_grid(face: Face, labels: Mapping[str, str], *, reach: float = 0.95) -> list[Cell]:
    """The cells of all labels, from top to bottom.

    `labels` maps a name to a pattern over text without spaces; the earlier name wins. Labels of
    one name that stand one above the other are one wrapped label. `reach` says how many lines a
    value may stand above or below its label, printed off the form or wrapped; dense print needs
    less of it.
    """
    pattern = re.compile("|".join(f"(?P<{name}>{text})" for name, text in labels.items()))
    marks: list[Cell] = []
    pieces: list[Run] = []
    for row in face.sheet.within(face.sheet.rows):
        found, rest = _split(row, pattern)
        marks.extend(found)
        pieces.extend(rest)
    cells = _stacked(marks)
    _give_out([piece for piece in pieces if piece.text not in _SIDE_PRINT], cells, reach)
    return cells


def _give_out(pieces: Iterable[Run], cells: Sequence[Cell], reach: float) -> None:
    """Each piece to its cell, first those at its label's height. What stands higher or lower, or
    is one character (of a seal, or of print down the margin), is another's, unless the cell is
    empty or the piece goes on with what it holds."""
    rest: list[Run] = []
    for piece in pieces:
        owner = _owner(piece, cells, _LEVEL)
        if owner is None or _is_lone(piece):
            rest.append(piece)
        else:
            _add(owner, piece)
    level = {id(cell) for cell in cells if cell.rows}
    for piece in rest:
        owner = _owner(piece, cells, reach)
        if owner is not None and (id(owner) not in level or _goes_on(owner, piece)):
            _add(owner, piece)
    for cell in cells:
        cell.rows.sort(key=lambda row: row.middle)


def _is_lone(piece: Run) -> bool:
    return len(piece.glyphs) == 1 and not piece.text.isascii()


def _goes_on(cell: Cell, piece: Run) -> bool:
    """In a row that the cell holds, or the next line of a wrapped value."""
    for row in cell.rows:
        drop = abs(row.middle - piece.middle) / min(row.height, piece.height)
        if drop < 0.5 or (drop < _PITCH and abs(row.x0 - piece.x0) < 0.8 * piece.height):
            return True
    return False


def named(cells: Iterable[Cell], *names: str) -> list[Cell]:
    """The filled cells of these names, in their order on the page."""
    return [cell for cell in cells if cell.name in names and cell.rows]


def value_of(cells: Iterable[Cell], *names: str) -> Run | None:
    """The value of the first filled cell of these names."""
    return next((cell.value for cell in named(cells, *names)), None)


def _split(row: Run, pattern: re.Pattern[str]) -> tuple[list[Cell], list[Run]]:
    """A row's labels, and what stands between them cut at its gaps."""
    glyphs = [glyph for glyph in row.glyphs if not glyph.char.isspace()]
    text = compact(row).text
    marks: list[Cell] = []
    pieces: list[Run] = []
    done = 0
    for match in pattern.finditer(text):
        if not _begins_cell(glyphs, text, match, done):
            continue
        end = match.end()
        while text[end : end + 1] in (":", ";"):
            end += 1
        pieces.extend(_pieces(row, glyphs[done : match.start()]))
        marks.append(Cell(match.lastgroup or "", Run(tuple(glyphs[match.start() : end]))))
        done = end
    pieces.extend(_pieces(row, glyphs[done:]))
    return marks, pieces


def _begins_cell(glyphs: Sequence[Glyph], text: str, match: re.Match[str], done: int) -> bool:
    """A label begins a cell; the same word inside a value (…二手车市场有限公司) does not."""
    start = match.start()
    if start in (0, done) or text[match.end() : match.end() + 1] == ":":
        return True
    left, here = glyphs[start - 1], glyphs[start]
    return here.x0 - left.x1 > 0.2 * (here.y1 - here.y0)


def _pieces(row: Run, glyphs: Sequence[Glyph]) -> list[Run]:
    """Glyphs of a row cut wherever the row has a gap; the smaller gaps inside stay spaces."""
    if not glyphs:
        return []
    inside = {id(glyph) for glyph in glyphs}
    places = [index for index, glyph in enumerate(row.glyphs) if id(glyph) in inside]
    pieces, first, last = [], places[0], places[0]
    for place in places[1:]:
        height = row.glyphs[place].y1 - row.glyphs[place].y0
        if row.glyphs[place].x0 - row.glyphs[last].x1 > 0.8 * height:
            pieces.append(row.part(first, last + 1))
            first = place
        last = place
    pieces.append(row.part(first, last + 1))
    return [piece for piece in pieces if piece is not None]


def _stacked(marks: list[Cell]) -> list[Cell]:
    """Wrapped labels as one, in their order on the page."""
    cells: list[Cell] = []
    for mark in sorted(marks, key=lambda mark: (mark.label.y0, mark.label.x0)):
        above = next((cell for cell in cells if _continues(cell, mark)), None)
        if above is None:
            cells.append(mark)
        else:
            above.label = Run((*above.label.glyphs, *mark.label.glyphs))
    return cells


def _continues(cell: Cell, mark: Cell) -> bool:
    line = mark.label.height
    return (
        cell.name == mark.name
        # The same words twice are two labels in two rows, not one that wraps.
        and compact(cell.label).text != compact(mark.label).text
        and cell.label.x0 < mark.label.x1
        and mark.label.x0 < cell.label.x1
        and -0.5 * line < mark.label.y0 - cell.label.y1 < 0.9 * line
        and not cell.label.raw.rstrip().endswith((":", "："))
    )


def _owner(piece: Run, cells: Sequence[Cell], tolerance: float) -> Cell | None:
    """The nearest label on the left; of labels one above the other, whose boxes may overlap where
    print is dense, the one whose height it stands at."""
    level = [cell for cell in cells if _is_beside(piece, cell.label, tolerance)]
    if not level:
        return None
    last = max(level, key=lambda cell: cell.label.x1).label
    column = [cell for cell in level if cell.label.x1 > last.x0]
    return min(column, key=lambda cell: _off(piece, cell.label))


def _off(piece: Run, label: Run) -> tuple[float, float]:
    """How far a piece's middle is outside a label's box, and from its middle."""
    outside = max(label.y0 - piece.middle, piece.middle - label.y1, 0.0)
    return outside, abs(piece.middle - label.middle)


def _is_beside(piece: Run, label: Run, tolerance: float) -> bool:
    slack = tolerance * min(glyph.y1 - glyph.y0 for glyph in label.glyphs[:1])
    return (
        label.x1 <= piece.x0 + 0.9 * piece.height
        and label.x0 < piece.x0
        and label.y0 - slack <= piece.middle <= label.y1 + slack
    )


def _add(cell: Cell, piece: Run) -> None:
    """To the row that the piece goes on in, or as a new row below; a wide gap ends a value."""
    for index, row in enumerate(cell.rows):
        if abs(row.middle - piece.middle) < 0.5 * piece.height:
            if piece.x0 - row.x1 <= _GAP * piece.height:
                cell.rows[index] = join((row, piece))
            return
    cell.rows.append(piece)

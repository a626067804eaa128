"""Labels and the values that stand behind them, for slips and forms that are all labels.

A label counts where a cell can begin: after a gap, at the head of a row, or wherever a colon
follows it. Its value runs to the next label or the next wide gap, keeps its own spaces, and goes
on below where a narrow cell wrapped it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from extractors.layout.page import Run
from extractors.layout.reading import MENDED, Face, compact

#: A value ends at a gap this many times its height; the gap after the label may be any width
#: up to so many page widths.
_GAP = 1.7
_REACH = 0.35
#: The widest gap, in heights of print, between the characters of one label.
_LOOSEST = 8.0
#: What stands between a label and its value, or is made of a colon by a poor page.
_MARKS = ":;。、"
#: So many characters say that they are a label wherever they stand.
_LONG, _LONGEST = 4, 6


@dataclass(frozen=True)
class Cell:
    """A label by its name, where it stands, and its value (None where nothing stands)."""

    name: str
    label: Run
    value: Run | None


def read_cells(
    face: Face,
    labels: Mapping[str, str],
    *,
    rows: Iterable[Run] | None = None,
    gap: float = _GAP,
    reach: float = _REACH,
    wrapping: Collection[str] = (),
) -> list[Cell]:
    """Every labelled cell of the rows, from top to bottom. `labels` maps a name to its pattern
    over text without spaces; where two match at one place the earlier in the mapping wins. Names
    that begin with `_` are for labels that only end the values before them. `wrapping` names
    the cells whose values may go on below."""
    pattern = re.compile("|".join(f"(?P<{name}>{text})" for name, text in labels.items()))
    found = [
        cell
        for row in (face.sheet.within(face.sheet.rows) if rows is None else rows)
        for cell in _cells_of_row(row, pattern, gap, reach)
    ]
    return _wrapped(face, found, wrapping) if wrapping else found


def first(cells: Sequence[Cell], *names: str) -> Run | None:
    """The value of the first filled cell of the best name: names in order of preference."""
    for name in names:
        for cell in cells:
            if cell.name == name and cell.value is not None:
                return cell.value
    return None


def the_only(cells: Sequence[Cell], *names: str) -> Run | None:
    """As `first`, but None if cells of that name say different things."""
    for name in names:
        values = [cell.value for cell in cells if cell.name == name and cell.value is not None]
        if values:
            texts = {compact(value).text for value in values}
            return max(values, key=lambda run: run.score) if len(texts) == 1 else None
    return None


def trust(face: Face, run: Run) -> float:
    """How sure a recognised value can be at most: a seal over print swallows and changes
    characters without lowering the engine's score."""
    if not face.recognised:
        return 1.0
    sealed = any(
        re.search(r"专用章", seal.text)
        and abs(seal.middle - run.middle) < 7 * run.height
        and seal.x0 - 8 * run.height < run.x1
        and run.x0 < seal.x1 + 8 * run.height
        for seal in face.sheet.runs
    )
    return MENDED if sealed else 1.0


def ambiguous(text: str) -> bool:
    """Might recognition have taken a letter for a digit, or the other way round, in this mixture of
    both?"""
    return bool(re.search(r"[A-Za-z]", text) and re.search(r"[0OoQ1Il]", text))


def _cells_of_row(row: Run, pattern: re.Pattern[str], gap: float, reach: float) -> Iterator[Cell]:
    places = [index for index, glyph in enumerate(row.glyphs) if not glyph.char.isspace()]
    text = "".join(row.text[index] for index in places)
    marks = [
        match
        for match in _labels(row, places, text, pattern)
        if _begins_cell(row, places, text, match)
    ]
    for number, match in enumerate(marks):
        label = Run(tuple(row.glyphs[index] for index in places[match.start() : match.end()]))
        start = match.end()
        while start < len(text) and text[start] in _MARKS:
            start += 1
        end = marks[number + 1].start() if number + 1 < len(marks) else len(text)
        near = start < end and row.glyphs[places[start]].x0 - label.x1 <= reach
        value = _value(row, places[start:end], gap) if near else None
        yield Cell(match.lastgroup or "", label, value)


def _labels(
    row: Run, places: list[int], text: str, pattern: re.Pattern[str]
) -> Iterator[re.Match[str]]:
    """Every label of the row that no wide gap tears: words down the side of one party (款) are no
    part of the other party's label, though nothing else stands between them."""
    start = 0
    while match := pattern.search(text, start):
        torn = (
            index
            for index in range(match.start() + 1, match.end())
            if row.glyphs[places[index]].x0 - row.glyphs[places[index - 1]].x1
            > _LOOSEST * row.height
        )
        gap = next(torn, None)
        if gap is None:
            yield match
        start = max(match.end(), start + 1) if gap is None else gap


def _begins_cell(row: Run, places: list[int], text: str, match: re.Match[str]) -> bool:
    if text[match.end() : match.end() + 1] == ":" or match[0].endswith(":"):
        return True
    place = places[match.start()]
    if place == 0 or row.glyphs[place - 1].char.isspace():
        return True
    # A long label ends what it touches, though recognition saw no gap; figures sooner than words.
    least = _LONG if row.glyphs[place - 1].char.isascii() else _LONGEST
    return len(match[0]) >= least


def _value(row: Run, places: list[int], gap: float) -> Run | None:
    """The glyphs at `places` up to the first wide gap, with the spaces between them."""
    height = row.glyphs[places[0]].y1 - row.glyphs[places[0]].y0
    last = places[0]
    for place in places[1:]:
        if row.glyphs[place].x0 - row.glyphs[last].x1 > gap * height:
            break
        last = place
    return row.part(places[0], last + 1)


def _wrapped(face: Face, cells: list[Cell], wrapping: Collection[str]) -> list[Cell]:
    """Values that go on in a run right below them, in a row of no label, joined to one."""
    taken = {id(glyph) for cell in cells for run in _parts(cell) for glyph in run.glyphs}
    loose = [run for run in face.sheet.runs if not any(id(glyph) in taken for glyph in run.glyphs)]
    joined = []
    for cell in cells:
        value = cell.value
        while cell.name in wrapping and value is not None:
            below = _below(value, loose)
            if below is None:
                break
            loose.remove(below)
            value = Run((*value.glyphs, *below.glyphs))
        joined.append(replace(cell, value=value))
    return joined


def _parts(cell: Cell) -> Iterator[Run]:
    yield cell.label
    if cell.value is not None:
        yield cell.value


def _below(value: Run, loose: list[Run]) -> Run | None:
    last = value.glyphs[-1]
    height = last.y1 - last.y0
    for run in loose:
        drop, indent = run.y0 - last.y0, run.x0 - value.x0
        # A value glued to its label seems to begin further left, by the gap between the two.
        if -0.6 * height < indent < 1.6 * height and 0.7 * height < drop < 1.6 * height:
            return run
    return None

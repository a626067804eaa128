"""Glyphs of a PDF page become words: rows by height, words by gaps, doubled print once.

The rules and tolerances are those with which pdfplumber cuts words, so that the quick road and
the second one (`pdf.py`) agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from extractors.model import Box
from extractors.pdf_glyphs import UNKNOWN, Frame, Glyph
from extractors.words import Word

#: In points: a wider gap parts two words, a larger step in height two rows, and glyphs of one
#: character that stand closer are print on print (bold by doubling).
_GAP = 1.5
_STEP = 2.0
_DOUBLE = 1.0
#: Side of the cells in which doubles are looked for: at least twice `_DOUBLE`.
_CELL = 2.5


def words_of(glyphs: Iterable[Glyph], frame: Frame, page: int, most: int) -> tuple[Word, ...]:
    """At most `most` words, from the top down and from left to right."""
    once = undoubled(glyphs)
    level = [glyph for glyph in once if not glyph.turned]
    upright = [glyph for glyph in once if glyph.turned]
    words = [
        word
        for row in _rows(level, lambda glyph: glyph.y0)
        for run in _cut(sorted(row, key=lambda glyph: glyph.x0), lambda glyph: (glyph.x0, glyph.x1))
        if (word := _word(run, frame, page)) is not None
    ]
    words += [
        word
        for row in _rows(upright, lambda glyph: glyph.x0)
        for run in _cut(sorted(row, key=lambda glyph: glyph.y0), lambda glyph: (glyph.y0, glyph.y1))
        if (word := _word(run, frame, page)) is not None
    ]
    return tuple(words[:most])


def undoubled(glyphs: Iterable[Glyph]) -> list[Glyph]:
    """Each glyph once: one character printed twice in one place is one character."""
    seen: dict[tuple[str, int, int], list[Glyph]] = {}
    kept = []
    for glyph in glyphs:
        if not glyph.char.isspace():
            if any(
                _same_print(glyph, other) for key in _cells(glyph) for other in seen.get(key, ())
            ):
                continue
            key = (glyph.char, int(glyph.x0 // _CELL), int(glyph.y0 // _CELL))
            seen.setdefault(key, []).append(glyph)
        kept.append(glyph)
    return kept


def _cells(glyph: Glyph) -> set[tuple[str, int, int]]:
    """Where print of the same character within `_DOUBLE` may be kept."""
    return {
        (glyph.char, int(x // _CELL), int(y // _CELL))
        for x in (glyph.x0 - _DOUBLE, glyph.x0 + _DOUBLE)
        for y in (glyph.y0 - _DOUBLE, glyph.y0 + _DOUBLE)
    }


def _same_print(one: Glyph, two: Glyph) -> bool:
    close = abs(one.x0 - two.x0) <= _DOUBLE and abs(one.y0 - two.y0) <= _DOUBLE
    return close and abs(one.y1 - two.y1) <= _DOUBLE


def _rows(glyphs: list[Glyph], place: Callable[[Glyph], float]) -> Iterator[list[Glyph]]:
    """Glyphs whose places follow each other in small steps."""
    row: list[Glyph] = []
    for glyph in sorted(glyphs, key=place):
        if row and place(glyph) - place(row[-1]) > _STEP:
            yield row
            row = []
        row.append(glyph)
    if row:
        yield row


def _cut(
    row: Sequence[Glyph], ends: Callable[[Glyph], tuple[float, float]]
) -> Iterator[list[Glyph]]:
    """Runs without a space or a gap."""
    run: list[Glyph] = []
    for glyph in row:
        if glyph.char.isspace():
            if run:
                yield run
            run = []
            continue
        if run:
            (_, last), (first, _) = ends(run[-1]), ends(glyph)
            if first - last > _GAP or first < ends(run[-1])[0] - _GAP:
                yield run
                run = []
        run.append(glyph)
    if run:
        yield run


def _word(run: Sequence[Glyph], frame: Frame, page: int) -> Word | None:
    """One word as fractions of the shown page; None for one that stands outside it."""
    box = _box(run, frame, page)
    inside = 0 <= box.x0 + box.x1 <= 2 and 0 <= box.y0 + box.y1 <= 2
    return Word(text="".join([glyph.char for glyph in run]), box=box) if inside else None


def loose_text(glyphs: Iterable[Glyph]) -> list[str]:
    """The texts of glyphs wherever they stand, on the page or off it."""
    runs = (
        run
        for row in _rows(list(glyphs), lambda glyph: glyph.y0)
        for run in _cut(sorted(row, key=lambda glyph: glyph.x0), lambda glyph: (glyph.x0, glyph.x1))
    )
    return ["".join([glyph.char for glyph in run]) for run in runs]


def _box(run: Sequence[Glyph], frame: Frame, page: int) -> Box:
    x0, x1 = min(glyph.x0 for glyph in run), max(glyph.x1 for glyph in run)
    y0, y1 = min(glyph.y0 for glyph in run), max(glyph.y1 for glyph in run)
    width, height = frame.width, frame.height
    return Box(
        page=page,
        x0=x0 / width,
        y0=y0 / height,
        x1=max(x0, x1) / width,
        y1=max(y0, y1) / height,
    )


def doubtful(glyphs: Sequence[Glyph]) -> float:
    """The share of glyphs that stand for no known character."""
    printed = [glyph.char for glyph in glyphs if not glyph.char.isspace()]
    return sum(map(_is_doubtful, printed)) / len(printed) if printed else 0.0


def _is_doubtful(char: str) -> bool:
    private = "\ue000" <= char <= "\uf8ff"
    return char == UNKNOWN or private or not (char.isprintable())

"""Geometry of printed pages: glyphs in runs, runs in rows, whatever the words came from.

Sources differ in how they cut text: single characters, words, cells, whole lines. A `Run` is a
piece of text that stands close together, with a place for every character, so that a value cut
out of a run still has its own box. All pages of a document are laid one below the other on
one sheet whose unit is the width of its first page (x and y compare with each other).
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import Any, Generic, NamedTuple, TypeVar, overload

from extractors.model import Box
from extractors.words import PageWords

T = TypeVar("T")


class lazy(Generic[T]):  # noqa: N801 - used as `property` is
    """`functools.cached_property` without its lock, which cost more than most values here."""

    def __init__(self, ask: Callable[[Any], T]) -> None:
        self._ask = ask
        self._name = ask.__name__
        self.__doc__ = ask.__doc__

    @overload
    def __get__(self, owner: None, kind: type) -> lazy[T]: ...
    @overload
    def __get__(self, owner: object, kind: type) -> T: ...
    def __get__(self, owner: object | None, kind: type) -> T | lazy[T]:
        if owner is None:
            return self
        value = owner.__dict__[self._name] = self._ask(owner)
        return value


@dataclass(slots=True, unsafe_hash=True)
class Glyph:
    """One character, its place on the sheet and the certainty of its word. Never changed; not
    declared frozen, since that makes its construction, done for each character, thrice as slow."""

    char: str
    x0: float
    y0: float
    x1: float
    y1: float
    score: float
    page: int


#: Shelves that one run lies on at most.
_MOST_SHELVES = 2000
#: How far one run may reach into its neighbour, in heights.
_MOST_OVERLAP = 0.6


@dataclass(frozen=True)
class Run:
    """Characters that belong together, left to right. Never empty."""

    glyphs: tuple[Glyph, ...]

    @lazy
    def raw(self) -> str:
        """The text as its source gave it, a space where the source left a gap."""
        return "".join([glyph.char for glyph in self.glyphs])

    @lazy
    def text(self) -> str:
        """`raw` with every character in its plain form (full width digits, brackets, colons and
        old code points mended), the same length as `raw`."""
        return plain(self.raw)

    @lazy
    def tight(self) -> Run:
        """The run without spaces; itself where it has none."""
        if " " not in self.raw:
            return self
        return Run(tuple([glyph for glyph in self.glyphs if not glyph.char.isspace()]))

    @lazy
    def x0(self) -> float:
        return min([glyph.x0 for glyph in self.glyphs])

    @lazy
    def x1(self) -> float:
        return max([glyph.x1 for glyph in self.glyphs])

    @lazy
    def y0(self) -> float:
        return min([glyph.y0 for glyph in self.glyphs])

    @lazy
    def y1(self) -> float:
        return max([glyph.y1 for glyph in self.glyphs])

    @lazy
    def height(self) -> float:
        return self.y1 - self.y0

    @lazy
    def middle(self) -> float:
        """Of its height: the y of the row it stands in."""
        return (self.y0 + self.y1) / 2

    @lazy
    def centre(self) -> float:
        """Of its width."""
        return (self.x0 + self.x1) / 2

    @lazy
    def score(self) -> float:
        """The least certain of its words."""
        return min([glyph.score for glyph in self.glyphs])

    def part(self, start: int, end: int) -> Run | None:
        """Characters `start` to `end` without outer spaces; None when nothing is left."""
        glyphs = self.glyphs[start:end]
        while glyphs and glyphs[0].char.isspace():
            glyphs = glyphs[1:]
        while glyphs and glyphs[-1].char.isspace():
            glyphs = glyphs[:-1]
        return Run(glyphs) if glyphs else None


_ALIKE = {"—": "-", "–": "-", "−": "-", "－": "-", "•": ".", "·": "·", "¥": "¥"}


def plain(text: str) -> str:
    """Every character in its plain form where that is a single character too."""
    return text if text.isascii() else text.translate(_PLAIN)


class _Plain(dict[int, str]):
    """The plain form of each character met so far."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        form = char if char.isascii() else unicodedata.normalize("NFKC", char)
        single = form if len(form) == 1 else char
        self[code] = found = _ALIKE.get(single, single)
        return found


_PLAIN = _Plain()


def join(runs: Sequence[Run]) -> Run:
    """Several runs as one, a space wherever there was more than a hair between them."""
    glyphs: list[Glyph] = []
    for run in sorted(runs, key=lambda each: each.x0):
        if glyphs:
            last, first = glyphs[-1], run.glyphs[0]
            if first.x0 - last.x1 > 0.2 * run.height:
                glyphs.append(
                    Glyph(" ", last.x1, last.y0, first.x0, last.y1, last.score, last.page)
                )
        glyphs.extend(run.glyphs)
    return Run(tuple(glyphs))


def overlap(one: Run, two: Run) -> float:
    """Shared height as a share of the lower of the two."""
    shared = min(one.y1, two.y1) - max(one.y0, two.y0)
    least = min(one.height, two.height)
    return shared / least if least > 0 else 0.0


class Sheet:
    """All runs of a document on one plane. `runs` are as the source cut them (single characters
    joined to words); `phrases` are neighbours in a row joined over small gaps; `rows` over any
    gap. Vertical print (labels down the side) is set apart in `upright`."""

    def __init__(self, pages: Sequence[PageWords]) -> None:
        self._pages = tuple(pages)
        self._tops: list[float] = []
        self._scales: list[tuple[float, float]] = []
        runs, self.bottom = self._lay_out()
        self.upright = tuple(run for run in runs if _is_vertical(run))
        level = [run for run in runs if not _is_vertical(run)]
        self.runs = tuple(_joined(level, 0.45) if _by_character(level) else level)
        self.phrases = tuple(_joined(self.runs, 1.0))
        self.rows = tuple(_joined(self.runs, 1e9))

    def _lay_out(self) -> tuple[list[Run], float]:
        runs: list[Run] = []
        top = 0.0
        width = self._pages[0].width if self._pages else 1.0
        for index, page in enumerate(self._pages):
            across, down = page.width / width, page.height / width
            self._tops.append(top)
            self._scales.append((across, down))
            for word in page.words:
                glyphs = _glyphs(word.text, word.box, word.confidence, (across, down, top), index)
                if glyphs:
                    runs.append(Run(glyphs))
            top += down
        return runs, top

    def box(self, run: Run) -> Box:
        """The run's place as fractions of its own page."""
        index = run.glyphs[0].page
        own = [glyph for glyph in run.glyphs if glyph.page == index]
        (across, down), top = self._scales[index], self._tops[index]
        return Box(
            page=self._pages[index].page,
            x0=min(glyph.x0 for glyph in own) / across,
            y0=(min(glyph.y0 for glyph in own) - top) / down,
            x1=max(glyph.x1 for glyph in own) / across,
            y1=(max(glyph.y1 for glyph in own) - top) / down,
        )

    def within(
        self,
        runs: Iterable[Run],
        *,
        left: float = -1.0,
        right: float = 1e9,
        top: float = -1.0,
        bottom: float = 1e9,
    ) -> list[Run]:
        """Those whose centre lies in the rectangle, in reading order."""
        inside = [
            run for run in runs if left <= run.centre <= right and top <= run.middle <= bottom
        ]
        return sorted(inside, key=lambda run: (run.middle, run.x0))

    @lazy
    def text(self) -> str:
        """Everything, row by row without spaces: for telling what a document is."""
        rows = sorted(self.rows, key=lambda row: row.middle)
        return "\n".join(row.text.replace(" ", "") for row in rows)

    @lazy
    def line_height(self) -> float:
        """The usual height of print."""
        return median(run.height for run in self.runs) if self.runs else 0.01


def _glyphs(
    text: str, box: Box, score: float, frame: tuple[float, float, float], page: int
) -> tuple[Glyph, ...]:
    """Places for a word's characters, Chinese ones twice as wide as the others."""
    across, down, top = frame
    sized = [(char, width) for char in text.strip() if (width := _width(char))]
    total = sum([width for _, width in sized])
    if not total:
        return ()
    step = (box.x1 - box.x0) * across / total
    left = box.x0 * across
    y0, y1 = box.y0 * down + top, box.y1 * down + top
    glyphs = []
    for char, width in sized:
        right = left + width * step
        glyphs.append(Glyph(char, left, y0, right, y1, score, page))
        left = right
    return tuple(glyphs)


@cache
def _width(char: str) -> float:
    """Of a character against its neighbours; 0 for one that does not print."""
    if unicodedata.category(char) == "Cc":
        return 0.0
    return 2.0 if unicodedata.east_asian_width(char) in "WFA" else 1.0


def _is_vertical(run: Run) -> bool:
    return len(run.glyphs) > 1 and run.height > 1.5 * (run.x1 - run.x0)


def _by_character(runs: Sequence[Run]) -> bool:
    return bool(runs) and sum(len(run.glyphs) == 1 for run in runs) > 0.6 * len(runs)


def _joined(runs: Sequence[Run], most_gap: float) -> list[Run]:
    """Runs chained to their right neighbours over gaps of at most `most_gap` times their height.

    A neighbour is the nearest run to the right at the same height, and counts only if the
    relation holds from its side too; so rows may lean or bend without mixing.
    """
    order = sorted(runs, key=lambda run: run.x0)
    neighbours = _Neighbours(order)
    follower: dict[int, int] = {}
    leader: dict[int, int] = {}
    for index in range(len(order)):
        right = neighbours.right(index, most_gap)
        if right is not None and (right not in leader or order[leader[right]].x1 < order[index].x1):
            if right in leader:
                del follower[leader[right]]
            leader[right], follower[index] = index, right
    chains: list[Run] = []
    for index in range(len(order)):
        if index in leader:
            continue
        chain, here = [order[index]], index
        while here in follower:
            here = follower[here]
            chain.append(order[here])
        chains.append(join(chain) if len(chain) > 1 else chain[0])
    return chains


class _Place(NamedTuple):
    x0: float
    x1: float
    y0: float
    y1: float
    height: float


class _Neighbours:
    """Runs, sorted by where they begin, in shelves of about a line's height: neighbours in a
    row always share a shelf, so nobody is compared with the whole sheet."""

    def __init__(self, order: Sequence[Run]) -> None:
        self._places = [_Place(run.x0, run.x1, run.y0, run.y1, run.height) for run in order]
        heights = [place.height for place in self._places if place.height > 0]
        self._shelf = median(heights) if heights else 1.0
        self._shelves: dict[int, list[int]] = {}
        for index, place in enumerate(self._places):
            for shelf in self._spanned(place):
                self._shelves.setdefault(shelf, []).append(index)
        self._begins = {
            shelf: [self._places[index].x0 for index in held]
            for shelf, held in self._shelves.items()
        }

    def right(self, index: int, most_gap: float) -> int | None:
        """The nearest run to the right at the same height, within the gap."""
        place = self._places[index]
        found = [
            other
            for shelf in self._spanned(place)
            if (other := self._first(shelf, index, place, most_gap)) is not None
        ]
        return min(found, default=None)

    def _spanned(self, place: _Place) -> range:
        first = int(place.y0 // self._shelf)
        # A drawing of a page's height is no line of text; it need not lie on every shelf.
        return range(first, min(int(place.y1 // self._shelf), first + _MOST_SHELVES) + 1)

    def _first(self, shelf: int, index: int, place: _Place, most_gap: float) -> int | None:
        _, end, top, bottom, height = place
        held = self._shelves[shelf]
        # Print on print, as heaps of it, is skipped at a stroke.
        start = bisect_left(self._begins[shelf], end - _MOST_OVERLAP * height)
        for other in held[max(start, bisect_right(held, index)) :]:
            x0, _, y0, y1, other_height = self._places[other]
            least = min(height, other_height)
            gap = x0 - end
            if gap > most_gap * height:
                return None
            if (
                -_MOST_OVERLAP * least <= gap <= most_gap * least
                and least > 0
                and min(bottom, y1) - max(top, y0) >= 0.5 * least
            ):
                return other
        return None

"""Geometry of printed pages: words in runs, runs in rows, whatever the words came from.

All pages of a document are laid one below the other on one sheet whose unit is the width of its
first page (x and y compare with each other).
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from operator import attrgetter
from statistics import median
from typing import NamedTuple

from extractors.layout.runs import (
    Glyph,
    Joined,
    Run,
    WordRun,
    join,
    lazy,
    overlap,
    plain,
    width_of,
)
from extractors.model import Box
from extractors.words import PageWords

__all__ = ["Glyph", "Place", "Run", "Sheet", "join", "overlap", "plain"]

#: Shelves that one run lies on at most.
_MOST_SHELVES = 2000
#: How far one run may reach into its neighbour, in heights.
_MOST_OVERLAP = 0.6


#: A line ruled with the machine's own signs.
_RULE = re.compile(r"[-—_=]{6,}")
_READING_ORDER = attrgetter("middle", "x0")


class Place(NamedTuple):
    """A rectangle as fractions of its page, whose number counts from the sheet's first."""

    page: int
    x0: float
    y0: float
    x1: float
    y1: float


class Sheet:
    """All runs of a document on one plane. `runs` are as the source cut them (single characters
    joined to words); `phrases` are neighbours in a row joined over small gaps; `rows` over any
    gap. Vertical print (labels down the side) is set apart in `upright`."""

    def __init__(self, pages: Sequence[PageWords]) -> None:
        self.pages = tuple(pages)
        #: This sheet with labels set right, by the labels (`layout.labels`).
        self.relabelled: dict[tuple[str, ...], Sheet] = {}
        self._tops: list[float] = []
        self._ordered: dict[int, tuple[list[Run], list[float]]] = {}
        self._scales: list[tuple[float, float]] = []
        runs, self.bottom = self._lay_out()
        self.upright = tuple([run for run in runs if _is_vertical(run)])
        level = [run for run in runs if not _is_vertical(run)] if self.upright else runs
        self.runs = tuple(_Neighbours(level).joined(0.45) if _by_character(level) else level)
        neighbours = _Neighbours(self.runs)
        self.phrases = tuple(neighbours.joined(1.0))
        self.rows = tuple(neighbours.joined(1e9))

    def _lay_out(self) -> tuple[list[Run], float]:
        runs: list[Run] = []
        top = 0.0
        width = self.pages[0].width if self.pages else 1.0
        for index, page in enumerate(self.pages):
            across, down = page.width / width, page.height / width
            self._tops.append(top)
            self._scales.append((across, down))
            for word in page.words:
                text = _printing(word.text)
                if text:
                    box = word.box
                    x0, x1 = box.x0 * across, box.x1 * across
                    y0, y1 = box.y0 * down + top, box.y1 * down + top
                    weighed = word.weighed if len(text) == len(word.text) else ()
                    runs.append(WordRun(text, x0, y0, x1, y1, word.confidence, index, weighed))
            top += down
        return runs, top

    def box(self, run: Run) -> Box:
        """The run's place as fractions of its own page."""
        page, x0, y0, x1, y1 = self.place(run)
        return Box(page=self.pages[page].page, x0=x0, y0=y0, x1=x1, y1=y1)

    def place(self, run: Run) -> Place:
        """As `box`, the page counted from the sheet's first: to compare many with one."""
        index = run.page
        (across, down), top = self._scales[index], self._tops[index]
        if run.y1 <= top + down:
            x0, y0, x1, y1 = run.x0, run.y0, run.x1, run.y1
        else:  # it may run on over the page's end
            own = [glyph for glyph in run.glyphs if glyph.page == index]
            x0, y0 = min([glyph.x0 for glyph in own]), min([glyph.y0 for glyph in own])
            x1, y1 = max([glyph.x1 for glyph in own]), max([glyph.y1 for glyph in own])
        return Place(index, x0 / across, (y0 - top) / down, x1 / across, (y1 - top) / down)

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
        key = id(runs) if runs is self.runs or runs is self.phrases or runs is self.rows else None
        if key is None:
            inside = [
                run for run in runs if top <= run.middle <= bottom and left <= run.centre <= right
            ]
            inside.sort(key=_READING_ORDER)
            return inside
        order, middles = self._in_order(key, runs)
        between = order[bisect_left(middles, top) : bisect_right(middles, bottom)]
        return [run for run in between if left <= run.centre <= right]

    def _in_order(self, key: int, runs: Iterable[Run]) -> tuple[list[Run], list[float]]:
        """The sheet's runs, phrases or rows in reading order, and the height of each."""
        if key not in self._ordered:
            order = sorted(runs, key=_READING_ORDER)
            self._ordered[key] = order, [run.middle for run in order]
        return self._ordered[key]

    @lazy
    def text(self) -> str:
        """Everything, row by row without spaces: for telling what a document is."""
        rows = sorted(self.rows, key=attrgetter("middle"))
        return "\n".join([row.text.replace(" ", "") for row in rows])

    @lazy
    def line_height(self) -> float:
        """The usual height of print."""
        return median([run.height for run in self.runs]) if self.runs else 0.01


def _printing(text: str) -> str:
    """The characters of a word that print, and the spaces between them; of a ruled line none."""
    text = text.strip()
    if _RULE.fullmatch(text):
        return ""
    return text if text.isprintable() else "".join([char for char in text if width_of(char)])


def _is_vertical(run: Run) -> bool:
    return run.height > 1.5 * (run.x1 - run.x0) and len(run.raw) > 1


def _by_character(runs: Sequence[Run]) -> bool:
    return bool(runs) and sum([len(run.raw) == 1 for run in runs]) > 0.6 * len(runs)


class _Neighbours:
    """Runs, sorted by where they begin, in shelves of about a line's height: neighbours in a
    row always share a shelf, so nobody is compared with the whole sheet."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self._order = sorted(runs, key=attrgetter("x0"))
        self._places = [(run.x0, run.x1, run.y0, run.y1, run.height) for run in self._order]
        heights = [height for *_, height in self._places if height > 0]
        shelf = median(heights) if heights else 1.0
        #: The shelves that each run lies on. A drawing of a page's height is no line of text; it
        #: need not lie on every shelf.
        self._spans = [
            range(first := int(y0 // shelf), min(int(y1 // shelf), first + _MOST_SHELVES) + 1)
            for _, _, y0, y1, _ in self._places
        ]
        self._shelves: dict[int, list[int]] = {}
        for index, span in enumerate(self._spans):
            for place in span:
                self._shelves.setdefault(place, []).append(index)
        self._begins = {
            place: [self._places[index][0] for index in held]
            for place, held in self._shelves.items()
        }

    def joined(self, most_gap: float) -> list[Run]:
        """Runs chained to their right neighbours over gaps of at most `most_gap` times their
        height.

        A neighbour is the nearest run to the right at the same height, and counts only if the
        relation holds from its side too; so rows may lean or bend without mixing.
        """
        order = self._order
        follower: dict[int, int] = {}
        leader: dict[int, int] = {}
        for index in range(len(order)):
            right = self._right(index, most_gap)
            if right is None:
                continue
            rival = leader.get(right)
            if rival is None or order[rival].x1 < order[index].x1:
                if rival is not None:
                    del follower[rival]
                leader[right], follower[index] = index, right
        chains: list[Run] = []
        for index, run in enumerate(order):
            if index in leader:
                continue
            chain, here = [run], index
            while here in follower:
                here = follower[here]
                chain.append(order[here])
            chains.append(Joined(chain) if len(chain) > 1 else run)
        return chains

    def _right(self, index: int, most_gap: float) -> int | None:
        """The nearest run to the right at the same height, within the gap."""
        nearest = None
        for shelf in self._spans[index]:
            other = self._first(shelf, index, most_gap)
            if other is not None and (nearest is None or other < nearest):
                nearest = other
        return nearest

    def _first(self, shelf: int, index: int, most_gap: float) -> int | None:
        _, end, top, bottom, height = self._places[index]
        held = self._shelves[shelf]
        # Print on print, as heaps of it, is skipped at a stroke.
        start = bisect_left(self._begins[shelf], end - _MOST_OVERLAP * height)
        for place in range(max(start, bisect_right(held, index)), len(held)):
            other = held[place]
            x0, _, y0, y1, other_height = self._places[other]
            least = min(other_height, height)
            gap = x0 - end
            if gap > most_gap * height:
                return None
            if (
                -_MOST_OVERLAP * least <= gap <= most_gap * least
                and least > 0
                and min(y1, bottom) - max(y0, top) >= 0.5 * least
            ):
                return other
        return None

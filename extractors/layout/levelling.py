"""Recognised words of a page that leans, brought level before rows are made of them.

A photograph that could not be straightened shows its rows rising or falling across the page, the
more the nearer they were to the lens. Where they rise by a row's height, the amount at the right
edge stands level with the next label. The boxes tell: one of a leaning word is the higher, the
wider it is. By how much, and to which side, is the lean that sets most words level with words
beside them; where none does clearly better than the page as it is, the page stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from extractors.model import FIELD_NAMES, Box, Field, Invoice
from extractors.words import PageWords, Word

#: A page of fewer words says too little.
_LEAST_WORDS = 9
#: Growth of a box's height with its width from which a page may lean, and up to which it may.
_LEAST_LEAN, _MOST_LEAN = 0.03, 0.4
_STEPS = 20
#: How the lean may change from the top of the page to its foot.
_CHANGES = (-0.4, -0.3, -0.2, -0.1, -0.05, 0.0, 0.05, 0.1, 0.2, 0.3, 0.4)
#: So far from level, in heights of print, two words count little for one another.
_LEVEL = 0.2
#: By so much more must a lean set words level than none does.
_BETTER_BY, _BETTER_TIMES = 1.5, 1.25
#: ... and by so much must it even out the heights of boxes.
_EVENER = 0.85

_Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Lean:
    """How far a point stands off level, in heights of the page: `across` times its x from the left
    edge (in widths), changed by `change` times that from the middle of the page to its ends."""

    across: float
    change: float

    def at(self, x: float, y: float) -> float:
        """What brings a point of the page (fractions) level, added to its y."""
        return x * (self.across + self.change * (y - 0.5))


def levelled(page: PageWords) -> tuple[PageWords, Lean | None]:
    """The page with its words level, and the lean that was taken off them; the page as it is and
    None where it is level, or nothing tells how it leans."""
    lean = _lean_of(page)
    if lean is None:
        return page, None
    height = _print_height(page.words)
    words = tuple(_moved(word, lean, height) for word in page.words)
    return page.model_copy(update={"words": words}), lean


def returned(invoice: Invoice, leans: Mapping[int, Lean]) -> Invoice:
    """The invoice with its boxes where they stand on the pictures of the pages that leaned."""
    if not leans:
        return invoice

    def back(field: Field[Any]) -> Field[Any]:
        box = field.box
        lean = leans.get(box.page) if box is not None else None
        if box is None or lean is None:
            return field
        # Near enough: the lean hardly changes over the little that a word was moved.
        off = lean.at((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)
        moved = Box(page=box.page, x0=box.x0, y0=box.y0 - off, x1=box.x1, y1=box.y1 - off)
        return field.model_copy(update={"box": moved})

    fields = {
        name: back(field) for name in FIELD_NAMES if (field := getattr(invoice, name)) is not None
    }
    extra = {name: back(field) for name, field in invoice.extra.items()}
    doubted = {name: back(field) for name, field in invoice.doubted.items()}
    return invoice.model_copy(update={**fields, "extra": extra, "doubted": doubted})


def _print_height(words: Iterable[Word]) -> float:
    """Of narrow words, whose boxes grow little with the lean; a fraction of the page."""
    heights = sorted((word.box.x1 - word.box.x0, word.box.y1 - word.box.y0) for word in words)
    narrow = [height for _, height in heights[: max(1, len(heights) // 3)]]
    return float(np.median(narrow))


def _lean_of(page: PageWords) -> Lean | None:
    words = [word for word in page.words if len(word.text) > 1]
    if len(words) < _LEAST_WORDS:
        return None
    x0, y0, x1, y1 = (
        np.array([getattr(word.box, side) for word in words]) for side in ("x0", "y0", "x1", "y1")
    )
    growth = _growth(x1 - x0, y1 - y0) * page.height / page.width
    if growth < _LEAST_LEAN:
        return None
    per_page = page.width / page.height
    leans = [
        Lean(float(side * size * per_page), change * per_page)
        for size in np.linspace(_LEAST_LEAN, min(2 * growth, _MOST_LEAN), _STEPS)
        for side in (-1.0, 1.0)
        for change in _CHANGES
    ]
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    beside = x1[:, None] - 0.02 < x0[None, :]
    height = _print_height(words)
    before = _levelness(y, beside, height)
    scored = [
        (_levelness(y + x * (lean.across + lean.change * (y - 0.5)), beside, height), lean)
        for lean in leans
    ]
    best, lean = max(scored, key=lambda entry: entry[0])
    if best < before + _BETTER_BY or best < before * _BETTER_TIMES:
        return None
    # If the page leans so, its boxes are of one height but for what the lean adds to them.
    own = y1 - y0 - np.abs(lean.across + lean.change * (y - 0.5)) * (x1 - x0)
    return lean if np.std(own) < _EVENER * np.std(y1 - y0) else None


def _growth(widths: _Numbers, heights: _Numbers) -> float:
    """How much higher a box is for being wider: the median over pairs of boxes."""
    across = widths[:, None] - widths[None, :]
    down = heights[:, None] - heights[None, :]
    apart = across > 0.1
    return float(np.median(down[apart] / across[apart])) if apart.any() else 0.0


def _levelness(y: _Numbers, beside: npt.NDArray[np.bool_], height: float) -> float:
    """How many words stand level with one on their left, those nearly level counting less."""
    if height <= 0:
        return 0.0
    apart = np.abs(y[:, None] - y[None, :]) / (_LEVEL * height)
    near = np.where(beside, np.exp(-(apart**2)), 0.0)
    return float(near.max(axis=0).sum())


def _moved(word: Word, lean: Lean, height: float) -> Word:
    box = word.box
    x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    middle = y + lean.at(x, y)
    # Without what the lean adds to it a box is as high as its print.
    slope = abs(lean.across + lean.change * (y - 0.5))
    half = max(0.5 * height, box.y1 - box.y0 - slope * (box.x1 - box.x0)) / 2
    moved = Box(page=box.page, x0=box.x0, y0=middle - half, x1=box.x1, y1=middle + half)
    return word.model_copy(update={"box": moved})


def level_pages(pages: Sequence[PageWords]) -> tuple[list[PageWords], dict[int, Lean]]:
    """Every page level, and what was taken off, by the page's number."""
    done = [levelled(page) for page in pages]
    leans = {page.page: lean for page, lean in done if lean is not None}
    return [page for page, _ in done], leans

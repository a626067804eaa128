"""Text objects of an OFD page become words with boxes (GB/T 33190-2016, 11).

A text object has a boundary on the page; inside it each text code starts at X, Y (the baseline)
and steps by DeltaX, DeltaY from glyph to glyph. A step in y, or a wide one in x, begins a new
word: one object may hold several printed rows.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from extractors.model import Box
from extractors.ofd.document import Page
from extractors.safe_xml import Element, every
from extractors.words import PageWords, Word

#: Of the font size: how far glyphs reach above and below the baseline.
_ASCENT, _DESCENT = 0.86, 0.14
#: A step wider than this many font sizes parts two words.
_GAP = 2.5
_DEFAULT_SIZE = 3.175
_TEXT_CODE = "{*}TextCode"
_MAX_REPEAT = 10_000

Matrix = tuple[float, float, float, float, float, float]
_IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


@dataclass(slots=True)
class TextObject:
    """One text object: id, its whole text, and its words with boxes. Never changed; not declared
    frozen, which makes its construction thrice as slow."""

    id: str
    text: str
    words: tuple[Word, ...]

    @property
    def box(self) -> Box | None:
        """The rectangle around all words, None without any."""
        if not self.words:
            return None
        boxes = [word.box for word in self.words]
        return Box(
            page=boxes[0].page,
            x0=min(box.x0 for box in boxes),
            y0=min(box.y0 for box in boxes),
            x1=max(box.x1 for box in boxes),
            y1=max(box.y1 for box in boxes),
        )


def text_objects(page: Page, index: int, limit: int) -> tuple[list[TextObject], bool]:
    """The text objects of a page, templates first, up to the one that brings the count of words
    to `limit`; and whether these are all."""
    found: list[TextObject] = []
    left = limit
    for layer in (*page.templates, page.content):
        for element in every(layer, "TextObject"):
            if left <= 0:
                return found, False
            found.append(_text_object(element, page, index, left))
            left -= max(1, len(found[-1].words))
    return found, left >= 0


def page_words(page: Page, index: int, objects: list[TextObject]) -> PageWords:
    """All words of a page in one shape with PDF text layers and recognition."""
    words = tuple(word for text_object in objects for word in text_object.words)
    return PageWords(page=index, width=page.width, height=page.height, words=words)


def _text_object(element: Element, page: Page, index: int, limit: int) -> TextObject:
    """One word more than `limit` tells that there were too many."""
    get = element.get
    boundary = _numbers(get("Boundary"))
    left, top = (boundary[0], boundary[1]) if len(boundary) == 4 else (0.0, 0.0)
    matrix = _matrix(get("CTM"))
    size = _positive(get("Size"), _DEFAULT_SIZE)
    words: list[Word] = []
    whole: list[str] = []
    for code in element.iter(_TEXT_CODE):
        text = code.text or ""
        whole.append(text)
        for run in _runs(code, text, size):
            if len(words) > limit:
                break
            shown = run.text.strip()
            box = _box(run, size, matrix, (left, top), page, index) if shown else None
            if box is not None:
                words.append(Word(text=shown, box=box))
    return TextObject(id=get("ID") or "", text="".join(whole).strip(), words=tuple(words))


class _Run(NamedTuple):
    """Glyphs on one baseline, in the object's own millimetres."""

    text: str
    x0: float
    x1: float
    baseline: float


def _runs(code: Element, text: str, size: float) -> Iterable[_Run]:
    x, y = _float(code.get("X"), 0.0), _float(code.get("Y"), 0.0)
    if len(text) == 1:  # labels are often set character by character
        return [_Run(text, x, x + _advance(text, size), y)]
    steps_x, steps_y = _deltas(code.get("DeltaX")), _deltas(code.get("DeltaY"))
    last = len(text) - 1
    inner = steps_x[:last]
    if 0 <= last == len(inner) and not any(steps_y[:last]) and _is_close(inner, size):
        # Nearly every text is one row of close glyphs; it need not be walked through.
        return [_Run(text, x, x + sum(inner) + _advance(text[last], size), y)]
    return _walked(text, (x, y), (steps_x, steps_y), size)


def _walked(
    text: str, begin_at: tuple[float, float], steps: tuple[list[float], list[float]], size: float
) -> Iterator[_Run]:
    (x, y), (steps_x, steps_y) = begin_at, steps
    start, begin = 0, x
    for position, character in enumerate(text):
        natural = _advance(character, size)
        is_last = position == len(text) - 1
        step = steps_x[position] if position < len(steps_x) else natural
        drop = steps_y[position] if position < len(steps_y) else 0.0
        parted = abs(drop) > size / 4 or step > _GAP * size or step < -size
        if is_last or parted:
            yield _Run(text[start : position + 1], begin, x + natural, y)
            start, begin = position + 1, x + step
        x, y = x + step, y + drop


def _is_close(steps: list[float], size: float) -> bool:
    """Whether no step parts two words."""
    return not steps or (min(steps) >= -size and max(steps) <= _GAP * size)


def _advance(character: str, size: float) -> float:
    """A glyph's width when the file does not say: full for Chinese, half for Latin."""
    return size if _is_wide(character) else size / 2


@cache
def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"


def _deltas(text: str | None) -> list[float]:
    """Steps: numbers, where `g n v` stands for n times v. What cannot be read ends the list."""
    if not text:
        return []
    steps: list[float] = []
    parts = iter(text.split())
    for part in parts:
        count, value = 1.0, part
        if part == "g":
            count, value = _float(next(parts, None), 0.0), next(parts, "")
        step = _float(value, math.nan)
        if math.isnan(step) or not 0 <= count <= _MAX_REPEAT or len(steps) > _MAX_REPEAT:
            break
        steps.extend([step] * int(count))
    return steps


def _box(
    run: _Run, size: float, matrix: Matrix, origin: tuple[float, float], page: Page, index: int
) -> Box | None:
    x0, x1 = run.x0, run.x1
    y0, y1 = run.baseline - _ASCENT * size, run.baseline + _DESCENT * size
    if matrix is not _IDENTITY:
        x0, y0, x1, y1 = _turned(matrix, x0, y0, x1, y1)
    elif x1 < x0:
        x0, x1 = x1, x0
    left, top = origin
    x0, x1 = (x0 + left) / page.width, (x1 + left) / page.width
    y0, y1 = (y0 + top) / page.height, (y1 + top) / page.height
    if not math.isfinite(x0 + x1 + y0 + y1):
        return None
    return Box(page=index, x0=x0, y0=y0, x1=x1, y1=y1)


def _turned(
    matrix: Matrix, x0: float, y0: float, x1: float, y1: float
) -> tuple[float, float, float, float]:
    """The upright rectangle around a turned or sheared one."""
    a, b, c, d, e, f = matrix
    xs = [a * x + c * y + e for x in (x0, x1) for y in (y0, y1)]
    ys = [b * x + d * y + f for x in (x0, x1) for y in (y0, y1)]
    return min(xs), min(ys), max(xs), max(ys)


def _matrix(text: str | None) -> Matrix:
    if not text:
        return _IDENTITY
    numbers = _numbers(text)
    if len(numbers) != 6:
        return _IDENTITY
    a, b, c, d, e, f = numbers
    return (a, b, c, d, e, f)


def _numbers(text: str | None) -> list[float]:
    """All of them, none where one is no number."""
    try:
        numbers = list(map(float, (text or "").split()))
    except ValueError:
        return []
    return numbers if math.isfinite(sum(numbers)) else []


def _float(text: str | None, default: float) -> float:
    if not text:
        return default
    try:
        number = float(text)
    except ValueError:
        return default
    return number if math.isfinite(number) else default


def _positive(text: str | None, default: float) -> float:
    number = _float(text, default)
    return number if number > 0 else default

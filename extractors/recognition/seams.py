"""Cells of neighbouring columns that were found as one line, cut where their characters part.

A narrow table leaves less than a character between a cell and the next, and detection takes both
for one line (a place of work and a project's name). Print within a cell stands close, so that one
gap is far wider than all others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from extractors.recognition.find import Quad
from extractors.recognition.read import Reading
from extractors.recognition.rows import sides

#: Least gaps at a seam, in heights of the line: between Chinese characters, and between figures,
#: which a mere space parts by up to half a height.
_CHINESE, _FIGURES = 0.4, 0.75
#: So much wider it is than the next widest.
_AHEAD = 0.3
#: No figure has two points: where one has, it is two, and the widest gap between the points parts
#: them, if it is so much wider than any other.
_TWO_FIGURES = re.compile(r"(\d+)\.\d{3,}\.\d+")
_LEAST_BETWEEN = 0.1
#: Each side holds as many characters.
_LEAST = 2
#: Two such cells are longer, in heights; print that runs down is not.
_SHORT = 2.9
#: Widths of characters in heights.
_WIDE, _NARROW = 1.0, 0.55


def apart(quad: Quad, reading: Reading, before: float = 0.0) -> list[tuple[Quad, Reading]]:
    """The line as its two cells where it is two, else as it is. `before`: by how many heights the
    picture that was read began left of the quad, and ended right of it."""
    seam = _seam(quad, reading, before)
    if seam is None:
        return [(quad, reading)]
    end, begin, left, right = seam
    return [
        (_between(quad, 0.0, left), reading.part(0, end)),
        (_between(quad, right, 1.0), reading.part(begin)),
    ]


def _seam(quad: Quad, reading: Reading, before: float) -> tuple[int, int, float, float] | None:
    """Where the first cell's text ends and the second's begins, and their edges there as shares
    of the quad's width."""
    text, places = reading.text, reading.places
    if len(places) != len(text):
        return None
    along, down = sides(quad)
    length = along / down
    if length < _SHORT:
        return None
    middles = [place * (length + 2 * before) - before for place in places]
    printed = [index for index, char in enumerate(text) if not char.isspace()]
    doubled = _TWO_FIGURES.fullmatch("".join(text[index] for index in printed))
    gaps = sorted(_gaps(text, middles, printed), reverse=True)
    ahead = _LEAST_BETWEEN if doubled else _AHEAD
    if not gaps or (len(gaps) > 1 and gaps[0][0] - gaps[1][0] < ahead):
        return None
    gap, one, other = gaps[0]
    inside = printed.index(other)
    least = _LEAST_BETWEEN if doubled else _least(text[one], text[other])
    if gap < least or min(inside, len(printed) - inside) < _LEAST:
        return None
    if doubled and not text.index(".") < one < text.rindex("."):
        return None
    left = (middles[one] + _width(text[one]) / 2) / length
    right = (middles[other] - _width(text[other]) / 2) / length
    return one + 1, other, left, right


def _gaps(
    text: str, middles: Sequence[float], printed: Sequence[int]
) -> Iterator[tuple[float, int, int]]:
    for one, other in pairwise(printed):
        room = (_width(text[one]) + _width(text[other])) / 2
        yield middles[other] - middles[one] - room, one, other


def _least(one: str, other: str) -> float:
    if _is_chinese(one) and _is_chinese(other):
        return _CHINESE
    return _FIGURES if one.isdigit() and other.isdigit() else float("inf")


def _is_chinese(char: str) -> bool:
    return "\u4e00" <= char <= "\u9fff"


def _width(char: str) -> float:
    return _NARROW if char.isascii() else _WIDE


def _between(quad: Quad, left: float, right: float) -> Quad:
    """The part of a quad between two shares of its width."""
    top_left, top_right, bottom_right, bottom_left = quad
    top, bottom = top_right - top_left, bottom_right - bottom_left
    return np.asarray(
        [
            top_left + left * top,
            top_left + right * top,
            bottom_left + right * bottom,
            bottom_left + left * bottom,
        ],
        dtype=np.float32,
    )

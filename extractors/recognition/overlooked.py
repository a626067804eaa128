"""Lone characters that the cheap detector passes over: units and single digits of a table.

It finds lines by what a stretch of print looks like, and one small character (箱, 1) is hardly a
stretch. So the ink that lies in no line is looked through for what has the size of a character and
stands in a row of found lines, between others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from extractors.images import Pixels
from extractors.recognition.find import Quad
from extractors.recognition.rows import bounds

_Mask = npt.NDArray[np.uint8]
#: Left, top, right, bottom.
_Box = tuple[float, float, float, float]

#: Sizes in heights of found lines, which reach beyond their print: of a character and of up to two
#: side by side, and the gap that its strokes leave at most.
_LEAST_HIGH, _MOST_HIGH, _LEAST_WIDE, _MOST_WIDE = 0.35, 0.95, 0.2, 1.9
_GAP = 0.2
#: Characters of one word stand so close.
_BESIDE = 0.45
#: A page with fewer lines has no rows to stand in, and lower ones (in pixels) no characters.
_LEAST_LINES, _LEAST_LINE = 3, 6
#: Rules of tables are longer than this.
_RULE = 2.5
#: So much of a character's box is ink, at least and at most.
_LEAST_INK, _MOST_INK = 0.12, 0.85
#: Ink is darker than the paper around it by so many grey levels.
_DARKER = 18
#: It stands in a row of lines whose middles are no farther off.
_LEVEL = 0.35
#: More than so many are a drawing.
_MOST = 14
#: How far the box of one is widened.
_ROOM = 0.18


def overlooked(picture: Pixels, quads: Sequence[Quad]) -> list[Quad]:
    """Where characters may stand on a level page that are in none of its lines."""
    if len(quads) < _LEAST_LINES:
        return []
    boxes = [bounds(quad) for quad in quads]
    usual = float(np.median([bottom - top for _, top, _, bottom in boxes]))
    if usual < _LEAST_LINE:
        return []
    ink = _ink(picture, usual)
    for left, top, right, bottom in boxes:
        ink[max(0, int(top)) : int(bottom) + 1, max(0, int(left)) : int(right) + 1] = 0
    pieces = _joined(sorted(_characters(ink, usual)), usual)
    found = [box for box in pieces if _is_between(box, boxes, usual)]
    return [_widened(box, usual) for box in found] if len(found) <= _MOST else []


def _ink(picture: Pixels, usual: float) -> _Mask:
    """Where print is darker than its paper, without the rules of tables."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    around = int(2 * usual) | 1
    dark = cv2.adaptiveThreshold(
        grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, around, _DARKER
    )
    long = max(3, int(_RULE * usual))
    for side in ((long, 1), (1, long)):
        rules = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones(side, np.uint8))
        dark = cv2.subtract(dark, cv2.dilate(rules, np.ones((3, 3), np.uint8)))
    return np.asarray(dark, dtype=np.uint8)


def _characters(ink: _Mask, usual: float) -> Iterator[_Box]:
    """Pieces of ink that may be a character or two."""
    gap = max(1, int(_GAP * usual))
    whole = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, np.ones((gap, gap), np.uint8))
    pieces = cv2.connectedComponentsWithStats(whole)[2]
    for left, top, wide, high, _ in pieces[1:].tolist():
        if not (_LEAST_HIGH <= high / usual <= _MOST_HIGH):
            continue
        if not (_LEAST_WIDE <= wide / usual <= _MOST_WIDE):
            continue
        share = float((ink[top : top + high, left : left + wide] > 0).mean())
        if _LEAST_INK <= share <= _MOST_INK:
            yield left, top, left + wide, top + high


def _joined(pieces: Sequence[_Box], usual: float) -> list[_Box]:
    """The pieces, sorted by their left edges, neighbours in a row as one."""
    found: list[_Box] = []
    for left, top, right, bottom in pieces:
        for place, other in enumerate(found):
            near = left - other[2] < _BESIDE * usual and right - other[0] <= _MOST_WIDE * usual
            if near and abs((top + bottom) / 2 - (other[1] + other[3]) / 2) < _LEVEL * usual:
                found[place] = other[0], min(top, other[1]), right, max(bottom, other[3])
                break
        else:
            found.append((left, top, right, bottom))
    return found


def _is_between(box: _Box, lines: Sequence[_Box], usual: float) -> bool:
    """Does it stand in a row of lines, one to its left and one to its right?"""
    middle, centre = (box[1] + box[3]) / 2, (box[0] + box[2]) / 2
    row = [each for each in lines if abs((each[1] + each[3]) / 2 - middle) < _LEVEL * usual]
    return any(each[2] <= centre for each in row) and any(each[0] >= centre for each in row)


def _widened(box: _Box, usual: float) -> Quad:
    left, top, right, bottom = box
    room = _ROOM * usual
    corners = [
        (left - room, top - room), (right + room, top - room),
        (right + room, bottom + room), (left - room, bottom + room),
    ]  # fmt: skip
    return np.asarray(corners, dtype=np.float32)

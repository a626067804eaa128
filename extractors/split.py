"""Several documents on one scan or photo are told apart, or left alone.

Cutting one document in two loses values, so a cut needs plain evidence: separate sheets that
stand off their ground and each bear print, or parts of like size that white gaps separate on
all sides. Words settle what pixels cannot: see `leaves.are_documents`.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from extractors.images import Pixels, shrink
from extractors.model import Box

#: Looking for gaps needs no more detail than this.
_WORKING_SIDE = 900
#: A part covers at least this share of the picture.
_LEAST_AREA = 0.03
#: White gaps between documents, as shares of the long side.
_LEAST_GAP = 0.022
#: A sheet fills its own rotated rectangle to this share.
_LEAST_FULL = 0.9
#: Characters (small dark specks) that a document has at least.
_LEAST_CHARACTERS = 40
#: How different from the ground a sheet is at least (Lab distance).
_LEAST_CONTRAST = 4.5
#: Parts without edges of their own are alike: the smaller is at least this share of the larger.
_LEAST_LIKENESS = 0.72
#: ... and no wider than this for their height: the upper half of a wide invoice is a strip.
_MOST_STRETCHED = 2.9

Mask = npt.NDArray[np.uint8]
Rect = tuple[int, int, int, int]


def split_documents(image: Pixels, page: int = 0) -> list[Box]:
    """Where the documents of a picture lie, top to bottom and left to right, as fractions of it.
    One box, the whole picture, unless there are plainly several."""
    small = shrink(image, _WORKING_SIDE)
    if min(small.shape[:2]) < 100:
        return [_whole(page)]
    specks = _specks(small)
    for found in (_sheets(small, specks), _blocks(small, specks)):
        if len(found) > 1:
            rows, columns = small.shape[:2]
            return [
                Box(page=page, x0=x0 / columns, y0=y0 / rows, x1=x1 / columns, y1=y1 / rows)
                for x0, y0, x1, y1 in sorted(found, key=lambda rect: _reading_order(rect, rows))
            ]
    return [_whole(page)]


def _shrunken(image: Pixels, scale: float) -> Pixels:
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8)


def cut_out(image: Pixels, box: Box) -> Pixels:
    """The part of the picture inside `box`."""
    height, width = image.shape[:2]
    part = image[
        round(box.y0 * height) : round(box.y1 * height),
        round(box.x0 * width) : round(box.x1 * width),
    ]
    return np.ascontiguousarray(part)


def _whole(page: int) -> Box:
    return Box(page=page, x0=0.0, y0=0.0, x1=1.0, y1=1.0)


def _reading_order(rect: Rect, rows: int) -> tuple[int, int]:
    """Rows first: what begins within an eighth of the page's height is one row."""
    return round(rect[1] / (rows / 8)), rect[0]


def _specks(small: Pixels) -> Mask:
    """Middles of what has the size of a character and is darker than its surroundings."""
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    dark = cv2.adaptiveThreshold(
        grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, 21, 12
    )
    _, _, boxes, middles = cv2.connectedComponentsWithStats(dark)
    wide, high = boxes[:, 2], boxes[:, 3]
    fit = (np.maximum(wide, high) <= 30) & (high >= 4) & (boxes[:, 4] >= 5)
    marks = np.zeros(grey.shape, np.uint8)
    points = middles[fit].astype(int)
    marks[points[:, 1], points[:, 0]] = 1
    return marks


def _sheets(small: Pixels, specks: Mask) -> list[Rect]:
    """Full rectangles that stand off the ground around the picture's edge, each with print."""
    lab = cv2.cvtColor(small, cv2.COLOR_BGR2LAB)
    calm = cv2.GaussianBlur(lab, (0, 0), 2.5).astype(np.float32)
    frame = np.concatenate([calm[:6].reshape(-1, 3), calm[-6:].reshape(-1, 3),
                            calm[:, :6].reshape(-1, 3), calm[:, -6:].reshape(-1, 3)])  # fmt: skip
    ground = np.median(frame, axis=0)
    spread = float(np.median(np.linalg.norm(frame - ground, axis=1)))
    # Channel by channel, and squared: a norm across the three costs five times as much.
    away = [plane - np.float32(usual) for plane, usual in zip(cv2.split(calm), ground, strict=True)]
    far = sum(each * each for each in away) > max(_LEAST_CONTRAST, 4 * spread) ** 2
    solid = cv2.morphologyEx(
        np.asarray(far, dtype=np.uint8), cv2.MORPH_OPEN, np.ones((9, 9), np.uint8)
    )
    contours, _ = cv2.findContours(solid, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    found: list[Rect] = []
    for contour in contours:
        area = cv2.contourArea(contour)
        if area < _LEAST_AREA * solid.size:
            continue
        (_, (wide, high), _) = cv2.minAreaRect(contour)
        left, top, across, down = cv2.boundingRect(contour)
        rect = (left, top, left + across, top + down)
        if area < _LEAST_FULL * wide * high or _printed(specks, rect) < _LEAST_CHARACTERS:
            continue
        found.append(rect)
    return found if _cover(found, specks) else []


def _blocks(small: Pixels, specks: Mask) -> list[Rect]:
    """Parts that white gaps separate, all of like size, each of them well printed."""
    ink = _ink(small)
    gap = max(8, round(_LEAST_GAP * max(small.shape[:2])))
    rows, columns = small.shape[:2]
    found = _with_scraps(_cut(ink, (0, 0, columns, rows), gap), specks, gap)
    if len(found) < 2 or not _cover(found, specks):
        return []
    sizes = [(x1 - x0, y1 - y0) for x0, y0, x1, y1 in found]
    for lengths in zip(*sizes, strict=True):
        if min(lengths) < _LEAST_LIKENESS * max(lengths):
            return []
    least = _LEAST_AREA * ink.size
    if any(wide * high < least or wide > _MOST_STRETCHED * high for wide, high in sizes):
        return []
    return found if all(_printed(specks, rect) >= _LEAST_CHARACTERS for rect in found) else []


def _ink(small: Pixels) -> Mask:
    """What is not paper: print, rules, tinted sheets, seals."""
    rough = cv2.resize(small, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    paper = cv2.morphologyEx(rough, cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8))
    paper = cv2.resize(cv2.blur(paper, (15, 15)), (small.shape[1], small.shape[0]))
    # OpenCV is ten times as fast as NumPy across channels.
    blue, green, red = cv2.split(cv2.subtract(paper, small))
    darker = cv2.max(cv2.max(blue, green), red) > 28
    return np.asarray(cv2.medianBlur(darker.astype(np.uint8), 3), dtype=np.uint8)


def _cut(ink: Mask, rect: Rect, gap: int) -> list[Rect]:
    """Cut at the widest white gap, then each part again, while both sides keep a document's
    size."""
    rect = _shrunk(ink, rect)
    x0, y0, x1, y1 = rect
    if x1 <= x0 or y1 <= y0:
        return []
    part = ink[y0:y1, x0:x1]
    down, across = _widest_gap(part.max(axis=1)), _widest_gap(part.max(axis=0))
    if max(down[1] - down[0], across[1] - across[0]) < gap:
        return [rect]
    if down[1] - down[0] >= across[1] - across[0]:
        return [
            *_cut(ink, (x0, y0, x1, y0 + down[0]), gap),
            *_cut(ink, (x0, y0 + down[1], x1, y1), gap),
        ]
    return [
        *_cut(ink, (x0, y0, x0 + across[0], y1), gap),
        *_cut(ink, (x0 + across[1], y0, x1, y1), gap),
    ]


def _with_scraps(parts: list[Rect], specks: Mask, gap: int) -> list[Rect]:
    """A foot line or a heading goes with the well printed part right above or below it, or
    beside it; a scrap that has no such neighbour stays a part, and speaks against the cut."""
    large = [part for part in parts if _printed(specks, part) >= _LEAST_CHARACTERS]
    kept: list[Rect] = []
    for scrap in (part for part in parts if part not in large):
        near = [(away, index) for index, part in enumerate(large)
                if (away := _away(scrap, part)) <= 4 * gap]  # fmt: skip
        if not near:
            kept.append(scrap)
            continue
        index = min(near)[1]
        large[index] = _around(large[index], scrap)
    return large + kept


def _away(one: Rect, two: Rect) -> float:
    """The gap between two parts that stand one above the other or side by side; else endless."""
    across = max(one[0], two[0]) - min(one[2], two[2])
    down = max(one[1], two[1]) - min(one[3], two[3])
    return float(max(across, down, 0)) if min(across, down) < 0 else float("inf")


def _around(one: Rect, two: Rect) -> Rect:
    return min(one[0], two[0]), min(one[1], two[1]), max(one[2], two[2]), max(one[3], two[3])


def _widest_gap(inked: Mask) -> tuple[int, int]:
    """Begin and end of the longest stretch without ink; (0, 0) without one."""
    places = np.flatnonzero(inked)
    if len(places) < 2:
        return 0, 0
    steps = np.diff(places)
    widest = int(np.argmax(steps))
    return int(places[widest]) + 1, int(places[widest + 1])


def _shrunk(ink: Mask, rect: Rect) -> Rect:
    x0, y0, x1, y1 = rect
    part = ink[y0:y1, x0:x1]
    rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
    if not len(rows):
        return x0, y0, x0, y0
    return (
        x0 + int(columns[0]), y0 + int(rows[0]), x0 + int(columns[-1]) + 1, y0 + int(rows[-1]) + 1
    )  # fmt: skip


def _printed(specks: Mask, rect: Rect) -> int:
    x0, y0, x1, y1 = rect
    return int(specks[y0:y1, x0:x1].sum())


def _cover(found: Sequence[Rect], specks: Mask) -> bool:
    """Do the parts hold nearly all that is printed? What they leave out would be lost."""
    held = sum(_printed(specks, rect) for rect in found)
    return held >= 0.93 * int(specks.sum())

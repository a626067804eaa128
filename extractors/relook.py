"""Several closer looks at single values of a picture: was a value misread, or does the paper say
so?

Each look sees the same place differently prepared (as it is, sharpened, evened out, in grey), so
that a misreading shows as looks that differ, while what is plainly printed is read alike by all.
What the looks mean is for others to judge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np

from extractors.model import Box
from extractors.recogniser import Image, Recogniser
from extractors.words import Look

#: A look takes in so much of a value's height around it.
_MARGIN = 0.6


def looks(
    recogniser: Recogniser, upright: Image, places: Mapping[str, Box]
) -> dict[str, tuple[Look, ...]]:
    """One look a preparation at every place (fractions of `upright`, a page as `recognise` gave
    it), by the names of `places`."""
    seen: dict[str, tuple[Look, ...]] = {}
    for name, box in places.items():
        part, inner = _around(upright, box)
        seen[name] = tuple(
            _look(recogniser, prepare(part), inner) for prepare in PREPARATIONS.values()
        )
    return seen


def _look(recogniser: Recogniser, part: Image, inner: Box) -> Look:
    words = recogniser.recognise_region(part, [inner])
    text = "".join(word.text for word in words)
    return Look(text=text, score=min((word.confidence for word in words), default=0.0))


def _around(image: Image, box: Box) -> tuple[Image, Box]:
    """The value with some paper around it, and its place in there."""
    height, width = image.shape[:2]
    margin = _MARGIN * (box.y1 - box.y0) * height
    left, right = max(0, int(box.x0 * width - margin)), min(width, int(box.x1 * width + margin))
    top, bottom = max(0, int(box.y0 * height - margin)), min(height, int(box.y1 * height + margin))
    part = np.ascontiguousarray(image[top : max(bottom, top + 1), left : max(right, left + 1)])
    down, across = part.shape[:2]
    inner = Box(
        page=box.page,
        x0=(box.x0 * width - left) / across,
        y0=(box.y0 * height - top) / down,
        x1=(box.x1 * width - left) / across,
        y1=(box.y1 * height - top) / down,
    )
    return part, inner


def _as_it_is(part: Image) -> Image:
    return part


def _enlarged(part: Image) -> Image:
    large = cv2.resize(part, None, fx=2, fy=2, interpolation=cv2.INTER_LANCZOS4)
    return np.asarray(large, dtype=np.uint8)


def _sharpened(part: Image) -> Image:
    soft = cv2.GaussianBlur(part, (0, 0), 1.5)
    return np.asarray(cv2.addWeighted(part, 1.7, soft, -0.7, 0), dtype=np.uint8)


def _even(part: Image) -> Image:
    """Grey, with the paper's own light and shade taken out."""
    grey = cv2.cvtColor(part, cv2.COLOR_BGR2GRAY)
    ground = cv2.medianBlur(cv2.dilate(grey, np.ones((7, 7), np.uint8)), 21)
    level = cv2.divide(grey, ground, scale=255)
    return np.asarray(cv2.cvtColor(level, cv2.COLOR_GRAY2BGR), dtype=np.uint8)


def _smoothed(part: Image) -> Image:
    return np.asarray(cv2.bilateralFilter(part, 5, 40, 3), dtype=np.uint8)


#: How a place is prepared for each look.
PREPARATIONS: dict[str, Callable[[Image], Image]] = {
    "as it is": _as_it_is,
    "enlarged": _enlarged,
    "sharpened": _sharpened,
    "evened out": _even,
    "smoothed": _smoothed,
}

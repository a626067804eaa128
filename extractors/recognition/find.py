"""Where the lines of text are, and in what order they are read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from extractors.images import Pixels

#: Corners of a line in pixels, 4x2: top left, top right, bottom right, bottom left.
Quad = npt.NDArray[np.float32]

#: How many pixels of a page are looked at: the time is proportional to them. The tiny model
#: then finds what the small one finds at full size (measured on scans of 200 dpi).
PIXELS = 1_200_000
#: What belongs to a line, what is one, and how far it reaches: the pipeline's own values ...
USUAL = {"thresh": 0.3, "box_thresh": 0.6, "unclip_ratio": 1.5}
#: ... and those for the trained detector on poor pages (with USUAL it finds 85 % of the lines of
#: hurried pages whole and 87 % of worn ones, with these 92 and 93 %).
POOR = {"thresh": 0.15, "box_thresh": 0.35, "unclip_ratio": 2.6}
#: Lines of fewer pixels than this, typically, want a closer look, so many times as fine.
_LEAST_HEIGHT, CLOSER = 13.0, 1.6
#: Lines whose tops differ by less, in pixels, stand in one row.
_ROW = 10.0


class LineFinder:
    """Finds lines of text with a detection module."""

    def __init__(self, module: Any, limits: Mapping[str, float] = USUAL) -> None:
        self._module = module
        self._limits = limits

    def find(self, picture: Pixels) -> list[Quad]:
        """The lines of a picture (BGR), row by row from the top, each row from the left. A page
        of print that is too small for the first glance is looked at more finely."""
        scale = math.sqrt(PIXELS / (picture.shape[0] * picture.shape[1]))
        quads = self._glance(picture, min(scale, 1.0))
        if scale < 1.0 and 0 < _typical_height(quads) * scale < _LEAST_HEIGHT:
            quads = self._glance(picture, min(1.0, scale * CLOSER))
        return in_reading_order(quads)

    def _glance(self, picture: Pixels, scale: float) -> list[Quad]:
        side = max(32, round(max(picture.shape[:2]) * scale))
        answer = self._module.predict(
            picture, limit_side_len=side, limit_type="max", **self._limits
        )
        return [np.asarray(quad, dtype=np.float32) for quad in answer[0]["dt_polys"]]


def in_reading_order(quads: Sequence[Quad]) -> list[Quad]:
    """Rows from the top, each from the left."""
    ordered: list[Quad] = []
    for quad in sorted(quads, key=lambda each: (each[0, 1], each[0, 0])):
        place = len(ordered)
        while place and _stands_before(quad, ordered[place - 1]):
            place -= 1
        ordered.insert(place, quad)
    return ordered


def _stands_before(quad: Quad, other: Quad) -> bool:
    return bool(abs(quad[0, 1] - other[0, 1]) < _ROW and quad[0, 0] < other[0, 0])


def _typical_height(quads: Sequence[Quad]) -> float:
    heights = [float(np.hypot(*(quad[3] - quad[0]))) for quad in quads]
    return float(np.median(heights)) if heights else 0.0

"""PaddleOCR's detection model: a picture becomes corners of lines of text.

The model answers with a map of how likely each pixel is to lie in the core of a line; cores
become rectangles, and rectangles grow to what the line takes up.
"""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from extractors.images import Pixels
from extractors.recognition.graphs import Graph, Tensor, normalised
from extractors.recognition.quads import Quad

#: Sides of what the model sees are multiples of this.
_GRID = 32
#: What belongs to a core, how likely it is at least on the whole, and how far a line reaches
#: beyond its core: the pipeline's own values.
_LEAST, _LEAST_ON_THE_WHOLE, _REACH = 0.3, 0.6, 1.5
_MOST_LINES = 3000
#: Cores and lines that are lower than this, in pixels of the map, are specks.
_LEAST_CORE, _LEAST_LINE = 3.0, 5.0


class Detector:
    """Finds lines of text."""

    def __init__(self, folder: Path, threads: int) -> None:
        self._graph = Graph(folder, threads)

    def find(self, picture: Pixels, side: int) -> list[Quad]:
        """Corners of lines (4x2: top left, top right, bottom right, bottom left) in the picture's
        pixels, as seen when its long side is shrunk to `side` pixels."""
        height, width = picture.shape[:2]
        scale = min(1.0, side / max(height, width))
        sized = cv2.resize(picture, (_on_grid(width * scale), _on_grid(height * scale)))
        chances = self._graph.run(normalised(np.asarray(sized, dtype=np.uint8)))[0, 0]
        factor = np.array([width / sized.shape[1], height / sized.shape[0]], np.float32)
        most = np.array([width, height], np.float32)
        return [np.clip(np.rint(quad * factor), 0, most) for quad in lines_in(chances)]


def _on_grid(length: float) -> int:
    return max(_GRID, round(int(length) / _GRID) * _GRID)


def lines_in(chances: Tensor) -> list[Quad]:
    """Corners of the lines in a map of chances, in its own pixels."""
    cores = (chances > _LEAST).astype(np.uint8)
    contours, _ = cv2.findContours(cores, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    found = []
    for contour in contours[:_MOST_LINES]:
        middle, (wide, high), angle = cv2.minAreaRect(contour)
        if min(wide, high) < _LEAST_CORE:
            continue
        core = ordered(cv2.boxPoints((middle, (wide, high), angle)))
        if _likelihood(chances, core) < _LEAST_ON_THE_WHOLE:
            continue
        grown = _REACH * wide * high / (wide + high)  # the same on both sides
        size = (wide + grown, high + grown)
        if min(size) >= _LEAST_LINE:
            found.append(ordered(cv2.boxPoints((middle, size, angle))))
    return found


def _likelihood(chances: Tensor, core: Quad) -> float:
    """The mean chance within a core's rectangle."""
    height, width = chances.shape
    left, top = (max(0, math.floor(least)) for least in core.min(axis=0).tolist())
    right, bottom = (math.ceil(most) for most in core.max(axis=0).tolist())
    part = chances[top : min(bottom, height - 1) + 1, left : min(right, width - 1) + 1]
    inside = np.zeros(part.shape, np.uint8)
    cv2.fillPoly(inside, [(core - np.array([left, top], np.float32)).astype(np.int32)], [1])
    return float(cv2.mean(part, inside)[0])


def ordered(points: npt.ArrayLike) -> Quad:
    """Top left, top right, bottom right, bottom left: the two leftmost by height, then the two
    rightmost."""
    by_x = sorted(np.asarray(points, dtype=np.float32).tolist())
    (top_left, bottom_left) = sorted(by_x[:2], key=lambda point: point[1])
    (top_right, bottom_right) = sorted(by_x[2:], key=lambda point: point[1])
    return np.array([top_left, top_right, bottom_right, bottom_left], np.float32)

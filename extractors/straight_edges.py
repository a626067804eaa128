"""Straight edges of a picture, and the angle that they agree on."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from extractors.images import Pixels

#: Beyond this the page is not crooked but turned.
_MOST_DEGREES = 20.0
#: Edges shorter than this, in pixels of the working copy, or shorter than so many others, are
#: left out; those with a wider gap or step between them are not joined.
_LEAST_EDGE, _MOST_EDGES = 12.0, 600
_MOST_GAP, _MOST_ASIDE = 9.0, 1.5

Numbers = npt.NDArray[np.float64]


def straight_edges(small: Pixels) -> Numbers:
    """Both ends (x, y, x, y) of every straight edge that is worth it, in a working copy."""
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    # Against Hough's transform: a fifth of the time, and angles that agree between documents of
    # one skew to 0.05 degrees where Hough's scatter by 0.3.
    finder = cv2.createLineSegmentDetector(cv2.LSD_REFINE_STD)
    # OpenCV answers None when it sees no line, whatever its type stubs say.
    found: object = finder.detect(grey)[0]
    if not isinstance(found, np.ndarray):
        return np.zeros((0, 4))
    return _joined(np.asarray(found.reshape(-1, 4), dtype=np.float64))


def long_ones(edges: Numbers, shape: tuple[int, ...]) -> Numbers:
    """Those that are long for a picture of that shape."""
    return np.asarray(edges[_lengths(edges) >= max(shape[:2]) // 12], dtype=np.float64)


def angles_of(ends: Numbers) -> tuple[Numbers, Numbers]:
    """Angles in degrees against the nearest axis (-45..45), and lengths, of straight edges."""
    across, down = ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1]
    angles = np.degrees(np.arctan2(down, across))
    # Horizontal and vertical rules say the same thing a right angle apart.
    return (angles + 45.0) % 90.0 - 45.0, np.hypot(across, down)


def agreed_angle(angles: npt.NDArray[np.float64], lengths: npt.NDArray[np.float64]) -> float:
    near = np.abs(angles) <= _MOST_DEGREES
    angles, lengths = angles[near], lengths[near]
    if len(angles) < 3:
        return 0.0
    median = _weighted_median(angles, lengths)
    close = np.abs(angles - median) <= 1.5
    if lengths[close].sum() < 0.4 * lengths.sum():
        return 0.0
    return float(np.average(angles[close], weights=lengths[close]))


def straightness(edges: Numbers) -> float:
    """How much of the length of long lines lies along one axis pair, 0..1; 0.5 without lines (a
    blank sheet's corners are then judged by the sheet alone)."""
    angles, lengths = angles_of(edges)
    near = np.abs(angles) <= _MOST_DEGREES
    angles, lengths = angles[near], lengths[near]
    if len(angles) < 6:
        return 0.5
    middle = _weighted_median(angles, lengths)
    return float(lengths[np.abs(angles - middle) <= 0.5].sum() / lengths.sum())


def _joined(ends: Numbers) -> Numbers:
    """Segments that go on in one another become one: a shadow's edge cuts the rules it crosses."""
    lengths = _lengths(ends)
    ends = ends[np.argsort(-lengths)][: min(_MOST_EDGES, int((lengths >= _LEAST_EDGE).sum()))]
    starts, stops = ends[:, :2], ends[:, 2:]
    along = (stops - starts) / np.maximum(_lengths(ends), 1.0)[:, None]
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    gap = stops[:, None] - starts[None]  # from where one ends to where another starts
    near = np.hypot(gap[..., 0], gap[..., 1]) <= _MOST_GAP
    beside = np.abs((gap * across[:, None]).sum(axis=2)) <= _MOST_ASIDE
    parallel = (along[:, None] * along[None]).sum(axis=2) >= math.cos(math.radians(1.5))
    follows = near & beside & parallel & ~np.eye(len(ends), dtype=bool)
    joined = []
    for first in np.flatnonzero(~follows.any(axis=0)):
        last, seen = int(first), {int(first)}
        while len(after := [int(n) for n in np.flatnonzero(follows[last]) if int(n) not in seen]):
            last = after[0]
            seen.add(last)
        joined.append((*starts[first], *stops[last]))
    return np.asarray(joined, dtype=np.float64).reshape(-1, 4)


def _lengths(ends: Numbers) -> Numbers:
    lengths = np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1])
    return np.asarray(lengths, dtype=np.float64)


def _weighted_median(numbers: Numbers, weights: Numbers) -> float:
    order = np.argsort(numbers)
    summed = np.cumsum(weights[order])
    return float(numbers[order][np.searchsorted(summed, summed[-1] / 2)])

"""A photographed or crooked page becomes a flat, level one.

Two independent steps: the page's four corners, only when the picture plainly shows a bright
sheet on a darker ground, and the small angle that remains, taken from ruled lines and print.
Turns by 90 or 180 degrees are not decided here; the recogniser's orientation model does that.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from extractors.images import Pixels

#: Searching for corners and angles needs no more detail than this.
_WORKING_SIDE = 1000
#: A sheet must fill this share of the picture; less is a stamp, a QR or a screen window.
_LEAST_SHARE = 0.25
#: Beyond this the page is not crooked but turned.
_MOST_DEGREES = 20.0
_LEAST_DEGREES = 0.15
#: Brightnesses that may part sheet from ground, as shares of the picture's own dividing one.
_BRIGHTNESSES = (1.0, 1.04, 1.08, 0.93, 0.85, 0.7, 1.12)
#: Rules that may run over a sheet's edge before the edge is not believed: one may be a shadow.
_MOST_CROSSINGS = 1
#: Edges shorter than this, in pixels of the working copy, or shorter than so many others, are
#: left out; those with a wider gap or step between them are not joined.
_LEAST_EDGE, _MOST_EDGES = 12.0, 600
_MOST_GAP, _MOST_ASIDE = 9.0, 1.5

Points = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.float64]


def straighten(image: Pixels) -> Pixels:
    """The page cut out and levelled; the same array when there is nothing to mend."""
    corners = page_corners(image)
    flat = image if corners is None else _flatten(image, corners)
    return level(flat)


def page_corners(image: Pixels) -> Points | None:
    """Corners of a bright sheet on a darker ground (4x2: top left, top right, bottom right,
    bottom left, in pixels), or None unless the sheet is unmistakable.

    A shadow over the sheet looks like ground, so several brightnesses are tried and the corners
    that leave the page's rules straightest win; corners that leave them less straight than they
    are in the picture are none.
    """
    small, scale = _working_copy(image)
    blurred = cv2.GaussianBlur(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), (7, 7), 0)
    grey = np.asarray(blurred, dtype=np.uint8)
    otsu, _ = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    best: Points | None = None
    straightest = _straightness(small) * 0.95
    rules = _long_edges(small)
    for share in _BRIGHTNESSES:
        quad = _bright_quad(grey, otsu * share)
        if quad is None or _crossings(rules, quad) > _MOST_CROSSINGS:
            continue
        straight = _straightness(_flatten(small, quad))
        if straight > straightest:
            best, straightest = quad, straight
    return None if best is None else best / np.float32(scale)


def _bright_quad(grey: npt.NDArray[np.uint8], brightness: float) -> Points | None:
    """The four corners of the largest area brighter than `brightness`, if it is a sheet."""
    _, bright = cv2.threshold(grey, brightness, 255, cv2.THRESH_BINARY)
    # Print and rules cut the sheet into cells; closing joins them again.
    joined = cv2.morphologyEx(bright, cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8))
    contours, _ = cv2.findContours(joined, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return None
    hull = cv2.convexHull(max(contours, key=cv2.contourArea))
    sheet = np.asarray(hull, dtype=np.int32)
    height, width = grey.shape
    share = cv2.contourArea(sheet) / float(height * width)
    if not _LEAST_SHARE <= share <= 0.96:
        return None
    quad = _four_corners(sheet)
    if quad is None or not _is_sheet(quad, sheet, grey):
        return None
    return _ordered(quad)


def _crossings(rules: Numbers, quad: Points) -> int:
    """How many straight edges run from well inside the quad to well outside: a sheet's own rules
    end before its edge does, so a quad that they cross has cut the sheet."""
    margin = 0.03 * math.sqrt(cv2.contourArea(quad))

    def depth(x: float, y: float) -> float:
        return float(cv2.pointPolygonTest(quad, (x, y), measureDist=True))

    count = 0
    for x0, y0, x1, y1 in rules:
        least, most = sorted((depth(x0, y0), depth(x1, y1)))
        count += least < -margin and most > margin
    return count


def _straightness(image: Pixels) -> float:
    """How much of the length of long lines lies along one axis pair, 0..1; 0.5 without lines (a
    blank sheet's corners are then judged by the sheet alone)."""
    angles, lengths = _long_lines(image)
    near = np.abs(angles) <= _MOST_DEGREES
    angles, lengths = angles[near], lengths[near]
    if len(angles) < 6:
        return 0.5
    middle = _weighted_median(angles, lengths)
    return float(lengths[np.abs(angles - middle) <= 0.5].sum() / lengths.sum())


def level(image: Pixels) -> Pixels:
    """The picture turned by the small angle that makes its rules horizontal."""
    angle = skew_degrees(image)
    if abs(angle) < _LEAST_DEGREES:
        return image
    height, width = image.shape[:2]
    centre = (width / 2, height / 2)
    turn = cv2.getRotationMatrix2D(centre, angle, 1.0)
    cos, sin = abs(turn[0, 0]), abs(turn[0, 1])
    new_width, new_height = (
        math.ceil(width * cos + height * sin),
        math.ceil(width * sin + height * cos),
    )
    turn[0, 2] += new_width / 2 - centre[0]
    turn[1, 2] += new_height / 2 - centre[1]
    turned = cv2.warpAffine(
        image,
        turn,
        (new_width, new_height),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(255, 255, 255),
    )
    return np.asarray(turned, dtype=np.uint8)


def skew_degrees(image: Pixels) -> float:
    """The angle of the page's long straight lines against the nearest axis, in degrees
    (positive: clockwise lean); 0.0 where lines are too few or disagree."""
    return _agreed_angle(*_long_lines(image))


def _long_lines(image: Pixels) -> tuple[Numbers, Numbers]:
    """Angles in degrees against the nearest axis (-45..45), and lengths, of straight edges."""
    ends = _long_edges(image)
    across, down = ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1]
    angles = np.degrees(np.arctan2(down, across))
    # Horizontal and vertical rules say the same thing a right angle apart.
    return (angles + 45.0) % 90.0 - 45.0, np.hypot(across, down)


def _long_edges(image: Pixels) -> Numbers:
    """Both ends (x, y, x, y) of every long straight edge, in pixels of the working copy."""
    small, _ = _working_copy(image)
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    # Against Hough's transform: a fifth of the time, and angles that agree between documents of
    # one skew to 0.05 degrees where Hough's scatter by 0.3.
    finder = cv2.createLineSegmentDetector(cv2.LSD_REFINE_STD)
    # OpenCV answers None when it sees no line, whatever its type stubs say.
    found: object = finder.detect(grey)[0]
    if not isinstance(found, np.ndarray):
        return np.zeros((0, 4))
    ends = _joined(np.asarray(found.reshape(-1, 4), dtype=np.float64))
    return ends[_lengths(ends) >= max(grey.shape) // 12]


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
    return np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1])


def _weighted_median(numbers: Numbers, weights: Numbers) -> float:
    order = np.argsort(numbers)
    summed = np.cumsum(weights[order])
    return float(numbers[order][np.searchsorted(summed, summed[-1] / 2)])


def _agreed_angle(angles: npt.NDArray[np.float64], lengths: npt.NDArray[np.float64]) -> float:
    near = np.abs(angles) <= _MOST_DEGREES
    angles, lengths = angles[near], lengths[near]
    if len(angles) < 3:
        return 0.0
    median = _weighted_median(angles, lengths)
    close = np.abs(angles - median) <= 1.5
    if lengths[close].sum() < 0.4 * lengths.sum():
        return 0.0
    return float(np.average(angles[close], weights=lengths[close]))


def _working_copy(image: Pixels) -> tuple[Pixels, float]:
    scale = min(1.0, _WORKING_SIDE / max(image.shape[:2]))
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8), scale


def _four_corners(hull: npt.NDArray[np.int32]) -> Points | None:
    around = cv2.arcLength(hull, closed=True)
    for tolerance in (0.01, 0.02, 0.03, 0.05):
        corners = cv2.approxPolyDP(hull, tolerance * around, closed=True)
        if len(corners) == 4:
            return np.asarray(corners.reshape(4, 2), dtype=np.float32)
    return None


def _is_sheet(quad: Points, hull: npt.NDArray[np.int32], grey: npt.NDArray[np.uint8]) -> bool:
    """The four corners hold nearly all of the bright hull, no angle is extreme, and inside is
    clearly brighter than outside."""
    area = cv2.contourArea(quad)
    if abs(area - cv2.contourArea(hull)) > 0.06 * area:
        return False
    ordered = _ordered(quad)
    for index in range(4):
        before, here, after = ordered[index - 1], ordered[index], ordered[(index + 1) % 4]
        one, two = before - here, after - here
        cosine = float(np.dot(one, two) / (np.linalg.norm(one) * np.linalg.norm(two) + 1e-6))
        if abs(cosine) > 0.5:  # between 60 and 120 degrees
            return False
    mask = np.zeros_like(grey)
    inside = np.asarray(cv2.fillConvexPoly(mask, quad.astype(np.int32), [255]))
    within, without = grey[inside > 0], grey[inside == 0]
    if len(without) == 0:
        return False
    return bool(np.median(within) - np.median(without) > 35)


def _ordered(quad: Points) -> Points:
    """Top left, top right, bottom right, bottom left."""
    middle = quad.mean(axis=0)
    around = np.arctan2(quad[:, 1] - middle[1], quad[:, 0] - middle[0])
    ring = quad[np.argsort(around)]
    first = int(np.argmin(ring.sum(axis=1)))
    return np.asarray(np.roll(ring, -first, axis=0), dtype=np.float32)


def _flatten(image: Pixels, corners: Points) -> Pixels:
    top_left, top_right, bottom_right, bottom_left = corners
    width = int(
        max(np.linalg.norm(top_right - top_left), np.linalg.norm(bottom_right - bottom_left))
    )
    height = int(
        max(np.linalg.norm(bottom_left - top_left), np.linalg.norm(bottom_right - top_right))
    )
    frame = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    warp = cv2.getPerspectiveTransform(corners.astype(np.float32), frame)
    flat = cv2.warpPerspective(image, warp, (width, height), flags=cv2.INTER_CUBIC)
    return np.asarray(flat, dtype=np.uint8)

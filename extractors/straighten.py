"""A photographed or crooked page becomes a flat, level one.

Two independent steps: the page's four corners, only when the picture plainly shows a bright
sheet on a darker ground, and the small angle that remains, taken from ruled lines and print.
Turns by 90 or 180 degrees are not decided here; the recogniser's orientation model does that.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from extractors.images import Pixels, shrink
from extractors.straight_edges import (
    Numbers,
    agreed_angle,
    angles_of,
    long_ones,
    straight_edges,
    straightness,
)

#: Searching for corners and angles needs no more detail than this.
_WORKING_SIDE = 1000
#: A sheet must fill this share of the picture; less is a stamp, a QR or a screen window.
_LEAST_SHARE = 0.25
_LEAST_DEGREES = 0.2
#: Brightnesses that may part sheet from ground, as shares of the picture's own dividing one.
_BRIGHTNESSES = (1.0, 1.04, 1.08, 0.93, 0.85, 0.7, 1.12)
#: Rules that may run over a sheet's edge before the edge is not believed: one may be a shadow.
_MOST_CROSSINGS = 1
#: A sheet differs from what lies beside it by this much (halved-brightness Lab) along at least
#: this share of each of its sides.
_LEAST_CONTRAST, _LEAST_SUPPORT = 9.0, 0.5
#: A flat scan's rim differs from its paper by less than this (grey levels).
_RIM = 30.0
#: Edges of one direction that are tried as a sheet's sides, longest first.
_MOST_SIDES = 10

Points = npt.NDArray[np.float32]


def straighten(image: Pixels) -> Pixels:
    """The page cut out and levelled; the same array when there is nothing to mend."""
    return straightened(image)[0]


def straightened(image: Pixels) -> tuple[Pixels, Numbers]:
    """As `straighten`, and the 3x3 matrix that leads from places of the image to the page's."""
    small, scale = _working_copy(image)
    if _is_all_sheet(small):
        return _turned(image, agreed_angle(*angles_of(_long_edges(small))))
    edges = straight_edges(small)
    corners = _corners(small, edges)
    if corners is None:
        return _turned(image, agreed_angle(*angles_of(long_ones(edges, small.shape))))
    # The edges as they lie in the flat page say how it leans; both steps are then one.
    angle = agreed_angle(*angles_of(_flat_edges(edges, corners)))
    return _flatten(image, corners / np.float32(scale), angle)


def page_corners(image: Pixels) -> Points | None:
    """Corners of a bright sheet on a darker ground (4x2: top left, top right, bottom right,
    bottom left, in pixels), or None unless the sheet is unmistakable.

    A shadow over the sheet looks like ground, so several brightnesses are tried and the corners
    that leave the page's rules straightest win; corners that leave them less straight than they
    are in the picture are none.
    """
    small, scale = _working_copy(image)
    if _is_all_sheet(small):
        return None
    corners = _corners(small, straight_edges(small))
    return None if corners is None else corners / np.float32(scale)


def _corners(small: Pixels, edges: Numbers) -> Points | None:
    """`page_corners` in a working copy whose straight edges are known."""
    blurred = np.asarray(cv2.GaussianBlur(small, (7, 7), 0), dtype=np.uint8)
    best: Points | None = None
    rules = long_ones(edges, small.shape)
    straightest = straightness(rules) * 0.95
    lab = _ground_lab(blurred)
    quads = (_sheet_quad(mask, blurred) for mask in _maybe_sheets(blurred))
    for quad in (*quads, _framed_quad(rules, lab)):
        if quad is None or _edge_support(quad[None], lab)[0] < _LEAST_SUPPORT:
            continue
        if _crossings(rules, quad) > _MOST_CROSSINGS:
            continue
        straight = straightness(_flat_edges(edges, quad))
        if straight > straightest:
            best, straightest = quad, straight
    return best


def _is_all_sheet(small: Pixels) -> bool:
    """Is the picture's rim of the colour of its bright middle, as on a flat scan?"""
    blurred = cv2.GaussianBlur(small, (7, 7), 0)
    height, width = blurred.shape[:2]
    if min(height, width) < 4:  # a sliver has a rim and nothing else
        return True
    wide = max(3, max(height, width) // 80)
    rim = (blurred[:wide], blurred[-wide:], blurred[:, :wide], blurred[:, -wide:])
    middle = blurred[height // 4 : -height // 4 : 3, width // 4 : -width // 4 : 3].reshape(-1, 3)
    paper = np.quantile(middle, 0.7, axis=0)
    return all(
        float((np.abs(side.reshape(-1, 3) - paper).max(axis=1) < _RIM).mean()) > 0.9 for side in rim
    )


def _maybe_sheets(blurred: Pixels) -> Iterator[npt.NDArray[np.uint8]]:
    """What may be sheet: by brightness, and by how far its colour is from the ground's, which
    tells a shaded or tinted sheet from a bright desk."""
    grey = cv2.cvtColor(blurred, cv2.COLOR_BGR2GRAY)
    otsu, _ = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    for share in _BRIGHTNESSES:
        yield np.asarray(cv2.threshold(grey, otsu * share, 255, cv2.THRESH_BINARY)[1], np.uint8)
    lab = cv2.cvtColor(blurred, cv2.COLOR_BGR2LAB).astype(np.float32)
    edge = (lab[:9], lab[-9:], lab[:, :9], lab[:, -9:])
    away = lab - np.median(np.concatenate([part.reshape(-1, 3) for part in edge]), axis=0)
    for weight in (1.0, 0.4):  # a shadow changes brightness, hardly the colour
        far = np.sqrt((weight * away[:, :, 0]) ** 2 + (away[:, :, 1:] ** 2).sum(axis=2))
        level = np.asarray(np.clip(far * 2, 0, 255), dtype=np.uint8)
        yield np.asarray(
            cv2.threshold(level, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[1], np.uint8
        )


def _sheet_quad(mask: npt.NDArray[np.uint8], blurred: Pixels) -> Points | None:
    """The four corners of the largest part of `mask`, if it is a sheet: as it is, or else
    without what touches it on a cluttered desk."""
    # Print and rules cut the sheet into cells; closing joins them again.
    joined = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8))
    grey = np.asarray(cv2.cvtColor(blurred, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
    for side in (0, 61):
        apart = (
            cv2.morphologyEx(joined, cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
            if side
            else joined
        )
        contours, _ = cv2.findContours(apart, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        if not contours:
            continue
        hull = cv2.convexHull(max(contours, key=cv2.contourArea))
        sheet = np.asarray(hull, dtype=np.int32)
        if not _LEAST_SHARE <= cv2.contourArea(sheet) / grey.size <= 0.96:
            continue
        quad = _four_corners(sheet)
        if quad is not None and _is_sheet(quad, sheet, grey):
            return _ordered(quad)
    return None


def _ground_lab(blurred: Pixels) -> npt.NDArray[np.float32]:
    """Colours as the eye parts them, brightness halved: folds and shadows are no edges."""
    lab = cv2.cvtColor(blurred, cv2.COLOR_BGR2LAB).astype(np.float32)
    return np.asarray(lab * np.array([0.5, 1.0, 1.0], np.float32), dtype=np.float32)


def _edge_support(quads: Points, lab: npt.NDArray[np.float32]) -> Numbers:
    """Of each quad (N x 4 x 2), the share of its worst side along which sheet lies within and
    something else without. A side on the picture's own edge has nothing without."""
    height, width = lab.shape[:2]
    begins, ends = quads, np.roll(quads, -1, axis=1)
    along = ends - begins
    length = np.linalg.norm(along, axis=2, keepdims=True) + 1e-6
    outward = np.stack([along[..., 1], -along[..., 0]], axis=-1) / length
    places = np.linspace(0.06, 0.94, 30, dtype=np.float32)[:, None]
    points = begins[:, :, None] + along[:, :, None] * places
    step = max(4.0, 0.008 * max(height, width))

    def seen(offset: float) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        here = points + outward[:, :, None] * np.float32(offset)
        x, y = np.rint(here[..., 0]).astype(int), np.rint(here[..., 1]).astype(int)
        known = (x >= 0) & (y >= 0) & (x < width) & (y < height)
        return lab[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)], known

    within, _ = seen(-step)
    without, known = seen(step)
    usual = np.median(within, axis=(1, 2), keepdims=True)
    contrast = np.linalg.norm(within - without, axis=-1)
    alike = np.linalg.norm(within - usual, axis=-1)
    held = (
        known & (contrast > _LEAST_CONTRAST) & (alike < np.maximum(contrast, 2 * _LEAST_CONTRAST))
    )
    return np.asarray(held.mean(axis=2).min(axis=1), dtype=np.float64)


def _framed_quad(edges: Numbers, lab: npt.NDArray[np.float32]) -> Points | None:
    """The largest supported quad that four of the picture's long straight edges enclose."""
    height, width = lab.shape[:2]
    spans = edges[:, 2:] - edges[:, :2]
    lengths = np.hypot(spans[:, 0], spans[:, 1])
    level = np.abs(spans[:, 1]) < 0.5 * np.abs(spans[:, 0])
    upright = np.abs(spans[:, 0]) < 0.5 * np.abs(spans[:, 1])
    rows = edges[level][np.argsort(-lengths[level])][:_MOST_SIDES]
    columns = edges[upright][np.argsort(-lengths[upright])][:_MOST_SIDES]
    if len(rows) < 2 or len(columns) < 2:
        return None
    rows = rows[np.argsort(rows[:, 1] + rows[:, 3])]
    columns = columns[np.argsort(columns[:, 0] + columns[:, 2])]
    corner = _crossing_points(rows, columns)
    one, two = np.triu_indices(len(rows), 1)
    left, right = np.triu_indices(len(columns), 1)
    top, bottom = np.repeat(one, len(left)), np.repeat(two, len(left))
    left, right = np.tile(left, len(one)), np.tile(right, len(one))
    quads = np.stack(
        [corner[top, left], corner[top, right], corner[bottom, right], corner[bottom, left]], axis=1
    ).astype(np.float32)
    x, y = quads[..., 0], quads[..., 1]
    area = 0.5 * np.abs((x * np.roll(y, -1, 1) - y * np.roll(x, -1, 1)).sum(axis=1))
    inside = (
        (quads > -9).all(axis=(1, 2)) & (x < width + 9).all(axis=1) & (y < height + 9).all(axis=1)
    )
    chosen = inside & (area > _LEAST_SHARE * height * width)
    quads, area = quads[chosen], area[chosen]
    if not len(quads):
        return None
    # The largest, since a fold may pass for an edge but print does not run over a sheet's own.
    supported = np.flatnonzero(_edge_support(quads, lab) >= _LEAST_SUPPORT)
    for index in supported[np.argsort(-area[supported])][:_MOST_SIDES]:
        if _crossings(edges, quads[index]) <= _MOST_CROSSINGS:
            return _ordered(quads[index])
    return None


def _crossing_points(rows: Numbers, columns: Numbers) -> Numbers:
    """Where each of the rows, as an endless line, crosses each of the columns (R x C x 2)."""

    def as_lines(segments: Numbers) -> Numbers:
        ones = np.ones(len(segments))
        begins = np.column_stack([segments[:, :2], ones])
        return np.asarray(np.cross(begins, np.column_stack([segments[:, 2:], ones])))

    met = np.cross(as_lines(rows)[:, None], as_lines(columns)[None])
    depth = np.where(np.abs(met[..., 2:]) < 1e-9, 1e-9, met[..., 2:])
    return np.asarray(met[..., :2] / depth, dtype=np.float64)


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


def level(image: Pixels) -> Pixels:
    """The picture turned by the small angle that makes its rules horizontal."""
    return _turned(image, skew_degrees(image))[0]


def _turned(image: Pixels, angle: float) -> tuple[Pixels, Numbers]:
    """The whole picture levelled by the angle of its lean, white in the new corners; and how."""
    if abs(angle) < _LEAST_DEGREES:
        return image, np.eye(3)
    turn, size = _turn(image.shape[1], image.shape[0], angle)
    turned = cv2.warpAffine(
        image,
        turn[:2],
        size,
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(255, 255, 255),
    )
    return np.asarray(turned, dtype=np.uint8), turn


def _turn(width: int, height: int, angle: float) -> tuple[Numbers, tuple[int, int]]:
    """The 3x3 matrix that levels a picture of this size, and the size that holds it whole."""
    turn = np.vstack([cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0), (0, 0, 1)])
    cos, sin = abs(turn[0, 0]), abs(turn[0, 1])
    size = (math.ceil(width * cos + height * sin), math.ceil(width * sin + height * cos))
    turn[0, 2] += (size[0] - width) / 2
    turn[1, 2] += (size[1] - height) / 2
    return np.asarray(turn, dtype=np.float64), size


def skew_degrees(image: Pixels) -> float:
    """The angle of the page's long straight lines against the nearest axis, in degrees
    (positive: clockwise lean); 0.0 where lines are too few or disagree."""
    return agreed_angle(*angles_of(_long_edges(_working_copy(image)[0])))


def _long_edges(small: Pixels) -> Numbers:
    """Both ends (x, y, x, y) of every long straight edge of a working copy."""
    return long_ones(straight_edges(small), small.shape)


def _flat_edges(edges: Numbers, quad: Points) -> Numbers:
    """The long edges within the quad as they lie once it is flattened: looking for them again
    in each flattened picture would cost ten times as much."""
    if not len(edges):
        return edges
    warp, (width, height) = _flattening(quad)
    moved = cv2.perspectiveTransform(edges.reshape(-1, 1, 2), warp).reshape(-1, 4)
    across, down = moved[:, 0::2], moved[:, 1::2]
    inside = ((across > -1) & (across < width + 1) & (down > -1) & (down < height + 1)).all(axis=1)
    return long_ones(np.asarray(moved[inside], dtype=np.float64), (height, width))


def _working_copy(image: Pixels) -> tuple[Pixels, float]:
    scale = min(1.0, _WORKING_SIDE / max(image.shape[:2]))
    return shrink(image, _WORKING_SIDE), scale


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


def _flatten(image: Pixels, corners: Points, angle: float = 0.0) -> tuple[Pixels, Numbers]:
    """The sheet cut out of the picture, and levelled by what is left of its lean; and how."""
    warp, size = _flattening(corners)
    if abs(angle) >= _LEAST_DEGREES:
        turn, size = _turn(*size, angle)
        warp = turn @ warp
    flat = cv2.warpPerspective(
        image,
        warp,
        size,
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(255, 255, 255),
    )
    return np.asarray(flat, dtype=np.uint8), warp


def _flattening(corners: Points) -> tuple[Numbers, tuple[int, int]]:
    """The 3x3 matrix that makes a rectangle of the quad, and the rectangle's size."""
    top_left, top_right, bottom_right, bottom_left = corners
    width = int(
        max(np.linalg.norm(top_right - top_left), np.linalg.norm(bottom_right - bottom_left))
    )
    height = int(
        max(np.linalg.norm(bottom_left - top_left), np.linalg.norm(bottom_right - top_right))
    )
    frame = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    warp = cv2.getPerspectiveTransform(corners.astype(np.float32), frame)
    return np.asarray(warp, dtype=np.float64), (width, height)

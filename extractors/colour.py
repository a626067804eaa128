"""Red and blue stamps over print, taken away by their colour.

Stamp ink is a filter: through a red seal, black print is as dark in the red channel as beside
it, while the seal itself is nearly as bright as paper there. So inside a stamp's outline the
picture is replaced by its own channel, stretched until the stamp is white.

What is bleached is only what a stamp's closed outline encloses: a ring, an oval, a tilted frame.
Red serials of tickets, red form numbers and whole pages printed in blue have no such outline
and stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from extractors.images import Pixels, shrink

#: Looking for stamps needs no more detail than this.
_WORKING_SIDE = 1000
_CHANNEL = {"red": 2, "blue": 0}
#: How strongly the ink holds back its own colour, against the least of the others. Stroke edges
#: are mixed with paper, which leaves this ratio alone: brown and navy print never come near.
_MOST_HELD = {"red": 0.45, "blue": 0.62}
#: Others must be held back at least this much: paler is a shade of the paper.
_LEAST_INK = 0.14
#: A stamp's extent, both ways, as shares of the picture's long side.
_SMALLEST, _LARGEST = 0.045, 0.6
#: One stroke of a stamp runs at least this far, as a share of the picture's long side: no
#: printed character does; and no more than this share of it is level or upright, as rules are.
_LONGEST_GLYPH = 0.07
_MOST_LEVEL = 0.6
#: A shorter level stroke that turns a corner is a stamp's frame all the same.
_LONGEST_FRAME = 0.25
#: Coloured ground at the picture's edge covers more of it than a stamp's ink.
_DESK = 0.02
#: A level cut through a stroke of a stamp crosses it this often at most.
_MOST_CROSSED = 2.5
#: Strokes of one ink no further apart than this (of the long side) belong to one stamp.
_ONE_STAMP = 0.12
#: Fewer coloured pixels than this and there is no stamp to look for.
_LEAST_SHARE = 0.0012

#: Under the thickest ink, paper keeps about this share of its brightness in the ink's own
#: channel; what is darker by the span is black.
_WHITE = {"red": 0.8, "blue": 0.66}
_SPAN = 0.5

Mask = npt.NDArray[np.bool_]
Shares = npt.NDArray[np.float32]
Contour = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Stamp:
    """A stamp's outline in the picture's pixels (N x 2) and its ink, `red` or `blue`."""

    outline: Contour
    ink: str

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom."""
        left, top = self.outline.min(axis=0)
        right, bottom = self.outline.max(axis=0)
        return int(left), int(top), int(right) + 1, int(bottom) + 1


def without_stamps(image: Pixels) -> tuple[Pixels, tuple[Stamp, ...]]:
    """The picture (BGR) with the stamps' ink bleached, and what was bleached; the same array
    when there is none. What a stamp says is only to be read from the picture as it was."""
    stamps = find_stamps(image)
    if not stamps:
        return image, ()
    out = image.copy()
    for stamp in stamps:
        _bleach(out, stamp)
    return out, stamps


def in_own_light(image: Pixels, stamps: Sequence[Stamp]) -> Pixels:
    """The picture (BGR) with every stamp's place grey, as its ink's own channel shows it: black
    print is whole there, smoother than bleaching leaves it, and the stamp a faint shade. Print of
    the stamp's colour is lost with it."""
    out = image.copy()
    reach = max(3, max(image.shape[:2]) // 100) | 1
    for stamp in stamps:
        inside = np.zeros(image.shape[:2], np.uint8)
        cv2.fillConvexPoly(inside, stamp.outline, [255])
        inside = np.asarray(cv2.dilate(inside, np.ones((reach, reach), np.uint8)))
        own = image[:, :, _CHANNEL[stamp.ink]]
        out[inside > 0] = own[inside > 0][:, None]
    return out


def find_stamps(image: Pixels) -> tuple[Stamp, ...]:
    """Where stamps lie. A grey picture costs one glance."""
    scale = min(1.0, _WORKING_SIDE / max(image.shape[:2]))
    small = shrink(image, _WORKING_SIDE)
    if min(small.shape[:2]) < 32 or not _is_coloured(small):
        return ()
    found = []
    for ink in _CHANNEL:
        outlines = _outlines(_inked(small, ink)[0])
        found += [Stamp((outline / scale).astype(np.int32), ink) for outline in outlines]
    return tuple(found)


def _is_coloured(small: Pixels) -> bool:
    """Is there any colour beyond the paper's own?"""
    # A quarter of the pixels tells, and OpenCV is ten times as fast as NumPy across channels.
    blue, green, red = cv2.split(cv2.resize(small, None, fx=0.5, fy=0.5))
    spread = cv2.subtract(
        cv2.max(cv2.max(blue, green), red), cv2.min(cv2.min(blue, green), red)
    ).astype(np.int16)
    usual = float(np.median(spread))
    return bool((spread > usual + 30).mean() > _LEAST_SHARE)


def _inked(image: Pixels, ink: str) -> tuple[Mask, Shares, list[Shares]]:
    """Where stamp ink lies; and what is left of the paper in the ink's own channel, and the
    paper's colour there. The paper is looked for close by in that channel, where only black
    print is dark, so that neither a shadow's edge nor a fold passes for ink."""
    own = _CHANNEL[ink]
    side = max(15, max(image.shape[:2]) // 40) | 1
    tint = _tint(image)
    bright = cv2.morphologyEx(image[:, :, own], cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    light = np.maximum(cv2.blur(bright, (side // 2, side // 2)).astype(np.float32), 1)
    # Channel by channel: arithmetic across the three costs five times as much.
    papers = [light * np.float32(each / tint[own]) for each in tint]
    shares = [
        np.minimum(plane / np.maximum(paper, 1), 1)
        for plane, paper in zip(cv2.split(image), papers, strict=True)
    ]
    calm = [cv2.blur(share, (3, 3)) for share in shares]
    others = np.maximum(*(calm[channel] for channel in range(3) if channel != own))
    held, most = 1 - calm[own], 1 - others
    inked = np.asarray((most > _LEAST_INK) & (held < _MOST_HELD[ink] * most))
    return inked, np.asarray(shares[own]), papers


def _tint(image: Pixels) -> Shares:
    """The paper's colour: the usual one among the brighter half of the picture."""
    some = image.reshape(-1, 3)[:: max(1, image.size // 60000)]
    brightness = some.max(axis=1)
    paper = np.median(some[brightness >= np.median(brightness)], axis=0)
    return np.asarray(np.maximum(paper, 1), dtype=np.float32)


def _outlines(inked: Mask) -> list[Contour]:
    """Outer edges of what looks like a stamp among inked pixels."""
    if inked.mean() < _LEAST_SHARE:
        return []
    mask = inked.astype(np.uint8) * 255
    side = max(inked.shape)
    found = []
    for piece in _pieces(mask):
        _, _, width, height = cv2.boundingRect(piece)
        if min(width, height) < _SMALLEST * side or max(width, height) > _LARGEST * side:
            continue
        found.append(np.asarray(cv2.convexHull(piece), dtype=np.int32).reshape(-1, 2))
    return found


def _pieces(mask: npt.NDArray[np.uint8]) -> list[Contour]:
    """Points of the strokes of each stamp with what clings to them: where another stamp or
    black print crosses a ring, only parts of it are seen, and near parts belong together."""
    gap = max(3, max(mask.shape) // 110) | 1
    joined = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((gap, gap), np.uint8))
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(joined)
    sure, likely = _long_strokes(mask)
    chosen = np.unique(labels[sure])
    if not chosen.any():
        return []
    chosen = np.union1d(chosen, np.unique(labels[likely]))
    chosen = chosen[[label > 0 and not _at_edge(boxes[label], mask.shape) for label in chosen]]
    parts = np.isin(labels, chosen).astype(np.uint8) * 255
    rough = cv2.resize(parts, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    near = max(3, round(_ONE_STAMP * max(rough.shape))) | 1
    _, groups = cv2.connectedComponents(cv2.dilate(rough, np.ones((near, near), np.uint8)))
    rows, columns = np.nonzero(parts)
    group = groups[
        np.minimum(rows // 4, groups.shape[0] - 1), np.minimum(columns // 4, groups.shape[1] - 1)
    ]
    points = np.stack([columns, rows], axis=1).astype(np.int32)
    wanted = np.unique(group[sure[rows, columns]])
    return [points[group == each] for each in wanted[wanted > 0]]


def _at_edge(box: Contour, shape: tuple[int, ...]) -> bool:
    """Does it reach the picture's edge with more than a stamp's stroke, as a red desk does?"""
    if box[4] < _DESK * shape[0] * shape[1]:
        return False
    left, top, width, height = (int(number) for number in box[:4])
    return left <= 1 or top <= 1 or left + width >= shape[1] - 1 or top + height >= shape[0] - 1


def _long_strokes(mask: npt.NDArray[np.uint8]) -> tuple[Mask, Mask]:
    """The strokes that are longer than a character and not made of rules; and thin straight
    ones that may belong to a frame whose better part is among the first."""
    side = max(mask.shape)
    thick = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(thick)
    run = max(9, side // 12)
    rules = np.maximum(
        cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones((1, run), np.uint8)),
        cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones((run, 1), np.uint8)),
    )
    level = np.bincount(labels[rules > 0], minlength=len(boxes)) / np.maximum(boxes[:, 4], 1)
    longest, least = boxes[:, 2:4].max(axis=1), boxes[:, 2:4].min(axis=1)
    ruled = (level >= _MOST_LEVEL) & (longest >= _LONGEST_FRAME * side)
    long = (longest >= _LONGEST_GLYPH * side) & ~ruled
    large = long & (least >= _SMALLEST * side)
    bent = long & ~large & (least >= 0.12 * _LONGEST_GLYPH * side)
    places = np.asarray(labels, dtype=np.int32)
    curves = [
        label for label in np.flatnonzero(bent) if _is_curve(places, boxes[label], int(label))
    ]
    chosen = np.concatenate([np.flatnonzero(large), np.asarray(curves, dtype=np.int64)])
    thin = (longest >= 0.4 * _LONGEST_GLYPH * side) & (longest >= 4 * least) & ~ruled
    sure = np.isin(labels, chosen[chosen > 0]) & (mask > 0)
    likely = thin[labels] & (labels > 0) & (mask > 0)
    return np.asarray(sure), np.asarray(likely)


def _is_curve(labels: Contour, box: Contour, label: int) -> bool:
    """Is it one stroke? A row of characters that touch is crossed by many."""
    left, top, width, height = (int(number) for number in box[:4])
    part = (labels[top : top + height, left : left + width] == label).astype(np.int8)
    rows = part if width >= height else part.T
    begins = (np.diff(rows, axis=1, prepend=0) > 0).sum(axis=1)
    return bool(np.median(begins) <= _MOST_CROSSED)


def _bleach(picture: Pixels, stamp: Stamp) -> None:
    """In place: where the stamp's ink lies, its own channel, stretched until the ink is paper.
    Nothing gets darker."""
    height, width = picture.shape[:2]
    spare = max(6, max(height, width) // 60)
    left, top, right, bottom = stamp.box
    rows = slice(max(top - spare, 0), min(bottom + spare, height))
    columns = slice(max(left - spare, 0), min(right + spare, width))
    part = picture[rows, columns]
    inked, mine, papers = _inked(np.ascontiguousarray(part), stamp.ink)
    inside = np.zeros(inked.shape, np.uint8)
    cv2.fillConvexPoly(inside, stamp.outline - np.array([columns.start, rows.start]), [255])
    inside = np.asarray(cv2.dilate(inside, np.ones((spare, spare), np.uint8)))
    edge = max(3, max(height, width) // 250) | 1
    reach = cv2.dilate((inked & (inside > 0)).astype(np.uint8), np.ones((edge, edge), np.uint8))
    grey = np.clip((mine - _WHITE[stamp.ink] + _SPAN) / _SPAN, 0, 1)
    plain = np.maximum(cv2.merge([grey * paper for paper in papers]), part)
    picture[rows, columns] = np.where((reach > 0)[:, :, None], np.minimum(plain, 255), part)

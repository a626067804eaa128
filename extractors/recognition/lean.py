"""The small angle that print leans by where nothing ruled showed it: tickets and till rolls have
no frames, so that only their lines of text say which way is level.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from extractors.images import Pixels
from extractors.recognition.find import Quad

#: Lines this many times as long as high tell an angle; so many of them, agreeing to so many
#: degrees (median distance), tell the page's.
_LONG, _LEAST_LINES, _MOST_SPREAD = 4.0, 5, 0.5
#: Less than this leaves rows whole; more is no lean that a level page is left with.
_LEAST_DEGREES, _MOST_DEGREES = 0.4, 8.0


def levelled(picture: Pixels, quads: Sequence[Quad]) -> tuple[Pixels, list[Quad]]:
    """The picture turned level and its lines with it; as they are where they do not lean, or not
    all alike."""
    angle = lean(quads)
    if not _LEAST_DEGREES <= abs(angle) <= _MOST_DEGREES:
        return picture, list(quads)
    height, width = picture.shape[:2]
    turn = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0), np.float64)
    cosine, sine = abs(turn[0, 0]), abs(turn[0, 1])
    across = math.ceil(width * cosine + height * sine)
    down = math.ceil(height * cosine + width * sine)
    turn[:, 2] += np.asarray([(across - width) / 2, (down - height) / 2])
    level = cv2.warpAffine(
        picture, turn, (across, down), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    turned = [np.asarray(quad @ turn[:, :2].T + turn[:, 2], dtype=np.float32) for quad in quads]
    return np.asarray(level, dtype=np.uint8), turned


def lean(quads: Sequence[Quad]) -> float:
    """By how many degrees the long lines fall to the right; 0 where they do not agree."""
    angles = [
        math.degrees(math.atan2(along[1], along[0]))
        for quad in quads
        if (along := _along(quad))[0] > _LONG * math.hypot(*(quad[3] - quad[0]))
    ]
    if len(angles) < _LEAST_LINES:
        return 0.0
    middle = float(np.median(angles))
    spread = float(np.median(np.abs(np.asarray(angles) - middle)))
    return middle if spread <= _MOST_SPREAD else 0.0


def upside_down(picture: Pixels, quads: Sequence[Quad]) -> tuple[Pixels, list[Quad]]:
    """The picture turned by half a circle, and its lines with it, from the last to the first."""
    height, width = picture.shape[:2]
    corner = np.asarray([width, height], dtype=np.float32)
    turned = [np.roll(corner - quad, 2, axis=0) for quad in reversed(quads)]
    return np.ascontiguousarray(picture[::-1, ::-1]), turned


def _along(quad: Quad) -> tuple[float, float]:
    """From the middle of its left side to the middle of its right one."""
    x, y = ((quad[1] + quad[2]) - (quad[0] + quad[3])).tolist()
    return x / 2, y / 2

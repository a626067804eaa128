"""The red seal over an invoice's title, taken away by its colour.

The round seal of the form (发票监制章) lies over the middle of the title; detection then often
loses the title. In the red channel the seal is nearly as bright as paper while brown and black
print stay dark, so a cut between the two brightnesses leaves the print alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from extractors.images import Pixels

#: Where titles stand: fractions of the upright page.
_LEFT, _RIGHT, _BOTTOM = 0.12, 0.88, 0.2
#: Red is this much stronger than green and blue in a seal (as shares of the paper's) ...
_REDNESS = 0.18
#: ... and at least this bright against the paper; brown print is red too, but darker.
_BRIGHTNESS = 0.66
#: A seal's strokes cover at least this share of the strip; less is a stray mark.
_LEAST_SHARE = 0.004
_PAPER_KERNEL = 31


@dataclass(frozen=True)
class Strip:
    """A part of a page: its picture (BGR) and its corners as fractions of the page."""

    pixels: Pixels
    x0: float
    y0: float
    x1: float
    y1: float


def title_without_seal(page: Pixels) -> Strip | None:
    """The strip with the title, its seal bleached; None when no seal lies there. `page` is an
    upright picture (BGR uint8)."""
    height, width = page.shape[:2]
    left, right, bottom = int(_LEFT * width), int(_RIGHT * width), int(_BOTTOM * height)
    part = page[:bottom, left:right]
    if min(part.shape[:2]) < _PAPER_KERNEL:
        return None
    blue, green, share = (_against_paper(part[:, :, channel]) for channel in range(3))
    seal = (share - np.maximum(green, blue) > _REDNESS) & (share > _BRIGHTNESS)
    if seal.mean() < _LEAST_SHARE:
        return None
    grey = _cut_below(share, float(np.median(share[seal])))
    pixels = np.ascontiguousarray(np.repeat(grey[:, :, None], 3, axis=2))
    return Strip(pixels, left / width, 0.0, right / width, bottom / height)


def _against_paper(channel: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """A colour's strength as a share of the paper's around, so that neither shade is print nor
    lamplight a seal."""
    kernel = np.ones((_PAPER_KERNEL, _PAPER_KERNEL), np.uint8)
    paper = cv2.blur(
        cv2.morphologyEx(channel, cv2.MORPH_CLOSE, kernel), (_PAPER_KERNEL, _PAPER_KERNEL)
    )
    shares = channel.astype(np.float32) / np.maximum(paper.astype(np.float32), 1.0)
    return np.asarray(np.minimum(shares, 1.0), dtype=np.float32)


def _cut_below(share: npt.NDArray[np.float32], seal: float) -> npt.NDArray[np.uint8]:
    """What is as bright as the seal becomes white, what is clearly darker becomes black."""
    white, black = seal - 0.05, seal - 0.3
    grey = np.clip((share - black) / (white - black), 0.0, 1.0) * 255
    return np.asarray(grey, dtype=np.uint8)

"""A page picture made ready for recognition, and how good it is, at the price of a glance.

What was measured (share of values that some recognised line holds whole, bare PP-OCRv6 small,
made pages of tuning seeds) and therefore is done or left undone:

- sheets cut out by their edges (`extractors.straighten`) and stamps bleached
  (`extractors.colour`): hurried photos 86.9 -> 91.6 %, both variants together 93.5 %; of that,
  bleaching alone gains 3.5. A flat scan pays 0.13 s of one core, 0.06 of them for levelling.
- flat-lying sheets: photos 98.1 -> 98.1 %, noisy scans 98.6 -> 98.6 %.
- worn 100 dpi copies (214 values) 93.0 % as they lie, 89.7 % once levelled: their lines are found
  on the levelled picture and cut from the one that came (`extractors.recognition.poor`), which on
  harsher copies (377 values) holds 1 point more than cutting from the levelled one.
- enlarging harsh copies twice (Lanczos; 172 values) gave 85.5 % instead of 91.3 %, with non-local
  means before it 80.8 %, with ground flattened and contrast stretched too 80.2 %. The recogniser
  was trained on small grey print; polishing takes away what it reads by. So no picture is
  polished, and `Quality` says instead how far its words deserve belief.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from extractors.colour import Stamp, without_stamps
from extractors.images import Pixels, shrink
from extractors.straighten import straightened

#: What takes a place of one picture to its place in another, 3x3.
Warp = npt.NDArray[np.float64]

#: Judging needs no more than this much of a picture, taken from its middle.
_SAMPLE = 1200
#: Below these a picture is worn: its digits may each be mistaken for another. Print in brown and
#: grey is pale on the best of scans (contrast 0.36 and up on made ones), so that middling contrast
#: tells only together with grain.
_LEAST_TEXT_HEIGHT, _LEAST_CONTRAST, _MOST_NOISE = 13.0, 0.33, 7.0
_PALE, _GRAINY = 0.45, 3.5


@dataclass(frozen=True)
class Quality:
    """`text_height`: usual height of characters in pixels. `contrast`: how much darker print is
    than paper, 0..1. `noise`: grain in grey levels."""

    text_height: float
    contrast: float
    noise: float

    @property
    def worn(self) -> bool:
        """Is print so small, pale or grainy that one look at a digit proves little?"""
        return (
            self.text_height < _LEAST_TEXT_HEIGHT
            or self.contrast < _LEAST_CONTRAST
            or self.noise > _MOST_NOISE
            or (self.contrast < _PALE and self.noise > _GRAINY)
        )


@dataclass(frozen=True)
class Prepared:
    """`pixels` is the picture to recognise: cut out, levelled, stamps bleached. `stamped` is the
    same with its stamps, for what they say (or for red print that one lies over). `source` is the
    picture as it came, and the 3x3 matrix `back` leads to its places from the page's."""

    pixels: Pixels
    stamped: Pixels
    stamps: tuple[Stamp, ...]
    source: Pixels
    back: Warp

    @property
    def variants(self) -> list[Pixels]:
        """One picture, or two where stamps were taken away."""
        return [self.pixels, self.stamped] if self.stamps else [self.pixels]


def prepared(image: Pixels) -> Prepared:
    """Make a page picture (BGR) ready. Turns by quarters are left to the recogniser."""
    source = shrink(image)
    flat, way = straightened(source)
    pixels, stamps = without_stamps(flat)
    return Prepared(pixels, flat, stamps, source, np.asarray(np.linalg.inv(way)))


def quality(image: Pixels) -> Quality:
    """How well a levelled page shows its print."""
    height, width = image.shape[:2]
    top, left = max(0, (height - _SAMPLE) // 2), max(0, (width - _SAMPLE) // 2)
    part = image[top : top + _SAMPLE, left : left + _SAMPLE]
    grey = np.asarray(cv2.cvtColor(part, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
    dark = cv2.adaptiveThreshold(
        cv2.GaussianBlur(grey, (3, 3), 0), 255,
        cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, 31, 14,
    )  # fmt: skip
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(dark)
    wide, high, area = boxes[:, 2], boxes[:, 3], boxes[:, 4]
    fit = (high >= 6) & (high <= 60) & (wide <= 2 * high) & (wide * 5 >= high) & (area >= 12)
    fit[0] = False
    text_height = float(np.median(high[fit])) if fit.sum() >= 20 else 0.0
    grain = grey.astype(np.float32) - cv2.GaussianBlur(grey, (0, 0), 1.2)
    # Every third row says what usual print and paper look like.
    grey, grain, ink = grey[::3], grain[::3], fit[labels[::3]]
    paper = cv2.dilate(dark, np.ones((5, 5), np.uint8))[::3] == 0
    if not ink.any() or not paper.any():
        return Quality(text_height, 0.0, 0.0)
    bright = float(np.median(grey[paper]))
    contrast = 1 - float(np.quantile(grey[ink], 0.2)) / max(bright, 1.0)
    noise = 1.48 * float(np.median(np.abs(grain[paper])))
    return Quality(text_height, contrast, noise)

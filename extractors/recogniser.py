"""The seam between reading and recognition: what a recognition engine must offer.

The reader knows only this protocol, so that tests replay recorded pages and an engine can be
exchanged without touching the order in which sources are tried.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from extractors.model import Box
from extractors.words import PageWords, Word

#: A picture as OpenCV holds it: height x width x 3, blue green red, uint8.
Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class RecognisedPage:
    """One recognised page. Word boxes refer to `image`, the upright picture.

    `rotation` is the clockwise turn in degrees (0, 90, 180, 270) that brought it upright.
    """

    words: PageWords
    rotation: int
    image: Image


class Recogniser(Protocol):
    """Turns the picture of a page into words with boxes and confidences."""

    def recognise(self, image: Image, page: int) -> RecognisedPage:
        """Recognise one page (BGR, uint8); `page` is its index, written into every box.

        Raises `EngineMissing` when models or native libraries are absent.
        """

    def recognise_region(self, image: Image, boxes: Iterable[Box]) -> tuple[Word, ...]:
        """A closer look at places of an upright page (as `recognise` returned it): the words
        there, their boxes as fractions of that page. Raises as `recognise` does."""

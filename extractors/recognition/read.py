"""Pictures of lines become text and scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from extractors.images import Pixels
from extractors.recognition.find import Quad
from extractors.recognition.modules import NARROW, Readers

#: What is this much taller than wide is print that runs down.
_UPRIGHT = 1.5
#: The colour that training put where a line ends.
_MIDDLE_GREY = (128, 128, 128)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one model saw in a line. `score` is the mean certainty over its characters."""

    text: str
    score: float

    @property
    def doubt(self) -> float:
        """How much certainty the line lacks in all. No single character lacks more, whereas the
        mean hides one bad character in a long line."""
        return (1.0 - self.score) * max(1, len(self.text))


class LineReader:
    """Reads pictures of single lines, one by one: batches would need padding, and on one thread
    a batch is no faster than its lines."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    def read(self, lines: Sequence[Pixels]) -> list[Reading]:
        """What each line (BGR, see `cut`) says; "" with score 0 where nothing was seen."""
        readings: dict[int, Reading] = {}
        narrow = [place for place, line in enumerate(lines) if _is_narrow(line)]
        wide = [place for place, line in enumerate(lines) if not _is_narrow(line)]
        for module, places, shape in (
            (self._readers.narrow, narrow, _filled_up),
            (self._readers.wide, wide, _as_it_is),
        ):
            if places:
                answers = module.predict([shape(lines[place]) for place in places], batch_size=1)
                for place, answer in zip(places, answers, strict=True):
                    readings[place] = Reading(str(answer["rec_text"]), float(answer["rec_score"]))
        return [readings[place] for place in range(len(lines))]


def cut(picture: Pixels, quad: Quad) -> Pixels:
    """The line within `quad`, level, at the picture's own resolution."""
    top_left, top_right, bottom_right, bottom_left = quad
    width = int(max(_length(top_left, top_right), _length(bottom_left, bottom_right), 1))
    height = int(max(_length(top_left, bottom_left), _length(top_right, bottom_right), 1))
    frame = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    line = cv2.warpPerspective(
        picture,
        cv2.getPerspectiveTransform(quad, frame),
        (width, height),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if height >= _UPRIGHT * width:
        line = np.rot90(line)
    return np.ascontiguousarray(line, dtype=np.uint8)


def _length(one: Quad, two: Quad) -> float:
    return float(np.hypot(*(one - two)))


def _is_narrow(line: Pixels) -> bool:
    _, tall, broad = NARROW
    return bool(line.shape[1] * tall <= line.shape[0] * broad)


def _filled_up(line: Pixels) -> Pixels:
    """The line and grey to its right, in the proportions of `NARROW`."""
    _, tall, broad = NARROW
    missing = round(line.shape[0] * broad / tall) - line.shape[1]
    filled = cv2.copyMakeBorder(
        line, 0, 0, 0, max(0, missing), cv2.BORDER_CONSTANT, value=_MIDDLE_GREY
    )
    return np.asarray(filled, dtype=np.uint8)


def _as_it_is(line: Pixels) -> Pixels:
    return line

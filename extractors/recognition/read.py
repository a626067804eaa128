"""Pictures of lines become text and scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from extractors.images import Pixels
from extractors.recognition.find import Quad

#: What is this much taller than wide is print that runs down.
_UPRIGHT = 1.5


@dataclass(frozen=True, slots=True)
class Reading:
    """What one model saw in a line. `score` is the mean certainty over its characters; `places`
    says of each where it stands, as a share of the line's width."""

    text: str
    score: float
    places: tuple[float, ...] = ()

    @property
    def doubt(self) -> float:
        """How much certainty the line lacks in all. No single character lacks more, whereas the
        mean hides one bad character in a long line."""
        return (1.0 - self.score) * max(1, len(self.text))


class LineReader:
    """Reads pictures of single lines, one by one: batches would need padding, and on one thread
    a batch is no faster than its lines."""

    def __init__(self, module: Any) -> None:
        self._module = module

    def read(self, lines: Sequence[Pixels]) -> list[Reading]:
        """What each line (BGR, see `cut`) says; "" with score 0 where nothing was seen."""
        if not lines:
            return []
        answers = self._module.predict(list(lines), batch_size=1, return_word_box=True)
        return [_reading(answer["rec_text"], answer["rec_score"]) for answer in answers]


def _reading(told: Any, score: Any) -> Reading:
    """From the engine's answer: the text, and by groups of characters the columns of the graph's
    output in which each was seen."""
    text, (width, _, columns, _) = told
    seen = [column for group in columns for column in group]
    places = tuple((column + 0.5) / width for column in seen) if len(seen) == len(text) else ()
    return Reading(str(text), float(score), places)


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


def part_of(line: Pixels, reading: Reading, start: int, end: int) -> Pixels:
    """What of the line's picture shows the characters from `start` to `end`: cut half way to their
    neighbours. `reading` must have `places`."""
    width, places = line.shape[1], reading.places
    left = 0.0 if start == 0 else (places[start - 1] + places[start]) / 2
    right = 1.0 if end == len(places) else (places[end - 1] + places[end]) / 2
    return np.ascontiguousarray(line[:, int(left * width) : max(int(right * width), 1)])


def _length(one: Quad, two: Quad) -> float:
    return float(np.hypot(*(one - two)))

"""Pictures of lines become text and scores."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import Any

import cv2
import numpy as np

from extractors.images import Pixels
from extractors.recognition.find import Quad
from extractors.recognition.lexicon import Lexicon
from extractors.recognition.modules import alphabet, overheard
from extractors.recognition.printed import PrintedWords, Spot
from extractors.recognition.weighing import weighed
from extractors.weighed import AHEAD, likeliest_id
from extractors.words import Choices

#: What is this much taller than wide is print that runs down.
_UPRIGHT = 1.5
#: Digits and capitals of one number stand at even steps. A step so many times the mean of the
#: others shows that the model passed over a character (549017472-474, one of two equal digits),
#: however sure it is. Of 293 numbers on made scans and photos one had such a step: its stroke
#: was lost.
_NUMBER = re.compile(r"(?=[A-Z]*\d)[0-9A-Z]{6,}")
_HOLE = 1.75
#: Chinese characters are all of one width. A step so much shorter than usual shows that the model
#: saw two characters in one (临澜阑实 for 临澜实); among 267 such lines there was none.
_CHINESE = re.compile(r"[\u4e00-\u9fff]{5,}")
_CROWDED = 0.6
#: What it costs to take a character that another look was sure of.
_SEEN_ELSEWHERE = -1.0
_ID = re.compile(r"(?<![0-9A-Z])[0-9A-Z]{18}(?![0-9A-Z])")
#: Signs that stand around printed words and belong to none of them.
_OPENING, _CLOSING = frozenset("(（"), frozenset(":：")
#: A line that is a printed word, or begins with one, is as sure as this at least.
_PRINTED = 0.5
#: What is left of the certainty of a line whose characters stand so unevenly.
UNEVEN = 0.7


@dataclass(frozen=True, slots=True)
class Reading:
    """What one model saw in a line. `score` is the mean certainty over its characters; `places`
    says of each where it stands, as a share of the line's width, and `weighed` what else it may
    be. Either is empty where nobody knows. No look at such print is surer than `most`."""

    text: str
    score: float
    places: tuple[float, ...] = ()
    weighed: tuple[Choices, ...] = ()
    most: float = 1.0

    @property
    def doubt(self) -> float:
        """How much certainty the line lacks in all. No single character lacks more, whereas the
        mean hides one bad character in a long line."""
        return (1.0 - self.score) * max(1, len(self.text))

    @property
    def holed(self) -> bool:
        """Does some number in it leave out a character, to judge by where the others stand?"""
        return any(_has_hole(self._steps(found)) for found in self._found(_NUMBER))

    @property
    def crowded(self) -> bool:
        """Does some Chinese text in it hold more characters than there is room for?"""
        return any(_is_crowded(self._steps(found)) for found in self._found(_CHINESE))

    @property
    def identified(self) -> bool:
        """Does it hold an organisation's id whose check character leaves no doubt about it?"""
        for match in _ID.finditer(self.text if self.weighed else ""):
            found = likeliest_id(self.weighed[match.start() : match.end()])
            if found is not None and found[2] >= AHEAD:
                return True
        return False

    def saying(self, text: str) -> Reading:
        """The same look, read as another text; what its characters may be else is known no more
        where they are not as many."""
        if text == self.text:
            return self
        if len(text) != len(self.text):
            return replace(self, text=text, places=(), weighed=())
        kept = tuple(
            choices if choices[0][0] == char else settled(char)[0]
            for char, choices in zip(text, self.weighed, strict=False)
        )
        return replace(self, text=text, weighed=kept)

    def part(self, start: int, end: int | None = None) -> Reading:
        """What it says from one character to another; where they stand is left out."""
        return replace(self, text=self.text[start:end], places=(), weighed=self.weighed[start:end])

    def _found(self, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        return pattern.finditer(self.text if len(self.places) == len(self.text) else "")

    def _steps(self, part: re.Match[str]) -> list[float]:
        own = self.places[part.start() : part.end()]
        return [after - before for before, after in pairwise(own)]


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

    def read_form(
        self, lines: Sequence[Pixels], printed: PrintedWords, lexicon: Lexicon
    ) -> list[Reading]:
        """What each line says, as a form would: what it begins with is one of the `printed` words
        where that is almost as likely, and what is unsure makes words of the `lexicon`."""
        heard: list[tuple[tuple[Choices, ...], list[Spot]]] = []
        letters = self.alphabet()
        with overheard(
            self._module,
            lambda weights: heard.append((weighed(weights, letters), printed.spots(weights))),
        ):
            readings = self.read(lines)
        return [
            set_right(reworded(reading, possible, lexicon), spots)
            for reading, (possible, spots) in zip(readings, heard, strict=True)
        ]

    def alphabet(self) -> Sequence[str]:
        """Which character each class of the model stands for; the first is the blank."""
        return alphabet(self._module)


def best_of(looks: Sequence[Reading]) -> Reading:
    """Of several looks at one line the one that shows an id whole, or the surest; with what the
    others, where they saw as many characters, held possible besides. Of many looks one may satisfy
    a check by chance: what the others saw is its rival."""
    best = max(looks, key=lambda look: (look.identified, look.score))
    others = [
        look.weighed
        for look in looks
        if look is not best and look.weighed and len(look.text) == len(best.text)
    ]
    if not best.weighed or not others:
        return best
    merged = tuple(_together(*each) for each in zip(best.weighed, *others, strict=True))
    return replace(best, weighed=merged)


def _together(own: Choices, *others: Choices) -> Choices:
    """What any look held possible for one character, the best one's own first, each as likely as
    the look that liked it most says."""
    likely = dict(own)
    for char, cost in itertools.chain(*others):
        seen = min(cost, _SEEN_ELSEWHERE)
        likely[char] = max(seen, likely.get(char, seen))
    return (own[0], *sorted(list(likely.items())[1:], key=lambda choice: -choice[1]))


def reworded(reading: Reading, possible: tuple[Choices, ...], lexicon: Lexicon) -> Reading:
    """The reading with what its characters may be, and in words."""
    if len(possible) != len(reading.text):
        return reading
    return replace(reading, weighed=possible).saying(lexicon.reworded(possible))


def settled(text: str) -> tuple[Choices, ...]:
    """Characters that can be nothing else."""
    return tuple(((char, 0.0),) for char in text)


def set_right(reading: Reading, spots: Sequence[Spot]) -> Reading:
    """The reading with the printed words that were found in it."""
    if not spots:
        return reading
    begun = "".join(_in_place(reading.text, spot) for spot in spots)
    rest = reading.part(spots[-1].end)
    text = begun + rest.text
    if unicodedata.normalize("NFKC", reading.text) == unicodedata.normalize("NFKC", text):
        return reading
    weighed = settled(begun) + rest.weighed if reading.weighed else ()
    return Reading(text, max(reading.score, _PRINTED), weighed=weighed)


def _in_place(text: str, spot: Spot) -> str:
    """The word, and what its place took in around it: a bracket before, a colon behind."""
    before, after = text[spot.start : spot.start + 1], text[spot.end - 1 : spot.end]
    opening = before if before in _OPENING and spot.word[0] not in _OPENING else ""
    closing = after if after in _CLOSING and spot.word[-1] not in _CLOSING else ""
    return opening + spot.word + closing


def _reading(told: Any, score: Any) -> Reading:
    """From the engine's answer: the text, and by groups of characters the columns of the graph's
    output in which each was seen."""
    text, (width, _, columns, _) = told
    seen = [column for group in columns for column in group]
    places = tuple((column + 0.5) / width for column in seen) if len(seen) == len(text) else ()
    reading = Reading(str(text), float(score), places)
    return less_sure(reading) if reading.holed or reading.crowded else reading


def less_sure(reading: Reading) -> Reading:
    """As a line whose characters stand unevenly deserves."""
    return replace(reading, score=min(reading.score, UNEVEN))


def _has_hole(steps: Sequence[float]) -> bool:
    widest = max(steps)
    return widest * (len(steps) - 1) >= _HOLE * (sum(steps) - widest)


def _is_crowded(steps: Sequence[float]) -> bool:
    return min(steps) < _CROWDED * median(steps)


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

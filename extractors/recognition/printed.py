"""Words that forms print, found in what the recogniser weighed before it decided.

On a poor page it takes 单价 for 里信 and 航班号 for 抗三斗, though the true characters were its
second or third guess at each place: its answer is the likeliest character place by place. A form
prints few words, so the question is turned round: how much less likely than the answer is each of
these words, on the columns that the answer's characters take? The measure is the logarithm of that
share, divided by the word's length (Viterbi's way through the word's characters and the blanks
between them; 0 where the answer is the word).

Of 240 lines of poor pages that tuning seeds gave, 95 had a word above -2.5 at their beginning: 91
held it, three held a longer or shorter one of the same beginning, one no word of a form. Values
and other print began at -3.3 (nearly all below -4).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

#: What the recogniser gives for a line: columns x characters, each a share of 1.
Weights = npt.NDArray[np.float32]
_Positions = npt.NDArray[np.int64]

#: The least measure of a word that is taken for printed, and by how much it must be likelier than
#: any other that is no beginning of it, nor it of that.
_LEAST, _AHEAD = -2.5, 1.0
#: No word with a character that is nowhere likelier than this, measured alike, needs a look.
_HOPELESS = -9.0
#: The answer may have so many characters more or less than the word.
_ASTRAY = 2
_SHORTEST = 2
_NEVER = np.float32(-1e9)
#: Forms print either of two widths, and the lists of their words know one.
_WIDE = str.maketrans("():,", "（）：，")


@dataclass(frozen=True, slots=True)
class Spot:
    """A printed word in the place of the answer's characters from `start` to `end`."""

    word: str
    start: int
    end: int


class PrintedWords:
    """The words that forms print, for a recogniser with a certain alphabet."""

    def __init__(self, words: Iterable[str], alphabet: Sequence[str]) -> None:
        """`alphabet` says which character each class stands for; class 0 is the blank. Words with
        characters beyond it are left out."""
        classes = {character: place for place, character in enumerate(alphabet) if place}
        known = [
            word
            for word in sorted(set(words))
            if len(word) >= _SHORTEST and all(_either(character, classes) for character in word)
        ]
        characters = sorted({character for word in known for character in word})
        self._pairs = np.asarray([(0, 0), *(_either(each, classes) for each in characters)])
        place = {character: number for number, character in enumerate(characters, start=1)}
        self._words = [(word, np.asarray([place[each] for each in word])) for word in known]

    def spots(self, weights: Weights) -> list[Spot]:
        """The printed words that a line begins with, one behind the other."""
        edges = _edges(weights)
        sure = np.log(np.maximum(weights.max(axis=1), 1e-9))
        shares = weights[:, self._pairs].max(axis=2)
        lost = np.asarray(np.log(np.maximum(shares, 1e-9)) - sure[:, None], dtype=np.float32)
        found: list[Spot] = []
        start = 0
        while (spot := self._spot(lost, edges, start)) is not None:
            found.append(spot)
            start = spot.end
            if start >= len(edges) - 1:
                break
        return found

    def _spot(self, lost: Weights, edges: Sequence[int], start: int) -> Spot | None:
        """The word at character `start` of the answer; of two that begin alike the longer."""
        rest = lost[edges[start] :]
        best = rest.max(axis=0)
        hopeful = [
            (word, places)
            for word, places in self._words
            if len(word) <= len(rest) and best[places].min() > _HOPELESS
        ]
        if not hopeful:
            return None
        ends = _measured(rest, [places for _, places in hopeful])
        ranked: list[tuple[float, Spot]] = []
        for (word, _), ending in zip(hopeful, ends, strict=True):
            for end in _likely_ends(len(word), start, len(edges) - 1):
                column = edges[end] - edges[start]
                ranked.append((float(ending[column - 1]) / len(word), Spot(word, start, end)))
        ranked.sort(key=lambda entry: -entry[0])
        if not ranked or ranked[0][0] < _LEAST:
            return None
        first, measure = ranked[0][1].word, ranked[0][0]
        rivals = (value for value, spot in ranked if not _begin_alike(spot.word, first))
        if measure - next(rivals, float(_NEVER)) < _AHEAD:
            return None
        alike = [spot for value, spot in ranked if value >= _LEAST]
        longest = max((s.word for s in alike if _begin_alike(s.word, first)), key=len)
        return next(spot for spot in alike if spot.word == longest)


def _either(character: str, classes: dict[str, int]) -> tuple[int, int] | None:
    """The classes of both widths of a character; None where the alphabet has neither."""
    wide = classes.get(character.translate(_WIDE))
    narrow = classes.get(character, wide)
    return (narrow, wide if wide is not None else narrow) if narrow is not None else None


def _begin_alike(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _likely_ends(length: int, start: int, most: int) -> range:
    """Where in the answer a word may end that begins at `start`."""
    return range(start + max(1, length - _ASTRAY), min(start + length + _ASTRAY, most) + 1)


def _edges(weights: Weights) -> list[int]:
    """Between which columns each character of the answer stands: they part half way between the
    last column of one and the first of the next. Where nothing was answered, as for one."""
    likeliest = weights.argmax(axis=1)
    begins = [
        column
        for column, each in enumerate(likeliest)
        if each and (column == 0 or each != likeliest[column - 1])
    ]
    edges = [0]
    for before, begin in itertools.pairwise(begins):
        last = before
        while likeliest[last + 1] == likeliest[before]:
            last += 1
        edges.append((last + begin + 1) // 2)
    return [*edges, len(likeliest)]


def _measured(lost: Weights, words: Sequence[_Positions]) -> Weights:
    """How likely each word is from the first column to each: words x columns."""
    longest, count = max(map(len, words)), len(words)
    steps = np.zeros((count, 2 * longest + 1), dtype=np.int64)
    doubled = np.ones((count, 2 * longest + 1), dtype=bool)
    for number, places in enumerate(words):
        steps[number, 1 : 2 * len(places) : 2] = places
        # Between two equal characters there has to be a blank.
        doubled[number, 3 : 2 * len(places) : 2] = places[1:] == places[:-1]
    barred = np.where(doubled, _NEVER, np.float32(0))
    last = np.asarray([2 * len(places) for places in words])
    each = np.arange(count)
    ways = np.full(steps.shape, _NEVER, dtype=np.float32)
    ways[:, :2] = lost[0][steps[:, :2]]
    ends = np.empty((count, len(lost)), dtype=np.float32)
    for column, row in enumerate(lost):
        if column:
            before = ways
            ways = before.copy()
            np.maximum(ways[:, 1:], before[:, :-1], out=ways[:, 1:])
            np.maximum(ways[:, 2:], before[:, :-2] + barred[:, 2:], out=ways[:, 2:])
            ways += row[steps]
        ends[:, column] = np.maximum(ways[each, last], ways[each, last - 1])
    return ends

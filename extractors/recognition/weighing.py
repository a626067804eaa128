"""What else the recogniser held possible for each character of its answer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from extractors.recognition.printed import Weights
from extractors.words import Choices

#: A character that it is surer of than this is no question.
_SURE = 0.999
#: Of so many classes, the likeliest, those are kept that are no less likely than this beside the
#: answer.
_ASKED, _HOPELESS = 9, -8.0


def weighed(weights: Weights, alphabet: Sequence[str]) -> tuple[Choices, ...]:
    """Of each character of the answer what it may be, itself first, the others by how likely they
    are. `alphabet` says which character each class stands for; class 0 is the blank."""
    return tuple(
        _choices(weights[first:last], answer, alphabet)
        for first, last, answer in _stretches(weights.argmax(axis=1).tolist())
    )


def _stretches(answers: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Where each character of the answer stands: its first column, the one behind its last, and
    its class."""
    first = 0
    for column in range(1, len(answers) + 1):
        if column == len(answers) or answers[column] != answers[first]:
            if answers[first]:
                yield first, column, answers[first]
            first = column


def _choices(weights: Weights, answer: int, alphabet: Sequence[str]) -> Choices:
    shares = weights.max(axis=0)
    sure = float(shares[answer])
    if sure > _SURE:
        return ((alphabet[answer], 0.0),)
    asked = min(_ASKED, len(shares) - 1)
    ranked = np.argpartition(-shares, asked)[:asked]
    others = (
        (alphabet[each], round(math.log(max(float(shares[each]), 1e-9) / sure), 2))
        for each in ranked.tolist()
        if each not in (0, answer)
    )
    likely = sorted((each for each in others if each[1] > _HOPELESS), key=lambda each: -each[1])
    return ((alphabet[answer], 0.0), *likely)

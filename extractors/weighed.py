"""What else each character of a word may be, as the recogniser weighed them: its first guesses are
the text, and what a document proves may be its second."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence

from extractors.frames import frame_worth
from extractors.layout.values import ALPHABET, WEIGHTS
from extractors.regions import provinces
from extractors.words import Choices

_ID, _ID_MODULUS = 18, 31
_FRAME, _FRAME_MODULUS = 17, 11
#: The place of an organisation's id that names where it was registered.
_PLACE = range(2, 8)
#: How many of the likeliest are looked for.
_KEPT = 2
#: How far one is ahead that has no rival.
ALONE = 20.0
#: Of made poor pages each id that was so far ahead was the true one (docs/reading.md).
AHEAD = 5.0

#: What it costs to read a text so, and the text.
_Way = tuple[float, str]


def likeliest_id(text: Sequence[Choices]) -> tuple[str, float, float] | None:
    """Of 18 characters the likeliest organisation's id that satisfies the check character of
    GB 32100-2015, what it costs, and by how much it is likelier than the next. None where no
    choice of characters is one."""
    if len(text) != _ID:
        return None
    ways = _checked(text, _id_worth, _ID_MODULUS)
    return _first([way for way in ways if way[1][2:4] in provinces()])


def likeliest_frame(text: Sequence[Choices]) -> tuple[str, float, float] | None:
    """The same for the 17 characters of a vehicle's frame number (GB 16735)."""
    if len(text) != _FRAME:
        return None
    return _first(_checked(text, frame_worth, _FRAME_MODULUS))


def _id_worth(place: int, char: str) -> int | None:
    if char not in ALPHABET or (place in _PLACE and not char.isdigit()):
        return None
    weight = WEIGHTS[place] if place < len(WEIGHTS) else 1
    return weight * ALPHABET.index(char)


def _first(ways: Sequence[_Way]) -> tuple[str, float, float] | None:
    """The likeliest and how far it is ahead."""
    found = heapq.nlargest(_KEPT, ways)
    if not found:
        return None
    cost, best = found[0]
    return best, cost, cost - found[1][0] if len(found) > 1 else ALONE


def _checked(
    text: Sequence[Choices], worth: Callable[[int, str], int | None], modulus: int
) -> Sequence[_Way]:
    """The likeliest ways to read a text so that what its characters are worth makes a multiple of
    the modulus: kept, place by place, by what is left of it."""
    ways: dict[int, list[_Way]] = {0: [(0.0, "")]}
    for place, choices in enumerate(text):
        longer: dict[int, list[_Way]] = {}
        for char, more in choices:
            value = worth(place, char)
            if value is None:
                continue
            for rest, kept in ways.items():
                after = longer.setdefault((rest + value) % modulus, [])
                after.extend((cost + more, begun + char) for cost, begun in kept)
        ways = {rest: heapq.nlargest(_KEPT, each) for rest, each in longer.items()}
    return ways.get(0, [])

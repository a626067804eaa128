"""Tax ids as recognition leaves them: found by their shape amid lost labels, and mended where the
check character of GB 32100-2015 leaves one reading only.

The first two characters name the registering office and the kind of organisation, the six after
them a place, in digits; so a letter there is a misread digit.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from math import prod

from extractors.layout import values
from extractors.layout.page import Run
from extractors.regions import provinces

#: Characters that poor print takes for one another, the likeliest groups first.
_ALIKE = (
    ("0OQD", "1IL", "8B", "5S", "2Z", "JU", "6G"),
    ("TF", "TP", "EF", "PF", "RPBF", "CG", "NWMHK", "UHN", "XYK", "A4", "71T", "39", "38", "56"),
    ("J1", "B6", "YT", "TL7", "Q8G9", "DOU", "E6", "CL", "RK", "G9"),
)
#: Rings and strokes differ by so little that several of one id may be misread.
_ONE_SHAPE = {"0": "0QD", "O": "0QD", "Q": "Q0D", "D": "D0Q", "1": "1L", "I": "1L", "L": "L1"}
_MOST_READINGS = 100
#: What a letter in the place of a digit was.
_DIGITS = str.maketrans("OQDILBSZGTA", "00011852674")
_WHOLE = 18
#: An id may have lost or gained a character and still be one.
_SHAPE = re.compile(
    r"(?<![0-9A-Za-z<>+*/\-])[0-9A-Za-z][0-9A-Za-z. ]{13,20}[0-9A-Za-z](?![0-9A-Za-z<>+*/])"
)
_LEAST_DIGITS = 7
#: More than an id, less than a cipher.
_LONGER = re.compile(r"(?<![0-9A-Z<>+*/\-])[0-9A-Z]{19,26}(?![0-9A-Z<>+*/\-])")


def id_in(run: Run) -> Run | None:
    """The part of a run that may be an organisation's id: some 16 to 20 letters and digits that
    name a province where one does."""
    for match in _SHAPE.finditer(run.text):
        text = re.sub(r"[^0-9A-Z]", "", match[0].upper())
        digits = sum(char.isdigit() for char in text)
        placed = text[2:4].translate(_DIGITS) in provinces()
        fits = placed and _WHOLE - 2 <= len(text) <= _WHOLE + 1 and digits >= _LEAST_DIGITS
        if fits or is_persons(text):
            return run.part(match.start(), match.end())
    return None


def id_within(run: Run) -> Run | None:
    """The one id in a longer run of letters and digits: what a stamp prints over a form's box is
    read as its beginning or end. None where none or several satisfy the check character."""
    found = [
        (match.start() + start, match.start() + start + _WHOLE)
        for match in _LONGER.finditer(run.text.upper())
        for start in range(len(match[0]) - _WHOLE + 1)
        if match[0][start + 2 : start + 4] in provinces()
        and values.check_character_holds(match[0][start : start + _WHOLE])
    ]
    return run.part(*found[0]) if len(found) == 1 else None


def is_persons(text: str) -> bool:
    """Has it the shape of an identity number (GB 11643): a place, a day of birth, four more?"""
    match = re.fullmatch(r"(\d\d)\d{4}(?:19|20)\d\d[01]\d[0-3]\d{4}[\dX]", text)
    return match is not None and match[1] in provinces()


def mended_id(text: str) -> str | None:
    """The one id that a misread one of 18 or 19 characters may have been: none, one or two of its
    characters taken for their likes, or one doubled. None where the check character leaves none
    or several."""
    text = re.sub(r"[^0-9A-Z]", "", text.upper())
    if len(text) == _WHOLE + 1:
        shorter = {text[:index] + text[index + 1 :] for index in range(len(text))}
        return _only(each for each in shorter if values.check_character_holds(each))
    if len(text) != _WHOLE or is_persons(text):
        return None
    text = text[:2] + text[2:8].translate(_DIGITS) + text[8:]
    if values.check_character_holds(text):
        return text
    costs: dict[str, float] = {}
    for cost, reading in _readings(text):
        if values.check_character_holds(reading):
            costs[reading] = min(cost, costs.get(reading, cost))
    best = [reading for reading, cost in costs.items() if cost == min(costs.values())]
    return best[0] if len(best) == 1 else None


def _readings(text: str) -> Iterator[tuple[float, str]]:
    """What the id may have been, each with a cost that is the higher the less likely it is: any
    rings and strokes of its last ten characters, or one character taken for its like."""
    choices = [_ONE_SHAPE.get(char, char) for char in text[8:]]
    if prod(len(choice) for choice in choices) <= _MOST_READINGS:
        for chars in itertools.product(*choices):
            end = "".join(chars)
            yield float(sum(map(str.__ne__, text[8:], end))), text[:8] + end
    for level, groups in enumerate(_ALIKE):
        for reading in _changed(text, _likes(groups)):
            yield 1 + 0.6 * level, reading


def _likes(groups: Sequence[str]) -> dict[str, str]:
    likes: dict[str, str] = {}
    for chars in groups:
        for char in chars:
            likes[char] = likes.get(char, "") + chars.replace(char, "")
    return likes


def _changed(text: str, likes: dict[str, str]) -> Iterator[str]:
    """The text with one character replaced by each of its likes; never a digit of the place by a
    letter."""
    for index, char in enumerate(text):
        for other in likes.get(char, ""):
            if not 2 <= index < 8 or other.isdigit():
                yield text[:index] + other + text[index + 1 :]


def _only(found: Iterator[str]) -> str | None:
    different = set(found)
    return different.pop() if len(different) == 1 else None

"""Frame numbers of vehicles (GB 16735): 17 characters of which the ninth checks the others."""

from __future__ import annotations

import re

_WORTH = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9,
                                              2, 3, 4, 5, 6, 7, 8, 9), strict=True))  # fmt: skip
_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_CHECK, _TEN = 8, 10


def frame_number_holds(text: str) -> bool:
    """The ninth of the 17 characters checks the others modulo 11 (GB 16735)."""
    if not re.fullmatch(r"[0-9A-HJ-NPR-Z]{17}", text):
        return False
    worth = [frame_worth(place, char) for place, char in enumerate(text)]
    return None not in worth and sum(filter(None, worth)) % 11 == 0


def frame_worth(place: int, char: str) -> int | None:
    """What a character adds in its place (from 0) to a sum that is a multiple of 11 when the number
    holds; None for one that cannot stand there."""
    if place == _CHECK:
        check = _TEN if char == "X" else int(char) if char.isdigit() else None
        return None if check is None else -check
    value = _WORTH.get(char, int(char) if char.isdigit() else None)
    return None if value is None else value * _WEIGHTS[place]

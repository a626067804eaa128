"""Names as numbers that an index can hold: pairs of neighbouring characters.

A name gives the pairs of its folded characters, and its last character alone, so that one
character is found too: as a range of all pairs that begin with it.
"""

from __future__ import annotations

from verifiers.folding import fold_name

#: Characters of a name that are kept; what lies behind is not found.
LONGEST_NAME = 120
#: A character is less than 2**21.
_BITS = 21


def folded(name: str) -> str:
    """The name as it is compared: no width, bracket shape, blanks, case, or control characters."""
    plain = "".join(character for character in name if character.isprintable())
    return fold_name(plain)[:LONGEST_NAME]


def grams(text: str) -> set[int]:
    """Every pair of a folded name, and its last character alone."""
    return {_gram(text[at], text[at + 1 : at + 2]) for at in range(len(text))}


def asked(word: str) -> list[int]:
    """The pairs that a name must hold to contain `word`, two characters or more."""
    return sorted({_gram(word[at], word[at + 1]) for at in range(len(word) - 1)})


def beginning_with(character: str) -> tuple[int, int]:
    """The range, its end left out, of every pair that begins with a character."""
    return ord(character) << _BITS, (ord(character) + 1) << _BITS


def _gram(first: str, second: str) -> int:
    return ord(first) << _BITS | (ord(second) if second else 0)

"""Text on pages as words with boxes: the one shape that PDF text layers, OFD pages and
recognition all yield, so that one geometry turns any of them into an invoice."""

from __future__ import annotations

from extractors.model import Box, Finding, Frozen, Severity

#: A character and what it costs to take it: the logarithm of how much less likely it is than what
#: the recogniser answered, for which it is 0.
Choice = tuple[str, float]
#: Of one character of a text, itself first.
Choices = tuple[Choice, ...]


class Word(Frozen):
    """A run of text as its source gave it (a word, a cell, a line), with box and confidence.
    No look at its place is surer by itself than `most`. `weighed`: of each character what else it
    may be, where the source tells that; else empty."""

    text: str
    box: Box
    confidence: float = 1.0
    most: float = 1.0
    weighed: tuple[Choices, ...] = ()


class PageWords(Frozen):
    """All words of one page. `width` and `height` are in any one unit (points, pixels): only
    their ratio is used, to turn fractions back into lengths that compare across axes."""

    page: int
    width: float
    height: float
    words: tuple[Word, ...]


class Look(Frozen):
    """What one closer look saw at a place: its text ("" for nothing), and the least certainty of
    it."""

    text: str
    score: float


def words_unread(pages: int) -> tuple[Finding, ...]:
    """`words_unread` (BLOCK) when so many pages hold more text than was taken from them: what was
    left out could be another invoice."""
    if not pages:
        return ()
    params = {"count": str(pages)}
    return (Finding(code="words_unread", severity=Severity.BLOCK, params=params),)

"""What the faces of travellers' documents share: names, and values told by labels on a slip."""

from __future__ import annotations

import re
from collections.abc import Iterable

from extractors.layout import values
from extractors.layout.page import Run
from extractors.layout.reading import UNLABELLED, Face
from extractors.model import Field

#: Certainty of a value that nothing contradicts, though its sign, its label or its proof is
#: missing: low enough that a person looks.
DOUBTED = 0.8


def keep_name(face: Face, field: str, run: Run, *, most: float = 1.0) -> None:
    """Record a party's name. Recognised names have full width brackets where they are Chinese;
    half a pair of brackets says that the name was cut, a gap that a character may be lost."""
    value = values.clean_name(run.raw)
    if value is None:
        return
    if not face.recognised:
        face.keep(field, value, run)
        return
    if re.search(r"[\u4e00-\u9fff]", value):
        value = value.replace("(", "（").replace(")", "）")
    if value.count("（") + value.count("(") != value.count("）") + value.count(")"):
        return
    face.keep(field, value, run, most=UNLABELLED if _has_gap(run) else most)


def _has_gap(run: Run) -> bool:
    height = min(glyph.y1 - glyph.y0 for glyph in run.glyphs)
    return any(glyph.char == " " and glyph.x1 - glyph.x0 > 0.9 * height for glyph in run.glyphs)


def doubted(field: Field[str], most: float = DOUBTED) -> Field[str]:
    """The same field with its confidence at most `most`."""
    return field.model_copy(update={"confidence": min(field.confidence, most)})


#: A resident's number of 18 with its middle hidden: how much is shown before and behind the stars.
_HIDDEN = re.compile(r"(\d{6}|\d{10})\*+(\d{3}[\dX])")


def whole_certificate(field: Field[str], *, recognised: bool) -> Field[str]:
    """A resident's number whose stars hide its middle, with as many of them as the number must
    have: recognition loses some of a row of equal signs. Mended, so a person looks."""
    if not recognised or "*" not in field.value or len(field.value) == 18:
        return field
    match = _HIDDEN.fullmatch(field.value)
    if match is None:
        return doubted(field)
    stars = "*" * (18 - len(match[1]) - len(match[2]))
    return doubted(field.model_copy(update={"value": match[1] + stars + match[2]}))


#: The same with its stars read as anything, or not at all.
_STARLESS = re.compile(r"(\d{6}|\d{10})[^\d\s]{0,9}(\d{3}[\dX])")


def starred(field: Field[str]) -> Field[str]:
    """A recognised certificate of which only the figures are left, with stars in its middle as a
    resident's number must have them. Mended, so a person looks."""
    match = _STARLESS.fullmatch(field.value)
    if match is None or len(field.value) == 18:
        return field
    stars = "*" * (18 - len(match[1]) - len(match[2]))
    return doubted(field.model_copy(update={"value": match[1] + stars + match[2]}))


def span(run: Run, match: re.Match[str], group: int | str = 0) -> Run | None:
    """The part of a run that a group of a match on its `text` covers; None where it is empty."""
    start, end = match.span(group)
    return run.part(start, end) if start >= 0 else None


def first_match(runs: Iterable[Run], pattern: re.Pattern[str]) -> tuple[re.Match[str], Run] | None:
    """The first run in which the pattern is found, and the match."""
    for run in runs:
        match = pattern.search(run.text)
        if match is not None:
            return match, run
    return None

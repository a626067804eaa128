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


def keep_name(face: Face, field: str, run: Run) -> None:
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
    face.keep(field, value, run, most=UNLABELLED if _has_gap(run) else 1.0)


def _has_gap(run: Run) -> bool:
    height = min(glyph.y1 - glyph.y0 for glyph in run.glyphs)
    return any(glyph.char == " " and glyph.x1 - glyph.x0 > 0.9 * height for glyph in run.glyphs)


def doubted(field: Field[str], most: float = DOUBTED) -> Field[str]:
    """The same field with its confidence at most `most`."""
    return field.model_copy(update={"confidence": min(field.confidence, most)})


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

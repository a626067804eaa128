"""Values that the edge of a narrow roll pushed into the next rows."""

from __future__ import annotations

import re

from extractors.layout import values
from extractors.layout.grid import Cell
from extractors.layout.page import Run
from extractors.layout.paper import keep_party_id
from extractors.layout.reading import UNLABELLED, Face, compact

#: A party's tax id stands within so many heights of print below its name.
_NEAR = 4.0


def with_rows_below(face: Face, value: Run, shape: str) -> Run:
    """The value with the rows right below it that have its shape and no label, if it reaches so
    near the edge of the print that it was wrapped there."""
    edge = max(run.x1 for run in face.sheet.runs)
    glyphs, last = value.glyphs, value
    for row in face.sheet.within(face.sheet.rows, top=value.middle):
        drop = row.middle - last.middle
        if drop <= 0.5 * last.height:
            continue
        wrapped = edge - last.x1 < 2.5 * last.height and drop < 2.3 * last.height
        if not wrapped or not re.fullmatch(shape, compact(row).text):
            break
        glyphs, last = (*glyphs, *row.glyphs), row
    return Run(glyphs)


def whole_id(face: Face, value: Run | None) -> Run | None:
    """An id whose last characters stand in the next row."""
    if value is None or values.check_character_holds(compact(value).text.upper()):
        return value
    longer = with_rows_below(face, value, r"[0-9A-Z]{1,6}")
    return longer if values.check_character_holds(compact(longer).text.upper()) else value


def keep_id_below(face: Face, name: str, owner: Run, cell: Cell) -> None:
    """A tax id of the party named above it. The first stands; one that follows far below may be
    another party's, whose label was not recognised, and is doubtful."""
    value = whole_id(face, cell.value)
    if name in face.found or value is None:
        return
    keep_party_id(face, name, value)
    far = cell.label.middle - owner.middle > _NEAR * owner.height
    if name in face.found and face.recognised and far:
        kept = face.found[name]
        most = min(kept.confidence, UNLABELLED)
        face.found[name] = kept.model_copy(update={"confidence": most})

"""通用定额发票: a leaf with a printed value, code and number; no date, no parties but the seal.

The value is told by its words; figures, where there are any, confirm them.
"""

from __future__ import annotations

import itertools
import re
from decimal import Decimal

from extractors.layout import values
from extractors.layout.grid import read_grid
from extractors.layout.page import Run
from extractors.layout.paper import (
    HEAD_LABELS,
    Sum,
    keep_total,
    read_date,
    read_pair,
    spoken_sums,
)
from extractors.layout.reading import MENDED, UNPROVEN, Face, FaceReader, compact, cut
from extractors.model import Invoice, Kind

_FIGURES = re.compile(r"[¥羊](\d{1,4}(?:\.\d{1,2})?)(?!\d)|(?<![\d.])(\d{1,4}(?:\.\d{1,2})?)元")
#: Values that leaves are printed with.
_USUAL = frozenset(map(Decimal, (1, 2, 3, 4, 5, 10, 15, 20, 25, 30, 50, 100, 200, 500, 1000)))
_MOST_RUNS = 45


def score(face: Face) -> int | None:
    """定额 in its title; or a leaf with little else than code, number and a value in words."""
    text = face.sheet.text
    if re.search(r"定额(?:专用)?发票|定额.{0,6}发票", text):
        return 4
    if (
        re.search(r"[税付收]率?[额方]|合计|20\d\d[-年]\d", text)
        or len(face.sheet.runs) > _MOST_RUNS
    ):
        return None
    code = re.search(r"(?<!\d)[12]\d{11}(?!\d)", text)
    number = re.search(r"(?<!\d)\d{8}(?!\d)", text)
    return 2 if code and number and spoken_sums(face.sheet.rows) else None


def read(face: Face) -> Invoice:
    """Code, number, value; a day only where someone printed one."""
    cells = read_grid(face, HEAD_LABELS)
    read_pair(face, cells)
    dated = [cell for cell in cells if cell.name == "date" and cell.rows]
    if dated:
        read_date(face, dated)
    words = _one(spoken_sums((*face.sheet.phrases, *face.sheet.rows)))
    figures = _one(_figures(face))
    sure = words is not None and words.value in _USUAL and _is_whole(words.run)
    keep_total(face, words, figures, alone=UNPROVEN if sure else MENDED)
    return face.invoice(Kind.QUOTA)


def _one(sums: list[Sum]) -> Sum | None:
    """The value, if all its printings (leaf and stub) say the same."""
    if len({each.value for each in sums}) != 1:
        return None
    return max(sums, key=lambda each: (_is_whole(each.run), each.run.height))


def _figures(face: Face) -> list[Sum]:
    found = []
    for row in map(compact, face.sheet.rows):
        for match in _FIGURES.finditer(row.text):
            value, part = values.money(match[1] or match[2]), cut(row, match, 0)
            if value is not None and part is not None:
                found.append(Sum(value, part))
    return found


def _is_whole(run: Run) -> bool:
    """Do the words begin with a digit and run on evenly? Large spread characters are recognised
    one by one, and a lost one (壹[佰]元) leaves a hole."""
    middles = [(glyph.x0 + glyph.x1) / 2 for glyph in run.glyphs if not glyph.char.isspace()]
    steps = [right - left for left, right in itertools.pairwise(middles)]
    even = not steps or max(steps) <= 1.6 * max(min(steps), 1e-6)
    return even and run.text[:1] not in "拾佰仟"


FACES = (
    FaceReader(
        "quota",
        score,
        read,
        {Kind.QUOTA: ("invoice_code", "invoice_number", "total_with_tax")},
    ),
)

"""销货清单: the list of goods on the pages behind an older invoice's face.

The face then says no more than （详见销货清单）. A list is believed as the invoice's lines only
when it sums to the amount on the face.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from extractors.layout.columns import Header
from extractors.layout.lines import Row, read_rows
from extractors.layout.page import Sheet
from extractors.layout.reading import Face, compact
from extractors.layout.reckoning import Sums
from extractors.layout.seen_lines import Draft, read_drafts, settled
from extractors.layout.table import doubts_of
from extractors.layout.titles import find_header
from extractors.model import Finding, Line, Source
from extractors.words import PageWords

_LIST_TITLE = re.compile(r"清单")
#: 数电票 repeat their title on every page, and may well sell a 清单.
_FACE_SIGN = re.compile(r"价税合计|大写|电子发票\(")
_FOOT = re.compile(r"^(?:小计|折扣|总计|合计)")


def split_lists(pages: Sequence[PageWords]) -> tuple[list[PageWords], list[PageWords]]:
    """The pages of the invoice's face, and those of lists of goods behind it."""
    faces: list[PageWords] = []
    lists: list[PageWords] = []
    for page in pages:
        # The first page is a face; only those behind it are asked.
        is_list = bool(faces) and _is_list(page)
        (lists if is_list else faces).append(page)
    return faces, lists


def _is_list(page: PageWords) -> bool:
    text = "".join(word.text for word in page.words).replace(" ", "")
    return bool(_LIST_TITLE.search(text)) and not _FACE_SIGN.search(text)


def read_list(
    pages: Sequence[PageWords], source: Source, amount: Decimal
) -> tuple[tuple[Line, ...], tuple[Finding, ...]]:
    """The lines of all list pages, and what must be told of them; none unless they sum to `amount`
    (total without tax)."""
    rows: list[Row] = []
    drafts: list[Draft] = []
    for page in pages:
        face = Face(Sheet([page]), source)
        header = find_header(face)
        if header is None:
            continue
        foot = _foot(face, header)
        if face.recognised:
            drafts.extend(read_drafts(face, header, header.top, foot))
        else:
            rows.extend(read_rows(face, header, header.top, foot))
    rows.extend(settled(Face(Sheet(()), source), drafts, Sums(amount)))
    total = sum((row.line.amount or Decimal(0) for row in rows), Decimal(0))
    if total != amount:
        return (), ()
    return tuple(row.line for row in rows), doubts_of(rows)


def _foot(face: Face, header: Header) -> float:
    """The top of the page's 小计 row."""
    feet = [
        run.y0
        for run in face.sheet.within(face.sheet.rows, top=header.bottom)
        if _FOOT.match(compact(run).text)
    ]
    return min(feet, default=face.sheet.bottom)

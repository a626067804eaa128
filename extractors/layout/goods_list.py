"""销货清单: the list of goods on the pages behind an older invoice's face.

The face then says no more than （详见销货清单）. A list is believed as the invoice's lines only
when it sums to the amount on the face.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from extractors.layout import lines
from extractors.layout.page import Sheet
from extractors.layout.reading import Face, compact
from extractors.model import Line, Source
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


def read_list(pages: Sequence[PageWords], source: Source, amount: Decimal) -> tuple[Line, ...]:
    """The lines of all list pages; empty unless they sum to `amount` (total without tax)."""
    found: list[Line] = []
    for page in pages:
        face = Face(Sheet([page]), source)
        header = lines.find_header(face)
        if header is not None:
            found.extend(lines.read_lines(face, header, _foot(face, header)))
    total = sum((line.amount or Decimal(0) for line in found), Decimal(0))
    return tuple(found) if total == amount else ()


def _foot(face: Face, header: lines.Header) -> float:
    """The top of the page's 小计 row."""
    feet = [
        run.y0
        for run in face.sheet.within(face.sheet.rows, top=header.bottom)
        if _FOOT.match(compact(run).text)
    ]
    return min(feet, default=face.sheet.bottom)

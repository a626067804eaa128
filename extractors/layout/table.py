"""The table of a VAT face over all of its pages: its lines, believed or told to be doubtful."""

from __future__ import annotations

import re

from extractors.layout.columns import Header
from extractors.layout.lines import Row, read_rows
from extractors.layout.reading import MENDED, Face, compact
from extractors.layout.seen_lines import Draft, read_drafts, settled, sums_of
from extractors.model import Finding, Line, Severity

#: The row of sums, with at most a mark before it.
_SUMS = re.compile(r"^.?(?:[小合]计|台计)")
#: A class between stars, or words longer than 合计 and what may be read for it.
_GOODS = re.compile(r"\*?[一-鿿]{2,}\*.|[一-鿿]{5,}")
#: Only sums bear the mark of the currency, which may be read as a letter like it.
_MARKED = re.compile(r"[¥Y羊V]-?[\d,]+[.,]+\d\d")


def table_rows(face: Face, headers: list[Header], floor: float) -> list[Row]:
    """The lines of all pages. A page that repeats the titles is a table of its own; one that
    comes between the titles and the total without them goes on in their columns."""
    rows: list[Row] = []
    drafts: list[Draft] = []
    tops = {header.page: header for header in headers}
    pages = {run.page for run in face.sheet.runs}
    last = max((run.page for run in face.sheet.runs if run.middle <= floor), default=0)
    header: Header | None = None
    for page in sorted(pages):
        header = tops.get(page, header if page <= last else None)
        if header is None or (page > last and "name" not in header.titles):
            continue
        top, bottom = _page_ends(face, page)
        if header.page == page:
            top = header.top
        if page == last:
            bottom = min(bottom, _sums_top(face, header, floor))
        end = min(bottom, _foot(face, top, bottom))
        if face.recognised:
            drafts.extend(read_drafts(face, header, top, end))
        else:
            rows.extend(read_rows(face, header, top, end))
    return settled(face, drafts, sums_of(face)) if face.recognised else rows


def _page_ends(face: Face, page: int) -> tuple[float, float]:
    runs = [run for run in face.sheet.runs if run.page == page]
    return min(run.y0 for run in runs), max(run.y1 for run in runs)


def _foot(face: Face, top: float, bottom: float) -> float:
    """The top of the first row of sums (小计 on a page of several, 合计) between two heights."""
    feet = [
        run.y0
        for run in face.sheet.within(face.sheet.rows, top=top, bottom=bottom)
        if _SUMS.match(compact(run).text)
    ]
    if face.recognised:
        inside = face.sheet.within(face.sheet.runs, top=top, bottom=bottom)
        marked = (run.y0 for run in inside if _MARKED.fullmatch(compact(run).text))
        # A figure's first digit may be taken for the mark (¥20.28 for 320.28).
        feet.extend(top for top in marked if not _names_goods(face, top))
    return min(feet, default=bottom)


def _sums_top(face: Face, header: Header, floor: float) -> float:
    """The top of the row of sums above the total, by the amount that was read there."""
    first = face.found.get("total_without_tax")
    bottom = floor - 1.5 * face.sheet.line_height
    if first is None:
        return bottom
    box = first.box
    near = [
        run.y0
        for run in face.sheet.runs
        if header.bottom < run.middle < floor
        and face.sheet.pages[(place := face.sheet.place(run)).page].page == box.page
        and place.y0 <= (box.y0 + box.y1) / 2 <= place.y1
    ]
    top = min(near, default=bottom)
    # An amount that a code proves may have been found in a line: then it bounds nothing.
    return bottom if face.recognised and _names_goods(face, top) else top


def _names_goods(face: Face, top: float) -> bool:
    """Does a name of goods stand in the row whose top this is?"""
    return any(
        run.y0 < top + 0.5 * run.height < run.y1 and _GOODS.match(compact(run).text)
        for run in face.sheet.runs
    )


def lines_of(face: Face, rows: list[Row]) -> tuple[Line, ...]:
    """The lines. Given ones count if they sum to the amount: else one was missed. Recognised ones
    are kept, and a finding says where any cell of theirs is in doubt."""
    found = tuple(row.line for row in rows)
    if not face.recognised:
        amount = face.found.get("total_without_tax")
        summed = amount is None or sum(line.amount or 0 for line in found) == amount.value
        return found if summed else ()
    face.findings.extend(doubts_of(rows))
    return found


def doubts_of(rows: list[Row]) -> tuple[Finding, ...]:
    """What must be told of the lines: nothing where all are sure."""
    doubtful = [row for row in rows if row.doubtful]
    if not doubtful:
        return ()
    sure = min((cell.score for row in doubtful for cell in row.cells.get("name", ())), default=0.0)
    params = {"field": "lines", "confidence": f"{min(sure, MENDED):.2f}"}
    finding = Finding(code="low_confidence", severity=Severity.WARN, field="lines", params=params)
    return (finding,)

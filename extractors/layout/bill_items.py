"""The items of a fiscal bill: columns told by their titles, which hospitals set twice side by side.

Every amount with two decimals under a title of amounts makes an item; what stands in its row
under the titles to its left is the rest of it. Whether the items are all there is for the
caller to prove by their sum.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from extractors.layout import values
from extractors.layout.page import Run, join
from extractors.layout.reading import Face, compact, cut
from extractors.model import Line

_TITLES = {
    "code": r"项目编码|编码",
    "name": r"(?:收费|缴费|收入)?项目(?:名称|/规格)?|费用(?:名称|项目)",
    "both": r"数量/单位",
    "unit": r"(?<!收款)单位",
    "quantity": r"数量",
    "price": r"(?:收[费缴])?标准|单价",
    "amount": r"金额(?:\(元\))?",
    "note": r"备注",
}
_TITLE = re.compile("|".join(f"(?P<{name}>{text})" for name, text in _TITLES.items()))
_FOOT = re.compile(r"大写|^(?:金额)?合计|小写")
_AMOUNT = re.compile(r"-?[¥Y]?(?:\d{1,3}(?:,\d{3})+|\d+)\.\d\d")
_BOTH = re.compile(r"(\d+(?:\.\d+)?)/?(\D{0,6})")


@dataclass(frozen=True)
class _Column:
    """One title's column: which group of columns it belongs to, its name, its left edge."""

    group: int
    name: str
    left: float


def read_items(face: Face) -> tuple[Line, ...]:
    """All items in printed order: down the left group of columns row by row with the right."""
    rows = face.sheet.within(face.sheet.rows)
    header = next((row for row in rows if len(_titles(row)) >= 2), None)
    if header is None:
        return ()
    columns = _columns(_titles(header))
    feet = [row.y0 for row in rows if row.y0 > header.y1 and _FOOT.search(compact(row).text)]
    bottom = min(feet, default=face.sheet.bottom)
    body = [
        piece
        for run in face.sheet.runs
        if header.y1 - 0.3 * header.height < run.middle < bottom
        for piece in _pieces(run)
    ]
    cells: dict[_Column, list[Run]] = {}
    for piece in body:
        cells.setdefault(_column(piece, columns), []).append(piece)
    anchors = [
        (column.group, run)
        for column, runs in cells.items()
        if column.name == "amount"
        for run in runs
        if _AMOUNT.fullmatch(compact(run).text)
    ]
    found = [_item(run, group, cells) for group, run in _in_printed_order(anchors)]
    return tuple(line for line in found if line is not None)


def _in_printed_order(anchors: Sequence[tuple[int, Run]]) -> list[tuple[int, Run]]:
    """Row by row, each from the left; amounts of a row stand within half their height."""
    ordered: list[tuple[int, Run]] = []
    first: Run | None = None
    row: list[tuple[int, Run]] = []
    for group, run in sorted(anchors, key=lambda anchor: anchor[1].middle):
        if first is not None and run.middle - first.middle > 0.5 * first.height:
            ordered += sorted(row, key=lambda anchor: anchor[0])
            row, first = [], None
        first = first or run
        row.append((group, run))
    return ordered + sorted(row, key=lambda anchor: anchor[0])


def _titles(row: Run) -> list[tuple[str, Run]]:
    """The titles in a row, in order; none unless both a name and an amount are among them."""
    bare = compact(row)
    found = [
        (match.lastgroup or "", part)
        for match in _TITLE.finditer(bare.text)
        if (part := cut(bare, match, 0)) is not None
    ]
    names = {name for name, _ in found}
    return found if {"name", "amount"} <= names and len(names) >= 3 else []


def _columns(titles: Sequence[tuple[str, Run]]) -> list[_Column]:
    """A group begins with its first title seen again. Edges lie half way between titles."""
    opening = titles[0][0]
    group = -1
    columns = []
    for index, (name, run) in enumerate(titles):
        group += name == opening
        left = -1.0 if index == 0 else (titles[index - 1][1].x1 + run.x0) / 2
        columns.append(_Column(group, name, left))
    return columns


def _column(piece: Run, columns: Sequence[_Column]) -> _Column:
    where = piece.centre
    return [column for column in columns if column.left <= where][-1]


def _pieces(run: Run) -> list[Run]:
    """A run cut at its spaces: recognition glues neighbouring cells."""
    cuts = [0, *(index + 1 for index, char in enumerate(run.text) if char == " "), len(run.text)]
    parts = [run.part(start, end) for start, end in itertools.pairwise(cuts)]
    return [part for part in parts if part is not None]


def _item(amount: Run, group: int, cells: dict[_Column, list[Run]]) -> Line | None:
    texts = {
        column.name: text
        for column, runs in cells.items()
        if column.group == group and (text := _text(runs, amount))
    }
    name = texts.get("name")
    if not name:
        return None
    both = _BOTH.fullmatch(texts.get("both", ""))
    unit = both[2] if both else texts.get("unit")
    return Line(
        name=name,
        unit=unit or None,
        quantity=values.number(both[1] if both else texts.get("quantity", "")),
        price=values.number(texts.get("price", "")),
        amount=values.money(compact(amount).text),
    )


def _text(runs: Sequence[Run], amount: Run) -> str:
    own = [run for run in runs if abs(run.middle - amount.middle) < 0.7 * amount.height]
    return compact(join(own)).raw if own else ""

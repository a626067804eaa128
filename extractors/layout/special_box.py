"""The box of journeys and freight that stands between the sums and the total of a 数电票.

One row of titles, below it one row a traveller or a load; the cells of a row may wrap. Ride
companies print the titles and leave the rows empty.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from extractors.layout.columns import one_cell
from extractors.layout.page import Run
from extractors.layout.reading import Face, compact

_TITLES = (
    ("traveller", r"^出行人$"),
    ("traveller_id", r"身份证件号"),
    ("travel_date", r"^出行日期$"),
    ("tool", r"^(?:运输工具种类|交通工具类型)$"),
    ("plate", r"^运输工具牌号$"),
    ("from", r"^(?:出发地|起运地)$"),
    ("to", r"^到达地$"),
    ("level", r"^等级$"),
    ("goods", r"^运输货物名称$"),
)
#: The same with a character misread.
_LIKE_TITLES = (
    ("traveller", r"^(?:.行人|出.人|出行.)$"),
    ("traveller_id", r"身份.件|.份证.号|证件号"),
    ("travel_date", r"^(?:.行日期|出.日期|出行.期)$"),
    ("plate", r"工具.号$|工具牌|运输.{2}牌号"),
    ("tool", r"工具种|工具类|工具.[类型关]$"),
    ("from", r"^(?:.发地|出.地|.运地|起.地|起运.)$"),
    ("to", r"^(?:.达地|到.地|到达.)$"),
    ("level", r"^等.$|^.级$"),
    ("goods", r"^.{0,3}货.名.$|^运.货物"),
)
_LEAST = 3
#: A cell of each row that is always filled and never wraps: it says where the rows are.
_ANCHORS = ("travel_date", "tool")
_SURE = 0.85
_SHAPES = {
    "traveller_id": re.compile(r"[0-9A-Z*]{4,20}"),
    "travel_date": re.compile(r"(20\d\d)[-/.年](\d{1,2})[-/.月](\d{1,2})日?"),
}


def read_box(face: Face, top: float, bottom: float) -> dict[str, list[Run]]:
    """The cells of each column, row by row; nothing where no titles are read or where cells do
    not keep to their columns."""
    runs = face.sheet.within(face.sheet.runs, top=top, bottom=bottom)
    titles = _title_row(runs, (*_TITLES, *_LIKE_TITLES) if face.recognised else _TITLES)
    if len(titles) < _LEAST:
        return {}
    floor = max(run.y1 for run in titles.values())
    body = [run for run in runs if run.middle > floor]
    columns: dict[str, list[Run]] = {}
    edges = _edges(titles)
    for run in body:
        name = _column(run, edges, strict=face.recognised)
        if name is None:
            return {}
        columns.setdefault(name, []).append(run)
    return {name: cells for name, cells in _by_rows(columns).items() if _fit(name, cells)}


def _title_row(runs: Sequence[Run], titles: Sequence[tuple[str, str]]) -> dict[str, Run]:
    best: dict[str, Run] = {}
    for pivot in runs:
        found: dict[str, Run] = {}
        for run in runs:
            if abs(run.middle - pivot.middle) < 0.8 * pivot.height:
                for name, pattern in titles:
                    if name not in found and re.search(pattern, compact(run).text):
                        found[name] = run
                        break
        if len(found) > len(best):
            best = found
    return best


def _edges(titles: dict[str, Run]) -> list[tuple[str, float, float]]:
    """Columns with their left and right ends: half way between the middles of the titles' gaps."""
    order = sorted(titles.items(), key=lambda item: item[1].x0)
    edges = []
    for index, (name, run) in enumerate(order):
        left = (order[index - 1][1].x1 + run.x0) / 2 if index else -1.0
        right = (run.x1 + order[index + 1][1].x0) / 2 if index + 1 < len(order) else 9.0
        edges.append((name, left, right))
    return edges


def _column(run: Run, edges: list[tuple[str, float, float]], *, strict: bool) -> str | None:
    """The column of a cell, by its middle. A recognised run that reaches into the next column may
    be two cells in one: it has none."""
    for name, left, right in edges:
        if left <= run.centre < right:
            over = max(left - run.x0, run.x1 - right)
            # Of a poor page every word is told as doubtful anyway.
            sure = run.score >= _SURE
            return None if strict and sure and over > 0.6 * run.height else name
    return None


def _by_rows(columns: dict[str, list[Run]]) -> dict[str, list[Run]]:
    """The pieces of each column as one run a row."""
    anchors = next((columns[name] for name in _ANCHORS if name in columns), [])
    if len(anchors) < 2:
        return {
            name: [cell]
            for name, pieces in columns.items()
            if (cell := one_cell(pieces)) is not None
        }
    rows: dict[str, list[Run]] = {}
    for name, pieces in columns.items():
        grouped: dict[int, list[Run]] = {}
        for piece in pieces:
            near = min(
                range(len(anchors)), key=lambda index: abs(anchors[index].middle - piece.middle)
            )
            grouped.setdefault(near, []).append(piece)
        cells = [one_cell(grouped[index]) for index in sorted(grouped)]
        rows[name] = [cell for cell in cells if cell is not None]
    return rows


def _fit(name: str, cells: Sequence[Run]) -> bool:
    shape = _SHAPES.get(name)
    return shape is None or all(shape.fullmatch(compact(cell).text.upper()) for cell in cells)

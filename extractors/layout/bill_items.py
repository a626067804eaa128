"""The items of a fiscal bill: columns told by their titles, which hospitals set twice side by side.

Every amount with two decimals under a title of amounts makes an item; what stands in its row
under the titles to its left is the rest of it. Items that sum to the bill's total are all there
is. Recognised ones that do not, their titles unread perhaps, are told by their own shapes
(`bill_rows`), and where neither way proves them, the fuller one is kept as doubtful.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from rapidfuzz.distance import Levenshtein

from extractors.checks import CONFIDENT
from extractors.layout import values
from extractors.layout.bill_rows import (
    Item,
    amount_of,
    items_by_shape,
    pieces_of,
    quantity_and_unit,
)
from extractors.layout.misspoken import spoken_parts
from extractors.layout.page import Run, join
from extractors.layout.reading import Face, compact, cut
from extractors.model import Line

_TITLES = {
    "code": r"项目编码|编码",
    "name": r"(?:收费|缴费|收入)?项目(?:名称|/规格)?|目名称|费用(?:名称|项目)",
    "both": r"数量/单位",
    "unit": r"(?<!收款)单位",
    "quantity": r"数量",
    "price": r"(?:收[费缴])?标准|单价",
    "amount": r"金额(?:\(元\))?",
    "note": r"备注",
}
_TITLE = re.compile("|".join(f"(?P<{name}>{text})" for name, text in _TITLES.items()))
_FOOT = re.compile(r"大写|^(?:金额)?合计|小写|支付:|业务流水号|收款单位|^备注:|医疗机构")
#: So many capitals of an amount in words stand in the row of the sum only.
_SPOKEN = 4
#: How many digits of a broken amount may differ from what the total leaves for it.
_MOST_OFF = 2


@dataclass(frozen=True)
class _Column:
    """One title's column: which group of columns it belongs to, its name, its left edge."""

    group: int
    name: str
    left: float


@dataclass(frozen=True)
class Items:
    """The lines of a bill; `doubtful` unless they are surely read and sum to its total."""

    lines: tuple[Line, ...] = ()
    doubtful: bool = False


def read_items(face: Face, total: Decimal | None) -> Items:
    """The items in printed order: row by row, the left group of columns before the right. Given
    text lists none that do not sum to the total: details may stand under sums."""
    rows = face.sheet.within(face.sheet.rows)
    header = next((row for row in rows if len(_titles(row)) >= 2), None)
    bottom = _bottom(face, rows, header)
    titled = _by_titles(face, header, bottom) if header is not None else []
    if not face.recognised:
        return _kept(face, titled, proven=True) if _sum(titled) == total else Items()
    top = header.y1 - 0.3 * header.height if header is not None else -1.0
    shaped = items_by_shape([row for row in rows if top < row.middle < bottom])
    whole = _with_the_rest(shaped, total) if total is not None else shaped
    best = max((titled, whole), key=lambda items: (_sum(items) == total, _fullness(items)))
    proven = _sum(best) == total and not any(item.broken for item in best)
    return _kept(face, best, proven=proven)


def _kept(face: Face, items: Sequence[Item], *, proven: bool) -> Items:
    unsure = face.recognised and any(
        item.run.score < CONFIDENT or not item.line.name for item in items
    )
    return Items(tuple(item.line for item in items), bool(items) and (unsure or not proven))


def _sum(items: Sequence[Item]) -> Decimal:
    return sum((item.line.amount or Decimal(0) for item in items), Decimal(0))


def _fullness(items: Sequence[Item]) -> int:
    return sum(
        cell is not None
        for item in items
        for cell in (item.line.name or None, item.line.unit, item.line.quantity, item.line.price)
    )


def _with_the_rest(items: list[Item], total: Decimal) -> list[Item]:
    """The items, the only one whose amount is broken given what the others leave of the total,
    if its digits are nearly those."""
    broken = [item for item in items if item.line.amount is None]
    rest = total - _sum(items)
    if len(broken) != 1 or rest <= 0:
        return items
    seen, wanted = re.sub(r"\D", "", broken[0].broken), re.sub(r"\D", "", f"{rest:.2f}")
    most = min(_MOST_OFF, len(wanted) // 3)
    if Levenshtein.distance(seen, wanted) > most:
        return items
    whole = replace(broken[0], line=broken[0].line.model_copy(update={"amount": rest}))
    return [whole if item is broken[0] else item for item in items]


def _bottom(face: Face, rows: Sequence[Run], header: Run | None) -> float:
    """Where the table ends: at its sum, or at whatever box follows. Without titles it begins at
    the first row that is an item by its shape."""
    if header is not None:
        top = header.y1
    else:
        top = next((row.middle for row in rows if items_by_shape([row])), 1e9)
    return min(
        (row.y0 for row in rows if row.y0 > top and _is_foot(row)), default=face.sheet.bottom
    )


def _is_foot(row: Run) -> bool:
    return bool(_FOOT.search(compact(row).text)) or any(
        len(part.glyphs) >= _SPOKEN for part in spoken_parts([row])
    )


def _by_titles(face: Face, header: Run, bottom: float) -> list[Item]:
    columns = _columns(_titles(header))
    body = [
        piece
        for run in face.sheet.runs
        if header.y1 - 0.3 * header.height < run.middle < bottom
        for piece in pieces_of(run)
    ]
    cells: dict[_Column, list[Run]] = {}
    for piece in body:
        cells.setdefault(_column(piece, columns), []).append(piece)
    anchors = [
        (column.group, run)
        for column, runs in cells.items()
        if column.name == "amount"
        for run in runs
        if amount_of(run) is not None
    ]
    found = [_item(run, group, cells) for group, run in _in_printed_order(anchors)]
    items = [item for item in found if item is not None]
    counted = face.recognised and any(column.name == "quantity" for column in columns)
    return [_with_lost_digit(item) for item in items] if counted else items


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
    """A group begins with any title seen again, that of its names mostly; a seal may have hidden
    it. Edges lie half way between titles."""
    group, seen = 0, set[str]()
    columns = []
    for index, (name, run) in enumerate(titles):
        if name in seen:
            group, seen = group + 1, set()
        seen.add(name)
        left = -1.0 if index == 0 else (titles[index - 1][1].x1 + run.x0) / 2
        columns.append(_Column(group, name, left))
    return columns


def _column(piece: Run, columns: Sequence[_Column]) -> _Column:
    where = piece.centre
    return [column for column in columns if column.left <= where][-1]


def _item(amount: Run, group: int, cells: dict[_Column, list[Run]]) -> Item | None:
    own = {
        column.name: join(counted or level)
        for column, runs in cells.items()
        if column.group == group and (level := _level(runs, amount))
        for counted in [[run for run in level if column.name == "both" and _is_counted(run)]]
    }
    texts = {name: compact(run).raw for name, run in own.items()}
    name = texts.get("name")
    if not name or quantity_and_unit(name):
        return None
    both = texts.get("both", "")
    quantity, unit = quantity_and_unit(both) or (both, "")
    line = Line(
        name=name,
        unit=unit or texts.get("unit") or None,
        quantity=values.number(quantity or texts.get("quantity", "")),
        price=values.number(texts.get("price", "")),
        amount=amount_of(amount),
    )
    used = [run for column, run in own.items() if column not in ("code", "note")]
    return Item(line, join([*used, amount]))


def _with_lost_digit(item: Item) -> Item:
    """A digit alone in its cell is easily overlooked: where no quantity was seen under its title,
    it is what price and amount leave, if that is one digit."""
    price, amount = item.line.price, item.line.amount
    if item.line.quantity is not None or not price or amount is None:
        return item
    quantity = amount / price
    if quantity not in range(1, 10):
        return item
    return replace(item, line=item.line.model_copy(update={"quantity": quantity.to_integral()}))


def _is_counted(run: Run) -> bool:
    return quantity_and_unit(compact(run).text) is not None


def _level(runs: Sequence[Run], amount: Run) -> list[Run]:
    """What stands at the height of an amount."""
    return [run for run in runs if abs(run.middle - amount.middle) < 0.7 * amount.height]

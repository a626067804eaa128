"""增值税普通发票（卷票）: a narrow roll, one row below the other; sums with tax and no rate.

Total in figures and in words and the sum of the goods prove each other; code and number stand on
the paper, the number again from the till.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from extractors.layout import values
from extractors.layout.grid import Cell, named, read_grid, value_of
from extractors.layout.page import Run
from extractors.layout.paper import (
    HEAD_LABELS,
    Sum,
    keep_party_name,
    keep_total,
    money_in,
    read_date,
    read_machine_number,
    read_pair,
    words_value,
)
from extractors.layout.reading import Face, FaceReader, compact
from extractors.layout.slip_goods import doubt_unless_total, goods_between
from extractors.layout.slip_rows import keep_id_below, with_rows_below
from extractors.model import Field, Invoice, Kind

_LABELS = {
    **HEAD_LABELS,
    "seller": r"(?:销售方|销货方|收款方)(?:名称)?",
    "buyer": r"(?:购买方|购货方|付款方)(?:名称)?",
    "tax_id": r"纳税人识别号|税号",
    "cashier": r"收款[员人]",
    "figures": r"合计金额\(?小写\)?",
    "words": r"合计金额\(?大写\)?",
}
_ROLL_CODE = re.compile(r"(?<!\d)0\d{9}0[67](?!\d)")
#: How far above or below its label a value may stand: rows of a roll are close.
_REACH = 0.4


def score(face: Face) -> int | None:
    """Its title; or the till's labels without a tax column; or its code with such a label."""
    text = face.sheet.text
    if re.search(r"税率|税额|价税合计|车价合计", text):
        return None
    if re.search(r"增值税普通发票\(?卷[票式]", text):
        return 4
    signs = ("机打号码", "机器编号", "收款员", "合计金额", "校验码")
    seen = sum(sign in text for sign in signs)
    return 4 if seen >= 4 or (seen >= 2 and _ROLL_CODE.search(text)) else None


def read(face: Face) -> Invoice:
    """Everything a roll shows."""
    cells = read_grid(face, _LABELS, reach=_REACH)
    read_pair(face, cells)
    read_date(face, cells)
    read_machine_number(face, cells)
    _read_check_code(face, cells)
    _read_parties(face, cells)
    figures = next((found for run in _values(cells, "figures") if (found := money_in(run))), None)
    top = min((cell.label.y0 for cell in cells if cell.name in ("figures", "words")), default=None)
    goods = goods_between(face, top)
    spent = sum((line.amount or Decimal(0) for line in goods), Decimal(0))
    proven = bool(goods) and figures is not None and spent == figures.value
    keep_total(face, _words(face, cells), figures, proven=proven)
    doubt_unless_total(face, goods)
    extra: dict[str, Field[str]] = {}
    cashier = value_of(cells, "cashier")
    if cashier is not None and (name := values.clean_name(cashier.raw)) is not None:
        extra["cashier"] = face.field(name, cashier)
    return face.invoice(Kind.VAT_ROLL, lines=goods, extra=extra)


def _values(cells: Sequence[Cell], name: str) -> list[Run]:
    return [value for cell in named(cells, name) if (value := cell.value) is not None]


def _read_check_code(face: Face, cells: Sequence[Cell]) -> None:
    """20 digits, in groups or not, and on narrow rolls in two rows."""
    for cell in named(cells, "check"):
        value = cell.value
        if value is None:
            continue
        whole = compact(with_rows_below(face, value, r"[\d ]{1,19}"))
        for run in (compact(value), whole):
            if re.fullmatch(r"\d{20}", run.text):
                face.keep("check_code", run.text, run)
                return


def _read_parties(face: Face, cells: Sequence[Cell]) -> None:
    """Each tax id belongs to the party named last above it."""
    heads = [cell for cell in cells if cell.name in ("seller", "buyer")]
    for head in heads:
        value = head.value
        if value is not None and not re.search(r"[:]", compact(value).text):
            name = with_rows_below(face, value, r"[\u4e00-\u9fff()]{1,20}")
            keep_party_name(face, f"{head.name}_name", name)
    for cell in named(cells, "tax_id"):
        above = [head for head in heads if head.label.middle < cell.label.middle]
        if above:
            owner = max(above, key=lambda head: head.label.middle)
            keep_id_below(face, f"{owner.name}_tax_id", owner.label, cell)


def _words(face: Face, cells: Sequence[Cell]) -> Sum | None:
    for value in _values(cells, "words"):
        long = with_rows_below(face, value, r"[零壹贰叁肆伍陆柒捌玖拾佰仟万亿圆元角分整正]+")
        for run in (compact(long), compact(value)):
            spoken = words_value(run.text)
            if spoken is not None:
                return Sum(spoken, run)
    return None


# What a roll needs is declared with the other VAT kinds, whose portal checks it too.
FACES = (FaceReader("vat roll", score, read),)

"""通用机打发票: the flat form, and the rolls of shops, hotels, toll gates and car parks.

They share code, number and the words of what is theirs; labels differ by province and trade.
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
    spoken_sums,
)
from extractors.layout.reading import UNLABELLED, Face, FaceReader, compact, cut
from extractors.layout.slip_goods import goods_between
from extractors.layout.slip_rows import keep_id_below, with_rows_below
from extractors.model import Field, Invoice, Kind, Line

_LABELS = {
    **HEAD_LABELS,
    "seal": r"(?:收款|开票|销售)(?:单位|方)\(?(?:盖章?|章)",
    "buyer": r"(?:付款|购买|购货)(?:单位|方|人)(?:名称|\(个人\)|/个人)?(?!识别|税号|代码)",
    "seller": r"(?:收款|销售|销货|开票)(?:单位|方)(?:名称)?(?!识别|税号|代码)",
    "tax_id": r"(?:(?:付款|购买|收款|销售)(?:单位|方))?(?:纳税人识别号|识别号|税务登记号|税号)",
    "trade": r"行业分类",
    "cashier": r"收款[员人]",
    "issuer": r"开?票人|开票员",
    "words": r"(?:合计|总计|金额|人民币|收费)*(?:金额)?\(?(?:人民币)?大写\)?",
    "figures": r"(?:合计|总计)?(?:金额)?\(?小写\)?",
    "paid": r"[实应][收付](?:金额)?|(?:收费|通行费|总)?金额|停车费(?:用|金额)?",
    "entry_time": r"(?:入场|进场|入口|驶入)时间",
    "exit_time": r"(?:出场|离场|出口|驶出|交易|收费)时间|日期时间|时间|日期",
    "entry": r"入口(?:站)?",
    "exit": r"出口(?:站)?",
    "vehicle_kind": r"车[类型](?:型|别)?",
    "plate": r"车牌(?:号码?|照)?|车号",
    "clerk": r"工号|收费员|班次|流水号|电话|地址",
    "remarks": r"备注",
}
#: What other families print and this one never does.
_OTHERS = (
    r"定额|税率|税额|价税合计|车价合计|财政|非税|电子发票|增值税|出租|回单|客票|航空|校验码\d{20}"
    r"|机动车销售|二手车|收据|签购单"
)
_REACH = 0.45
_MOMENT = re.compile(
    r"(20\d\d)[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T]?(\d{1,2}:\d{2})(?::\d{2})?)?"
)
_SHAPES = {
    "trade": r"[\u4e00-\u9fff]{2,16}",
    "cashier": r"[\u4e00-\u9fffA-Za-z0-9]{2,12}",
    "entry": r"[\u4e00-\u9fffA-Za-z0-9]{2,16}",
    "exit": r"[\u4e00-\u9fffA-Za-z0-9]{2,16}",
    "vehicle_kind": r"[\u4e00-\u9fffA-Za-z0-9]{1,10}",
    "plate": r"[\u4e00-\u9fff][A-Z][0-9A-Z\u4e00-\u9fff]{4,7}",
}
_GATE_FIRM = re.compile(r"^[\u4e00-\u9fff()]{4,30}(?:公司|管理处|收费站|管理局|指挥部|中心)$")


def score(face: Face) -> int | None:
    """机打发票 in its title; or a paper code with tolls, parking, or payer and payee."""
    text = face.sheet.text
    if re.search(_OTHERS, text):
        return None
    if re.search(r"机打(?:平推式|卷式)?发票", text):
        return 4
    if re.search(r"(?<!\d)[12]\d{11}(?!\d)", text) is None or "发票" not in text:
        return None
    if re.search(r"通行费|停车|机动车停放|收费站", text):
        return 3
    parties = re.search(r"[付收]款(?:单位|方)", text) and re.search(r"[大小]写|合计", text)
    return 3 if parties else None


def read(face: Face) -> Invoice:
    """Everything such an invoice shows."""
    cells = read_grid(face, _LABELS, reach=_REACH)
    read_pair(face, cells)
    read_machine_number(face, cells)
    _read_parties(face, cells)
    extra = _read_extra(face, cells)
    _read_date(face, cells, extra)
    _read_issuer(face, cells)
    goods = _read_total(face, cells)
    return face.invoice(Kind.MACHINE_PRINTED, lines=goods, extra=extra)


def _read_parties(face: Face, cells: Sequence[Cell]) -> None:
    """A tax id belongs to the party named last before it."""
    heads = [cell for cell in cells if cell.name in ("buyer", "seller")]
    for head in heads:
        value = head.value
        if value is not None:
            name = with_rows_below(face, value, r"[\u4e00-\u9fff()]{1,20}")
            keep_party_name(face, f"{head.name}_name", name)
    for cell in named(cells, "tax_id"):
        before = [head for head in heads if _precedes(head.label, cell.label)]
        if before:
            owner = max(before, key=lambda head: (head.label.middle, head.label.x0))
            keep_id_below(face, f"{owner.name}_tax_id", owner.label, cell)
    if "seller_name" not in face.found and not named(heads, "seller"):
        _read_unlabelled_seller(face)


def _precedes(one: Run, two: Run) -> bool:
    # Boxes of dense print are higher than its rows are apart.
    same_row = abs(one.middle - two.middle) < 0.5 * one.height
    return one.x0 < two.x0 if same_row else one.middle < two.middle


def _read_unlabelled_seller(face: Face) -> None:
    """Toll gates print the road's owner alone in a row."""
    rows = [compact(row) for row in face.sheet.within(face.sheet.rows)]
    firms = [row for row in rows if _GATE_FIRM.match(row.text)]
    if len({firm.text for firm in firms}) == 1:
        most = UNLABELLED if face.recognised else 1.0
        face.keep("seller_name", values.clean_name(firms[0].raw), firms[0], most=most)


def _read_extra(face: Face, cells: Sequence[Cell]) -> dict[str, Field[str]]:
    extra: dict[str, Field[str]] = {}
    for name, shape in _SHAPES.items():
        value = value_of(cells, name)
        text = compact(value).text if value is not None else ""
        if value is not None and re.fullmatch(shape, text):
            extra[name] = face.field(text, value)
    for name in ("entry_time", "exit_time"):
        moment = _moment(next(iter(named(cells, name)), None))
        if moment is not None and " " in moment[0]:
            extra[name] = face.field(moment[0], moment[1])
    return extra


def _moment(cell: Cell | None) -> tuple[str, Run] | None:
    """`YYYY-MM-DD HH:MM` of a cell, or the day alone."""
    bare = compact(cell.value) if cell is not None and cell.value is not None else None
    match = _MOMENT.search(bare.text) if bare is not None else None
    part = cut(bare, match, 0) if bare is not None and match is not None else None
    if match is None or part is None:
        return None
    day = values.date(f"{match[1]}-{match[2]}-{match[3]}")
    if day is None:
        return None
    return (f"{day} {match[4]:0>5}" if match[4] else f"{day}"), part


def _read_date(face: Face, cells: Sequence[Cell], extra: dict[str, Field[str]]) -> None:
    """The labelled day of issue, else the day on which the car left."""
    dated = named(cells, "date")
    if dated or "exit_time" not in extra:
        read_date(face, dated)
    if "issue_date" in face.found:
        return
    moment = _moment(next(iter(named(cells, "exit_time")), None))
    if moment is not None:
        face.keep("issue_date", values.date(moment[0][:10]), moment[1])


def _read_issuer(face: Face, cells: Sequence[Cell]) -> None:
    issuer = value_of(cells, "issuer")
    if issuer is not None:
        face.keep("issuer", values.clean_name(issuer.raw), issuer)


def _read_total(face: Face, cells: Sequence[Cell]) -> tuple[Line, ...]:
    """Words, figures and the sum of the goods; returns the goods that hold."""
    words = _words(face, cells)
    figures = _figures(cells, words)
    tops = [cell.label.y0 for cell in cells if cell.name in ("figures", "words")]
    goods = goods_between(face, min(tops, default=None))
    spent = sum((line.amount or Decimal(0) for line in goods), Decimal(0))
    keep_total(
        face, words, figures, proven=bool(goods) and figures is not None and spent == figures.value
    )
    total = face.found.get("total_with_tax")
    holds = not face.recognised or (total is not None and total.value == spent)
    return goods if holds else ()


def _words(face: Face, cells: Sequence[Cell]) -> Sum | None:
    """The words, with what the roll's edge pushed into the next row."""
    shape = r"[零壹贰叁肆伍陆柒捌玖拾佰仟万亿圆元角分整正]+"
    found = []
    for cell in named(cells, "words"):
        long = with_rows_below(face, cell.rows[0], shape)
        found = spoken_sums([long]) or spoken_sums([cell.rows[0]])
        if found:
            return found[0]
    found = spoken_sums(face.sheet.rows)
    return found[0] if len({each.value for each in found}) == 1 else None


def _figures(cells: Sequence[Cell], words: Sum | None) -> Sum | None:
    """The sum beside 小写, else the one sum that a label of payment stands before."""
    for names in (("figures",), ("paid",)):
        sums = [
            found for cell in named(cells, *names) if (found := money_in(cell.rows[0])) is not None
        ]
        agreeing = [each for each in sums if words is not None and each.value == words.value]
        if agreeing:
            return agreeing[0]
        if len({each.value for each in sums}) == 1:
            return sums[0]
    return None


FACES = (
    FaceReader(
        "machine printed",
        score,
        read,
        {
            Kind.MACHINE_PRINTED: (
                "invoice_code",
                "invoice_number",
                "issue_date",
                "total_with_tax",
            )
        },
    ),
)

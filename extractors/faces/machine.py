"""通用机打发票: the flat form, and the rolls of shops, hotels, toll gates and car parks.

They share code, number and the words of what is theirs; labels differ by province and trade.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from extractors.layout import values
from extractors.layout.grid import Cell, named, read_grid, value_of
from extractors.layout.labels import relabelled
from extractors.layout.page import Run
from extractors.layout.paper import (
    HEAD_LABELS,
    Sum,
    keep_misspoken,
    keep_party_name,
    keep_total,
    money_in,
    read_date,
    read_machine_number,
    read_pair,
    spoken_sums,
)
from extractors.layout.reading import UNLABELLED, Face, FaceReader, compact, cut, labelled
from extractors.layout.slip_goods import doubt_unless_total, goods_between
from extractors.layout.slip_rows import keep_id_below, with_rows_below
from extractors.layout.slips import doubted
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
#: What the forms print, for labels that were read badly.
_PRINTED = (
    "发票代码", "发票号码", "机打代码", "机打号码", "机器编号", "开票日期", "行业分类",
    "付款单位", "收款单位", "付款方名称", "收款方名称", "付款方", "收款方", "纳税人识别号",
    "税务登记号", "合计金额(大写)", "合计(大写)", "合计(小写)", "金额(大写)", "金额(小写)",
    "收费金额", "通行费", "停车费", "入场时间", "进场时间", "入口时间", "驶入时间", "出场时间",
    "离场时间", "出口时间", "驶出时间", "交易时间", "收费时间", "开票人", "收款员", "收款人",
    "车牌号码", "车牌号", "收费员", "流水号", "收款单位(盖章有效)", "收款单位(盖章)",
)  # fmt: skip
#: What other families print and this one never does.
_OTHERS = (
    r"定额|税率|税额|价税合计|车价合计|财政|非税|电子发票|增值税|出租|回单|客票|航空|校验码\d{20}"
    r"|机动车销售|二手车|收据|签购单"
)
_PAID = r"(?:收费|通行费|停车费).{0,4}\d|[入出进离]场时间|收费员|车[牌型类]"
_REACH = 0.45
_SURE = 0.85
_MOMENT = re.compile(
    r"(20\d\d)[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
    r"(?:(?:[ T]|[-.·](?=\d\d:))?((?:[01]?\d|2[0-3]):[0-5]\d)(?::\d{2})?)?"
)
_SPOKEN = r"[零壹贰叁肆伍陆柒捌玖拾佰仟万亿圆元角分整正]+"
_SHAPES = {
    "trade": r"[\u4e00-\u9fff]{2,16}",
    "cashier": r"[\u4e00-\u9fffA-Za-z0-9]{2,12}",
    "entry": r"[\u4e00-\u9fffA-Za-z0-9]{2,16}",
    "exit": r"[\u4e00-\u9fffA-Za-z0-9]{2,16}",
    "vehicle_kind": r"[\u4e00-\u9fffA-Za-z0-9]{1,10}",
    "plate": r"[\u4e00-\u9fff][A-Z0][0-9A-Z\u4e00-\u9fff]{4,7}",
}
_GATE_FIRM = re.compile(r"^[\u4e00-\u9fff()]{4,30}(?:公司|管理处|收费站|管理局|指挥部|中心)$")


def score(face: Face) -> int | None:
    """机打发票 in its title; or a paper code with tolls, parking, or payer and payee."""
    text = relabelled(face, _PRINTED).sheet.text
    if re.search(_OTHERS, text):
        return None
    if re.search(r"机打(?:平推式|卷式)?发票", text):
        return 4
    if re.search(r"(?:停车|停放|通行费|高速公路)[^\d\n]{0,8}发票", text) and re.search(_PAID, text):
        return 3
    if re.search(r"(?<!\d)[12]\d{11}(?!\d)", text) is None or "发票" not in text:
        return None
    if re.search(r"通行费|停车|机动车停放|收费站", text):
        return 3
    parties = re.search(r"[付收]款(?:单位|方)", text) and re.search(r"[大小]写|合计", text)
    return 3 if parties else None


def read(face: Face) -> Invoice:
    """Everything such an invoice shows."""
    face = relabelled(face, _PRINTED)
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
    if face.recognised:
        _keep_unlabelled_ids(face, heads)
    if "seller_name" not in face.found and not named(heads, "seller"):
        _read_unlabelled_seller(face)


def _keep_unlabelled_ids(face: Face, heads: Sequence[Cell]) -> None:
    """Ids that prove themselves, to the right of a party or right below it."""
    for run in map(compact, face.sheet.runs):
        match = re.search(r"(?<![0-9A-Z])[0-9A-Z]{18}$", run.text)
        part = cut(run, match, 0) if match else None
        if part is None or not values.check_character_holds(part.text):
            continue
        before = [head for head in heads if _precedes(head.label, part)]
        owner = max(before, key=lambda head: (head.label.middle, head.label.x0), default=None)
        if owner is None or part.middle - owner.label.middle > 2.5 * owner.label.height:
            continue
        if f"{owner.name}_tax_id" not in face.found:
            face.keep(f"{owner.name}_tax_id", part.text, part, most=UNLABELLED)


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
    for name, cell in _hours(cells).items():
        moment = _moment(cell)
        if moment is not None and " " in moment[0]:
            extra[name] = face.field(moment[0], moment[1])
    if face.recognised and len({"entry_time", "exit_time"} & extra.keys()) == 1:
        _read_other_time(face, extra)
    return extra


def _hours(cells: Sequence[Cell]) -> dict[str, Cell]:
    """The cells of coming in and going out. Of two whose labels say no more than that they are
    times, the upper is of coming in."""
    found = {name: cell for name in ("entry_time", "exit_time") for cell in named(cells, name)[:1]}
    leaving = named(cells, "exit_time")
    if "entry_time" not in found and len(leaving) > 1:
        return {"entry_time": leaving[0], "exit_time": leaving[-1]}
    return found


def _read_other_time(face: Face, extra: dict[str, Field[str]]) -> None:
    """The hour of the label that was not recognised: coming in is printed above going out."""
    known = next(iter({"entry_time", "exit_time"} & extra.keys()))
    others = {}
    for row in map(compact, face.sheet.rows):
        moment = _moment_in(row)
        if moment is not None and " " in moment[0] and moment[0] != extra[known].value:
            others[moment[0]] = moment[1]
    if len(others) != 1:
        return
    text, run = others.popitem()
    box = extra[known].box
    above = box is not None and face.sheet.box(run).y0 < box.y0
    if above is (known == "exit_time"):
        name = "entry_time" if above else "exit_time"
        extra[name] = doubted(face.field(text, run), UNLABELLED)


def _moment(cell: Cell | None) -> tuple[str, Run] | None:
    """`YYYY-MM-DD HH:MM` of a cell, or the day alone."""
    return _moment_in(compact(cell.value)) if cell is not None and cell.value is not None else None


def _moment_in(bare: Run) -> tuple[str, Run] | None:
    match = _MOMENT.search(bare.text)
    part = cut(bare, match, 0) if match is not None else None
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
    """Words, figures and the sum of the goods; returns the goods. Recognised ones that do not sum
    to the total come with a finding."""
    words = _words(face, cells)
    figures = _figures(cells, words)
    goods = goods_between(face, _floor(cells, words, figures), top=_ceiling(cells))
    spent = sum((line.amount or Decimal(0) for line in goods), Decimal(0))
    # The same figures twice on a poor page may be misread in the same way.
    counts = len(goods) > 1 or (figures is not None and figures.run.score >= _SURE)
    keep_total(
        face,
        words,
        figures,
        proven=bool(goods) and counts and figures is not None and spent == figures.value,
    )
    if face.recognised and figures is not None and "amount_in_words" not in face.found:
        broken = [row for cell in named(cells, "words") for row in cell.rows]
        keep_misspoken(face, figures, [with_rows_below(face, row, _SPOKEN) for row in broken])
    doubt_unless_total(face, goods)
    return goods


def _floor(cells: Sequence[Cell], words: Sum | None, figures: Sum | None) -> float | None:
    """Where the goods end: at the labels of the total, or where those are lost at the total."""
    tops = [cell.label.y0 for cell in cells if cell.name in ("figures", "words")]
    tops += [found.run.y0 for found in (words, figures) if found is not None]
    return min(tops, default=None)


def _ceiling(cells: Sequence[Cell]) -> float | None:
    """Below the labels of the head, where goods begin."""
    heads = ("buyer", "seller", "tax_id", "date", "print_number", "machine")
    bottom = [cell.label for cell in cells if cell.name in heads]
    return max((label.middle + 0.5 * label.height for label in bottom), default=None)


def _words(face: Face, cells: Sequence[Cell]) -> Sum | None:
    """The words, with what the roll's edge pushed into the next row."""
    for cell in named(cells, "words"):
        long = with_rows_below(face, cell.rows[0], _SPOKEN)
        found = spoken_sums([long]) or spoken_sums([cell.rows[0]])
        if found:
            # What is left of broken words may make an amount too.
            cut_off = len(compact(found[0].run).text) < len(compact(cell.rows[0]).text) - 1
            return None if face.recognised and cut_off else found[0]
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
    signed = [
        Sum(value, part)
        for cell in named(cells, "words", "figures")
        for part in labelled(cell.rows, r"([¥羊]\d[\d,]*\.\d\d)(?!\d)")
        if (value := values.money(part.text)) is not None
    ]
    return signed[0] if len({each.value for each in signed}) == 1 else None


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
        _PRINTED,
    ),
)

"""Taxi receipts: a narrow roll whose form names the values in a column, and whose meter prints
them beside it (`layout.meter`).

The total is weighed against distance and price, since no second printing confirms it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal

from extractors.layout import values
from extractors.layout.labels import relabelled
from extractors.layout.meter import Label, Meter
from extractors.layout.page import Run
from extractors.layout.reading import UNLABELLED, Face, FaceReader, compact, cut, labelled
from extractors.layout.slips import DOUBTED, doubted, keep_name
from extractors.model import Field, Invoice, Kind

#: Labels of the form and what they name; those that begin alike stand longest first.
_LABELS = (
    ("total", r"实收金额|合计金额|总金额|应收金额|车费合计|合计|总计|实收"),
    ("fare", r"金额|车费"),
    ("fuel", r"燃油附加费?|燃油费|附加费"),
    ("call", r"预约叫车(?:服务费)?|叫车服务费|电召费"),
    ("plate", r"车牌号码?|车辆牌号|车号|车牌|牌号"),
    ("licence", r"服务证号|资格证号|证号|监督卡号"),
    ("date", r"乘车日期|日期"),
    ("board", r"上车时间|上车"),
    ("alight", r"下车时间|下车"),
    ("waiting", r"等候时间|等候|候时|低速"),
    ("times", r"乘车时间|时间"),
    ("price", r"单价"),
    ("km", r"行驶里程|载客里程|计费里程|里程"),
    ("state", r"状态"),
    ("phone", r"电话"),
    ("card", r"卡原额|卡余额|卡号"),
)
_LABEL = re.compile("|".join(f"(?P<{name}>{words})" for name, words in _LABELS))
_AFTER_LABEL = re.compile(r"[:：]?(?:\((?:元/公里|元/km|元|公里|km)\)?)?[:：]?", re.IGNORECASE)
_NAMED = re.compile(r"^[\u4e00-\u9fff()]*(?:出租|的士)[\u4e00-\u9fff()]*发票[\u4e00-\u9fff()]*$"
                    r"|^[\u4e00-\u9fff()]*发票\((?:出租|的士)[\u4e00-\u9fff]*\)$")  # fmt: skip
_FIRM = re.compile(r"([\u4e00-\u9fff()]{2,}(?:公司|车队|合作社))$")
_TITLE = re.compile(r"出租(?:汽)?车|的士|TAXI", re.IGNORECASE)
_SIGNS = (
    r"上车|\d\d:\d\d-\d\d:\d\d", r"下车", r"单价", r"里程", r"等候|候时", r"车号|车牌",
    r"燃油附加|状态|证号",
)  # fmt: skip


_FEN = Decimal("0.01")

#: What forms print, for labels that were read badly.
_PRINTED = (
    "发票代码", "发票号码", "收款单位", "车牌号码", "车辆牌号", "服务证号", "资格证号", "乘车日期",
    "上车时间", "下车时间", "等候时间", "行驶里程", "载客里程", "计费里程", "燃油附加费",
    "实收金额", "合计金额", "应收金额", "预约叫车服务费",
)  # fmt: skip


def score(face: Face) -> int | None:
    """A title that speaks of taxis and three of the meter's words, or five of them alone."""
    text = relabelled(face, _PRINTED).sheet.text
    if re.search(r"价税合计|纳税人识别号.*税率|客票|行程单|规格型号", text):
        return None
    seen = sum(bool(re.search(sign, text)) for sign in _SIGNS)
    if seen >= 5 or (seen >= 3 and _TITLE.search(text)):
        return 4
    return 3 if seen >= 4 else None


def read(face: Face) -> Invoice:
    """Code and number of the form, and what the meter printed."""
    face = relabelled(face, _PRINTED)
    labels = list(_labels(face))
    _read_form(face, labels)
    _read_seller(face)
    meter = Meter(face, labels)
    extra = {**_title(face), **meter.plate(), **meter.times(), **meter.waiting()}
    meter.date()
    figures = meter.figures()
    names = {"unit_price": "price", "km": "km", "fare": "fare", "fuel": "fuel"}
    for name, label in names.items():
        if label in figures and not (name == "fare" and "total" not in figures):
            value, run = figures[label]
            text = f"{value:f}" if name == "km" else f"{value:.2f}"
            extra[name] = face.field(text, run)
            if label in meter.unlabelled:
                extra[name] = doubted(extra[name], UNLABELLED)
    _doubt_way(face, figures, extra)
    _keep_total(face, meter, labels, figures)
    return face.invoice(Kind.TAXI, extra=extra)


def _title(face: Face) -> dict[str, Field[str]]:
    """`title`: the name of the form, which says whose taxis these are."""
    found = [run for run in map(compact, face.sheet.rows) if _NAMED.match(run.text)]
    return {"title": face.field(found[0].raw, found[0])} if len(found) == 1 else {}


def _labels(face: Face) -> Iterator[Label]:
    for run in face.sheet.phrases:
        bare = compact(run)
        match = _LABEL.match(bare.text)
        name = match.lastgroup if match else None
        if match is None or name is None:
            continue
        after = _AFTER_LABEL.match(bare.text, match.end())
        end = after.end() if after else match.end()
        yield Label(name, bare, bare.part(end, len(bare.glyphs)))


def _read_form(face: Face, labels: list[Label]) -> None:
    """发票代码 (12 digits) and 发票号码 (8), by their labels or as what stands over the meter's
    rows; of several lone numbers (a telephone has 8 digits too) the one next to the code."""
    floor = min((label.run.middle for label in labels), default=face.sheet.bottom)
    runs = [compact(run) for run in face.sheet.phrases if run.middle < floor]
    rows = [compact(row) for row in face.sheet.rows if row.middle < floor]
    codes = _numbers(rows, runs, r"代[码玛][:.]?", r"\d{12}|\d{10}")
    if len({run.text for run in codes}) > 1:
        # Meters and cards have twelve digits too, but name no province after the first.
        codes = [run for run in codes if values.is_invoice_code(f"0{run.text[1:]}")]
    if len({run.text for run in codes}) != 1:
        return
    face.keep("invoice_code", codes[0].text, codes[0], proven=len(codes) > 1)
    found = _numbers(rows, runs, r"号[码玛][:.]?", r"\d{8}")
    by_distance = sorted(found, key=lambda run: abs(run.middle - codes[0].middle))
    close = [
        run
        for run in by_distance
        if abs(run.middle - codes[0].middle) < 3 * codes[0].height or len(by_distance) == 1
    ]
    if len({run.text for run in close}) == 1:
        face.keep("invoice_number", close[0].text, close[0], proven=len(close) > 1)


def _numbers(rows: list[Run], runs: list[Run], label: str, digits: str) -> list[Run]:
    found = labelled(rows, rf"{label}({digits})(?!\d)")
    return found or [part for run in runs if (part := _whole(run, digits)) is not None]


def _whole(run: Run, digits: str) -> Run | None:
    match = re.fullmatch(rf"(?:N[Oo0][.:]?|№)?({digits})", run.text)
    return cut(run, match) if match else None


def _read_seller(face: Face) -> None:
    found = []
    for run in map(compact, face.sheet.phrases):
        text = re.sub(r"^(?:收款单位|单位|公司名称|公司):?", "", run.text)
        match = _FIRM.search(text)
        part = run.part(len(run.text) - len(match[1]), len(run.text)) if match else None
        if part is not None and not re.search(r"税务|印务|印刷", part.text):
            found.append(part)
    if len(found) == 1:
        keep_name(face, "seller_name", found[0])


def _keep_total(
    face: Face, meter: Meter, labels: list[Label], figures: dict[str, tuple[Decimal, Run]]
) -> None:
    """The total under its own label, or the fare where no total is printed. Its parts prove it
    (rounded to a whole yuan or not); a recognised one that contradicts them is left out, and one
    that the distance makes unlikely is doubtful."""
    named = {label.name for label in labels}
    summed = meter.summed()
    if "total" not in figures and summed is not None:
        face.keep("total_with_tax", *summed, proven=True)
        return
    if "total" in meter.unlabelled:
        # As the form calls it, or not: with no fare printed either is what was paid.
        if "fare" not in figures:
            face.keep("total_with_tax", figures["total"][0].quantize(_FEN), figures["total"][1],
                      most=UNLABELLED)  # fmt: skip
        return
    name = "total" if "total" in named else "fare"
    if name not in figures:
        return
    total, run = figures[name]
    value = total.quantize(Decimal("0.01"))
    parts = sum(
        (figures[part][0] for part in ("fare", "fuel", "call") if part in figures), Decimal(0)
    )
    if name == "total" and "fare" in figures:
        whole = parts.quantize(Decimal(1), ROUND_HALF_UP)
        if total in (parts, whole):
            face.keep("total_with_tax", value, run, proven=True)
        elif not face.recognised:
            face.keep("total_with_tax", value, run, most=DOUBTED)
        return
    face.keep("total_with_tax", value, run, most=1.0 if _likely(total, figures) else DOUBTED)


def _doubt_way(
    face: Face, figures: dict[str, tuple[Decimal, Run]], extra: dict[str, Field[str]]
) -> None:
    """A ride that costs much more than its way, or less, may have lost a digit of one of them."""
    paid = figures.get("total") or figures.get("fare")
    if not face.recognised or paid is None or not {"km", "price"} <= figures.keys():
        return
    way = figures["km"][0] * figures["price"][0]
    if not Decimal("0.8") * way <= paid[0] <= 20 + Decimal("1.8") * way:
        extra.update({name: doubted(extra[name]) for name in ("km", "unit_price") if name in extra})


def _likely(total: Decimal, figures: dict[str, tuple[Decimal, Run]]) -> bool:
    """Could a ride of this length at this price cost so much? Unknown lengths may."""
    if "km" not in figures or "price" not in figures:
        return False
    way = figures["km"][0] * figures["price"][0]
    return Decimal("0.5") * way <= total <= 40 + Decimal("2.2") * way


FACES = (
    FaceReader(
        "taxi",
        score,
        read,
        {Kind.TAXI: ("invoice_code", "invoice_number", "issue_date", "total_with_tax")},
        _PRINTED,
    ),
)

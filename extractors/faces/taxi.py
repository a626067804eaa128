"""Taxi receipts: a narrow roll whose form names the values in a column, and whose meter prints
them beside it, often a little higher or lower.

A value is told by its shape first (date, clock, waiting time, plate); figures, which look alike,
go to the label whose row they stand in once the whole print's offset is taken off. The total is
weighed against distance and price, since no second printing confirms it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from statistics import median

from extractors.layout import values
from extractors.layout.page import Run
from extractors.layout.reading import Face, FaceReader, compact, cut, labelled
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
_AFTER_LABEL = re.compile(r"[:：]?(?:\((?:元|公里|km|元/公里|元/km)\))?[:：]?", re.IGNORECASE)
#: The traditional form that recognition takes one for; plates know only the simple ones.
_SIMPLE = str.maketrans("粵魯遼蘇貴雲陝滬晉贛", "粤鲁辽苏贵云陕沪晋赣")
_PROVINCES = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新"
_PLATE = re.compile(rf"^(?=(?:\D*\d){{3}})(?:[{_PROVINCES}][A-Z]|[A-Z])[.·\-]?[A-Z0-9]{{4,6}}$")
_TIMES = re.compile(r"(?<![\d:])(\d{1,2}:\d{2})\s*[-~至]+\s*(\d{1,2}:\d{2})(?![\d:])")
_WAITING = re.compile(r"(?<![\d:])(\d{1,2}:\d{2}:\d{2})(?![\d:])")
_CLOCK = re.compile(r"^(\d{1,2}:\d{2})$")
_FIGURE = re.compile(r"^[¥Y羊]?(\d{1,5}\.\d{1,2})(元/公里|元/km|元|km|公里)?[.·]?$", re.IGNORECASE)
_NAMED = re.compile(r"^[\u4e00-\u9fff()]*(?:出租|的士)[\u4e00-\u9fff()]*发票[\u4e00-\u9fff()]*$"
                    r"|^[\u4e00-\u9fff()]*发票\((?:出租|的士)[\u4e00-\u9fff]*\)$")  # fmt: skip
_FIRM = re.compile(r"([\u4e00-\u9fff()]{2,}(?:公司|车队|合作社))$")
#: Which labels a figure with this unit may answer.
_MONEY = ("price", "fare", "fuel", "call", "total")
_BY_UNIT = {"": (*_MONEY, "km"), "元": _MONEY, "km": ("km",), "公里": ("km",)}
_TITLE = re.compile(r"出租(?:汽)?车|的士|TAXI", re.IGNORECASE)
_SIGNS = (
    r"上车|\d\d:\d\d-\d\d:\d\d", r"下车", r"单价", r"里程", r"等候|候时", r"车号|车牌",
    r"燃油附加|状态|证号",
)  # fmt: skip


@dataclass(frozen=True)
class _Label:
    name: str
    run: Run
    #: What follows the label in the same run, if anything does.
    beside: Run | None


def score(face: Face) -> int | None:
    """A title that speaks of taxis and three of the meter's words, or five of them alone."""
    text = face.sheet.text
    if re.search(r"价税合计|纳税人识别号.*税率|客票|行程单|规格型号", text):
        return None
    seen = sum(bool(re.search(sign, text)) for sign in _SIGNS)
    if seen >= 5 or (seen >= 3 and _TITLE.search(text)):
        return 4
    return 3 if seen >= 4 else None


def read(face: Face) -> Invoice:
    """Code and number of the form, and what the meter printed."""
    labels = list(_labels(face))
    _read_form(face, labels)
    _read_seller(face)
    meter = _Meter(face, labels)
    extra = {**_title(face), **meter.plate(), **meter.times(), **meter.waiting()}
    meter.date()
    figures = meter.figures()
    names = {"unit_price": "price", "km": "km", "fare": "fare", "fuel": "fuel"}
    for name, label in names.items():
        if label in figures and not (name == "fare" and "total" not in figures):
            value, run = figures[label]
            text = f"{value:f}" if name == "km" else f"{value:.2f}"
            extra[name] = face.field(text, run)
    _keep_total(face, meter, labels, figures)
    return face.invoice(Kind.TAXI, extra=extra)


def _title(face: Face) -> dict[str, Field[str]]:
    """`title`: the name of the form, which says whose taxis these are."""
    found = [run for run in map(compact, face.sheet.rows) if _NAMED.match(run.text)]
    return {"title": face.field(found[0].raw, found[0])} if len(found) == 1 else {}


def _labels(face: Face) -> Iterator[_Label]:
    for run in face.sheet.phrases:
        bare = compact(run)
        match = _LABEL.match(bare.text)
        name = match.lastgroup if match else None
        if match is None or name is None:
            continue
        after = _AFTER_LABEL.match(bare.text, match.end())
        end = after.end() if after else match.end()
        yield _Label(name, bare, bare.part(end, len(bare.glyphs)))


def _read_form(face: Face, labels: list[_Label]) -> None:
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


class _Meter:
    """The meter's print, every value told by its shape or by the label of its row."""

    def __init__(self, face: Face, labels: list[_Label]) -> None:
        self._face = face
        self._labels = labels
        beside = [label.beside for label in labels if label.beside is not None]
        starts = {id(label.run.glyphs[0]) for label in labels}
        loose = [
            bare for run in face.sheet.phrases if id((bare := compact(run)).glyphs[0]) not in starts
        ]
        self._prints = [*beside, *loose]
        self._offset = self._common_offset()

    def _common_offset(self) -> float:
        """How much lower than its labels the meter prints, by the values that only one label
        can have."""
        offsets = []
        for name, shape in (("waiting", _WAITING), ("times", _TIMES), ("date", None)):
            named = [label for label in self._labels if label.name == name]
            found = [run for run in self._prints if self._shaped(run, shape)]
            if len(named) == 1 and len(found) == 1:
                offsets.append(found[0].middle - named[0].run.middle)
        return median(offsets) if offsets else 0.0

    @staticmethod
    def _shaped(run: Run, shape: re.Pattern[str] | None) -> bool:
        if shape is None:
            return values.date(run.text) is not None
        return shape.search(run.text) is not None

    def _label_of(self, run: Run, allowed: tuple[str, ...]) -> str | None:
        """The label in whose row a print stands, if it is one that it may answer."""
        own = [label for label in self._labels if label.beside is run]
        if own:
            return own[0].name if own[0].name in allowed else None
        left = [label for label in self._labels if label.beside is None and label.run.x0 < run.x0]
        if not left:
            return None
        level = run.middle - self._offset
        ranked = sorted(left, key=lambda label: abs(label.run.middle - level))
        nearest = ranked[0]
        distance = abs(nearest.run.middle - level)
        clear = len(ranked) == 1 or abs(ranked[1].run.middle - level) > 1.6 * distance
        close = distance < 0.8 * max(nearest.run.height, run.height)
        return nearest.name if clear and close and nearest.name in allowed else None

    def date(self) -> None:
        """The only date. One that ends before its 日 may have lost a digit too."""
        found = {value: run for run in self._prints if (value := values.date(run.text)) is not None}
        if len(found) == 1:
            value, run = found.popitem()
            whole = "年" not in run.text or "日" in run.text
            self._face.keep("issue_date", value, run, most=1.0 if whole else DOUBTED)

    def plate(self) -> dict[str, Field[str]]:
        """The plate without dots; a province that the form prints with the label leads it."""
        label = next((each for each in self._labels if each.name == "plate"), None)
        printed = [run for run in self._prints if _PLATE.match(run.text.translate(_SIMPLE))]
        if label is None or len(printed) != 1:
            return {}
        alone = [run.text for run in self._prints if run.text in tuple(_PROVINCES)]
        text = re.sub(r"[.·\-]", "", printed[0].text).translate(_SIMPLE)
        province = alone[0] if len(alone) == 1 and text[0] not in _PROVINCES else ""
        return {"plate": self._face.field(province + text, printed[0])}

    def times(self) -> dict[str, Field[str]]:
        """`board_time` and `alight_time` as HH:MM: after midnight the day is not printed."""
        for run in self._prints:
            match = _TIMES.search(run.text)
            start, end = (cut(run, match, 1), cut(run, match, 2)) if match else (None, None)
            if start is not None and end is not None:
                return self._clocks({"board": start, "alight": end})
        found: dict[str, list[Run]] = {}
        for run in self._prints:
            if _CLOCK.match(run.text):
                name = self._label_of(run, ("board", "alight"))
                found.setdefault(name or "", []).append(run)
        named = {name: runs[0] for name, runs in found.items() if name and len(runs) == 1}
        lost = sorted(found.get("", []), key=lambda run: run.middle)
        if not named and len(lost) == 2:
            # Labels under a seal: boarding is printed above alighting everywhere.
            fields = self._clocks({"board": lost[0], "alight": lost[1]})
            return {name: doubted(field) for name, field in fields.items()}
        return self._clocks(named)

    def _clocks(self, found: dict[str, Run]) -> dict[str, Field[str]]:
        return {
            f"{name}_time": self._face.field(f"{run.text:0>5}", run)
            for name, run in found.items()
            if int(run.text.split(":")[0]) < 24 and int(run.text.split(":")[1]) < 60
        }

    def waiting(self) -> dict[str, Field[str]]:
        found = [
            part
            for run in self._prints
            for match in _WAITING.finditer(run.text)
            if (part := cut(run, match)) is not None
        ]
        if len(found) != 1:
            return {}
        return {"waiting": self._face.field(f"{found[0].text:0>8}", found[0])}

    def figures(self) -> dict[str, tuple[Decimal, Run]]:
        """Each labelled figure; a label that two figures claim has none."""
        claims: dict[str, list[tuple[Decimal, Run]]] = {}
        for run in self._prints:
            match = _FIGURE.match(run.text)
            part = cut(run, match) if match else None
            if match is None or part is None:
                continue
            name = self._label_of(run, self._answers(match))
            if name is not None:
                claims.setdefault(name, []).append((Decimal(match[1]), part))
        return {name: found[0] for name, found in claims.items() if len(found) == 1}

    def summed(self) -> tuple[Decimal, Run] | None:
        """Of at least three sums with their signs the lowest, if it is what those above it make
        together, to the fen or rounded to a yuan: a total that needs no label."""
        signed = []
        for run in sorted(self._prints, key=lambda run: run.middle):
            match = re.fullmatch(r"[¥羊](\d{1,5}\.\d{2})", run.text)
            part = cut(run, match) if match else None
            if match is not None and part is not None:
                signed.append((Decimal(match[1]), part))
        if len(signed) < 3:
            return None
        parts = sum((value for value, _ in signed[:-1]), Decimal(0))
        total = signed[-1]
        whole = parts.quantize(Decimal(1), ROUND_HALF_UP)
        return total if total[0] > 0 and total[0] in (parts, whole) else None

    @staticmethod
    def _answers(match: re.Match[str]) -> tuple[str, ...]:
        unit = (match[2] or "").lower()
        if unit.startswith("元/"):
            return ("price",)
        if not unit and match[0][0] in "¥Y羊":
            return _MONEY
        return _BY_UNIT[unit]


def _keep_total(
    face: Face, meter: _Meter, labels: list[_Label], figures: dict[str, tuple[Decimal, Run]]
) -> None:
    """The total under its own label, or the fare where no total is printed. Its parts prove it
    (rounded to a whole yuan or not); a recognised one that contradicts them is left out, and one
    that the distance makes unlikely is doubtful."""
    named = {label.name for label in labels}
    summed = meter.summed()
    if "total" not in figures and summed is not None:
        face.keep("total_with_tax", *summed, proven=True)
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
    ),
)

"""What 数电票 of special businesses show beyond the ordinary face, under its own keys.

Some of it stands in columns of the table (place of building work, number of a deed, plate and
days of a toll), some in a box between the sums and the total (travellers, freight), some in the
remarks (address and term of a lease, the invoice that a red one cancels). Several values of one
key are joined by "; ".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from extractors.layout.lines import Row
from extractors.layout.page import Run, plain
from extractors.layout.reading import Face, compact
from extractors.layout.special_box import read_box
from extractors.model import Field

#: What stands in the head's left corner.
TAGS = (
    "建筑服务",
    "不动产销售",
    "不动产经营租赁服务",
    "货物运输服务",
    "旅客运输服务",
    "自产农产品销售",
    "农产品收购",
    "收购",
    "光伏收购",
    "报废产品收购",
    "差额征税-差额开票",
    "差额征税-全额开票",
    "差额征税",
    "减按征税",
    "成品油",
    "稀土",
    "卷烟",
    "电子烟",
    "通行费",
    "代收车船税",
    "代开",
    "民航发展基金",
    "医疗服务(住院)",
    "医疗服务(门诊)",
    "拖拉机和联合收割机",
    "机动车",
    "二手车",
    "出口发票",
)
#: Columns of the table and the key of each.
_COLUMNS = ("site", "project", "certificate", "area_unit", "plate", "vehicle")
_DAY = r"(20\d\d)[-/.年]?(\d\d)[-/.月]?(\d\d)日?"
_CLOCK = r"(?: (\d\d:\d\d)(?::\d\d)?)?"
_LABELS = "租赁期|跨地|面积单位|产权证|不动产|土地增值税|建筑项目|到达地|车种|运输"
_END = rf"(?=[;；,，\n]|$| *(?:{_LABELS}))"
#: Values in the remarks: the key and what stands before and in it. Brackets are plain.
_NOTES = (
    ("address", rf"不动产(?:详细)?地址:([^;；\n]+?){_END}"),
    ("cross_city", r"跨地\(?市\)?标志:(是|否)"),
    ("certificate", rf"产权证书[^:：;；\n]{{0,12}}:([^;；\n]+?){_END}"),
    ("area_unit", rf"面积单位:([^;；\n]{{1,6}}?){_END}"),
    ("site", rf"建筑服务发生地:([^;；\n]+?){_END}"),
    ("project", rf"建筑(?:服务)?项目名称:([^;；\n]+?){_END}"),
    ("from", rf"起运地:([^;；\n]+?){_END}"),
    ("to", rf"到达地:([^;；\n]+?){_END}"),
    ("goods", rf"运输货物(?:信息|名称):([^;；\n]+?){_END}"),
    ("original_number", r"被红冲蓝字数电(?:发)?票(?:发票)?号码:(\d{20})(?!\d)"),
    ("original_number", r"对应正数发票代码:\d{10,12}号码:(\d{8})(?!\d)"),
    ("original_number", r"被红冲蓝字(?:增值税)?发票号码:(\d{8})(?!\d)"),
    ("original_code", r"对应正数发票代码:(\d{12}|\d{10})号码"),
    ("original_code", r"被红冲蓝字(?:增值税)?发票代码:(\d{12}|\d{10})(?!\d)"),
    ("red_notice", r"红字(?:增值税)?发票信息确认单编号:(\w{8,24})"),
    ("red_notice", r"红字(?:增值税)?(?:专用)?发票信息表编号:?(\d{16})(?!\d)"),
    ("deduction", r"(?:差额征税|扣除额):¥?(\d+\.\d\d)(?!\d)"),
)
_TERM = re.compile(rf"租赁期起止:{_DAY}{_CLOCK}[ 至到~\-—]+{_DAY}{_CLOCK}")


def read_special(
    face: Face, rows: Sequence[Row], head: float, sums: float | None, words: float
) -> dict[str, Field[str]]:
    """Everything special. `head` is where the head ends, `sums` the bottom of the row of sums,
    `words` the top of the row of the total; values of the table come before those of the
    remarks, which repeat them."""
    found: dict[str, Field[str]] = {}
    _read_tags(face, head, found)
    for name in _COLUMNS:
        _keep_cells(face, found, name, [row.cell(name) for row in rows])
    _read_days(face, rows, found)
    if sums is not None:
        for name, cells in read_box(face, sums, words).items():
            _keep_cells(face, found, name, cells, _day if name == "travel_date" else tidy)
    _read_notes(face, found)
    return found


def _read_tags(face: Face, head: float, found: dict[str, Field[str]]) -> None:
    tags = {
        text: run
        for run in face.sheet.within([*face.sheet.runs, *face.sheet.phrases], bottom=head)
        if (text := compact(run).text.strip("()")) in TAGS or compact(run).text in TAGS
    }
    if tags:
        worst = min(tags.values(), key=lambda run: run.score)
        found["special"] = face.field("; ".join(tags), worst)


def _keep_cells(
    face: Face,
    found: dict[str, Field[str]],
    name: str,
    cells: Iterable[Run | None],
    value: Callable[[str], str | None] | None = None,
) -> None:
    """Keep the different values of the cells; one that is no value leaves all of them out."""
    runs = [run for run in cells if run is not None]
    texts = [(value or tidy)(run.raw) for run in runs]
    if runs and None not in texts:
        whole = Run(tuple(glyph for run in runs for glyph in run.glyphs))
        found[name] = face.field("; ".join(dict.fromkeys(filter(None, texts))), whole)


def tidy(text: str) -> str | None:
    """A cell's text; spaces beside Chinese characters are the source's gaps, others stay."""
    return re.sub(r"(?<=[^\x00-\x7f])\s+|\s+(?=[^\x00-\x7f])", "", text.strip()) or None


def _day(text: str) -> str | None:
    bare = plain(text).replace(" ", "")
    match = re.fullmatch(r"(20\d\d)[-/.年](\d{1,2})[-/.月](\d{1,2})日?", bare)
    return f"{match[1]}-{int(match[2]):02d}-{int(match[3]):02d}" if match else None


def _read_days(face: Face, rows: Sequence[Row], found: dict[str, Field[str]]) -> None:
    """First and last day of a toll, `2026-04-01/2026-04-30`."""
    periods: dict[str, Run] = {}
    for row in rows:
        begin, end = row.cell("begin"), row.cell("end")
        if begin is None or end is None:
            continue
        days = [re.fullmatch(_DAY, compact(run).text) for run in (begin, end)]
        if not all(days):
            return
        text = "/".join("-".join(day.groups()) for day in days if day)
        periods.setdefault(text, Run((*begin.glyphs, *end.glyphs)))
    if periods:
        whole = Run(tuple(glyph for run in periods.values() for glyph in run.glyphs))
        found["period"] = face.field("; ".join(periods), whole)


def _read_notes(face: Face, found: dict[str, Field[str]]) -> None:
    remarks = face.found.get("remarks")
    if remarks is None:
        return
    # Wrapped remarks may break anywhere, also within a label or a number.
    text = plain(remarks.value)
    for name, pattern in _NOTES:
        match = re.search(pattern, text)
        if match and name not in found:
            found[name] = remarks.model_copy(update={"value": match[1].strip(), "raw": match[0]})
    term = _TERM.search(text)
    if term and "period" not in found:
        ends = ("-".join(term.group(1, 2, 3)), "-".join(term.group(5, 6, 7)))
        clocks = (term[4], term[8])
        value = "/".join(
            f"{day} {clock}" if clock else day for day, clock in zip(ends, clocks, strict=True)
        )
        found["period"] = remarks.model_copy(update={"value": value, "raw": term[0]})

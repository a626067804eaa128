"""What 数电票 of special businesses show beyond the ordinary face, under its own keys.

Some of it stands in columns of the table (place of building work, number of a deed, plate and
days of a toll), some in a box between the sums and the total (travellers, freight), some in the
remarks (address and term of a lease, the invoice that a red one cancels). Several values of one
key are joined by "; ".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from rapidfuzz.distance import Levenshtein

from extractors.layout import mending
from extractors.layout.lines import Row
from extractors.layout.page import Run, plain
from extractors.layout.reading import UNLABELLED, Face, compact
from extractors.layout.special_box import read_box
from extractors.model import Field
from extractors.notes import notes_of

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
#: What only invoices of one business print.
_SIGNS = (
    ("通行费", r"通行日.起|通行日.止|车牌号通行"),
    ("建筑服务", r"建筑服务发生|服务发生地|建筑项目名"),
    ("不动产经营租赁服务", r"租赁期起|^\*?经营租赁"),
    ("不动产销售", r"产权证书|^\*?不动产\*?"),
    ("货物运输服务", r"运输货物|运输工具.类|货物名称$"),
    ("旅客运输服务", r"^出行[人日]|身份证件号"),
)
#: How many rows' height at most the box between the sums and the total takes.
_BOX_ROWS = 6
_ID_LENGTH = 18
#: A tag so long is still known with a character misread.
_LONG_TAG = 5
#: Columns of the table and the key of each.
_COLUMNS = ("site", "project", "certificate", "area_unit", "plate", "vehicle")
_DAY = r"(20\d\d)[-/.年]?(\d\d)[-/.月]?(\d\d)日?"


def read_special(
    face: Face, rows: Sequence[Row], head: float, sums: float | None, words: float
) -> dict[str, Field[str]]:
    """Everything special. `head` is where the head ends, `sums` the bottom of the row of sums,
    `words` the top of the row of the total; values of the table come before those of the
    remarks, which repeat them."""
    found: dict[str, Field[str]] = {}
    _read_tags(face, head, found)
    doubtful = any(row.cut or row.glued for row in rows)
    for name in _COLUMNS:
        value = _area if name == "area_unit" and face.recognised else tidy
        _keep_cells(face, found, name, [row.cell(name) for row in rows], value)
        if name in found and doubtful:
            found[name] = _less_sure(found[name])
    _read_days(face, rows, found)
    if sums is None and face.recognised:
        sums = words - _BOX_ROWS * face.sheet.line_height
    if sums is not None:
        for name, cells in read_box(face, sums, words).items():
            _keep_cells(face, found, name, cells, _day if name == "travel_date" else tidy)
        ids = found.get("traveller_id")
        if face.recognised and ids is not None and _miscounts(ids.value):
            found["traveller_id"] = _less_sure(ids)
    _read_notes(face, found)
    if "special" not in found and face.recognised:
        _infer_tag(face, found)
    return found


def _miscounts(ids: str) -> bool:
    """Are there stars in an id that then has not the eighteen characters of all masked ones? Runs
    of equal characters are what recognition counts worst."""
    return any("*" in each and len(each) != _ID_LENGTH for each in re.split(r"[;；\s]+", ids))


def _infer_tag(face: Face, found: dict[str, Field[str]]) -> None:
    """Titles that stand on invoices of one business alone tell it where its mark was not read."""
    for tag, signs in _SIGNS:
        for run in face.sheet.runs:
            if re.search(signs, compact(run).text):
                found["special"] = _less_sure(face.field(tag, run))
                return


def _read_tags(face: Face, head: float, found: dict[str, Field[str]]) -> None:
    above = face.sheet.within([*face.sheet.runs, *face.sheet.phrases], bottom=head)
    tags = {
        text: run
        for run in above
        if (text := compact(run).text.strip("()")) in TAGS or compact(run).text in TAGS
    }
    if tags:
        worst = min(tags.values(), key=lambda run: run.score)
        found["special"] = face.field("; ".join(tags), worst)
    elif face.recognised:
        near = [(tag, run) for run in above if (tag := _tag_near(compact(run).text)) is not None]
        if len({tag for tag, _ in near}) == 1:
            found["special"] = _less_sure(face.field(*near[0]))


def _tag_near(text: str) -> str | None:
    """The one tag that the text is but for a character; short tags are too much alike for it."""
    if len(text) < _LONG_TAG:
        return None
    near = [tag for tag in TAGS if Levenshtein.distance(text, tag, score_cutoff=1) <= 1]
    return near[0] if len(near) == 1 else None


def _keep_cells(
    face: Face,
    found: dict[str, Field[str]],
    name: str,
    cells: Iterable[Run | None],
    value: Callable[[str], str | None],
) -> None:
    """Keep the different values of the cells; one that is no value leaves all of them out."""
    runs = [run for run in cells if run is not None]
    texts = [value(run.raw) for run in runs]
    if not runs or None in texts:
        return
    different = list(dict.fromkeys(filter(None, texts)))
    whole = Run(tuple(glyph for run in runs for glyph in run.glyphs))
    field = face.field("; ".join(_whole_ones(different)), whole)
    closed = all(map(_is_closed, _whole_ones(different)))
    found[name] = field if closed or not face.recognised else _less_sure(field)


def _less_sure(field: Field[str]) -> Field[str]:
    return field.model_copy(update={"confidence": min(field.confidence, UNLABELLED)})


def _whole_ones(texts: list[str]) -> list[str]:
    """Without those that repeat another but for a bracket that recognition lost."""
    closed = {_bare(text) for text in texts if _is_closed(text)}
    return [text for text in texts if _is_closed(text) or _bare(text) not in closed]


def _is_closed(text: str) -> bool:
    return plain(text).count("(") == plain(text).count(")")


def _bare(text: str) -> str:
    return re.sub(r"[()]", "", plain(text))


def tidy(text: str) -> str | None:
    """A cell's text; spaces beside Chinese characters are the source's gaps, others stay."""
    return re.sub(r"(?<=[^\x00-\x7f])\s+|\s+(?=[^\x00-\x7f])", "", text.strip()) or None


def _area(text: str) -> str | None:
    return tidy(mending.unit(text, area=True))


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
    for name, (value, raw) in notes_of(remarks.value).items():
        found.setdefault(name, remarks.model_copy(update={"value": value, "raw": raw}))

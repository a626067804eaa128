"""电子发票（航空运输电子客票行程单）: number, day of issue, sums under their titles, buyer."""

from __future__ import annotations

import re

from extractors.layout import values
from extractors.layout.header import read_labelled_date, read_labelled_number
from extractors.layout.page import Run
from extractors.layout.parties import keep_tax_id
from extractors.layout.reading import Face, FaceReader, compact, labelled
from extractors.model import Invoice, Kind

_SUM_TITLES = re.compile(r"^(?:票价|燃油附加费|增值税税率|增值税税额|民航发展基金|其他税费|合计)$")
_RATE = re.compile(r"\d{1,2}(?:\.\d)?%")


def score(face: Face) -> int | None:
    """The title, or the itinerary's own words."""
    text = face.sheet.text
    if re.search(r"航空运输电子客票", text):
        return 4
    return 2 if re.search(r"民航发展基金", text) and re.search(r"航班", text) else None


def read(face: Face) -> Invoice:
    """What the itinerary shows of an invoice."""
    rows = [compact(row) for row in face.sheet.within(face.sheet.rows)]
    read_labelled_date(face, r"(?:填开|开票)日期:?")
    read_labelled_number(face)
    _read_sums(face)
    for name in labelled(rows, r"购买方名称:?(.{2,60}?)(?=统一社会|纳税人|$)")[:1]:
        face.keep("buyer_name", values.clean_name(name.raw), name)
    for name in labelled(rows, r"填开单位:?(.{2,60}?)(?=填开日期|$)")[:1]:
        face.keep("seller_name", values.clean_name(name.raw), name)
    for tax_id in labelled(rows, r"(?:信用代码|识别号):?([0-9A-Za-z]{15,20})(?![0-9A-Za-z])")[:1]:
        keep_tax_id(face, "buyer_tax_id", tax_id)
    codes = labelled(rows, r"验证码:?(\d{4})(?!\d)")
    for code in codes[:1]:
        face.keep("check_code", code.text, code)
    return face.invoice(Kind.DIGITAL_AIR)


def _read_sums(face: Face) -> None:
    """Titles stand in one row and their sums in the next, set so that columns do not line up:
    they are paired in order, and believed only if the parts add up to the total."""
    titles = [run for run in face.sheet.runs if _SUM_TITLES.match(compact(run).text)]
    if len(titles) < 3:
        return
    head = titles[0]
    row = sorted(
        (run for run in titles if abs(run.middle - head.middle) < head.height),
        key=lambda run: run.x0,
    )
    cells = sorted(
        (
            run
            for run in face.sheet.runs
            if 0.5 * head.height < run.middle - head.middle < 4 * head.height and _is_cell(run)
        ),
        key=lambda run: run.x0,
    )
    if len(cells) != len(row):
        return
    paired = {compact(title).text: cell for title, cell in zip(row, cells, strict=True)}
    sums = {
        title: value
        for title, cell in paired.items()
        if (value := values.money(_without_currency(cell))) is not None
    }
    total = sums.pop("合计", None)
    if total is None or sum(sums.values()) != total:
        return
    face.keep("total_with_tax", total, paired["合计"], proven=True)
    if "增值税税额" in sums:
        face.keep("total_tax", sums["增值税税额"], paired["增值税税额"], proven=True)


def _is_cell(run: Run) -> bool:
    text = _without_currency(run)
    return values.money(text) is not None or _RATE.fullmatch(text) is not None


def _without_currency(run: Run) -> str:
    return compact(run).text.removeprefix("CNY")


FACES = (
    FaceReader(
        "air invoice",
        score,
        read,
        {Kind.DIGITAL_AIR: ("invoice_number", "issue_date", "total_with_tax")},
    ),
)

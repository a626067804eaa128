"""电子发票（航空运输电子客票行程单）: number, day of issue, sums under their titles, buyer."""

from __future__ import annotations

import re

from extractors.layout import values
from extractors.layout.header import read_labelled_date, read_labelled_number
from extractors.layout.page import Run
from extractors.layout.parties import keep_tax_id
from extractors.layout.reading import Face, compact, labelled
from extractors.model import Invoice, Kind

_SUM_TITLES = (("total_tax", r"^增值税税额"), ("total_with_tax", r"^合计"))


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
    for field, title in _SUM_TITLES:
        _read_sum(face, field, title)
    for name in labelled(rows, r"购买方名称:?(.{2,60}?)(?=统一社会|纳税人|$)")[:1]:
        face.keep("buyer_name", values.clean_name(name.raw), name)
    for name in labelled(rows, r"填开单位:?(.{2,60}?)(?=填开日期|$)")[:1]:
        face.keep("seller_name", values.clean_name(name.raw), name)
    for tax_id in labelled(rows, r"(?:信用代码|识别号):?([0-9A-Za-z]{15,20})(?![0-9A-Za-z])")[:1]:
        keep_tax_id(face, "buyer_tax_id", tax_id)
    return face.invoice(Kind.DIGITAL_AIR)


def _read_sum(face: Face, field: str, title: str) -> None:
    """The sum below its title: the nearest row of sums, in the title's column."""
    for label in face.sheet.within(face.sheet.runs):
        if not re.search(title, compact(label).text):
            continue
        below = [
            run
            for run in face.sheet.runs
            if 0.5 * label.height < run.middle - label.middle < 4 * label.height
            and _shares_column(label, run)
            and values.money(_without_currency(run)) is not None
        ]
        if len(below) == 1:
            face.keep(field, values.money(_without_currency(below[0])), below[0])
            return


def _shares_column(title: Run, run: Run) -> bool:
    return (
        run.x0 < title.x1 + 4 * title.height
        and run.x1 > title.x0 - title.height
        and (run.centre > title.x0 - title.height)
    )


def _without_currency(run: Run) -> str:
    return compact(run).text.removeprefix("CNY")

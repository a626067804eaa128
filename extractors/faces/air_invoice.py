"""电子发票（航空运输电子客票行程单）: the electronic itinerary, which is an invoice.

It has a 20-digit number, a buyer, and in its row of sums the rate and the tax that its fare and
fuel bear.
"""

from __future__ import annotations

import re

from extractors.layout import values
from extractors.layout.air_form import PRINTED, read_common
from extractors.layout.air_sums import read_sums
from extractors.layout.air_titles import score_itinerary
from extractors.layout.header import read_labelled_number
from extractors.layout.itinerary import read_legs
from extractors.layout.labels import relabelled
from extractors.layout.page import Run
from extractors.layout.reading import UNLABELLED, Face, FaceReader, compact, cut, labelled
from extractors.layout.slips import keep_name
from extractors.layout.tax_ids import keep_tax_id
from extractors.model import Invoice, Kind

#: How names of buyers end; what recognition leaves of the next label does not.
_END = r"(?:公司|[学医]院|大学|学校|中心|集团|[局厅委部所])?"

_BROKEN_NAME = re.compile(
    rf"(?:.{{0,3}}名称?:?)?([\u4e00-\u9fff()]{{4,40}}?{_END})(?=统一|纳税|.{{0,3}}社会|$)"
)


def score(face: Face) -> int | None:
    """An itinerary that is an invoice too."""
    return score_itinerary(relabelled(face, PRINTED), invoice=True)


def read(face: Face) -> Invoice:
    """Number, day of issue, sums, buyer, journey."""
    face = relabelled(face, PRINTED)
    rows = [compact(row) for row in face.sheet.within(face.sheet.rows)]
    read_labelled_number(face)
    if "invoice_number" not in face.found and face.recognised:
        _keep_lone_number(face, rows)
    extra = {**read_common(face), **read_legs(face), **read_sums(face)}
    _read_buyer(face, rows)
    return face.invoice(Kind.DIGITAL_AIR, extra=extra)


def _keep_lone_number(face: Face, rows: list[Run]) -> None:
    """The only 20 digits of the page that year and province can begin."""
    found = [
        part
        for part in labelled(rows, r"(?<!\d)(\d{20})(?!\d)")
        if values.is_digital_number(part.text)
    ]
    if len({part.text for part in found}) == 1:
        face.keep("invoice_number", found[0].text, found[0], most=UNLABELLED)


def _read_buyer(face: Face, rows: list[Run]) -> None:
    """Name and tax id stand in the last row of the form; where the name's label is unreadable it
    is what begins the row of the tax id."""
    for name in labelled(
        rows, rf"买方名称:?(.{{2,60}}?{_END})(?=统一社会|纳税人|.{{0,2}}社会信用|$)"
    )[:1]:
        keep_name(face, "buyer_name", name)
    ids = labelled(rows, r"(?:信用代码|识别号):?([0-9A-Za-z]{15,20})(?![0-9A-Za-z])")
    for tax_id in ids[:1]:
        keep_tax_id(face, "buyer_tax_id", tax_id)
    if not face.recognised:
        return
    for row in rows:
        match = re.search(r"(?<![0-9A-Z])[0-9A-Z]{18}$", row.text)
        if match is None or not values.check_character_holds(match[0]):
            continue
        proven = cut(row, match, 0)
        if proven is not None and "buyer_tax_id" not in face.found:
            face.keep("buyer_tax_id", match[0], proven, most=UNLABELLED)
        label = _BROKEN_NAME.match(row.text[: match.start()])
        part = cut(row, label) if label else None
        if part is not None and "buyer_name" not in face.found:
            keep_name(face, "buyer_name", part, most=UNLABELLED)


FACES = (
    FaceReader(
        "air invoice",
        score,
        read,
        {Kind.DIGITAL_AIR: ("invoice_number", "issue_date", "total_with_tax")},
        PRINTED,
    ),
)

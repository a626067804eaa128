"""航空运输电子客票行程单: the paper itinerary that the electronic one replaces.

Its number is its 印刷序号, eleven digits that no other itinerary bears and whose last four are
printed again as 验证码; the ticket's number, which a second print of the same journey would
repeat, is `extra["eticket_number"]`, thirteen digits without its dash.
"""

from __future__ import annotations

import re

from extractors.layout.air_form import PRINTED, read_common
from extractors.layout.air_sums import read_sums
from extractors.layout.air_titles import score_itinerary
from extractors.layout.itinerary import read_legs
from extractors.layout.labels import relabelled
from extractors.layout.page import Run
from extractors.layout.reading import MENDED, UNLABELLED, Face, FaceReader, compact, cut, labelled
from extractors.model import Invoice, Kind

_SERIAL = r"(?:印刷序号|序?号|SERIALNUMBER):?(?:SERIALNUMBER:?)?(\d{11})(?!\d)"


def score(face: Face) -> int | None:
    """An itinerary without an invoice's number or title."""
    return score_itinerary(relabelled(face, PRINTED), invoice=False)


def read(face: Face) -> Invoice:
    """Printed number, day of issue, sums, journey."""
    face = relabelled(face, PRINTED)
    rows = [compact(row) for row in face.sheet.within(face.sheet.rows)]
    extra = {**read_common(face), **read_legs(face), **read_sums(face)}
    _read_serial(face, rows)
    return face.invoice(Kind.AIR_ITINERARY, extra=extra)


def _read_serial(face: Face, rows: list[Run]) -> None:
    """印刷序号, proven by the 验证码 that repeats its last digits; doubtful where that says
    otherwise."""
    found = labelled(rows, _SERIAL)
    if not found:
        found = [run for run in map(compact, face.sheet.runs) if re.fullmatch(r"\d{11}", run.text)]
    if not found and face.recognised:
        found = labelled(rows, r"(?<!\d)(\d{11})(?!\d)")
    if len({run.text for run in found}) != 1:
        return
    number = found[0]
    check = face.found.get("check_code")
    repeated = check is not None and number.text.endswith(check.value)
    if check is None and face.recognised:
        repeated = _read_check_by_number(face, number)
    contradicted = face.recognised and check is not None and not repeated
    face.keep("invoice_number", number.text, number, proven=repeated,
              most=MENDED if contradicted else 1.0)  # fmt: skip
    if contradicted and check is not None:
        least = min(check.confidence, UNLABELLED)
        face.found["check_code"] = check.model_copy(update={"confidence": least})


def _read_check_by_number(face: Face, number: Run) -> bool:
    """验证码 whose label is unreadable: four digits elsewhere that end the number."""
    for row in face.sheet.rows:
        for match in re.finditer(r"(?<!\d)\d{4}(?!\d)", row.text):
            part = cut(row, match, 0)
            below = row.middle > number.y1
            if part is not None and below and number.text.endswith(match[0]):
                face.keep("check_code", match[0], part, proven=True)
                return True
    return False


FACES = (
    FaceReader(
        "air itinerary",
        score,
        read,
        {Kind.AIR_ITINERARY: ("invoice_number", "issue_date", "total_with_tax")},
        PRINTED,
    ),
)

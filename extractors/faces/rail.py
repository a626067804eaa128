"""Railway: the paper ticket, and the 电子发票（铁路电子客票） that replaces it.

Both tell a journey; the paper one has no invoice number but the 21 characters at its foot,
whose last seven are printed again in red at its head.
"""

from __future__ import annotations

import re

from extractors.layout import values
from extractors.layout.header import read_labelled_date, read_labelled_number
from extractors.layout.page import Run
from extractors.layout.parties import keep_tax_id
from extractors.layout.reading import MENDED, Face, FaceReader, compact, cut, labelled
from extractors.model import Invoice, Kind

_TICKET_SIGNS = (
    r"限乘当日",
    r"12306|95306",
    r"\d{14}[A-Z]\d{6}",
    r"\d{1,2}:\d{2}开",
    r"\d{1,2}车\d{1,3}[A-F]?号",
    r"[一二三特商]等?务?座|[硬软]座|[硬软]卧|无座",
    r"祝您旅途",
)
_TICKET_NUMBER = re.compile(r"(?<!\d)(\d{14}[A-Z]\d{6})(?!\d)")
_SERIAL = re.compile(r"^([A-Z]\d{6})$")
_FARE = re.compile(r"(?:票价:?)?[¥Y羊]?(\d{1,5}\.\d{1,2})元?")
_STATION = re.compile(r"^([\u4e00-\u9fff]{1,8}?)站$")

#: Kind-specific values and the pattern of each, over rows without spaces.
_JOURNEY = (
    ("train", re.compile(r"(?<![A-Z0-9])([GDCZTKYLS]\d{1,5}(?![A-Z0-9])|\d{4}(?=次))")),
    ("carriage", re.compile(r"(?<!\d)(\d{1,2})车")),
    ("seat", re.compile(r"车(\d{1,3}[A-F]?)号")),
    ("seat_class", re.compile(r"(商务座|特等座|[一二]等座|[硬软]座|[硬软]卧|动卧|无座)")),
    ("gate", re.compile(r"(检票(?:口)?\d{1,2}[A-Z]?)")),
    ("passenger_id", re.compile(r"(\d{10}\*{4}\d{3}[\dX])")),
)
_PASSENGER = re.compile(r"\*{4}\d{3}[\dX]([\u4e00-\u9fff·]{2,12})")
_DEPARTURE = re.compile(r"(20\d\d)年(\d{1,2})月(\d{1,2})日(\d{1,2}:\d{2})开?")


def score_ticket(face: Face) -> int | None:
    """A paper ticket: at least three of its signs, and nothing of an invoice."""
    text = face.sheet.text
    if re.search(r"电子客票|发票号码|价税合计|税率", text):
        return None
    return 3 if sum(bool(re.search(sign, text)) for sign in _TICKET_SIGNS) >= 3 else None


def score_electronic(face: Face) -> int | None:
    """The electronic invoice says so in its title; an itinerary of the air says 航空."""
    text = face.sheet.text
    if "铁路电子客票" in text:
        return 4
    return 2 if re.search(r"电子客票号", text) and re.search(r"\d{1,2}:\d{2}开", text) else None


def read_ticket(face: Face) -> Invoice:
    """A paper ticket: number, day of travel, fare, journey."""
    rows = [compact(row) for row in face.sheet.within(face.sheet.rows)]
    journey = _read_journey(face, rows)
    _read_ticket_number(face)
    _read_fare(face, rows)
    return face.invoice(Kind.TRAIN_TICKET, extra=journey)


def read_electronic(face: Face) -> Invoice:
    """An electronic rail invoice: number, day of issue, fare, buyer, journey."""
    rows = [compact(row) for row in face.sheet.within(face.sheet.rows)]
    travelled = _read_journey(face, rows)
    # The day of travel is not the day of issue.
    face.found.pop("issue_date", None)
    read_labelled_date(face, r"开票日期:?")
    read_labelled_number(face)
    _read_fare(face, rows, label=r"票价:?")
    for name in labelled(rows, r"购买方名称:?(.{2,60}?)(?=统一社会|纳税人|$)")[:1]:
        face.keep("buyer_name", values.clean_name(name.raw), name)
    for tax_id in labelled(rows, r"(?:信用代码|识别号):?([0-9A-Za-z]{15,20})(?![0-9A-Za-z])")[:1]:
        keep_tax_id(face, "buyer_tax_id", tax_id)
    return face.invoice(Kind.DIGITAL_RAIL, extra=travelled)


def _read_ticket_number(face: Face) -> None:
    runs = [compact(run) for run in face.sheet.runs]
    found = [
        part
        for run in runs
        for match in _TICKET_NUMBER.finditer(run.text)
        if (part := cut(run, match)) is not None
    ]
    serials = {run.text for run in runs if _SERIAL.match(run.text)}
    texts = {run.text for run in found}
    if len(texts) != 1:
        return
    number = texts.pop()
    if serials and number[14:] not in serials:
        return
    face.keep("invoice_number", number, found[0], proven=bool(serials))


def _read_fare(face: Face, rows: list[Run], label: str = "") -> None:
    """The one fare with its sign or unit. Two different ones are none."""
    fares: dict[object, Run] = {}
    for row in rows:
        for match in _FARE.finditer(row.text):
            signed = re.search(r"[¥Y羊元]", match[0]) or (label and re.search(label, row.text))
            value, part = values.money(match[1]), cut(row, match)
            if signed and value is not None and part is not None:
                face_value = fares.setdefault(value, part)
                if face_value is part:
                    face.keep("total_with_tax", value, part)
    if len(fares) != 1:
        face.found.pop("total_with_tax", None)


def _read_journey(face: Face, rows: list[Run]) -> dict[str, object]:
    """`from`, `to`, `train`, `departure` (YYYY-MM-DD HH:MM), seat and passenger as they stand."""
    extra: dict[str, object] = {}
    for name, pattern in (*_JOURNEY, ("passenger", _PASSENGER)):
        for run in (*map(compact, face.sheet.runs), *rows):
            match = pattern.search(run.text)
            part = cut(run, match) if match else None
            if part is not None:
                extra[name] = face.field(part.text, part)
                break
    _read_departure(face, rows, extra)
    _read_stations(face, extra)
    return extra


def _read_departure(face: Face, rows: list[Run], extra: dict[str, object]) -> None:
    for row in rows:
        match = _DEPARTURE.search(row.text)
        part = cut(row, match, 0) if match else None
        if match is None or part is None:
            continue
        day = values.date(part.text)
        if day is not None:
            extra["departure"] = face.field(f"{day} {match[4]:0>5}", part)
            face.keep("issue_date", day, part)
            return
    # The hour may be unread or glued to the day; the day alone is certain if it is the only one.
    days = {day: row for row in rows if (day := values.date(row.text)) is not None}
    if len(days) == 1:
        day, row = days.popitem()
        face.keep("issue_date", day, row, most=MENDED)


def _read_stations(face: Face, extra: dict[str, object]) -> None:
    """The two names ending in 站 that stand side by side: from left to right."""
    stations = []
    for run in face.sheet.runs:
        bare = compact(run)
        match = _STATION.match(bare.text)
        part = cut(bare, match) if match else None
        if part is not None:
            stations.append(part)
    for left in stations:
        for right in stations:
            if left.x1 < right.x0 and abs(left.middle - right.middle) < left.height:
                extra["from"], extra["to"] = (
                    face.field(left.text, left),
                    face.field(right.text, right),
                )
                return


_KEYS = ("invoice_number", "issue_date", "total_with_tax")

FACES = (
    FaceReader("rail invoice", score_electronic, read_electronic, {Kind.DIGITAL_RAIL: _KEYS}),
    FaceReader("train ticket", score_ticket, read_ticket, {Kind.TRAIN_TICKET: _KEYS}),
)

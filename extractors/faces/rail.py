"""Railway: the paper ticket, and the 电子发票（铁路电子客票） that replaces it.

Both tell a journey; the paper one has no invoice number but the 21 characters at its foot,
whose last seven are printed again in red at its head. An electronic one may be of a refund, a
rebooking or a ticket bought on the train, and says so beside the ticket's number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from extractors.layout import values
from extractors.layout.header import read_labelled_date, read_labelled_number
from extractors.layout.page import Run, overlap
from extractors.layout.reading import MENDED, UNLABELLED, Face, FaceReader, compact, cut, labelled
from extractors.layout.slips import (
    DOUBTED,
    doubted,
    first_match,
    keep_name,
    span,
    whole_certificate,
)
from extractors.layout.tax_ids import keep_tax_id
from extractors.model import Field, Invoice, Kind

_TICKET_SIGNS = (
    r"限乘当日|仅供报销使用",
    r"12306|95306",
    r"\d{14}[A-Z]\d{6}",
    r"\d{1,2}:\d{2}开",
    r"\d{1,2}车\d{1,3}[A-F]?号",
    r"[一二三特商]等?务?座|[硬软]座|[硬软]卧|无座",
    r"祝您旅途",
)
_TICKET_NUMBER = re.compile(r"(?<!\d)(\d{14}[A-Z]\d{6})(?!\d)")
_SERIAL = re.compile(r"^([A-Z]\d{6})$")
_FARE = re.compile(r"(?P<sign>[¥Y羊]?)(?P<sum>\d{1,5}\.\d{1,2})(?!\d)(?P<unit>元?)")
_FARE_LABEL = re.compile(r"(?:票价|退票费|改签费|手续费|补票费):?$")
_STATION = re.compile(r"([\u4e00-\u9fff]{1,9}?)站")
_NO_STATION = re.compile(r"车站|本站|到站|检票|候车|12306|退票|购票|[年月日:元]")

_CLASS = (
    r"商务座|特等座|优选一等座|[一二]等(?:软座|包座|座|卧)|观光座|高级软卧|高级动卧|动卧"
    r"|[硬软]卧代[硬软]座|[硬软]座|[硬软]卧"
)
#: Kind-specific values and the pattern of each, over texts without spaces.
_JOURNEY = (
    ("train", re.compile(r"(?<![A-Z0-9])([GDCZTKYLS]\d{1,5}(?![A-Z0-9])|\d{4}(?=次))")),
    ("carriage", re.compile(r"(?<!\d)(加?\d{1,2})车(?=\d|无座)")),
    ("seat", re.compile(r"车(\d{1,3}(?:号[上中下]铺?|[A-F](?=号)|(?=号(?![上中下])))|无座)")),
    ("seat_class", re.compile(rf"({_CLASS})")),
    ("gate", re.compile(r"(检票(?:口)?:?\d{1,2}[A-Z]?)")),
    ("passenger_id", re.compile(r"(?<![0-9A-Z])([0-9A-Z]{2,14}\*{3,8}[0-9A-Z]{2,4})(?![0-9A-Z])")),
    ("eticket_number", re.compile(r"(?<![0-9A-Z])(\d{5}[0-9A-Z]\d{15}20\d\d)(?![0-9A-Z])")),
)
_PASSENGER = re.compile(
    r"[0-9A-Z]\*{3,8}[0-9A-Z]{2,4}\s*"
    r"(?P<name>[\u4e00-\u9fff·]{2,20}|[A-Z][A-Z/ ]{2,30}[A-Z])(?=\s|$)"
)
#: What recognition makes of four stars: signs and characters, never digits.
_GARBLED = re.compile(
    r"(?<![0-9A-Z])(?P<head>\d{10})(?:\s*[^\d\s]{1,8}\s*|\s+)(?P<tail>\d{3}[\dX])(?![0-9A-Z])"
    r"\s*(?P<name>[\u4e00-\u9fff·]{2,20}(?=\s|$))?"
)
_DEPARTURE = re.compile(r"(20\d\d)年(\d{1,2})月(\d{1,2})日(?P<between>\D{0,8}?)(\d{1,2}:\d{2})开?")
_BUSINESS = (("退", r"退票费|退票"), ("改签", r"始发改签|变更到站|改签"), ("补", r"补票"))


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
    if "航空" in text or "航班" in text:
        return None
    ticket = re.search(r"电子客票号", text) or re.search(r"\d{5}[0-9A-Z]\d{15}20\d\d(?!\d)", text)
    return 2 if ticket and re.search(r"\d{1,2}:\d{2}开|12306", text) else None


def read_ticket(face: Face) -> Invoice:
    """A paper ticket: number, day of travel, fare, journey."""
    rows = [compact(row) for row in face.sheet.within(face.sheet.rows)]
    journey = _read_journey(face, rows)
    journey.pop("eticket_number", None)
    _read_business(face, rows, journey)
    journey.update(_read_ticket_number(face))
    _read_fare(face, rows, journey)
    return face.invoice(Kind.TRAIN_TICKET, extra=journey)


def read_electronic(face: Face) -> Invoice:
    """An electronic rail invoice: number, day of issue, fare, buyer, journey."""
    rows = [compact(row) for row in face.sheet.within(face.sheet.rows)]
    travelled = _read_journey(face, rows)
    # The day of travel is not the day of issue.
    face.found.pop("issue_date", None)
    read_labelled_date(face, r"开票日期:?")
    read_labelled_number(face)
    _read_fare(face, rows, travelled)
    _read_business(face, rows, travelled)
    _read_buyer(face, rows)
    return face.invoice(Kind.DIGITAL_RAIL, extra=travelled)


def _read_buyer(face: Face, rows: list[Run]) -> None:
    for name in labelled(rows, r"购买方名称:?(.{2,60}?)(?=统一社会|纳税人|信用代码|$)")[:1]:
        keep_name(face, "buyer_name", name)
    for tax_id in labelled(rows, r"(?:信用代码|识别号):?([0-9A-Za-z]{15,20})(?![0-9A-Za-z])")[:1]:
        keep_tax_id(face, "buyer_tax_id", tax_id)


def _read_business(face: Face, rows: list[Run], extra: dict[str, Field[str]]) -> None:
    """What the ticket was issued for, where it is no plain sale. Two answers are none."""
    found = {}
    for row in rows:
        for name, words in _BUSINESS:
            match = re.search(words, row.text)
            part = cut(row, match, 0) if match else None
            if part is not None and not re.search(r"退票改签|改签时|交回|购买方", row.text):
                found[name] = part
    if len(found) == 1:
        name, part = found.popitem()
        extra["business"] = face.field(name, part)


def _read_ticket_number(face: Face) -> dict[str, Field[str]]:
    """The 21 characters at the foot as the number and `ticket_number`, the red ones at the head
    as `serial`. Where they contradict each other none of them is kept."""
    runs = [compact(run) for run in (*face.sheet.phrases, *face.sheet.runs)]
    found = [
        part
        for run in runs
        for match in _TICKET_NUMBER.finditer(run.text)
        if (part := cut(run, match)) is not None
    ]
    serials = {run.text: run for run in runs if _SERIAL.match(run.text)}
    texts = {run.text for run in found}
    number = texts.pop() if len(texts) == 1 else ""
    if not found and face.recognised and len(serials) == 1:
        return _by_serial(face, runs, *serials.items())
    proven = number[14:] in serials
    if number and serials and not proven:
        face.doubt("invoice_number", number, found[0])
        return {}
    extra: dict[str, Field[str]] = {}
    if number:
        face.keep("invoice_number", number, found[0], proven=proven)
        extra["ticket_number"] = face.field(number, found[0], proven=proven)
    if len(serials) == 1:
        text, serial = serials.popitem()
        extra["serial"] = face.field(text, serial, proven=proven)
    elif number and face.recognised:
        # The head may be stamped over; the foot repeats what it says.
        extra["serial"] = doubted(face.field(number[14:], found[0]))
    return extra


def _by_serial(face: Face, runs: list[Run], known: tuple[str, Run]) -> dict[str, Field[str]]:
    """The number whose letter was read as a digit: its last seven are those of the head. Mended."""
    text, serial = known
    extra = {"serial": face.field(text, serial)}
    found = labelled(runs, rf"(?<!\d)(\d{{15}}{text[1:]})(?![\d])")
    if len({run.text for run in found}) == 1:
        number = found[0].text[:14] + text
        face.keep("invoice_number", number, found[0], most=MENDED)
        extra["ticket_number"] = doubted(face.field(number, found[0]))
    return extra


@dataclass(frozen=True)
class _Fare:
    """A printed sum; `signed` when a currency sign stands before or 元 after it."""

    value: Decimal
    run: Run
    labelled: bool
    signed: bool


def _read_fare(face: Face, rows: list[Run], extra: dict[str, Field[str]]) -> None:
    """The one fare that has a label, a sign or a unit; two different ones are none. A recognised
    one without its sign may have lost it into its first digit, so it is doubtful."""
    fares = list(_fares(rows))
    named = [fare for fare in fares if fare.labelled] or [fare for fare in fares if fare.signed]
    if not fares and face.recognised:
        _keep_pointless_fare(face, rows, extra)
    if len({fare.value for fare in named}) != 1:
        return
    best = next((fare for fare in named if fare.signed), named[0])
    most = DOUBTED if face.recognised and not best.signed else 1.0
    face.keep("total_with_tax", best.value, best.run, most=most)
    extra["fare"] = doubted(face.field(f"{best.value:.2f}", best.run), most)


def _keep_pointless_fare(face: Face, rows: list[Run], extra: dict[str, Field[str]]) -> None:
    """The only fare, its point lost before the one decimal that tickets print. Mended."""
    found = [part for run in labelled(rows, r"[¥羊]([1-9]\d{1,4})元(?!/)") if (part := run)]
    if len({run.text for run in found}) == 1:
        value = Decimal(found[0].text) / 10
        face.keep("total_with_tax", value.quantize(Decimal("0.01")), found[0], most=UNLABELLED)
        extra["fare"] = doubted(face.field(f"{value:.2f}", found[0]), UNLABELLED)


def _fares(rows: Iterable[Run]) -> Iterable[_Fare]:
    for row in rows:
        for match in _FARE.finditer(row.text):
            value, part = values.money(match["sum"]), cut(row, match, "sum")
            if value is None or part is None:
                continue
            before = row.text[: match.start()]
            unit = bool(match["unit"]) and not row.text[match.end() :].startswith("/")
            signed = bool(match["sign"]) or unit
            yield _Fare(value, part, bool(_FARE_LABEL.search(before)), signed)


def _read_journey(face: Face, rows: list[Run]) -> dict[str, Field[str]]:
    """`from`, `to`, `train`, `departure` (YYYY-MM-DD HH:MM), seat and passenger as they stand."""
    extra: dict[str, Field[str]] = {}
    phrases = [compact(phrase) for phrase in face.sheet.phrases]
    for name, pattern in _JOURNEY:
        for run in (*phrases, *rows):
            match = pattern.search(run.text)
            part = cut(run, match) if match else None
            if part is not None:
                extra[name] = face.field(part.text.replace(":", ""), part)
                break
    if "seat_class" not in extra and "seat" in extra and extra["seat"].value == "无座":
        extra["seat_class"] = extra["seat"]
    if "passenger_id" in extra:
        extra["passenger_id"] = whole_certificate(extra["passenger_id"], recognised=face.recognised)
    _read_thin_class(face, phrases, extra)
    if face.recognised and "train" not in extra:
        _read_misread_train(face, phrases, extra)
    _read_passenger(face, extra)
    _read_departure(face, rows, extra)
    _read_stations(face, extra)
    return extra


def _read_thin_class(face: Face, phrases: list[Run], extra: dict[str, Field[str]]) -> None:
    """等座 alone lost the one stroke of 一 before it: no other class is so thin. Doubtful."""
    found = first_match(phrases, re.compile(r"^等座"))
    if face.recognised and found is not None and "seat_class" not in extra:
        extra["seat_class"] = doubted(face.field("一等座", found[1]), UNLABELLED)


def _read_misread_train(face: Face, phrases: list[Run], extra: dict[str, Field[str]]) -> None:
    """Five digits beside a station: no train has so many, the first is its letter. Mended."""
    stations = list(_stations(face.sheet.rows))
    for run in phrases:
        match = re.fullmatch(r"([26])(\d{4})", run.text)
        if match is not None and any(overlap(run, station) > 0.5 for station in stations):
            text = {"2": "Z", "6": "G"}[match[1]] + match[2]
            extra["train"] = doubted(face.field(text, run))
            return


def _read_passenger(face: Face, extra: dict[str, Field[str]]) -> None:
    """The name right of the certificate, up to the first gap behind it. A recognised certificate
    whose stars were taken for characters gets them back, since the railway hides four digits of
    every resident's; that is mended, so a person looks."""
    for run in (*face.sheet.phrases, *face.sheet.rows):
        match = _PASSENGER.search(run.text)
        part = span(run, match, "name") if match else None
        if part is not None:
            extra["passenger"] = face.field(part.raw.strip(), part)
            return
    garbled = first_match(face.sheet.rows, _GARBLED) if face.recognised else None
    if garbled is None or "passenger_id" in extra:
        return
    match, row = garbled
    head, name = span(row, match, "head"), span(row, match, "name")
    if head is not None:
        mended = face.field(f"{match['head']}****{match['tail']}", head)
        extra["passenger_id"] = doubted(mended)
    if name is not None:
        extra["passenger"] = face.field(name.raw, name)


def _read_departure(face: Face, rows: list[Run], extra: dict[str, Field[str]]) -> None:
    for row in rows:
        match = _DEPARTURE.search(row.text)
        part = cut(row, match, 0) if match else None
        if match is None or part is None:
            continue
        day = values.date(part.text)
        hour, minute = match[5].split(":")
        if day is not None and int(hour) < 24 and int(minute) < 60:
            extra["departure"] = face.field(f"{day} {match[5]:0>5}", part)
            face.keep("issue_date", day, part)
            return
    # The hour may be unread or glued to the day; the day alone is certain if it is the only one.
    days = {day: row for row in rows if (day := values.date(row.text)) is not None}
    if len(days) == 1:
        day, row = days.popitem()
        face.keep("issue_date", day, row, most=MENDED)


def _read_stations(face: Face, extra: dict[str, Field[str]]) -> None:
    """The two names that 站 follows, in one row: from left to right. 站 may stand apart from its
    name, and recognition may join the whole row."""
    for runs in (face.sheet.phrases, face.sheet.rows):
        found = list(_stations(runs))
        for left in found:
            for right in found:
                if left.x1 < right.x0 and abs(left.middle - right.middle) < left.height:
                    extra["from"] = _station_field(face, left)
                    extra["to"] = _station_field(face, right)
                    return


def _station_field(face: Face, run: Run) -> Field[str]:
    """A name that stands alone, or doubtful: recognition may glue what is stamped beside it."""
    found = face.field(run.text, run)
    alone = any(
        each.x0 > run.x0 - 0.3 * run.height
        for each in face.sheet.runs
        if each.x0 <= run.x0 + 0.1 * run.height and each.x1 >= run.x1 and overlap(each, run) > 0.5
    )
    return found if alone or not face.recognised else doubted(found)


def _stations(runs: Iterable[Run]) -> Iterable[Run]:
    for run in map(compact, runs):
        if _NO_STATION.search(run.text):
            continue
        for match in _STATION.finditer(run.text):
            # 讫 ends what is stamped (付讫, 收讫) and is in no station's name.
            name = match[1].rpartition("讫")[2]
            part = run.part(match.end(1) - len(name), match.end(1))
            if part is not None:
                yield part


_KEYS = ("invoice_number", "issue_date", "total_with_tax")

FACES = (
    FaceReader("rail invoice", score_electronic, read_electronic, {Kind.DIGITAL_RAIL: _KEYS}),
    FaceReader("train ticket", score_ticket, read_ticket, {Kind.TRAIN_TICKET: _KEYS}),
)

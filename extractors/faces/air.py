"""Air: 电子发票（航空运输电子客票行程单）, and the paper 航空运输电子客票行程单 before it.

Both have a row of sums under their titles that must add up, legs of a journey, and a foot of
labelled values. The electronic one has a 20-digit invoice number and a buyer. The number of a
paper one is its 印刷序号, eleven digits that no other itinerary bears and whose last four are
printed again as 验证码; the ticket's number, which a second print of the same journey would
repeat, is `extra["eticket_number"]`, thirteen digits without its dash.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from extractors.layout import values
from extractors.layout.header import read_labelled_date, read_labelled_number
from extractors.layout.itinerary import read_legs
from extractors.layout.page import Run, overlap
from extractors.layout.parties import keep_tax_id
from extractors.layout.reading import Face, FaceReader, compact, labelled
from extractors.layout.slips import (
    DOUBTED,
    doubted,
    in_simple_characters,
    keep_name,
    span,
    whole_certificate,
)
from extractors.model import Field, Invoice, Kind

_TITLES = (
    ("rate", r"增值税税?率"),
    ("tax", r"增值税税?额"),
    ("fare", r"票价"),
    ("fuel", r"燃油附加费"),
    ("fund", r"民航发展基金|机场建设费"),
    ("other_taxes", r"其[他它]税费"),
    ("total", r"合计"),
)
_TITLE = re.compile("|".join(f"(?P<{name}>{words})" for name, words in _TITLES))
_CELL = re.compile(
    r"(?P<mark>CNY|CN|YQ|YR|RMB|¥)?\s?(?P<sum>-?\d{1,7}[.,]\d{2})(?![\d.,])"
    r"|(?P<rate>\d{1,2}(?:\.\d)?%)|(?P<free>EXEMPT|免税|不征税)"
)
_FORM_ORDER = ("fare", "fuel", "rate", "tax", "fund", "other_taxes", "total")
_SIGNS = (
    r"旅客姓名", r"有效身份证件", r"承运人", r"航班号", r"座位等级", r"民航发展基金|机场建设费",
    r"燃油附加费", r"填开单位", r"电子客票号码", r"免费行李", r"客票级别", r"ITINERARY",
)  # fmt: skip
_INVOICE_SIGNS = r"电子发票|增值税税[率额]|购买方名称|发票号码"
_SERIAL = r"(?:印刷序号|SERIALNUMBER):?(?:SERIALNUMBER:?)?(\d{11})(?!\d)"
_FIRM = re.compile(r"[\u4e00-\u9fff][\u4e00-\u9fff()A-Za-z]{2,40}(?:公司|集团|社|部|店|处|中心)")
_OTHER_LABEL = re.compile(r"验证码|提示信息|保险费|填开|销售|电子客票")
_ENGLISH = re.compile(r"NAMEOF|PASSENGER|[I1T][DO]\.?N[O0Q]")
_TICKET = re.compile(r"(?<!\d)(\d{3})[-\s]?(\d{10})(?!\d)")


def score_electronic(face: Face) -> int | None:
    """An itinerary that is an invoice too."""
    return _score(face, invoice=True)


def score_paper(face: Face) -> int | None:
    """An itinerary without an invoice's number or title."""
    return _score(face, invoice=False)


def _score(face: Face, *, invoice: bool) -> int | None:
    text = face.sheet.text
    titled = re.search(r"航空运输电子客票", text) is not None
    seen = sum(bool(re.search(sign, text)) for sign in _SIGNS)
    if not titled and seen < 4:
        # Too little of the form may be readable while its subject is certain.
        return 2 if invoice and re.search(r"民航发展基金", text) and "航班" in text else None
    if bool(re.search(_INVOICE_SIGNS, text)) is not invoice:
        return None
    return 4 if titled or seen >= 6 else 3


def read_electronic(face: Face) -> Invoice:
    """An electronic itinerary: number, day of issue, sums, buyer, journey."""
    rows = [compact(row) for row in face.sheet.within(face.sheet.rows)]
    read_labelled_number(face)
    extra = _read_common(face, rows)
    for name in labelled(rows, r"买方名称:?(.{2,60}?)(?=统一社会|纳税人|$)")[:1]:
        keep_name(face, "buyer_name", name)
    for tax_id in labelled(rows, r"(?:信用代码|识别号):?([0-9A-Za-z]{15,20})(?![0-9A-Za-z])")[:1]:
        keep_tax_id(face, "buyer_tax_id", tax_id)
    return face.invoice(Kind.DIGITAL_AIR, extra=extra)


def read_paper(face: Face) -> Invoice:
    """A paper itinerary: printed number, day of issue, sums, journey."""
    rows = [compact(row) for row in face.sheet.within(face.sheet.rows)]
    extra = _read_common(face, rows)
    _read_serial(face, rows)
    return face.invoice(Kind.AIR_ITINERARY, extra=extra)


def _read_common(face: Face, rows: list[Run]) -> dict[str, Field[str]]:
    read_labelled_date(face, r"(?:填开|开票)日期:?(?:DATEOFISSUE:?)?")
    _read_date_beside(face)
    _read_issuer(face, rows)
    extra = {**_read_passenger(face), **read_legs(face)}
    ticket = _beside_label(face, r"电子客票号码|E-TICKETNO", _TICKET)
    if ticket is not None:
        match, run = ticket
        extra["eticket_number"] = face.field(match[1] + match[2], run)
    check = _beside_label(face, r".证码|^CK", re.compile(r"(?<![0-9A-Z])([0-9A-Z]{4})(?![0-9A-Z])"))
    if check is not None:
        face.keep("check_code", check[0][1], check[1])
    insurance = _beside_label(
        face, r"保险费|INSURANCE", re.compile(r"(?<!\d)(\d{1,4}\.\d\d)(?!\d)")
    )
    if insurance is not None:
        extra["insurance"] = face.field(insurance[0][1], insurance[1])
    elif face.recognised:
        extra.update(_lone_insurance(face))
    extra.update(_read_sums(face))
    for name in {"passenger_id"} & extra.keys():
        extra[name] = whole_certificate(extra[name], recognised=face.recognised)
    return extra


def _lone_insurance(face: Face) -> dict[str, Field[str]]:
    """Where the label is unreadable: the only sum in the row of the ticket's number."""
    label = next((run for run in face.sheet.phrases if "电子客票号" in compact(run).text), None)
    if label is None:
        return {}
    found = [
        run
        for run in face.sheet.within(face.sheet.runs, left=0.6, top=label.y0)
        if re.fullmatch(r"\d{1,3}\.\d\d", run.text) and run.middle < label.y1 + 1.5 * label.height
    ]
    if len(found) != 1:
        return {}
    return {"insurance": doubted(face.field(found[0].text, found[0]))}


def _read_issuer(face: Face, rows: list[Run]) -> None:
    """填开单位, the airline or its agent. One that does not end as firms do may be cut off."""
    found = _beside_label(face, r"填开单位|ISSUEDBY", _FIRM)
    if found is not None:
        keep_name(face, "seller_name", found[1])
        return
    for name in labelled(rows, r"填开单位:?(?:ISSUEDBY:?)?(.{2,60}?)(?=填开日期|DATEOF|$)")[:1]:
        if not name.text.startswith("填开"):
            keep_name(face, "seller_name", name)


def _read_date_beside(face: Face) -> None:
    """The day of issue beside its label, or where a seal hides the label the one date below the
    sums: other dates stand in the legs above them."""
    if "issue_date" in face.found:
        return
    found = _beside_label(face, r"填开日期|DATEOFISSUE", values.DATE_DIGITS)
    if found is not None:
        face.keep("issue_date", values.date(found[0][0]), found[1])
        return
    titles = _title_row(face)
    if len(titles) < 3:
        return
    foot = face.sheet.within(face.sheet.phrases, top=max(run.y1 for _, run in titles))
    dates = {day: run for run in foot if (day := values.date(run.text)) is not None}
    if len(dates) == 1:
        day, run = dates.popitem()
        face.keep("issue_date", day, run)


def _beside_label(
    face: Face, label: str, pattern: re.Pattern[str]
) -> tuple[re.Match[str], Run] | None:
    """The pattern's match in the label's own run behind it, or in the nearest run to its right
    that has one. Labels of two languages stand one above the other, so heights may differ by
    most of a row."""
    for phrase in map(compact, face.sheet.phrases):
        named = re.search(label, phrase.text)
        if named is None:
            continue
        own = pattern.search(phrase.text, named.end())
        part = span(phrase, own) if own else None
        if own and part and not _OTHER_LABEL.search(phrase.text, named.end(), own.start()):
            return own, part
        right = (other for other in face.sheet.phrases if _is_right_of(phrase, other))
        for other in sorted(right, key=lambda other: other.x0)[:3]:
            match = pattern.search(other.text)
            part = span(other, match) if match else None
            if match is not None and part is not None:
                return match, part
            if _OTHER_LABEL.search(compact(other).text):
                break
    return None


def _is_right_of(label: Run, other: Run) -> bool:
    near = 0 < other.x0 - label.x1 + 0.9 * label.height < 22 * label.height
    row = min(label.height, other.height)
    return near and (overlap(label, other) >= 0.5 or abs(other.middle - label.middle) < 1.1 * row)


def _read_serial(face: Face, rows: list[Run]) -> None:
    """印刷序号, proven by the 验证码 that repeats its last digits."""
    found = labelled(rows, _SERIAL)
    if not found:
        found = [run for run in map(compact, face.sheet.runs) if re.fullmatch(r"\d{11}", run.text)]
    if len({run.text for run in found}) != 1:
        return
    check = face.found.get("check_code")
    repeated = check is not None and found[0].text.endswith(check.value)
    face.keep("invoice_number", found[0].text, found[0], proven=repeated)


def _read_passenger(face: Face) -> dict[str, Field[str]]:
    """Name and certificate stand under their titles."""
    extra: dict[str, Field[str]] = {}
    for name, title, shape in (
        ("passenger", r"旅客姓名", r"[\u4e00-\u9fff·]{2,20}|[A-Z][A-Z/ ]{2,40}"),
        ("passenger_id", r"有效身份证件", r"[0-9A-Z*]{6,20}"),
    ):
        for run in map(compact, face.sheet.phrases):
            if re.search(title, run.text):
                below = _below(face, run, re.compile(shape))
                if below is not None:
                    extra[name] = in_simple_characters(face.field(compact(below).text, below))
                break
    return extra


def _below(face: Face, title: Run, shape: re.Pattern[str]) -> Run | None:
    """The nearest run under a title that has the shape; English of the title is passed over."""
    under = [
        run
        for run in face.sheet.phrases
        if 0.5 * title.height < run.middle - title.middle < 6 * title.height
        and abs(run.x0 - title.x0) < 4 * title.height
        and not _ENGLISH.search(compact(run).text)
        # English below a title is set smaller, and misread in every way.
        and not (face.recognised and run.height < 0.75 * title.height and not _told(run))
    ]
    under.sort(key=lambda run: run.middle)
    return under[0] if under and shape.fullmatch(under[0].text.strip()) else None


def _told(run: Run) -> bool:
    """Does a run say of itself that it is a name or a number, however low its capitals are?"""
    return "/" in run.text or sum(char.isdigit() for char in run.text) >= 4


@dataclass(frozen=True)
class _Cell:
    text: str
    value: Decimal | None
    run: Run


def _read_sums(face: Face) -> dict[str, Field[str]]:
    """Titles stand in one row and their sums in the next, set so that columns need not line up.
    They are believed only if the parts add up to the total: then nothing is misread and nothing
    is paired wrongly. A total alone, where parts are unreadable, is doubtful."""
    titles = _title_row(face)
    cells = _cells(face, titles) if len(titles) >= 3 else []
    if not cells:
        _keep_summed(face)
        return {}
    for paired, sure in _pairings(titles, cells):
        sums = {name: cell.value for name, cell in paired.items() if cell.value is not None}
        total = sums.pop("total", None)
        if total is None or len(sums) < 1 or sum(sums.values(), Decimal(0)) != total:
            continue
        face.keep("total_with_tax", total, paired["total"].run, proven=True)
        # The sum proves what is printed, not which part is which.
        most = 1.0 if sure or not face.recognised else DOUBTED
        if "tax" in sums:
            face.keep("total_tax", sums.pop("tax"), paired["tax"].run, proven=True, most=most)
        return {
            name: doubted(face.field(f"{value:.2f}", paired[name].run, proven=True), most)
            for name, value in sums.items()
        }
    return _keep_unproven(face, titles, cells)


def _keep_summed(face: Face) -> None:
    """Where the titles are unreadable: the last of at least three sums in a row that is what the
    others make together can only be the total."""
    for row in face.sheet.rows:
        sums = [(cell.value, cell.run) for cell in _cells_of(row) if cell.value is not None]
        parts = sum((value for value, _ in sums[:-1]), Decimal(0))
        if len(sums) >= 3 and sums[-1][0] == parts > 0:
            face.keep("total_with_tax", sums[-1][0], sums[-1][1], proven=True)
            return


def _keep_unproven(
    face: Face, titles: Sequence[tuple[str, Run]], cells: Sequence[_Cell]
) -> dict[str, Field[str]]:
    """The recognised sum under 合计 and parts right under their titles, doubtful, where a part may
    be unreadable. Where all parts are read and contradict it, something is misread, and nothing
    is kept."""
    (name, title), cell = titles[-1], cells[-1]
    complete = len(cells) >= len(titles)
    under = name == "total" and cell.run.x1 > title.x0 and "," not in cell.text
    if not face.recognised or complete or not under or cell.value is None:
        return {}
    face.keep("total_with_tax", cell.value, cell.run, most=DOUBTED)
    parts = {}
    for each in cells[:-1]:
        name, title = min(titles, key=lambda other: _apart(other[1], each.run))
        if each.value is not None and _apart(title, each.run) < title.height and name != "tax":
            parts[name] = each
    if sum((each.value or Decimal(0) for each in parts.values()), Decimal(0)) > cell.value:
        return {}
    return {
        name: doubted(face.field(f"{each.value:.2f}", each.run)) for name, each in parts.items()
    }


def _title_row(face: Face) -> list[tuple[str, Run]]:
    """The titles of the sums from left to right: the row that shows most of them, and others that
    stand level with it where a leaning row was cut in two."""
    best: list[tuple[str, Run]] = []
    every: list[tuple[str, Run]] = []
    for row in map(compact, face.sheet.rows):
        found = []
        for match in _TITLE.finditer(row.text):
            part = span(row, match)
            if part is not None and match.lastgroup is not None:
                found.append((match.lastgroup, part))
        every.extend(found)
        if len(found) > len(best):
            best = found
    names = {name for name, _ in best}
    best = [*best, *(each for each in every if each[0] not in names and _level(each[1], best))]
    best.sort(key=lambda title: title[1].x0)
    return best if len({name for name, _ in best}) == len(best) else []


def _level(run: Run, titles: Sequence[tuple[str, Run]]) -> bool:
    nearest = min((other for _, other in titles), key=lambda other: abs(other.centre - run.centre))
    return abs(nearest.middle - run.middle) < 0.7 * run.height


def _cells(face: Face, titles: Sequence[tuple[str, Run]]) -> list[_Cell]:
    """Sums and rates of the row below the titles, from left to right."""
    height = titles[0][1].height
    rows: list[list[_Cell]] = []
    for row in face.sheet.rows:
        nearest = min((run for _, run in titles), key=lambda run: abs(run.centre - row.centre))
        if not 0.5 * height < row.middle - nearest.middle < 5 * height:
            continue
        rows.append(list(_cells_of(row)))
    return max(rows, key=len, default=[])


def _cells_of(row: Run) -> Iterator[_Cell]:
    for match in _CELL.finditer(row.text):
        part = span(row, match)
        if part is not None:
            # Two digits after a comma are no thousands: a point was misread.
            value = values.money(match["sum"].replace(",", ".")) if match["sum"] else None
            yield _Cell(match[0], value, part)


def _pairings(
    titles: Sequence[tuple[str, Run]], cells: Sequence[_Cell]
) -> Iterator[tuple[dict[str, _Cell], bool]]:
    """The ways to give sums to titles, and whether the place of every sum speaks for it: in order
    where there are as many; by the title that each begins or centres under; by the columns that
    titles begin. Titles may be unread where the order of the electronic form's seven cells, the
    rate third, says it all."""
    by_nearest = [min(titles, key=lambda title: _apart(title[1], cell.run))[0] for cell in cells]
    by_column = [
        max((title for title in titles if title[1].x0 <= cell.run.centre),
            key=lambda title: title[1].x0, default=titles[0])[0]
        for cell in cells
    ]  # fmt: skip
    whole = len(cells) == len(_FORM_ORDER) and cells[2].text.endswith("%")
    if len(titles) == len(cells):
        names = [name for name, _ in titles]
        agreed = names in (by_nearest, by_column)
        yield dict(zip(names, cells, strict=True)), agreed or whole
    if whole:
        yield dict(zip(_FORM_ORDER, cells, strict=True)), True
    for names in (by_nearest, by_column):
        if len(set(names)) == len(names):
            yield dict(zip(names, cells, strict=True)), _close(titles, cells)


def _close(titles: Sequence[tuple[str, Run]], cells: Sequence[_Cell]) -> bool:
    """Does every sum stand nearer to a title than half the titles' distance? One that does not
    may belong to a title that was not recognised."""
    places = sorted(run.x0 for _, run in titles)
    step = min(right - left for left, right in pairwise(places))
    return all(min(_apart(run, cell.run) for _, run in titles) < 0.5 * step for cell in cells)


def _apart(title: Run, cell: Run) -> float:
    return min(abs(title.centre - cell.centre), abs(title.x0 - cell.x0))


FACES = (
    FaceReader(
        "air invoice",
        score_electronic,
        read_electronic,
        {Kind.DIGITAL_AIR: ("invoice_number", "issue_date", "total_with_tax")},
    ),
    FaceReader(
        "air itinerary",
        score_paper,
        read_paper,
        {Kind.AIR_ITINERARY: ("invoice_number", "issue_date", "total_with_tax")},
    ),
)

"""What the electronic and the paper itinerary print alike around legs and sums: who flies, the
ticket's number, 验证码, insurance, and the foot with 填开单位 and its date.

Each value stands beside or under its label. Where recognition lost the label the value's own shape
and place say what it is, and it is doubtful.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from extractors.layout import values
from extractors.layout.air_sums import sum_row, title_row
from extractors.layout.header import read_labelled_date
from extractors.layout.page import Run, overlap
from extractors.layout.reading import MENDED, UNLABELLED, Face, compact, labelled
from extractors.layout.slips import (
    doubted,
    keep_name,
    span,
    starred,
    whole_certificate,
)
from extractors.model import Field

#: What the forms print, for labels that were read badly.
PRINTED = (
    "旅客姓名", "有效身份证件号码", "承运人", "航班号", "座位等级", "客票级别/客票类别",
    "客票生效日期", "有效截止日期", "免费行李", "票价", "民航发展基金", "机场建设费",
    "燃油附加费", "增值税税率", "增值税税额", "其他税费", "电子客票号码", "验证码", "提示信息",
    "保险费", "销售单位代号", "销售网点代号", "填开单位", "填开日期", "印刷序号", "购买方名称",
    "统一社会信用代码", "纳税人识别号", "发票号码", "开具状态", "航空运输电子客票行程单",
    "国内国际标识",
)  # fmt: skip
_FIRM = re.compile(r"[\u4e00-\u9fff][\u4e00-\u9fff()A-Za-z]{2,40}(?:公司|集团|社|部|店|处|中心)")
_OTHER_LABEL = re.compile(r"验证码|提示信息|保险费|填开|销售|电子客票")
_ENGLISH = re.compile(r"NAMEOF|PASSENGER|[I1T][DO]\.?N[O0Q]")
_TICKET = re.compile(r"(?<!\d)(\d{3})[-\s]?(\d{10})(?!\d)")
_CHECK = re.compile(r"(?<![0-9A-Z])([0-9A-Z]{4})(?![0-9A-Z])")
_DAY = re.compile(r"(?<!\d)(20\d\d)[-./年](\d{1,2})[-./月](\d{1,2})日?(?!\d)")
#: A certificate as it is printed, hidden in its middle or not, and what recognition makes of stars.
_CERTIFICATE = re.compile(
    r"(?<![0-9A-Z])(?:\d{17}[\dX]|[0-9A-Z]{2,10}\*{2,9}[0-9A-Z]{2,4}"
    r"|\d{6}(?:\d{4})?[^\d\s\u4e00-\u9fff]{1,9}\d{3}[\dX]|\d{9}[\dX]|\d{13}[\dX])(?![0-9A-Z])"
)
_PERSON = re.compile(r"[\u4e00-\u9fff·]{2,20}|[A-Z][A-Z/ ]{2,40}")


def read_common(face: Face) -> dict[str, Field[str]]:
    """Keep check code, seller and day of issue; returns passenger, ticket and insurance."""
    rows = [compact(row) for row in face.sheet.within(face.sheet.rows)]
    read_labelled_date(face, r"(?:填开|开票)日期:?(?:DATEOFISSUE:?)?")
    _read_date_beside(face)
    _read_issuer(face, rows)
    extra = _read_passenger(face)
    ticket = beside_label(face, r"电子客票号码|E-TICKETNO", _TICKET)
    if ticket is not None:
        extra["eticket_number"] = face.field(ticket[0][1] + ticket[0][2], ticket[1])
    elif face.recognised:
        extra.update(_lone_ticket(face))
    check = beside_label(face, r".证码|^CK", _CHECK)
    if check is not None:
        face.keep("check_code", check[0][1], check[1])
    elif face.recognised:
        _keep_check_beside_ticket(face)
    insurance = beside_label(face, r"保险费|INSURANCE", re.compile(r"(?<!\d)(\d{1,4}\.\d\d)(?!\d)"))
    if insurance is not None:
        extra["insurance"] = face.field(insurance[0][1], insurance[1])
    elif face.recognised:
        extra.update(_lone_insurance(face))
    return extra


def beside_label(
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


def _below_sums(face: Face) -> float | None:
    """Where the foot begins; None where neither the sums nor their titles can be found."""
    titles = title_row(face)
    runs = [run for _, run in titles] if len(titles) >= 3 else [
        cell.run for cell in sum_row(face)
    ]  # fmt: skip
    return max((run.y1 for run in runs), default=None)


def _lone_ticket(face: Face) -> dict[str, Field[str]]:
    """The only thirteen digits of the page, three and ten as tickets have them."""
    found = {
        match[1] + match[2]: part
        for row in face.sheet.rows
        for match in _TICKET.finditer(row.text)
        if (part := span(row, match)) is not None
    }
    if len(found) != 1:
        return {}
    text, run = found.popitem()
    return {"eticket_number": doubted(face.field(text, run), UNLABELLED)}


def _lone_insurance(face: Face) -> dict[str, Field[str]]:
    """Where the label is unreadable: the only sum in the row of the ticket's number."""
    label = next((run for run in face.sheet.phrases if "电子客票号" in compact(run).text), None)
    label = label or next((run for run in face.sheet.runs if _TICKET.search(run.text)), None)
    if label is None:
        return {}
    found = [
        run
        for run in face.sheet.within(face.sheet.runs, left=0.6, top=label.y0)
        if re.fullmatch(r"\d{1,3}\.\d\d", run.text) and run.middle < label.y1 + 0.8 * label.height
    ]
    if len(found) != 1:
        return {}
    return {"insurance": doubted(face.field(found[0].text, found[0]))}


def _keep_check_beside_ticket(face: Face) -> None:
    """Where the label of 验证码 is unreadable: four characters right behind the ticket's number."""
    for row in face.sheet.rows:
        ticket = _TICKET.search(row.text)
        check = _CHECK.search(row.text, ticket.end()) if ticket else None
        part = span(row, check) if check else None
        if part is not None:
            face.keep("check_code", part.text, part, most=UNLABELLED)
            return


def _read_issuer(face: Face, rows: list[Run]) -> None:
    """填开单位, the airline or its agent. One that does not end as firms do may be cut off."""
    found = beside_label(face, r"填开单位|ISSUEDBY", _FIRM)
    if found is not None:
        keep_name(face, "seller_name", found[1])
        return
    for name in labelled(rows, r"填开单位:?(?:ISSUEDBY:?)?(.{2,60}?)(?=填开日期|DATEOF|$)")[:1]:
        if not name.text.startswith("填开"):
            keep_name(face, "seller_name", name)
    if "seller_name" not in face.found and face.recognised:
        _keep_firm_of_foot(face, rows)


def _keep_firm_of_foot(face: Face, rows: list[Run]) -> None:
    """Where the label is unreadable: the only firm of the foot that is no buyer."""
    top = _below_sums(face)
    firms = [
        part
        for row in rows
        if top is not None and row.middle > top and "购买方" not in row.text
        for match in _FIRM.finditer(re.sub(r"^.*(?:单位|开票位):?", _blank, row.text))
        if (part := span(row, match)) is not None
    ]
    if len(firms) == 1:
        keep_name(face, "seller_name", firms[0], most=UNLABELLED)


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


def _read_date_beside(face: Face) -> None:
    """The day of issue beside its label, or where a seal hides the label the one date below the
    sums: other dates stand in the legs above them."""
    if "issue_date" in face.found:
        return
    found = beside_label(face, r"填开日期|DATEOFISSUE", _DAY)
    if found is not None:
        face.keep("issue_date", values.date("-".join(found[0].groups())), found[1])
        return
    top = _below_sums(face)
    if top is None:
        return
    dates = {
        day: part
        for run in face.sheet.within(face.sheet.phrases, top=top)
        for match in _DAY.finditer(run.text)
        if (day := values.date("-".join(match.groups()))) is not None
        and (part := span(run, match)) is not None
    }
    if len(dates) == 1:
        day, run = dates.popitem()
        face.keep("issue_date", day, run, most=MENDED if face.recognised else 1.0)


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
                    extra[name] = face.field(compact(below).text, below)
                break
    if face.recognised and len(extra) < 2:
        _read_passenger_by_shape(face, extra)
    if face.recognised and "passenger_id" in extra:
        extra["passenger_id"] = starred(whole_certificate(extra["passenger_id"], recognised=True))
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


def _read_passenger_by_shape(face: Face, extra: dict[str, Field[str]]) -> None:
    """The one certificate above the sums, and the name left of it; hardly believed where their
    titles are unreadable."""
    floor = _below_sums(face)
    found = list(_certificates(face, 0.5 * face.sheet.bottom if floor is None else floor))
    if len(found) != 1:
        return
    row, match = found[0]
    certificate = span(row, match)
    if certificate is not None and "passenger_id" not in extra:
        extra["passenger_id"] = doubted(face.field(match[0], certificate), UNLABELLED)
    left = row.part(0, match.start())
    # A name stands alone, a little left of the certificate.
    name = _PERSON.fullmatch(left.text.strip()) if left is not None else None
    if left is not None and name is not None and "passenger" not in extra:
        extra["passenger"] = doubted(face.field(name[0], left), UNLABELLED)


def _certificates(face: Face, floor: float) -> Iterator[tuple[Run, re.Match[str]]]:
    for row in face.sheet.within(face.sheet.rows, bottom=floor):
        if re.search(r"发票|序号|状态", row.text):
            continue
        match = _CERTIFICATE.search(row.text)
        if match is not None and match.start() > 0:
            yield row, match

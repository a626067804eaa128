"""The VAT face: 数电票 and the older electronic and paper invoices, which share its skeleton.

Head, parties, table, totals: the words' row and the title row divide the page, and each part is
read by its own module.
"""

from __future__ import annotations

import re

from extractors.kinds import DIGITAL_KINDS, kind_from_code, kind_from_name
from extractors.layout import values
from extractors.layout.foot import read_issuer
from extractors.layout.header import read_header, second_number
from extractors.layout.lines import is_rate
from extractors.layout.parties import (
    Zone,
    name_labels,
    read_party,
    sides_swapped,
)
from extractors.layout.reading import Face, FaceReader, compact
from extractors.layout.remarks import read_remarks
from extractors.layout.special import read_special
from extractors.layout.table import lines_of, table_rows
from extractors.layout.tax_ids import id_labels, tax_ids
from extractors.layout.titles import PRINTED_TITLES, find_headers
from extractors.layout.totals import read_totals
from extractors.model import Invoice, Kind

#: Side print and labels of the box to the right begin about here on older faces.
_OLD_BOX_RIGHT = 0.6
#: Titles of the table's columns, or what poor pages leave of them.
_TITLE = re.compile(r"规格|型号|^单.$|^数.$|^税.$|^[金全].$|项目名|征收|货物或")


def score(face: Face) -> int | None:
    """How well the document suits this face: 3 its title, 2 its words, None otherwise."""
    text = face.sheet.text
    kind = kind_from_name(text)
    if kind is not Kind.UNKNOWN:
        return 3 if kind in _NEEDED else None
    signs = (
        r"价税合计",
        r"纳税人识别号",
        r"税率",
        r"规格型号",
        r"[壹贰叁肆伍陆柒捌玖][圆元佰拾仟]",
        r"校验码",
        r"(?<!\d)\d{20}(?!\d)",
    )
    seen = sum(bool(re.search(sign, text)) for sign in signs)
    return 2 if seen >= 2 else None


_KEYS = ("invoice_number", "issue_date", "total_with_tax")
_PARTIES = ("buyer_name", "seller_name")
_SPECIAL = (*_PARTIES, "buyer_tax_id", "seller_tax_id", "total_without_tax")
_CHECKED = (*_KEYS, "invoice_code", *_PARTIES, "check_code")
_NEEDED = {
    Kind.VAT_SPECIAL: (*_KEYS, "invoice_code", *_SPECIAL, "total_tax"),
    Kind.VAT_ELECTRONIC_SPECIAL: (*_KEYS, "invoice_code", *_SPECIAL, "total_tax"),
    Kind.VAT_NORMAL: _CHECKED,
    Kind.VAT_ELECTRONIC_NORMAL: _CHECKED,
    Kind.VAT_TOLL: _CHECKED,
    Kind.VAT_ROLL: (*_KEYS, "invoice_code", "seller_name", "check_code"),
    Kind.DIGITAL_SPECIAL: (*_KEYS, *_SPECIAL),
    Kind.DIGITAL_NORMAL: (*_KEYS, *_PARTIES, "seller_tax_id"),
    Kind.DIGITAL_PAPER_SPECIAL: (*_KEYS, "invoice_code", *_SPECIAL, "total_tax"),
    Kind.DIGITAL_PAPER_NORMAL: (*_KEYS, "invoice_code", *_PARTIES),
}


def read(face: Face) -> Invoice:
    """Everything the face shows."""
    sheet = face.sheet
    headers = find_headers(face)
    header = headers[0] if headers else None
    table_top = header.top if header is not None else _first_rate(face)
    words_y = read_totals(face, header.bottom if header is not None else 0.2 * sheet.bottom)
    floor = words_y if words_y is not None else sheet.bottom
    head = _head_bottom(face, table_top)
    read_header(face, head)
    second = second_number(face, table_top)
    _read_parties(face, table_top, floor)
    rows = table_rows(face, headers, floor)
    read_issuer(face, floor)
    read_remarks(face, floor, _table_right(face, table_top, floor))
    sums = _sums_bottom(face)
    extra = read_special(face, rows, head, sums, floor - 0.5 * sheet.line_height)
    if second is not None:
        extra["digital_number"] = second
    found = lines_of(face, rows)
    kind = _kind(face, on_paper=second is not None)
    return face.invoice(kind, lines=found, extra=extra)


def _first_rate(face: Face) -> float:
    """Where the table begins if its columns cannot be told: at what is left of their titles, or a
    little above the first tax rate."""
    titles = [run for run in face.sheet.runs if _TITLE.search(compact(run).text)]
    level = [
        run
        for run in titles
        if sum(abs(run.middle - other.middle) < run.height for other in titles) > 1
    ]
    if level and face.recognised:
        return min(run.y0 for run in level)
    rates = [run.y0 for run in face.sheet.runs if is_rate(run)]
    if not rates:
        return 0.25 * face.sheet.bottom
    return min(rates) - face.sheet.line_height


def _head_bottom(face: Face, table_top: float) -> float:
    """The head ends above the first party's name; without a label, above the first tax id, or a
    row above where one is labelled."""
    labels = name_labels(face, 0.0, table_top)
    if labels:
        return min(run.y0 for run in labels)
    ids = tax_ids(face, 0.0, table_top)
    if ids or not face.recognised:
        return min((run.y0 for run in ids), default=table_top)
    rows = id_labels(face, table_top)
    return min((run.y0 - 2.5 * run.height for run in rows), default=table_top)


def _read_parties(face: Face, table_top: float, floor: float) -> None:
    top = _head_bottom(face, table_top) - 0.8 * face.sheet.line_height
    split = _side_by_side(face, top, table_top)
    if split is not None:
        sides = Zone(0.0, split, top, table_top), Zone(split, 2.0, top, table_top)
        buyer, seller = reversed(sides) if sides_swapped(face, *sides) else sides
        read_party(face, buyer, "buyer")
        read_party(face, seller, "seller")
        return
    frame = _frame(face)
    right = frame[0] + _OLD_BOX_RIGHT * (frame[1] - frame[0])
    read_party(face, Zone(0.0, right, top, table_top), "buyer")
    read_party(
        face, Zone(0.0, right, floor + 0.5 * face.sheet.line_height, face.sheet.bottom), "seller"
    )


def _table_right(face: Face, top: float, floor: float) -> float:
    """Where the table's last column ends: tax stands at its right edge."""
    inside = face.sheet.within(face.sheet.runs, top=top, bottom=floor)
    return max((run.x1 for run in inside), default=_frame(face)[1])


def _frame(face: Face) -> tuple[float, float]:
    """Left and right ends of the print."""
    runs = face.sheet.runs
    return min((run.x0 for run in runs), default=0.0), max((run.x1 for run in runs), default=1.0)


def _side_by_side(face: Face, top: float, bottom: float) -> float | None:
    """Where the seller's box begins, if both parties stand above the table."""
    left, right = _frame(face)
    middle = (left + right) / 2
    labels = name_labels(face, top, bottom)
    beyond = [run for run in labels if run.x0 > middle - 0.08 * (right - left)]
    if beyond and len(labels) >= 2:
        return min(run.x0 for run in beyond) - 0.5 * beyond[0].height
    number = face.found.get("invoice_number")
    if "invoice_code" not in face.found and number is not None:
        # Only 数电票 have a number without a code, and they set the boxes side by side.
        return middle
    ids = tax_ids(face, top, bottom)
    if len(ids) == 2 and abs(ids[0].middle - ids[1].middle) < ids[0].height:
        return middle
    return None


def _sums_bottom(face: Face) -> float | None:
    """The lower edge of the amount in the row of sums, on the sheet."""
    first = face.found.get("total_without_tax")
    if first is None:
        return None
    return max(
        (
            run.y1
            for run in face.sheet.runs
            if face.sheet.pages[(place := face.sheet.place(run)).page].page == first.box.page
            and abs(place.y0 - first.box.y0) < 1e-9
            and place.x0 <= first.box.x0 <= place.x1
        ),
        default=None,
    )


def _kind(face: Face, *, on_paper: bool) -> Kind:
    """By title; by code where the title is unread, or names the family but not the branch.
    `on_paper`: it bears a 数电票 number beside its code."""
    title = kind_from_name(_head_text(face))
    kind = _kind_by(face, title)
    return _ON_PAPER.get(kind, kind) if on_paper else kind


#: Names, seals and labels are no titles, whatever they say.
_NO_TITLE = re.compile(r":|章|合伙|公司|厂|店|[司院所]$|使用|名称")
_PAPER = frozenset({Kind.VAT_SPECIAL, Kind.VAT_NORMAL})
#: 数电纸票 are printed on the paper of the older kinds, under its titles.
_ON_PAPER = {
    Kind.VAT_SPECIAL: Kind.DIGITAL_PAPER_SPECIAL,
    Kind.VAT_NORMAL: Kind.DIGITAL_PAPER_NORMAL,
}


def _kind_by(face: Face, title: Kind) -> Kind:
    code = face.found.get("invoice_code")
    by_code = kind_from_code(code.value) if code is not None else Kind.UNKNOWN
    if title is Kind.UNKNOWN and by_code in _PAPER:
        return _paper_kind(face, by_code)
    if by_code is not Kind.UNKNOWN and by_code in _BRANCHES.get(title, ()):
        return by_code
    number = face.found.get("invoice_number")
    if code is None and number is not None and values.is_digital_number(number.value):
        return _digital_kind(face, title)
    return title


def _paper_kind(face: Face, by_code: Kind) -> Kind:
    """Under an unread title what is left of it speaks, then the check code, which only 普通发票
    bear; codes do not always keep to their rule."""
    special, normal = _halves(face)
    if special != normal:
        return Kind.VAT_SPECIAL if special else Kind.VAT_NORMAL
    return Kind.VAT_NORMAL if "check_code" in face.found else by_code


def _halves(face: Face) -> tuple[bool, bool]:
    """Whether 专用 and whether 普通 is left of a title that the seal half hides. Firms' names and
    seals say such things too."""
    phrases = face.sheet.within(face.sheet.phrases, bottom=0.3 * face.sheet.bottom)
    texts = [text for run in phrases if not _NO_TITLE.search(text := compact(run).text)]
    special = any(re.search(r"专用|[税值]专|用发票", text) for text in texts)
    normal = any(re.search(r"普通|[税值]普|通发票", text) for text in texts)
    return special, normal


def _digital_kind(face: Face, title: Kind) -> Kind:
    """A 20-digit number without code is a 数电票; the seal over its title leaves one half of it
    readable at least, and the two kinds differ by that half."""
    if title in DIGITAL_KINDS:
        return title
    special, normal = _halves(face)
    if special == normal:
        return Kind.UNKNOWN
    return Kind.DIGITAL_SPECIAL if special else Kind.DIGITAL_NORMAL


#: A title without its branch: 通行费 and 卷票 are printed apart from the title, and 电子 may lie
#: under the seal. Where title and code differ otherwise, the face is what a person would read.
_BRANCHES = {
    Kind.VAT_NORMAL: (Kind.VAT_ELECTRONIC_NORMAL, Kind.VAT_ROLL, Kind.VAT_TOLL),
    Kind.VAT_ELECTRONIC_NORMAL: (Kind.VAT_TOLL,),
    Kind.VAT_SPECIAL: (Kind.VAT_ELECTRONIC_SPECIAL,),
    Kind.UNKNOWN: tuple(Kind),
}


def _head_text(face: Face) -> str:
    runs = face.sheet.within(face.sheet.rows, bottom=0.3 * face.sheet.bottom)
    return "".join(compact(run).text for run in runs)


FACES = (FaceReader("vat", score, read, _NEEDED, PRINTED_TITLES),)

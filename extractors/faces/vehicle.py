"""机动车销售统一发票: a boxed form, code and number printed twice. Its total is proven by its words
and by price + tax at the rate.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from extractors.layout import values
from extractors.layout.grid import Cell, named, read_grid, value_of
from extractors.layout.page import Run
from extractors.layout.paper import (
    HEAD_LABELS,
    Sum,
    is_identity_number,
    keep_party_id,
    keep_party_name,
    keep_total,
    money_in,
    spoken_sums,
)
from extractors.layout.reading import Face, FaceReader, compact, cut
from extractors.layout.vehicle_contacts import seller_contacts
from extractors.layout.vehicle_values import (
    FRAME,
    KEYS,
    SLASH,
    plain_values,
    read_common,
    read_frame,
    read_unlabelled,
    total_figures,
)
from extractors.model import Field, Invoice, Kind

_LABELS = {
    **HEAD_LABELS,
    "cipher": r"税控码",
    "buyer": r"(?:购买方|购货单位\(?人?\)?)(?:名称)?及?",
    "identity": rf"统一社会信用代码{SLASH}|身份证[明号]?号?码?{SLASH}|组织机构代码",
    "tax_id": rf"纳税人识别号{SLASH}",
    "vehicle_kind": r"车辆类型?|辆类型",
    "model": r"厂?牌型号",
    "origin": r"产地|地(?!址)",
    "certificate": r"合格证号?",
    "import_certificate": r"进口证明书号?",
    "inspection": r"商检单号?",
    "engine_number": r"发动机号码?",
    "frame_number": FRAME,
    "without": r"不含税价?(?:\(?小写\)?)?",
    "total": r"价税合计(?:\(?大写\)?)?",
    "figures": r"\(?小写\)?",
    "seller": r"销[货售]单位名称|销售方名称",
    "phone": r"电话",
    "account": r"账号|帐号",
    "address": r"地址",
    "bank": r"开户银行|开户行",
    "rate": r"增值税税率(?:或征收率)?|或征收率",
    "tax": r"增值税(?:税额)?|税额",
    "tax_authority": r"主管税务(?:机关)?(?:及代码)?|机关及代码",
    "tax_voucher": r"完税凭证号码?",
    "tonnage": r"吨位",
    "seats": r"限乘人数",
    "stamp": r"销[货售](?:单位|方)(?:\(?盖?章\)?)",
    "issuer": r"开?票人",
    "remarks": r"备注",
}
_SIGNS = "厂牌型号|合格证号|发动机号码|车架号码|限乘人数|完税凭证号|进口证明书号|商检单号|不含税价"
#: The first value of a row, the label that follows it, and what the value looks like.
_FIRSTS = (
    ("vehicle_kind", "model", r"[\u4e00-\u9fff()]{1,10}车"),
    ("certificate", "import_certificate", r"[A-Z]{1,4}[0-9A-Z]{9,16}"),
    ("engine_number", "frame_number", r"(?=(?:.*\d){3})[0-9A-Z*-]{5,20}"),
)


def score(face: Face) -> int | None:
    """Its title, or three of the labels that only a vehicle has."""
    text = face.sheet.text
    if "二手车" in text:
        return None
    if "机动车销售统一发票" in text:
        return 4
    return 4 if len(set(re.findall(_SIGNS, text))) >= 3 else None


def read(face: Face) -> Invoice:
    """The invoice of a new vehicle."""
    cells = read_grid(face, _LABELS)
    read_common(face, cells)
    floor = _floor(cells)
    upper = [cell for cell in cells if cell.label.middle < floor]
    lower = [cell for cell in cells if cell.label.middle > floor]
    _read_buyer(face, upper)
    keep_party_name(face, "seller_name", value_of(lower, "seller"))
    keep_party_id(face, "seller_tax_id", value_of(lower, "tax_id"))
    extra = plain_values(face, cells, "vehicle_kind", "model", "origin", "certificate",
                   "import_certificate", "inspection", "engine_number", "tax_voucher",
                   "tonnage", "seats")  # fmt: skip
    extra.update(seller_contacts(face, lower))
    read_unlabelled(face, cells, extra, _FIRSTS)
    read_frame(face, cells, extra)
    _read_authority(face, cells, extra)
    _read_sums(face, cells, extra)
    return face.invoice(Kind.VEHICLE, extra=extra)


def _floor(cells: Sequence[Cell]) -> float:
    """Where the buyer's half ends: at the total, or where its label is lost at the seller."""
    for name in ("total", "seller"):
        tops = [cell.label.y0 for cell in cells if cell.name == name]
        if tops:
            return min(tops)
    return 1e9


def _read_buyer(face: Face, cells: Sequence[Cell]) -> None:
    """Older forms set name and identity one above the other in one box."""
    rows = [row for cell in named(cells, "buyer", "identity") for row in cell.rows]
    name = [row for row in rows if not _is_number(row)]
    keep_party_name(face, "buyer_name", name[0] if name else None)
    boxes = [value for cell in named(cells, "tax_id", "identity") if (value := cell.value)]
    for number in (*boxes, *rows):
        text = compact(number).text.upper()
        if values.is_tax_id(text) or is_identity_number(text):
            keep_party_id(face, "buyer_tax_id", number)
            return


def _is_number(run: Run) -> bool:
    text = compact(run).text
    return sum(char.isdigit() for char in text) >= 5 and text.isascii()


def _read_authority(face: Face, cells: Sequence[Cell], extra: dict[str, Field[str]]) -> None:
    """The tax office's name and its code of 9 or 11 digits."""
    value = value_of(cells, "tax_authority")
    if value is None:
        return
    bare = compact(value)
    for name, pattern in (
        ("tax_authority", r"^\d*([\u4e00-\u9fff()]{4,60}(?:局|分局|所|厅))\d*$"),
        ("tax_authority_code", r"(?<!\d)(\d{9}|\d{11})(?!\d)"),
    ):
        match = re.search(pattern, bare.text)
        part = cut(bare, match) if match else None
        if part is not None:
            extra[name] = face.field(part.text, part)


def _read_sums(face: Face, cells: Sequence[Cell], extra: dict[str, Field[str]]) -> None:
    """Total, price and tax: price + tax is the total, and the tax is the rate of the price."""
    words = next(iter(spoken_sums(face.sheet.rows)), None)
    total = total_figures(cells, words)
    without, tax = _without(cells), money_in(value_of(cells, "tax"))
    rate = _read_rate(face, cells, extra)
    adds_up = (
        total is not None
        and without is not None
        and tax is not None
        and without.value + tax.value == total.value
    )
    keep_total(face, words, total, proven=adds_up)
    known = face.found.get("total_with_tax")
    for name, found in (("total_without_tax", without), ("total_tax", tax)):
        share = _part(known.value, rate, name) if known is not None and rate is not None else None
        _keep_part(face, name, found, share, proven=adds_up)


def _keep_part(
    face: Face, name: str, found: Sum | None, share: Decimal | None, *, proven: bool
) -> None:
    """Price or tax. Recognised ones are believed if they add up, or are the very `share` of the
    total; the share is also known by itself where its label could not be read."""
    if face.recognised and not proven and (found is None or found.value != share):
        if found is not None:
            face.doubt(name, found.value, found.run)
        found = next(
            (each for run in face.sheet.runs if _is_sum(each := money_in(run), share)), None
        )
    if found is not None:
        face.keep(name, found.value, found.run, proven=proven or found.value == share)


def _is_sum(found: Sum | None, value: Decimal | None) -> bool:
    return found is not None and found.value == value


def _part(total: Decimal, rate: Decimal, name: str) -> Decimal:
    """What price or tax must be if the total holds tax at the rate."""
    without = (total / (1 + rate)).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return without if name == "total_without_tax" else total - without


def _without(cells: Sequence[Cell]) -> Sum | None:
    """The price without tax: behind its own label, or behind 小写 in the same row."""
    own_label = next((cell.label for cell in cells if cell.name == "without"), None)
    own = next(iter(named(cells, "without")), None)
    if own is not None and (found := money_in(own.rows[0])) is not None:
        return found
    for cell in named(cells, "figures"):
        found = money_in(cell.rows[0])
        if found is not None and own_label is not None and _under(own_label, cell.label):
            return found
    return None


def _under(upper: Run, lower: Run) -> bool:
    """In the same row, or the second line of the same label."""
    return abs(upper.middle - lower.middle) < 1.6 * upper.height


def _read_rate(face: Face, cells: Sequence[Cell], extra: dict[str, Field[str]]) -> Decimal | None:
    value = value_of(cells, "rate")
    rate = values.rate(compact(value).text) if value is not None else None
    if rate is None:
        # A label beside it may be lost, and its value stand in this cell too.
        shares = [run for run in map(compact, face.sheet.runs) if values.rate(run.text) is not None]
        value = shares[0] if len(shares) == 1 else None
        rate = values.rate(value.text) if value is not None else None
    if value is not None and rate is not None:
        extra["rate"] = face.field(compact(value).text, value)
    return rate


FACES = (
    FaceReader(
        "vehicle",
        score,
        read,
        {Kind.VEHICLE: (*KEYS, "seller_tax_id", "total_without_tax", "total_tax")},
    ),
)

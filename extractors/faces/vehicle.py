"""机动车销售统一发票: a boxed form, code and number printed twice. Its total is proven by its words
and by price + tax at the rate.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from extractors.layout import values
from extractors.layout.grid import Cell, named, read_grid, value_of
from extractors.layout.labels import relabelled
from extractors.layout.page import Run
from extractors.layout.paper import (
    HEAD_LABELS,
    is_identity_number,
    keep_party_id,
    keep_party_name,
)
from extractors.layout.reading import Face, FaceReader, compact, cut
from extractors.layout.vehicle_contacts import seller_contacts
from extractors.layout.vehicle_lost import lost_model
from extractors.layout.vehicle_sums import read_sums
from extractors.layout.vehicle_values import (
    FRAME,
    KEYS,
    PRINTED_HEAD,
    SLASH,
    keep_lost,
    plain_values,
    read_common,
    read_frame,
    read_unlabelled,
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
#: The words that the form prints, to set right what a poor page makes of them.
_PRINTED = (
    *PRINTED_HEAD,
    *("购买方名称", "纳税人识别号", "统一社会信用代码/", "身份证明号码"),
    *("购买方名称及身份证号码/组织机构代码", "车辆类型", "厂牌型号", "合格证号", "进口证明书号"),
    *("商检单号", "发动机号码", "车辆识别代号/车架号码", "价税合计", "销货单位名称", "开户银行"),
    *("增值税税率", "或征收率", "增值税税额", "主管税务", "机关及代码", "不含税价", "不含税价小写"),
    *("完税凭证号码", "限乘人数", "销货单位盖章"),
)
_SIGNS = "厂牌型号|合格证号|发动机号码|车架号码|限乘人数|完税凭证号|进口证明书号|商检单号|不含税价"
#: The first value of a row, the label that follows it, and what the value looks like.
_FIRSTS = (
    ("vehicle_kind", "model", r"[\u4e00-\u9fff()]{1,10}车"),
    ("certificate", "import_certificate", r"[A-Z]{1,4}[0-9A-Z]{9,16}"),
    ("engine_number", "frame_number", r"(?=(?:.*\d){3})[0-9A-Z*-]{5,20}"),
)


def score(face: Face) -> int | None:
    """Its title, or three of the labels that only a vehicle has."""
    text = relabelled(face, _PRINTED).sheet.text
    if "二手车" in text:
        return None
    if "机动车销售统一发票" in text:
        return 4
    return 4 if len(set(re.findall(_SIGNS, text))) >= 3 else None


def read(face: Face) -> Invoice:
    """The invoice of a new vehicle."""
    face = relabelled(face, _PRINTED)
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
    keep_lost(face, extra, ("model", lost_model))
    read_frame(face, cells, extra)
    _read_authority(face, cells, extra)
    read_sums(face, cells, extra)
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
    name = [row for row in rows if not _is_number(row) and "专用章" not in row.text]
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


FACES = (
    FaceReader(
        "vehicle",
        score,
        read,
        {Kind.VEHICLE: (*KEYS, "seller_tax_id", "total_without_tax", "total_tax")},
        _PRINTED,
    ),
)

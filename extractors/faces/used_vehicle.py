"""二手车销售统一发票: a boxed form, code and number printed twice; words prove its total."""

from __future__ import annotations

import re
from collections.abc import Sequence

from extractors.layout.grid import Cell, named, read_grid
from extractors.layout.page import Run
from extractors.layout.paper import (
    HEAD_LABELS,
    keep_party_id,
    keep_party_name,
    keep_total,
    spoken_sums,
)
from extractors.layout.reading import Face, FaceReader
from extractors.layout.vehicle_contacts import used_contacts
from extractors.layout.vehicle_values import (
    FRAME,
    KEYS,
    PLAIN,
    SLASH,
    plain_values,
    read_common,
    read_frame,
    read_unlabelled,
    total_figures,
)
from extractors.model import Invoice, Kind

_LABELS = {
    **HEAD_LABELS,
    "cipher": r"税控码",
    "buyer_address": rf"买方单位{SLASH}个人住址",
    "buyer": rf"买方单位{SLASH}(?:个人)?",
    "seller_address": rf"卖方单位{SLASH}个人住址",
    "seller": rf"卖方单位{SLASH}(?:个人)?",
    "identity": rf"单位代码{SLASH}(?:身份证号码?)?|身份证号码?",
    "phone": r"电话",
    "plate": r"车牌照?号码?",
    "registration": r"登记证号码?",
    "vehicle_kind": r"车辆类型",
    "frame_number": FRAME,
    "model": r"厂牌型号",
    "transfer_to": r"转入地(?:车辆)?(?:管理所)?(?:名称)?|(?:车?辆)?管理所名称",
    "total": r"车价合计(?:\(?大写\)?)?",
    "figures": r"\(?小写\)?",
    "auctioneer_address": rf"经营{SLASH}拍卖单位地址|单位地址",
    "auctioneer": rf"经营{SLASH}拍卖(?:单位)?",
    "market": r"二?手车(?:交易)?市场",
    "tax_id": r"纳税人识别号",
    "bank": rf"开户银行{SLASH}[账帐]号",
    "address": r"地址",
    "stamp": r"开票单位(?:\(?盖?章\)?)",
    "issuer": r"开?票人",
    "remarks": r"备注",
}
_SIGNS = "车牌照号|登记证号|转入地车|车价合计|买方单位|卖方单位|拍卖单位|二手车市场"

_OWN = ("plate", "registration", "vehicle_kind", "model", "transfer_to", "market", "auctioneer")
_FIRSTS = (("plate", "registration", PLAIN["plate"]),)


def score(face: Face) -> int | None:
    """Its title, or three of the labels that only a used vehicle has."""
    text = face.sheet.text
    if "二手车销售统一发票" in text:
        return 4
    return 4 if len(set(re.findall(_SIGNS, text))) >= 3 else None


def read(face: Face) -> Invoice:
    """The invoice of a used vehicle: its total is the price, its seller the last owner."""
    cells = read_grid(face, _LABELS)
    read_common(face, cells)
    for role in ("buyer", "seller"):
        owner = next(iter(named(cells, role)), None)
        keep_party_name(face, f"{role}_name", owner.value if owner else None)
        identity = _beside(owner, named(cells, "identity")) if owner else None
        keep_party_id(face, f"{role}_tax_id", identity)
    words = next(iter(spoken_sums(face.sheet.rows)), None)
    keep_total(face, words, total_figures(cells, words))
    extra = plain_values(face, cells, *_OWN)
    extra.update(used_contacts(face, cells))
    read_unlabelled(face, cells, extra, _FIRSTS)
    read_frame(face, cells, extra)
    return face.invoice(Kind.USED_VEHICLE, extra=extra)


def _beside(owner: Cell, cells: Sequence[Cell]) -> Run | None:
    """The value of the cell in the owner's own row."""
    for cell in cells:
        if abs(cell.label.middle - owner.label.middle) < owner.label.height:
            return cell.value
    return None


FACES = (
    FaceReader(
        "used vehicle",
        score,
        read,
        {Kind.USED_VEHICLE: (*KEYS, "buyer_tax_id", "seller_tax_id")},
    ),
)

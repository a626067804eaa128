"""二手车销售统一发票: a boxed form, code and number printed twice; words prove its total."""

from __future__ import annotations

import re
from collections.abc import Sequence

from extractors.layout import values
from extractors.layout.grid import Cell, named, read_grid
from extractors.layout.labels import relabelled
from extractors.layout.page import Run
from extractors.layout.paper import HEAD_LABELS, keep_party_id, keep_party_name
from extractors.layout.reading import UNLABELLED, Face, FaceReader
from extractors.layout.vehicle_contacts import used_contacts
from extractors.layout.vehicle_lost import lost_identity, lost_model, lost_plate, name_left_of
from extractors.layout.vehicle_sums import read_total
from extractors.layout.vehicle_values import (
    FRAME,
    KEYS,
    PLAIN,
    PRINTED_HEAD,
    SLASH,
    keep_lost,
    plain_values,
    read_common,
    read_frame,
    read_unlabelled,
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
    "market": r"二?手车(?:交易)?.?场",
    "tax_id": r"纳税人识别号",
    "bank": rf"开户银行(?:{SLASH}[账帐]号)?",
    "address": r"地址",
    "stamp": r"开票单位(?:\(?盖?章\)?)",
    "issuer": r"开?票人",
    "remarks": r"备注",
}
#: The words that the form prints, to set right what a poor page makes of them.
_PRINTED = (
    *PRINTED_HEAD,
    *("买方单位/个人", "买方单位/个人住址", "单位代码/身份证号码"),
    *("卖方单位/个人", "卖方单位/个人住址", "车牌照号", "登记证号", "车辆类型", "厂牌型号"),
    *("车架号/车辆识别代码", "转入地车辆", "管理所名称", "转入地车辆管理所名称", "车价合计(大写)"),
    *("经营、拍卖单位", "经营、拍卖", "单位地址", "二手车市场", "纳税人识别号", "开户银行、账号"),
    *("开票单位(盖章)",),
)
_SIGNS = "车牌照号|登记证号|转入地车|车价合计|买方单位|卖方单位|拍卖单位|二手车市场"

_OWNERS = ("buyer", "seller")
_OWN = ("plate", "registration", "vehicle_kind", "model", "transfer_to", "market", "auctioneer")
_FIRSTS = (("plate", "registration", PLAIN["plate"]),)


def score(face: Face) -> int | None:
    """Its title, or three of the labels that only a used vehicle has."""
    text = relabelled(face, _PRINTED).sheet.text
    if "二手车销售统一发票" in text:
        return 4
    return 4 if len(set(re.findall(_SIGNS, text))) >= 3 else None


def read(face: Face) -> Invoice:
    """The invoice of a used vehicle: its total is the price, its seller the last owner."""
    face = relabelled(face, _PRINTED)
    cells = read_grid(face, _LABELS)
    read_common(face, cells)
    _read_owners(face, cells)
    read_total(face, cells)
    extra = plain_values(face, cells, *_OWN)
    extra.update(used_contacts(face, cells))
    read_unlabelled(face, cells, extra, _FIRSTS)
    keep_lost(face, extra, ("plate", lost_plate), ("model", lost_model))
    read_frame(face, cells, extra)
    return face.invoice(Kind.USED_VEHICLE, extra=extra)


def _read_owners(face: Face, cells: Sequence[Cell]) -> None:
    """Buyer and seller, each in a row of name and identity, the buyer's above."""
    identities = [cell.label for cell in cells if cell.name == "identity"]
    for place, role in enumerate(_OWNERS):
        owner = next(iter(named(cells, role)), None)
        keep_party_name(face, f"{role}_name", _name(owner) if owner else None)
        identity = _beside(owner, named(cells, "identity")) if owner else None
        keep_party_id(face, f"{role}_tax_id", identity)
        if face.recognised:
            label = owner.label if owner else None
            if label is None and len(identities) == len(_OWNERS):
                label = identities[place]
            _read_lost_owner(face, role, label)


def _read_lost_owner(face: Face, role: str, label: Run | None) -> None:
    """What is still missing of an owner: the name left of the identity's label, the id in the
    row."""
    if label is not None and f"{role}_name" not in face.found:
        name = name_left_of(face, label)
        if name is not None:
            face.keep(f"{role}_name", values.clean_name(name.raw), name, most=UNLABELLED)
    found = lost_identity(face, label) if f"{role}_tax_id" not in face.found else None
    if found is not None:
        face.keep(f"{role}_tax_id", found.text.upper(), found, most=UNLABELLED)


def _name(owner: Cell) -> Run | None:
    """The rows of the owner's cell that are no part of the cipher above it."""
    rows = [row for row in owner.rows if not re.search(r"[<>+*/].*[<>+*/]", row.text)]
    return Run(tuple(glyph for row in rows for glyph in row.glyphs)) if rows else None


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
        _PRINTED,
    ),
)

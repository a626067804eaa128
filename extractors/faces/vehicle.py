"""机动车销售统一发票 and 二手车销售统一发票: boxed forms, code and number printed twice.

The new car's total is proven by its words and by price + tax at the rate; the used car's by its
words. Frame numbers have a check digit of their own (GB 16735), which imported cars may ignore.
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
    read_date,
    read_machine_number,
    read_pair,
    spoken_sums,
)
from extractors.layout.reading import MENDED, Face, FaceReader, compact, cut
from extractors.layout.slips import doubted
from extractors.layout.vehicle_contacts import left_of, seller_contacts, used_contacts
from extractors.model import Field, Finding, Invoice, Kind, Severity

_SLASH = r"[/、]?"
_FRAME = (
    rf"车辆识别代[号码]{_SLASH}(?:\(?车架号码?\)?)?|车架号码?{_SLASH}(?:\(?车辆识别代[号码]\)?)?"
)
_NEW_LABELS = {
    **HEAD_LABELS,
    "cipher": r"税控码",
    "buyer": r"(?:购买方|购货单位\(?人?\)?)(?:名称)?及?",
    "identity": rf"统一社会信用代码{_SLASH}|身份证[明号]?号?码?{_SLASH}|组织机构代码",
    "tax_id": rf"纳税人识别号{_SLASH}",
    "vehicle_kind": r"车辆类型?|辆类型",
    "model": r"厂?牌型号",
    "origin": r"产地|地(?!址)",
    "certificate": r"合格证号?",
    "import_certificate": r"进口证明书号?",
    "inspection": r"商检单号?",
    "engine_number": r"发动机号码?",
    "frame_number": _FRAME,
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
_USED_LABELS = {
    **HEAD_LABELS,
    "cipher": r"税控码",
    "buyer_address": rf"买方单位{_SLASH}个人住址",
    "buyer": rf"买方单位{_SLASH}(?:个人)?",
    "seller_address": rf"卖方单位{_SLASH}个人住址",
    "seller": rf"卖方单位{_SLASH}(?:个人)?",
    "identity": rf"单位代码{_SLASH}(?:身份证号码?)?|身份证号码?",
    "phone": r"电话",
    "plate": r"车牌照?号码?",
    "registration": r"登记证号码?",
    "vehicle_kind": r"车辆类型",
    "frame_number": _FRAME,
    "model": r"厂牌型号",
    "transfer_to": r"转入地(?:车辆)?(?:管理所)?(?:名称)?|(?:车?辆)?管理所名称",
    "total": r"车价合计(?:\(?大写\)?)?",
    "figures": r"\(?小写\)?",
    "auctioneer_address": rf"经营{_SLASH}拍卖单位地址|单位地址",
    "auctioneer": rf"经营{_SLASH}拍卖(?:单位)?",
    "market": r"二?手车(?:交易)?市场",
    "tax_id": r"纳税人识别号",
    "bank": rf"开户银行{_SLASH}[账帐]号",
    "address": r"地址",
    "stamp": r"开票单位(?:\(?盖?章\)?)",
    "issuer": r"开?票人",
    "remarks": r"备注",
}
_NEW_SIGNS = (
    "厂牌型号|合格证号|发动机号码|车架号码|限乘人数|完税凭证号|进口证明书号|商检单号|不含税价"
)
_USED_SIGNS = "车牌照号|登记证号|转入地车|车价合计|买方单位|卖方单位|拍卖单位|二手车市场"

_WORTH = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9,
                                              2, 3, 4, 5, 6, 7, 8, 9), strict=True))  # fmt: skip
_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
#: Frame numbers never hold these letters, so a recognised one is the digit that it looks like.
_NO_LETTERS = str.maketrans("OQI", "001")

#: Values that are what stands in their cell, with the shape that they must have.
_PLAIN = {
    "vehicle_kind": r"[\u4e00-\u9fff()]{2,20}",
    "model": r".{2,40}",
    "origin": r"[\u4e00-\u9fff/A-Za-z]{2,20}",
    "certificate": r"[0-9A-Z]{8,20}",
    "import_certificate": r"[0-9A-Z]{6,20}",
    "inspection": r"[0-9A-Z]{6,20}",
    "engine_number": r"[0-9A-Z*\- ]{4,20}",
    "tax_voucher": r"[0-9A-Z]{6,24}",
    "tonnage": r"\d{1,3}(?:\.\d{1,3})?",
    "seats": r"\d{1,2}(?:[-+]\d{1,2})?",
    "plate": r"[\u4e00-\u9fff][A-Z][0-9A-Z\u4e00-\u9fff]{4,7}",
    "registration": r"[0-9A-Z]{6,20}",
    "transfer_to": r"[\u4e00-\u9fff()]{4,40}",
    "market": r"[\u4e00-\u9fff()A-Za-z0-9]{4,40}",
    "auctioneer": r"[\u4e00-\u9fff()A-Za-z0-9]{4,40}",
}
_MIXED = frozenset({"certificate", "engine_number", "import_certificate"})
_SURE_MIXED = 0.97
#: The first value of a row, the label that follows it, and what the value looks like.
_FIRST_OF_NEW = (
    ("vehicle_kind", "model", r"[\u4e00-\u9fff()]{1,10}车"),
    ("certificate", "import_certificate", r"[A-Z]{1,4}[0-9A-Z]{9,16}"),
    ("engine_number", "frame_number", r"(?=(?:.*\d){3})[0-9A-Z*-]{5,20}"),
)
_FIRST_OF_USED = (("plate", "registration", _PLAIN["plate"]),)


def score_new(face: Face) -> int | None:
    """Its title, or three of the labels that only a vehicle has."""
    text = face.sheet.text
    if "二手车" in text:
        return None
    if "机动车销售统一发票" in text:
        return 4
    return 4 if len(set(re.findall(_NEW_SIGNS, text))) >= 3 else None


def score_used(face: Face) -> int | None:
    """Its title, or three of the labels that only a used vehicle has."""
    text = face.sheet.text
    if "二手车销售统一发票" in text:
        return 4
    return 4 if len(set(re.findall(_USED_SIGNS, text))) >= 3 else None


def read_new(face: Face) -> Invoice:
    """The invoice of a new vehicle."""
    cells = read_grid(face, _NEW_LABELS)
    _read_common(face, cells)
    floor = _floor(cells)
    upper = [cell for cell in cells if cell.label.middle < floor]
    lower = [cell for cell in cells if cell.label.middle > floor]
    _read_buyer(face, upper)
    keep_party_name(face, "seller_name", value_of(lower, "seller"))
    keep_party_id(face, "seller_tax_id", value_of(lower, "tax_id"))
    extra = _plain(face, cells, "vehicle_kind", "model", "origin", "certificate",
                   "import_certificate", "inspection", "engine_number", "tax_voucher",
                   "tonnage", "seats")  # fmt: skip
    extra.update(seller_contacts(face, lower))
    _read_unlabelled(face, cells, extra, _FIRST_OF_NEW)
    _read_frame(face, cells, extra)
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


def read_used(face: Face) -> Invoice:
    """The invoice of a used vehicle: its total is the price, its seller the last owner."""
    cells = read_grid(face, _USED_LABELS)
    _read_common(face, cells)
    for role in ("buyer", "seller"):
        owner = next(iter(named(cells, role)), None)
        keep_party_name(face, f"{role}_name", owner.value if owner else None)
        identity = _beside(owner, named(cells, "identity")) if owner else None
        keep_party_id(face, f"{role}_tax_id", identity)
    words = next(iter(spoken_sums(face.sheet.rows)), None)
    keep_total(face, words, _total_figures(cells, words))
    extra = _plain(face, cells, "plate", "registration", "vehicle_kind", "model", "transfer_to",
                   "market", "auctioneer")  # fmt: skip
    extra.update(used_contacts(face, cells))
    _read_unlabelled(face, cells, extra, _FIRST_OF_USED)
    _read_frame(face, cells, extra)
    return face.invoice(Kind.USED_VEHICLE, extra=extra)


def _read_common(face: Face, cells: Sequence[Cell]) -> None:
    read_pair(face, cells)
    read_date(face, cells)
    read_machine_number(face, cells)
    issuer = value_of(cells, "issuer")
    if issuer is not None:
        face.keep("issuer", values.clean_name(issuer.raw), issuer)


def _beside(owner: Cell, cells: Sequence[Cell]) -> Run | None:
    """The value of the cell in the owner's own row."""
    for cell in cells:
        if abs(cell.label.middle - owner.label.middle) < owner.label.height:
            return cell.value
    return None


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


def _plain(face: Face, cells: Sequence[Cell], *names: str) -> dict[str, Field[str]]:
    extra: dict[str, Field[str]] = {}
    for name in names:
        cell = next(iter(named(cells, name)), None)
        value = cell.value if cell is not None else None
        if value is None:
            continue
        spaced = re.sub(r"\s+", " ", value.text).strip()
        text = spaced if name in ("model", "engine_number") else compact(value).text
        if re.fullmatch(_PLAIN[name], text):
            field = face.field(text, value)
            # Letters and digits mixed, without a check: D is 0 and S is 5 to any engine.
            unsure = face.recognised and (
                (name in _MIXED and value.score < _SURE_MIXED)
                # A dot is at home between digits (1.5); elsewhere it is more likely dirt.
                or (name == "model" and re.search(r"[.,](?!\d)|(?<!\d)[.,]", text) is not None)
            )
            extra[name] = doubted(field, MENDED) if unsure else field
    return extra


def _read_unlabelled(
    face: Face,
    cells: Sequence[Cell],
    extra: dict[str, Field[str]],
    firsts: Sequence[tuple[str, str, str]],
) -> None:
    """Labels spread over their box are lost more often than others; what stands alone left of
    the next label of the row and looks like it is the value, doubtful."""
    if not face.recognised:
        return
    for name, neighbour, shape in firsts:
        label = next((cell.label for cell in cells if cell.name == neighbour), None)
        value = left_of(face, label, shape) if name not in extra else None
        if value is not None:
            extra[name] = doubted(face.field(value.text, value), MENDED)


def _read_frame(face: Face, cells: Sequence[Cell], extra: dict[str, Field[str]]) -> None:
    """The frame number; one that its check digit does not confirm is told of."""
    value = value_of(cells, "frame_number")
    if value is None:
        return
    text = compact(value).text.upper()
    if face.recognised:
        text = text.translate(_NO_LETTERS)
    if not re.fullmatch(r"[0-9A-Z*]{6,20}", text):
        return
    holds = frame_number_holds(text)
    field = face.field(text, value, proven=holds)
    if not holds:
        if face.recognised:
            field = field.model_copy(update={"confidence": min(field.confidence, MENDED)})
        params = {"field": "frame_number", "confidence": f"{field.confidence:.2f}"}
        face.findings.append(
            Finding(
                code="low_confidence", severity=Severity.WARN, field="frame_number", params=params
            )
        )
    extra["frame_number"] = field


def frame_number_holds(text: str) -> bool:
    """The ninth of the 17 characters checks the others modulo 11 (GB 16735)."""
    if not re.fullmatch(r"[0-9A-HJ-NPR-Z]{17}", text):
        return False
    worth = (_WORTH[char] if char in _WORTH else int(char) for char in text)
    rest = sum(each * weight for each, weight in zip(worth, _WEIGHTS, strict=True)) % 11
    return text[8] == ("X" if rest == 10 else str(rest))


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


def _total_figures(cells: Sequence[Cell], words: Sum | None) -> Sum | None:
    """The figures in the row of the words."""
    cells = named(cells, "figures", "total")
    for cell in cells:
        found = money_in(cell.rows[-1])
        level = words is None or abs(cell.rows[-1].middle - words.run.middle) < words.run.height
        if found is not None and level:
            return found
    return None


def _read_sums(face: Face, cells: Sequence[Cell], extra: dict[str, Field[str]]) -> None:
    """Total, price and tax: price + tax is the total, and the tax is the rate of the price."""
    words = next(iter(spoken_sums(face.sheet.rows)), None)
    total = _total_figures(cells, words)
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


_KEYS = ("invoice_number", "issue_date", "total_with_tax", "buyer_name", "seller_name")

FACES = (
    FaceReader(
        "vehicle",
        score_new,
        read_new,
        {Kind.VEHICLE: (*_KEYS, "seller_tax_id", "total_without_tax", "total_tax")},
    ),
    FaceReader(
        "used vehicle",
        score_used,
        read_used,
        {Kind.USED_VEHICLE: (*_KEYS, "buyer_tax_id", "seller_tax_id")},
    ),
)

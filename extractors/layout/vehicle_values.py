"""What invoices of new and of used vehicles share: the vehicle's own values, each with its shape,
and its frame number, which has a check digit of its own (GB 16735) that imported cars may ignore.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from extractors.frames import frame_number_holds
from extractors.layout import values
from extractors.layout.grid import Cell, named, value_of
from extractors.layout.page import Run
from extractors.layout.paper import read_date, read_machine_number, read_pair
from extractors.layout.reading import MENDED, UNLABELLED, Face, compact, cut
from extractors.layout.slips import doubted
from extractors.layout.vehicle_contacts import left_of
from extractors.layout.vehicle_lost import lost_machine_number
from extractors.model import Field, Finding, Severity
from extractors.weighed import AHEAD, likeliest_frame

SLASH = r"[/、]?"
FRAME = rf"车辆识别代[号码]{SLASH}(?:\(?车架号码?\)?)?|车架号码?{SLASH}(?:\(?车辆识别代[号码]\)?)?"
#: Frame numbers never hold these letters, so a recognised one is the digit that it looks like.
_NO_LETTERS = str.maketrans("OQI", "001")

#: Values that are what stands in their cell, with the shape that they must have.
PLAIN = {
    "vehicle_kind": r"[\u4e00-\u9fff()]{2,20}",
    "model": r".{2,40}",
    "origin": r"[\u4e00-\u9fff/A-Za-z]{2,20}",
    "certificate": r"[0-9A-Z]{8,20}",
    "import_certificate": r"[0-9A-Z]{6,20}",
    "inspection": r"[0-9A-Z]{6,20}",
    "engine_number": r"[0-9A-Z*\- ]{4,20}",
    "tax_voucher": r"[0-9A-Z]{6,24}",
    "tonnage": r"\d{1,3}(?:\.\d{1,3})?",
    # A single 1 is a 7 without its bar: nothing on this form seats one.
    "seats": r"(?:[2-9]|[1-9]\d)(?:[-+]\d{1,2})?",
    "plate": r"[\u4e00-\u9fff][A-Z][0-9A-Z\u4e00-\u9fff]{4,7}",
    "registration": r"[0-9A-Z]{6,20}",
    "transfer_to": r"[\u4e00-\u9fff()]{4,40}",
    "market": r"[\u4e00-\u9fff()A-Za-z0-9]{4,40}",
    "auctioneer": r"[\u4e00-\u9fff()A-Za-z0-9]{4,40}",
}
#: The same where they are only a part of what stands in the cell.
_OWN_PARTS = {
    "vehicle_kind": r"^(?:[类型]{1,2}\s*)?([\u4e00-\u9fff()]{1,10}车)(?![\u4e00-\u9fff])",
    "model": r"([\u4e00-\u9fff]{2,6}牌[0-9A-Z][0-9A-Z.\-/()]{3,20})",
    "registration": r"(?<![0-9A-Z])(\d{12})(?![0-9A-Z])",
    "certificate": r"(?<![0-9A-Z])([A-Z]{1,4}[0-9A-Z]{9,16})(?![0-9A-Z])",
    "market": r"([\u4e00-\u9fff()]{4,40}公司)",
    "transfer_to": r"([\u4e00-\u9fff()]{4,40}(?:所|队|局))",
}
_MIXED = frozenset({"certificate", "engine_number", "import_certificate"})
_SURE_MIXED = 0.97
#: Words in the head of both forms; the title of either may not be mended to the other's.
PRINTED_HEAD = (
    *("机动车销售统一发票", "二手车销售统一发票"),
    *("发票代码", "发票号码", "开票日期", "机打代码", "机打号码", "机器编号", "税控码", "开票人"),
)
KEYS = ("invoice_number", "issue_date", "total_with_tax", "buyer_name", "seller_name")


def read_common(face: Face, cells: Sequence[Cell]) -> None:
    read_pair(face, cells)
    read_date(face, cells)
    read_machine_number(face, cells)
    if face.recognised and "machine_number" not in face.found:
        code = face.found.get("invoice_code")
        run = lost_machine_number(face, code.value if code is not None else None)
        if run is not None:
            face.keep("machine_number", run.text, run, most=UNLABELLED)
    issuer = value_of(cells, "issuer")
    if issuer is not None:
        face.keep("issuer", values.clean_name(issuer.raw), issuer)


def plain_values(face: Face, cells: Sequence[Cell], *names: str) -> dict[str, Field[str]]:
    """Values that are what stands in their cell, those with their own shape only."""
    extra: dict[str, Field[str]] = {}
    for name in names:
        cell = next(iter(named(cells, name)), None)
        value = cell.value if cell is not None else None
        if value is None:
            continue
        text = _text(name, value)
        if re.fullmatch(PLAIN[name], text) and not (face.recognised and _is_amiss(name, text)):
            field = face.field(text, value)
            # Letters and digits mixed, without a check: D is 0 and S is 5 to any engine.
            unsure = face.recognised and (
                (name in _MIXED and value.score < _SURE_MIXED)
                # A dot is at home between digits (1.5); elsewhere it is more likely dirt.
                or (name == "model" and re.search(r"[.,](?!\d)|(?<!\d)[.,]", text) is not None)
            )
            extra[name] = doubted(field, MENDED) if unsure else field
        elif face.recognised and (part := _own_part(name, value)) is not None:
            extra[name] = doubted(face.field(_text(name, part), part), UNLABELLED)
    return extra


def _text(name: str, value: Run) -> str:
    spaced = re.sub(r"\s+", " ", value.text).strip()
    return spaced if name in ("model", "engine_number") else compact(value).text


def _is_amiss(name: str, text: str) -> bool:
    """Does the value begin with the last characters of its own label (型, 号), or go on with words
    from another cell?"""
    amiss = {
        "vehicle_kind": r"[类型]{1,2}(?=.{2})",
        "model": r"[型号]{1,2} |.*牌.* [\u4e00-\u9fff]{3}",
    }.get(name)
    return amiss is not None and re.match(amiss, text) is not None


def _own_part(name: str, value: Run) -> Run | None:
    """What has the value's shape in a cell into which a label's end or other print strayed."""
    shape = _OWN_PARTS.get(name)
    match = re.search(shape, value.text) if shape else None
    return cut(value, match) if match else None


def read_unlabelled(
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


def keep_lost(
    face: Face, extra: dict[str, Field[str]], *finders: tuple[str, Callable[[Face], Run | None]]
) -> None:
    """Values that their shape alone tells, where no label led to them."""
    for name, find in finders if face.recognised else ():
        run = find(face) if name not in extra else None
        if run is not None:
            extra[name] = doubted(face.field(run.text, run), UNLABELLED)


def read_frame(face: Face, cells: Sequence[Cell], extra: dict[str, Field[str]]) -> None:
    """The frame number; one that its check digit does not confirm is told of."""
    value = value_of(cells, "frame_number")
    if face.recognised:
        value = _proven_frame(face) or value
    if value is None:
        return
    text = compact(value).text.upper()
    if face.recognised:
        text = re.sub(r"^\W+|\W+$", "", text.translate(_NO_LETTERS))
    if not re.fullmatch(r"[0-9A-Z*]{6,20}", text):
        return
    text, holds = _likeliest_frame(value, text)
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


def _likeliest_frame(value: Run, text: str) -> tuple[str, bool]:
    """The number that the characters of a run most likely are, and whether its check digit proves
    it: as it was read, if the recogniser knows no other that holds as well."""
    bare = compact(value).weighed
    weighed = [[(char.translate(_NO_LETTERS), cost) for char, cost in each] for each in bare]
    likeliest = likeliest_frame([tuple(each) for each in weighed])
    if likeliest is None:
        return text, frame_number_holds(text)
    frame, cost, ahead = likeliest
    return frame, cost == 0 and ahead >= AHEAD


def _proven_frame(face: Face) -> Run | None:
    """The only 17 characters anywhere that satisfy the check digit of frame numbers and are none
    of digits alone: their cell's label may be lost, or print stand behind them."""
    found = {
        part.text: part
        for run in map(compact, face.sheet.runs)
        for match in re.finditer(r"(?<![0-9A-Za-z])([0-9A-Z]{17})(?![0-9A-Za-z])", run.text)
        if frame_number_holds(match[1].translate(_NO_LETTERS))
        and not match[1].isdigit()
        and (part := cut(run, match)) is not None
    }
    return found.popitem()[1] if len(found) == 1 else None

"""Values of vehicle invoices whose labels a poor page lost, told by shapes that nothing else there
has, or by the row that the form sets them in. None of them is sure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from extractors.layout import values
from extractors.layout.grid import Cell
from extractors.layout.page import Run
from extractors.layout.paper import is_identity_number
from extractors.layout.reading import Face, compact, cut

#: Where a number of twelve digits may be the machine's: over the table.
_HEAD = 0.45
_TWELVE = re.compile(r"(?<!\d)(\d{12})(?!\d)")
_PHONE = re.compile(r"(?<![0-9A-Za-z])(0\d{2,3}-?\d{7,8}|1[3-9]\d{9})(?![0-9A-Za-z])")
_ACCOUNT = re.compile(r"(?<![0-9A-Za-z])(\d{12,25})(?![0-9A-Za-z])")
_ADDRESS = re.compile(r"([\u4e00-\u9fff]{2,6}[市区县州].{0,30}\d+[号弄室幢]?)$")
_ID = re.compile(r"(?<![0-9A-Za-z])([0-9A-Za-z]{18})(?![0-9A-Za-z])")
_NAME = re.compile(r"[\u4e00-\u9fff()]{2,40}")
#: 厂牌型号: a make, 牌, and the model's letters and digits.
_MODEL = re.compile(r"([\u4e00-\u9fff]{2,6}牌[0-9A-Z][0-9A-Z.\-/()]{3,20})")
_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_PLATE = re.compile(rf"(?<![\u4e00-\u9fff])([{_PROVINCES}][A-Z][0-9A-Z]{{5,6}})(?![0-9A-Z])")
_LEVEL = 0.8


def lost_machine_number(face: Face, code: str | None) -> Run | None:
    """The only 12 digits in the left half of the head that are not the code."""
    head = [
        run
        for run in face.sheet.within(face.sheet.runs, bottom=_HEAD * face.sheet.bottom)
        if run.centre < 0.5
    ]
    return _the_only(head, _TWELVE, lambda text: text != code)


def lost_model(face: Face) -> Run | None:
    """The only make and model."""
    return _the_only(face.sheet.runs, _MODEL)


def lost_plate(face: Face) -> Run | None:
    """The only number plate."""
    return _the_only(face.sheet.runs, _PLATE)


def lost_phone(face: Face, label: Run | None) -> Run | None:
    """The only telephone number in the row of a label, to its right."""
    return _the_only(_level(face, label), _PHONE)


def lost_account(face: Face, label: Run | None) -> Run | None:
    """The only account number in the row of a label, to its right."""
    return _the_only(_level(face, label), _ACCOUNT)


def lost_address(face: Face, label: Run | None) -> Run | None:
    """The address left of a label, in its row."""
    if label is None:
        return None
    left = [
        run
        for run in face.sheet.runs
        if run.x1 <= label.x0 and abs(run.middle - label.middle) < _LEVEL * label.height
    ]
    return _the_only(left, _ADDRESS)


def lost_identity(face: Face, label: Run | None) -> Run | None:
    """The only id in the row of a label that satisfies its check character."""
    return _the_only(_level(face, label), _ID, _is_id)


def name_left_of(face: Face, label: Run) -> Run | None:
    """The name nearest to the left of a label, in its row."""
    left = [
        run
        for run in face.sheet.runs
        if run.x1 <= label.x0 + 0.5 * label.height
        and abs(run.middle - label.middle) < _LEVEL * label.height
        and _NAME.fullmatch(compact(run).text)
    ]
    return max(left, key=lambda run: run.x1, default=None)


def label_of(cells: Iterable[Cell], name: str) -> Run | None:
    """Where a label stands, whether or not anything stands behind it."""
    return next((cell.label for cell in cells if cell.name == name), None)


def _is_id(text: str) -> bool:
    return values.check_character_holds(text) or is_identity_number(text)


def _level(face: Face, label: Run | None) -> list[Run]:
    """What stands right of where a label begins, in its row; in the label's own word too."""
    if label is None:
        return []
    return [
        run
        for run in face.sheet.runs
        if run.x1 > label.x0 and abs(run.middle - label.middle) < _LEVEL * label.height
    ]


def _the_only(
    runs: Sequence[Run], pattern: re.Pattern[str], accepts: Callable[[str], bool] | None = None
) -> Run | None:
    found = [
        part
        for run in map(compact, runs)
        for match in pattern.finditer(run.text)
        if (accepts is None or accepts(match[1].upper())) and (part := cut(run, match)) is not None
    ]
    return found[0] if len({run.text for run in found}) == 1 else None

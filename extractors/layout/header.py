"""The head of a VAT face: code, number, date, check code, machine number.

Labels help where they can be read, but each value also has a shape of its own: a code of 10 or
12 digits, a number of 8 or 20, a check code of 20 in groups of five, a date with 年月日. Paper
prints code and number twice; where the printings differ, nothing is taken.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable

from extractors.kinds import kind_from_code
from extractors.layout import values
from extractors.layout.page import Run
from extractors.layout.reading import MENDED, Face, agreed, compact, cut, labelled
from extractors.model import Field, Kind

_NUMBER_LABEL = r"(?:票?号[码玛]|N[o0O]\.?|№):?"
_CODE_LABEL = r"票?代[码玛]:?"
#: The label may be cut off its value, then the value starts the row's next run.
_CHECK_LABEL = r"校[验驗险]?码?:?"
_MACHINE_LABEL = r"机器编?号[码]?:?"
#: The same, misread.
_LIKE_MACHINE_LABEL = r"机.{0,2}号[码]?:?|.器编.:?|编号:?"
_ALONE = r"(?<![\d.,*/<>+\-¥])(\d{%s})(?![\d.,*/<>+\-年])"


#: Kinds with this head. A machine number can look like the code of a vehicle invoice, never of
#: these.
_KINDS = frozenset(Kind) - {Kind.UNKNOWN, Kind.VEHICLE, Kind.USED_VEHICLE}


def read_header(face: Face, bottom: float) -> None:
    """Keep what stands above `bottom` (the first party's name)."""
    sheet = face.sheet
    rows = sheet.within(sheet.rows, bottom=bottom)
    phrases = sheet.within(sheet.phrases, bottom=bottom)
    runs = sheet.within(sheet.runs, bottom=bottom)
    _read_date(face, [*runs, *phrases, *rows])
    _read_check_code(face, rows, phrases)
    _read_machine_number(face, rows)
    _read_code(face, rows, runs)
    _read_number(face, rows, runs)


def _read_date(face: Face, runs: Iterable[Run]) -> None:
    """The date of issue: the labelled one, or the only one in the head."""
    found: dict[dt.date, Run] = {}
    open_days: dict[dt.date, Run] = {}
    for run in runs:
        bare = compact(run)
        for match in (*values.DATE.finditer(bare.text), *values.DATE_DIGITS.finditer(bare.text)):
            part, value = cut(bare, match, 0), values.date(match[0])
            if part is None:
                continue
            is_labelled = re.search(r"开票日期:?$|日期:?$", bare.text[: match.start()])
            if value is None and is_labelled:
                face.doubt("issue_date", match[0], part)  # no day of any month
            if value is None:
                continue
            if face.recognised and _is_open(match[0]):
                # The rest may stand in a word of its own: the row holds both.
                open_days.setdefault(value, part)
                continue
            if is_labelled:
                face.keep("issue_date", value, part)
                return
            found.setdefault(value, part)
    if len(found) == 1:
        only, where = found.popitem()
        face.keep("issue_date", only, where)
    elif not found and len(open_days) == 1:
        only, where = open_days.popitem()
        face.keep("issue_date", only, where, most=MENDED)


def _is_open(text: str) -> bool:
    """Is it a day without its end (2026年08月2, the second figure and 日 lost)?"""
    return "月" in text and not text.endswith("日")


def read_labelled_date(face: Face, label: str) -> None:
    """The date right after a label, for faces that print several dates."""
    for row in face.sheet.rows:
        for part in labelled([row], label + r"((?:19|20)\d\d[年\-./]\d{1,2}[月\-./]\d{1,2}日?)"):
            face.keep("issue_date", values.date(part.text), part)


def read_labelled_number(face: Face) -> None:
    """A 数电票 number beside its label, or the only one of its shape."""
    rows = face.sheet.within(face.sheet.rows)
    _keep_agreed(
        face,
        "invoice_number",
        labelled(rows, _NUMBER_LABEL + r"(\d{19,20})(?!\d)"),
        _alone(face.sheet.runs, "20"),
        lambda text: values.is_digital_number(text) or not face.recognised,
    )


_OTHER_NUMBERS = ("check_code", "invoice_code", "invoice_number")


def second_number(face: Face, bottom: float) -> Field[str] | None:
    """The 20 digits of 数电纸票, which carry code and number of the old form beside them: labelled
    in the head or the cipher box."""
    if "invoice_code" not in face.found:
        return None
    # Not the check code, nor code and number of the form run together.
    others = [face.found[name].value for name in _OTHER_NUMBERS if name in face.found]
    runs = face.sheet.within([*face.sheet.rows, *face.sheet.runs], bottom=bottom)
    found = [
        run
        for run in _alone(runs, "20")  # a check code is set in groups, or beside its label
        if values.is_digital_number(run.text) and not any(one in run.text for one in others)
    ]
    if any("校验" in compact(run).text and _alone([run], "20") for run in runs):
        return None
    if len({run.text for run in found}) != 1:
        return None
    best = max(found, key=lambda run: run.score)
    return face.field(best.text, best)


def _read_check_code(face: Face, rows: list[Run], phrases: list[Run]) -> None:
    found = labelled(rows, _CHECK_LABEL + r"(\d{20})(?!\d)")
    if not found:
        # Printed in groups of five, which no 20-digit invoice number is.
        grouped = re.compile(r"(?<!\d)(\d{5} \d{5} \d{5} \d{5})(?!\d)")
        for phrase in (*phrases, *rows):
            match = grouped.search(re.sub(r"\s", " ", phrase.text))
            part = cut(phrase, match) if match else None
            if part is not None:
                found.append(part)
    best = agreed(found)
    if best is not None:
        face.keep("check_code", compact(best[0]).text, best[0])


def _read_machine_number(face: Face, rows: list[Run]) -> None:
    best = agreed(labelled(rows, _MACHINE_LABEL + r"(\d{12})(?!\d)"))
    if best is None and face.recognised:
        best = agreed(labelled(rows, rf"(?:{_LIKE_MACHINE_LABEL})" + r"(\d{12})(?!\d)"))
    if best is not None:
        face.keep("machine_number", best[0].text, best[0])


def _read_code(face: Face, rows: list[Run], runs: list[Run]) -> None:
    taken = {face.found[name].value for name in ("machine_number",) if name in face.found}

    def is_code(text: str) -> bool:
        return values.is_invoice_code(text) and text not in taken

    _keep_agreed(
        face,
        "invoice_code",
        labelled(rows, _CODE_LABEL + r"(\d{12}|\d{10})(?!\d)"),
        [run for run in _alone(runs, "10}|\\d{12") if kind_from_code(run.text) in _KINDS],
        is_code,
    )


def _read_number(face: Face, rows: list[Run], runs: list[Run]) -> None:
    if "invoice_code" in face.found:
        _keep_agreed(
            face,
            "invoice_number",
            labelled(rows, _NUMBER_LABEL + r"(\d{8})(?!\d)"),
            _alone(runs, "8"),
            lambda text: len(text) == 8,
        )
        return
    check = face.found.get("check_code")

    def is_number(text: str) -> bool:
        return values.is_digital_number(text) and (check is None or text != check.value)

    _keep_agreed(
        face,
        "invoice_number",
        labelled(rows, _NUMBER_LABEL + r"(\d{20})(?!\d)"),
        _alone(runs, "20"),
        is_number,
    )


def _alone(runs: Iterable[Run], lengths: str) -> list[Run]:
    """Digits of the given length with no digit or sign next to them, in any run."""
    found = []
    for run in runs:
        for match in re.finditer(_ALONE % lengths, run.text):
            part = cut(run, match)
            if part is not None:
                found.append(part)
    return found


def _keep_agreed(
    face: Face,
    name: str,
    by_label: list[Run],
    by_shape: list[Run],
    accepts: Callable[[str], bool],
) -> None:
    """What label and shape find, each printing counted once, if they agree."""
    printings: list[Run] = []
    for run in (*by_shape, *by_label):
        if accepts(compact(run).text) and not any(_same_place(run, other) for other in printings):
            printings.append(run)
    if face.recognised:
        best = agreed(printings)
    else:
        # A text layer has no misreadings: the label decides among different values.
        best = agreed([run for run in by_label if accepts(compact(run).text)]) or agreed(printings)
    if best is not None:
        face.keep(name, compact(best[0]).text, best[0], proven=best[1])
    elif (odd := agreed(by_label)) is not None:
        # Such a value does not exist: misread, or an altered digit beside a genuine code.
        face.doubt(name, compact(odd[0]).text, odd[0])


def _same_place(one: Run, two: Run) -> bool:
    return abs(one.centre - two.centre) < 0.5 * one.height and (
        abs(one.middle - two.middle) < 0.5 * one.height
    )

"""What stands over the table of a fiscal bill, told by shape and place where a label is lost.

The ministry's mould (财政部, 2018) sets six values in three rows: code and number, payer's id and
check code, payer and date. Each is unlike the others: 8 digits that begin with a province, 10
digits, an id or its stars, six of sixteen characters, a name in the date's row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from extractors.layout import values
from extractors.layout.page import Run
from extractors.layout.reading import Face, compact, cut

#: The head is over the table, in the upper part of the page.
_HEAD = 0.45
#: What is left of 交款人 before its colon, and the name; on paper forms 姓名 is as easily lost.
_PERSON = re.compile(r"^[^:：]{0,4}[:：]\s*([\u4e00-\u9fff（）()·]{2,40})$")
_SEX = re.compile(r"([\u4e00-\u9fff·]{2,8})(?:性别)?[^\u4e00-\u9fff]{0,6}[男女]$")
_YEARS = range(15, 61)


def head_of(face: Face) -> list[Run]:
    """The words over the table, from the top."""
    return face.sheet.within(face.sheet.runs, bottom=_HEAD * face.sheet.bottom)


def lost_code(face: Face) -> Run | None:
    """The only 8 digits that are a region, class and sort, and a year."""
    return _the_only(face, r"(?<![0-9A-Za-z])(\d{8})(?![0-9A-Za-z])", is_bill_code)


def is_bill_code(text: str) -> bool:
    """Electronic codes begin with a province, or 00 for the central government, and end with the
    year of the form."""
    region = text[:2] == "00" or values.is_invoice_code(f"{text[:2]}00000000")
    return bool(re.fullmatch(r"\d{8}", text)) and region and int(text[6:]) in _YEARS


def lost_number(face: Face) -> Run | None:
    """The only 10 digits in the head."""
    return _the_only(face, r"(?<![0-9A-Za-z.])(\d{10})(?![0-9A-Za-z.])")


def lost_check_code(face: Face) -> Run | None:
    """Six characters behind a label that ends with 码 and is no other."""
    return _the_only(face, r"(?<![代号用编])码:?([0-9A-Za-z]{6})(?![0-9A-Za-z])")


def lost_masked_id(face: Face) -> Run | None:
    """Stars with digits behind them, and before them perhaps."""
    return _the_only(face, r"(\d{0,10}\*{4,}\d{3}[0-9X])(?![0-9A-Za-z])")


def lost_tax_id(face: Face) -> Run | None:
    """Eighteen characters that satisfy their check character."""
    pattern = r"(?<![0-9A-Za-z])([0-9A-Za-z]{18})(?![0-9A-Za-z])"
    return _the_only(face, pattern, values.check_character_holds)


def lost_payer(face: Face, date: Run | None) -> Run | None:
    """The name left of the date in its row behind whatever its label became; or before a sex."""
    head = head_of(face)
    level = [
        run
        for run in head
        if date is not None
        and run.x1 < date.x0
        and abs(run.middle - date.middle) < 0.7 * date.height
        and not re.search(r"日期", compact(run).text)
    ]
    for runs, pattern in ((level, _PERSON), (face.sheet.within(face.sheet.rows), _SEX)):
        for run in runs:
            match = pattern.search(run.text.strip()) if run.middle < _limit(face) else None
            if match is not None and (part := cut(run, match)) is not None:
                return part
    return None


def _limit(face: Face) -> float:
    return _HEAD * face.sheet.bottom


def _the_only(face: Face, pattern: str, accepts: Callable[[str], bool] | None = None) -> Run | None:
    """Group 1 of the pattern in the head's words; None if several say different things."""
    found = _matching(head_of(face), pattern, accepts)
    return found[0] if len({run.text for run in found}) == 1 else None


def _matching(
    runs: Sequence[Run], pattern: str, accepts: Callable[[str], bool] | None
) -> list[Run]:
    return [
        part
        for run in map(compact, runs)
        for match in re.finditer(pattern, run.text)
        if (accepts is None or accepts(match[1].upper())) and (part := cut(run, match)) is not None
    ]

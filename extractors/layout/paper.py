"""What the paper invoices of 12 + 8 digits share: code and number printed on the form and again
by the machine, a sum in words and in figures, parties that may be persons.

Each reader keeps what holds and leaves out what is contradicted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from extractors.amount_words import parse_amount, spelled_amount
from extractors.layout import values
from extractors.layout.grid import Cell, named
from extractors.layout.misspoken import is_whole, misspoken
from extractors.layout.page import Run
from extractors.layout.parties import keep_name
from extractors.layout.reading import MENDED, UNLABELLED, Face, agreed, compact, cut, labelled
from extractors.layout.tax_ids import keep_tax_id

#: A code, a number and a date beside their labels, whatever the form; for `read_grid`.
HEAD_LABELS = {
    "print_code": r"机打(?:发票)?代码",
    "print_number": r"机打(?:发票)?(?:号码|票号)",
    "machine": r"机器(?:编?号码?|编)?|(?:税控器|税控盘|收款机)编?号码?",
    "code": r"(?:发票|票据)代码",
    "number": r"(?:数电)?(?:发票|票据)号码?|N[o0O][.:]|№",
    "date": r"(?:开票|填开)(?:日期|时间)",
    "check": r"校验码",
}
_FIGURES = "零〇壹贰叁肆伍陆柒捌玖拾佰仟万亿圆元角分整正"
_WORDS = re.compile(rf"(?:\(?负数?\)?)?[{_FIGURES}]*[壹贰叁肆伍陆柒捌玖拾][{_FIGURES}]*")
#: Forms with printed places keep every one of them: 零仟壹佰零拾零元零角零分.
_EMPTY_PLACES = re.compile(r"零(?=[拾佰仟万角分])[拾佰仟万角分]")
#: So many digits of a sum may be misread and it still be told to be another.
_MISREAD_DIGITS = 2
#: Words of poor pages are less certain than this.
_CLEAR = 0.85
_IDENTITY_WEIGHTS = tuple(pow(2, 17 - index, 11) for index in range(17))
#: Digits of the state's, the province's and the plan cities' codes after the leading digit.
_CODE = re.compile(r"[012](\d{2})\d{9}|(\d{2})\d{8}")


@dataclass(frozen=True)
class Sum:
    """A sum of money and where it is printed."""

    value: Decimal
    run: Run


def is_paper_code(text: str) -> bool:
    """12 digits (0 state, 1 state tax, 2 local tax, then the province), or 10."""
    match = _CODE.fullmatch(text)
    return match is not None and values.is_invoice_code("0" + (match[1] or match[2]) + "0" * 9)


def read_pair(face: Face, cells: Sequence[Cell]) -> None:
    """Keep code and number. Printings that differ are none; a number whose code is unread is
    doubtful, for it is half a name."""
    own = {"code", "number", "print_code", "print_number"}
    used = {cell.text for cell in cells if cell.name not in own and cell.rows}
    _keep_printed(face, "invoice_code", cells, ("code", "print_code"), is_paper_code, used)

    def is_number(text: str) -> bool:
        return bool(re.fullmatch(r"\d{8}", text)) or values.is_digital_number(text)

    if "invoice_code" not in face.found and face.recognised:
        _keep_code_of_its_shape(face, used)
    if "invoice_code" in face.found:
        _keep_printed(
            face, "invoice_number", cells, ("number", "print_number"), is_number, used, r"\d{8}"
        )
        if "invoice_number" not in face.found and face.recognised:
            _keep_number_below_code(face, used)
        return
    _keep_printed(
        face, "invoice_number", cells, ("number", "print_number"), is_number, used, r"\d{20}"
    )
    kept = face.found.get("invoice_number")
    if kept is not None and len(kept.value) == 8:
        most = min(kept.confidence, UNLABELLED)
        face.found["invoice_number"] = kept.model_copy(update={"confidence": most})


def _keep_code_of_its_shape(face: Face, used: set[str]) -> None:
    """The only 12 digits that can be a code, behind whatever became of their label."""
    found = [
        part
        for part in labelled(face.sheet.runs, r"(?<!\d)(\d{12})(?!\d)")
        if is_paper_code(part.text) and part.text not in used
    ]
    if len({part.text for part in found}) == 1:
        face.keep("invoice_code", found[0].text, found[0], most=UNLABELLED)


def _keep_number_below_code(face: Face, used: set[str]) -> None:
    """Eight digits near the code and under or over it, whatever became of their label."""
    code = next(
        (
            part
            for part in labelled(face.sheet.runs, r"(?<!\d)(\d{10,12})(?!\d)")
            if part.text == face.found["invoice_code"].value
        ),
        None,
    )
    if code is None:
        return
    found = [
        part
        for part in labelled(face.sheet.runs, r"(?<!\d)(\d{8})(?!\d)")
        if part.text not in used
        and abs(part.middle - code.middle) < 2.5 * code.height
        and part.x0 < code.x1
        and code.x0 < part.x1
    ]
    if len({part.text for part in found}) == 1:
        face.keep("invoice_number", found[0].text, found[0], most=UNLABELLED)


def _keep_printed(
    face: Face,
    name: str,
    cells: Sequence[Cell],
    labels: tuple[str, str],
    accepts: Callable[[str], bool],
    used: set[str],
    shape: str = r"\d{12}",
) -> None:
    """The printing on the form, the machine's, and any of the same shape that stands alone."""
    labelled_ones = [
        part
        for cell in named(cells, *labels)
        for row in cell.rows
        if (part := _digits(row)) is not None
    ]
    owned = [part for part in labelled_ones if accepts(part.text)]
    alone = [
        bare
        for run in face.sheet.runs
        if re.fullmatch(shape, (bare := compact(run)).text)
        and accepts(bare.text)
        and bare.text not in used
        and not any(_same_place(bare, other) for other in owned)
    ]
    best = agreed([*owned, *alone])
    if best is None and not face.recognised:
        # A text layer has no misreadings: the form's own label decides.
        best = agreed(owned) or (agreed(owned[:1]) if owned else None)
    if best is not None:
        face.keep(name, best[0].text, best[0], proven=best[1])
    elif owned:
        face.doubt(name, owned[0].text, owned[0])
        # On a poor page they differ by a misreading; the form's own print is the clearer one.
        if owned[0].score < _CLEAR and (own := agreed(owned[:1])) is not None:
            face.keep(name, own[0].text, own[0], most=UNLABELLED)
    elif odd := [part for part in labelled_ones if re.fullmatch(shape, part.text)]:
        # Such a value does not exist: misread, or an altered digit beside a genuine code.
        face.doubt(name, odd[0].text, odd[0])


def _digits(run: Run) -> Run | None:
    """The digits that a value begins with, up to the first gap; or over gaps, if it is all
    digits."""
    bare = compact(run)
    if bare.text.isdigit():
        return bare
    match = re.match(r"(\d+)(?![0-9A-Za-z])", run.text)
    return cut(run, match) if match else None


def _same_place(one: Run, two: Run) -> bool:
    return abs(one.centre - two.centre) < one.height and (
        abs(one.middle - two.middle) < 0.5 * one.height
    )


_THREE_NUMBERS = re.compile(r"(20\d\d)\D(\d\d)\D(\d\d)(?!\d)")


def read_date(face: Face, cells: Sequence[Cell]) -> None:
    """The labelled date, or the only one of the page."""
    found = {
        day: cell.value
        for cell in named(cells, "date")
        if cell.value is not None and (day := values.date(compact(cell.value).text)) is not None
    }
    if not found:
        for row in map(compact, face.sheet.rows):
            for match in (*values.DATE.finditer(row.text), *values.DATE_DIGITS.finditer(row.text)):
                day, part = values.date(match[0]), cut(row, match, 0)
                if day is not None and part is not None:
                    found.setdefault(day, part)
    if len(found) == 1:
        day, run = found.popitem()
        if run is not None:
            face.keep("issue_date", day, run)
    elif not found and face.recognised:
        _read_misread_date(face, cells)


def _read_misread_date(face: Face, cells: Sequence[Cell]) -> None:
    """A labelled date with any other signs between year, month and day."""
    for cell in named(cells, "date"):
        run = compact(cell.value) if cell.value is not None else None
        match = _THREE_NUMBERS.match(run.text) if run is not None else None
        day = values.date("-".join(match.groups())) if match is not None else None
        if run is not None and day is not None:
            face.keep("issue_date", day, run, most=UNLABELLED)
            return


def read_machine_number(face: Face, cells: Sequence[Cell]) -> None:
    found = [
        part
        for cell in named(cells, "machine")
        for row in cell.rows
        if (part := _digits(row)) is not None and len(part.text) == 12
    ]
    best = agreed(found)
    if best is not None:
        face.keep("machine_number", best[0].text, best[0])


def spoken_sums(runs: Iterable[Run]) -> list[Sum]:
    """Every sum in words, a text printed twice over (words in run and row) once."""
    sums: list[Sum] = []
    for run in map(compact, runs):
        for match in _WORDS.finditer(run.text):
            part = cut(run, match, 0)
            value = words_value(match[0])
            if part is not None and value is not None and re.search("[圆元角分]", match[0]):
                sums.append(Sum(value, part))
    return sums


def words_value(text: str) -> Decimal | None:
    """As `parse_amount`, and forms that print every place, empty ones with 零."""
    value = parse_amount(text)
    if value is None:
        places = re.sub(r"零(?=[圆元])", "", _EMPTY_PLACES.sub("", text))
        value = parse_amount(places)
    return value


def money_in(run: Run | None) -> Sum | None:
    """The one sum of a cell, its sign and unit dropped."""
    if run is None:
        return None
    bare = compact(run)
    found = labelled([bare], r"([¥Y羊]?-?[¥Y羊]?\d[\d,]*(?:\.\d{1,2})?)(?![\d.,])")
    sums = [
        Sum(value, part)
        for part in found
        # A sum that begins with 0 lost its first digit to it (073.75).
        if (value := values.money(part.text)) is not None and not re.search(r"^\D*0\d", part.text)
    ]
    return sums[0] if len({each.value for each in sums}) == 1 else None


def keep_total(
    face: Face,
    words: Sum | None,
    figures: Sum | None,
    *,
    proven: bool = False,
    alone: float = MENDED,
) -> None:
    """The total by its two printings. Recognised ones that differ are both kept, hardly believed,
    for a person to choose (or one is `proven` by a sum); a single one is at most as certain as
    `alone`. A text layer says what it says."""
    agree = words is not None and figures is not None and words.value == figures.value
    if face.recognised and words is not None and figures is not None and not (agree or proven):
        face.doubt("total_with_tax", figures.value, figures.run)
        # Whole words hardly come by chance: figures that differ by a digit or two are misread.
        misread = _lost_digits(figures.value, words.value) or (
            is_whole(face, words.run) and _nearly(figures.value, words.value)
        )
        likelier = words if misread else figures
        face.keep("total_with_tax", likelier.value, likelier.run, most=UNLABELLED)
        face.keep("amount_in_words", words.run.raw.replace(" ", ""), words.run, most=UNLABELLED)
        return
    if words is not None and (agree or not proven):
        face.keep("amount_in_words", words.run.raw.replace(" ", ""), words.run, proven=agree)
    elif words is None and figures is not None and face.recognised:
        keep_misspoken(face, figures)
    best = figures or words
    if best is not None:
        single = face.recognised and not (agree or proven)
        face.keep(
            "total_with_tax",
            best.value,
            best.run,
            proven=agree or proven,
            most=alone if single else 1.0,
        )


def keep_misspoken(face: Face, figures: Sum, rows: Iterable[Run] = ()) -> None:
    """The words of the sum of which recognition made no amount, if what it made says it well
    enough, in one of `rows` or of the sheet's."""
    said = misspoken([*rows, *face.sheet.within(face.sheet.rows)], [figures.run])
    if said is not None and said.amount == figures.value:
        face.keep("amount_in_words", spelled_amount(said.amount), said.words, most=MENDED)


def _lost_digits(figures: Decimal, words: Decimal) -> bool:
    """Are the figures those of the words but for some that were not recognised?"""
    few, many = f"{figures:.2f}", iter(f"{words:.2f}")
    return len(few) < len(f"{words:.2f}") and all(char in many for char in few)


def _nearly(one: Decimal, two: Decimal) -> bool:
    """Do two amounts of as many digits differ in one or two of them?"""
    pair = f"{one:.2f}", f"{two:.2f}"
    same_length = len(pair[0]) == len(pair[1])
    return same_length and sum(a != b for a, b in zip(*pair, strict=True)) <= _MISREAD_DIGITS


def keep_party_name(face: Face, name: str, run: Run | None) -> None:
    """A firm's name as parties keep them; a person's two to four characters as they stand."""
    if run is None:
        return
    text = values.clean_name(run.raw)
    if text is not None and re.fullmatch(r"[\u4e00-\u9fff]{2,4}", text):
        face.keep(name, text, run)
    else:
        keep_name(face, name, run, most=1.0)


def keep_party_id(face: Face, name: str, run: Run | None) -> None:
    """A tax id, or the identity number of a person, which has a check digit of its own."""
    if run is None:
        return
    text = compact(run).text.upper()
    if is_identity_number(text):
        face.keep(name, text, run, proven=True)
    else:
        keep_tax_id(face, name, run)


def is_identity_number(text: str) -> bool:
    """GB 11643-1999: 17 digits and a check character modulo 11."""
    if not re.fullmatch(r"\d{17}[\dX]", text):
        return False
    total = sum(int(char) * weight for char, weight in zip(text, _IDENTITY_WEIGHTS, strict=False))
    return "10X98765432"[total % 11] == text[17]

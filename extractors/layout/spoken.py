"""A sum that stands once in figures and once in words, wherever a slip or bill puts the two.

The words are the one text that looks like nothing else; the figures are those that equal them.
Where none does, the labelled figures of a text layer stand beside the words for rules to judge,
and of recognised ones none is believed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

from extractors.amount_words import parse_amount
from extractors.layout import values
from extractors.layout.page import Run
from extractors.layout.reading import MENDED, Face, compact, cut

_FIGURES = "零〇壹贰叁肆伍陆柒捌玖拾佰仟万亿圆元角分整正"
_WORDS = re.compile(rf"((?:\(?负数?\)?)?[零壹贰叁肆伍陆柒捌玖拾][{_FIGURES}]*)")
#: Words end with a unit; a row that does not goes on below.
_END = re.compile(r"[圆元角分整正]$")
#: An amount in figures: with sign and any decimals, or without one and exactly two.
MONEY = re.compile(
    r"(?<![\d.,A-Za-z])-?(?:CNY|RMB|[¥Y羊])?-?"
    r"(?:\d{1,3}(?:,\d{3})+|\d+)\.\d\d(?![\d.])"
    r"|(?:CNY|RMB|¥)-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d)?(?![\d.,])"
)
#: Points for commas or commas for the point; only another printing of the sum makes it one.
_BLURRED = re.compile(r"(?<![\d.,])\d{1,3}(?:[.,]?\d{3})*[.,]\d\d(?![\d.,])")


def read_spoken_total(face: Face, labelled_figures: Iterable[Run]) -> None:
    """Keep `amount_in_words` and `total_with_tax`. `labelled_figures` are runs that begin with
    what a label calls the sum, best first."""
    words = _words(face)
    spoken = parse_amount(words.text) if words is not None else None
    named = [run for cell in labelled_figures if (run := first_money(cell)) is not None]
    echo = next((run for run in (*named, *_all_money(face)) if money(run) == spoken), None)
    if words is not None and spoken is not None:
        face.keep("amount_in_words", compact(words).raw, words, proven=echo is not None)
        if echo is not None:
            face.keep("total_with_tax", money(echo), echo, proven=True)
            return
        blurred = _blurred_echo(face, spoken) if face.recognised else None
        if blurred is not None:
            face.keep("total_with_tax", spoken, blurred, proven=True, most=MENDED)
            return
    if not named or (face.recognised and words is not None):
        return
    if len({money(run) for run in named}) == 1 or not face.recognised:
        face.keep("total_with_tax", money(named[0]), named[0])


def _blurred_echo(face: Face, spoken: Decimal) -> Run | None:
    """The words' sum in figures whose points and commas were taken for one another."""
    for run in face.sheet.phrases:
        bare = compact(run)
        for match in _BLURRED.finditer(bare.text):
            if Decimal(re.sub(r"[.,]", "", match[0])) == spoken * 100:
                return cut(bare, match, 0)
    return None


def money(run: Run) -> object:
    """The amount that a run is, None if it is none."""
    return values.money(re.sub(r"CNY|RMB", "", compact(run).text))


def first_money(cell: Run) -> Run | None:
    """The amount at the head of a cell (behind a currency's name, perhaps)."""
    bare = compact(cell)
    match = re.match(rf"(?:人民币|币种|RMB|CNY|:)*({MONEY.pattern})", bare.text)
    return cut(bare, match) if match else None


def _words(face: Face) -> Run | None:
    """The longest amount in words, with the row below where a narrow cell wrapped it."""
    found = []
    for row in face.sheet.rows:
        bare = compact(row)
        for match in _WORDS.finditer(bare.text):
            part = cut(bare, match)
            whole = part and _with_next_row(face, bare, part)
            if whole is not None and _END.search(whole.text) and parse_amount(whole.text):
                found.append(whole)
    return max(found, key=lambda run: len(run.glyphs), default=None)


def _with_next_row(face: Face, row: Run, words: Run) -> Run:
    """What stands right below, where the words or the currency before them begin, and is
    nothing but words too."""
    start = row.text.find("人民币")
    starts = [words.x0, *([row.glyphs[start].x0] if start >= 0 else [])]
    for run in face.sheet.runs:
        drop = run.middle - words.middle
        bare = compact(run)
        if (
            0.7 * words.height < drop < 2.1 * words.height
            and any(abs(run.x0 - start) < 0.7 * words.height for start in starts)
            and re.fullmatch(rf"[{_FIGURES}]+", bare.text)
            and parse_amount(words.text + bare.text) is not None
        ):
            return Run((*words.glyphs, *bare.glyphs))
    return words


def _all_money(face: Face) -> list[Run]:
    found = []
    for run in face.sheet.phrases:
        bare = compact(run)
        for match in MONEY.finditer(bare.text):
            part = cut(bare, match, 0)
            if part is not None:
                found.append(part)
    return found

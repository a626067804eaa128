"""A sum that stands once in figures and once in words, wherever a slip or bill puts the two.

The words are the one text that looks like nothing else; the figures are those that equal them.
Where none does, the labelled figures of a text layer stand beside the words for rules to judge;
recognised ones are kept too, doubtful, and as the figures that misread words say, if any are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal

from extractors.amount_words import parse_amount, spelled_amount
from extractors.layout import values
from extractors.layout.misspoken import (
    blurred_figures,
    is_whole,
    lookalike_amount,
    mended_capitals,
    misspoken,
    spoken_parts,
)
from extractors.layout.page import Run
from extractors.layout.reading import MENDED, UNLABELLED, Face, compact, cut

_FEN = Decimal("0.01")
#: From this certainty on, words and figures that differ contradict one another.
_CONTRADICTED = 0.9
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
    what a label calls the sum, best first. Recognised words that are not whole, or figures that
    say something else, leave both doubtful."""
    labelled = list(labelled_figures)
    words = _words(face)
    spoken = parse_amount(words.text) if words is not None else None
    named = [run for cell in labelled if (run := first_money(cell)) is not None]
    echo = next((run for run in (*named, *_all_money(face)) if money(run) == spoken), None)
    if words is not None and echo is not None:
        face.keep("amount_in_words", compact(words).raw, words, proven=True)
        face.keep("total_with_tax", money(echo), echo, proven=True)
    elif face.recognised:
        whole = words if words is not None and is_whole(face, words) else None
        _keep_doubtful(face, whole, named, labelled)
    else:
        if words is not None:
            face.keep("amount_in_words", compact(words).raw, words)
        if named:
            face.keep("total_with_tax", money(named[0]), named[0])


def _keep_doubtful(
    face: Face, words: Run | None, named: Sequence[Run], labelled: Sequence[Run]
) -> None:
    """The sum where no recognised figures equal the words: by figures whose words were misread, by
    words whose figures were, or by either alone."""
    spoken = parse_amount(words.text) if words is not None else None
    if words is not None and spoken is not None:
        face.keep("amount_in_words", compact(words).raw, words)
        blurred = _blurred_echo(face, spoken)
        if blurred is not None:
            face.keep("total_with_tax", spoken, blurred, proven=True, most=MENDED)
        elif named and min(words.score, named[0].score) >= _CONTRADICTED:
            # Two clear printings that differ: neither is sure, and rules tell of it.
            face.keep("amount_in_words", compact(words).raw, words, most=MENDED)
            face.keep("total_with_tax", money(named[0]), named[0], most=MENDED)
        else:
            face.keep("total_with_tax", spoken, words, most=UNLABELLED)
            if named:
                face.doubt("total_with_tax", money(named[0]), named[0])
        return
    rows = face.sheet.within(face.sheet.rows)
    found = misspoken(rows, [*blurred_figures(labelled), *named]) or misspoken(
        rows, blurred_figures(face.sheet.phrases)
    )
    if found is not None:
        spelled = spelled_amount(found.amount)
        face.keep("amount_in_words", spelled, found.words, most=MENDED)
        face.keep("total_with_tax", found.amount.quantize(_FEN), found.figures, most=MENDED)
        return
    _keep_lookalikes(face, rows)
    if named and len({money(run) for run in named}) == 1:
        face.keep("total_with_tax", money(named[0]), named[0])


def _keep_lookalikes(face: Face, rows: Sequence[Run]) -> None:
    """Words that are an amount once their misread capitals are set right, without figures."""
    found = [
        (amount, part)
        for part in spoken_parts(rows)
        if (amount := lookalike_amount(part.text)) is not None
        and _END.search(mended_capitals(part.text))
        and is_whole(face, part)
    ]
    if found:
        amount, part = max(found, key=lambda entry: len(entry[1].glyphs))
        face.keep("amount_in_words", mended_capitals(part.text), part, most=UNLABELLED)
        face.keep("total_with_tax", amount, part, most=UNLABELLED)


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
    return max(found, key=lambda run: len(run.raw), default=None)


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

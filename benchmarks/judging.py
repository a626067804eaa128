"""One read document against its truth, value by value: right, missing, wrong and told, or wrong
in silence.

A wrong value is told (flagged) when a finding that someone must heed names its field, or when
its confidence is below what the product holds for certain. Only silence does harm downstream.
"""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any

from extractors.amount_words import parse_amount
from extractors.checks import CONFIDENT
from extractors.model import FIELD_NAMES, Box, Field, Finding, Invoice, Kind, Line, Severity
from fixtures.maker import Truth

#: Values that tell one invoice from another or move money: never wrong in silence.
KEYS = frozenset(
    {
        "invoice_code",
        "invoice_number",
        "issue_date",
        "check_code",
        "total_without_tax",
        "total_tax",
        "total_with_tax",
    }
)
#: What the maker draws and no reader is asked for; judged where it was read all the same.
NOT_ASKED = frozenset(
    {
        *("province", "cipher", "payee", "reviewer", "from_latin", "to_latin"),
        *("buyer_address", "buyer_bank", "seller_address", "seller_bank"),
    }
)
#: Findings about one value that put others in doubt as well.
_DOUBTED_TOGETHER = {
    "total_mismatch": ("total_without_tax", "total_tax", "total_with_tax"),
    "words_mismatch": ("amount_in_words", "total_with_tax"),
    "lines_mismatch": ("lines", "total_without_tax", "total_tax"),
}
_CELLS = ("name", "spec", "unit", "quantity", "price", "amount", "rate", "tax")
_BRACKETS = str.maketrans("〔〕【】[]{}〈〉", "()()()()()")


class Verdict(StrEnum):
    RIGHT = "right"
    MISSING = "missing"
    FLAGGED = "flagged"
    SILENT = "silent"


@dataclass(frozen=True)
class Judgement:
    """One value; `confidence` is None for what has none (kind, cells) and for what is missing.

    Cells of lines are named `lines.amount` and so on, kind-specific values `extra.seat`.
    """

    name: str
    verdict: Verdict
    read: str
    truth: str
    confidence: float | None = None
    box: Box | None = None

    @property
    def key(self) -> bool:
        return self.name in KEYS


def judged(truth: Truth, invoice: Invoice, *, with_lines: bool = True) -> list[Judgement]:
    """Every value that the document shows, and every value that was read."""
    told = _told(invoice.findings)
    found: list[Judgement | None] = [_kind(truth.kind, invoice.kind, told)]
    found.extend(
        _value(name, name, getattr(invoice, name), truth.shown(name), told) for name in FIELD_NAMES
    )
    for name in sorted({*truth.extra, *invoice.extra}):
        expected = None if name in truth.hidden else truth.extra.get(name)
        read = invoice.extra.get(name)
        if read is not None or name not in NOT_ASKED:
            found.append(_value(name, f"extra.{name}", read, expected, told))
    kept = [judgement for judgement in found if judgement is not None]
    if with_lines:
        kept.extend(_lines(truth.lines, invoice.lines, silent="lines" not in told))
    return kept


def stops(invoice: Invoice) -> list[str]:
    """What someone must heed before it goes on: codes of findings, with their fields. Where
    there is none, the document passes with no hand."""
    return [
        f"{finding.code} {finding.field or finding.params.get('field', '')}".strip()
        for finding in invoice.findings
        if finding.severity is not Severity.INFO
    ]


def same(read: object, truth: object) -> bool:
    """Equal but for what print cannot show: width of letters and brackets, spaces."""
    if isinstance(read, str) and isinstance(truth, str):
        return plain(read) == plain(truth)
    return read == truth


def plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).translate(_BRACKETS)
    return "".join(folded.split())


def _told(findings: Sequence[Finding]) -> set[str]:
    """Names of fields that some finding tells a person to look at."""
    names: set[str] = set()
    for finding in findings:
        if finding.severity is Severity.INFO:
            continue
        names.update(_DOUBTED_TOGETHER.get(finding.code, ()))
        for name in (finding.field, finding.params.get("field")):
            if name:
                names.add(name)
                names.add(name.removeprefix("extra.").split(".")[0].split("[")[0])
    return names


def _kind(truth: Kind, read: Kind, told: set[str]) -> Judgement:
    if read is Kind.UNKNOWN:
        return Judgement("kind", Verdict.MISSING, "", truth.value)
    wrong = Verdict.FLAGGED if "kind" in told else Verdict.SILENT
    return Judgement("kind", Verdict.RIGHT if read is truth else wrong, read.value, truth.value)


def _value(
    name: str, shown_name: str, read: Field[Any] | None, truth: object, told: set[str]
) -> Judgement | None:
    """None where there is nothing to read and nothing was read."""
    if read is None:
        missing = Judgement(shown_name, Verdict.MISSING, "", _text(truth))
        return None if truth is None else missing
    equal = same(read.value, truth) or (
        name == "amount_in_words" and _same_amount(read.value, truth)
    )
    wrong = Verdict.FLAGGED if name in told or read.confidence < CONFIDENT else Verdict.SILENT
    verdict = Verdict.RIGHT if equal else wrong
    return Judgement(
        shown_name, verdict, _text(read.value), _text(truth), read.confidence, read.box
    )


def _same_amount(read: object, truth: object) -> bool:
    """元 for 圆, or a final 整 more or less, is the same amount in words."""
    amounts = [parse_amount(text) for text in (read, truth) if isinstance(text, str)]
    return len(amounts) == 2 and None not in amounts and amounts[0] == amounts[1]


def _lines(truth: Sequence[Line], read: Sequence[Line], *, silent: bool) -> Iterator[Judgement]:
    """Cell by cell; a line that is not on the face is wrong by every cell that it claims."""
    wrong = Verdict.SILENT if silent else Verdict.FLAGGED
    for expected, found in _paired(truth, read):
        for cell in _CELLS:
            want = getattr(expected, cell) if expected else None
            have = getattr(found, cell) if found else None
            if want is None and have is None:
                continue
            if have is None:
                verdict = Verdict.MISSING
            else:
                verdict = Verdict.RIGHT if same(have, want) else wrong
            yield Judgement(f"lines.{cell}", verdict, _text(have), _text(want))


def _paired(
    truth: Sequence[Line], read: Sequence[Line]
) -> Iterator[tuple[Line | None, Line | None]]:
    """Lines that belong together: in order, those of equal name or amount held fast."""
    if len(truth) == len(read):
        yield from zip(truth, read, strict=True)
        return
    one_marks, two_marks = (
        [str(line.amount or plain(line.name)) for line in lines] for lines in (truth, read)
    )
    matcher = SequenceMatcher(None, one_marks, two_marks, autojunk=False)
    for _, i0, i1, j0, j1 in matcher.get_opcodes():
        for offset in range(max(i1 - i0, j1 - j0)):
            one = truth[i0 + offset] if i0 + offset < i1 else None
            two = read[j0 + offset] if j0 + offset < j1 else None
            yield one, two


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, dt.date) else str(value)

"""Our own name and id, misread: set right, unsure, and never laid over another's."""

from __future__ import annotations

from typing import Any

import pytest

from extractors.checks import CONFIDENT
from extractors.merge import merge
from extractors.model import Field, Finding, Invoice, Kind, Severity, Source
from extractors.ours import Party, mended_by_ours

NAME, TAX_ID = "杭州市临澜实验学校", "12330108LQ7N48R0T2"
OURS = [Party((NAME, "杭州市临澜学校"), (TAX_ID,))]
#: Another's, whose check character holds.
ANOTHERS_ID = "91320104TC875FHK7F"


def field(text: str, confidence: float, source: Source = Source.OCR) -> Field[Any]:
    return Field(value=text, raw=text, source=source, confidence=confidence)


def reading(
    name: str | None, tax_id: str | None, *, sure: float = 0.84, source: Source = Source.OCR
) -> Invoice:
    return Invoice(
        kind=Kind.DIGITAL_SPECIAL,
        sources=(source,),
        buyer_name=field(name, sure, source) if name else None,
        buyer_tax_id=field(tax_id, sure, source) if tax_id else None,
    )


def said(invoice: Invoice) -> tuple[str | None, str | None]:
    name, tax_id = invoice.buyer_name, invoice.buyer_tax_id
    return name.value if name else None, tax_id.value if tax_id else None


@pytest.mark.parametrize(
    ("name", "tax_id"),
    [
        ("杭州市临漏案验学校", "12330108L7N48R0T2"),
        ("杭州市临湖实验学校", None),
        ("杭州市临阑实验学校", TAX_ID),
        ("杭州市临通案验学校", "12330108LQ7N48R01L"),  # made to satisfy the check
        ("1杭州市临澜实验学校", "12330108147W48R0T2"),
    ],
)
def test_what_can_only_be_ours_is_set_right_and_stays_unsure(name: str, tax_id: str | None) -> None:
    read = reading(name, tax_id)
    mended = mended_by_ours(read, OURS)
    assert said(mended) == (NAME, tax_id and TAX_ID)
    assert mended.doubted["buyer_name"] == read.buyer_name
    told = {finding.field for finding in merge([mended]).findings if finding.severity != "info"}
    assert {"buyer_name"} <= told
    assert mended.buyer_name is not None
    assert mended.buyer_name.confidence < CONFIDENT


@pytest.mark.parametrize(
    ("name", "tax_id", "sure"),
    [
        ("杭州市临澜实验小学", None, 0.95),  # surely read: another school
        ("杭州市临澜实验小学", ANOTHERS_ID, 0.84),  # its own id says who it is
        ("南京启明里信息技术有限公司", "1233010LQ7N48R0T2", 0.84),
        ("杭州市临澜学校", TAX_ID, 0.95),  # our former name
        (None, "12330108L7N48R0T2", 0.84),
    ],
)
def test_another_is_not_taken_for_us(name: str | None, tax_id: str | None, sure: float) -> None:
    read = reading(name, tax_id, sure=sure)
    assert mended_by_ours(read, OURS) == read


def test_a_misprinted_name_beside_our_id_is_shown_with_ours() -> None:
    printed = "杭州市临阑实验学校"
    found = merge([mended_by_ours(reading(printed, TAX_ID, sure=0.95), OURS)]).findings
    disagreement = next(f for f in found if f.code == "sources_disagree")
    assert _shown(disagreement) == (NAME, printed, Severity.BLOCK)


def _shown(finding: Finding) -> tuple[str, str, Severity]:
    return finding.params["first"], finding.params["second"], finding.severity


def test_what_a_file_states_is_never_touched() -> None:
    stated = reading("杭州市临阑实验学校", TAX_ID, sure=1.0, source=Source.PDF_TEXT)
    assert mended_by_ours(stated, OURS) == stated

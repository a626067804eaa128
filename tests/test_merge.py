"""No quarrel between sources is lost, and nothing is made up to settle one."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractors.build import invoice_from_texts
from extractors.merge import merge
from extractors.model import SOURCE_ORDER, Box, Field, Invoice, Kind, Severity, Source

FULL = {
    "invoice_number": "26000000000000000001",
    "issue_date": "2026-05-19",
    "buyer_name": "某某大学（本部）",
    "buyer_tax_id": "12330000000000000X",
    "seller_name": "甲公司",
    "seller_tax_id": "91330000000000000X",
    "total_without_tax": "1000.00",
    "total_tax": "130.00",
    "total_with_tax": "1130.00",
}


def reading(source: Source, **texts: str) -> Invoice:
    return invoice_from_texts(texts, source, kind=Kind.DIGITAL_NORMAL)


def recognised(confidence: float, **values: Any) -> Invoice:
    fields: dict[str, Any] = {
        name: Field(value=value, raw=str(value), source=Source.OCR, confidence=confidence)
        for name, value in values.items()
    }
    return Invoice(kind=Kind.DIGITAL_NORMAL, sources=(Source.OCR,), **fields)


def quarrels(invoice: Invoice) -> list[tuple[str | None, str, str, str]]:
    return [
        (finding.field, finding.severity, finding.params["first"], finding.params["second"])
        for finding in invoice.findings
        if finding.code == "sources_disagree"
    ]


def test_nothing_makes_an_empty_invoice() -> None:
    assert merge([]).invoice_number is None


def test_agreeing_sources_give_no_finding_and_the_best_one_counts() -> None:
    merged = merge([reading(Source.PDF_TEXT, **FULL), reading(Source.XML, **FULL)])
    assert merged.findings == ()
    assert merged.sources == (Source.XML, Source.PDF_TEXT)
    assert merged.total_with_tax is not None
    assert merged.total_with_tax.source is Source.XML


def test_width_brackets_and_spaces_are_no_quarrel() -> None:
    other = FULL | {"buyer_name": "某某大学 (本部)", "total_with_tax": "¥1,130.00"}
    assert merge([reading(Source.XML, **FULL), reading(Source.PDF_TEXT, **other)]).findings == ()


@pytest.mark.parametrize("name", ["total_with_tax", "buyer_name", "issue_date", "invoice_number"])
def test_exact_sources_that_differ_block(name: str) -> None:
    changed = {
        "total_with_tax": "9130.00",
        "buyer_name": "别的大学",
        "issue_date": "2026-05-20",
        "invoice_number": "26000000000000000002",
    }
    other = reading(Source.QR, **{name: changed[name]})
    found = quarrels(merge([reading(Source.PDF_TEXT, **FULL), other]))
    assert [(field, severity) for field, severity, *_ in found] == [(name, Severity.BLOCK)]


@pytest.mark.parametrize(
    ("confidence", "severity"),
    [(0.97, Severity.BLOCK), (0.9, Severity.BLOCK), (0.6, Severity.WARN)],
)
def test_a_sure_altered_face_blocks_and_an_unsure_one_warns(
    confidence: float, severity: Severity
) -> None:
    face = recognised(confidence, total_with_tax=Decimal("9130.00"))
    merged = merge([face, reading(Source.QR, total_with_tax="1130.00")])
    assert merged.total_with_tax is not None
    assert merged.total_with_tax.value == Decimal("1130.00")
    assert quarrels(merged) == [("total_with_tax", severity, "1130.00", "9130.00")]


def test_three_opinions_are_two_findings() -> None:
    merged = merge(
        [
            reading(Source.XML, total_with_tax="1.00"),
            reading(Source.PDF_TEXT, total_with_tax="2.00"),
            reading(Source.QR, total_with_tax="2.00"),
            recognised(0.99, total_with_tax=Decimal("3.00")),
        ]
    )
    assert [second for *_, second in quarrels(merged)] == ["2.00", "3.00"]


def test_totals_that_do_not_add_up_block() -> None:
    merged = merge([reading(Source.XML, **(FULL | {"total_tax": "103.00"}))])
    assert [(found.code, found.severity) for found in merged.findings] == [
        ("total_mismatch", Severity.BLOCK)
    ]


def test_words_that_say_another_amount_block() -> None:
    merged = merge([reading(Source.XML, **FULL, amount_in_words="壹仟壹佰叁拾壹圆整")])
    assert [(found.code, found.severity) for found in merged.findings] == [
        ("words_mismatch", Severity.BLOCK)
    ]


def test_a_missing_total_is_said_and_not_computed() -> None:
    texts = {name: text for name, text in FULL.items() if name != "total_with_tax"}
    merged = merge([reading(Source.XML, **texts)])
    assert merged.total_with_tax is None
    assert [(found.code, found.field) for found in merged.findings] == [
        ("field_missing", "total_with_tax")
    ]


def test_a_doubtful_value_is_said() -> None:
    rest = {name: text for name, text in FULL.items() if name != "seller_name"}
    merged = merge([reading(Source.QR, **rest), recognised(0.5, seller_name="甲公司")])
    assert [(found.code, found.field) for found in merged.findings] == [
        ("low_confidence", "seller_name")
    ]


def test_kinds_that_differ_are_said() -> None:
    special = reading(Source.QR, **FULL).model_copy(update={"kind": Kind.DIGITAL_SPECIAL})
    merged = merge([reading(Source.PDF_TEXT, **FULL), special])
    assert merged.kind is Kind.DIGITAL_NORMAL
    assert [field for field, *_ in quarrels(merged)] == ["kind"]


amounts = st.decimals(min_value=0, max_value=10**9, places=2)
witnesses = st.lists(st.tuples(st.sampled_from(SOURCE_ORDER[:-1]), amounts), min_size=1, max_size=6)


@given(said=witnesses)
def test_every_differing_amount_is_kept_in_a_finding(said: list[tuple[Source, Decimal]]) -> None:
    merged = merge([reading(source, total_with_tax=str(amount)) for source, amount in said])
    assert merged.total_with_tax is not None
    chosen = merged.total_with_tax.value
    best = min(SOURCE_ORDER.index(source) for source, _ in said)
    assert chosen in {amount for source, amount in said if SOURCE_ORDER.index(source) == best}
    others = {amount for _, amount in said if amount != chosen}
    assert {Decimal(second) for *_, second in quarrels(merged)} == others


def test_dates_in_other_writings_agree() -> None:
    merged = merge(
        [
            reading(Source.OFD_CUSTOM_DATA, issue_date="2026年05月19日"),
            reading(Source.QR, issue_date="20260519"),
        ]
    )
    assert merged.issue_date is not None
    assert merged.issue_date.value == dt.date(2026, 5, 19)
    assert quarrels(merged) == []


def doubting(total: str, confidence: float) -> Invoice:
    seen = Field[Any](value=Decimal(total), raw=total, source=Source.OCR, confidence=confidence)
    return Invoice(sources=(Source.OCR,), doubted={"total_with_tax": seen})


@pytest.mark.parametrize(("confidence", "severity"), [(0.97, "block"), (0.6, "warn")])
def test_a_value_seen_but_not_believed_is_never_passed_over(
    confidence: float, severity: str
) -> None:
    merged = merge([doubting("1130.00", confidence), reading(Source.QR, total_with_tax="113.00")])
    assert merged.total_with_tax is not None
    assert merged.total_with_tax.value == Decimal("113.00")
    assert quarrels(merged) == [("total_with_tax", severity, "113.00", "1130.00")]


def test_a_doubted_value_that_a_better_source_confirms_is_no_doubt() -> None:
    merged = merge([doubting("113.00", 0.97), reading(Source.QR, total_with_tax="113.00")])
    assert merged.doubted == {}
    assert quarrels(merged) == []


def test_what_was_recognised_otherwise_is_kept_for_a_second_look() -> None:
    face = recognised(0.6, seller_name="乙公司", buyer_name="某某大学(本部)")
    merged = merge([reading(Source.QR, **FULL), face])
    assert merged.seller_name is not None
    assert merged.seller_name.value == "甲公司"
    assert {name: seen.value for name, seen in merged.doubted.items()} == {"seller_name": "乙公司"}


def test_a_value_without_a_place_is_shown_where_another_source_reads_the_same() -> None:
    def placed(source: Source, value: str, x: float) -> Invoice:
        box = Box(page=0, x0=x, y0=0.1, x1=x + 0.1, y1=0.2)
        field = Field[str](value=value, raw=value, source=source, confidence=1.0, box=box)
        return Invoice(kind=Kind.DIGITAL_NORMAL, seller_name=field, sources=(source,))

    data = reading(Source.XML, seller_name="甲公司")
    code, text = placed(Source.QR, "甲公司", 0.0), placed(Source.PDF_TEXT, "甲公司", 0.5)
    merged = merge([data, code, text])
    assert merged.seller_name is not None
    assert (merged.seller_name.source, merged.seller_name.box) == (
        Source.XML,
        text.seller_name.box if text.seller_name else None,
    )
    other = merge([data, placed(Source.PDF_TEXT, "乙公司", 0.5)])
    assert other.seller_name is not None
    assert other.seller_name.box is None


def test_the_place_of_a_code_gives_way_to_that_of_the_print() -> None:
    code = Box(page=0, x0=0.0, y0=0.0, x1=0.1, y1=0.1)
    print_ = Box(page=0, x0=0.5, y0=0.5, x1=0.6, y1=0.6)

    def number(source: Source, box: Box) -> Invoice:
        value = "26000000000000000001"
        field = Field[str](value=value, raw=value, source=source, confidence=1.0, box=box)
        return Invoice(kind=Kind.DIGITAL_NORMAL, invoice_number=field, sources=(source,))

    both = merge([number(Source.QR, code), number(Source.OCR, print_)]).invoice_number
    alone = merge([number(Source.QR, code)]).invoice_number
    assert both is not None
    assert (both.source, both.box) == (Source.QR, print_)
    assert alone is not None
    assert alone.box == code

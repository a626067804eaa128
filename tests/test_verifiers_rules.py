"""Offline rules and the portal's keys: pure functions, each with its limits."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractors.messages import codes, say
from extractors.model import Finding, Invoice, Kind, Line, Severity, Source
from tests.test_verifiers_compare import invoice_of
from verifiers import errors
from verifiers.keys import (
    FourthKey,
    fourth_key,
    kind_from_code,
    missing_keys,
    portal_keys,
    too_old,
)
from verifiers.model import Reason
from verifiers.rules import run_rules

TODAY = dt.date(2026, 11, 22)
SOUND: dict[str, Any] = {
    "invoice_code": "011002000111",
    "invoice_number": "12345678",
    "issue_date": dt.date(2026, 11, 2),
    "check_code": "01234567890123654321",
    "seller_tax_id": "91110000600037341L",
    "total_without_tax": Decimal("100.00"),
    "total_tax": Decimal("13.00"),
    "total_with_tax": Decimal("113.00"),
    "amount_in_words": "壹佰壹拾叁圆整",
    "lines": (
        Line(name="笔", amount=Decimal("100.00"), rate=Decimal("0.13"), tax=Decimal("13.00")),
    ),
}


def sound(kind: Kind = Kind.VAT_ELECTRONIC_NORMAL, **changes: Any) -> Invoice:
    return invoice_of(**{**SOUND, **changes}).model_copy(update={"kind": kind})


def codes_of(invoice: Invoice) -> list[tuple[str, Severity]]:
    return [(finding.code, finding.severity) for finding in run_rules(invoice, TODAY)]


def test_a_sound_invoice_gives_no_finding() -> None:
    assert codes_of(sound()) == []
    assert codes_of(Invoice()) == []


@pytest.mark.parametrize(
    ("changes", "code", "severity"),
    [
        ({"total_with_tax": Decimal("113.01")}, "total_mismatch", Severity.BLOCK),
        ({"amount_in_words": "壹佰壹拾肆圆整"}, "words_mismatch", Severity.BLOCK),
        ({"amount_in_words": "壹佰壹拾参元"}, "words_unreadable", Severity.WARN),
        ({"issue_date": dt.date(2026, 11, 23)}, "date_in_future", Severity.BLOCK),
        ({"issue_date": dt.date(1993, 12, 31)}, "date_implausible", Severity.BLOCK),
        ({"invoice_number": "1234567"}, "number_malformed", Severity.BLOCK),
        ({"invoice_number": "１２３４５６７８"}, "number_malformed", Severity.BLOCK),
        ({"invoice_code": "01100200011"}, "code_malformed", Severity.BLOCK),
        ({"invoice_code": "011002000104"}, "code_kind_differs", Severity.WARN),
        ({"seller_tax_id": "91110000600037341M"}, "tax_id_check_digit", Severity.WARN),
        ({"seller_tax_id": "不是税号"}, "tax_id_malformed", Severity.WARN),
    ],
)
def test_each_rule_speaks(changes: dict[str, Any], code: str, severity: Severity) -> None:
    assert (code, severity) in codes_of(sound(**changes))


def test_lines_that_do_not_add_up_block_unless_only_recognised() -> None:
    short = sound(lines=(Line(name="笔", amount=Decimal("90.00")),))
    assert ("line_sum_mismatch", Severity.BLOCK) in codes_of(short)
    seen = short.model_copy(update={"sources": (Source.QR, Source.OCR)})
    assert ("line_sum_mismatch", Severity.WARN) in codes_of(seen)


@settings(deadline=None)
@given(
    st.decimals(min_value=0, max_value=10**7, places=2),
    st.sampled_from(["0.13", "0.09", "0.06", "0.03", "0.01"]),
    st.decimals(min_value="-0.05", max_value="0.05", places=2),
)
def test_rounding_of_a_lines_tax_is_no_finding(amount: Decimal, rate: str, slip: Decimal) -> None:
    tax = (amount * Decimal(rate)).quantize(Decimal("0.01")) + slip
    line = Line(name="笔", amount=amount, rate=Decimal(rate), tax=tax)
    assert "line_tax_off" not in dict(codes_of(Invoice(lines=(line,))))


def test_a_lines_tax_beyond_rounding_warns_except_under_margin_taxation() -> None:
    line = Line(name="笔", amount=Decimal(100), rate=Decimal("0.13"), tax=Decimal("12.93"))
    assert codes_of(Invoice(lines=(line,))) == [("line_tax_off", Severity.WARN)]
    assert codes_of(invoice_of(lines=(line,), remarks="差额征税：50.00")) == []


def test_digital_numbers_open_with_their_year_and_a_province() -> None:
    def digital(number: str) -> list[tuple[str, Severity]]:
        return codes_of(sound(Kind.DIGITAL_NORMAL, invoice_code=None, invoice_number=number))

    assert digital("26112000000123456789") == []
    assert digital("25112000000123456789") == [("number_year_differs", Severity.WARN)]
    assert digital("26992000000123456789") == [("number_head_unknown", Severity.WARN)]
    assert digital("12345678") == [("number_malformed", Severity.BLOCK)]


def test_what_the_reader_has_said_is_not_said_twice() -> None:
    said = Finding(code="total_mismatch", severity=Severity.BLOCK, field="total_with_tax")
    wrong = sound(total_with_tax=Decimal("114.00"), amount_in_words=None)
    assert dict(codes_of(wrong)) == {"total_mismatch": Severity.BLOCK}
    assert codes_of(wrong.model_copy(update={"findings": (said,)})) == []


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("011002000104", Kind.VAT_NORMAL),
        ("011002000107", Kind.VAT_ROLL),
        ("011002000111", Kind.VAT_ELECTRONIC_NORMAL),
        ("011002000112", Kind.VAT_TOLL),
        ("011002000113", Kind.VAT_ELECTRONIC_SPECIAL),
        ("011002000117", Kind.USED_VEHICLE),
        ("144031539110", Kind.VAT_ELECTRONIC_NORMAL),
        ("111001521071", Kind.VEHICLE),
        ("1100201130", Kind.VAT_SPECIAL),
        ("1100201360", Kind.VAT_NORMAL),
        ("1100201720", None),
        ("011002000199", None),
        ("12", None),
    ],
)
def test_kind_by_code(code: str, kind: Kind | None) -> None:
    assert kind_from_code(code) == kind


@pytest.mark.parametrize(
    ("kind", "fourth"),
    [
        (Kind.VAT_SPECIAL, "100.00"),
        (Kind.VAT_ELECTRONIC_NORMAL, "654321"),
        (Kind.USED_VEHICLE, "113.00"),
        (Kind.UNKNOWN, "654321"),
    ],
)
def test_fourth_key_by_kind(kind: Kind, fourth: str) -> None:
    keys = portal_keys(sound(kind))
    assert keys is not None
    assert keys.fourth == fourth
    assert keys.invoice_code == "011002000111"


def test_digital_keys_have_no_code_and_the_total() -> None:
    number = "26112000000123456789"
    keys = portal_keys(sound(Kind.DIGITAL_NORMAL, invoice_number=number, check_code=None))
    assert keys is not None
    assert (keys.invoice_code, keys.fourth) == ("", "113.00")


def test_the_label_on_the_page_decides() -> None:
    keys = portal_keys(sound(), FourthKey.WITH_TAX)
    assert keys is not None
    assert keys.fourth == "113.00"
    assert fourth_key(sound(), FourthKey.NUMBER_TAIL) is None


def test_lacking_keys_are_named() -> None:
    bare = sound(invoice_code=None, issue_date=None, check_code=None)
    assert missing_keys(bare) == ("invoice_code", "issue_date", "check_code")
    assert portal_keys(bare) is None


def test_five_years_back_to_the_day() -> None:
    assert not too_old(dt.date(2021, 11, 22), TODAY)
    assert too_old(dt.date(2021, 11, 21), TODAY)
    assert not too_old(dt.date(2023, 2, 28), dt.date(2028, 2, 29))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_code_has_its_sentence(language: str) -> None:
    known = codes(language)
    assert {reason.value for reason in Reason} <= known
    raised = [item for item in vars(errors).values() if isinstance(item, type)]
    assert {item.code for item in raised if issubclass(item, errors.PortalError)} <= known


def test_sentences_are_filled_from_findings() -> None:
    invoice = sound(
        total_with_tax=Decimal("114.00"),
        issue_date=dt.date(2027, 1, 1),
        invoice_number="1",
        invoice_code="2",
        seller_tax_id="91110000600037341M",
        lines=(Line(name="笔", amount=Decimal(1), rate=Decimal("0.13"), tax=Decimal(3)),),
    )
    found = run_rules(invoice, TODAY)
    assert len(found) >= 7
    for finding in found:
        for language in ("zh", "en"):
            sentence = say(finding.code, language, finding.params)
            assert sentence != finding.code
            assert "{" not in sentence


@pytest.mark.parametrize("kind", [Kind.BANK_RECEIPT, Kind.FISCAL_MEDICAL, Kind.POS_SLIP])
def test_bills_that_the_tax_office_does_not_number_are_not_judged_by_its_numbers(
    kind: Kind,
) -> None:
    assert codes_of(sound(kind, invoice_code="33010625", invoice_number="0012345678")) == []


def test_paper_of_the_new_platform_carries_the_old_codes() -> None:
    assert codes_of(sound(Kind.DIGITAL_PAPER_NORMAL, invoice_code="011002000104")) == []
    assert codes_of(sound(Kind.DIGITAL_PAPER_NORMAL, invoice_code="1100202130")) == [
        ("code_kind_differs", Severity.WARN)
    ]


def test_a_taxi_receipt_has_eight_digits() -> None:
    assert codes_of(sound(Kind.TAXI, invoice_code="144032000270", invoice_number="123")) == [
        ("number_malformed", Severity.BLOCK)
    ]

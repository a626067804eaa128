"""Comparison with the tax authority's values: exact where it must be, forgiving of printing."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractors.model import Field, Finding, Invoice, Line, Severity, Source
from verifiers import compare as comparing
from verifiers.compare import contradicts, findings_of
from verifiers.comparison import Outcome
from verifiers.model import PortalValues

TEXTS = ("invoice_code", "invoice_number", "check_code", "buyer_name", "buyer_tax_id")
MONEY = ("total_without_tax", "total_tax", "total_with_tax")

amounts = st.decimals(min_value=-(10**9), max_value=10**9, places=2)
names = st.text(min_size=1, max_size=20)
lines = st.lists(
    st.builds(Line, name=names, amount=st.none() | amounts, tax=st.none() | amounts), max_size=5
)
portal_values = st.builds(
    PortalValues,
    buyer_name=st.none() | names,
    seller_name=st.none() | names,
    issue_date=st.none() | st.dates(),
    total_without_tax=st.none() | amounts,
    total_tax=st.none() | amounts,
    total_with_tax=st.none() | amounts,
    lines=lines.map(tuple),
)


def read(value: Any) -> dict[str, Any]:
    return {"value": value, "raw": str(value), "source": Source.OCR, "confidence": 1.0}


def invoice_of(**values: Any) -> Invoice:
    rows = values.pop("lines", ())
    return Invoice.model_validate(
        {name: read(value) for name, value in values.items() if value is not None} | {"lines": rows}
    )


def compare(invoice: Invoice, portal: PortalValues) -> tuple[Finding, ...]:
    return findings_of(comparing.compare(invoice, portal))


def mirror(portal: PortalValues) -> Invoice:
    values = {name: getattr(portal, name) for name in PortalValues.model_fields}
    values.pop("status_text")
    return invoice_of(**values)


@settings(deadline=None)
@given(portal_values)
def test_the_same_never_contradicts(portal: PortalValues) -> None:
    assert compare(mirror(portal), portal) == ()


@settings(deadline=None)
@given(portal_values, st.randoms(use_true_random=False))
def test_the_order_of_lines_does_not_matter(portal: PortalValues, random: Any) -> None:
    shuffled = list(portal.lines)
    random.shuffle(shuffled)
    assert not contradicts(
        compare(mirror(portal), portal.model_copy(update={"lines": tuple(shuffled)}))
    )


@settings(deadline=None)
@given(amounts, amounts, st.sampled_from(MONEY))
def test_any_other_amount_contradicts(ours: Decimal, theirs: Decimal, name: str) -> None:
    findings = compare(invoice_of(**{name: ours}), PortalValues.model_validate({name: theirs}))
    assert contradicts(findings) == (ours != theirs)


@settings(deadline=None)
@given(portal_values)
def test_what_we_did_not_read_is_told_but_does_not_contradict(portal: PortalValues) -> None:
    findings = compare(Invoice(), portal)
    assert {finding.severity for finding in findings} <= {Severity.INFO}
    shown = {
        name for name in PortalValues.model_fields if getattr(portal, name) not in (None, (), "")
    }
    assert {finding.field for finding in findings} == shown - {"lines"}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("某某大学（北京）", "某某大学(北京)"),
        ("ＡＢＣ 公司", "abc公司"),
        ("某某〔集团〕公司", "某某(集团)公司"),
    ],
)
def test_printing_does_not_make_another_name(ours: str, theirs: str) -> None:
    assert compare(invoice_of(buyer_name=ours), PortalValues(buyer_name=theirs)) == ()


@pytest.mark.parametrize(
    ("name", "ours", "theirs"),
    [
        ("buyer_name", "某某大学", "某某学院"),
        ("invoice_number", "12345678", "12345679"),
        ("issue_date", dt.date(2026, 11, 1), dt.date(2026, 11, 2)),
        ("buyer_tax_id", "91110000600037341L", "91110000600037341M"),
        ("amount_in_words", "壹佰圆整", "贰佰圆整"),
    ],
)
def test_both_values_are_kept(name: str, ours: Any, theirs: Any) -> None:
    [finding] = compare(invoice_of(**{name: ours}), PortalValues.model_validate({name: theirs}))
    assert (finding.code, finding.severity) == ("portal_differs", Severity.BLOCK)
    assert finding.params == {"field": name, "document": str(ours), "portal": str(theirs)}


def test_words_are_compared_by_their_amount() -> None:
    for ours, theirs in (("壹佰元正", "壹佰圆整"), ("零元正", "零圆整")):
        portal = PortalValues(amount_in_words=theirs)
        assert compare(invoice_of(amount_in_words=ours), portal) == ()


def test_a_repeated_line_counts_as_often_as_it_stands() -> None:
    line = Line(name="*文具*笔", amount=Decimal(10), tax=Decimal("1.30"))
    once, twice = (line,), (line, line)
    [finding] = compare(invoice_of(lines=twice), PortalValues(lines=once))
    assert (finding.field, finding.severity) == ("lines", Severity.BLOCK)
    assert finding.params == {"field": "lines", "document": "*文具*笔 10 / 1.30", "portal": "—"}


def test_a_line_with_gaps_does_not_take_anothers_partner() -> None:
    ours = (Line(name="笔"), Line(name="笔", amount=Decimal(1)))
    theirs = (Line(name="笔", amount=Decimal(1)), Line(name="笔", amount=Decimal(2)))
    assert compare(invoice_of(lines=ours), PortalValues(lines=theirs)) == ()


def test_lines_are_judged_only_where_both_show_some() -> None:
    assert compare(Invoice(), PortalValues(lines=(Line(name="笔"),))) == ()


def test_field_type_is_the_contracts() -> None:
    invoice = invoice_of(total_tax=Decimal("1.00"))
    assert isinstance(invoice.total_tax, Field)


def test_every_shown_value_is_kept_beside_the_documents() -> None:
    portal = PortalValues(buyer_name="某某大学", seller_name="某某公司", total_tax=Decimal("1.00"))
    ours = invoice_of(buyer_name="某某大学", seller_name="某某公可")
    told = {each.field: each for each in comparing.compare(ours, portal)}
    assert {name: each.outcome for name, each in told.items()} == {
        "buyer_name": Outcome.SAME,
        "seller_name": Outcome.DIFFERS,
        "total_tax": Outcome.UNREADABLE,
    }
    seller = told["seller_name"]
    assert (seller.document, seller.portal) == ("某某公可", "某某公司")
    assert (seller.source, seller.confidence) == (Source.OCR, 1.0)


def test_a_value_that_was_seen_but_not_believed_differs_too() -> None:
    seen = Field[Decimal](
        value=Decimal("1130.00"), raw="1130.00", source=Source.OCR, confidence=0.9
    )
    raised = Invoice(doubted={"total_with_tax": seen})
    assert contradicts(compare(raised, PortalValues(total_with_tax=Decimal("113.00"))))
    assert not contradicts(compare(raised, PortalValues(total_with_tax=Decimal("1130.00"))))


def test_a_face_that_was_seen_to_say_otherwise_differs_though_its_code_agrees() -> None:
    day, other = dt.date(2026, 8, 29), dt.date(2026, 8, 19)
    coded = Field[dt.date](value=day, raw="20260829", source=Source.QR, confidence=1.0)
    seen = Field[dt.date](value=other, raw="2026年08月19日", source=Source.OCR, confidence=0.84)
    invoice = Invoice(issue_date=coded, doubted={"issue_date": seen})
    [told] = comparing.compare(invoice, PortalValues(issue_date=day))
    assert (told.outcome, told.document, told.source) == (Outcome.DIFFERS, f"{other}", Source.OCR)

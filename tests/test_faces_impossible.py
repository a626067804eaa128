"""Values that do not exist, printed beside a genuine code: a forger's digit may hit the region of a
number or the day of a month. They are told, never passed over because no reading believes them."""

from __future__ import annotations

import datetime as dt

import pytest

from extractors.build import invoice_from_texts
from extractors.faces import invoice_from_words
from extractors.limits import Limits
from extractors.merge import merge
from extractors.model import Invoice, Severity, Source
from extractors.reader import Reader
from extractors.second_look import keeps
from fixtures.maker import Form, Truth, draw_truth, make
from tests.test_faces_poor_bills import page_of

TODAY = dt.date(2026, 11, 26)


def blocked(invoice: Invoice) -> list[str | None]:
    return [
        finding.field
        for finding in invoice.findings
        if finding.code == "sources_disagree" and finding.severity is Severity.BLOCK
    ]


def with_number(sort: str, seed: int, head: str) -> tuple[Truth, Truth]:
    """A document, and the same under a number whose region does not exist; the code stays."""
    truth = draw_truth(sort, seed, today=TODAY)
    number = truth.invoice_number[:2] + head + truth.invoice_number[4:]
    return truth, Truth.model_validate(truth.model_dump() | {"invoice_number": number})


@pytest.mark.parametrize("sort", ["digital_normal", "digital_special", "digital_freight"])
@pytest.mark.parametrize("head", ["38", "99", "00"])
def test_a_number_of_no_region_in_a_pdf_with_a_genuine_code(sort: str, head: str) -> None:
    truth, forged = with_number(sort, 8, head)
    reader = Reader(Limits(), None)
    assert blocked(reader.read_bytes(make(truth, Form.PDF, 8).content)) == []
    assert "invoice_number" in blocked(reader.read_bytes(make(forged, Form.PDF, 8).content))


CODE = {"invoice_number": "26331289000035189629", "issue_date": "2026-09-17"}
HEAD = "0.3|电子发票(增值税专用发票)|0.7|发票号码:{number}"
REST = (
    "0.7|开票日期:{date}",
    "0.05|名称:成都远山文化传播有限公司|0.55|名称:宁波白鹭洲农产品配送有限公司",
    "0.05|统一社会信用代码/纳税人识别号:91510107KELNU9D8TH|0.55|统一社会信用代码/纳税人识别号:913302032CYWA98875",
)


def seen(number: str, date: str) -> Invoice:
    """The head of a face as recognition reads it, beside the genuine code."""
    rows = [row.format(number=number, date=date) for row in (HEAD, *REST)]
    face = invoice_from_words([page_of(*rows, score=0.99)], Source.OCR)
    return merge([invoice_from_texts(CODE, Source.QR, kind=face.kind), face])


@pytest.mark.parametrize(
    ("number", "date", "field"),
    [
        ("26381289000035189629", "2026年09月17日", "invoice_number"),
        ("26331289000035189629", "2026年09月37日", "issue_date"),
        ("26331289000035189629", "2026年00月17日", "issue_date"),
    ],
)
def test_what_cannot_be_is_still_seen(number: str, date: str, field: str) -> None:
    assert blocked(seen("26331289000035189629", "2026年09月17日")) == []
    assert blocked(seen(number, date)) == [field]


def test_a_closer_look_that_no_longer_sees_the_value_settles_nothing() -> None:
    before = seen("26381289000035189629", "2026年09月17日")
    lost = before.model_copy(update={"doubted": {}, "findings": ()})
    assert not keeps(before, lost, [Invoice(sources=(Source.OCR,))])
    assert keeps(before, lost, [seen("26331289000035189629", "2026年09月17日")])

"""Documents whose text is given: XML, OFD and PDF are read whole and exactly."""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path
from typing import Any

import pytest

from extractors.limits import Limits
from extractors.model import TEXT_FIELDS, Invoice, Kind, Severity, Source
from extractors.reader import Reader
from extractors.report import to_json
from extractors.structured import read_xml
from fixtures.maker import Form, make, make_truth
from fixtures.maker.truth import raised

TODAY = dt.date(2026, 11, 22)
ELECTRONIC = (Kind.DIGITAL_NORMAL, Kind.DIGITAL_SPECIAL, Kind.VAT_ELECTRONIC_NORMAL)
BORN_ELECTRONIC = [
    (kind, form)
    for kind in ELECTRONIC
    for form in (Form.XML, Form.OFD, Form.PDF)
    if not (kind is Kind.VAT_ELECTRONIC_NORMAL and form is Form.XML)
]
ALL_FIELDS = (*TEXT_FIELDS, "amount_in_words", "machine_number", "issuer")


def value(invoice: Invoice, name: str) -> Any:
    field = getattr(invoice, name)
    return None if field is None else field.value


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("kind", "form"), BORN_ELECTRONIC)
def test_every_field_of_a_specimen_is_read(kind: Kind, form: Form, seed: int) -> None:
    specimen = make(make_truth(kind, seed, today=TODAY), form, seed)
    invoice = Reader().read_bytes(specimen.content)
    truth = specimen.truth
    read = {name: value(invoice, name) for name in ALL_FIELDS}
    assert read == {name: getattr(truth, name) for name in ALL_FIELDS}
    assert invoice.kind is truth.kind
    assert invoice.lines == truth.lines
    assert invoice.findings == ()


@pytest.mark.parametrize("form", [Form.OFD, Form.PDF])
@pytest.mark.parametrize("kind", ELECTRONIC)
def test_a_raised_amount_disagrees_with_the_qr_code(kind: Kind, form: Form) -> None:
    truth = make_truth(kind, 3, today=TODAY)
    specimen = make(truth, form, 3, altered=raised(truth, 10))
    invoice = Reader().read_bytes(specimen.content)
    found = [finding for finding in invoice.findings if finding.code == "sources_disagree"]
    assert [finding.severity for finding in found] == [Severity.BLOCK]
    in_qr = "total_without_tax" if kind is Kind.VAT_ELECTRONIC_NORMAL else "total_with_tax"
    assert found[0].field == in_qr
    assert found[0].params["second"] == f"{getattr(truth, in_qr):.2f}"
    assert found[0].params["second_source"] == "qr"


RAIL = """<?xml version="1.0" encoding="UTF-8"?>
<xbrl xmlns="http://www.xbrl.org/2003/instance"
      xmlns:rai="http://xbrl.mof.gov.cn/taxonomy/{year}/rai">
  <rai:TypeOfVoucher contextRef="c">电子发票（铁路电子客票）</rai:TypeOfVoucher>
  <rai:ElectronicInvoiceRailwayETicketNumber contextRef="c">26429000000000000017
  </rai:ElectronicInvoiceRailwayETicketNumber>
  <rai:DateOfIssue contextRef="c">2026-07-11</rai:DateOfIssue>
  <rai:TrainNumber contextRef="c">G1281</rai:TrainNumber>
  <rai:Fare contextRef="c" unitRef="CNY" decimals="2">272.50</rai:Fare>
  <rai:TotalAmountExcludingTax contextRef="c">250.00</rai:TotalAmountExcludingTax>
  <rai:TaxAmount contextRef="c">22.50</rai:TaxAmount>
  <rai:NameOfPurchaser contextRef="c">某某大学</rai:NameOfPurchaser>
  <rai:UnifiedSocialCreditCodeOfPurchaser contextRef="c">12330000000000000X
  </rai:UnifiedSocialCreditCodeOfPurchaser>
</xbrl>"""


@pytest.mark.parametrize("year", ["2021-11-30", "2025-05-14"])
def test_a_rail_ticket_in_xbrl_is_read_whatever_the_year(year: str) -> None:
    invoice = read_xml(RAIL.format(year=year).encode(), Limits())
    assert invoice is not None
    assert invoice.kind is Kind.DIGITAL_RAIL
    assert invoice.sources == (Source.XBRL,)
    assert {name: str(value(invoice, name)) for name in TEXT_FIELDS if value(invoice, name)} == {
        "invoice_number": "26429000000000000017",
        "issue_date": "2026-07-11",
        "buyer_name": "某某大学",
        "buyer_tax_id": "12330000000000000X",
        "total_without_tax": "250.00",
        "total_tax": "22.50",
        "total_with_tax": "272.50",
    }
    assert invoice.extra["train"].value == "G1281"


def test_xml_without_its_parts_is_read_as_far_as_it_goes() -> None:
    number = "<InvoiceNumber>26000000000000000001</InvoiceNumber>"
    data = f"<EInvoice><TaxSupervisionInfo>{number}</TaxSupervisionInfo></EInvoice>"
    invoice = Reader().read_bytes(data.encode())
    assert value(invoice, "invoice_number") == "26000000000000000001"
    missing = {finding.field for finding in invoice.findings if finding.code == "field_missing"}
    assert {"issue_date", "total_with_tax", "buyer_name", "seller_name", "kind"} <= missing


SPECIMENS = os.environ.get("YANPIAO_SPECIMENS")
needs_specimens = pytest.mark.skipif(
    SPECIMENS is None,
    reason="YANPIAO_SPECIMENS names no folder: real sample files are NOT tested",
)


#: Signed OFDs are intact; these are not, or are not signed.
SAID_OF_SPECIMENS: dict[str, list[str]] = {
    "ofd-altered-after-signing.ofd": ["altered_after_signing"],
    "pdf-air-itinerary-xbrl.pdf": [],
}


def specimen_truths() -> list[dict[str, str | None]]:
    if SPECIMENS is None:
        return []
    truths = json.loads((Path(SPECIMENS) / "truth.json").read_text(encoding="utf-8"))
    return [truth for truth in truths if truth["file"].endswith((".ofd", ".xml", ".pdf"))]


@needs_specimens
@pytest.mark.parametrize("truth", specimen_truths(), ids=lambda truth: str(truth["file"]))
def test_real_structured_files_are_read_whole(truth: dict[str, str | None]) -> None:
    path = Path(str(SPECIMENS)) / str(truth["file"])
    report = to_json(Reader().read(path)[0], path.name, 0.0)
    wanted = {name: truth[name] for name in ("kind", *TEXT_FIELDS)}
    if truth["kind"] == Kind.DIGITAL_AIR.value:
        del wanted["check_code"]  # printed as 验证码, which no reader takes for a 校验码 yet
    assert {name: report[name] for name in wanted} == wanted
    assert "qr" in report["sources"]
    told = [finding["code"] for finding in report["findings"]]
    assert told == SAID_OF_SPECIMENS.get(str(truth["file"]), ["signed_intact"])


@needs_specimens
def test_the_real_xml_is_read_whole() -> None:
    path = Path(str(SPECIMENS)) / "xml-einvoice.xml"
    report = to_json(Reader().read(path)[0], path.name, 0.0)
    assert report["kind"] == Kind.DIGITAL_SPECIAL.value
    assert report["invoice_number"] == "99990000000000000001"
    assert report["issue_date"] == "2026-05-19"
    totals = [report[name] for name in ("total_without_tax", "total_tax", "total_with_tax")]
    assert totals == ["1000.00", "130.00", "1130.00"]
    assert [line["name"] for line in report["lines"]] == [
        "*交通运输设备*测试软管甲",
        "*交通运输设备*无规格测试品",
    ]

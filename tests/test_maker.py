"""The invoice maker: specimens say their truth in every form, and every number in them is valid."""

from __future__ import annotations

import datetime as dt
import io
import itertools
import random
import re
import zipfile
from decimal import Decimal

import cv2
import numpy as np
import pdfplumber
import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from stdnum.cn import uscc

from extractors.model import Kind
from fixtures.maker import KINDS, Form, Truth, face, fonts, make, make_truth, numbers
from fixtures.maker.goods import rate_on
from fixtures.maker.raster import Pixels, rendered
from fixtures.maker.sheet import Pen, Text, wrapped
from fixtures.maker.truth import DIGITAL, raised, school, tax_free
from tests.helpers import spoken

TODAY = dt.date(2026, 11, 22)
INVOICES = tuple(kind for kind in KINDS if kind is not Kind.TRAIN_TICKET)
BORN_ELECTRONIC = (*DIGITAL, Kind.VAT_ELECTRONIC_NORMAL)
SEEDS = range(40)


@given(st.integers())
def test_tax_ids_pass_the_standards_own_check(seed: int) -> None:
    drawn = numbers.tax_id(random.Random(seed), "330108")  # noqa: S311  # nothing is secret
    assert uscc.is_valid(drawn)


def test_the_school_has_a_valid_tax_id() -> None:
    # Public bodies (12...) have their number from another office than python-stdnum knows of.
    name, tax_id = school()
    assert name.endswith("学校")
    assert tax_id[-1] == uscc.calc_check_digit(tax_id[:-1])


@pytest.mark.parametrize("kind", INVOICES)
def test_sums_are_exact_and_lines_close_to_their_rate(kind: Kind) -> None:
    for seed in SEEDS:
        truth = make_truth(kind, seed, today=TODAY)
        amounts = [line.amount for line in truth.lines if line.amount is not None]
        taxes = [line.tax for line in truth.lines if line.tax is not None]
        assert 1 <= len(truth.lines) == len(amounts) == len(taxes) <= 8
        assert sum(amounts) == truth.total_without_tax
        assert sum(taxes) == truth.total_tax
        assert sum(amounts) + sum(taxes) == truth.total_with_tax
        assert truth.amount_in_words is not None
        assert spoken(truth.amount_in_words) == truth.total_with_tax
        for line in truth.lines:
            assert line.amount is not None
            assert line.rate is not None
            assert line.tax is not None
            assert abs(line.amount * line.rate - line.tax) <= Decimal("0.06")
            if line.price is not None and line.quantity is not None:
                assert abs(line.price * line.quantity - line.amount) <= Decimal("0.01")


@pytest.mark.parametrize("kind", INVOICES)
def test_codes_and_numbers_follow_the_rules(kind: Kind) -> None:
    shapes = {
        Kind.DIGITAL_NORMAL: (r"^$", r"^26\d{18}$"),
        Kind.DIGITAL_SPECIAL: (r"^$", r"^26\d{18}$"),
        Kind.VAT_ELECTRONIC_NORMAL: (r"^0\d{4}26\d{3}11$", r"^\d{8}$"),
        Kind.VAT_SPECIAL: (r"^\d{4}26\d1\d{2}$", r"^\d{8}$"),
        Kind.VAT_NORMAL: (r"^0\d{4}26\d{3}04$", r"^\d{8}$"),
    }
    code_shape, number_shape = shapes[kind]
    for seed in SEEDS:
        truth = make_truth(kind, seed, today=TODAY)
        assert re.match(code_shape, truth.invoice_code or "")
        assert re.match(number_shape, truth.invoice_number)
        assert dt.timedelta(3) <= TODAY - truth.issue_date <= dt.timedelta(120)
        assert truth.seller_tax_id is not None
        assert uscc.is_valid(truth.seller_tax_id)


def test_qr_text_carries_the_right_amount_for_each_kind() -> None:
    for kind, seed in itertools.product(INVOICES, SEEDS):
        truth = make_truth(kind, seed, today=TODAY)
        if truth.qr_text is None:
            assert kind is Kind.VAT_SPECIAL
            continue
        fields = truth.qr_text.split(",")
        total = truth.total_with_tax if kind in DIGITAL else truth.total_without_tax
        assert Decimal(fields[4]) == total
        assert fields[2:4] == [truth.invoice_code or "", truth.invoice_number]
        assert fields[5:7] == [f"{truth.issue_date:%Y%m%d}", truth.check_code or ""]


def test_a_train_ticket_has_21_characters_and_a_masked_id() -> None:
    truth = make_truth(Kind.TRAIN_TICKET, 5, today=TODAY)
    assert re.match(r"^\d{14}[A-Z]\d{6}$", truth.invoice_number)
    assert re.match(r"^\d{10}\*{4}\d{3}[\dX]$", truth.extra["passenger_id"])
    assert truth.extra["serial"] == truth.invoice_number[-7:]


def decoded(content: bytes) -> Pixels:
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    return np.asarray(pixels, dtype=np.uint8)


def qr_texts(pixels: Pixels) -> list[str]:
    return [code.text for code in zxingcpp.read_barcodes(pixels)]


@pytest.mark.slow
@pytest.mark.parametrize("form", [Form.PNG, Form.JPEG, Form.PHOTO])
@pytest.mark.parametrize("kind", KINDS)
def test_the_qr_code_decodes_from_the_picture(kind: Kind, form: Form) -> None:
    seed = next(s for s in SEEDS if make_truth(kind, s, today=TODAY).qr_text)
    specimen = make(make_truth(kind, seed, today=TODAY), form, seed)
    assert specimen.truth.qr_text in qr_texts(decoded(specimen.content))


def printed_values(truth: Truth) -> list[str]:
    """What must stand on the face, character for character."""
    values = [
        truth.invoice_code,
        truth.invoice_number,
        f"{truth.issue_date:%Y年%m月%d日}",
        truth.machine_number,
        truth.buyer_name,
        truth.buyer_tax_id,
        truth.seller_name,
        truth.seller_tax_id,
        f"¥{truth.total_without_tax}",
        f"¥{truth.total_tax}",
        f"¥{truth.total_with_tax}",
        truth.amount_in_words,
        truth.issuer,
        *(str(line.amount) for line in truth.lines),
        *(str(line.tax) for line in truth.lines),
        "样张",
    ]
    return [value for value in values if value]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", BORN_ELECTRONIC)
def test_pdf_text_says_the_truth(kind: Kind, seed: int) -> None:
    specimen = make(make_truth(kind, seed, today=TODAY), Form.PDF, seed)
    with pdfplumber.open(io.BytesIO(specimen.content)) as document:
        [page] = document.pages
        text = page.extract_text()
        info = document.metadata
        inside = [c for c in page.chars if c["x0"] >= 0 and c["x1"] <= page.width]
        assert len(inside) == len(page.chars)
    assert [value for value in printed_values(specimen.truth) if value not in text] == []
    if kind in DIGITAL:
        assert info["InvoiceNumber"] == specimen.truth.invoice_number
        assert info["TotalTax-includedAmount"] == str(specimen.truth.total_with_tax)
        assert info["SellerIdNum"] == specimen.truth.seller_tax_id
    else:
        assert "InvoiceNumber" not in info


def test_a_scanned_pdf_has_no_text_and_one_full_picture() -> None:
    specimen = make(make_truth(Kind.DIGITAL_SPECIAL, 1, today=TODAY), Form.SCANNED_PDF, 1)
    with pdfplumber.open(io.BytesIO(specimen.content)) as document:
        [page] = document.pages
        assert page.extract_text() == ""
        assert len(page.images) == 1
    assert specimen.truth.qr_text in qr_texts(rendered(specimen.content, 200))


@pytest.mark.parametrize("kind", DIGITAL)
def test_xml_says_the_truth(kind: Kind) -> None:
    truth = make_truth(kind, 3, today=TODAY)
    root = etree.fromstring(make(truth, Form.XML, 3).content)
    assert root.findtext("TaxSupervisionInfo/InvoiceNumber") == truth.invoice_number
    assert root.findtext("TaxSupervisionInfo/IssueTime") == truth.issue_date.isoformat()
    basics = "EInvoiceData/BasicInformation/"
    assert root.findtext(basics + "TotalTax-includedAmount") == str(truth.total_with_tax)
    assert root.findtext(basics + "TotalAmWithoutTax") == str(truth.total_without_tax)
    assert len(root.findall("EInvoiceData/IssuItemInformation")) == len(truth.lines)


@pytest.mark.parametrize("kind", BORN_ELECTRONIC)
def test_ofd_is_a_package_whose_parts_agree(kind: Kind) -> None:
    truth = make_truth(kind, 4, today=TODAY)
    package = zipfile.ZipFile(io.BytesIO(make(truth, Form.OFD, 4).content))
    assert package.testzip() is None
    parts = {
        name: etree.fromstring(package.read(name))
        for name in package.namelist()
        if name.endswith(".xml")
    }
    spaces = {
        "ofd": "http://www.ofdspec.org/2016",
        "fp": "http://www.edrm.org.cn/schema/e-invoice/2019",
    }
    custom = {
        str(node.get("Name")): node.text
        for node in parts["OFD.xml"].iterfind(".//ofd:CustomData", spaces)
    }
    assert custom["发票号码"] == truth.invoice_number
    assert custom["合计金额"] == str(truth.total_without_tax)
    texts = {
        str(node.get("ID")): node.findtext("ofd:TextCode", namespaces=spaces)
        for node in parts["Doc_0/Pages/Page_0/Content.xml"].iterfind(".//ofd:TextObject", spaces)
    }
    tags = parts["Doc_0/Tags/CustomTag.xml"]
    seller = tags.findtext("fp:Seller/fp:SellerName/ofd:ObjectRef", namespaces=spaces)
    assert texts[str(seller)] == truth.seller_name
    assert len(tags.findall("fp:GoodsInfos/fp:GoodsInfo", spaces)) == len(truth.lines)
    attached = "Doc_0/Attachs/original_invoice.xml"
    assert (attached in parts) == (kind is Kind.VAT_ELECTRONIC_NORMAL)
    if attached in parts:
        number = parts[attached].findtext("fp:InvoiceNo", namespaces=spaces)
        assert number == truth.invoice_number
    identifiers = [
        node.get("ID")
        for name in ("Doc_0/Pages/Page_0/Content.xml", "Doc_0/Tpls/Tpl_0/Content.xml")
        for node in parts[name].iter("{*}TextObject", "{*}PathObject", "{*}ImageObject")
    ]
    assert len(identifiers) == len(set(identifiers))


def test_advances_in_ofd_fit_the_text() -> None:
    truth = make_truth(Kind.DIGITAL_NORMAL, 4, today=TODAY)
    package = zipfile.ZipFile(io.BytesIO(make(truth, Form.OFD, 4).content))
    page = etree.fromstring(package.read("Doc_0/Pages/Page_0/Content.xml"))
    for code in page.iter("{*}TextCode"):
        words = iter((code.get("DeltaX") or "").split())
        steps = 0
        for word in words:
            steps += int(next(words)) if word == "g" else 1
            if word == "g":
                next(words)
        assert steps == len(code.text or "") - 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "form"),
    [
        (kind, form)
        for kind, form in itertools.product(KINDS, Form)
        # Photographs take a second each, and differ by kind in nothing that repeats or not.
        if form is not Form.PHOTO or kind is Kind.VAT_SPECIAL
    ],
)
def test_the_same_arguments_give_the_same_bytes(kind: Kind, form: Form) -> None:
    truth = make_truth(kind, 7, today=TODAY)
    try:
        first = make(truth, form, 7)
    except ValueError:
        # Exactly the forms that a kind does not come in: paper has no data, 电子普票 no XML.
        assert form in (Form.XML, Form.OFD, Form.PDF)
        assert kind not in DIGITAL
        return
    assert make(make_truth(kind, 7, today=TODAY), form, 7).content == first.content


def test_another_seed_looks_different() -> None:
    truth = make_truth(Kind.DIGITAL_NORMAL, 7, today=TODAY)
    assert make(truth, Form.PNG, 7).content != make(truth, Form.PNG, 8).content


def test_a_turned_picture_is_the_same_picture_turned_clockwise() -> None:
    truth = make_truth(Kind.DIGITAL_NORMAL, 7, today=TODAY)
    upright = decoded(make(truth, Form.PNG, 7).content)
    turned = decoded(make(truth, Form.PNG, 7, turn=90).content)
    assert np.array_equal(cv2.rotate(upright, cv2.ROTATE_90_CLOCKWISE), turned)
    with pytest.raises(ValueError):
        make(truth, Form.PNG, 7, turn=45)
    with pytest.raises(ValueError):
        make(truth, Form.PDF, 7, turn=90)


def test_an_altered_specimen_prints_the_forgers_sums_beside_the_genuine_code() -> None:
    genuine = make_truth(Kind.VAT_ELECTRONIC_NORMAL, 2, today=TODAY)
    specimen = make(genuine, Form.PDF, 2, altered=raised(genuine, 10))
    assert genuine.total_with_tax is not None
    assert specimen.truth.total_with_tax == genuine.total_with_tax * 10
    assert specimen.truth.qr_text == genuine.qr_text
    with pdfplumber.open(io.BytesIO(specimen.content)) as document:
        text = document.pages[0].extract_text()
    assert f"¥{genuine.total_with_tax * 10}" in text
    assert f"¥{genuine.total_with_tax}\n" not in text


def test_what_the_maker_cannot_draw_is_refused() -> None:
    with pytest.raises(ValueError):
        make_truth(Kind.VEHICLE, 1, today=TODAY)
    with pytest.raises(ValueError):
        make(make_truth(Kind.VAT_SPECIAL, 1, today=TODAY), Form.OFD, 1)


def test_a_missing_font_names_the_packages_that_bring_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_FOLDERS", ())
    monkeypatch.setenv("PATH", "")
    fonts.path_of.cache_clear()
    try:
        with pytest.raises(fonts.FontMissing, match="fonts-arphic-uming fonts-arphic-ukai"):
            fonts.path_of("song")
    finally:
        fonts.path_of.cache_clear()


@given(st.text(alphabet="验票abc123（）", min_size=1, max_size=60), st.floats(4, 60))
def test_wrapping_loses_nothing_and_fits(text: str, width: float) -> None:
    pen = Pen("song", 3.0)
    rows = wrapped(text, pen, width)
    assert "".join(rows) == text
    assert all(fonts.width_of(row, "song", 3.0) <= width for row in rows)


@pytest.mark.parametrize("kind", KINDS)
def test_no_text_runs_into_another_or_off_the_page(kind: Kind) -> None:
    for seed in range(16):
        sheet = face(make_truth(kind, seed, today=TODAY), seed)
        texts = [item for item in sheet.items if isinstance(item, Text)]
        boxes = [_ink(text) for text in texts]
        latin = (text.text for text in texts if text.pen.font == "mono")
        assert all(ord(character) < 256 for text in latin for character in text)
        assert all(x0 >= 0 and y0 >= 0 for x0, y0, _, _ in boxes)
        assert all(x1 <= sheet.width and y1 <= sheet.height for _, _, x1, y1 in boxes)
        for (one, a), (other, b) in itertools.combinations(zip(texts, boxes, strict=True), 2):
            across = min(a[2], b[2]) - max(a[0], b[0])
            down = min(a[3], b[3]) - max(a[1], b[1])
            assert min(across, down) < 0.15, (seed, one.text, other.text)


def _ink(text: Text) -> tuple[float, float, float, float]:
    """The box of the characters themselves, without the font's line gap."""
    size = text.pen.size
    return (text.x, text.y - 0.78 * size, text.x + text.width, text.y + 0.08 * size)


@pytest.mark.parametrize(
    ("issued", "goods", "rate"),
    [
        (dt.date(2018, 4, 30), "0.13", "0.17"),
        (dt.date(2018, 5, 1), "0.13", "0.16"),
        (dt.date(2019, 3, 31), "0.09", "0.10"),
        (dt.date(2019, 4, 1), "0.13", "0.13"),
        (dt.date(2020, 2, 29), "0.01", "0.03"),
        (dt.date(2018, 1, 1), "0.06", "0.06"),
    ],
)
def test_rates_are_those_of_the_day(issued: dt.date, goods: str, rate: str) -> None:
    assert rate_on(Decimal(goods), issued) == Decimal(rate)


@pytest.mark.parametrize("kind", [Kind.DIGITAL_NORMAL, Kind.VAT_ELECTRONIC_NORMAL])
def test_an_exempt_sale_prints_stars_instead_of_tax(kind: Kind) -> None:
    truth = tax_free(make_truth(kind, 2, today=TODAY))
    assert truth.total_tax is None
    assert truth.total_with_tax == sum(line.amount or 0 for line in truth.lines)
    with pdfplumber.open(io.BytesIO(make(truth, Form.PDF, 2).content)) as document:
        text = document.pages[0].extract_text()
    assert text.count("***") == len(truth.lines) + 1
    assert text.count("免税") == len(truth.lines)
    assert truth.qr_text is not None
    assert Decimal(truth.qr_text.split(",")[4]) == truth.total_with_tax

"""QR codes: found in pictures, and their text read for what it says and no more."""

from __future__ import annotations

import datetime as dt

import cv2
import numpy as np
import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st

from extractors.kinds import kind_from_code, kind_from_name
from extractors.merge import merge
from extractors.model import TEXT_FIELDS, Kind
from extractors.qr import parse_qr, read_codes
from extractors.recogniser import Image
from fixtures.maker import KINDS, make_truth

TODAY = dt.date(2026, 11, 22)
DIGITAL = "01,32,,26000000000000000001,113.00,20260519,,8F3A"


def said(text: str) -> dict[str, str]:
    invoice = parse_qr(text)
    assert invoice is not None
    fields = {name: getattr(invoice, name) for name in TEXT_FIELDS}
    return {name: str(field.value) for name, field in fields.items() if field is not None}


@pytest.mark.parametrize("amount", ["759", "57", "240.6", "104.72"])
def test_an_old_code_states_the_amount_without_tax(amount: str) -> None:
    text = f"01,10,050001700111,12235358,{amount},20200805,16630282980991510014,7257,"
    assert said(text) == {
        "invoice_code": "050001700111",
        "invoice_number": "12235358",
        "issue_date": "2020-08-05",
        "check_code": "16630282980991510014",
        "total_without_tax": f"{float(amount):.2f}",
    }


@pytest.mark.parametrize("number", ["31", "32", "51", "61"])
@pytest.mark.parametrize("date", ["20260519", "2026-05-19"])
def test_a_digital_code_states_the_total_with_tax(number: str, date: str) -> None:
    assert said(f"01,{number},,26000000000000000001,113,{date},,") == {
        "invoice_number": "26000000000000000001",
        "issue_date": "2026-05-19",
        "total_with_tax": "113.00",
    }


def test_the_kind_comes_from_the_type_number() -> None:
    for number, kind in [("01", Kind.VAT_SPECIAL), ("32", Kind.DIGITAL_NORMAL)]:
        invoice = parse_qr(f"01,{number},1100094140,87654321,1.00,20200805,,")
        assert invoice is not None
        assert invoice.kind is kind


def test_an_amount_of_an_unknown_type_is_not_taken() -> None:
    assert "1.00" not in said("01,99,1100094140,87654321,1.00,20200805,,").values()


def test_a_blockchain_invoice_is_read_from_its_address() -> None:
    host = "https://bcfp.shenzhen.chinatax.gov.cn/verify/scan"
    assert said(f"{host}?hash=0a1b2c3d4e5f67890&bill_num=12345678&total_amount=10650") == {
        "invoice_number": "12345678",
        "check_code": "67890",
        "total_with_tax": "106.50",
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "01,32",
        "02,32,,26000000000000000001,113.00,20260519,,",
        "https://example.com/?bill_num=12345678&total_amount=1",
        "https://bcfp.shenzhen.chinatax.gov.cn.example.com/?bill_num=12345678&hash=abcdef",
        "http://[broken",
    ],
)
def test_other_codes_are_none_of_ours(text: str) -> None:
    assert parse_qr(text) is None


@given(st.text(max_size=80) | st.lists(st.text(max_size=12), max_size=10).map(",".join))
def test_any_text_is_read_or_declined(text: str) -> None:
    parse_qr(text)
    parse_qr("01," + text)
    parse_qr("https://" + text)


@pytest.mark.parametrize("kind", KINDS)
def test_the_code_of_every_specimen_says_its_truth(kind: Kind) -> None:
    for seed in range(20):
        truth = make_truth(kind, seed, today=TODAY)
        if truth.qr_text is None or kind is Kind.TRAIN_TICKET:
            continue
        for name, text in said(truth.qr_text).items():
            assert text == str(getattr(truth, name)), name


def drawn(text: str, scale: int) -> Image:
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode)
    grey = np.asarray(zxingcpp.write_barcode_to_image(code, scale=scale), dtype=np.uint8)
    page = np.full((1200, 1800), 255, np.uint8)
    page[60 : 60 + grey.shape[0], 90 : 90 + grey.shape[1]] = grey
    return np.repeat(page[:, :, None], 3, axis=2)


@pytest.mark.parametrize("turn", [None, cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_180])
def test_a_code_is_found_on_a_page_however_it_is_turned(turn: int | None) -> None:
    page = drawn(DIGITAL, scale=4)
    picture = page if turn is None else np.asarray(cv2.rotate(page, turn), dtype=np.uint8)
    ((text, box),) = read_codes(picture, page=2)
    assert text == DIGITAL
    assert box.page == 2
    if turn is None:
        assert box.x0 == pytest.approx(90 / 1800, abs=0.02)
        assert box.y0 == pytest.approx(60 / 1200, abs=0.03)


def test_a_blurred_code_is_found() -> None:
    blurred = cv2.GaussianBlur(drawn(DIGITAL, scale=3), (0, 0), 1.6)
    assert [text for text, _ in read_codes(np.asarray(blurred, dtype=np.uint8))] == [DIGITAL]


def test_an_empty_page_has_no_code() -> None:
    assert read_codes(np.full((800, 600, 3), 255, np.uint8)) == ()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("050001700111", Kind.VAT_ELECTRONIC_NORMAL),
        ("033002100204", Kind.VAT_NORMAL),
        ("033002100313", Kind.VAT_ELECTRONIC_SPECIAL),
        ("044002000112", Kind.VAT_TOLL),
        ("144031539110", Kind.VAT_ELECTRONIC_NORMAL),
        ("133002122211", Kind.VEHICLE),
        ("1100094140", Kind.VAT_SPECIAL),
        ("4403212350", Kind.VAT_NORMAL),
        ("41000861", Kind.UNKNOWN),
        ("", Kind.UNKNOWN),
    ],
)
def test_codes_name_their_kind(code: str, kind: Kind) -> None:
    assert kind_from_code(code) is kind


def test_names_on_the_face_name_their_kind() -> None:
    assert kind_from_name("北京增值税电子普通发票") is Kind.VAT_ELECTRONIC_NORMAL
    assert kind_from_name("电子发票(增值税专用发票)") is Kind.DIGITAL_SPECIAL
    assert kind_from_name("收据") is Kind.UNKNOWN


def test_the_address_of_a_blockchain_invoice_is_kept_for_its_own_verification() -> None:
    address = "https://bcfp.shenzhen.chinatax.gov.cn/verify/scan?hash=ab12c&bill_num=01234567&total_amount=11300"
    read = parse_qr(address)
    assert read is not None
    assert read.address == address
    assert merge([read]).address == address

"""Codes as files store them: JBIG2 pictures, and texts that look like an invoice's and are not."""

from __future__ import annotations

import contextlib
import io
import struct

import numpy as np
import pytest
import segno
from PIL import Image

from extractors.errors import DamagedFile
from extractors.jbig2 import is_jbig2, jbig2_picture
from extractors.limits import Limits
from extractors.ofd.pictures import picture_codes
from extractors.qr import parse_qr

SAID = "01,10,011002680026,71500013,9709.00,20200220,03272875819686271285,1818,"


def picture(text: str) -> Image.Image:
    matrix = np.array([list(row) for row in segno.make(text, error="m").matrix], dtype=bool)
    dark = np.kron(np.pad(matrix, 4), np.ones((4, 4), dtype=bool))
    return Image.fromarray(~dark)


def jbig2(image: Image.Image) -> bytes:
    """A JBIG2 file of one region in MMR, which is Group 4 of fax machines."""
    width, height = image.size
    stream = io.BytesIO()
    # TIFF's black is the fax's white.
    inverted = image.point(lambda level: not level)
    inverted.save(stream, "TIFF", compression="group4", tiffinfo={278: height})
    with Image.open(io.BytesIO(stream.getvalue())) as tiff:
        offset, length = tiff.tag_v2[273][0], tiff.tag_v2[279][0]  # type: ignore[attr-defined]
    mmr = stream.getvalue()[offset : offset + length]
    page = struct.pack(">IIIIBH", width, height, 0, 0, 0, 0)
    region = struct.pack(">IIIIBB", width, height, 0, 0, 0, 1) + mmr
    return (
        b"\x97JB2\r\n\x1a\n\x01"
        + struct.pack(">I", 1)
        + struct.pack(">IBBBI", 0, 48, 0, 1, len(page))
        + page
        + struct.pack(">IBBBI", 1, 38, 0, 1, len(region))
        + region
        + struct.pack(">IBBBI", 2, 49, 0, 1, 0)
        + struct.pack(">IBBBI", 3, 51, 0, 0, 0)
    )


def test_a_jbig2_picture_is_decoded() -> None:
    drawn = picture(SAID)
    data = jbig2(drawn)
    assert is_jbig2(data)
    read = jbig2_picture(data) > 127
    assert read.shape == (drawn.height, drawn.width)
    assert (read == np.array(drawn)).mean() > 0.999


def test_the_code_in_a_jbig2_picture_is_read() -> None:
    assert picture_codes([jbig2(picture(SAID))], Limits()) == (SAID,)


@pytest.mark.parametrize("length", [8, 9, 13, 20, 40, 60])
def test_a_cut_jbig2_picture_is_damaged_or_empty(length: int) -> None:
    data = jbig2(picture(SAID))[:length]
    assert picture_codes([data], Limits()) == ()
    with contextlib.suppress(DamagedFile):
        jbig2_picture(data)


def test_the_first_invoice_code_ends_the_search() -> None:
    stored = []
    for text in ("https://example.com", SAID, "01,32,,26000000000000000001,1,20260101,,"):
        stream = io.BytesIO()
        picture(text).save(stream, "PNG")
        stored.append(stream.getvalue())
    assert picture_codes(stored, Limits()) == ("https://example.com", SAID)


@pytest.mark.parametrize(
    "text",
    [
        # Fiscal bills: code of 8 digits, number of 10, check code of 6.
        "01,11010122,0012345678,a1b2c3,20230518,120.00",
        "01,31060122,1234567890,ab12cd,120.00,20230518,,",
        "01,11010122,0012345678,120.00,20230518,a1b2c3,",
        "https://pjcx.example.gov.cn/billcheck?code=11010122&number=0012345678&check=a1b2c3",
        # Types are two digits, numbers eight or more.
        "01,320,,26000000000000000001,113.00,20260519,,",
        "01,32,,123,113.00,20260519,,",
        "01,10,12345,12345678,113.00,20260519,,",
    ],
)
def test_codes_of_other_papers_are_declined(text: str) -> None:
    assert parse_qr(text) is None


@pytest.mark.parametrize("number", ["11", "15"])
def test_an_amount_that_sources_dispute_is_not_taken(number: str) -> None:
    invoice = parse_qr(f"01,{number},011001600111,12345678,50.00,20200805,12345678901234567890,A1")
    assert invoice is not None
    assert invoice.total_with_tax is None
    assert invoice.total_without_tax is None


@pytest.mark.parametrize("tail", ["", ",", ",AB12", ",AB12,", ",,"])
def test_what_follows_the_check_code_does_not_matter(tail: str) -> None:
    invoice = parse_qr(f"01,32,,26332000000038384003,759,2025-12-29,{tail}")
    assert invoice is not None
    assert invoice.total_with_tax is not None
    assert str(invoice.total_with_tax.value) == "759.00"
    assert invoice.check_code is None or tail not in ("", ",", ",AB12")

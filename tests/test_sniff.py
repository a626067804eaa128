"""Content decides what a file is; names and first impressions do not."""

from __future__ import annotations

import datetime as dt
import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from extractors.errors import DamagedFile, EmptyFile, EncryptedFile, UnsupportedFile
from extractors.model import Kind
from extractors.sniff import MediaType, sniff
from fixtures.maker import Form, make, make_truth

TRUTH = make_truth(Kind.DIGITAL_NORMAL, 1, today=dt.date(2026, 11, 22))


def picture(form: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(buffer, form)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (Form.XML, MediaType.XML),
        (Form.OFD, MediaType.OFD),
        (Form.PDF, MediaType.PDF),
        (Form.SCANNED_PDF, MediaType.PDF),
        (Form.PNG, MediaType.PNG),
        (Form.JPEG, MediaType.JPEG),
    ],
)
def test_every_form_of_a_specimen_is_known(form: Form, expected: MediaType) -> None:
    assert sniff(make(TRUTH, form, 1).content) is expected


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "BMP", "WEBP", "GIF"])
def test_every_picture_format_is_known(form: str) -> None:
    assert sniff(picture(form)) is MediaType[form]


def test_xml_is_known_in_other_encodings() -> None:
    text = '<?xml version="1.0" encoding="UTF-16"?><EInvoice/>'
    assert sniff(text.encode("utf-16")) is MediaType.XML
    assert sniff(b"\xef\xbb\xbf\r\n<EInvoice/>") is MediaType.XML


def test_an_empty_file_is_named_so() -> None:
    with pytest.raises(EmptyFile):
        sniff(b"")


@pytest.mark.parametrize(
    "data",
    [
        b"BM is how this letter begins, and it is no bitmap",
        b"<html><body>Log in to download your invoice</body></html>",
        b"<!DOCTYPE html><html></html>",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        "发票号码 12345678".encode(),
        bytes(100),
    ],
)
def test_what_no_reader_takes_is_unsupported(data: bytes) -> None:
    with pytest.raises(UnsupportedFile):
        sniff(data)


def test_a_zip_that_is_no_ofd_is_unsupported() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        package.writestr("invoice.pdf", b"%PDF-1.7")
    with pytest.raises(UnsupportedFile) as caught:
        sniff(buffer.getvalue())
    assert caught.value.params == {"found": "ZIP"}


def test_a_zip_with_a_password_is_encrypted() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        package.writestr("invoice.pdf", b"%PDF-1.7")
    data = bytearray(buffer.getvalue())
    data[data.rindex(b"PK\x01\x02") + 8] |= 1  # the flag that says: encrypted
    with pytest.raises(EncryptedFile):
        sniff(bytes(data))


def test_a_cut_off_zip_is_damaged() -> None:
    with pytest.raises(DamagedFile):
        sniff(make(TRUTH, Form.OFD, 1).content[:900])

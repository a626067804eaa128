"""OFD: parts against their signed digests, faces without values, parts that are broken."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import io
import os
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes

from extractors.limits import Limits
from extractors.model import Kind, Severity, Source
from extractors.ofd import OfdReading, read_ofd
from fixtures.maker import Form, make, make_truth

TODAY = dt.date(2026, 11, 22)
PAGE = "Doc_0/Pages/Page_0/Content.xml"
TEMPLATE = "Doc_0/Tpls/Tpl_0/Content.xml"
SIGNATURE = "Doc_0/Signs/Sign_0/Signature.xml"
LISTING = "Doc_0/Signs/Signatures.xml"
SM3 = "1.2.156.10197.1.401"
SHA256 = "2.16.840.1.101.3.4.2.1"
OFD = 'xmlns:ofd="http://www.ofdspec.org/2016"'


def sm3(content: bytes) -> bytes:
    digest = hashes.Hash(hashes.SM3())
    digest.update(content)
    return digest.finalize()


@cache
def unsigned() -> dict[str, bytes]:
    """The parts of a made 增值税电子普通发票."""
    truth = make_truth(Kind.VAT_ELECTRONIC_NORMAL, 7001, today=TODAY)
    content = make(truth, Form.OFD, 7001).content
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        return {name: package.read(name) for name in package.namelist()}


def signed(
    method: str | None = SM3,
    digest: Callable[[bytes], bytes] = sm3,
    leave_out: tuple[str, ...] = (),
) -> dict[str, bytes]:
    parts = dict(unsigned())
    parts["OFD.xml"] = parts["OFD.xml"].replace(
        b"</ofd:DocBody>", f"<ofd:Signatures>{LISTING}</ofd:Signatures></ofd:DocBody>".encode()
    )
    references = "".join(
        f'<ofd:Reference FileRef="/{name}"><ofd:CheckValue>'
        f"{base64.b64encode(digest(content)).decode()}</ofd:CheckValue></ofd:Reference>"
        for name, content in parts.items()
        if name not in leave_out
    )
    stated = f' CheckMethod="{method}"' if method else ""
    parts[SIGNATURE] = (
        f"<ofd:Signature {OFD}><ofd:SignedInfo><ofd:References{stated}>{references}"
        "</ofd:References></ofd:SignedInfo></ofd:Signature>"
    ).encode()
    parts[LISTING] = (
        f'<ofd:Signatures {OFD}><ofd:Signature ID="1" BaseLoc="Sign_0/Signature.xml"/>'
        "</ofd:Signatures>"
    ).encode()
    return parts


def read(parts: dict[str, bytes]) -> OfdReading:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return read_ofd(stream.getvalue(), Limits())


def codes(reading: OfdReading) -> list[tuple[str, Severity]]:
    return [(finding.code, finding.severity) for finding in reading.findings]


def md5(content: bytes) -> bytes:
    return hashlib.md5(content, usedforsecurity=False).digest()


@pytest.mark.parametrize(
    ("method", "digest"),
    [
        (SM3, sm3),
        ("SM3", sm3),
        (SHA256, lambda content: hashlib.sha256(content).digest()),
        ("SHA-1", lambda content: hashlib.sha1(content, usedforsecurity=False).digest()),
        ("MD5", md5),
        (None, md5),
    ],
)
def test_an_untouched_file_is_intact(method: str | None, digest: Callable[[bytes], bytes]) -> None:
    assert codes(read(signed(method, digest))) == [("signed_intact", Severity.INFO)]


@pytest.mark.parametrize("part", [PAGE, TEMPLATE, "OFD.xml", "Doc_0/Document.xml"])
def test_one_changed_byte_names_its_part(part: str) -> None:
    parts = signed()
    parts[part] = parts[part].rstrip() + b"\n\n"
    findings = read(parts).findings
    assert [(f.code, f.severity) for f in findings] == [("altered_after_signing", Severity.BLOCK)]
    assert findings[0].params["parts"] == part


def test_a_removed_part_is_an_alteration() -> None:
    parts = signed()
    del parts["Doc_0/Attachs/original_invoice.xml"]
    assert ("altered_after_signing", Severity.BLOCK) in codes(read(parts))


@pytest.mark.parametrize("gone", [LISTING, SIGNATURE])
def test_a_signature_that_was_taken_out_is_missed(gone: str) -> None:
    parts = signed()
    del parts[gone]
    assert codes(read(parts)) == [("signature_missing", Severity.BLOCK)]


def test_a_page_that_nobody_signed_is_told() -> None:
    findings = read(signed(leave_out=(PAGE,))).findings
    assert [(f.code, f.params["parts"]) for f in findings] == [("signature_incomplete", PAGE)]


def test_an_unsigned_template_matters_when_it_holds_values() -> None:
    parts = signed(leave_out=(TEMPLATE,))
    assert codes(read(parts)) == [("signed_intact", Severity.INFO)]
    forged = b'<ofd:TextObject ID="999" Boundary="9 9 40 5"><ofd:TextCode X="0" Y="4">99999.00'
    forged += b"</ofd:TextCode></ofd:TextObject></ofd:Layer>"
    parts[TEMPLATE] = parts[TEMPLATE].replace(b"</ofd:Layer>", forged, 1)
    assert codes(read(parts)) == [("signature_incomplete", Severity.WARN)]


def test_an_unknown_digest_is_not_called_intact() -> None:
    assert codes(read(signed("1.2.3.4"))) == [("signature_unchecked", Severity.WARN)]


def test_a_file_without_signatures_says_nothing_of_them() -> None:
    assert read(unsigned()).findings == ()


def test_a_broken_part_is_told_and_the_others_are_read() -> None:
    parts = dict(unsigned())
    parts["Doc_0/Attachs/original_invoice.xml"] = b"<eInvoice><broken"
    reading = read(parts)
    assert [(f.code, f.params["parts"]) for f in reading.findings] == [
        ("part_unreadable", "Doc_0/Attachs/original_invoice.xml")
    ]
    sources = {source for each in reading.readings for source in each.sources}
    assert Source.OFD_CUSTOM_DATA in sources
    assert Source.OFD_ATTACHMENT not in sources


def test_a_form_without_values_withholds_what_its_data_say() -> None:
    parts = dict(unsigned())
    parts[PAGE] = (
        f'<ofd:Page {OFD}><ofd:Template TemplateID="11"/><ofd:Content/></ofd:Page>'.encode()
    )
    reading = read(parts)
    assert codes(reading) == [("template_without_values", Severity.BLOCK)]
    assert reading.readings == ()
    assert reading.qr_texts == ()
    assert any(page.words for page in reading.pages)


SPECIMENS = os.environ.get("YANPIAO_SPECIMENS")


@pytest.mark.skipif(SPECIMENS is None, reason="YANPIAO_SPECIMENS names no folder")
@pytest.mark.parametrize(
    ("name", "code", "named"),
    [
        ("ofd-altered-after-signing.ofd", "altered_after_signing", "Doc_0/Document.xml"),
        ("ofd-signed-v4.ofd", "signed_intact", ""),
        ("ofd-old-style.ofd", "signed_intact", ""),
        ("ofd-ukey.ofd", "signed_intact", ""),
        # Its face shows every value: it is the page of ofd-old-style.ofd, taken out of a file
        # that was signed, without list pages, attachments and signature.
        ("ofd-template-no-values.ofd", "signature_missing", "/Doc_0/Signs/Signatures.xml"),
    ],
)
def test_real_files_are_found_as_they_are(name: str, code: str, named: str) -> None:
    findings = read_ofd((Path(str(SPECIMENS)) / name).read_bytes(), Limits()).findings
    assert [finding.code for finding in findings] == [code]
    assert findings[0].params.get("parts", "") == named

"""What the signatures of original files prove: real seals, and files signed and harmed here."""

from __future__ import annotations

import datetime as dt
import io
import os
from functools import cache
from pathlib import Path

import pytest
from asn1crypto import pem, x509
from hypothesis import given, settings
from hypothesis import strategies as st
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from extractors.messages import LANGUAGES, codes
from extractors.model import Finding, Kind, Severity
from extractors.sniff import MediaType
from fixtures import signing
from fixtures.maker import Form, make, make_truth
from fixtures.signing import SIGNATURE, VALUE, Sm2Signer
from verifiers.signatures import check_signatures
from verifiers.signatures.outcome import Outcome, Reason
from verifiers.signatures.roots import BadRoots, load_roots

TODAY = dt.date(2026, 11, 22)


@cache
def maker() -> Sm2Signer:
    return signing.sm2_signer("制章系统")


@cache
def root() -> Sm2Signer:
    return signing.sm2_signer("根证书")


@cache
def signer() -> Sm2Signer:
    return signing.sm2_signer("税务局", root())


@cache
def plain(form: Form, kind: Kind = Kind.VAT_ELECTRONIC_NORMAL) -> bytes:
    return make(make_truth(kind, 7001, today=TODAY), form, 7001).content


def sealed() -> dict[str, bytes]:
    return dict(_sealed())


def of_ofd(parts: dict[str, bytes], *roots: bytes) -> tuple[Finding, ...]:
    return check_signatures(signing.packed(parts), MediaType.OFD, roots)


def of_pdf(content: bytes, *roots: bytes) -> tuple[Finding, ...]:
    return check_signatures(content, MediaType.PDF, roots)


def told(findings: tuple[Finding, ...]) -> list[tuple[str, Severity]]:
    return [(finding.code, finding.severity) for finding in findings]


class TestOfd:
    """Seals by SM2."""

    def test_a_right_value_says_who_when_and_how(self) -> None:
        valid, unchecked = of_ofd(sealed())
        assert (valid.code, valid.severity) == ("signature_valid", Severity.INFO)
        assert valid.params == {
            "signer": "税务局", "issuer": "根证书", "at": "2026-11-02 03:04 UTC",
            "method": "SM2/SM3", "seal": "样章", "indication": "passed", "reason": "valid",
        }  # fmt: skip
        assert (unchecked.code, unchecked.severity) == ("signer_unchecked", Severity.INFO)

    def test_an_unsigned_file_says_nothing(self) -> None:
        assert check_signatures(plain(Form.OFD), MediaType.OFD) == ()

    def test_a_list_that_was_replaced_blocks(self) -> None:
        parts = sealed()
        parts[SIGNATURE] = parts[SIGNATURE].replace(b"CheckValue>", b"CheckValue >", 1)
        assert told(of_ofd(parts))[0] == ("altered_after_signing", Severity.BLOCK)

    def test_a_value_by_another_key_blocks(self) -> None:
        parts = sealed()
        forger = signing.in_the_name_of(signer())
        parts[VALUE] = signing.seal_value(parts[SIGNATURE], forger, maker())
        assert told(of_ofd(parts))[0] == ("signature_wrong", Severity.BLOCK)

    def test_a_seal_that_its_maker_did_not_make_blocks(self) -> None:
        parts = sealed()
        false = signing.in_the_name_of(maker())
        parts[VALUE] = signing.seal_value(parts[SIGNATURE], signer(), false)
        assert told(of_ofd(parts))[0] == ("seal_wrong", Severity.BLOCK)

    def test_a_seal_that_was_made_for_somebody_else_blocks(self) -> None:
        parts = sealed()
        thief = signing.sm2_signer("他人")
        parts[VALUE] = signing.seal_value(parts[SIGNATURE], thief, maker(), made_for=signer())
        assert told(of_ofd(parts))[0] == ("seal_wrong", Severity.BLOCK)

    def test_a_root_makes_the_signer_trusted_and_another_does_not(self) -> None:
        assert told(of_ofd(sealed(), root().certificate))[1][0] == "signer_trusted"
        stranger = signing.sm2_signer("根证书").certificate  # of the same name
        assert told(of_ofd(sealed(), stranger))[1] == ("signer_untrusted", Severity.WARN)

    def test_parts_that_nobody_signed_are_named(self) -> None:
        parts = sealed() | {"Doc_0/Res/late.png": b"-"}
        found = {finding.code: finding for finding in of_ofd(parts)}
        assert found["signature_leaves_out"].params["parts"] == "Doc_0/Res/late.png"

    @pytest.mark.parametrize(
        ("value", "code"),
        [
            (b"", "signature_unreadable"),
            (b"\x30\x84\xff\xff\xff\xff", "signature_unreadable"),
            (b"\x30\x80" * 5000, "signature_unreadable"),
            # CMS by Chinese algorithms (GM/T 0010), which is no seal.
            (bytes.fromhex("300c060a2a811ccf550601040202"), "signature_unverified"),
        ],
    )
    def test_a_value_in_another_form_is_told(self, value: bytes, code: str) -> None:
        assert (code, Severity.WARN) in told(of_ofd(sealed() | {VALUE: value}))

    def test_a_value_that_is_not_there_is_told(self) -> None:
        parts = sealed()
        del parts[VALUE]
        assert told(of_ofd(parts))[0] == ("signature_unverified", Severity.WARN)

    @pytest.mark.parametrize("part", range(20))
    def test_no_changed_byte_of_the_value_is_called_right(self, part: int) -> None:
        parts = sealed()
        content = bytearray(parts[VALUE])
        content[part * len(content) // 20] ^= 1 + part
        found = of_ofd(parts | {VALUE: bytes(content)})
        assert found
        assert "signature_valid" not in {finding.code for finding in found}


@cache
def _sealed() -> dict[str, bytes]:
    return signing.sealed_parts(plain(Form.OFD), signer(), maker())


class TestPdf:
    """Signatures by RSA, and seals by SM2 that are recognised."""

    def test_unsigned_is_normal(self) -> None:
        assert of_pdf(plain(Form.PDF, Kind.DIGITAL_NORMAL)) == ()

    def test_an_intact_one_says_who_and_how(self) -> None:
        valid, unchecked = of_pdf(_signed_pdf()[0])
        assert (valid.code, valid.severity) == ("signature_valid", Severity.INFO)
        assert valid.params["signer"] == "开票平台"
        assert "SHA256" in valid.params["method"]
        assert unchecked.code == "signer_unchecked"

    def test_logs_name_no_signer(self, caplog: pytest.LogCaptureFixture) -> None:
        of_pdf(_signed_pdf()[0], signing.rsa_signer("他人")[1])
        assert not caplog.records

    def test_a_root_makes_the_signer_trusted_and_another_does_not(self) -> None:
        content, certificate = _signed_pdf()
        assert told(of_pdf(content, certificate))[1] == ("signer_trusted", Severity.INFO)
        other = signing.rsa_signer("他人")[1]
        assert told(of_pdf(content, other))[1] == ("signer_untrusted", Severity.WARN)

    def test_sha1_is_told_and_does_not_block(self) -> None:
        by, _ = signing.rsa_signer("开票平台")
        found = told(of_pdf(signing.signed_pdf(plain(Form.PDF), by, "sha1")))
        assert ("signature_weak", Severity.INFO) in found
        assert found[0] == ("signature_valid", Severity.INFO)

    def test_a_changed_byte_blocks(self) -> None:
        content = _signed_pdf()[0]
        place = content.index(b"endstream") - 3
        harmed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        assert told(of_pdf(harmed))[0] == ("altered_after_signing", Severity.BLOCK)

    def test_a_page_that_was_drawn_anew_behind_the_signature_blocks(self) -> None:
        writer = IncrementalPdfFileWriter(io.BytesIO(_signed_pdf()[0]))
        page = writer.root["/Pages"]["/Kids"][0]
        page["/Contents"] = writer.add_object(generic.StreamObject(stream_data=b"0 0 9 9 re f"))
        writer.mark_update(page.container_ref)
        stream = io.BytesIO()
        writer.write(stream)  # type: ignore[no-untyped-call]  # untyped in the library
        assert told(of_pdf(stream.getvalue()))[0] == ("altered_after_signing", Severity.BLOCK)

    def test_a_second_signature_is_no_alteration(self) -> None:
        by, _ = signing.rsa_signer("受票方")
        twice = signing.signed_pdf(_signed_pdf()[0], by, name="Signature2")
        found = [code for code, _ in told(of_pdf(twice))]
        assert found == [
            "signature_extended", "signer_unchecked", "signature_valid", "signer_unchecked",
        ]  # fmt: skip

    def test_an_sm2_seal_is_recognised_and_said(self) -> None:
        content = _signed_pdf()[0].replace(b"/Adobe.PPKLite", b"/GM.sm2seal   ")
        assert content != _signed_pdf()[0]
        assert told(of_pdf(content)) == [("seal_sm2_unverified", Severity.INFO)]

    @pytest.mark.parametrize("cut", [100, 3000, -2000, -400])
    def test_a_torn_file_never_raises(self, cut: int) -> None:
        content = _signed_pdf()[0]
        found = of_pdf(content[:cut] + b"/ByteRange [0 1 2 3]")
        assert "signature_valid" not in {finding.code for finding in found}


@cache
def _signed_pdf() -> tuple[bytes, bytes]:
    by, certificate = signing.rsa_signer("开票平台")
    return signing.signed_pdf(plain(Form.PDF), by), certificate


class TestXml:
    """The tax bureau's signature: there, or not."""

    def test_a_file_with_it_says_that_it_was_not_checked(self) -> None:
        content = plain(Form.XML, Kind.DIGITAL_NORMAL)
        assert told(check_signatures(content, MediaType.XML)) == [
            ("tax_signature_unverified", Severity.INFO)
        ]

    def test_a_file_that_claims_to_be_the_platforms_without_it_warns(self) -> None:
        content = plain(Form.XML, Kind.DIGITAL_NORMAL)
        start, end = content.index(b"<TaxBureauSignature"), content.rindex(b"</EInvoice>")
        assert told(check_signatures(content[:start] + content[end:], MediaType.XML)) == [
            ("tax_signature_absent", Severity.WARN)
        ]

    def test_other_xml_says_nothing(self) -> None:
        assert check_signatures(b"<a/>", MediaType.XML) == ()


def test_pictures_bear_no_signatures() -> None:
    assert check_signatures(b"\xff\xd8\xff", MediaType.JPEG) == ()


@pytest.mark.parametrize("form", [MediaType.PDF, MediaType.OFD, MediaType.XML])
@settings(max_examples=50, deadline=None)
@given(content=st.binary(max_size=300))
def test_random_bytes_never_raise(form: MediaType, content: bytes) -> None:
    for finding in check_signatures(b"%PDF-1.7\n/ByteRange" + content, form):
        assert finding.severity is not Severity.INFO


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_outcome_has_a_sentence(language: str) -> None:
    named = {Outcome(reason).finding().code for reason in Reason}
    assert named <= codes(language)


def test_roots_come_from_pem_files(tmp_path: Path) -> None:
    assert load_roots(None) == ()
    (tmp_path / "root.pem").write_bytes(pem.armor("CERTIFICATE", root().certificate))
    (tmp_path / "README").write_text("not a certificate")
    assert load_roots(tmp_path) == (root().certificate,)
    assert x509.Certificate.load(load_roots(tmp_path)[0]).subject.native["common_name"] == "根证书"
    (tmp_path / "other.pem").write_text("not a certificate")
    with pytest.raises(BadRoots, match=r"other\.pem"):
        load_roots(tmp_path)
    with pytest.raises(BadRoots):
        load_roots(tmp_path / "nowhere")


SPECIMENS = os.environ.get("YANPIAO_SPECIMENS")


@pytest.mark.skipif(SPECIMENS is None, reason="YANPIAO_SPECIMENS names no folder")
@pytest.mark.parametrize("name", ["ofd-signed-v4.ofd", "ofd-old-style.ofd", "ofd-ukey.ofd"])
def test_real_seals_are_right_and_one_changed_bit_is_not(name: str) -> None:
    content = (Path(str(SPECIMENS)) / name).read_bytes()
    found = check_signatures(content, MediaType.OFD)
    assert told(found)[0] == ("signature_valid", Severity.INFO)
    assert found[0].params["signer"].startswith("全国统一发票监制章")
    parts = signing.parts_of(content)
    parts[VALUE] = parts[VALUE][:-1] + bytes([parts[VALUE][-1] ^ 1])
    assert told(of_ofd(parts))[0] == ("signature_wrong", Severity.BLOCK)

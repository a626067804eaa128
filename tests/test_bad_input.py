"""Hostile, broken and mistaken files: a typed error or an honest invoice, nothing else."""

from __future__ import annotations

import datetime as dt
import io
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from benchmarks.fuzzing.pdf import PDF as HOSTILE_PDF
from extractors.errors import (
    ArchiveBomb,
    DamagedFile,
    DocumentError,
    EmptyFile,
    EncryptedFile,
    EngineMissing,
    FileTooLarge,
    NoInvoiceFound,
    TooManyPages,
    TooManyPixels,
    TooMuchContent,
    UnsafeXml,
    UnsupportedFile,
    YanpiaoError,
)
from extractors.limits import Limits
from extractors.model import Invoice, Kind, Severity
from extractors.ofd.package import Package
from extractors.reader import Reader
from fixtures.maker import Form, make, make_truth
from tests import hostile

TRUTH = make_truth(Kind.DIGITAL_NORMAL, 5, today=dt.date(2026, 11, 22))
WHOLE = {form: make(TRUTH, form, 5).content for form in (Form.XML, Form.OFD, Form.PDF, Form.PNG)}


def pdf(pages: int = 1, encrypt: StandardEncryption | None = None) -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, encrypt=encrypt)
    for number in range(pages):
        canvas.drawString(72, 700, f"A page about nothing in particular, number {number}")
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def packed(entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as package:
        for name, content in entries.items():
            package.writestr(name, content)
    return buffer.getvalue()


def test_an_empty_file() -> None:
    with pytest.raises(EmptyFile):
        Reader().read_bytes(b"")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DocumentError):
        Reader().read(tmp_path / "gone.pdf")


def test_a_file_over_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.pdf"
    path.write_bytes(WHOLE[Form.PDF])
    with pytest.raises(FileTooLarge):
        Reader(Limits(max_bytes=1000)).read(path)


def test_a_wrong_suffix_is_no_matter(tmp_path: Path) -> None:
    path = tmp_path / "scan.jpg"
    path.write_bytes(WHOLE[Form.XML])
    number = Reader().read(path)[0].invoice_number
    assert number is not None
    assert number.value == TRUTH.invoice_number


@pytest.mark.parametrize("form", [Form.XML, Form.OFD, Form.PDF, Form.PNG])
def test_a_file_cut_in_half_says_so(form: Form) -> None:
    content = WHOLE[form]
    try:
        invoice = Reader().read_bytes(content[: len(content) // 2])
    except (DamagedFile, NoInvoiceFound, EngineMissing):
        return
    assert invoice.findings != (), "half a file must not look whole"


def test_a_pdf_with_a_password_is_encrypted() -> None:
    locked = pdf(encrypt=StandardEncryption("secret", ownerPassword="owner", strength=128))
    with pytest.raises(EncryptedFile):
        Reader().read_bytes(locked)


def test_a_pdf_that_only_forbids_printing_is_read() -> None:
    # Signed e-invoices often carry an owner password and an empty user password.
    open_to_read = pdf(encrypt=StandardEncryption("", ownerPassword="owner", strength=128))
    with pytest.raises((NoInvoiceFound, EngineMissing)):
        Reader().read_bytes(open_to_read)


def test_a_pdf_of_something_else_holds_no_invoice() -> None:
    with pytest.raises((NoInvoiceFound, EngineMissing)):
        Reader().read_bytes(pdf())


def test_a_pdf_with_too_many_pages() -> None:
    with pytest.raises(TooManyPages) as caught:
        Reader(Limits(max_pages=3)).read_bytes(pdf(pages=4))
    assert caught.value.params == {"pages": "4", "limit": "3"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["form loop", "form tree 9", "text bomb", "bomb twice", "attachment bomb"]
)
def test_a_pdf_that_draws_beyond_reason_is_refused_before_it_is_drawn(name: str) -> None:
    """PDFium itself takes the process with it on most of these."""
    with pytest.raises(TooMuchContent) as caught:
        Reader().read_bytes(HOSTILE_PDF[name]())
    assert "{" not in caught.value.message("zh") + caught.value.hint("en")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["form tree 5", "states", "letters"])
def test_a_pdf_that_draws_much_is_not_refused_for_it(name: str) -> None:
    with pytest.raises((NoInvoiceFound, EngineMissing)):
        Reader().read_bytes(HOSTILE_PDF[name]())


def test_the_forms_of_an_honest_pdf_are_counted_once_each() -> None:
    """The limit holds for what is drawn, so one form less than it passes."""
    nested = HOSTILE_PDF["form tree 5"]()  # draws 11,111 forms
    with pytest.raises((NoInvoiceFound, EngineMissing)):
        Reader(Limits(max_pdf_draws=11_111)).read_bytes(nested)
    with pytest.raises(TooMuchContent):
        Reader(Limits(max_pdf_draws=11_110)).read_bytes(nested)


def blocked(content: bytes, limits: Limits | None = None) -> dict[str, dict[str, str]]:
    """The findings that keep an invoice back, by code."""
    findings = Reader(limits).read_bytes(content).findings
    return {each.code: each.params for each in findings if each.severity is Severity.BLOCK}


def test_a_total_that_nobody_sees_keeps_a_pdf_back() -> None:
    assert blocked(WHOLE[Form.PDF]) == {}
    found = blocked(hostile.with_hidden_text(WHOLE[Form.PDF], "98765.43"))
    assert found == {"hidden_text": {"texts": "98765.43"}}


def test_an_ofd_altered_after_signing_is_kept_back() -> None:
    total = str(TRUTH.total_with_tax)
    assert blocked(hostile.altered_after_signing(WHOLE[Form.OFD], "no such text", "")) == {}
    found = blocked(hostile.altered_after_signing(WHOLE[Form.OFD], total, "9" + total))
    assert "altered_after_signing" in found


@pytest.mark.parametrize("form", [Form.OFD, Form.PDF])
def test_words_beyond_the_limit_are_said_to_be_unread(form: Form) -> None:
    assert "words_unread" in blocked(WHOLE[form], Limits(max_words=60))
    assert "words_unread" not in blocked(WHOLE[form])


def test_xml_of_something_else_holds_no_invoice() -> None:
    with pytest.raises(NoInvoiceFound):
        Reader().read_bytes(b"<?xml version='1.0'?><recipe><flour>500</flour></recipe>")


BILLION_LAUGHS = b"""<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>
<EInvoice><InvoiceNumber>&c;</InvoiceNumber></EInvoice>"""
EXTERNAL = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]>
<EInvoice><InvoiceNumber>&f;</InvoiceNumber></EInvoice>"""


@pytest.mark.parametrize(
    "data",
    [
        BILLION_LAUGHS,
        EXTERNAL,
        BILLION_LAUGHS.decode().replace("?>", " encoding='UTF-16'?>", 1).encode("utf-16"),
        b"<?xml version='1.0' encoding='UTF-7'?><EInvoice/>",
        b"<?xml version='1.0'?>" + b"<a>" * 150 + b"</a>" * 150,
        b"<?xml version='1.0'?><a>" + b"<b/>" * 500_000 + b"</a>",
    ],
    ids=["laughs", "external", "utf16", "utf7", "deep", "many"],
)
def test_unsafe_xml_is_refused(data: bytes) -> None:
    with pytest.raises((UnsafeXml, DamagedFile)):
        Reader().read_bytes(data)


def test_unsafe_xml_is_named_unsafe() -> None:
    with pytest.raises(UnsafeXml):
        Reader().read_bytes(BILLION_LAUGHS)
    with pytest.raises(UnsafeXml):
        Reader().read_bytes(EXTERNAL)


def test_an_entity_inside_an_ofd_is_refused() -> None:
    with pytest.raises(UnsafeXml):
        Reader().read_bytes(packed({"OFD.xml": BILLION_LAUGHS}))


def test_an_ofd_that_unpacks_beyond_reason_is_a_bomb() -> None:
    bomb = packed({"OFD.xml": b"<OFD/>", "Doc_0/Document.xml": bytes(250 * 1024 * 1024)})
    assert len(bomb) < 1024 * 1024
    with pytest.raises(ArchiveBomb):
        Reader().read_bytes(bomb)


def test_an_ofd_with_a_ratio_beyond_reason_is_a_bomb() -> None:
    with pytest.raises(ArchiveBomb):
        Reader().read_bytes(packed({"OFD.xml": b"<OFD>" + b" " * (8 << 20) + b"</OFD>"}))


def test_an_ofd_with_too_many_entries_is_a_bomb() -> None:
    entries = {"OFD.xml": b"<OFD/>"} | {f"Doc_0/{number}": b"" for number in range(2001)}
    with pytest.raises(ArchiveBomb):
        Reader().read_bytes(packed(entries))


def test_an_ofd_that_lies_about_its_sizes_is_stopped() -> None:
    content = b"<OFD>" + b"a" * (3 << 20) + b"</OFD>"
    data = bytearray(packed({"OFD.xml": content}))
    entry = data.rindex(b"PK\x01\x02")
    struct.pack_into("<I", data, entry + 24, 100)  # the directory's unpacked size
    with pytest.raises((ArchiveBomb, DamagedFile)):
        Reader().read_bytes(bytes(data))


@pytest.mark.parametrize(
    ("where", "what"),
    [(6, b"\x08"), (14, b"\0\0\0\0"), (30, b"X")],
    ids=["its own flags", "its own checksum", "its own name"],
)
def test_an_ofd_entry_is_believed_by_its_directory_and_must_fit_it(where: int, what: bytes) -> None:
    data = bytearray(packed({"OFD.xml": b"<OFD/>"}))
    whole = Package(bytes(data), Limits()).read("OFD.xml")
    data[where : where + len(what)] = what
    package = Package(bytes(data), Limits())
    if where == 30:
        with pytest.raises(DamagedFile):
            package.read("OFD.xml")
    else:  # the directory has both, and it is what counts
        assert package.read("OFD.xml") == whole


def test_an_ofd_entry_whose_content_was_changed_is_damaged() -> None:
    data = bytearray(packed({"OFD.xml": b"<OFD/>"}, zipfile.ZIP_STORED))
    data[data.index(b"<OFD/>") + 1] = ord("o")
    with pytest.raises(DamagedFile):
        Package(bytes(data), Limits()).read("OFD.xml")


def test_an_ofd_with_two_entries_of_one_name_is_damaged() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        package.writestr("OFD.xml", b"<OFD/>")
        with pytest.warns(UserWarning, match="Duplicate name"):
            package.writestr("OFD.xml", b"<OFD>2</OFD>")
    with pytest.raises(DamagedFile):
        Reader().read_bytes(buffer.getvalue())


def test_an_ofd_with_a_password_is_encrypted() -> None:
    data = bytearray(packed({"OFD.xml": b"<OFD/>"}))
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(EncryptedFile):
        Reader().read_bytes(bytes(data))


def test_paths_that_climb_out_name_nothing_outside() -> None:
    ofd = packed(
        {
            "OFD.xml": b"<OFD><DocBody><DocRoot>../../../etc/passwd</DocRoot></DocBody></OFD>",
            "../../evil.xml": b"<x/>",
        }
    )
    with pytest.raises(NoInvoiceFound):
        Reader().read_bytes(ofd)


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises more pixels than it holds: a decoder that believes it dies."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


def test_a_picture_of_a_hundred_million_pixels_is_refused() -> None:
    with pytest.raises(TooManyPixels):
        Reader().read_bytes(png_header(10_000, 10_000))


@pytest.mark.parametrize("data", [b"hello", b"PK\x03\x04", b"%PDF-1.7", b"BM", bytes(64), b"<"])
def test_scraps_of_formats(data: bytes) -> None:
    with pytest.raises((UnsupportedFile, DamagedFile)):
        Reader().read_bytes(data)


def read_or_refuse(data: bytes) -> None:
    """The contract: an invoice or an error of our own. Anything else fails the test."""
    try:
        invoice = Reader().read_bytes(data)
    except YanpiaoError:
        return
    assert isinstance(invoice, Invoice)


#: Whole documents are read, so few examples a run and no shrinking (minutes when one fails).
MUTATIONS = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
STARTS = [b"", b"PK\x03\x04", b"%PDF-1.7\n", b"\xff\xd8\xff", b"<?xml", b"II*\x00"]
flips = st.lists(st.tuples(st.integers(0, 1 << 30), st.integers(0, 255)), min_size=1, max_size=30)
cuts = st.tuples(st.integers(0, 1 << 30), st.integers(0, 400))


@pytest.mark.parametrize("form", [Form.XML, Form.OFD, Form.PDF, Form.PNG])
@MUTATIONS
@given(flipped=flips, cut=cuts)
def test_mutations_never_escape_the_contract(
    form: Form, flipped: list[tuple[int, int]], cut: tuple[int, int]
) -> None:
    data = bytearray(WHOLE[form])
    for place, byte in flipped:
        data[place % len(data)] = byte
    start = cut[0] % len(data)
    del data[start : start + cut[1]]
    read_or_refuse(bytes(data))


@MUTATIONS
@given(
    entry=st.sampled_from(sorted(zipfile.ZipFile(io.BytesIO(WHOLE[Form.OFD])).namelist())),
    flipped=flips,
)
def test_a_mutated_part_inside_a_sound_ofd(entry: str, flipped: list[tuple[int, int]]) -> None:
    with zipfile.ZipFile(io.BytesIO(WHOLE[Form.OFD])) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    changed = bytearray(parts[entry])
    for place, byte in flipped:
        changed[place % len(changed)] = byte
    read_or_refuse(packed(parts | {entry: bytes(changed)}))


@MUTATIONS
@given(start=st.sampled_from(STARTS), rest=st.binary(max_size=300))
def test_noise_behind_a_familiar_start(start: bytes, rest: bytes) -> None:
    read_or_refuse(start + rest)

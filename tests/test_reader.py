"""The order of sources: cheap before dear, one invoice a file, and every file accounted for."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Iterable, Sequence

import numpy as np
import pypdfium2 as pdfium
import pytest
from PIL import Image as Pillow
from reportlab.pdfgen.canvas import Canvas

from extractors.checks import CONFIDENT
from extractors.errors import DamagedFile, EngineMissing, FileTooLarge, NoInvoiceFound
from extractors.limits import Limits
from extractors.model import Box, Invoice, Kind, Severity, Source
from extractors.pdf import PdfFile
from extractors.qr import read_codes
from extractors.reader import Reader
from extractors.recogniser import Image, RecognisedPage
from extractors.report import error_json, to_json
from extractors.words import PageWords, Word
from fixtures.maker import Form, Truth, make, make_truth

TODAY = dt.date(2026, 11, 22)


def truth(seed: int, kind: Kind = Kind.DIGITAL_NORMAL) -> Truth:
    return make_truth(kind, seed, today=TODAY)


class Replay:
    """A recogniser that replays the words of a text layer, and counts how often it is asked."""

    def __init__(self, pages: Sequence[PageWords] = (), closer: Sequence[PageWords] = ()) -> None:
        self._pages = pages
        self._closer = closer
        self.asked: list[int] = []
        self.looked: list[Box] = []

    def recognise(self, image: Image, page: int) -> RecognisedPage:
        self.asked.append(page)
        empty = PageWords(page=page, width=image.shape[1], height=image.shape[0], words=())
        words = next((found for found in self._pages if found.page == page), empty)
        return RecognisedPage(words=words, rotation=90, image=image)

    def recognise_region(self, image: Image, boxes: Iterable[Box]) -> tuple[Word, ...]:
        assert image.size
        self.looked = list(boxes)
        return tuple(
            word
            for page in self._closer
            for word in page.words
            if any(
                box.x0 - 0.01 <= word.box.x0 <= box.x1
                and box.y0 <= (word.box.y0 + word.box.y1) / 2 <= box.y1
                for box in self.looked
            )
        )


def number(invoice: Invoice) -> str | None:
    return invoice.invoice_number.value if invoice.invoice_number else None


def joined(*documents: bytes) -> bytes:
    whole = pdfium.PdfDocument.new()
    for document in documents:
        whole.import_pages(pdfium.PdfDocument(document))
    buffer = io.BytesIO()
    whole.save(buffer)
    return buffer.getvalue()


def codes(invoice: Invoice) -> list[str]:
    return [finding.code for finding in invoice.findings]


@pytest.mark.parametrize("form", [Form.XML, Form.OFD, Form.PDF])
def test_recognition_is_not_asked_where_text_is_given(form: Form) -> None:
    recogniser = Replay()
    Reader(recogniser=recogniser).read_bytes(make(truth(1), form, 1).content)
    assert recogniser.asked == []


def test_a_scan_is_recognised_once_and_keeps_its_turn() -> None:
    specimen = make(truth(2), Form.SCANNED_PDF, 2)
    with PdfFile(make(truth(2), Form.PDF, 2).content, Limits()) as original:
        recogniser = Replay(original.words())
    invoice = Reader(recogniser=recogniser).read_bytes(specimen.content)
    assert recogniser.asked == [0]
    assert invoice.sources == (Source.QR, Source.OCR)
    assert invoice.rotation == 90
    assert invoice.seller_name is not None
    assert invoice.seller_name.value == specimen.truth.seller_name
    assert invoice.seller_name.source is Source.OCR
    assert invoice.total_with_tax is not None
    assert invoice.total_with_tax.source is Source.QR


def test_a_scan_without_recognition_gives_its_code_and_says_what_is_missing() -> None:
    specimen = make(truth(2), Form.PNG, 2)
    invoice = Reader().read_bytes(specimen.content)
    assert number(invoice) == specimen.truth.invoice_number
    missing = {finding.field for finding in invoice.findings if finding.code == "field_missing"}
    assert {"buyer_name", "seller_name"} <= missing


def blank_picture() -> bytes:
    buffer = io.BytesIO()
    Pillow.fromarray(np.full((800, 1200, 3), 240, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_scan_that_only_recognition_could_read_asks_for_it() -> None:
    with pytest.raises(EngineMissing):
        Reader().read_bytes(blank_picture())


def test_a_picture_of_nothing_holds_no_invoice() -> None:
    with pytest.raises(NoInvoiceFound):
        Reader(recogniser=Replay()).read_bytes(blank_picture())


def test_a_picture_is_looked_through_for_codes_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []

    def counted(image: Image, page: int) -> tuple[tuple[str, Box], ...]:
        looked.append(page)
        return read_codes(image, page)

    monkeypatch.setattr("extractors.opening.read_codes", counted)
    with pytest.raises(NoInvoiceFound):
        Reader(recogniser=Replay()).read_bytes(blank_picture())
    assert looked == [0]


def scanned(specimen: bytes) -> tuple[bytes, PageWords]:
    """A scan of a page, and the words that its text layer held."""
    with PdfFile(specimen, Limits()) as pdf:
        picture, words = pdf.render(0), pdf.words()[0]
    buffer = io.BytesIO()
    Pillow.fromarray(picture[:, :, ::-1]).save(buffer, "PNG")
    return buffer.getvalue(), words


def misread(page: PageWords, right: str, wrong: str) -> PageWords:
    words = tuple(
        word.model_copy(update={"text": word.text.replace(right, wrong), "confidence": 0.93})
        for word in page.words
    )
    return page.model_copy(update={"words": words})


def test_a_misread_total_is_mended_by_a_closer_look_that_all_sums_agree_with() -> None:
    specimen = make(truth(4, Kind.VAT_ELECTRONIC_NORMAL), Form.PDF, 4)
    picture, words = scanned(specimen.content)
    total = f"{specimen.truth.total_with_tax:.2f}"
    wrong = misread(words, total, "9" + total[1:] if total[0] != "9" else "1" + total[1:])
    engine = Replay([wrong], closer=[words])
    invoice = Reader(recogniser=engine).read_bytes(picture)
    assert invoice.total_with_tax is not None
    assert invoice.total_with_tax.value == specimen.truth.total_with_tax
    assert engine.looked
    assert "total_with_tax" in [one.field for one in invoice.findings if one.code == "mended"]


def test_a_closer_look_that_mends_nothing_changes_nothing() -> None:
    specimen = make(truth(4, Kind.VAT_ELECTRONIC_NORMAL), Form.PDF, 4)
    picture, words = scanned(specimen.content)
    total = f"{specimen.truth.total_with_tax:.2f}"
    wrong = misread(words, total, "9" + total[1:] if total[0] != "9" else "1" + total[1:])
    invoice = Reader(recogniser=Replay([wrong], closer=[wrong])).read_bytes(picture)
    assert invoice.total_with_tax is not None
    assert invoice.total_with_tax.confidence < CONFIDENT
    assert "total_with_tax" in invoice.doubted
    assert "mended" not in codes(invoice)


def test_every_invoice_of_a_pdf_is_read_by_itself() -> None:
    specimens = [make(truth(seed), Form.PDF, seed) for seed in (1, 2, 3)]
    found = Reader().read_all(joined(*(each.content for each in specimens)))
    assert [number(invoice) for invoice in found] == [
        each.truth.invoice_number for each in specimens
    ]
    for part, (invoice, specimen) in enumerate(zip(found, specimens, strict=True), start=1):
        assert (invoice.part, invoice.parts, invoice.pages) == (part, 3, 1)
        assert invoice.first_page == part - 1
        assert invoice.lines == specimen.truth.lines
        assert codes(invoice) == []


def test_one_reading_of_two_invoices_says_that_it_is_not_all() -> None:
    first, second = make(truth(1), Form.PDF, 1), make(truth(2), Form.PDF, 2)
    invoice = Reader().read_bytes(joined(first.content, second.content))
    found = [finding for finding in invoice.findings if finding.code == "several_invoices"]
    assert [(finding.severity, finding.params) for finding in found] == [
        (Severity.BLOCK, {"count": "2"})
    ]
    assert codes(invoice) == ["several_invoices"]
    assert number(invoice) == first.truth.invoice_number
    assert invoice.lines == first.truth.lines
    assert invoice.pages == 1


def test_a_cover_page_before_an_invoice_is_no_second_invoice() -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    canvas.drawString(72, 700, "Dear colleague, attached is the invoice that you asked for.")
    canvas.save()
    specimen = make(truth(3), Form.PDF, 3)
    invoice = Reader().read_bytes(joined(buffer.getvalue(), specimen.content))
    assert number(invoice) == specimen.truth.invoice_number
    assert codes(invoice) == []


def test_each_frame_of_a_tiff_is_a_page() -> None:
    frames = [
        Pillow.open(io.BytesIO(make(truth(seed), Form.PNG, seed).content)).convert("L")
        for seed in (2, 3, 3)
    ]
    buffer = io.BytesIO()
    frames[0].save(buffer, "TIFF", save_all=True, append_images=frames[1:], compression="tiff_lzw")
    first, second = Reader().read_all(buffer.getvalue())
    assert number(first) == truth(2).invoice_number
    assert number(second) == truth(3).invoice_number
    assert (first.pages, second.pages) == (1, 2)


def test_the_info_keys_of_an_original_are_a_source() -> None:
    specimen = make(truth(4), Form.PDF, 4)
    with PdfFile(specimen.content, Limits()) as original:
        info = original.info()
    with PdfFile(joined(specimen.content), Limits()) as copy:
        assert copy.info().sources == ()
    assert info.sources == (Source.PDF_INFO,)
    assert number(info) == specimen.truth.invoice_number
    assert info.total_with_tax is not None
    assert info.total_with_tax.value == specimen.truth.total_with_tax


def with_attachment(document: bytes, name: str, content: bytes) -> bytes:
    opened = pdfium.PdfDocument(document)
    opened.new_attachment(name).set_data(content)
    buffer = io.BytesIO()
    opened.save(buffer)
    return buffer.getvalue()


def test_an_attached_original_outranks_the_page_and_is_compared_with_it() -> None:
    mine, other = truth(5), truth(6)
    page = make(mine, Form.PDF, 5).content
    same = Reader().read_bytes(
        with_attachment(page, "original.xml", make(mine, Form.XML, 5).content)
    )
    assert same.sources[0] is Source.XML
    assert same.findings == ()
    swapped = Reader().read_bytes(
        with_attachment(page, "original.xml", make(other, Form.XML, 6).content)
    )
    assert "invoice_number" in {
        finding.field for finding in swapped.findings if finding.severity is Severity.BLOCK
    }


def test_a_broken_attachment_leaves_the_page_standing() -> None:
    page = make(truth(5), Form.PDF, 5).content
    invoice = Reader().read_bytes(with_attachment(page, "original.xml", b"<EInvoice><broken"))
    assert number(invoice) == truth(5).invoice_number


def test_invisible_text_is_no_text_layer() -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    text = canvas.beginText(72, 700)
    text.setTextRenderMode(3)
    text.textLine("01234567890 what some scanner thought it read 01234567890")
    canvas.drawText(text)
    canvas.save()
    with PdfFile(buffer.getvalue(), Limits()) as pdf:
        assert pdf.words() == ()


def test_a_page_of_any_size_is_drawn_within_the_limit() -> None:
    for size in ((20, 30), (595, 842), (14_000, 14_000)):
        buffer = io.BytesIO()
        canvas = Canvas(buffer, pagesize=size)
        canvas.showPage()
        canvas.save()
        with PdfFile(buffer.getvalue(), Limits(max_pixels=4_000_000)) as pdf:
            height, width, channels = pdf.render(0).shape
            assert channels == 3
            assert max(height, width) >= 1500
            assert height * width <= 4_010_000


def test_an_ofd_whose_page_is_broken_still_gives_its_custom_data() -> None:
    whole = zipfile.ZipFile(io.BytesIO(make(truth(7), Form.OFD, 7).content))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        for name in whole.namelist():
            content = whole.read(name)
            package.writestr(name, content[:40] if "Pages/" in name else content)
    invoice = Reader().read_bytes(buffer.getvalue())
    assert number(invoice) == truth(7).invoice_number


def test_an_ofd_with_two_documents_is_said() -> None:
    whole = zipfile.ZipFile(io.BytesIO(make(truth(7), Form.OFD, 7).content))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        for name in whole.namelist():
            content = whole.read(name)
            if name == "OFD.xml":
                end = content.rindex(b"</")
                content = content[:end] + b"<DocBody/>" + content[end:]
            package.writestr(name, content)
    assert "several_invoices" in codes(Reader().read_bytes(buffer.getvalue()))


def test_the_report_has_exactly_the_promised_names() -> None:
    specimen = make(truth(8), Form.PDF, 8)
    report = to_json(Reader().read_bytes(specimen.content), "a.pdf", 0.12345)
    assert list(report) == [
        "file",
        "kind",
        "invoice_code",
        "invoice_number",
        "issue_date",
        "check_code",
        "buyer_name",
        "buyer_tax_id",
        "seller_name",
        "seller_tax_id",
        "total_without_tax",
        "total_tax",
        "total_with_tax",
        "machine_number",
        "amount_in_words",
        "remarks",
        "issuer",
        "region",
        "extra",
        "lines",
        "sources",
        "confidence",
        "findings",
        "part",
        "parts",
        "pages",
        "seconds",
    ]
    assert report["total_with_tax"] == f"{specimen.truth.total_with_tax:.2f}"
    assert report["issue_date"] == specimen.truth.issue_date.isoformat()
    assert report["invoice_code"] is None
    assert "invoice_code" not in report["confidence"]
    assert report["seconds"] == 0.123


def test_findings_are_told_in_the_language_that_is_asked_for() -> None:
    invoice = Reader().read_bytes(make(truth(2), Form.PNG, 2).content)
    english = to_json(invoice, "a", 0.0)["findings"]
    chinese = to_json(invoice, "a", 0.0, language="zh")["findings"]
    assert [one["code"] for one in english] == [one["code"] for one in chinese]
    assert english[0]["message"] != chinese[0]["message"]
    assert "{" not in english[0]["message"] + chinese[0]["message"]


def test_errors_are_reported_with_a_hint() -> None:
    report = error_json("a.pdf", FileTooLarge(size=2, limit=1))
    assert report["file"] == "a.pdf"
    assert report["error"]["code"] == "file_too_large"
    assert "2" in report["error"]["message"]
    assert report["error"]["hint"]
    assert error_json("a", DamagedFile(detail="x"), language="zh")["error"]["hint"]

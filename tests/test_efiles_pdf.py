"""PDF text: both roads agree, odd pages are read, and what nobody sees is not believed."""

from __future__ import annotations

import datetime as dt
import io
from collections import Counter
from collections.abc import Callable

import numpy as np
import pypdfium2
import pytest
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from extractors.faces import invoice_from_words
from extractors.limits import Limits
from extractors.model import FIELD_NAMES, Kind, Severity, Source
from extractors.pdf import PdfFile
from extractors.pdf_plumber import plumbed_words
from extractors.qr import read_codes
from extractors.reader import Reader
from extractors.words import PageWords
from fixtures.maker import Form, make, make_truth

TODAY = dt.date(2026, 11, 22)
SIZE = (600.0, 400.0)
BODY = "Invoice of a shop that sells pencils, paper and much else"
SECRET = "98765.43"
Draw = Callable[[Canvas], None]


def pdf(draw: Draw, size: tuple[float, float] = SIZE) -> bytes:
    """A page with enough ordinary text to count, and whatever `draw` adds."""
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=size, invariant=1)
    canvas.setFont("Helvetica", 12)
    canvas.drawString(60, 350, BODY)
    draw(canvas)
    canvas.showPage()
    canvas.save()
    return stream.getvalue()


def nothing(_: Canvas) -> None:
    pass


def changed(content: bytes, change: Callable[[pypdfium2.PdfPage], None]) -> bytes:
    document = pypdfium2.PdfDocument(content)
    try:
        page = document[0]
        change(page)
        stream = io.BytesIO()
        document.save(stream)
        return stream.getvalue()
    finally:
        document.close()


def words(content: bytes) -> PageWords:
    with PdfFile(content, Limits()) as file:
        (page,) = file.words()
    return page


def text(content: bytes) -> str:
    return " ".join(word.text for word in words(content).words)


def findings(content: bytes) -> list[tuple[str, Severity]]:
    with PdfFile(content, Limits()) as file:
        return [(finding.code, finding.severity) for finding in file.findings()]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", [Kind.DIGITAL_NORMAL, Kind.VAT_ELECTRONIC_NORMAL])
def test_both_roads_cut_the_same_words(kind: Kind, seed: int) -> None:
    content = make(make_truth(kind, seed, today=TODAY), Form.PDF, seed).content
    quick, slow = words(content), plumbed_words(content, 0, Limits())
    assert Counter(word.text for word in quick.words) == Counter(word.text for word in slow.words)
    by_text = {word.text: word.box for word in slow.words}
    for word in quick.words:
        if sum(other.text == word.text for other in slow.words) == 1:
            box = by_text[word.text]
            assert abs(box.x0 - word.box.x0) < 0.005
            assert abs((box.y0 + box.y1) - (word.box.y0 + word.box.y1)) < 0.02


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_page_turned_by_mistake_is_read_and_drawn_level(turn: int) -> None:
    content = changed(pdf(nothing), lambda page: page.set_rotation(turn))
    assert words(content) == words(pdf(nothing))
    with PdfFile(content, Limits()) as file:
        file.words()
        height, width = file.render(0).shape[:2]
    assert width > height


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("angle", [90, 180, 270])
def test_a_landscape_page_is_read_level_however_it_is_turned(angle: int, turn: int) -> None:
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=(400, 400), invariant=1)
    canvas.translate(200, 200)
    canvas.rotate(angle)
    canvas.drawString(-150, 100, BODY)
    canvas.drawString(-150, 50, "123456789012")
    canvas.save()
    found = words(changed(stream.getvalue(), lambda page: page.set_rotation(turn))).words
    assert " ".join(word.text for word in found) == f"{BODY} 123456789012"
    assert [word.box.y0 < 0.3 for word in found] == [True] * 11 + [False]


def test_text_laid_sideways_on_a_turned_page_is_level() -> None:
    def sideways(canvas: Canvas) -> None:
        canvas.saveState()
        canvas.translate(300, 60)
        canvas.rotate(90)
        canvas.drawString(0, 0, "landscape 123456789012")
        canvas.restoreState()

    content = changed(pdf(sideways), lambda page: page.set_rotation(90))
    word = next(word for word in words(content).words if word.text == "123456789012")
    assert word.box.x1 - word.box.x0 > word.box.y1 - word.box.y0


def test_a_cropped_page_begins_at_its_crop_box() -> None:
    content = changed(pdf(nothing), lambda page: page.set_cropbox(50, 100, 550, 380))
    word = next(word for word in words(content).words if word.text == "Invoice")
    assert word.box.x0 == pytest.approx(10 / 500, abs=0.005)
    assert word.box.y1 == pytest.approx((380 - 347) / 280, abs=0.02)


def test_bold_by_printing_twice_is_read_once() -> None:
    def twice(canvas: Canvas) -> None:
        canvas.drawString(60, 300, "11223344")
        canvas.drawString(60.3, 300, "11223344")

    assert "11223344" in text(pdf(twice)).split()


def test_each_character_by_itself_joins_to_words() -> None:
    def scattered(canvas: Canvas) -> None:
        for index, char in enumerate("26332000000038384003"):
            canvas.drawString(60 + 6.7 * index, 300, char)

    assert "26332000000038384003" in text(pdf(scattered)).split()


def _invisible(canvas: Canvas) -> None:
    line = canvas.beginText(60, 300)
    line.setTextRenderMode(3)
    line.textOut(SECRET)
    canvas.drawText(line)


def _white(canvas: Canvas) -> None:
    canvas.setFillColorRGB(1, 1, 1)
    canvas.drawString(60, 300, SECRET)


def _almost_white(canvas: Canvas) -> None:
    canvas.setFillColorRGB(0.97, 0.97, 0.97)
    canvas.drawString(60, 300, SECRET)


def _white_among_black(canvas: Canvas) -> None:
    canvas.drawString(60, 300, "- - - - - - -")
    _white(canvas)


def _see_through(canvas: Canvas) -> None:
    canvas.setFillAlpha(0)
    canvas.drawString(60, 300, SECRET)


def _under_white(canvas: Canvas) -> None:
    canvas.drawString(60, 300, SECRET)
    canvas.setFillColorRGB(1, 1, 1)
    canvas.rect(50, 290, 200, 30, stroke=0, fill=1)


def _under_new_text(canvas: Canvas) -> None:
    _under_white(canvas)
    canvas.setFillColorRGB(0, 0, 0)
    canvas.drawString(60, 300, "11111.11")


def _under_picture(canvas: Canvas) -> None:
    canvas.drawString(60, 300, SECRET)
    noise = np.random.default_rng(1).integers(0, 255, (30, 60, 3), dtype=np.uint8)
    picture = Image.fromarray(noise)
    canvas.drawImage(ImageReader(picture), 50, 290, 200, 30)


def _clipped(canvas: Canvas) -> None:
    canvas.saveState()
    path = canvas.beginPath()
    path.rect(400, 10, 20, 20)
    canvas.clipPath(path, stroke=0)
    canvas.drawString(60, 300, SECRET)
    canvas.restoreState()


def _tiny(canvas: Canvas) -> None:
    canvas.setFont("Helvetica", 0.5)
    canvas.drawString(60, 300, SECRET)


@pytest.mark.parametrize(
    "draw",
    [
        _invisible,
        _white,
        _almost_white,
        _white_among_black,
        _see_through,
        _under_white,
        _under_new_text,
        _under_picture,
        _clipped,
        _tiny,
    ],
)
def test_a_value_that_nobody_sees_is_left_out_and_told(draw: Draw) -> None:
    content = pdf(draw)
    assert SECRET not in text(content)
    assert findings(content) == [("hidden_text", Severity.BLOCK)]
    if draw is _under_new_text:
        assert "11111.11" in text(content)


def test_text_off_the_page_is_left_out_and_told() -> None:
    content = pdf(lambda canvas: canvas.drawString(60, 450, SECRET))
    assert SECRET not in text(content)
    assert findings(content) == [("hidden_text", Severity.BLOCK)]


def test_hidden_text_that_repeats_the_page_or_is_no_value_is_only_mentioned() -> None:
    def shadow(canvas: Canvas) -> None:
        canvas.drawString(60, 250, SECRET)
        _white(canvas)
        canvas.drawString(60, 200, "watermark")

    content = pdf(shadow)
    assert SECRET in text(content)
    assert "watermark" not in text(content)
    assert findings(content) == [("hidden_text", Severity.INFO)]


def _white_on_dark(canvas: Canvas) -> None:
    canvas.setFillColorRGB(0.1, 0.1, 0.5)
    canvas.rect(50, 290, 200, 30, stroke=0, fill=1)
    _white(canvas)


def _on_a_fill(canvas: Canvas) -> None:
    canvas.setFillColorRGB(1, 1, 0.9)
    canvas.rect(50, 290, 200, 30, stroke=0, fill=1)
    canvas.setFillColorRGB(0, 0, 0)
    canvas.drawString(60, 300, SECRET)


def _under_a_seal(canvas: Canvas) -> None:
    canvas.drawString(60, 300, SECRET)
    seal = np.zeros((40, 80, 4), dtype=np.uint8)
    seal[::8] = (255, 0, 0, 255)
    canvas.drawImage(ImageReader(Image.fromarray(seal)), 50, 290, 200, 30, mask="auto")


def _under_a_thin_veil(canvas: Canvas) -> None:
    canvas.drawString(60, 300, SECRET)
    canvas.setFillColorRGB(1, 0, 0)
    canvas.setFillAlpha(0.3)
    canvas.rect(50, 290, 200, 30, stroke=0, fill=1)


def _grey(canvas: Canvas) -> None:
    canvas.setFillColorRGB(0.6, 0.6, 0.6)
    canvas.drawString(60, 300, SECRET)


@pytest.mark.parametrize(
    "draw", [_white_on_dark, _on_a_fill, _under_a_seal, _under_a_thin_veil, _grey]
)
def test_what_can_be_seen_is_believed(draw: Draw) -> None:
    content = pdf(draw)
    assert SECRET in text(content)
    assert findings(content) == []


def test_the_value_of_a_form_field_is_read() -> None:
    def field(canvas: Canvas) -> None:
        canvas.acroForm.textfield(
            name="total", value="4321.09", x=60, y=280, width=150, height=24, fontSize=12
        )

    content = pdf(field)
    assert "4321.09" in text(content)
    assert findings(content) == []


@pytest.mark.parametrize("kind", [Kind.DIGITAL_NORMAL, Kind.VAT_ELECTRONIC_NORMAL])
def test_a_font_without_characters_yields_no_wrong_value(kind: Kind) -> None:
    """Its Latin part still says what it shows, labels and names come as garbage."""
    truth = make_truth(kind, 7002, today=TODAY)
    content = make(truth, Form.PDF, 7002).content
    blind = content.replace(b"/ToUnicode", b"/ToNowhere")
    assert blind != content
    with PdfFile(blind, Limits()) as file:
        pages = file.words()
    assert truth.invoice_number in "".join(word.text for page in pages for word in page.words)
    invoice = invoice_from_words(pages, Source.PDF_TEXT)
    for name in FIELD_NAMES:
        field = getattr(invoice, name)
        assert field is None or field.value == getattr(truth, name)


@pytest.mark.parametrize("name", ["original.xml", "数电票", "attachment.bin"])
def test_an_attachment_is_xml_by_its_content(name: str) -> None:
    document = pypdfium2.PdfDocument(pdf(nothing))
    document.new_attachment(name).set_data(b"<?xml version='1.0'?><EInvoice/>")
    document.new_attachment("note.txt").set_data(b"just words")
    stream = io.BytesIO()
    document.save(stream)
    document.close()
    with PdfFile(stream.getvalue(), Limits()) as file:
        assert [found for found, _ in file.attached_xml()] == [name]


@pytest.mark.parametrize("kind", [Kind.DIGITAL_NORMAL, Kind.VAT_ELECTRONIC_NORMAL])
def test_the_code_is_found_without_a_full_drawing(kind: Kind) -> None:
    content = make(make_truth(kind, 7003, today=TODAY), Form.PDF, 7003).content
    with PdfFile(content, Limits()) as file:
        quick, thorough = file.codes(0), read_codes(file.render(0), 0)
    assert [text for text, _ in quick] == [text for text, _ in thorough]
    (_, one), (_, two) = quick[0], thorough[0]
    assert abs(one.x0 - two.x0) < 0.03
    assert abs(one.y1 - two.y1) < 0.05


def test_a_code_drawn_by_paths_is_found() -> None:
    import segno

    said = "01,32,,26332000000038384003,100.00,20261122,,AB12"

    def modules(canvas: Canvas) -> None:
        for row, cells in enumerate(segno.make(said, error="m").matrix):
            for column, dark in enumerate(cells):
                if dark:
                    canvas.rect(40 + 1.6 * column, 300 - 1.6 * row, 1.6, 1.6, stroke=0, fill=1)

    with PdfFile(pdf(modules), Limits()) as file:
        assert [found for found, _ in file.codes(0)] == [said]


def test_a_whole_document_is_read_by_the_quick_road() -> None:
    truth = make_truth(Kind.DIGITAL_NORMAL, 7004, today=TODAY)
    invoice = Reader().read_bytes(make(truth, Form.PDF, 7004).content)
    assert invoice.total_with_tax is not None
    assert invoice.total_with_tax.value == truth.total_with_tax

"""Pages drawn anew: as the boxes of what was read have them, and kept beside the original."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from archive import page_pictures
from extractors.errors import DamagedFile
from extractors.images import load_image
from extractors.leaves import Leaf
from extractors.limits import Limits
from extractors.model import Box, Invoice, Kind, Source
from extractors.picturing import PagePicture, drawn
from extractors.prepare import prepared
from extractors.qr import parse_qr, placed_as, read_codes
from extractors.reader import Reader
from extractors.recogniser import Image as Pixels
from extractors.recogniser import RecognisedPage
from extractors.words import PageWords, Word
from fixtures.maker import Form, make, make_truth
from tests.helpers import FixedReader, hand_in, invoice
from tests.reviewing import in_review
from worker import page_pictures as drawing
from worker.pipeline import Pipeline
from worker.services import Services


def _page(width: int = 400, height: int = 200) -> Pixels:
    return np.full((height, width, 3), 255, np.uint8)


class Turner:
    """A recogniser that only turns."""

    def __init__(self) -> None:
        self.turns: list[int] = []

    def upright(self, image: Pixels, rotation: int) -> Pixels:
        self.turns.append(rotation)
        return np.asarray(cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE), np.uint8)


def test_a_recognised_page_is_shown_upright_and_one_with_text_as_it_is() -> None:
    turner = Turner()
    words = PageWords(page=1, width=4, height=2, words=())
    leaves = [Leaf(0, picture=_page), Leaf(1, picture=_page, words=words)]
    read = Invoice(rotation=90, pages=2)
    first, second = drawn(leaves, read, turner)
    assert (first.width, first.height, second.width, second.height) == (200, 400, 400, 200)
    assert turner.turns == [90]
    assert Image.open(io.BytesIO(first.content)).format == "JPEG"


def test_only_the_pages_and_the_region_of_the_invoice_are_shown() -> None:
    leaves = [Leaf(number, picture=_page) for number in range(3)]
    region = Box(page=1, x0=0.5, y0=0.0, x1=1.0, y1=0.5)
    (only,) = drawn(leaves, Invoice(first_page=1, region=region), None)
    assert (only.page, only.width, only.height) == (1, 200, 100)
    assert len(drawn(leaves, None, None)) == 3


def test_a_page_without_a_painter_is_drawn_from_its_words() -> None:
    box = Box(page=0, x0=0.1, y0=0.1, x1=0.5, y1=0.2)
    evil = Word(text="<script>alert(1)</script>\x00&", box=box)
    words = PageWords(page=0, width=210, height=140, words=(evil,))
    (page,) = drawn([Leaf(0, words=words, source=Source.OFD_TEXT)], None, None)
    assert (page.media_type, page.width, page.height) == ("image/svg+xml", 1000, 667)
    assert b"<script" not in page.content
    assert b"&lt;script&gt;" in page.content


def test_a_page_that_cannot_be_drawn_is_left_out() -> None:
    def broken() -> Pixels:
        raise DamagedFile(detail="cut off")

    assert drawn([Leaf(0, picture=broken), Leaf(0)], None, None) == ()


def test_a_page_crosses_the_process_border() -> None:
    page = PagePicture(page=0, media_type="image/jpeg", width=1, height=1, content=b"\xff\xd8\x00")
    assert PagePicture.model_validate(page.model_dump(mode="json")) == page


class Painter:
    """Draws a page of every file; counts."""

    def __init__(self, *pages: PagePicture) -> None:
        self.pages, self.calls = pages, 0

    def pictures(self, path: Path, invoice: Invoice | None) -> tuple[PagePicture, ...]:
        self.calls += 1
        if not self.pages:
            raise DamagedFile(detail="cut off")
        return self.pages


def test_pages_are_drawn_once_and_kept_with_their_digest(services: Services) -> None:
    document_id = in_review(services)
    page = PagePicture(page=0, media_type="image/jpeg", width=9, height=7, content=b"a page")
    painter = Painter(page)
    drawing.draw(services, document_id, painter)
    drawing.draw(services, document_id, painter)
    with services.database.read() as session:
        (row,) = page_pictures.pages_of(session, document_id)
    assert services.store.get(row.sha256) == b"a page"
    assert painter.calls == 1


def test_what_cannot_be_drawn_keeps_nobody_from_deciding(services: Services) -> None:
    document_id = in_review(services)
    drawing.draw(services, document_id, Painter())
    drawing.draw(services, "nobody", Painter())
    receipt = hand_in(services, b"%PDF-1.4 not yet read", "a.pdf")
    painter = Painter()
    drawing.draw(services, receipt.document_id, painter)
    assert painter.calls == 0
    Pipeline(services).read(receipt.document_id, FixedReader(invoice()))


@pytest.mark.parametrize("form", [Form.PDF, Form.OFD])
def test_fields_of_an_electronic_file_lie_on_its_drawn_page(tmp_path: Path, form: Form) -> None:
    truth = make_truth(Kind.DIGITAL_NORMAL, seed=3, today=dt.date(2026, 11, 1))
    path = tmp_path / f"a.{form}"
    path.write_bytes(make(truth, form, seed=3).content)
    reader = Reader()
    (read,) = reader.read(path)
    (page,) = reader.pictures(path, read)
    assert read.seller_name is not None
    assert read.total_with_tax is not None
    if form is Form.OFD:
        assert read.seller_name.value in page.content.decode()
        return
    ink = np.asarray(Image.open(io.BytesIO(page.content)).convert("L")) < 128
    box = next(field.box for field in (read.seller_name, read.total_with_tax) if field.box)
    inside = ink[
        int(box.y0 * page.height) : int(box.y1 * page.height) + 1,
        int(box.x0 * page.width) : int(box.x1 * page.width) + 1,
    ]
    assert inside.mean() > 0.05


class Flattener:
    """A recogniser that straightens, as the real one does, and sees no word."""

    def recognise(self, image: Pixels, page: int) -> RecognisedPage:
        flat = prepared(image).pixels
        empty = PageWords(page=page, width=flat.shape[1], height=flat.shape[0], words=())
        return RecognisedPage(words=empty, rotation=0, image=flat)

    def recognise_region(self, image: Pixels, boxes: Iterable[Box]) -> tuple[Word, ...]:
        return ()

    def upright(self, image: Pixels, rotation: int) -> Pixels:
        return prepared(image).pixels


@pytest.mark.parametrize("seed", [3, 5])
def test_a_value_of_the_code_alone_lights_the_code_on_the_straightened_photo(
    tmp_path: Path, seed: int
) -> None:
    truth = make_truth(Kind.DIGITAL_NORMAL, seed=seed, today=dt.date(2026, 11, 1))
    path = tmp_path / "a.jpg"
    path.write_bytes(make(truth, Form.PHOTO, seed=seed).content)
    reader = Reader(recogniser=Flattener())
    (read,) = reader.read(path)
    (page,) = reader.pictures(path, read)
    field = read.invoice_number
    assert field is not None
    assert (field.value, field.source) == (truth.invoice_number, Source.QR)
    assert field.box is not None
    ((_, raw),) = read_codes(load_image(path.read_bytes(), Limits()))
    assert _overlap(field.box, raw) < 0.8, "the photo was straight already and proves nothing"
    shown = cv2.imdecode(np.frombuffer(page.content, np.uint8), cv2.IMREAD_COLOR)
    height, width = shown.shape[:2]
    lit = shown[
        round(field.box.y0 * height) : round(field.box.y1 * height),
        round(field.box.x0 * width) : round(field.box.x1 * width),
    ]
    quiet = cv2.copyMakeBorder(lit, 12, 12, 12, 12, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    ((text, _),) = read_codes(np.asarray(quiet, np.uint8))
    assert truth.invoice_number in text


def _overlap(one: Box, two: Box) -> float:
    """The common area as a share of what both cover."""

    def area(box: Box) -> float:
        return (box.x1 - box.x0) * (box.y1 - box.y0)

    across = max(0.0, min(one.x1, two.x1) - max(one.x0, two.x0))
    down = max(0.0, min(one.y1, two.y1) - max(one.y0, two.y0))
    return across * down / (area(one) + area(two) - across * down)


def test_a_code_that_only_the_crooked_picture_showed_has_no_place() -> None:
    code = parse_qr("01,32,,26312000000000000001,113.00,20261001,,A1B2", BOX)
    other = parse_qr("01,32,,26312000000000000002,113.00,20261001,,A1B2", BOX)
    assert code is not None
    assert other is not None
    lost = placed_as(code, [other])
    assert lost.invoice_number is not None
    assert (lost.invoice_number.value, lost.invoice_number.box) == (number_of(code), None)


BOX = Box(page=0, x0=0.1, y0=0.1, x1=0.2, y1=0.2)


def number_of(invoice: Invoice) -> str:
    assert invoice.invoice_number is not None
    return invoice.invoice_number.value

"""The page of a scan's searchable copy: the very bytes that were handed in, or drawn anew; and
its small picture."""

from __future__ import annotations

import datetime as dt
import io

import pikepdf
import pypdfium2
import pytest
from PIL import ExifTags, Image, ImageStat

from archive.drawing.pages import thumbnail
from archive.drawing.pdfa import faults_of
from archive.drawing.searchable import searchable
from extractors.model import Box, Invoice, Source
from extractors.sniff import MediaType

MOMENT = dt.datetime(2026, 11, 26, tzinfo=dt.UTC)
READ = Invoice(sources=(Source.OCR,))


def page(mode: str = "RGB", turn: int = 1) -> bytes:
    """A wide JPEG, its left half dark; `turn` is how its camera was held."""
    picture = Image.new(mode, (600, 400), "white")
    picture.paste("black", (0, 0, 300, 400))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = turn
    out = io.BytesIO()
    picture.save(out, "JPEG", exif=exif)
    return out.getvalue()


def copy(content: bytes, invoice: Invoice = READ) -> tuple[bytes, Image.Image]:
    """The JPEG within the searchable copy, and the page as it looks."""
    made = searchable(content, MediaType.JPEG, invoice, MOMENT)
    assert made is not None
    assert faults_of(made) == []
    with pikepdf.open(io.BytesIO(made)) as pdf:
        (found,) = pdf.pages[0].get_images().values()
        held = found.read_raw_bytes()
    return held, pypdfium2.PdfDocument(made)[0].render().to_pil().convert("L")


def brightness(picture: Image.Image) -> float:
    return ImageStat.Stat(picture).mean[0]


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_an_upright_jpeg_is_kept_as_it_was_handed_in(mode: str) -> None:
    content = page(mode)
    held, seen = copy(content)
    assert held == content
    assert seen.width > seen.height
    left, right = seen.crop((9, 9, 99, 99)), seen.crop((seen.width - 99, 9, seen.width - 9, 99))
    assert brightness(left) < 40
    assert brightness(right) > 200


def test_a_turned_or_cut_page_is_drawn_anew() -> None:
    content = page(turn=6)
    held, seen = copy(content)
    assert held != content
    assert seen.height > seen.width
    left = Box(page=0, x0=0.0, y0=0.0, x1=0.5, y1=1.0)
    held, seen = copy(page(), READ.model_copy(update={"region": left}))
    assert held != page()
    assert brightness(seen) < 40
    _, seen = copy(page(), READ.model_copy(update={"rotation": 90}))
    assert seen.height > seen.width


def test_half_a_jpeg_has_no_copy() -> None:
    content = page()
    assert searchable(content[: len(content) // 2], MediaType.JPEG, READ, MOMENT) is None
    assert searchable(content[:100], MediaType.JPEG, READ, MOMENT) is None


def test_the_small_picture_of_a_large_photo_is_upright_and_whole() -> None:
    large = Image.open(io.BytesIO(page(turn=6)))
    out = io.BytesIO()
    large.resize((2400, 1600)).save(out, "JPEG", exif=large.getexif())
    made = thumbnail(out.getvalue(), MediaType.JPEG)
    assert made is not None
    small = Image.open(io.BytesIO(made)).convert("L")
    assert small.size == (280, 420)
    assert brightness(small.crop((9, 9, 270, 190))) < 40
    assert brightness(small.crop((9, 230, 270, 410))) > 200

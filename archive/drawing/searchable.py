"""A scan as searchable PDF/A: the page as it was handed in, and what was read from it as
invisible text where it stands. Values with boxes are kept of a reading, single words are not, so
the text is that of the invoice's fields.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from PIL import ExifTags, Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from archive.drawing.fonts import font, width
from archive.drawing.pages import page_picture
from archive.drawing.pdfa import as_pdfa, binary_streams
from extractors.model import Invoice, Source
from extractors.sniff import MediaType

_LONGEST_POINTS = 842.0
_LONGEST_PIXELS = 2400
_QUALITY = 80
_INVISIBLE: Final = 3
#: A JPEG up to this size is kept in the copy as it is; a larger one is worth writing anew.
_MOST_AS_IT_IS = 1024**2
_UPRIGHT: Final = 1


@dataclass(frozen=True, slots=True)
class _Page:
    """The page as JPEG, and its pixels."""

    jpeg: bytes
    wide: int
    high: int


class _Jpeg(ImageReader):
    """A JPEG that goes into the PDF as it is. reportlab wants pixels only to name it, for which
    they would be unpacked and summed up; the bytes do as well."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content))
        self._content = content
        self._dataA = None  # no transparency, as unpacking would have found

    def getRGBData(self) -> bytes:  # noqa: N802 - reportlab's name
        return self._content


def is_scan(invoice: Invoice) -> bool:
    """Whether the values come from a picture of paper."""
    return bool(invoice.sources) and set(invoice.sources) <= {Source.OCR, Source.QR, Source.PORTAL}


def searchable(
    original: bytes, media_type: str, invoice: Invoice, moment: dt.datetime
) -> bytes | None:
    """The page that the invoice begins on, as searchable PDF/A-2b; None where it cannot be
    drawn."""
    try:
        page = _as_it_is(original, media_type, invoice) or _redrawn(original, media_type, invoice)
    except (OSError, ValueError, IndexError, RuntimeError):
        return None
    number = invoice.invoice_number.value if invoice.invoice_number else ""
    return as_pdfa(_drawn(page, _texts(invoice)), f"{invoice.kind} {number}".strip(), moment)


def _as_it_is(original: bytes, media_type: str, invoice: Invoice) -> _Page | None:
    """The very bytes that were handed in, where they are one upright, whole JPEG."""
    turned = invoice.region is not None or invoice.rotation
    if media_type != MediaType.JPEG or turned or len(original) > _MOST_AS_IT_IS:
        return None
    whole = original.rstrip(b"\0").endswith(b"\xff\xd9")
    with Image.open(io.BytesIO(original)) as opened:
        upright = opened.getexif().get(ExifTags.Base.Orientation, _UPRIGHT) == _UPRIGHT
        if whole and upright and opened.format == "JPEG" and opened.mode in ("RGB", "L"):
            return _Page(original, *opened.size)
    return None


def _redrawn(original: bytes, media_type: str, invoice: Invoice) -> _Page:
    picture = page_picture(original, media_type, invoice.first_page, _LONGEST_PIXELS)
    if invoice.region is not None:
        picture = _cut(picture, invoice)
    if invoice.rotation:
        picture = picture.rotate(-invoice.rotation, expand=True)
    jpeg = io.BytesIO()
    picture.save(jpeg, "JPEG", quality=_QUALITY)
    return _Page(jpeg.getvalue(), *picture.size)


def _cut(picture: Image.Image, invoice: Invoice) -> Image.Image:
    region = invoice.region
    assert region is not None  # noqa: S101 - the caller looked
    wide, high = picture.size
    return picture.crop((region.x0 * wide, region.y0 * high, region.x1 * wide, region.y1 * high))


def _texts(invoice: Invoice) -> list[tuple[str, tuple[float, float, float, float]]]:
    """What was read, with its box as fractions of the page."""
    data: Mapping[str, Any] = {
        **{name: getattr(invoice, name) for name in type(invoice).model_fields},
        **invoice.extra,
    }
    found = []
    for field in data.values():
        box = getattr(field, "box", None)
        if box is not None and box.page == invoice.first_page:
            text = "".join(letter for letter in field.raw if letter.isprintable()).strip()
            if text:
                found.append((text, (box.x0, box.y0, box.x1, box.y1)))
    return found


@binary_streams()
def _drawn(page: _Page, texts: list[tuple[str, tuple[float, float, float, float]]]) -> bytes:
    scale = _LONGEST_POINTS / max(page.wide, page.high)
    wide, high = page.wide * scale, page.high * scale
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=(wide, high), invariant=1, pageCompression=1)
    canvas.drawImage(_Jpeg(page.jpeg), 0, 0, wide, high)
    for text, (x0, y0, x1, y1) in texts:
        size = max(1.0, (y1 - y0) * high * 0.9)
        line = canvas.beginText(x0 * wide, high - y1 * high + size * 0.15)
        line.setTextRenderMode(_INVISIBLE)
        line.setFont(font(), size)
        natural = width(text, size)
        line.setHorizScale(100 * (x1 - x0) * wide / natural if natural else 100)
        line.textOut(text)
        canvas.drawText(line)
    canvas.save()
    return out.getvalue()

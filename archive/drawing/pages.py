"""Small pictures of pages for the cover sheet; OFD and XML have no page that is drawn here."""

from __future__ import annotations

import io

import pypdfium2
from PIL import Image, ImageOps, UnidentifiedImageError

from extractors.sniff import IMAGES, MediaType

_LONGEST_SIDE = 420
_QUALITY = 70
_MOST_PIXELS = 120_000_000


def thumbnail_name(page: int) -> str:
    """Under which name the store keeps a page's small picture."""
    return f"{page}.jpg"


def thumbnail(content: bytes, media_type: str, page: int = 0) -> bytes | None:
    """A JPEG of one page, at most 420 pixels wide and high; None where the form has no pages or
    the page cannot be drawn: a missing picture must keep nothing from being sealed."""
    try:
        if media_type == MediaType.PDF:
            return _jpeg(_pdf_page(content, page))
        if media_type in IMAGES:
            return _jpeg(image_page(content, page, _LONGEST_SIDE))
    except (pypdfium2.PdfiumError, UnidentifiedImageError, OSError, ValueError, IndexError):
        return None
    return None


def _pdf_page(content: bytes, page: int, longest: int = _LONGEST_SIDE) -> Image.Image:
    document = pypdfium2.PdfDocument(content)
    try:
        sheet = document[page]
        scale = longest / max(sheet.get_size())
        drawn: Image.Image = sheet.render(scale=scale).to_pil().convert("RGB")
        return drawn
    finally:
        document.close()


def page_picture(content: bytes, media_type: str, page: int, longest: int) -> Image.Image:
    """A page at reading size. Raises what opening raises."""
    if media_type == MediaType.PDF:
        return _pdf_page(content, page, longest)
    return image_page(content, page)


def image_page(content: bytes, frame: int = 0, least: int | None = None) -> Image.Image:
    """A frame of a picture, turned as its camera held it. A JPEG that need not be larger than
    `least` pixels each way is not unpacked much larger. Raises `OSError`, `ValueError`."""
    with Image.open(io.BytesIO(content)) as opened:
        if opened.width * opened.height > _MOST_PIXELS:
            raise ValueError("too many pixels")
        opened.seek(min(frame, getattr(opened, "n_frames", 1) - 1))
        if least is not None:
            opened.draft(None, (least, least))
        return ImageOps.exif_transpose(opened).convert("RGB")


def _jpeg(picture: Image.Image) -> bytes:
    picture.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()

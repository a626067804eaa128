"""QR codes of a PDF page, cheapest first: its pictures as stored, then the small grey picture of
the page (codes drawn as paths)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as c

from extractors.model import Box
from extractors.pdf_glyphs import Handle, Place
from extractors.pdf_page import Page
from extractors.qr import first_code, parse_qr
from extractors.recogniser import Image

Codes = tuple[tuple[str, Box], ...]

#: Sides of a code on a page in points, and how far from square its picture may be.
_SIDES = (20.0, 220.0)
_STRETCHED = 1.3
#: Pictures tried on one page.
_MOST = 12
#: Pixels of a stored code: more is a photograph.
_MOST_PIXELS = 4_000_000
#: A code drawn by paths takes at least so many.
_PATHS = 60
#: A code's own pixels are a module each in some files: enlarged they decode.
_TINY = 100
_QUIET = 8


def quick_codes(page: Page) -> Codes:
    """The codes that are found without drawing the page at full size, an invoice's first."""
    found = dict(_in_pictures(page))
    if any(parse_qr(text) is not None for text in found):
        return tuple(found.items())
    likely = any(_may_be_code(place) for _, place in page.drawing.pictures)
    if likely or page.drawing.paths >= _PATHS:
        code = first_code(page.grey, page.index)
        if code is not None:
            found.setdefault(*code)
    return tuple(found.items())


def _in_pictures(page: Page) -> Iterator[tuple[str, Box]]:
    tried = [entry for entry in page.drawing.pictures if _may_be_code(entry[1])][:_MOST]
    for target, place in tried:
        pixels = _stored(target)
        code = first_code(pixels, page.index) if pixels is not None else None
        if code is not None:
            yield code[0], _box(place, page)


def _may_be_code(place: Place) -> bool:
    x0, y0, x1, y1 = place
    short, long = sorted((x1 - x0, y1 - y0))
    return _SIDES[0] <= short and long <= _SIDES[1] and long <= _STRETCHED * short


def _stored(target: Handle) -> Image | None:
    """The picture's own pixels in grey with a white rim, before anything is laid over it."""
    bitmap = c.FPDFImageObj_GetBitmap(target)
    if not bitmap:
        return None
    stored = pdfium.PdfBitmap.from_raw(bitmap)  # freed when it is collected, after the copy
    if stored.width * stored.height > _MOST_PIXELS:
        return None
    pixels = np.asarray(stored.to_numpy())
    if pixels.ndim == 3:
        pixels = pixels[:, :, : min(3, pixels.shape[2])].mean(axis=2)
    times = 3 if max(pixels.shape) < _TINY else 1
    large = np.kron(pixels, np.ones((times, times))) if times > 1 else pixels
    return np.pad(large.astype(np.uint8), _QUIET * times, constant_values=255)


def _box(place: Place, page: Page) -> Box:
    width, height = page.frame.width, page.frame.height
    x0, y0, x1, y1 = place
    return Box(page=page.index, x0=x0 / width, y0=y0 / height, x1=x1 / width, y1=y1 / height)

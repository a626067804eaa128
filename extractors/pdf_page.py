"""One page of an open PDF, every part of it made once and only when asked for.

Form fields and notes are laid into the page first: what they show is what a person reads, and
PDFium's text layer leaves them out otherwise.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as c

from extractors.pdf_glyphs import Frame, Glyph, Handle, frame_of, glyphs_of, level_turn
from extractors.pdf_hidden import Drawing, drawing_of, hidden
from extractors.recogniser import Image

#: Pixels a point of the small grey picture (144 dpi): a module of a printed code takes three.
_SMALL = 2.0
#: ... but never more pixels than this on the long side.
_SMALL_SIDE = 2400
_MOST_NOTES = 2000
_SHOWING = frozenset({c.FPDF_ANNOT_FREETEXT, c.FPDF_ANNOT_STAMP})


class Page:
    """Page `index` of `document`, as it is shown. At most `most` glyphs are read.

    Raises `pdfium.PdfiumError` or `ValueError` for a page that cannot be loaded.
    """

    def __init__(self, document: pdfium.PdfDocument, index: int, most: int) -> None:
        self._document = document
        self._most = most
        self.index = index
        self.page = document[index]
        if _shows_fields(self.page):
            c.FPDFPage_Flatten(self.page, c.FLAT_NORMALDISPLAY)
            self.page.close()
            self.page = document[index]
        # A page that is shown upside down or sideways is read, and drawn, as it is meant.
        turn = level_turn(self.page)
        if turn is not None and turn != self.page.get_rotation():
            self.page.set_rotation(turn)

    @cached_property
    def frame(self) -> Frame:
        return frame_of(self.page)

    @cached_property
    def glyphs(self) -> list[Glyph]:
        return glyphs_of(self.page, self.frame, self._most)

    @property
    def is_cut(self) -> bool:
        """Whether the page may hold more glyphs than were read."""
        return len(self.glyphs) >= self._most

    @cached_property
    def drawing(self) -> Drawing:
        return drawing_of(self._document, self.page, self.frame)

    @cached_property
    def grey(self) -> Image:
        """The page as shown, small and grey."""
        scale = min(_SMALL, _SMALL_SIDE / max(self.frame.width, self.frame.height))
        bitmap = self.page.render(scale=scale, grayscale=True)
        try:
            pixels = np.array(bitmap.to_numpy(), dtype=np.uint8)
        finally:
            bitmap.close()
        return pixels.reshape(pixels.shape[:2])

    @cached_property
    def seen(self) -> list[Glyph]:
        """The glyphs that a person sees."""
        return [glyph for glyph, away in zip(self.glyphs, self._away, strict=True) if not away]

    @cached_property
    def unseen(self) -> list[Glyph]:
        """The glyphs that nobody sees."""
        return [glyph for glyph, away in zip(self.glyphs, self._away, strict=True) if away]

    @cached_property
    def _away(self) -> list[bool]:
        if not self.glyphs:
            return []
        return list(map(bool, hidden(self.glyphs, self.drawing, self.grey, self.frame)))


def _shows_fields(page: pdfium.PdfPage) -> bool:
    """Whether notes or fields other than signatures show anything on the page."""
    for index in range(min(_MOST_NOTES, c.FPDFPage_GetAnnotCount(page))):
        note = c.FPDFPage_GetAnnot(page, index)
        if not note:
            continue
        try:
            kind = c.FPDFAnnot_GetSubtype(note)
            if kind in _SHOWING or (kind == c.FPDF_ANNOT_WIDGET and _text(note, b"FT") != "Sig"):
                return True
        finally:
            c.FPDFPage_CloseAnnot(note)
    return False


def _text(note: Handle, key: bytes) -> str:
    """A name or text in a note's dictionary, "" without one."""
    size = c.FPDFAnnot_GetStringValue(note, key, None, 0)
    if not 2 < size < 1000:
        return ""
    buffer = (c.FPDF_WCHAR * (size // 2 + 1))()
    c.FPDFAnnot_GetStringValue(note, key, buffer, size)
    return bytes(buffer)[: size - 2].decode("utf-16-le", errors="replace")

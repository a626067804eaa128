"""PDF: text layer, Info keys, attachments and rendered pages, under ceilings.

PDFium opens, checks, renders, hands out attachments and yields words with boxes, since it is quick
and withstands bad files. Where it does not know a page's characters, pdfplumber (pdfminer) is
asked as well: the two know different fonts.
"""

from __future__ import annotations

import ctypes
import logging
import math
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from types import TracebackType
from typing import Self

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from extractors.build import invoice_from_texts
from extractors.errors import (
    DamagedFile,
    DocumentError,
    EncryptedFile,
    TooManyPages,
    TooMuchContent,
)
from extractors.limits import Limits
from extractors.model import Finding, Invoice, Source
from extractors.pdf_codes import Codes, quick_codes
from extractors.pdf_findings import hidden_findings
from extractors.pdf_glyphs import UNKNOWN, Glyph
from extractors.pdf_page import Page
from extractors.pdf_weight import refuse_overload
from extractors.pdf_words import doubtful, loose_text, words_of
from extractors.recogniser import Image
from extractors.sniff import looks_like_xml
from extractors.words import PageWords, words_unread

log = logging.getLogger(__name__)

#: Info keys of originals made by the tax platform; a re-saved copy has lost them.
_INFO = {
    "invoice_number": "InvoiceNumber",
    "issue_date": "IssueTime",
    "total_without_tax": "TotalAmWithoutTax",
    "total_tax": "TotalTaxAm",
    "total_with_tax": "TotalTax-includedAmount",
    "buyer_tax_id": "BuyerIdNum",
    "seller_tax_id": "SellerIdNum",
}
_DPI = 200
_POINTS_PER_INCH = 72
#: Rendered long side in pixels: enough for recognition, never a giant poster.
_LONG_SIDE = (1600, 3600)
#: Fewer glyphs than this on a page are a stamp or a page number, no invoice.
_USEFUL_GLYPHS = 30
#: Share of glyphs without a known character from which the second road is tried.
_MOST_DOUBTFUL = 0.01
#: Glyphs read from one page, as a multiple of the words taken from it.
_MOST_GLYPHS = 8


class PdfFile:
    """One open PDF; use it as a context manager.

    Raises `EncryptedFile` when a password is asked for, `DamagedFile` when PDFium cannot open
    it, `TooManyPages` past the limit, `TooMuchContent` when its pages could not be held in memory.
    """

    def __init__(self, data: bytes, limits: Limits) -> None:
        self._data = data
        self._limits = limits
        self._loaded: dict[int, Page | None] = {}
        try:
            self._document = pdfium.PdfDocument(data)
        except pdfium.PdfiumError as error:
            if error.err_code in (pdfium_c.FPDF_ERR_PASSWORD, pdfium_c.FPDF_ERR_SECURITY):
                raise EncryptedFile from error
            raise DamagedFile(detail="PDF cannot be opened") from error
        self.page_count = len(self._document)
        if self.page_count > limits.max_pages:
            self.close()
            raise TooManyPages(pages=self.page_count, limit=limits.max_pages)
        if self.page_count == 0:
            self.close()
            raise DamagedFile(detail="PDF without pages")
        try:
            refuse_overload(self._document, limits)
        except TooMuchContent:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._loaded.clear()
        self._document.close()

    def info(self) -> Invoice:
        """What the Info dictionary states; empty for all but tax-platform originals."""
        texts = {name: self._info_value(key) for name, key in _INFO.items()}
        return invoice_from_texts(texts, Source.PDF_INFO)

    def _info_value(self, key: str) -> str | None:
        try:
            return str(self._document.get_metadata_value(key)) or None
        except (pdfium.PdfiumError, UnicodeDecodeError):
            return None

    def attachments(self) -> Iterator[tuple[str, bytes]]:
        """Name and content of embedded files, those within the XML size limit."""
        try:
            count = self._document.count_attachments()
        except pdfium.PdfiumError:
            return
        for index in range(min(count, self._limits.max_zip_entries)):
            try:
                attachment = self._document.get_attachment(index)
                if _attached_size(attachment) > self._limits.max_xml_bytes:
                    continue
                content = bytes(attachment.get_data())
                name = str(attachment.get_name())
            except (pdfium.PdfiumError, UnicodeDecodeError, ValueError):
                continue
            yield name, content

    def attached_xml(self) -> Iterator[tuple[str, bytes]]:
        """Attachments that are XML by their content, whatever their names say."""
        for name, content in self.attachments():
            if looks_like_xml(content):
                yield name, content

    def words(self) -> tuple[PageWords, ...]:
        """Words of every page that has a text layer worth the name, pages in order.

        A page without one (a scan, or a scan with the invisible text of some scanner's own
        recognition, which proves nothing) yields no `PageWords`. Text that nobody sees is left
        out; `findings` tells of it.
        """
        return tuple(self._words[0])

    def findings(self) -> tuple[Finding, ...]:
        """`hidden_text` where pages that show text hold text that nobody sees: BLOCK when it
        looks like a value of the invoice that the page does not show, else INFO. `words_unread`
        where there is more text than is taken."""
        return tuple(self._words[1])

    def codes(self, index: int) -> Codes:
        """QR codes of page `index`, text and box, as far as stored pictures and a small drawing
        of the page show them."""
        try:
            page = self._page(index)
            return quick_codes(page) if page is not None else ()
        except (DamagedFile, pdfium.PdfiumError, ValueError):
            return ()

    @cached_property
    def _words(self) -> tuple[list[PageWords], list[Finding]]:
        found: list[PageWords] = []
        unseen: list[tuple[PageWords, list[str]]] = []
        left, cut = self._limits.max_document_words, 0
        for index in range(self.page_count):
            if left <= 0:
                cut += self.page_count - index
                break
            page = self._page(index)
            if page is None or len(page.glyphs) < _USEFUL_GLYPHS:
                continue
            if sum(not glyph.char.isspace() for glyph in page.seen) < _USEFUL_GLYPHS:
                continue
            shown = _page_words(page, page.seen, self._limits)
            if doubtful(page.seen) > _MOST_DOUBTFUL:
                shown = self._second_road(page, shown)
            found.append(shown)
            left -= len(shown.words)
            cut += len(shown.words) >= self._limits.max_words or page.is_cut
            if page.unseen:
                unseen.append((shown, loose_text(page.unseen)))
        return found, [*hidden_findings(unseen), *words_unread(cut)]

    def _page(self, index: int) -> Page | None:
        """None for a page that PDFium cannot load; it can still not be drawn either."""
        if index not in self._loaded:
            try:
                page = Page(self._document, index, _MOST_GLYPHS * self._limits.max_words)
                page.frame, page.glyphs  # noqa: B018 - what cannot be read is told here
            except (pdfium.PdfiumError, ValueError, OSError) as error:
                log.info("text layer unreadable: %s", type(error).__name__)
                page = None
            self._loaded[index] = page
        return self._loaded[index]

    def _second_road(self, page: Page, first: PageWords) -> PageWords:
        """The same page by pdfplumber, if that knows more of its characters."""
        try:
            # Imported on the rare page that needs it: its import takes longer than most documents.
            from extractors.pdf_plumber import plumbed_words

            second = plumbed_words(self._data, page.index, self._limits)
        except DocumentError:
            raise
        except Exception as error:  # noqa: BLE001 - pdfminer raises whatever a bad file provokes
            log.info("second road failed: %s", type(error).__name__)
            return first
        hidden = set(loose_text(page.unseen))
        words = tuple(word for word in second.words if word.text not in hidden)
        known = second.model_copy(update={"words": words})
        return known if _unknown(known) < _unknown(first) else first

    def render(self, index: int) -> Image:
        """Page `index` as a BGR picture at about 200 dpi, within the pixel limit.

        Raises `DamagedFile` when PDFium cannot render it.
        """
        try:
            page = loaded.page if (loaded := self._page(index)) else self._document[index]
            width, height = page.get_size()
            scale = _scale(width, height, self._limits.max_pixels)
            bitmap = page.render(scale=scale, rev_byteorder=False)
            picture = np.array(bitmap.to_numpy(), dtype=np.uint8)
            bitmap.close()
        except (pdfium.PdfiumError, ValueError, MemoryError) as error:
            raise DamagedFile(detail=f"page {index + 1} cannot be drawn") from error
        if picture.ndim == 2:
            picture = np.repeat(picture[:, :, None], 3, axis=2)
        return np.ascontiguousarray(picture[:, :, :3])


def _attached_size(attachment: pdfium.PdfAttachment) -> int:
    """Bytes of an embedded file, asked before they are copied."""
    size = ctypes.c_ulong()
    pdfium_c.FPDFAttachment_GetFile(attachment, None, 0, size)
    return size.value


def _scale(width: float, height: float, max_pixels: int) -> float:
    """Pixels a point: 200 dpi, moved so that the long side suits recognition."""
    long_side = max(width, height)
    if not (width > 0 and height > 0 and math.isfinite(long_side)):
        raise ValueError("page without a size")
    smallest, largest = _LONG_SIDE
    pixels = min(max(long_side * _DPI / _POINTS_PER_INCH, smallest), largest)
    scale = pixels / long_side
    return min(scale, math.sqrt(max_pixels / (width * height)))


def _page_words(page: Page, glyphs: Sequence[Glyph], limits: Limits) -> PageWords:
    frame = page.frame
    words = words_of(glyphs, frame, page.index, limits.max_words)
    return PageWords(page=page.index, width=frame.width, height=frame.height, words=words)


def _unknown(page: PageWords) -> int:
    """Characters that stand for none: as PDFium says it, and as pdfminer does."""
    return sum(
        word.text.count(UNKNOWN) + len(re.findall(r"\(cid:\d+\)", word.text)) for word in page.words
    )

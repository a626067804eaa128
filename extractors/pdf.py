"""PDF: text layer, Info keys, attachments and rendered pages, under ceilings.

pdfplumber (pdfminer) yields words with boxes, since it knows rotated pages and glyph positions
well; PDFium opens, checks, renders and hands out attachments, since it withstands bad files.
"""

from __future__ import annotations

import io
import logging
import math
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import numpy as np
import pdfplumber
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from extractors.build import invoice_from_texts
from extractors.errors import DamagedFile, DocumentError, EncryptedFile, TooManyPages
from extractors.limits import Limits
from extractors.model import Box, Invoice, Source
from extractors.recogniser import Image
from extractors.words import PageWords, Word

log = logging.getLogger(__name__)
# It warns about every oddity of every font, quoting the file; what matters here is raised.
logging.getLogger("pdfminer").setLevel(logging.ERROR)

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
_INVISIBLE = pdfium_c.FPDF_TEXTRENDERMODE_INVISIBLE


class PdfFile:
    """One open PDF; use it as a context manager.

    Raises `EncryptedFile` when a password is asked for, `DamagedFile` when PDFium cannot open
    it, `TooManyPages` past the limit.
    """

    def __init__(self, data: bytes, limits: Limits) -> None:
        self._data = data
        self._limits = limits
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
                content = bytes(attachment.get_data())
                name = str(attachment.get_name())
            except (pdfium.PdfiumError, UnicodeDecodeError, ValueError):
                continue
            if len(content) <= self._limits.max_xml_bytes:
                yield name, content

    def words(self) -> tuple[PageWords, ...]:
        """Words of every page that has a text layer worth the name, pages in order.

        A page without one (a scan, or a scan with the invisible text of some scanner's own
        recognition, which proves nothing) yields no `PageWords`.
        """
        visible = {index for index in range(self.page_count) if self._has_visible_text(index)}
        if not visible:
            return ()
        try:
            return self._words(visible)
        except DocumentError:
            raise
        except Exception as error:  # noqa: BLE001 - pdfminer raises whatever a bad file provokes
            # Not fatal: the page can still be rendered, and a person's eyes see no more.
            log.info("text layer unreadable: %s", type(error).__name__)
            return ()

    def _words(self, wanted: set[int]) -> tuple[PageWords, ...]:
        pages: list[PageWords] = []
        with pdfplumber.open(io.BytesIO(self._data)) as document:
            for index, page in enumerate(document.pages):
                if index not in wanted:
                    continue
                words = page.dedupe_chars().extract_words(x_tolerance=1.5, y_tolerance=2)
                found = tuple(
                    word
                    for raw in words[: self._limits.max_words]
                    if (word := _word(raw, page.bbox, index)) is not None
                )
                pages.append(
                    PageWords(
                        page=index, width=float(page.width), height=float(page.height), words=found
                    )
                )
                page.close()
        return tuple(pages)

    def _has_visible_text(self, index: int) -> bool:
        try:
            page = self._document[index]
            shown = 0
            for text_object in page.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_TEXT], max_depth=5):
                if pdfium_c.FPDFTextObj_GetTextRenderMode(text_object.raw) != _INVISIBLE:
                    shown += 1
            text_page = page.get_textpage()
            glyphs = text_page.count_chars()
            text_page.close()
        except pdfium.PdfiumError:
            return False
        return shown > 0 and int(glyphs) >= _USEFUL_GLYPHS

    def render(self, index: int) -> Image:
        """Page `index` as a BGR picture at about 200 dpi, within the pixel limit.

        Raises `DamagedFile` when PDFium cannot render it.
        """
        try:
            page = self._document[index]
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


def _scale(width: float, height: float, max_pixels: int) -> float:
    """Pixels a point: 200 dpi, moved so that the long side suits recognition."""
    long_side = max(width, height)
    if not (width > 0 and height > 0 and math.isfinite(long_side)):
        raise ValueError("page without a size")
    smallest, largest = _LONG_SIDE
    pixels = min(max(long_side * _DPI / _POINTS_PER_INCH, smallest), largest)
    scale = pixels / long_side
    return min(scale, math.sqrt(max_pixels / (width * height)))


def _word(raw: dict[str, Any], bbox: tuple[float, float, float, float], index: int) -> Word | None:
    """One word as fractions of the visible page; None for text that lies outside it."""
    left, top, right, bottom = bbox
    width, height = right - left, bottom - top
    text = str(raw["text"]).strip()
    if not text or width <= 0 or height <= 0:
        return None
    x0, x1 = (raw["x0"] - left) / width, (raw["x1"] - left) / width
    y0, y1 = (raw["top"] - top) / height, (raw["bottom"] - top) / height
    inside = 0 <= (x0 + x1) / 2 <= 1 and 0 <= (y0 + y1) / 2 <= 1
    if not inside or x1 < x0 or y1 < y0:
        return None
    return Word(text=text, box=Box(page=index, x0=x0, y0=y0, x1=x1, y1=y1))

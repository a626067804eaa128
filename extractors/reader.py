"""A file becomes an `Invoice`: sniff, gather the cheap sources, recognise only where they leave
a needed field empty, merge.

Order and economy live here; how each source is read lives in its own module.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from extractors import images
from extractors.checks import missing_fields
from extractors.errors import (
    DamagedFile,
    DocumentError,
    EmptyFile,
    EngineMissing,
    FileTooLarge,
    NoInvoiceFound,
    TooManyPixels,
    UnsafeXml,
)
from extractors.faces import invoice_from_words
from extractors.limits import Limits
from extractors.merge import merge
from extractors.model import Box, Finding, Invoice, Severity, Source
from extractors.ofd import read_ofd
from extractors.pdf import PdfFile
from extractors.qr import parse_qr, read_codes
from extractors.recogniser import Image, Recogniser
from extractors.sniff import IMAGES, MediaType, sniff
from extractors.structured import read_xml
from extractors.words import PageWords

#: Pictures inside an OFD that are looked at for codes, in file order.
_OFD_PICTURES = 24
#: A picture in an OFD at least this wide and high may be the scanned page itself.
_PAGE_LIKE = 600


@dataclass(slots=True)
class _Gathered:
    """What the cheap sources gave, and pages that recognition may still look at."""

    readings: list[Invoice] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    pictures: list[tuple[int, Callable[[], Image]]] = field(default_factory=list)
    pages: int = 1


class Reader:
    """Reads documents one at a time; holds no state between them.

    Without a `recogniser` scans yield only what their QR code states.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        recogniser: Recogniser | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits or Limits()
        self._recogniser = recogniser
        self._clock = clock

    def read(self, path: Path) -> Invoice:
        """Read the file at `path`, whatever its name says.

        Raises `DocumentError` of many kinds for a file that cannot be read or holds no invoice,
        `EngineMissing` when only recognition could read it and there is none.
        """
        try:
            size = path.stat().st_size
            if size > self._limits.max_bytes:
                raise FileTooLarge(size=size, limit=self._limits.max_bytes)
            data = path.read_bytes()
        except OSError as error:
            raise DocumentError(detail=error.strerror or type(error).__name__) from error
        return self.read_bytes(data)

    def read_bytes(self, data: bytes) -> Invoice:
        """Read a document from memory; raises as `read` does."""
        if not data:
            raise EmptyFile
        if len(data) > self._limits.max_bytes:
            raise FileTooLarge(size=len(data), limit=self._limits.max_bytes)
        deadline = self._clock() + self._limits.max_seconds
        media_type = sniff(data)
        with ExitStack() as stack:
            gathered = self._gather(media_type, data, stack)
            invoice = merge(gathered.readings)
            if gathered.pictures and missing_fields(invoice):
                gathered.readings.extend(self._recognised(gathered, deadline))
                invoice = merge(gathered.readings)
        if not _says_anything(invoice):
            if gathered.pictures and self._recogniser is None:
                raise EngineMissing(detail="a scan needs text recognition")
            raise NoInvoiceFound
        findings = (*gathered.findings, *invoice.findings)
        return invoice.model_copy(update={"findings": findings, "pages": gathered.pages})

    def _gather(self, media_type: MediaType, data: bytes, stack: ExitStack) -> _Gathered:
        if media_type is MediaType.XML:
            return self._gather_xml(data)
        if media_type is MediaType.OFD:
            return self._gather_ofd(data)
        if media_type is MediaType.PDF:
            return self._gather_pdf(stack.enter_context(PdfFile(data, self._limits)))
        assert media_type in IMAGES  # noqa: S101 - `sniff` knows no other form
        return self._gather_image(data)

    def _gather_xml(self, data: bytes) -> _Gathered:
        invoice = read_xml(data, self._limits)
        return _Gathered(readings=[invoice] if invoice else [])

    def _gather_ofd(self, data: bytes) -> _Gathered:
        ofd = read_ofd(data, self._limits)
        gathered = _Gathered(readings=list(ofd.readings), pages=max(1, ofd.page_count))
        if ofd.body_count > 1:
            gathered.findings.append(_several(ofd.body_count))
        gathered.readings.extend(_parsed((text, None) for text in ofd.qr_texts))
        has_words = any(page.words for page in ofd.pages)
        if has_words:
            gathered.readings.append(invoice_from_words(ofd.pages, Source.OFD_TEXT))
        for index, picture in enumerate(self._ofd_pictures(ofd.images)):
            gathered.readings.extend(_parsed(read_codes(picture)))
            if not has_words and min(picture.shape[:2]) >= _PAGE_LIKE:
                gathered.pictures.append((index, lambda picture=picture: picture))  # type: ignore[misc]
        return gathered

    def _ofd_pictures(self, stored: Sequence[bytes]) -> list[Image]:
        pictures = []
        for content in stored[:_OFD_PICTURES]:
            try:
                pictures.append(images.load_image(content, self._limits))
            except (DamagedFile, TooManyPixels):  # a logo or a JBIG2 picture; others go on
                continue
        return pictures

    def _gather_pdf(self, pdf: PdfFile) -> _Gathered:
        gathered = _Gathered(pages=pdf.page_count)
        gathered.readings.append(pdf.info())
        gathered.readings.extend(self._attached(pdf))
        by_page = {page.page: page for page in pdf.words()}
        codes = [self._page_codes(pdf, index) for index in range(pdf.page_count)]
        numbers = [
            _number([*codes[index], *_page_readings(by_page.get(index))])
            for index in range(pdf.page_count)
        ]
        end, count = _first_invoice(numbers)
        if count > 1:
            gathered.findings.append(_several(count))
        gathered.readings.extend(reading for page in codes[:end] for reading in page)
        own = [by_page[index] for index in range(end) if index in by_page]
        if own:
            gathered.readings.append(invoice_from_words(own, Source.PDF_TEXT))
        for index in range(end):
            gathered.pictures.append((index, lambda index=index: pdf.render(index)))  # type: ignore[misc]
        return gathered

    def _attached(self, pdf: PdfFile) -> list[Invoice]:
        found = []
        for name, content in pdf.attachments():
            if not name.lower().endswith((".xml", ".xbrl")):
                continue
            try:
                reading = read_xml(content, self._limits)
            except UnsafeXml:
                raise
            except DamagedFile:  # a broken attachment leaves the page itself standing
                continue
            if reading is not None:
                found.append(reading)
        return found

    def _page_codes(self, pdf: PdfFile, index: int) -> list[Invoice]:
        try:
            picture = pdf.render(index)
        except DamagedFile:
            return []
        return _parsed(read_codes(picture, index))

    def _gather_image(self, data: bytes) -> _Gathered:
        loaded = images.load(data, self._limits)
        gathered = _Gathered(readings=_parsed(read_codes(loaded.pixels)), pages=loaded.frames)
        gathered.pictures.append((0, lambda: loaded.pixels))
        numbers = {_number([reading]) for reading in gathered.readings}
        count = max(loaded.frames, len(numbers))
        if count > 1:
            gathered.findings.append(_several(count))
        return gathered

    def _recognised(self, gathered: _Gathered, deadline: float) -> list[Invoice]:
        """The reading of recognised pages, and of codes that only the straightened page shows."""
        if self._recogniser is None:
            return []
        pages: list[PageWords] = []
        codes: list[Invoice] = []
        rotation = 0
        has_code = any(Source.QR in reading.sources for reading in gathered.readings)
        for index, picture in gathered.pictures[: self._limits.max_recognised_pages]:
            if pages and self._clock() > deadline:
                break
            page = self._recogniser.recognise(picture(), index)
            pages.append(page.words)
            rotation = rotation or page.rotation
            if not has_code:
                codes.extend(_parsed(read_codes(page.image, index)))
        reading = invoice_from_words(pages, Source.OCR)
        return [*codes, reading.model_copy(update={"rotation": rotation})]


def _parsed(codes: Iterable[tuple[str, Box | None]]) -> list[Invoice]:
    readings = (parse_qr(text, box) for text, box in codes)
    return [reading for reading in readings if reading is not None]


def _page_readings(page: PageWords | None) -> list[Invoice]:
    return [invoice_from_words([page], Source.PDF_TEXT)] if page is not None else []


def _number(readings: Iterable[Invoice]) -> str | None:
    return next((found.invoice_number.value for found in readings if found.invoice_number), None)


def _first_invoice(numbers: Sequence[str | None]) -> tuple[int, int]:
    """Where the first invoice of a PDF ends, and how many there seem to be.

    A page without a number, or with the same one (a list of goods), belongs to the invoice
    before it; a new number begins the next.
    """
    known = [number for number in numbers if number is not None]
    distinct = len(set(known))
    if distinct <= 1:
        return len(numbers), max(1, distinct)
    first = known[0]
    end = next(i for i, number in enumerate(numbers) if number not in (None, first))
    return end, distinct


def _several(count: int) -> Finding:
    return Finding(code="several_invoices", severity=Severity.BLOCK, params={"count": str(count)})


def _says_anything(invoice: Invoice) -> bool:
    return any((invoice.invoice_number, invoice.total_with_tax, invoice.total_without_tax))

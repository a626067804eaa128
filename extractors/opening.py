"""Files opened as leaves, one way for each form: XML, OFD, PDF, pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial

from extractors import images
from extractors.errors import DamagedFile, TooManyPixels, UnsafeXml
from extractors.leaves import Leaf, Opened
from extractors.limits import Limits
from extractors.model import Box, Finding, Invoice, Severity, Source
from extractors.ofd import read_ofd
from extractors.pdf import PdfFile
from extractors.qr import parse_qr, read_codes
from extractors.recogniser import Image
from extractors.sniff import IMAGES, MediaType
from extractors.structured import read_xml

#: Pictures inside an OFD that are looked at for codes, in file order.
_OFD_PICTURES = 24
#: A picture in an OFD at least this wide and high may be the scanned page itself.
_PAGE_LIKE = 600


def open_file(media_type: MediaType, data: bytes, limits: Limits, stack: ExitStack) -> Opened:
    """The leaves of a file; what must stay open while they are read is left to `stack`.

    Raises `DocumentError` of many kinds for a file that cannot be opened.
    """
    if media_type is MediaType.XML:
        return _open_xml(data, limits)
    if media_type is MediaType.OFD:
        return _open_ofd(data, limits)
    if media_type is MediaType.PDF:
        return _open_pdf(stack.enter_context(PdfFile(data, limits)), limits)
    assert media_type in IMAGES  # noqa: S101 - `sniff` knows no other form
    return _open_image(data, limits)


def parsed_codes(picture: Image, page: int) -> list[Invoice]:
    """The invoices that a picture's QR codes speak of."""
    return _parsed(read_codes(picture, page))


def _open_xml(data: bytes, limits: Limits) -> Opened:
    invoice = read_xml(data, limits)
    return Opened(whole=[invoice] if invoice else [])


def _open_ofd(data: bytes, limits: Limits) -> Opened:
    ofd = read_ofd(data, limits)
    opened = Opened(whole=list(ofd.readings), pages=max(1, ofd.page_count))
    opened.findings.extend(ofd.findings)
    if ofd.body_count > 1:
        opened.findings.append(several(ofd.body_count))
    opened.whole.extend(_parsed((text, None) for text in ofd.qr_texts))
    opened.leaves = [
        Leaf(page.page, words=page, source=Source.OFD_TEXT) for page in ofd.pages if page.words
    ]
    for index, picture in enumerate(_ofd_pictures(ofd.images, limits)):
        codes = parsed_codes(picture, index)
        if min(picture.shape[:2]) < _PAGE_LIKE:
            opened.whole.extend(codes)
        else:
            opened.leaves.append(
                Leaf(index, codes=codes, searched=True, picture=partial(_same, picture))
            )
    return opened


def _ofd_pictures(stored: Sequence[bytes], limits: Limits) -> Iterator[Image]:
    for content in stored[:_OFD_PICTURES]:
        try:
            yield images.load_image(content, limits)
        except (DamagedFile, TooManyPixels):  # a logo or a JBIG2 picture; others go on
            continue


def _open_pdf(pdf: PdfFile, limits: Limits) -> Opened:
    """Codes of pages that are pictures are left to the look that recognition takes: drawing a
    page at full size is what costs, and that look draws it anyway."""
    opened = Opened(pages=pdf.page_count, whole=[pdf.info(), *_attached(pdf, limits)])
    opened.findings.extend(pdf.findings())
    by_page = {page.page: page for page in pdf.words()}
    opened.leaves = [
        Leaf(
            index,
            codes=_parsed(pdf.codes(index)) if index in by_page else [],
            words=by_page.get(index),
            picture=partial(pdf.render, index),
        )
        for index in range(pdf.page_count)
    ]
    return opened


def _attached(pdf: PdfFile, limits: Limits) -> Iterator[Invoice]:
    for _, content in pdf.attached_xml():
        try:
            reading = read_xml(content, limits)
        except UnsafeXml:
            raise
        except DamagedFile:  # a broken attachment leaves the page itself standing
            continue
        if reading is not None:
            yield reading


def _open_image(data: bytes, limits: Limits) -> Opened:
    """A leaf a frame: a scanner's TIFF holds a page in each."""
    frames = images.load_frames(data, limits)
    count = max(len(frames), images.frame_count(data, limits) if len(frames) > 1 else 1)
    opened = Opened(pages=count)
    if count > len(frames):
        opened.findings.append(unseen(count - len(frames)))
    opened.leaves = [
        Leaf(
            index,
            codes=parsed_codes(pixels, index),
            searched=True,
            picture=partial(_same, pixels),
        )
        for index, pixels in enumerate(frames)
    ]
    return opened


def unseen(count: int) -> Finding:
    """So many pages of the file were not looked at."""
    return Finding(code="pages_unseen", severity=Severity.BLOCK, params={"count": str(count)})


def several(count: int) -> Finding:
    """The file seems to hold so many invoices that could not be told apart."""
    return Finding(code="several_invoices", severity=Severity.BLOCK, params={"count": str(count)})


def _parsed(codes: Iterable[tuple[str, Box | None]]) -> list[Invoice]:
    readings = (parse_qr(text, box) for text, box in codes)
    return [reading for reading in readings if reading is not None]


def _same(picture: Image) -> Image:
    return picture

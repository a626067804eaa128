"""JBIG2 pictures (ITU-T T.88), decoded by the one kept library that knows the form: PDFium.

It reads JBIG2 only inside a PDF, so the segments are laid into a PDF of one picture. OFD files of
several platforms store their QR codes this way.
"""

from __future__ import annotations

import struct

import numpy as np
import pypdfium2 as pdfium

from extractors.errors import DamagedFile, TooManyPixels
from extractors.recogniser import Image

_MAGIC = b"\x97JB2\r\n\x1a\n"
_UNKNOWN_PAGES = 0x02
_SEQUENTIAL = 0x01
_PAGE_INFORMATION = 48
#: Segments that belong to a file and not to a picture inside a PDF (ISO 32000-1, 7.4.7).
_FILE_ONLY = frozenset({49, 51})
_MOST_SEGMENTS = 1000
_MOST_PIXELS = 4_000_000
_UNKNOWN_LENGTH = 0xFFFFFFFF


def is_jbig2(data: bytes) -> bool:
    return data.startswith(_MAGIC)


def jbig2_picture(data: bytes) -> Image:
    """The first page as grey pixels. Raises `DamagedFile`, or `TooManyPixels` past 4 million,
    which no code needs."""
    try:
        segments, width, height = _segments(data)
    except (struct.error, IndexError) as error:
        raise DamagedFile(detail="JBIG2 segments") from error
    if width * height > _MOST_PIXELS:
        raise TooManyPixels(pixels=width * height, limit=_MOST_PIXELS)
    try:
        document = pdfium.PdfDocument(_pdf(segments, width, height))
        try:
            bitmap = document[0].render(scale=1, grayscale=True)
            return np.array(bitmap.to_numpy(), dtype=np.uint8).reshape(bitmap.height, -1)[
                :, : bitmap.width
            ]
        finally:
            document.close()
    except (pdfium.PdfiumError, ValueError) as error:
        raise DamagedFile(detail="JBIG2 picture") from error


def _segments(data: bytes) -> tuple[bytes, int, int]:
    """The segments without the file's own header, and the size of the page."""
    flags = data[8]
    at = 9 if flags & _UNKNOWN_PAGES else 13
    if not flags & _SEQUENTIAL:
        raise DamagedFile(detail="JBIG2 in random order")
    kept, width, height = [], 0, 0
    for _ in range(_MOST_SEGMENTS):
        if at + 11 > len(data):
            break
        kind, start, length = _header(data, at)
        end = len(data) if length == _UNKNOWN_LENGTH else start + length
        if kind == _PAGE_INFORMATION:
            width, height = struct.unpack_from(">II", data, start)
        if kind not in _FILE_ONLY:
            kept.append(data[at:end])
        at = end
    if width <= 0 or height <= 0:
        raise DamagedFile(detail="JBIG2 without a page")
    return b"".join(kept), width, height


def _header(data: bytes, at: int) -> tuple[int, int, int]:
    """A segment's type, where its data begin, and their length (T.88, 7.2)."""
    (number,) = struct.unpack_from(">I", data, at)
    flags, referred = data[at + 4], data[at + 5] >> 5
    at += 6
    if referred == 7:
        (referred,) = struct.unpack_from(">I", data, at - 1)
        referred &= 0x1FFFFFFF
        at += 3 + (referred + 8) // 8
    at += referred * (1 if number <= 256 else 2 if number <= 65536 else 4)
    at += 4 if flags & 0x40 else 1
    (length,) = struct.unpack_from(">I", data, at)
    return flags & 0x3F, at + 4, length


def _pdf(segments: bytes, width: int, height: int) -> bytes:
    """A page of one point a pixel that shows the picture."""
    drawing = b"q %d 0 0 %d 0 0 cm /I Do Q" % (width, height)
    picture = (
        b"<</Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray"
        b"/BitsPerComponent 1/Filter/JBIG2Decode/Length %d>>stream\n"
        % (width, height, len(segments))
    )
    page = (
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d %d]/Contents 4 0 R"
        b"/Resources<</XObject<</I 5 0 R>>>>>>" % (width, height)
    )
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        page,
        b"<</Length %d>>stream\n%s\nendstream" % (len(drawing), drawing),
        picture + segments + b"\nendstream",
    ]
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, start)
    return bytes(out)

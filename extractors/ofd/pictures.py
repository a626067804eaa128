"""QR codes in the stored pictures of an OFD, JBIG2 among them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from extractors import images
from extractors.errors import DamagedFile, TooManyPixels
from extractors.jbig2 import is_jbig2, jbig2_picture
from extractors.limits import Limits
from extractors.qr import parse_qr, read_codes
from extractors.recogniser import Image

#: Pictures that are looked at, in file order.
_MOST = 24
#: Longer side over shorter one; a code is square, a scanned page nearly so.
_STRETCHED = 1.5


def picture_codes(stored: Sequence[bytes], limits: Limits) -> tuple[str, ...]:
    """The texts of QR codes, up to the first picture that shows an invoice's."""
    found: dict[str, None] = {}
    for picture in _pictures(stored[:_MOST], limits):
        for text, _ in read_codes(picture):
            found[text] = None
        if any(parse_qr(text) is not None for text in found):
            break
    return tuple(found)


def _pictures(stored: Sequence[bytes], limits: Limits) -> Iterator[Image]:
    for content in stored:
        try:
            jbig2 = is_jbig2(content)
            picture = jbig2_picture(content) if jbig2 else images.load_image(content, limits)
        except (DamagedFile, TooManyPixels):  # a logo in some odd form; others go on
            continue
        short, long = sorted(picture.shape[:2])
        if long <= _STRETCHED * short:
            yield picture

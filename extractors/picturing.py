"""Pages drawn anew for people: what a browser is shown is never the file that was handed in.

A picture is drawn as the boxes of what was read have it: the page itself where it has a text layer,
the upright and level picture where it was recognised. Pages of an OFD, which nothing here paints,
are drawn from their words, each in its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Protocol, runtime_checkable

import cv2
from pydantic import ConfigDict

from extractors.errors import DocumentError
from extractors.images import shrink
from extractors.leaves import Leaf
from extractors.model import Box, Frozen, Invoice
from extractors.recogniser import Image
from extractors.split import cut_out
from extractors.words import PageWords, Word

#: A page of A4 is read well at 150 dpi; zoomed in, print of 8 points still is.
_LONG_SIDE = 1800
_QUALITY = 86
_MOST_PAGES = 20
_UNITS = 1000.0


class PagePicture(Frozen):
    """One page for people; `page` as in the boxes of its fields. `width` and `height` give the
    shape only."""

    page: int
    media_type: str
    width: int
    height: int
    content: bytes

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")


@runtime_checkable
class Uprighter(Protocol):
    """A recogniser that gives back the picture which its boxes lie on."""

    def upright(self, image: Image, rotation: int) -> Image: ...


def drawn(
    leaves: Sequence[Leaf], invoice: Invoice | None, recogniser: object
) -> tuple[PagePicture, ...]:
    """The pages of an invoice, or of the file; those that cannot be drawn are left out."""
    first = invoice.first_page if invoice else 0
    count = invoice.pages if invoice else _MOST_PAGES
    found = []
    for leaf in leaves:
        if first <= leaf.page < first + min(count, _MOST_PAGES):
            picture = _drawn(leaf, invoice, recogniser)
            if picture is not None:
                found.append(picture)
    return tuple(found)


def _drawn(leaf: Leaf, invoice: Invoice | None, recogniser: object) -> PagePicture | None:
    try:
        picture = leaf.draw()
    except DocumentError:
        return None
    if picture is None:
        return _from_words(leaf.words) if leaf.words is not None else None
    region = invoice.region if invoice else None
    if region is not None:
        picture = cut_out(picture, region)
    if leaf.words is None and isinstance(recogniser, Uprighter):
        picture = recogniser.upright(picture, invoice.rotation if invoice else 0)
    leaf.let_go()
    return _packed(leaf.page, picture)


def _packed(page: int, picture: Image) -> PagePicture:
    small = shrink(picture, _LONG_SIDE)
    _, packed = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    height, width = small.shape[:2]
    return PagePicture(
        page=page,
        media_type="image/jpeg",
        width=width,
        height=height,
        content=packed.tobytes(),
    )


def _from_words(page: PageWords) -> PagePicture:
    """The words of a page, each in its box, as a drawing of lines of text alone."""
    height = round(_UNITS * page.height / page.width)
    words = "".join(_text(word, height) for word in page.words if word.text.strip())
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_UNITS:.0f} {height}" '
        f'width="{_UNITS:.0f}" height="{height}" font-family="sans-serif">'
        f'<rect width="100%" height="100%" fill="#fff"/>{words}</svg>'
    )
    return PagePicture(
        page=page.page,
        media_type="image/svg+xml",
        width=round(_UNITS),
        height=height,
        content=svg.encode(),
    )


def _text(word: Word, height: int) -> str:
    box: Box = word.box
    x, width = box.x0 * _UNITS, (box.x1 - box.x0) * _UNITS
    low, tall = box.y1 * height, (box.y1 - box.y0) * height
    shown = "".join(letter for letter in word.text if letter.isprintable())
    return (
        f'<text x="{x:.1f}" y="{low - tall * 0.15:.1f}" font-size="{max(tall * 0.85, 4):.1f}" '
        f'textLength="{max(width, 1):.1f}" lengthAdjust="spacingAndGlyphs">{escape(shown)}</text>'
    )

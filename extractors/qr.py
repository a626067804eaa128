"""QR codes of invoices: found in pictures, and their text read as a source of its own.

The text is exact where it says something: number, date, amount, often the check code. Which
total its amount is, and which kind it speaks of, depends on its type number (`kinds`).
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
import zxingcpp

from extractors import values
from extractors.build import invoice_from_texts
from extractors.kinds import kind_from_qr_type
from extractors.model import FIELD_NAMES, Box, Invoice, Kind, Source
from extractors.recogniser import Image

#: Long side in pixels up to which a picture is also tried enlarged.
_ENLARGE_BELOW = 2600
#: Beyond this long side a picture is also tried at half size (blurred photographs).
_SHRINK_ABOVE = 1500
#: Modules along a side of the smallest QR code: a picture narrower than that holds none.
_LEAST_MODULES = 21
#: Variants at the picture's own size. Where they show any code, it is sharp enough to show the
#: invoice's too, and the others, ten times as dear, are left out.
_OWN_SIZE = 2
_QR_ONLY = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
#: Leader, type, 发票代码 or none, number. Fiscal bills begin likewise, but go on with a bill's
#: code of 8 digits and a number of 10: they are none of these, and nothing of them is taken.
_SHAPE = re.compile(r"^01,\d{2},(?:\d{10}|\d{12})?,[0-9A-Za-z]{8,20}$")
_MIN_PARTS = 6
_MAX_TEXT = 1000
_FEN_PER_YUAN = 100
_SHENZHEN_CHECK_CODE = 5


def read_codes(image: Image, page: int = 0) -> tuple[tuple[str, Box], ...]:
    """The QR codes of a picture (BGR or grey), each text once, with its box on page `page`.

    Cheap variants are tried one after another, and the first that shows an invoice's code ends
    the search; a picture without any costs all of them (about 0.1 s on a 200 dpi page).
    """
    found: dict[str, Box] = {}
    for number, variant in enumerate(_variants(image)):
        if found and number >= _OWN_SIZE:
            break
        for code in zxingcpp.read_barcodes(variant, formats=_QR_ONLY):
            text = str(code.text).strip()
            if text and len(text) <= _MAX_TEXT:
                found.setdefault(text, _box(code.position, variant, page))
        if any(parse_qr(text) is not None for text in found):
            break
    return tuple(found.items())


def first_code(image: Image, page: int = 0) -> tuple[str, Box] | None:
    """One QR code of a clean picture as it stands, the first that speaks of an invoice if any;
    for drawn codes, where no variant helps."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if image.ndim == 3 else image
    plain = np.ascontiguousarray(grey, dtype=np.uint8)
    codes = [
        (text, _box(code.position, plain, page))
        for code in zxingcpp.read_barcodes(plain, formats=_QR_ONLY)
        if (text := str(code.text).strip()) and len(text) <= _MAX_TEXT
    ]
    known = [code for code in codes if parse_qr(code[0]) is not None]
    return next(iter(known or codes), None)


def _variants(image: Image) -> Iterator[Image]:
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if image.ndim == 3 else image
    grey = np.ascontiguousarray(grey, dtype=np.uint8)
    if min(grey.shape) < _LEAST_MODULES:
        return
    yield grey
    yield _sharpened(grey)
    long_side = max(grey.shape)
    if long_side > _SHRINK_ABOVE:
        half = cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        yield np.asarray(half, dtype=np.uint8)
    if long_side < _ENLARGE_BELOW:
        # Sharpened before it is enlarged: a quarter of the pixels, and half the reach.
        double = cv2.resize(_sharpened(grey, 1.5), None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
        yield np.asarray(double, dtype=np.uint8)


def _sharpened(grey: Image, reach: float = 3.0) -> Image:
    """Unsharp mask, strong: on drawn codes it won back blur of half a module that thresholds
    and plain enlarging did not."""
    soft = cv2.GaussianBlur(grey, (0, 0), reach)
    return np.asarray(cv2.addWeighted(grey, 4, soft, -3, 0), dtype=np.uint8)


def _box(position: Any, image: Image, page: int) -> Box:
    height, width = image.shape[:2]
    corners = (
        position.top_left,
        position.top_right,
        position.bottom_right,
        position.bottom_left,
    )
    xs = [corner.x / width for corner in corners]
    ys = [corner.y / height for corner in corners]
    return Box(page=page, x0=min(xs), y0=min(ys), x1=max(xs), y1=max(ys))


def parse_qr(text: str, box: Box | None = None) -> Invoice | None:
    """The invoice that a QR text speaks of, source QR, confidence 1.0; None for other codes.

    Two shapes: `01,type,code,number,amount,date,checkcode,...` (the last part is opaque and
    never read), and the address of Shenzhen's blockchain invoices (`bill_num`, `total_amount`
    in fen, check code = last 5 characters of `hash`). Codes of fiscal bills are declined.
    """
    text = text.strip().lstrip("\ufeff")
    if text.startswith(("http://", "https://")):
        return _from_address(text, box)
    parts = [part.strip() for part in text.split(",")]
    if len(parts) < _MIN_PARTS or not _SHAPE.match(",".join(parts[:4])):
        return None
    _, number_of_type, code, number, amount, date, *rest = parts
    meaning = kind_from_qr_type(number_of_type)
    texts: dict[str, str | None] = {
        "invoice_code": code,
        "invoice_number": number,
        "issue_date": date,
        "check_code": rest[0] if rest else None,
    }
    if meaning is not None and meaning.amount_field:
        texts[meaning.amount_field] = amount
    invoice = _invoice(texts, box, meaning.kind if meaning else Kind.UNKNOWN)
    return invoice if invoice.invoice_number is not None else None


def placed_as(code: Invoice, shown: Sequence[Invoice]) -> Invoice:
    """The reading of a code with its place on another picture of the page, of which `shown` are
    the readings; without one where the code is not read there."""
    number = code.invoice_number
    for other in shown:
        if number and other.invoice_number and other.invoice_number.value == number.value:
            return other
    fields = {
        name: field.model_copy(update={"box": None})
        for name in FIELD_NAMES
        if (field := getattr(code, name)) is not None
    }
    return code.model_copy(update=fields)


def _from_address(text: str, box: Box | None) -> Invoice | None:
    try:
        address = urllib.parse.urlsplit(text)
        host = address.hostname or ""
        # Some of these put the query behind a fragment (`#/...?hash=`).
        query = dict(urllib.parse.parse_qsl(address.query or address.fragment.rpartition("?")[2]))
    except ValueError:
        return None
    number, fen = query.get("bill_num"), query.get("total_amount", "")
    if not number or not host.endswith(".chinatax.gov.cn"):
        return None
    cents = values.parse_number(fen)
    total = None if cents is None else str(cents / _FEN_PER_YUAN)
    check_code = query.get("hash", "")[-_SHENZHEN_CHECK_CODE:] or None
    texts = {"invoice_number": number, "total_with_tax": total, "check_code": check_code}
    return _invoice(texts, box, Kind.UNKNOWN).model_copy(update={"address": text})


def _invoice(texts: dict[str, str | None], box: Box | None, kind: Kind) -> Invoice:
    boxes = dict.fromkeys(FIELD_NAMES, box) if box is not None else None
    return invoice_from_texts(
        texts,
        Source.QR,
        kind=kind,
        boxes={name: place for name, place in (boxes or {}).items() if place is not None},
    )

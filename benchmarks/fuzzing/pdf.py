"""PDFs: trees that loop, streams that swell, pages without measure, pictures that are not there."""

from __future__ import annotations

import io
import random
import zlib
from collections.abc import Callable, Sequence

from reportlab.pdfgen.canvas import Canvas

from benchmarks.fuzzing.xml import XML, laughs

_MIB = 1024 * 1024


def _pdf(objects: Sequence[bytes], more: bytes = b"") -> bytes:
    """Objects 1.. with a correct table of offsets; the first is the catalogue."""
    out = b"%PDF-1.7\n"
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start = len(out)
    count = len(objects) + 1
    trailer = b"trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF" % (count, more, start)
    return out + b"xref\n0 %d\n0000000000 65535 f \n" % count + table + trailer


def _stream(body: bytes, head: bytes = b"") -> bytes:
    return b"<<%s/Length %d>>\nstream\n" % (head, len(body)) + body + b"\nendstream"


def _packed_stream(body: bytes, head: bytes = b"") -> bytes:
    return _stream(zlib.compress(body, 9), head + b"/Filter/FlateDecode")


_FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"


def _one_page(
    content: bytes, box: bytes = b"[0 0 600 400]", *more: bytes, page: bytes = b""
) -> bytes:
    """A page; further objects are 6, 7 ..., in resources as /X6 /X7 ..."""
    named = b"".join(b"/X%d %d 0 R" % (number, number) for number in range(6, 6 + len(more)))
    return _pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox"
            + box
            + b"/Contents 4 0 R"
            + page
            + b"/Resources<</Font<</F1 5 0 R>>/XObject<<"
            + named
            + b">>>>>>",
            content,
            _FONT,
            *more,
        ]
    )


def _shown(count: int, text: bytes, spread: int) -> bytes:
    """`count` texts on a page, `spread` to a row."""
    ops = b"".join(
        b"BT /F1 6 Tf %d %d Td (%s) Tj ET\n" % (n % spread * 7, 390 - n // spread * 7, text)
        for n in range(count)
    )
    return _one_page(_packed_stream(ops))


def _attached(content: bytes) -> bytes:
    return _pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[(a.xml) 4 0 R]>>>>>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 400]>>",
            b"<</Type/Filespec/F(a.xml)/UF(a.xml)/EF<</F 5 0 R>>>>",
            content,
        ]
    )


def _form_loop() -> bytes:
    form = b"/Type/XObject/Subtype/Form/BBox[0 0 600 400]/Resources<</XObject<</X6 6 0 R>>>>"
    return _one_page(_stream(b"/X6 Do"), b"[0 0 600 400]", _stream(b"/X6 Do /X6 Do", form))


def _form_tree(levels: int) -> bytes:
    """Forms that each draw the next ten times: ten to the power of `levels` texts."""
    forms = []
    for level in range(levels):
        child = 7 + level
        head = (
            b"/Type/XObject/Subtype/Form/BBox[0 0 600 400]"
            b"/Resources<</Font<</F1 5 0 R>>/XObject<</X%d %d 0 R>>>>" % (child, child)
        )
        last = level == levels - 1
        forms.append(
            _stream(b"BT /F1 9 Tf 9 9 Td (x) Tj ET" if last else b"/X%d Do " % child * 10, head)
        )
    return _one_page(_stream(b"/X6 Do"), b"[0 0 600 400]", *forms)


def _image_object(head: bytes, body: bytes = b"\0" * 100) -> bytes:
    picture = _stream(
        body, b"/Type/XObject/Subtype/Image/BitsPerComponent 8/ColorSpace/DeviceRGB" + head
    )
    return _one_page(_stream(b"600 0 0 400 0 0 cm /X6 Do"), b"[0 0 600 400]", picture)


def _many_pages(count: int) -> bytes:
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=(300, 200))
    for number in range(count):
        canvas.drawString(
            20, 100, f"No {number:020d} a page of its own, with enough text to be read"
        )
        canvas.showPage()
    canvas.save()
    return stream.getvalue()


PDF: dict[str, Callable[[], bytes]] = {
    "kids loop": lambda: _pdf(
        [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 2>>"]
    ),
    "count lie": lambda: _pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 2147483647>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
        ]
    ),
    "negative count": lambda: _pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count -5>>",
            b"<</Type/Page/Parent 2 0 R>>",
        ]
    ),
    "deep tree": lambda: _pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            *(b"<</Type/Pages/Kids[%d 0 R]/Count 1>>" % (n + 3) for n in range(5_000)),
            b"<</Type/Page/MediaBox[0 0 9 9]>>",
        ]
    ),
    "deep array": lambda: _one_page(_stream(b"[" * 200_000)),
    "deep dictionary": lambda: _pdf(
        [b"<</Type/Catalog/Pages 2 0 R/X " + b"<</X " * 50_000 + b">>"]
    ),
    "bomb": lambda: _one_page(_packed_stream(b" " * (400 * _MIB))),
    "bomb twice": lambda: _one_page(
        _stream(
            zlib.compress(zlib.compress(bytes(300 * _MIB), 9), 9),
            b"/Filter[/FlateDecode/FlateDecode]",
        )
    ),
    "text bomb": lambda: _one_page(
        _packed_stream(
            b"BT /F1 9 Tf " + b"(0123456789012345678901234567890123456789) Tj " * 200_000 + b"ET"
        )
    ),
    "attachment bomb": lambda: _attached(
        _packed_stream(b" " * (400 * _MIB), b"/Type/EmbeddedFile")
    ),
    "attachment": lambda: _attached(_packed_stream(laughs("utf-8"), b"/Type/EmbeddedFile")),
    "attachment lines": lambda: _attached(_packed_stream(XML["lines"](), b"/Type/EmbeddedFile")),
    "giant page": lambda: _one_page(
        _stream(b"BT /F1 9 Tf (x) Tj ET"), b"[0 0 1000000000 1000000000]"
    ),
    "sliver page": lambda: _one_page(_stream(b""), b"[0 0 14400 0.01]"),
    "no page": lambda: _one_page(_stream(b""), b"[0 0 0 0]"),
    "nan page": lambda: _one_page(_stream(b""), b"[nan nan nan nan]"),
    "tall page": lambda: _one_page(_stream(b""), b"[0 0 1 1000000]"),
    "turned page": lambda: _one_page(_stream(b""), page=b"/Rotate 12345678901"),
    "user unit": lambda: _one_page(_stream(b""), page=b"/UserUnit 1e30"),
    "form loop": _form_loop,
    "form tree 5": lambda: _form_tree(5),
    "form tree 9": lambda: _form_tree(9),
    "states": lambda: _one_page(_packed_stream(b"q " * 3_000_000)),
    "clips": lambda: _one_page(_packed_stream(b"0 0 600 400 re W n " * 200_000)),
    "texts in a heap": lambda: _shown(30_000, b"99.99", 1),
    "texts on a grid": lambda: _shown(4_900, b"99.99", 85),
    "letters": lambda: _shown(40_000, b"9", 85),
    "long word": lambda: _shown(1, b"9" * 300_000, 1),
    "image size": lambda: _image_object(b"/Width 100000/Height 100000"),
    "image size 2": lambda: _image_object(b"/Width 2147483647/Height 2147483647"),
    "image negative": lambda: _image_object(b"/Width -1/Height -1"),
    "image bomb": lambda: _image_object(
        b"/Width 20000/Height 20000/Filter/FlateDecode",
        zlib.compress(bytes(20_000 * 20_000 * 3), 9),
    ),
    "jbig2": lambda: _image_object(
        b"/Width 900/Height 900/Filter/JBIG2Decode", random.Random(2).randbytes(5_000)
    ),
    "jpx": lambda: _image_object(
        b"/Width 900/Height 900/Filter/JPXDecode",
        b"\x00\x00\x00\x0cjP  \r\n\x87\n" + random.Random(3).randbytes(5_000),
    ),
    "fax": lambda: _image_object(
        b"/Width 60000/Height 60000/Filter/CCITTFaxDecode"
        b"/DecodeParms<</K -1/Columns 60000/Rows 60000>>",
        random.Random(4).randbytes(5_000),
    ),
    "pages 50": lambda: _many_pages(50),
    "pages 51": lambda: _many_pages(51),
    "xref loop": lambda: _one_page(_stream(b"")).replace(b"trailer\n<<", b"trailer\n<</Prev 9"),
    "encrypted": lambda: _pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[]/Count 0>>",
            b"<</Filter/Standard/V 5/R 6/O(x)/U(x)/P -1>>",
        ],
        b"/Encrypt 3 0 R/ID[(a)(b)]",
    ),
}

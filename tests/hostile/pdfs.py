"""PDFs: what wants to run, what goes round in circles, what swells, what is two things at once."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable
from functools import partial

_MIB = 1024 * 1024
_FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
_PAGES = b"<</Type/Pages/Kids[3 0 R]/Count 1>>"
_CATALOG = b"<</Type/Catalog/Pages 2 0 R>>"


def pdf(*objects: bytes, trailer: bytes = b"") -> bytes:
    """Objects 1.. with a correct table of offsets; the first is the catalogue."""
    out, offsets = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    count = len(objects) + 1
    return out + b"xref\n0 %d\n0000000000 65535 f \n%btrailer\n<</Size %d/Root 1 0 R%b>>" % (
        *(count, table, count, trailer),
    ) + b"\nstartxref\n%d\n%%%%EOF" % len(out)  # fmt: skip


def stream(body: bytes, head: bytes = b"") -> bytes:
    """A stream object of these bytes."""
    return b"<<%b/Length %d>>\nstream\n%b\nendstream" % (head, len(body), body)


def _packed(body: bytes, head: bytes = b"") -> bytes:
    return stream(zlib.compress(body, 9), head + b"/Filter/FlateDecode")


def _page(
    content: bytes = b"<</Length 0>>\nstream\n\nendstream",
    box: bytes = b"0 0 600 400",
    more: bytes = b"",
    catalogue: bytes = b"",
    objects: tuple[bytes, ...] = (),
) -> bytes:
    return pdf(
        b"<</Type/Catalog/Pages 2 0 R%b>>" % catalogue,
        _PAGES,
        b"<</Type/Page/Parent 2 0 R/MediaBox[%b]/Contents 4 0 R%b"
        b"/Resources<</Font<</F1 5 0 R>>/XObject<</X6 6 0 R>>>>>>" % (box, more),
        content,
        _FONT,
        *objects,
    )


def _action(action: bytes) -> bytes:
    """Something that wants to run when the file is opened, and when the page is."""
    return _page(catalogue=b"/OpenAction" + action, more=b"/AA<</O%b>>" % action)


def _operators(one: bytes, times: int) -> bytes:
    return _page(_packed(one * times))


def _picture(head: bytes, body: bytes) -> bytes:
    kind = b"/Type/XObject/Subtype/Image/BitsPerComponent 8/ColorSpace/DeviceRGB"
    picture = stream(body, kind + head)
    return _page(stream(b"600 0 0 400 0 0 cm /X6 Do"), objects=(picture,))


def _also(end: Callable[[], bytes], *, before: bytes = b"") -> bytes:
    """A PDF that another program takes for something else."""
    return before + _page() + end()


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("OFD.xml", "<OFD/>")
    return out.getvalue()


def _object_stream() -> bytes:
    """A stream of objects that says it extends itself, and swells."""
    body = b"1 0 " + b" " * (100 * _MIB)
    head = b"/Type/ObjStm/N 1/First 4/Extends 6 0 R"
    return _page(objects=(_packed(body, head),))


def _cross_stream(index: bytes) -> bytes:
    """A table of offsets, as a stream, that claims more than there is."""
    head = b"/Type/XRef/Size 2147483647/Root 1 0 R/W[1 8 2]/Index[%b]" % index
    body = b"%PDF-1.7\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n"
    return body + b"2 0 obj\n%b\nendobj\nstartxref\n%d\n%%%%EOF" % (
        _packed(bytes(1_000), head),
        len(body),
    )


_ACTIONS: dict[str, bytes] = {
    "javascript": b"<</S/JavaScript/JS(app.launchURL\\('http://127.0.0.1'\\);)>>",
    "launch": b"<</S/Launch/F(/bin/sh)/Win<</F(cmd.exe)/P(/c calc)>>>>",
    "uri": b"<</S/URI/URI(http://169.254.169.254/latest/)>>",
    "file uri": b"<</S/URI/URI(file:///etc/passwd)>>",
    "submit": b"<</S/SubmitForm/F<</FS/URL/F(http://127.0.0.1/)>>>>",
    "import": b"<</S/ImportData/F(/etc/passwd)>>",
    "elsewhere": b"<</S/GoToR/F(\\\\\\\\127.0.0.1\\\\share\\\\x.pdf)/D[0/Fit]>>",
    "embedded": b"<</S/GoToE/T<</R/C/N(x.pdf)>>>>",
    "loop": b"<</S/JavaScript/JS(for\\(;;\\);)>>",
}
_OPERATORS: dict[str, tuple[bytes, int]] = {
    "states": (b"q ", 1_000_000),
    "restores": (b"Q ", 1_000_000),
    "lines": (b"0 0 m 9 9 l S ", 100_000),
    "curves": (b"0 0 m 1 2 3 4 5 6 c f ", 100_000),
    "marks": (b"/X BMC ", 500_000),
    "words": (b"BT /F1 9 Tf (x) Tj ET ", 40_000),
    "unknown": (b"zz ", 1_000_000),
    "numbers": (b"1 ", 2_000_000),
    "inline pictures": (b"BI /W 1 /H 1 /BPC 8 /CS /G ID x EI ", 50_000),
    "matrices": (b"1e9 0 0 1e9 0 0 cm ", 100_000),
}
_BOXES: dict[str, bytes] = {
    "endless": b"0 0 1e38 1e38",
    "upside down": b"600 400 0 0",
    "negative": b"-9999999 -9999999 9999999 9999999",
    "thin": b"0 0 100000 0.001",
    "words": b"/a /b /c /d",
    "short": b"0 0",
    "itself": b"3 0 R",
}
PDFS: dict[str, Callable[[], bytes]] = {
    **{f"pdf action {name}": partial(_action, body) for name, body in _ACTIONS.items()},
    **{f"pdf operators {name}": partial(_operators, *each) for name, each in _OPERATORS.items()},
    **{f"pdf box {name}": partial(_page, box=box) for name, box in _BOXES.items()},
    "pdf is zip": partial(_also, _zip),
    "pdf after html": partial(_also, bytes, before=b"<html><script>alert(1)</script></html>\n"),
    "pdf after shell": partial(_also, bytes, before=b"#!/bin/sh\necho x\n"),
    "pdf after picture": partial(_also, bytes, before=b"GIF89a" + bytes(40)),
    "pdf before html": partial(_also, lambda: b"<html><script>alert(1)</script></html>"),
    "pdf far behind": partial(_also, bytes, before=b" " * 5_000),
    "pdf object stream": _object_stream,
    "pdf table beyond": partial(_cross_stream, b"0 2147483647"),
    "pdf table negative": partial(_cross_stream, b"-5 100"),
    "pdf kids of themselves": lambda: pdf(
        _CATALOG, b"<</Type/Pages/Kids[3 0 R]/Count 1>>", b"<</Type/Pages/Kids[2 0 R]/Count 1>>"
    ),
    "pdf no pages": lambda: pdf(_CATALOG),
    "pdf no catalogue": lambda: pdf(b"<</Type/Nothing>>"),
    "pdf start elsewhere": lambda: _page().replace(b"startxref\n", b"startxref\n9"),
    "pdf offsets": lambda: _page().replace(b" 00000 n", b" 99999 n"),
    "pdf half": lambda: _page()[:300],
    "pdf only head": lambda: b"%PDF-1.7\n",
    "pdf filters": lambda: _page(stream(b"x", b"/Filter[" + b"/FlateDecode" * 500 + b"]")),
    "pdf length itself": lambda: _page(b"<</Length 4 0 R>>\nstream\nq\nendstream"),
    "pdf run length": lambda: _page(stream(b"\x81x" * 3_000_000, b"/Filter/RunLengthDecode")),
    "pdf lzw": lambda: _page(stream(b"\xff" * 100_000, b"/Filter/LZWDecode")),
    "pdf hex": lambda: _page(stream(b"<" * 100_000, b"/Filter/ASCIIHexDecode")),
    "pdf encrypted": lambda: pdf(
        *(_CATALOG, _PAGES, b"<</Type/Page/Parent 2 0 R>>"),
        b"<</Filter/Standard/V 5/R 6/Length 256/O(x)/U(x)/OE(x)/UE(x)/Perms(x)/P -1>>",
        trailer=b"/Encrypt 4 0 R/ID[(a)(b)]",
    ),
    "pdf unknown lock": lambda: pdf(
        *(_CATALOG, _PAGES, b"<</Type/Page/Parent 2 0 R>>", b"<</Filter/Unknown/V 9>>"),
        trailer=b"/Encrypt 4 0 R/ID[(a)(b)]",
    ),
    "pdf xfa": lambda: _page(
        catalogue=b"/AcroForm<</XFA 6 0 R/Fields[]>>",
        objects=(stream(b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'),),
    ),
    "pdf metadata": lambda: _page(
        catalogue=b"/Metadata 6 0 R",
        objects=(
            stream(
                b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>',
                b"/Type/Metadata/Subtype/XML",
            ),
        ),
    ),
    "pdf outside stream": lambda: _page(b"<</Length 0/F(/etc/passwd)>>\nstream\n\nendstream"),
    "pdf jbig2": lambda: _picture(
        b"/Width 60000/Height 60000/Filter/JBIG2Decode",
        b"\0\0\0\0\x30\0\1\0\0\0\x13" + b"\xff" * 40,
    ),
    "pdf jpx": lambda: _picture(
        b"/Width 60000/Height 60000/Filter/JPXDecode", b"\xff\x4f\xff\x51" + b"\xff" * 400
    ),
    "pdf dct": lambda: _picture(
        b"/Width 60000/Height 60000/Filter/DCTDecode", b"\xff\xd8\xff\xc0\0\x11\x08" + b"\xff" * 40
    ),
    "pdf mask of itself": lambda: _picture(b"/Width 9/Height 9/SMask 6 0 R", bytes(300)),
}  # fmt: skip

"""OFDs: bombs, directories that lie, pages without measure."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence

_MIB = 1024 * 1024


def _zipped(parts: Sequence[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as package:
        for name, content in parts:
            package.writestr(zipfile.ZipInfo(name), content, method)
    return stream.getvalue()


def _ofd(document: bytes, *more: tuple[str, bytes]) -> bytes:
    root = b"<OFD><DocBody><DocRoot>Doc_0/Document.xml</DocRoot></DocBody></OFD>"
    return _zipped([("OFD.xml", root), ("Doc_0/Document.xml", document), *more])


def _paged(content: bytes, pages: int = 1) -> bytes:
    listed = b"".join(b'<Page ID="%d" BaseLoc="P/C.xml"/>' % number for number in range(pages))
    return _ofd(b"<Document><Pages>" + listed + b"</Pages></Document>", ("Doc_0/P/C.xml", content))


def _text_object(attributes: str, text: str = "123.45") -> bytes:
    code = f'<TextCode X="0" Y="5">{text}</TextCode>'
    return f"<TextObject {attributes}>{code}</TextObject>".encode()


def _text_objects(count: int, attributes: str, text: str = "123.45") -> bytes:
    one = _text_object(attributes, text)
    return b"<Page><Content><Layer>" + one * count + b"</Layer></Content></Page>"


def _lying(field: int, value: int) -> bytes:
    """A directory entry whose 32-bit field at an offset is another value."""
    data = bytearray(_zipped([("OFD.xml", b"<OFD>" + b"a" * 3_000_000 + b"</OFD>")]))
    struct.pack_into("<I", data, data.rindex(b"PK\x01\x02") + field, value)
    return bytes(data)


def _overlapping() -> bytes:
    """Many directory entries that all name one packed megabyte (the quine-less zip bomb)."""
    body = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = body.compress(b" " * 150 * 1024) + body.flush()
    size, check = 150 * 1024, zlib.crc32(b" " * 150 * 1024)
    name = b"OFD.xml"
    local = struct.pack(
        "<IHHHHHIIIHH", 0x04034B50, 20, 0, 8, 0, 33, check, len(packed), size, len(name), 0
    )
    out = local + name + packed
    directory = b""
    for number in range(1900):
        entry = name if number == 0 else b"Doc_0/Attachs/%d.xml" % number
        directory += (
            struct.pack(
                "<IHHHHHHIIIHHHHHII",
                0x02014B50,
                20,
                20,
                0,
                8,
                0,
                33,
                check,
                len(packed),
                size,
                len(entry),
                0,
                0,
                0,
                0,
                0,
                0,
            )
            + entry
        )
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 1900, 1900, len(directory), len(out), 0)
    return out + directory + end


_BOX = 'ID="1" Boundary="{} {} {} {}" Font="1" Size="{}"'
OFD: dict[str, Callable[[], bytes]] = {
    "bomb": lambda: _zipped([("OFD.xml", b"<OFD/>"), ("Doc_0/Document.xml", bytes(300 * _MIB))]),
    "bomb under the ratio": lambda: _zipped(
        [("OFD.xml", b"<OFD>" + random.Random(1).randbytes(60_000).hex().encode() * 60 + b"</OFD>")]
    ),
    "bomb many": lambda: _zipped(
        [
            ("OFD.xml", b"<OFD/>"),
            *((f"Doc_0/Attachs/{n}.xml", b"<a>" + b" " * 900_000 + b"</a>") for n in range(190)),
        ]
    ),
    "overlapping": _overlapping,
    "bzip": lambda: _zipped(
        [("OFD.xml", b"<OFD>" + bytes(100 * _MIB) + b"</OFD>")], zipfile.ZIP_BZIP2
    ),
    "lzma": lambda: _zipped(
        [("OFD.xml", b"<OFD>" + bytes(100 * _MIB) + b"</OFD>")], zipfile.ZIP_LZMA
    ),
    "entries": lambda: _zipped(
        [("OFD.xml", b"<OFD/>"), *((f"Doc_0/{number}", b"") for number in range(60_000))]
    ),
    "size lie": lambda: _lying(24, 100),
    "packed size lie": lambda: _lying(20, 0xFFFFFFF0),
    "offset lie": lambda: _lying(42, 0x7FFFFFFF),
    "no document": lambda: _zipped([("OFD.xml", b"<OFD/>")]),
    "itself": lambda: _zipped(
        [("OFD.xml", b"<OFD><DocBody><DocRoot>OFD.xml</DocRoot></DocBody></OFD>")]
    ),
    "bodies": lambda: _zipped(
        [
            (
                "OFD.xml",
                b"<OFD>"
                + b"<DocBody><DocRoot>Doc_0/D.xml</DocRoot></DocBody>" * 50_000
                + b"</OFD>",
            ),
            ("Doc_0/D.xml", b"<Document/>"),
        ]
    ),
    "pages": lambda: _paged(b"<Page/>", 40_000),
    "same page": lambda: _paged(_text_objects(4_000, _BOX.format(10, 10, 50, 5, 3)), 50),
    "custom data": lambda: _zipped(
        [
            (
                "OFD.xml",
                b"<OFD><DocBody><DocInfo><CustomDatas>"
                + b'<CustomData Name="a">1</CustomData>' * 100_000
                + b"</CustomDatas></DocInfo></DocBody></OFD>",
            )
        ]
    ),
    "text objects": lambda: _paged(_text_objects(60_000, _BOX.format(10, 10, 50, 5, 3))),
    "text on a grid": lambda: _paged(
        b"<Page><Content><Layer>"
        + b"".join(
            _text_object(_BOX.format(n % 70 * 3, n // 70 * 2, 3, 3, 3), str(n))
            for n in range(9_000)
        )
        + b"</Layer></Content></Page>"
    ),
    "long text": lambda: _paged(_text_objects(1, _BOX.format(10, 10, 50, 5, 3), "9" * 500_000)),
    "deltas": lambda: _paged(
        b'<Page><Content><Layer><TextObject ID="1" Boundary="0 0 10 10" Size="3">'
        b'<TextCode X="0" Y="5" DeltaX="g 999999999 1 g 999999999 2">123456</TextCode>'
        b"</TextObject></Layer></Content></Page>"
    ),
    "sizes": lambda: _paged(
        b"<Page><Area><PhysicalBox>0 0 nan inf</PhysicalBox></Area>"
        + _text_objects(3, _BOX.format("nan", "-inf", "1e308", "1e308", "1e308"))
        + b"</Page>"
    ),
    "sizes 2": lambda: _paged(
        _text_objects(40, _BOX.format("1e308", "1e308", "1e308", "1e308", "-1e308"))
    ),
    "nan size": lambda: _paged(_text_objects(40, _BOX.format("0", "0", "nan", "nan", "nan"))),
    "tiny size": lambda: _paged(
        _text_objects(2_000, _BOX.format("0", "0", "1e-300", "1e-300", "1e-300"))
    ),
}

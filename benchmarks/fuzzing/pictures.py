"""Pictures: sizes that lie, decoders led astray, nothing to see; and codes that say nonsense."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from functools import partial

import numpy as np
from PIL import Image

from fixtures.maker.pictures import qr_png

_MIB = 1024 * 1024


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(
    width: int, height: int, body: bytes, *more: bytes, depth: int = 1, colour: int = 0
) -> bytes:
    header = _png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + header
        + b"".join(more)
        + _png_chunk(b"IDAT", body)
        + _png_chunk(b"IEND", b"")
    )


def _saved(picture: Image.Image, form: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()


def _frames(form: str, count: int, size: tuple[int, int]) -> bytes:
    many = [Image.new("L", size, number % 256) for number in range(count)]
    return _saved(many[0], form, save_all=True, append_images=many[1:])


def _floats(value: float) -> bytes:
    return _saved(Image.fromarray(np.full((300, 400), value, np.float32)), "TIFF")


def _tiff_loop() -> bytes:
    """A directory whose next directory is itself."""
    data = bytearray(_saved(Image.new("L", (40, 30)), "TIFF"))
    start = struct.unpack_from("<I", data, 4)[0]
    entries = struct.unpack_from("<H", data, start)[0]
    struct.pack_into("<I", data, start + 2 + 12 * entries, start)
    return bytes(data)


def _jpeg_of(width: int, height: int) -> bytes:
    """A small JPEG whose header says another size."""
    data = bytearray(_saved(Image.new("RGB", (64, 64), "white"), "JPEG"))
    place = data.index(b"\xff\xc0")
    struct.pack_into(">HH", data, place + 5, height, width)
    return bytes(data)


_ROW = b"\0" + b"\xff" * 1250
PICTURES: dict[str, Callable[[], bytes]] = {
    "hundred million pixels": lambda: _png(10_000, 10_000, zlib.compress(_ROW * 10_000, 9)),
    "sixty million pixels": lambda: _png(10_000, 6_000, zlib.compress(_ROW * 6_000, 9)),
    "sixty million colours": lambda: _png(
        10_000, 5_900, zlib.compress(bytes(40_001) * 5_900, 9), depth=8, colour=6
    ),
    "deep grey": lambda: _png(
        7_700, 7_700, zlib.compress(bytes(15_401) * 7_700, 9), depth=16, colour=0
    ),
    "endless row": lambda: _png(59_000_000, 1, zlib.compress(bytes(59_000_000 // 8 + 1), 9)),
    "endless column": lambda: _png(1, 59_000_000, zlib.compress(bytes(2 * 59_000_000), 9)),
    "empty": lambda: _png(0, 0, zlib.compress(b"")),
    "largest": lambda: _png(0x7FFFFFFF, 0x7FFFFFFF, zlib.compress(b"")),
    "pixels that are not there": lambda: _png(7_000, 7_000, zlib.compress(bytes(1000))),
    "too much data": lambda: _png(10, 10, zlib.compress(bytes(200 * _MIB), 9)),
    "text bomb": lambda: _png(
        9,
        9,
        zlib.compress(bytes(18)),
        *[_png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(60 * _MIB), 9))] * 20,
    ),
    "profile bomb": lambda: _png(
        9,
        9,
        zlib.compress(bytes(18)),
        _png_chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(300 * _MIB), 9)),
    ),
    "jpeg 65535": lambda: _jpeg_of(65_535, 65_535),
    "jpeg 7700": lambda: _jpeg_of(7_700, 7_700),
    "jpeg 0": lambda: _jpeg_of(0, 0),
    "tiff loop": _tiff_loop,
    "tiff frames": lambda: _frames("TIFF", 600, (30, 20)),
    "tiff pages": lambda: _frames("TIFF", 40, (1_000, 800)),
    "gif frames": lambda: _frames("GIF", 600, (30, 20)),
    "webp frames": lambda: _frames("WEBP", 300, (30, 20)),
    **{
        f"floats {value}": partial(_floats, value)
        for value in (float("nan"), float("inf"), -float("inf"), 3e38, 0.0, 1e-45)
    },
    "one pixel": lambda: _saved(Image.new("RGB", (1, 1)), "PNG"),
    "one row": lambda: _saved(Image.new("RGB", (3_000, 1)), "PNG"),
    "exif": lambda: _saved(
        Image.new("RGB", (300, 200)), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08" + b"\xff" * 300
    ),
    "noise": lambda: _saved(
        Image.fromarray(np.random.default_rng(1).integers(0, 256, (1_700, 2_400, 3), np.uint8)),
        "PNG",
    ),
    "stripes": lambda: _saved(
        Image.fromarray(np.tile(np.array([0, 255], np.uint8), (1_700, 1_200))), "PNG"
    ),
    "chessboard": lambda: _saved(
        Image.fromarray(
            np.kron(np.indices((200, 300)).sum(axis=0) % 2 * 255, np.ones((8, 8))).astype(np.uint8)
        ),
        "PNG",
    ),
}

_QR = (
    "01,10,012001900111,12345678,NaN,20261301,12345678901234567890,ABCD",
    "01,10,012001900111,12345678,1e999999999,20260101,12345678901234567890,ABCD",
    "01,10,012001900111,12345678,Infinity,00000000,,",
    "01,32,,24442000000012345678,-0,20260230,,",
    "01,32,,24442000000012345678," + "9" * 900 + ",20260101,,AAAA",
    "01,99,,,,,,",
    "01",
    ",,,,,,,,,,,,,,",
    "01,10," + "," * 900,
    "01,１０,０１２,１２３,１.５,２０２６０１０１,,",
    "01,10,\x00\x01,\x02,\x03,\x04,\x05,\x06",
    "https://example.test/?a=1",
    "{" * 700,
    "A" * 1800,
    "01,04,3300194130,01234567,100.00,20260101," + "1" * 1200 + ",",
)
CODES: dict[str, Callable[[], bytes]] = {
    f"code {number}": partial(qr_png, text) for number, text in enumerate(_QR)
}

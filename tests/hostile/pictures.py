"""Pictures that promise more than they hold or hold more than they promise, and codes that lead
where nobody should go."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from functools import partial

from PIL import Image

from fixtures.maker.pictures import qr_png

#: Addresses that a reader must not follow, whatever a code says.
ADDRESSES = {
    "loopback": "http://127.0.0.1:6379/",
    "loopback name": "http://localhost:8080/api/upload",
    "loopback short": "http://127.1/",
    "loopback number": "http://2130706433/",
    "loopback octal": "http://0177.0.0.1/",
    "loopback six": "http://[::1]/",
    "mapped six": "http://[::ffff:127.0.0.1]/",
    "any": "http://0.0.0.0:5432/",
    "metadata": "http://169.254.169.254/latest/meta-data/iam/",
    "metadata alibaba": "http://100.100.100.200/latest/meta-data/",
    "metadata tencent": "http://metadata.tencentyun.com/latest/meta-data/",
    "private": "http://10.0.0.1/admin",
    "file": "file:///etc/passwd",
    "gopher": "gopher://127.0.0.1:6379/_FLUSHALL",
    "dictionary": "dict://127.0.0.1:6379/INFO",
    "script": "javascript:alert(1)",
    "data": "data:text/html,<script>alert(1)</script>",
    "as the bureau": "https://bcfp.shenzhen.chinatax.gov.cn@127.0.0.1/verify?hash=1",
    "bureau within": "https://127.0.0.1/bcfp.shenzhen.chinatax.gov.cn/verify?hash=1",
    "bureau before": "https://bcfp.shenzhen.chinatax.gov.cn.example.test/verify?hash=1",
    "bureau port": "https://bcfp.shenzhen.chinatax.gov.cn:6379/verify?hash=1",
    "bureau path": "https://bcfp.shenzhen.chinatax.gov.cn/../../admin",
    "bureau plain": "http://bcfp.shenzhen.chinatax.gov.cn/verify?hash=1",
    "lines": "http://127.0.0.1/\r\nHost: x\r\n\r\nGET /",
    "formula": "=cmd|' /C calc'!A0",
    "statement": "01,32,,1' OR '1'='1,1,20260101,,",
    "markup": "<img src=x onerror=alert(1)>",
}


def _saved(picture: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def _small(form: str) -> bytes:
    return _saved(Image.new("RGB", (64, 48), "white"), form)


def _cut(form: str, times: int) -> bytes:
    whole = _small(form)
    return whole[: len(whole) // times]


def _and_more(form: str) -> bytes:
    return _small(form) + b"<script>alert(1)</script>" * 9


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(
    width: int, height: int, *more: bytes, depth: int = 8, colour: int = 2, body: bytes = b""
) -> bytes:
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    content = _chunk(b"IDAT", body or zlib.compress(bytes(1_000)))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + content + _chunk(b"IEND", b"")


def _patched(form: str, mark: bytes, offset: int, body: bytes) -> bytes:
    """A small picture of this form, changed so many bytes behind a mark."""
    data = bytearray(_small(form))
    place = data.index(mark) + offset
    data[place : place + len(body)] = body
    return bytes(data)


def _tiff(width: int, height: int, **tags: int) -> bytes:
    """A TIFF that says this size and holds ten bytes; further tags as t256=1."""
    entries = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: height}
    entries |= {279: 10} | {int(name[1:]): value for name, value in tags.items()}
    listed = b"".join(
        struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(entries.items())
    )
    return b"II*\0" + struct.pack("<I", 18) + bytes(10) + struct.pack("<H", len(entries)) + (
        listed + bytes(4)
    )  # fmt: skip


def _frames(form: str, count: int) -> bytes:
    many = [Image.new("L", (12, 8), number % 256) for number in range(count)]
    return _saved(many[0], form, save_all=True, append_images=many[1:])


def _exif(body: bytes) -> bytes:
    return _saved(Image.new("RGB", (80, 60), "white"), "JPEG", exif=b"Exif\0\0" + body)


def _turned(turn: int) -> bytes:
    entry = struct.pack("<HHII", 0x0112, 3, 1, turn)
    return _exif(b"II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4))


_BIG = struct.pack("<II", 0x7FFFFFFF, 0x7FFFFFFF)
_FORMS = ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP")
PICTURES: dict[str, Callable[[], bytes]] = {
    **{f"picture {form} half": partial(_cut, form, 2) for form in _FORMS},
    **{f"picture {form} head": partial(_cut, form, 10) for form in _FORMS},
    **{f"picture {form} and more": partial(_and_more, form) for form in _FORMS},
    **{f"picture PNG {w}x{h}": partial(_png, w, h) for w, h in (
        (30_000, 30_000), (0x7FFFFFFF, 0x7FFFFFFF), (0xFFFFFFFF, 1), (0, 5), (1, 60_000_001))},
    **{f"picture TIFF {w}x{h}": partial(_tiff, w, h) for w, h in (
        (30_000, 30_000), (0xFFFFFFFF, 0xFFFFFFFF), (0, 0), (65_535, 1))},
    "picture TIFF far strip": partial(_tiff, 60, 40, t273=0x7FFFFFFF),
    "picture TIFF long strip": partial(_tiff, 60, 40, t279=0x7FFFFFFF),
    "picture TIFF samples": partial(_tiff, 60, 40, t277=65_535),
    "picture TIFF packing": partial(_tiff, 60, 40, t259=34_712),
    "picture JPEG size": partial(_patched, "JPEG", b"\xff\xc0", 5, b"\xff\xff\xff\xff"),
    "picture JPEG nothing": partial(_patched, "JPEG", b"\xff\xc0", 5, bytes(4)),
    "picture JPEG parts": partial(_patched, "JPEG", b"\xff\xc0", 9, b"\xff"),
    "picture GIF size": partial(_patched, "GIF", b"GIF8", 6, b"\xff\xff\xff\xff"),
    "picture BMP size": partial(_patched, "BMP", b"BM", 18, _BIG),
    "picture BMP negative": partial(_patched, "BMP", b"BM", 18, b"\0\0\0\x80\0\0\0\x80"),
    "picture BMP colours": partial(_patched, "BMP", b"BM", 28, b"\x01\0"),
    "picture WEBP size": partial(_patched, "WEBP", b"VP8 ", 14, b"\xff\xff\xff\xff"),
    "picture PNG palette": partial(_png, 9, 9, depth=8, colour=3),
    "picture PNG depth": partial(_png, 9, 9, depth=77),
    "picture PNG bomb": lambda: _png(9, 9, body=zlib.compress(bytes(100 << 20), 9)),
    "picture PNG words": lambda: _png(
        9, 9, *[_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(30 << 20), 9))] * 5),
    "picture PNG profile": lambda: _png(
        9, 9, _chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(100 << 20), 9))),
    "picture PNG no end": lambda: _png(9, 9)[:-12],
    "picture GIF frames": partial(_frames, "GIF", 3_000),
    "picture TIFF frames": partial(_frames, "TIFF", 1_000),
    "picture WEBP frames": partial(_frames, "WEBP", 400),
    "picture PNG frames": partial(_frames, "PNG", 1_000),
    **{f"picture turned {turn}": partial(_turned, turn) for turn in (0, 5, 9, 65_535)},
    "picture exif loop": lambda: _exif(
        b"II*\0" + struct.pack("<IHHHIII", 8, 1, 0x8769, 4, 1, 8, 8)),
    "picture exif beyond": lambda: _exif(b"MM\0*" + b"\xff" * 900),
    "picture exif nothing": lambda: _exif(b""),
}  # fmt: skip
CODES: dict[str, Callable[[], bytes]] = {
    f"code {name}": partial(qr_png, address) for name, address in ADDRESSES.items()
}

"""ZIPs and OFDs: bombs, names that climb out, links, passwords, references that go round."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from functools import partial

_MIB = 1024 * 1024
_ROOT = b"<OFD><DocBody><DocRoot>Doc_0/Document.xml</DocRoot></DocBody></OFD>"


def package(parts: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP of these parts, under names that `zipfile` would mend itself."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as made:
        for name, content in parts.items():
            entry = zipfile.ZipInfo("x")
            entry.filename = name
            made.writestr(entry, content, method)
    return out.getvalue()


def _link(target: str, name: str = "invoice.xml") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        entry = zipfile.ZipInfo(name)
        entry.create_system = 3
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(entry, target)
    return out.getvalue()


def _nested(levels: int) -> bytes:
    content = bytes(8 * _MIB)
    for level in range(levels):
        content = package({f"{level}-{n}.zip": content for n in range(4)})
    return content


def _overlapping(name: bytes, times: int) -> bytes:
    """Many entries of the directory that all name the same packed bytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    plain = b" " * 150 * 1024
    packed = packer.compress(plain) + packer.flush()
    shared = (zlib.crc32(plain), len(packed), len(plain))
    local = struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 0, 8, 0, 33, *shared, len(name), 0)
    directory = b"".join(
        struct.pack(
            "<IHHHHHHIIIHHHHHII",
            *(0x02014B50, 20, 20, 0, 8, 0, 33, *shared, len(name) + 6, 0, 0, 0, 0, 0, 0),
        )
        + name
        + b"%06d" % number
        for number in range(times)
    )
    start = len(local) + len(name) + len(packed)
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, times, times, len(directory), start, 0)
    return local + name + packed + directory + end


def _quine() -> bytes:
    """A ZIP that seems to hold itself: its only entry names the whole file, stored."""
    inner = package({"r.zip": b""}, zipfile.ZIP_STORED)
    data = bytearray(package({"r.zip": inner}, zipfile.ZIP_STORED))
    directory = data.rindex(b"PK\x01\x02")
    for field in (20, 24):
        struct.pack_into("<I", data, directory + field, len(data))
    struct.pack_into("<I", data, directory + 42, 0)
    return bytes(data)


def _patched(data: bytes, offset: int, form: str, value: int) -> bytes:
    """The first entry of the directory with another value at this offset."""
    changed = bytearray(data)
    struct.pack_into(form, changed, changed.index(b"PK\x01\x02") + offset, value)
    return bytes(changed)


def _ofd(document: bytes, **parts: bytes) -> bytes:
    named = {f"Doc_0/{name}.xml": content for name, content in parts.items()}
    return package({"OFD.xml": _ROOT, "Doc_0/Document.xml": document} | named)


def _paged(page: str, more: str = "") -> bytes:
    listed = f'<Document><CommonData>{more}</CommonData><Pages><Page ID="1" BaseLoc="P.xml"/>'
    return _ofd(f"{listed}</Pages></Document>".encode(), P=page.encode())


def _rooted(root: str) -> bytes:
    return package({"OFD.xml": f"<OFD><DocBody><DocRoot>{root}</DocRoot></DocBody></OFD>".encode()})


def _box(text: str) -> bytes:
    return _paged(f"<Page><Area><PhysicalBox>{text}</PhysicalBox></Area></Page>")


_CLIMBING = {
    "climbing": "../../../../etc/cron.d/x",
    "absolute": "/etc/cron.d/x",
    "drive": "C:\\Windows\\x.dll",
    "backslash": "..\\..\\x.xml",
    "nul": "a\0b.xml",
    "newline": "a\nb.xml",
    "right to left": "gnp.\u202efdp.xml",
    "device": "CON",
    "stream": "a.xml:hidden",
    "long": "a" * 60_000,
    "home": "~/.ssh/authorized_keys",
    "dots": "....//....//x",
    "encoded": "%2e%2e%2fx.xml",
    "formula": '=HYPERLINK("http://127.0.0.1").xml',
    "folder": "a/",
}
_PAGE = _paged("<Page/>")
PACKAGES: dict[str, Callable[[], bytes]] = {
    **{f"zip name {name}": partial(package, {to: b"<x/>"}) for name, to in _CLIMBING.items()},
    **{
        f"ofd name {name}": partial(package, {"OFD.xml": b"<OFD/>", to: b"<x/>"})
        for name, to in _CLIMBING.items()
    },
    **{f"ofd root {name}": partial(_rooted, to) for name, to in _CLIMBING.items() if name != "nul"},
    "zip link": partial(_link, "/etc/passwd"),
    "zip link up": partial(_link, "../../../etc"),
    "zip link as folder": partial(_link, "/", "x/"),
    "ofd link": partial(_link, "/etc/passwd", "OFD.xml"),
    "zip flat bomb": lambda: package({"a.xml": bytes(300 * _MIB)}),
    "zip many bombs": lambda: package({f"{n}.xml": bytes(_MIB - 1) for n in range(300)}),
    "zip nested bomb": partial(_nested, 3),
    "zip overlapping": partial(_overlapping, b"a.xml", 10_000),
    "ofd overlapping": partial(_overlapping, b"OFD.xml", 10_000),
    "zip quine": _quine,
    "zip entries": lambda: package({f"{n}.xml": b"" for n in range(20_000)}),
    "zip empty": lambda: package({}),
    "zip locked": lambda: _patched(package({"a.xml": b"<x/>"}), 8, "<H", 1),
    "ofd locked": lambda: _patched(_PAGE, 8, "<H", 1),
    "ofd strongly locked": lambda: _patched(_PAGE, 8, "<H", 0x41),
    "ofd method 99": lambda: _patched(_PAGE, 10, "<H", 99),
    "ofd method 255": lambda: _patched(_PAGE, 10, "<H", 255),
    "ofd name beyond": lambda: _patched(_PAGE, 28, "<H", 0xFFFF),
    "ofd extra beyond": lambda: _patched(_PAGE, 30, "<H", 0xFFFF),
    "ofd offset beyond": lambda: _patched(_PAGE, 42, "<I", 0x7FFFFFFF),
    "ofd checksum": lambda: _patched(_PAGE, 16, "<I", 1),
    "ofd size": lambda: _patched(_PAGE, 24, "<I", 0xFFFFFFF0),
    "ofd no end": lambda: _PAGE[:-22],
    "ofd half": lambda: _PAGE[: len(_PAGE) // 2],
    "ofd no document": lambda: package({"OFD.xml": _ROOT}),
    "ofd no page": lambda: _ofd(
        b'<Document><Pages><Page ID="1" BaseLoc="gone.xml"/></Pages></Document>'
    ),
    "ofd page is document": lambda: _ofd(
        b'<Document><Pages><Page ID="1" BaseLoc="Document.xml"/></Pages></Document>'
    ),
    "ofd document is root": partial(_rooted, "OFD.xml"),
    "ofd template loop": lambda: _paged(
        '<Page><Template TemplateID="7"/></Page>', '<TemplatePage ID="7" BaseLoc="P.xml"/>'
    ),
    "ofd template gone": lambda: _paged('<Page><Template TemplateID="9"/></Page>'),
    "ofd resource loop": lambda: _paged("<Page/>", "<PublicRes>Document.xml</PublicRes>"),
    "ofd resource climbs": lambda: _paged("<Page/>", "<PublicRes>../../etc/passwd</PublicRes>"),
    "ofd unit loop": lambda: _paged(
        '<Page><Content><Layer><CompositeObject ResourceID="1"/></Layer></Content></Page>',
        "<PublicRes>P.xml</PublicRes>",
    ),
    "ofd blocks": lambda: _paged("<Page>" + "<PageBlock>" * 90 + "</PageBlock>" * 90 + "</Page>"),
    **{
        f"ofd page {name}": partial(_box, text)
        for name, text in {
            "endless": "0 0 1e308 1e308",
            "nan": "nan nan nan nan",
            "negative": "0 0 -210 -297",
            "empty": "",
            "words": "a b c d",
            "one number": "1",
            "many numbers": "1 " * 50_000,
        }.items()
    },
}

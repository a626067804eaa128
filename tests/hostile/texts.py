"""What is no invoice at all: pages, programs, letters, office files; and names of files."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from functools import partial

from tests.hostile.packages import package

_MACRO = b"Attribute VB_Name = 'ThisDocument'\r\nSub AutoOpen()\r\nShell \"calc\"\r\nEnd Sub\r\n"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
_SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)">'


def _office(folder: str, main: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("[Content_Types].xml", "<Types/>")
        made.writestr(f"{folder}/{main}.xml", "<x/>")
        made.writestr(f"{folder}/vbaProject.bin", _OLE + _MACRO)
    return out.getvalue()


TEXTS: dict[str, Callable[[], bytes]] = {
    f"text {name}": partial(bytes, content)
    for name, content in {
        "nothing": b"",
        "one byte": b"\0",
        "one letter": b"x",
        "one bracket": b"<",
        "two": b"PK",
        "gbk": "发票号码：12345678 金额：100.00".encode("gbk"),
        "gbk xml": '<?xml version="1.0" encoding="gbk"?><发票><号码>1</号码></发票>'.encode("gbk"),
        "gb18030 xml": '<?xml version="1.0" encoding="gb18030"?><票>𠀀</票>'.encode("gb18030"),
        "gbk broken": b'<?xml version="1.0" encoding="gbk"?><a>\xff\xff\x80</a>',
        "utf-8 broken": b'<?xml version="1.0" encoding="utf-8"?><a>\xff\xfe</a>',
        "big5 xml": '<?xml version="1.0" encoding="big5"?><a>發票</a>'.encode("big5"),
        "encoding lie": b'<?xml version="1.0" encoding="utf-16"?><a>1</a>',
        "html": b"<!DOCTYPE html><html><body onload=alert(1)></body></html>",
        "html bare": b"<html><script>location='http://127.0.0.1'</script></html>",
        "html spaces": b" \n\t" * 300 + b"<html><script>alert(1)</script></html>",
        "xhtml": b'<?xml version="1.0"?><html><script>alert(1)</script></html>',
        "svg": _SVG + b"<script>alert(1)</script></svg>",
        "svg typed": b'<?xml version="1.0"?>' + _SVG + b"</svg>",
        "svg outside": _SVG + b'<image href="file:///etc/passwd"/></svg>',
        "svg entity": (
            b'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + _SVG + b"</svg>"
        ),
        "mht": b"MIME-Version: 1.0\r\nContent-Type: multipart/related\r\n\r\n<html></html>",
        "rtf": b"{\\rtf1{\\object\\objupdate\\objdata 0105}}",
        "csv": b"=cmd|' /C calc'!A0,1,2\r\n",
        "shell": b"#!/bin/sh\nrm -rf /\n",
        "exe": b"MZ" + bytes(58) + b"\x80\0\0\0" + bytes(64) + b"PE\0\0" + bytes(200),
        "elf": b"\x7fELF\x02\x01\x01" + bytes(100),
        "link": b"L\0\0\0\x01\x14\x02\0" + bytes(100),
        "word": _OLE + b"W\0o\0r\0d\0D\0o\0c\0u\0m\0e\0n\0t\0" + _MACRO,
        "excel": _OLE + b"W\0o\0r\0k\0b\0o\0o\0k\0" + _MACRO,
        "docm": _office("word", "document"),
        "xlsm": _office("xl", "workbook"),
        "pptm": _office("ppt", "presentation"),
        "docm as ofd": package({"OFD.xml": b"<OFD/>", "word/vbaProject.bin": _OLE + _MACRO}),
        "jar": package({"META-INF/MANIFEST.MF": b"Main-Class: X", "X.class": b"\xca\xfe\xba\xbe"}),
        "gzip": b"\x1f\x8b\x08\0" + bytes(60),
        "rar": b"Rar!\x1a\x07\x01\0" + bytes(60),
        "seven zip": b"7z\xbc\xaf\x27\x1c" + bytes(60),
        "tar": b"../../etc/passwd" + bytes(241) + b"ustar\x0000" + bytes(247),
        "postscript": b"%!PS-Adobe-3.0\n(/etc/passwd) (r) file\n",
        "heic": b"\0\0\0\x18ftypheic" + bytes(60),
        "ico": b"\0\0\x01\0\xff\xff" + bytes(60),
        "zeros": bytes(100_000),
        "ones": b"\xff" * 100_000,
        "letters": b"A" * 3_000_000,
        "brackets": b"<" * 100_000,
        "marks": b"\xef\xbb\xbf" * 1_000,
    }.items()
}  # fmt: skip
#: Names that files are handed in under: none is ever a path, none may speak to a terminal.
NAMES: dict[str, str] = {
    "climbing": "../../../etc/passwd",
    "climbing windows": "..\\..\\windows\\system32\\x.dll",
    "absolute": "/etc/cron.d/x",
    "share": "\\\\127.0.0.1\\share\\x.pdf",
    "drive": "C:x.pdf",
    "only dots": "..",
    "one dot": ".",
    "nothing": "",
    "spaces": "   ",
    "slash": "/",
    "nul": "a.pdf\0.exe",
    "newline": "a\r\nSet-Cookie: x.pdf",
    "escape": "\x1b[2J\x1b]0;x\x07.pdf",
    "bell": "\a\b\f.pdf",
    "delete": "a\x7f.pdf",
    "newer controls": "a\x85\x9b.pdf",
    "right to left": "invoice\u202efdp.exe",
    "embedded": "\u202a\u202b\u202c\u202d.pdf",
    "isolated": "\u2066\u2067\u2068\u2069.pdf",
    "invisible": "a\u200b\u200c\u200d\ufeff.pdf",
    "line separator": "a\u2028b\u2029.pdf",
    "lone surrogate": "a\udcff.pdf",
    "private": "\ue000.pdf",
    "long": "长" * 300 + ".pdf",
    "longest": "a" * 10_000,
    "combining": "a" + "\u0301" * 500 + ".pdf",
    "reserved": "CON",
    "reserved suffix": "nul.pdf",
    "reserved port": "COM1.pdf",
    "stream": "a.pdf:hidden:$DATA",
    "formula": "=HYPERLINK(1).pdf",
    "formula plus": "+1.pdf",
    "formula minus": "-1.pdf",
    "formula at": "@SUM(1).pdf",
    "formula tab": "\t=1.pdf",
    "wide formula": "＝1.pdf",
    "markup": "<img src=x onerror=alert(1)>.pdf",
    "template": "{{7*7}}${7*7}.pdf",
    "format": "%s%n{0.__class__}.pdf",
    "shell": "$(reboot);`reboot`|x.pdf",
    "statement": "'; DROP TABLE documents; --.pdf",
    "option": "--output=x.pdf",
    "hidden": ".htaccess",
    "two suffixes": "a.pdf.exe",
    "encoded": "%2e%2e%2fpasswd",
    "quote": '"; filename="x.html',
}

"""Attacks by XML, each as a file, as a part of an OFD and as an attachment of a PDF."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import partial

from tests.hostile.packages import package
from tests.hostile.pdfs import pdf, stream

_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>'
_WHERE = "<EInvoice><InvoiceNumber>{}</InvoiceNumber></EInvoice>"


def _typed(inside: str, where: str = "&x;") -> bytes:
    return f"{_DECLARATION}<!DOCTYPE EInvoice [{inside}]>{_WHERE.format(where)}".encode()


def _external(address: str) -> bytes:
    return _typed(f'<!ENTITY x SYSTEM "{address}">')


_LEVELS = "".join(
    f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' if n else '<!ENTITY l0 "lol">' for n in range(10)
)
ATTACKS: dict[str, bytes] = {
    "laughs": _typed(_LEVELS, "&l9;"),
    "quadratic": _typed(f'<!ENTITY x "{"a" * 50_000}">', "&x;" * 2_000),
    "entity loop": _typed('<!ENTITY x "&y;"><!ENTITY y "&x;">'),
    "file entity": _external("file:///etc/passwd"),
    "metadata entity": _external("http://169.254.169.254/latest/meta-data/"),
    "loopback entity": _external("http://127.0.0.1:6379/"),
    "ftp entity": _external("ftp://127.0.0.1/x"),
    "php entity": _external("php://filter/read=convert.base64-encode/resource=/etc/passwd"),
    "jar entity": _external("jar:http://127.0.0.1/x.jar!/y"),
    "network path entity": _external("\\\\127.0.0.1\\share\\x"),
    "device entity": _external("file:///dev/zero"),
    "external type": (
        f'{_DECLARATION}<!DOCTYPE EInvoice SYSTEM "http://127.0.0.1/x.dtd">{_WHERE.format(1)}'
    ).encode(),
    "public type": (
        f'{_DECLARATION}<!DOCTYPE EInvoice PUBLIC "-//x//y" "file:///etc/passwd">'
        f"{_WHERE.format(1)}"
    ).encode(),
    "parameter entity": _typed('<!ENTITY % p SYSTEM "http://127.0.0.1/p.dtd"> %p;', "1"),
    "parameter nest": _typed("<!ENTITY % a '<!ENTITY x \"1\">'> %a;"),
    "unparsed entity": _typed('<!NOTATION n SYSTEM "n"><!ENTITY x SYSTEM "x" NDATA n>', "1"),
    "default attribute": _typed('<!ATTLIST EInvoice a CDATA "&x;"><!ENTITY x "1">', "1"),
    "deep": b"<a>" * 5_000 + b"</a>" * 5_000,
    "many elements": b"<a>" + b"<b/>" * 450_000 + b"</a>",
    "utf-7": b'<?xml version="1.0" encoding="utf-7"?><EInvoice>+ADw-</EInvoice>',
    "ebcdic": b'<?xml version="1.0" encoding="cp037"?>' + "<EInvoice/>".encode("cp037"),
    "utf-16 laughs": ('<?xml version="1.0" encoding="utf-16"?>' + f"<!DOCTYPE x [{_LEVELS}]><x/>")
    .encode("utf-16"),
}  # fmt: skip
#: Odd but harmless by themselves: read for what they are.
ODDITIES: dict[str, bytes] = {
    "huge attribute": f'{_DECLARATION}<EInvoice a="{"x" * 3_000_000}"/>'.encode(),
    "many attributes": (
        _DECLARATION + "<EInvoice " + " ".join(f'a{n}="1"' for n in range(50_000)) + "/>"
    ).encode(),
    "include": (
        f'{_DECLARATION}<EInvoice xmlns:xi="http://www.w3.org/2001/XInclude">'
        '<xi:include href="file:///etc/passwd" parse="text"/></EInvoice>'
    ).encode(),
    "schema location": (
        f'{_DECLARATION}<EInvoice xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:noNamespaceSchemaLocation="http://127.0.0.1/x.xsd"/>'
    ).encode(),
    "stylesheet": (
        f'{_DECLARATION}<?xml-stylesheet href="http://127.0.0.1/x.xsl" type="text/xsl"?><EInvoice/>'
    ).encode(),
    "script": f"{_DECLARATION}<EInvoice><script>alert(1)</script></EInvoice>".encode(),
    "cdata": f"{_DECLARATION}<EInvoice><![CDATA[{'<' * 100_000}]]></EInvoice>".encode(),
    "formula": f"{_DECLARATION}{_WHERE.format('=cmd|&apos; /C calc&apos;!A0')}".encode(),
}


def _in_ofd(part: str, content: bytes) -> bytes:
    parts = {
        "OFD.xml": b"<OFD><DocBody><DocRoot>Doc_0/Document.xml</DocRoot></DocBody></OFD>",
        "Doc_0/Document.xml": (
            b'<Document><Pages><Page ID="1" BaseLoc="P.xml"/></Pages></Document>'
        ),
        "Doc_0/P.xml": b"<Page/>",
    }
    return package(parts | {part: content})


def _in_pdf(content: bytes) -> bytes:
    """The attack as the attachment that an e-invoice's PDF may carry."""
    return pdf(
        b"<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[(a.xml) 4 0 R]>>>>>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 400]>>",
        b"<</Type/Filespec/F(a.xml)/UF(a.xml)/EF<</F 5 0 R>>>>",
        stream(zlib.compress(content, 9), b"/Type/EmbeddedFile/Filter/FlateDecode"),
    )


XML: dict[str, Callable[[], bytes]] = {
    **{f"xml {name}": partial(bytes, content) for name, content in (ATTACKS | ODDITIES).items()},
    **{
        f"ofd root {name}": partial(_in_ofd, "OFD.xml", content)
        for name, content in ATTACKS.items()
    },
    **{
        f"ofd page {name}": partial(_in_ofd, "Doc_0/P.xml", content)
        for name, content in ATTACKS.items()
    },
    **{f"pdf attached {name}": partial(_in_pdf, content) for name, content in ATTACKS.items()},
}

"""What makes a drawn PDF a PDF/A-2b file, and a structural check that it is one.

The check covers what ISO 19005-2 asks of structure: no encryption, XMP that names part and
level, an output intent with an embedded profile, every used font embedded, nothing that runs or
reaches out. It is no full validator (veraPDF is one).
"""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

import pikepdf
from PIL import ImageCms
from reportlab import rl_config

#: What opening a PDF may raise: broken, or locked with a password.
UNREADABLE = (pikepdf.PdfError, pikepdf.PasswordError)
_HEADER_DATE = slice(24, 36)
_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/">
<pdfaid:part>2</pdfaid:part>
<pdfaid:conformance>B</pdfaid:conformance>
<dc:format>application/pdf</dc:format>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<xmp:CreateDate>{moment}</xmp:CreateDate>
<xmp:ModifyDate>{moment}</xmp:ModifyDate>
<xmp:CreatorTool>Yanpiao</xmp:CreatorTool>
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""
_DEEPEST = 30
_RUNS = frozenset({"/JavaScript", "/JS", "/Launch", "/Movie", "/Sound", "/RichMedia"})
_RUNS_SOMEWHERE = re.compile(b"|".join(re.escape(name.encode()) for name in sorted(_RUNS)))


@contextmanager
def binary_streams() -> Iterator[None]:
    """Around all drawing: reportlab would else write streams as ASCII, in Python, a byte at a
    time, which costs more than everything else on a cover."""
    before = rl_config.useA85
    rl_config.useA85 = 0
    try:
        yield
    finally:
        rl_config.useA85 = before


@cache
def srgb_profile() -> bytes:
    """An sRGB profile, the same bytes whenever it is made."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[_HEADER_DATE] = bytes([0x07, 0xE8, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0])  # 2024-01-01
    return bytes(profile)


def as_pdfa(drawn: bytes, title: str, moment: dt.datetime) -> bytes:
    """A PDF whose fonts are embedded, as PDF/A-2b; the same input gives the same bytes."""
    with pikepdf.open(io.BytesIO(drawn)) as pdf:
        _drop_idle_fonts(pdf)
        if "/Info" in pdf.trailer:
            del pdf.trailer["/Info"]  # what XMP says is said once
        stamp = moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        xmp = _XMP.format(title=escape(title), moment=stamp).encode()
        pdf.Root.Metadata = pdf.make_stream(
            xmp, Type=pikepdf.Name.Metadata, Subtype=pikepdf.Name.XML
        )
        profile = pdf.make_stream(srgb_profile(), N=3)
        intent = pikepdf.Dictionary(
            Type=pikepdf.Name.OutputIntent,
            S=pikepdf.Name.GTS_PDFA1,
            OutputConditionIdentifier=pikepdf.String("sRGB"),
            Info=pikepdf.String("sRGB"),
            DestOutputProfile=profile,
        )
        pdf.Root.OutputIntents = pikepdf.Array([pdf.make_indirect(intent)])
        out = io.BytesIO()
        pdf.save(out, deterministic_id=True, min_version="1.7")
        return out.getvalue()


def _drop_idle_fonts(pdf: pikepdf.Pdf) -> None:
    """Reportlab names Helvetica on every page, used or not."""
    for page in pdf.pages:
        fonts = _fonts(page)
        for name in list(fonts.keys()):
            if not _embedded(fonts[name]):
                del fonts[name]


def _fonts(page: pikepdf.Page) -> Any:
    resources: Any = page.obj.get("/Resources", pikepdf.Dictionary())
    return resources.get("/Font", pikepdf.Dictionary())


def _embedded(font: Any) -> bool:
    if font.get("/Subtype") == "/Type0":
        return all(_embedded(child) for child in font.DescendantFonts)
    descriptor = font.get("/FontDescriptor", {})
    return any(name in descriptor for name in ("/FontFile", "/FontFile2", "/FontFile3"))


def faults_of(content: bytes) -> list[str]:
    """What keeps the file from being PDF/A-2b, by structure; empty for none that was found."""
    try:
        with pikepdf.open(io.BytesIO(content)) as pdf:
            return list(_faults(pdf))
    except UNREADABLE as error:
        return [f"cannot be opened: {type(error).__name__}"]


def _faults(pdf: pikepdf.Pdf) -> Iterator[str]:
    if pdf.is_encrypted:
        yield "encrypted"
    if "/ID" not in pdf.trailer:
        yield "no file identifier"
    yield from _metadata_faults(pdf)
    intents: Any = pdf.Root.get("/OutputIntents", pikepdf.Array())
    if not any(i.get("/S") == "/GTS_PDFA1" and "/DestOutputProfile" in i for i in intents):
        yield "no output intent with a profile"
    for number, page in enumerate(pdf.pages, start=1):
        for name, font in _fonts(page).items():
            if not _embedded(font):
                yield f"page {number}: font {name} is not embedded"
    yield from (f"holds {name}" for name in running_parts(pdf))


def _metadata_faults(pdf: pikepdf.Pdf) -> Iterator[str]:
    if "/Metadata" not in pdf.Root:
        yield "no XMP metadata"
        return
    with pdf.open_metadata(set_pikepdf_as_editor=False, update_docinfo=False) as xmp:
        if (xmp.get("pdfaid:part"), xmp.get("pdfaid:conformance")) != ("2", "B"):
            yield "XMP does not name PDF/A-2b"


def running_parts(pdf: pikepdf.Pdf) -> list[str]:
    """Names of what would run or open something by itself: scripts, launches, media."""
    found: set[str] = set()
    for item in pdf.objects:
        # As text at first, which is quick; a string may say such a name too, so look closer then.
        plain = item.stream_dict if isinstance(item, pikepdf.Stream) else item
        if _RUNS_SOMEWHERE.search(plain.unparse(resolved=True)):
            _collect(plain, found, _DEEPEST)
    return sorted(found)


def _collect(item: Any, found: set[str], depth: int) -> None:
    """Names in an object and in what lies directly in it; other objects come by themselves."""
    if depth == 0:
        return
    if isinstance(item, (pikepdf.Dictionary, pikepdf.Stream)):
        for key, value in item.items():
            if key in _RUNS or (key in ("/S", "/Subtype") and str(value) in _RUNS):
                found.add(key if key in _RUNS else str(value))
            if not getattr(value, "is_indirect", False):
                _collect(value, found, depth - 1)
    elif isinstance(item, pikepdf.Array):
        for value in item:
            if not getattr(value, "is_indirect", False):
                _collect(value, found, depth - 1)

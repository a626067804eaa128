"""Bad input made on the spot: each a file that must end with a reason, not with a crash."""

from __future__ import annotations

import base64
import hashlib
import io
import struct
import zipfile
import zlib

import pypdfium2
import pypdfium2.raw as pdfium_c
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas


def encrypted_pdf() -> bytes:
    """A PDF that asks for a password."""
    stream = io.BytesIO()
    canvas = Canvas(stream, encrypt=StandardEncryption("secret", "owner"))
    canvas.drawString(100, 700, "closed")
    canvas.save()
    return stream.getvalue()


def many_pages_pdf(pages: int) -> bytes:
    """A PDF of empty pages."""
    document = pypdfium2.PdfDocument.new()
    for _ in range(pages):
        document.new_page(100, 100)
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def bomb_ofd() -> bytes:
    """An OFD whose one page unpacks to 300 MB."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("OFD.xml", "<OFD/>")
        package.writestr("Doc_0/Document.xml", b" " * 300_000_000)
    return stream.getvalue()


def entity_xml() -> bytes:
    """The billion laughs."""
    levels = "".join(
        f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' if n else '<!ENTITY l0 "lol">' for n in range(10)
    )
    return f'<?xml version="1.0"?><!DOCTYPE x [{levels}]><EInvoice>&l9;</EInvoice>'.encode()


def huge_png(width: int = 10_000, height: int = 10_000) -> bytes:
    """A valid picture of a hundred million white pixels in about a hundred kilobytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        length, check = struct.pack(">I", len(body)), struct.pack(">I", zlib.crc32(kind + body))
        return length + kind + body + check

    row = b"\0" + b"\xff" * (width // 8)
    packer = zlib.compressobj(9)
    body = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", body), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def with_hidden_text(content: bytes, text: str) -> bytes:
    """The PDF with one more text on its first page, white on white."""
    document = pypdfium2.PdfDocument(content)
    page = document[0]
    added = pdfium_c.FPDFPageObj_NewTextObj(document, b"Helvetica", 9.0)
    letters = (text + "\0").encode("utf-16-le")
    wide = (pdfium_c.FPDF_WCHAR * (len(letters) // 2)).from_buffer_copy(letters)
    pdfium_c.FPDFText_SetText(added, wide)
    pdfium_c.FPDFPageObj_SetFillColor(added, 255, 255, 255, 255)
    pdfium_c.FPDFPageObj_Transform(added, 1, 0, 0, 1, 20, 8)
    pdfium_c.FPDFPage_InsertObject(page, added)
    pdfium_c.FPDFPage_GenerateContent(page)
    stream = io.BytesIO()
    document.save(stream)
    document.close()
    return stream.getvalue()


def altered_after_signing(content: bytes, old: str, new: str) -> bytes:
    """The OFD signed over all its parts, and `old` made `new` in them afterwards."""
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    listing, signature = "Doc_0/Signs/Signatures.xml", "Doc_0/Signs/Sign_0/Signature.xml"
    place = f"<ofd:Signatures>{listing}</ofd:Signatures></ofd:DocBody>".encode()
    parts["OFD.xml"] = parts["OFD.xml"].replace(b"</ofd:DocBody>", place)
    references = "".join(
        f'<Reference FileRef="/{name}"><CheckValue>{_sha256(part)}</CheckValue></Reference>'
        for name, part in parts.items()
    )
    parts = {name: part.replace(old.encode(), new.encode()) for name, part in parts.items()}
    parts[signature] = (
        '<Signature><SignedInfo><References CheckMethod="2.16.840.1.101.3.4.2.1">'
        f"{references}</References></SignedInfo></Signature>"
    ).encode()
    parts[listing] = b'<Signatures><Signature ID="1" BaseLoc="Sign_0/Signature.xml"/></Signatures>'
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as package:
        for name, part in parts.items():
            package.writestr(name, part)
    return stream.getvalue()


def _sha256(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()

"""What a file is, by its content; its name is never asked.

Scanners, mail programs and people rename files freely, so a suffix proves nothing.
"""

from __future__ import annotations

import io
import struct
import zipfile
from enum import StrEnum

import puremagic

from extractors.errors import DamagedFile, EmptyFile, EncryptedFile, UnsupportedFile
from extractors.zip_directory import open_zip


class MediaType(StrEnum):
    """The forms that a reader exists for; the value is the registered media type."""

    XML = "application/xml"
    OFD = "application/ofd"
    PDF = "application/pdf"
    JPEG = "image/jpeg"
    PNG = "image/png"
    TIFF = "image/tiff"
    BMP = "image/bmp"
    WEBP = "image/webp"
    GIF = "image/gif"


IMAGES = frozenset(
    {MediaType.JPEG, MediaType.PNG, MediaType.TIFF, MediaType.BMP, MediaType.WEBP, MediaType.GIF}
)
_STARTS: tuple[tuple[bytes, MediaType], ...] = (
    (b"\xff\xd8\xff", MediaType.JPEG),
    (b"\x89PNG\r\n\x1a\n", MediaType.PNG),
    (b"II*\x00", MediaType.TIFF),
    (b"MM\x00*", MediaType.TIFF),
    (b"GIF87a", MediaType.GIF),
    (b"GIF89a", MediaType.GIF),
)
#: Readers accept junk before the header of a PDF up to here (ISO 32000-1, annex H.3.4.1).
_PDF_HEADER_WITHIN = 1024
_ENCRYPTED_ENTRY = 0x1
_XML_STARTS = (b"<?xml", b"<\x00?\x00", b"\x00<\x00?")


def sniff(data: bytes) -> MediaType:
    """The form of a whole file's bytes.

    Raises `EmptyFile`; `EncryptedFile` for a ZIP with a password; `DamagedFile` for a ZIP
    without a readable directory, `ArchiveBomb` for one with a monstrous directory;
    `UnsupportedFile(found=...)` for everything no reader takes.
    """
    if not data:
        raise EmptyFile
    for start, media_type in _STARTS:
        if data.startswith(start):
            return media_type
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return MediaType.WEBP
    if data.startswith(b"BM") and _is_bitmap(data):
        return MediaType.BMP
    if data.startswith(b"PK\x03\x04"):
        return _inside_zip(data)
    if b"%PDF-" in data[:_PDF_HEADER_WITHIN]:
        return MediaType.PDF
    if looks_like_xml(data):
        return MediaType.XML
    raise UnsupportedFile(found=_name(data))


def _is_bitmap(data: bytes) -> bool:
    """`BM` alone is two letters of text; the size of the header behind it makes a bitmap."""
    if len(data) < 18:
        return False
    header_size = int(struct.unpack_from("<I", data, 14)[0])
    return header_size in {12, 40, 52, 56, 64, 108, 124}


def looks_like_xml(data: bytes) -> bool:
    """An XML declaration, or an element of anything but a web page."""
    start = data.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")[:512]
    if start.startswith(_XML_STARTS):
        return True
    # No declaration: an element, but no web page.
    lower = start.lower()
    is_page = lower.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<script"))
    return start[:1] == b"<" and start[1:2].isalpha() and not is_page


def _inside_zip(data: bytes) -> MediaType:
    try:
        with open_zip(io.BytesIO(data)) as package:
            entries = package.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, struct.error, NotImplementedError):
        raise DamagedFile(detail="the ZIP directory cannot be read") from None
    names = {entry.filename.replace("\\", "/").lstrip("/").lower() for entry in entries}
    if "ofd.xml" in names:
        return MediaType.OFD
    if any(entry.flag_bits & _ENCRYPTED_ENTRY for entry in entries):
        raise EncryptedFile
    raise UnsupportedFile(found="ZIP")


def _name(data: bytes) -> str:
    """A short name for the person who must act, as well as a table of signatures can tell."""
    start = data[:8192]
    try:
        found = str(puremagic.from_string(start)).lstrip(".").upper()
    except (puremagic.PureError, ValueError):
        found = ""
    return found or ("TXT" if _is_text(start) else "BIN")


def _is_text(start: bytes) -> bool:
    """Printable in one of the encodings that Chinese offices use; a last letter may be cut."""
    for encoding in ("utf-8", "gb18030"):
        text = start.decode(encoding, errors="ignore")
        if len(text.encode(encoding)) >= len(start) - 3:
            return all(letter.isprintable() or letter in "\r\n\t" for letter in text)
    return False

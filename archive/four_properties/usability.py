"""可用性: that what lies in the bag can be opened, now and by whoever comes later."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import PurePosixPath

import pikepdf
from PIL import Image, UnidentifiedImageError

from archive.drawing.pdfa import UNREADABLE, faults_of
from archive.four_properties.model import Judge, Property, Result
from archive.four_properties.under_test import UnderTest
from extractors.errors import DocumentError, YanpiaoError
from extractors.limits import Limits
from extractors.safe_xml import parse_xml
from extractors.sniff import IMAGES, MediaType, sniff

_judge = Judge(Property.USABILITY)
#: Forms that archives keep for long (DA/T 94: OFD, PDF, XML; pictures of paper: JPEG, PNG, TIFF).
LASTING = frozenset(
    {
        *(MediaType.OFD, MediaType.PDF, MediaType.XML),
        *(MediaType.JPEG, MediaType.PNG, MediaType.TIFF),
    }
)


def metadata_readable(under: UnderTest) -> Result:
    """JSON and XML of the bag can be read (元数据可读性)."""
    described = [p for p in under.payload() if p.endswith((".json", ".xml", ".xsd"))]
    ours = [p for p in described if not p.startswith(("data/02-originals/", "data/originals/"))]
    faults = [path for path in ours if not _parses(under, path)]
    if under.content is None:
        faults.append(under.unread)
    return _judge.faults("metadata_readable", faults, "evidence_readable", files=len(ours))


def _parses(under: UnderTest, path: str) -> bool:
    try:
        content = under.read(path)
        if path.endswith(".json"):
            json.loads(content)
        else:
            parse_xml(content, Limits())
    except (OSError, ValueError, RecursionError, YanpiaoError):
        return False
    return True


def formats(under: UnderTest) -> Result:
    """Originals are of a lasting form, or have a PDF/A copy beside them (内容数据格式)."""
    if under.content is None:
        return _judge.faults("formats", [under.unread], "evidence_formats", formats="")
    faults, seen = [], set()
    for invoice in under.content.invoices:
        form = _form(under, invoice.original)
        copied = any(path.endswith("searchable.pdf") for path in invoice.attachments)
        seen.add(form.value if form else "?")
        if form is None or (form not in LASTING and not copied):
            faults.append(f"{invoice.original}: {form.value if form else '?'}")
        elif form.value.rpartition("/")[2] != PurePosixPath(invoice.original).suffix.lstrip("."):
            faults.append(f"{invoice.original}: {form.value}")
    return _judge.faults("formats", faults, "evidence_formats", formats=", ".join(sorted(seen)))


def _form(under: UnderTest, path: str) -> MediaType | None:
    try:
        return sniff(under.read(path))
    except (OSError, DocumentError):
        return None


def opens(under: UnderTest) -> Result:
    """Each original opens without a password (内容数据可读性)."""
    originals = list(under.originals())
    faults = [f"{path}: {fault}" for path in originals if (fault := _unopened(under, path))]
    if under.content is None:
        faults.append(under.unread)
    return _judge.faults("opens", faults, "evidence_opens", files=len(originals))


def _unopened(under: UnderTest, path: str) -> str | None:
    """Why a file cannot be opened; None when it can."""
    form = _form(under, path)
    try:
        content = under.read(path)
        if form is MediaType.PDF:
            with pikepdf.open(io.BytesIO(content)) as pdf:
                return None if len(pdf.pages) else "no page"
        if form is MediaType.OFD:
            with zipfile.ZipFile(io.BytesIO(content)) as package:
                return package.testzip()
        if form is MediaType.XML:
            parse_xml(content, Limits())
        elif form in IMAGES:
            with Image.open(io.BytesIO(content)) as picture:
                picture.verify()
        else:
            return "unknown form"
    except (*UNREADABLE, zipfile.BadZipFile, UnidentifiedImageError, YanpiaoError) as error:
        return type(error).__name__
    except (OSError, ValueError, SyntaxError, RuntimeError, NotImplementedError) as error:
        return type(error).__name__
    return None


def archival_copies(under: UnderTest) -> Result:
    """What was drawn for the bag is PDF/A-2b, by its structure (归档格式合规性)."""
    drawn = under.drawn()
    if not drawn:
        return _judge.not_applicable("archival_copies", "evidence_old_layout")
    faults = [f"{path}: {fault}" for path in drawn for fault in _pdfa_faults(under, path)]
    return _judge.faults("archival_copies", faults, "evidence_pdfa", files=len(drawn))


def _pdfa_faults(under: UnderTest, path: str) -> list[str]:
    try:
        return faults_of(under.read(path))
    except OSError as error:
        return [type(error).__name__]


ITEMS = (metadata_readable, formats, opens, archival_copies)

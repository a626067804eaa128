"""OFD (GB/T 33190-2016): every source inside one file, each as a reading of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from extractors.build import invoice_from_texts
from extractors.errors import DamagedFile
from extractors.kinds import kind_from_name
from extractors.limits import Limits
from extractors.model import Box, Finding, Invoice, Severity, Source
from extractors.ofd.document import Document, Page
from extractors.ofd.face import template_finding
from extractors.ofd.package import Package
from extractors.ofd.pictures import picture_codes
from extractors.ofd.signatures import signature_findings
from extractors.ofd.text import TextObject, page_words, text_objects
from extractors.safe_xml import Element, every, local, parse_xml, text_of
from extractors.structured import read_root
from extractors.words import PageWords, words_unread
from extractors.xml_edrm import graph_code, is_edrm, read_edrm

#: Names in `CustomDatas`, of old invoices and of 数电票.
_CUSTOM_DATA = {
    "invoice_code": ("发票代码",),
    "invoice_number": ("发票号码",),
    "issue_date": ("开票日期",),
    "check_code": ("校验码",),
    "machine_number": ("机器编号",),
    "buyer_name": ("购买方名称", "购方名称"),
    "buyer_tax_id": ("购买方纳税人识别号", "购买方统一社会信用代码/纳税人识别号", "购方税号"),
    "seller_name": ("销售方名称", "销方名称"),
    "seller_tax_id": ("销售方纳税人识别号", "销售方统一社会信用代码/纳税人识别号", "销方税号"),
    "total_without_tax": ("合计金额",),
    "total_tax": ("合计税额",),
    "total_with_tax": ("价税合计", "价税合计（小写）"),
    "issuer": ("开票人",),
}
_LINED = ("Note", "Remark")
#: Most parts that one finding names.
_NAMED = 5


@dataclass(frozen=True, slots=True)
class OfdReading:
    """What one OFD holds: a reading a source, words of the pages, QR texts (of its pictures, and
    those that the file repeats in plain), and what there is to tell about the file itself.

    `images` are stored pictures, one of which may be the scanned page; a file whose pages have
    words gives none, since its codes are in `qr_texts` already.
    """

    readings: tuple[Invoice, ...]
    pages: tuple[PageWords, ...]
    images: tuple[bytes, ...]
    qr_texts: tuple[str, ...]
    page_count: int
    body_count: int
    findings: tuple[Finding, ...] = ()


def read_ofd(data: bytes, limits: Limits) -> OfdReading:
    """Read an OFD. Values of custom data and attachments may stand in the file with no page that
    shows them; each is only what its source says, and the merge compares. Where no page shows
    any of them (`template_without_values`) they are withheld.

    Raises `DamagedFile`, `EncryptedFile`, `ArchiveBomb`, `UnsafeXml`, `TooManyPages`.
    """
    package = Package(data, limits)
    document = Document(package, limits)
    drawn = list(document.pages())
    pages: list[PageWords] = []
    objects: dict[str, TextObject] = {}
    left, cut = limits.max_document_words, 0
    for index, page in enumerate(drawn):
        found, whole = text_objects(page, index, min(left, limits.max_words))
        pages.append(page_words(page, index, found))
        left -= len(pages[-1].words)
        cut += not whole
        for text_object in found:
            objects.setdefault(text_object.id, text_object)
    attachments = list(_attachments(document, limits))
    readings = [reading for root in attachments if (reading := read_root(root)) is not None]
    readings.append(_custom_data(document))
    template = template_finding(readings, pages)
    readings = [] if template else readings
    readings.extend(_tags(document, objects))
    pictures = tuple(document.images())
    repeated = [text for root in attachments if (text := graph_code(root)) is not None]
    worded = any(page.words for page in pages)
    codes = picture_codes(pictures, limits) if worded else ()
    return OfdReading(
        readings=tuple(reading for reading in readings if reading.sources),
        pages=tuple(pages),
        images=() if worded else pictures,
        qr_texts=() if template else tuple(dict.fromkeys((*codes, *repeated))),
        page_count=document.page_count,
        body_count=document.body_count,
        findings=(
            *([template] if template else []),
            *_signed(package, document, drawn),
            *_unreadable(document),
            *words_unread(cut),
        ),
    )


def _signed(package: Package, document: Document, pages: Sequence[Page]) -> tuple[Finding, ...]:
    shown = [page.part for page in pages] + list(document.annotation_parts())
    templates = [part for page in pages for part in page.template_parts]
    return signature_findings(package, document.root, shown, templates)


def _unreadable(document: Document) -> Iterator[Finding]:
    if document.unreadable:
        parts = ", ".join(list(document.unreadable)[:_NAMED])
        yield Finding(code="part_unreadable", severity=Severity.WARN, params={"parts": parts})


def _attachments(document: Document, limits: Limits) -> Iterator[Element]:
    for name, data in document.attached_xml():
        try:
            yield parse_xml(data, limits)
        except DamagedFile:  # an attachment that is broken leaves the other sources standing
            document.unreadable[name] = None


def _custom_data(document: Document) -> Invoice:
    data = document.custom_data
    texts = {
        name: next((data[label] for label in labels if label in data), None)
        for name, labels in _CUSTOM_DATA.items()
    }
    kind = kind_from_name(data.get("模板编号", "") or data.get("发票类型", ""))
    return invoice_from_texts(texts, Source.OFD_CUSTOM_DATA, kind=kind)


def _tags(document: Document, objects: dict[str, TextObject]) -> list[Invoice]:
    def referenced(element: Element) -> list[TextObject]:
        ids = [text_of(reference) or "" for reference in every(element, "ObjectRef")]
        return [objects[key] for key in ids if key in objects and key != "0"]

    def resolve(element: Element) -> str | None:
        # A name runs on from object to object; remarks keep their lines.
        between = "\n" if local(element) in _LINED else ""
        return between.join(text_object.text for text_object in referenced(element)) or None

    def locate(element: Element) -> Box | None:
        return next((found.box for found in referenced(element) if found.box is not None), None)

    return [
        read_edrm(root, Source.OFD_TAG, resolve=resolve, locate=locate)
        for root in document.custom_tags()
        if is_edrm(root) or every(root, "ObjectRef")
    ]

"""The parts of an OFD by their roles (GB/T 33190-2016, 7): custom data, pages, attachments.

A part that is missing or malformed is passed over and noted (`Document.unreadable`), since real
files lack parts; only a package without a readable `OFD.xml` is no document. A part that is
hostile (`UnsafeXml`, `ArchiveBomb`) stops the reading.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from extractors.errors import DamagedFile, TooManyPages
from extractors.limits import Limits
from extractors.ofd.package import Package
from extractors.safe_xml import Element, children, every, first, text_of

_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".jb2", ".jbig2", ".gbig2")


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its id, its own content, the templates beneath it, its size in millimetres, and
    the parts that content and templates stand in."""

    id: str
    content: Element
    templates: tuple[Element, ...]
    width: float
    height: float
    part: str
    template_parts: tuple[str, ...]


class Document:
    """The first document body of a package (an invoice has one).

    Raises `DamagedFile` when `OFD.xml` is missing or malformed, `TooManyPages` past the limit.
    """

    def __init__(self, package: Package, limits: Limits) -> None:
        self._package = package
        #: Parts that the document names, and that are absent or malformed.
        self.unreadable: dict[str, None] = {}
        entry = package.find("OFD.xml")
        if entry is None:
            raise DamagedFile(detail="OFD.xml is missing")
        self.root = package.xml(entry)
        location = text_of(first(self.root, "DocRoot"))
        self._path = (package.find(location) if location else None) or ""
        self._document = self._parse(self._path or location or "DocRoot")
        self._pages = _pages(self._document)
        if len(self._pages) > limits.max_pages:
            raise TooManyPages(pages=len(self._pages), limit=limits.max_pages)

    @property
    def custom_data(self) -> dict[str, str]:
        """`CustomDatas`: name to value; the first of a repeated name counts."""
        data: dict[str, str] = {}
        for element in every(self.root, "CustomData"):
            name = "".join((element.get("Name") or "").split())
            value = text_of(element)
            if name and value:
                data.setdefault(name, value)
        return data

    def pages(self) -> Iterator[Page]:
        """Pages in order; those whose content is missing or malformed are passed over."""
        default = _physical_box(self._document)
        for element in self._pages:
            part, content = self._relative(element.get("BaseLoc"))
            if content is None:
                continue
            used = [reference.get("TemplateID") or "" for reference in every(content, "Template")]
            templates = [found for key in used if (found := self._template(key)) is not None]
            width, height = _physical_box(content) or default or (210.0, 140.0)
            yield Page(
                id=element.get("ID") or "",
                content=content,
                templates=tuple(root for _, root in templates),
                width=width,
                height=height,
                part=part,
                template_parts=tuple(part for part, _ in templates),
            )

    @property
    def page_count(self) -> int:
        return len(self._pages)

    @property
    def body_count(self) -> int:
        """Document bodies in the package; only the first is read."""
        return max(1, len(every(self.root, "DocBody")))

    def custom_tags(self) -> Iterator[Element]:
        """Roots of the custom tag files, listed or lying in a `Tags` folder."""
        listing = self._entry_of("CustomTags")
        listed: list[str] = []
        if listing:
            listed = self._files(self._parse(listing), "FileLoc", listing)
        loose = [name for name in self._package.names if "/tags/" in f"/{name.lower()}"]
        for name in dict.fromkeys([*listed, *loose]):
            if name != listing and (root := self._parse(name)) is not None:
                yield root

    def attached_xml(self) -> Iterator[tuple[str, bytes]]:
        """Part and content of XML attachments, listed or lying in an `Attachs` folder."""
        listing = self._entry_of("Attachments")
        listed: list[str] = []
        if listing:
            listed = self._files(self._parse(listing), "FileLoc", listing)
        loose = [name for name in self._package.names if "/attach" in f"/{name.lower()}"]
        for name in dict.fromkeys([*listed, *loose]):
            if name != listing and name.lower().endswith((".xml", ".xbrl")):
                yield name, self._package.read(name)

    def images(self) -> Iterator[bytes]:
        """Picture resources as stored (PNG, JPEG, BMP, JBIG2 ...), large and small."""
        for listing in self._resources():
            root = self._parse(listing)
            folder = (root.get("BaseLoc") if root is not None else None) or ""
            for name in self._files(root, "MediaFile", listing, folder):
                if name.lower().endswith(_PICTURES):
                    yield self._package.read(name)

    def _resources(self) -> list[str]:
        if self._document is None:
            return []
        found = [
            self._package.find(text_of(element) or "", self._path)
            for name in ("PublicRes", "DocumentRes")
            for element in every(self._document, name)
        ]
        return [name for name in dict.fromkeys(found) if name is not None]

    def _entry_of(self, part: str) -> str | None:
        if self._document is None:
            return None
        location = text_of(first(self._document, part))
        return self._package.find(location, self._path) if location else None

    def _files(self, root: Element | None, tag: str, base: str, folder: str = "") -> list[str]:
        if root is None:
            return []
        found = []
        for element in every(root, tag):
            location = text_of(element) or ""
            inner = f"{folder}/{location}" if folder else location
            found.append(self._package.find(inner, base) or self._package.find(location, base))
        return [name for name in found if name is not None]

    def annotation_parts(self) -> Iterator[str]:
        """Parts that draw over pages: seals' appearances, marks, and whatever else."""
        listing = self._entry_of("Annotations")
        if listing:
            yield from self._files(self._parse(listing), "FileLoc", listing)

    def _relative(self, location: str | None) -> tuple[str, Element | None]:
        """The part that a place in `Document.xml` names, and its root."""
        name = self._package.find(location or "", self._path) or location or "BaseLoc"
        return name, self._parse(name)

    def _template(self, key: str) -> tuple[str, Element] | None:
        """Only templates that a page uses are parsed: lists of goods bring one a page."""
        entry = self._template_entries.get(key)
        part, root = self._relative(entry) if entry is not None else ("", None)
        return (part, root) if root is not None else None

    @cached_property
    def _template_entries(self) -> dict[str, str]:
        if self._document is None:
            return {}
        found = every(self._document, "TemplatePage")
        return {each.get("ID") or "": each.get("BaseLoc") or "" for each in found}

    def _parse(self, name: str) -> Element | None:
        """A part's root, or None when it is absent or not well-formed, which is noted."""
        try:
            return self._package.xml(name)
        except (DamagedFile, KeyError):
            self.unreadable[name] = None
            return None


def _pages(document: Element | None) -> list[Element]:
    holder = first(document, "Pages") if document is not None else None
    return children(holder, "Page") if holder is not None else []


def _physical_box(element: Element | None) -> tuple[float, float] | None:
    """Width and height in millimetres; None when absent or senseless."""
    box = text_of(first(element, "PhysicalBox")) if element is not None else None
    try:
        numbers = [float(part) for part in (box or "").split()]
    except ValueError:
        return None
    sensible = len(numbers) == 4 and 0 < numbers[2] < 1e5 and 0 < numbers[3] < 1e5
    return (numbers[2], numbers[3]) if sensible else None

"""XML from strangers, parsed so that it can neither reach out nor swell.

A document type is refused before parsing, in any encoding that is admitted; with it go
entities, external files and the amplification attacks built on them. Size, element count and
depth have ceilings.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TypeAlias

from lxml import etree

from extractors.errors import DamagedFile, UnsafeXml
from extractors.limits import Limits

#: lxml names its element type with an underscore although every caller needs it.
Element: TypeAlias = etree._Element  # noqa: SLF001

#: Encodings that invoices are written in. Others (UTF-7, EBCDIC ...) could hide a document
#: type from the look below, and no invoice uses them.
_ENCODINGS = frozenset(
    {"utf-8", "utf8", "utf-16", "utf-16le", "utf-16be", "gbk", "gb2312", "gb18030", "us-ascii"}
)
_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([^"']{1,40})["']""")
_STARTS = (b"<", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def parse_xml(data: bytes, limits: Limits) -> Element:
    """The root element of `data`.

    Raises `UnsafeXml` for a document type, an odd encoding, or more size, elements or depth
    than `limits` allow; `DamagedFile` when it is not well-formed.
    """
    _refuse_unsafe(data, limits)
    try:
        root = etree.fromstring(data.lstrip(b" \t\r\n"), _parser())
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        raise DamagedFile(detail="XML is not well-formed") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise UnsafeXml(detail="document type")
    _refuse_deep(root, limits.max_xml_depth)
    return root


@cache
def _parser() -> etree.XMLParser:
    """One for all: it keeps nothing from one document to the next."""
    return etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        recover=False,
    )


def _refuse_unsafe(data: bytes, limits: Limits) -> None:
    if len(data) > limits.max_xml_bytes:
        raise UnsafeXml(detail=f"{len(data)} bytes, the limit is {limits.max_xml_bytes}")
    if not data.lstrip(b" \t\r\n").startswith(_STARTS):
        raise DamagedFile(detail="not XML")
    # Without its NUL bytes, UTF-16 shows its ASCII part as plain ASCII.
    plain = data.replace(b"\x00", b"") if b"\x00" in data else data
    if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain:
        raise UnsafeXml(detail="document type or entities")
    declared = _DECLARED.search(plain[:400])
    if declared and declared.group(1).decode("latin-1").lower() not in _ENCODINGS:
        raise UnsafeXml(detail="unusual encoding")
    if plain.count(b"<") > limits.max_xml_tags:
        raise UnsafeXml(detail=f"more than {limits.max_xml_tags} tags")


def _refuse_deep(root: Element, limit: int) -> None:
    if _deeper_than(limit)(root):
        raise UnsafeXml(detail=f"nested deeper than {limit}")


@cache
def _deeper_than(limit: int) -> etree.XPath:
    """Asks whether anything is nested below `limit` levels; the search runs inside libxml2,
    since a walk in Python cost half as much as the parsing itself."""
    return etree.XPath(f"boolean({'/*' * (limit + 1)})")


def local(element: Element) -> str:
    """An element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def children(element: Element, name: str) -> list[Element]:
    """Direct children of that local name, whatever their namespace."""
    return [child for child in element if local(child) == name]


def first(element: Element, name: str) -> Element | None:
    """The first element of that local name at any depth, or None."""
    return next(element.iter("{*}" + name), None)


def every(element: Element, name: str) -> list[Element]:
    """All elements of that local name at any depth, in the order of the document."""
    return list(element.iter("{*}" + name))


def text_of(element: Element | None) -> str | None:
    """All text inside, stripped; None when absent or blank."""
    if element is None:
        return None
    if not len(element):  # nearly every element that is asked
        return (element.text or "").strip() or None
    return "".join(str(part) for part in element.itertext()).strip() or None

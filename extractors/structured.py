"""Which vocabulary a piece of XML speaks, wherever it was found: file, OFD or PDF attachment."""

from __future__ import annotations

from extractors.limits import Limits
from extractors.model import Invoice, Source
from extractors.safe_xml import Element, parse_xml
from extractors.xbrl import is_xbrl, read_xbrl
from extractors.xml_edrm import is_edrm, read_edrm
from extractors.xml_einvoice import is_einvoice, read_einvoice


def read_xml(data: bytes, limits: Limits) -> Invoice | None:
    """The invoice that `data` states, or None when it speaks of something else.

    Raises `UnsafeXml` and `DamagedFile` as `parse_xml` does.
    """
    return read_root(parse_xml(data, limits))


def read_root(root: Element) -> Invoice | None:
    """The same for a parsed document."""
    if is_einvoice(root):
        return read_einvoice(root)
    if is_edrm(root):
        return read_edrm(root, Source.OFD_ATTACHMENT)
    if is_xbrl(root):
        return read_xbrl(root)
    return None

"""Does the face of an OFD show what the file says beside it?

Custom data, tags and attachments stand in no page. A form without values, whose metadata speaks
of an invoice, shows a person nothing: what it states proves nothing, and is withheld.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from extractors.model import Field, Finding, Invoice, Severity
from extractors.words import PageWords

_NO_DIGIT = re.compile(r"[^0-9A-Za-z]+")
#: Values that every face of an invoice shows, in characters that no typesetting changes.
_TOLD_BY = ("invoice_number", "invoice_code", "check_code", "total_with_tax", "total_without_tax")


def template_finding(readings: Sequence[Invoice], pages: Sequence[PageWords]) -> Finding | None:
    """`template_without_values` (BLOCK) when pages have print, but none of the values that the
    file's other parts state. A file without any words may show a scan: nothing is said of it."""
    shown = _digits_of(word.text for page in pages for word in page.words)
    values = {text for reading in readings for name in _TOLD_BY if (text := _plain(reading, name))}
    printed = any(page.words for page in pages)
    if not printed or not values or any(value in shown for value in values):
        return None
    return Finding(
        code="template_without_values",
        severity=Severity.BLOCK,
        params={"values": ", ".join(sorted(values))},
    )


def _plain(reading: Invoice, name: str) -> str:
    field: Field[object] | None = getattr(reading, name)
    return _digits_of([str(field.value)]) if field is not None else ""


def _digits_of(texts: Iterable[str]) -> str:
    return _NO_DIGIT.sub("", "".join(texts))

"""One read file as a JSON object: the stable output of `yanpiao read --json`."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from extractors.errors import YanpiaoError
from extractors.messages import say
from extractors.model import FIELD_NAMES, Field, Finding, Invoice, Line
from extractors.regions import region_of


def to_json(invoice: Invoice, file: str, seconds: float, *, language: str = "en") -> dict[str, Any]:
    """The object for a read file: texts or None, money as plain "123.45", dates YYYY-MM-DD.

    `confidence` maps each field that was read to 0..1; `language` is that of the messages. A
    file that holds several invoices gives an object each, told apart by `part` of `parts`.
    """
    fields: dict[str, Field[Any] | None] = {name: getattr(invoice, name) for name in FIELD_NAMES}
    return {
        "file": file,
        "kind": invoice.kind.value,
        **{name: _text(field.value) if field else None for name, field in fields.items()},
        "region": _region(invoice),
        "extra": {name: field.value for name, field in invoice.extra.items()},
        "lines": [_line(line) for line in invoice.lines],
        "sources": [source.value for source in invoice.sources],
        "confidence": {
            name: round(field.confidence, 3)
            for name, field in (*fields.items(), *invoice.extra.items())
            if field
        },
        "findings": [_finding(finding, language) for finding in invoice.findings],
        "part": invoice.part,
        "parts": invoice.parts,
        "pages": invoice.pages,
        "seconds": round(seconds, 3),
    }


def _region(invoice: Invoice) -> str | None:
    """The region that the code names, or else the number of a 数电票."""
    for field in (invoice.invoice_code, invoice.invoice_number):
        if field is not None and (region := region_of(field.value)) is not None:
            return region
    return None


def error_json(file: str, error: YanpiaoError, *, language: str = "en") -> dict[str, Any]:
    """The object for a file that could not be read."""
    return {
        "file": file,
        "error": {
            "code": error.code,
            "message": error.message(language),
            "hint": error.hint(language),
        },
    }


def _text(value: str | Decimal | dt.date) -> str:
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    return value.isoformat() if isinstance(value, dt.date) else value


def _line(line: Line) -> dict[str, str | None]:
    return {
        "name": line.name,
        "spec": line.spec,
        "unit": line.unit,
        "quantity": _plain(line.quantity),
        "price": _plain(line.price),
        "amount": _plain(line.amount),
        "rate": _plain(line.rate),
        "tax": _plain(line.tax),
    }


def _plain(number: Decimal | None) -> str | None:
    """Digits without an exponent: a normalised 100 would print as 1E+2."""
    return None if number is None else f"{number:f}"


def _finding(finding: Finding, language: str) -> dict[str, str | None]:
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "field": finding.field,
        "message": say(finding.code, language, finding.params),
    }

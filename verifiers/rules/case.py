"""What the rules look at: one invoice, the day, the policy, and what is known of others."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from extractors.model import Finding, Invoice, Severity, Source
from verifiers.policy import Policy

Findings = tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another invoice on our books. Money in yuan, with tax."""

    document_id: str
    invoice_code: str
    invoice_number: str
    issue_date: dt.date | None
    total_with_tax: Decimal | None
    #: Was it handed in before the invoice that is looked at?
    earlier: bool = True


@dataclass(frozen=True, slots=True)
class History:
    """What the archive knows around one invoice: others of its seller, and other documents that
    bear its number. Documents that a person rejected count in neither."""

    same_seller: tuple[Neighbour, ...] = ()
    same_number: tuple[Neighbour, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """`today` and `claimed_on` (the day it was handed in) are dates in China."""

    invoice: Invoice
    today: dt.date
    policy: Policy
    history: History = field(default_factory=History)
    claimed_on: dt.date | None = None

    @property
    def number(self) -> str:
        """The invoice number, or ""."""
        return self.invoice.invoice_number.value if self.invoice.invoice_number else ""

    @property
    def code(self) -> str:
        """The invoice code, or ""."""
        return self.invoice.invoice_code.value if self.invoice.invoice_code else ""

    @property
    def issued(self) -> dt.date | None:
        return self.invoice.issue_date.value if self.invoice.issue_date else None

    @property
    def total(self) -> Decimal | None:
        return self.invoice.total_with_tax.value if self.invoice.total_with_tax else None

    @property
    def only_recognised(self) -> bool:
        """Was everything but a QR code read from pixels?"""
        sources = self.invoice.sources
        return bool(sources) and set(sources) <= {Source.OCR, Source.QR}


Rule = Callable[[Case], Findings]


def finder(severity: Severity) -> Callable[..., Finding]:
    """A maker of findings of one severity: `(code, field, /, **params)`."""

    def make(code: str, about: str, /, **params: str) -> Finding:
        return Finding(code=code, severity=severity, field=about, params=params)

    return make


info = finder(Severity.INFO)
warn = finder(Severity.WARN)
block = finder(Severity.BLOCK)

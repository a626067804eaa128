"""What one merged invoice says about itself: what is missing, doubtful, or does not add up.

Pure rules on the read values alone; rules of the house and the calendar belong to verifiers.
"""

from __future__ import annotations

from collections.abc import Iterator

from extractors.amount_words import parse_amount
from extractors.faces import needed_fields
from extractors.model import FIELD_NAMES, Finding, Invoice, Kind, Severity

#: Below this a recognised value is doubtful and a person looks.
CONFIDENT = 0.85

#: Their total holds parts that are neither amount nor tax (funds, fees).
_OTHER_PARTS = frozenset({Kind.DIGITAL_AIR, Kind.TRAIN_TICKET})
#: Without these an invoice can neither be verified nor told apart from another.
_KEYS = frozenset({"invoice_code", "invoice_number", "issue_date", "check_code", "total_with_tax"})


def missing_fields(invoice: Invoice) -> tuple[str, ...]:
    """The needed fields that stand empty; `kind` among them when it is unknown."""
    missing = tuple(name for name in needed_fields(invoice.kind) if getattr(invoice, name) is None)
    return (*missing, "kind") if invoice.kind is Kind.UNKNOWN else missing


def self_findings(invoice: Invoice) -> tuple[Finding, ...]:
    """`total_mismatch` and `words_mismatch` (BLOCK), `words_unreadable` and `low_confidence`
    (WARN), `field_missing` (BLOCK for keys, else WARN), in this order."""
    return (
        *totals_add_up(invoice),
        *words_equal_figures(invoice),
        *_doubts(invoice),
        *(
            Finding(
                code="field_missing",
                severity=Severity.BLOCK if name in _KEYS else Severity.WARN,
                field=name,
                params={"field": name},
            )
            for name in missing_fields(invoice)
        ),
    )


def totals_add_up(invoice: Invoice) -> tuple[Finding, ...]:
    """合计金额 + 合计税额 = 价税合计, exact to 0.01 (增值税专用发票使用规定 第十一条)."""
    without, tax, total = invoice.total_without_tax, invoice.total_tax, invoice.total_with_tax
    if without is None or tax is None or total is None or invoice.kind in _OTHER_PARTS:
        return ()
    if without.value + tax.value == total.value:
        return ()
    return (
        Finding(
            code="total_mismatch",
            severity=Severity.BLOCK,
            field="total_with_tax",
            params={
                "without": f"{without.value:.2f}",
                "tax": f"{tax.value:.2f}",
                "total": f"{total.value:.2f}",
            },
        ),
    )


def words_equal_figures(invoice: Invoice) -> tuple[Finding, ...]:
    """The amount in words equals the figures (票据法 第八条; 发票 follow the same custom).

    Words that do not parse are a WARN: most often they are misread, not wrong.
    """
    words, total = invoice.amount_in_words, invoice.total_with_tax
    if words is None or total is None:
        return ()
    amount = parse_amount(words.value)
    if amount is None:
        return (
            Finding(
                code="words_unreadable",
                severity=Severity.WARN,
                field="amount_in_words",
                params={"words": words.value},
            ),
        )
    # Red invoices print the minus on one side only often enough.
    if abs(amount) == abs(total.value):
        return ()
    return (
        Finding(
            code="words_mismatch",
            severity=Severity.BLOCK,
            field="total_with_tax",
            params={"words": words.value, "figures": f"{total.value:.2f}"},
        ),
    )


def _doubts(invoice: Invoice) -> Iterator[Finding]:
    fields = {name: getattr(invoice, name) for name in FIELD_NAMES} | invoice.extra
    for name, field in fields.items():
        if field is not None and field.confidence < CONFIDENT:
            yield Finding(
                code="low_confidence",
                severity=Severity.WARN,
                field=name,
                params={"field": name, "confidence": f"{field.confidence:.2f}"},
            )

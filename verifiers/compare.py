"""Field by field: what the document says against what the tax authority holds.

Pure. Money and dates are compared exactly, names after folding what printing changes (width,
brackets, spaces), lines as a multiset. A value that our side lacks is no contradiction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

from extractors.amount_words import parse_amount
from extractors.model import Field, Finding, Invoice, Line, Severity
from verifiers.folding import fold_id, fold_name
from verifiers.model import PortalValues

Fold = Callable[[object], object]


def _fold_words(words: object) -> object:
    """The amount that the words name; the folded words where they name none."""
    amount = parse_amount(str(words))
    return fold_name(words) if amount is None else amount


def _as_it_is(value: object) -> object:
    return value


#: Every compared field with its fold. Words are compared by the amount they name.
_FOLDS: dict[str, Fold] = {
    "invoice_code": fold_id,
    "invoice_number": fold_id,
    "issue_date": _as_it_is,
    "check_code": fold_id,
    "machine_number": fold_id,
    "buyer_name": fold_name,
    "buyer_tax_id": fold_id,
    "seller_name": fold_name,
    "seller_tax_id": fold_id,
    "total_without_tax": _as_it_is,
    "total_tax": _as_it_is,
    "total_with_tax": _as_it_is,
    "amount_in_words": _fold_words,
}


def compare(invoice: Invoice, portal: PortalValues) -> tuple[Finding, ...]:
    """BLOCK `portal_differs` for each value that differs, INFO `portal_only` for each that only
    the portal shows, then the findings on lines. What the portal does not show is not judged.
    """
    findings = [
        finding
        for name, fold in _FOLDS.items()
        if (finding := _compare_field(name, fold, invoice, portal)) is not None
    ]
    return (*findings, *_compare_lines(invoice.lines, portal.lines))


def contradicts(findings: Iterable[Finding]) -> bool:
    """Whether any finding stands in the way of a confirmation."""
    return any(finding.severity is Severity.BLOCK for finding in findings)


def _compare_field(name: str, fold: Fold, invoice: Invoice, portal: PortalValues) -> Finding | None:
    theirs = getattr(portal, name)
    if theirs is None:
        return None
    field: Field[object] | None = getattr(invoice, name)
    if field is None:
        params = {"field": name, "portal": str(theirs)}
        return Finding(code="portal_only", severity=Severity.INFO, field=name, params=params)
    if fold(field.value) == fold(theirs):
        return None
    return _differs(name, field.value, theirs)


def _differs(name: str, ours: object, theirs: object) -> Finding:
    return Finding(
        code="portal_differs",
        severity=Severity.BLOCK,
        field=name,
        params={"field": name, "document": str(ours), "portal": str(theirs)},
    )


def _compare_lines(ours: tuple[Line, ...], theirs: tuple[Line, ...]) -> tuple[Finding, ...]:
    """One BLOCK finding that names the lines without a partner on the other side.

    Order does not matter, repetition does. Nothing is judged when either side shows no lines.
    """
    if not ours or not theirs:
        return ()
    only_ours: list[Line] = []
    only_theirs = list(theirs)
    # Lines with fewest gaps first, so that a line with gaps cannot take another's only partner.
    for line in sorted(ours, key=_gaps):
        partner = next((other for other in only_theirs if _same_line(line, other)), None)
        if partner is None:
            only_ours.append(line)
        else:
            only_theirs.remove(partner)
    if not only_ours and not only_theirs:
        return ()
    return (_differs("lines", _show(only_ours), _show(only_theirs)),)


def _gaps(line: Line) -> int:
    return (line.amount, line.tax).count(None)


def _same_line(ours: Line, theirs: Line) -> bool:
    """Same folded name and exactly the same money; money that either side lacks is not judged."""
    return (
        fold_name(ours.name) == fold_name(theirs.name)
        and (None in (ours.amount, theirs.amount) or ours.amount == theirs.amount)
        and (None in (ours.tax, theirs.tax) or ours.tax == theirs.tax)
    )


def _show(lines: list[Line]) -> str:
    shown = (f"{line.name} {_money(line.amount)} / {_money(line.tax)}" for line in lines)
    return "；".join(sorted(shown)) or "—"


def _money(amount: Decimal | None) -> str:
    return "—" if amount is None else str(amount)

"""Field by field: what the document says against what the tax authority holds.

Pure. Money and dates are compared exactly, names after folding what printing changes (width,
brackets, spaces), lines as a multiset. A value that our side lacks is no contradiction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from extractors.amount_words import parse_amount
from extractors.model import Field, Finding, Invoice, Line, Severity
from verifiers.comparison import Compared, Outcome
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


def compare(invoice: Invoice, portal: PortalValues) -> tuple[Compared, ...]:
    """Every value that the portal shows beside the document's, in the order of the fields, and
    last the lines. What the portal does not show is not judged. A value that the document shows
    but that its own sums spoke against counts as seen: an altered total looks like this."""
    fields = [
        compared
        for name, fold in _FOLDS.items()
        if (compared := _compare_field(name, fold, invoice, portal)) is not None
    ]
    return (*fields, *_compare_lines(invoice.lines, portal.lines))


def findings_of(compared: Iterable[Compared]) -> tuple[Finding, ...]:
    """BLOCK `portal_differs` for each value that differs, INFO `portal_only` for each that only
    the portal shows, INFO `mended_from_portal` for each that was misread."""
    found = (each.finding() for each in compared)
    return tuple(finding for finding in found if finding is not None)


def contradicts(findings: Iterable[Finding]) -> bool:
    """Whether any finding stands in the way of a confirmation."""
    return any(finding.severity is Severity.BLOCK for finding in findings)


def _compare_field(
    name: str, fold: Fold, invoice: Invoice, portal: PortalValues
) -> Compared | None:
    theirs = getattr(portal, name)
    if theirs is None:
        return None
    field: Field[Any] | None = getattr(invoice, name) or invoice.doubted.get(name)
    if field is None:
        return Compared(field=name, outcome=Outcome.UNREADABLE, document=None, portal=str(theirs))
    seen = invoice.doubted.get(name)
    if seen is not None and fold(field.value) == fold(theirs) != fold(seen.value):
        # Another source has the portal's value, but the face was seen to say something else.
        field = seen
    same = fold(field.value) == fold(theirs)
    return Compared(
        field=name,
        outcome=Outcome.SAME if same else Outcome.DIFFERS,
        document=str(field.value),
        portal=str(theirs),
        source=field.source,
        confidence=field.confidence,
        box=field.box,
    )


def _compare_lines(ours: tuple[Line, ...], theirs: tuple[Line, ...]) -> tuple[Compared, ...]:
    """One comparison that names the lines without a partner on the other side.

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
        outcome, shown, theirs_shown = Outcome.SAME, ours, theirs
    else:
        outcome, shown, theirs_shown = Outcome.DIFFERS, tuple(only_ours), tuple(only_theirs)
    return (
        Compared(field="lines", outcome=outcome, document=_show(shown), portal=_show(theirs_shown)),
    )


def _gaps(line: Line) -> int:
    return (line.amount, line.tax).count(None)


def _same_line(ours: Line, theirs: Line) -> bool:
    """Same folded name and exactly the same money; money that either side lacks is not judged."""
    return (
        fold_name(ours.name) == fold_name(theirs.name)
        and (None in (ours.amount, theirs.amount) or ours.amount == theirs.amount)
        and (None in (ours.tax, theirs.tax) or ours.tax == theirs.tax)
    )


def _show(lines: Iterable[Line]) -> str:
    shown = (f"{line.name} {_money(line.amount)} / {_money(line.tax)}" for line in lines)
    return "；".join(sorted(shown)) or "—"


def _money(amount: Decimal | None) -> str:
    return "—" if amount is None else str(amount)

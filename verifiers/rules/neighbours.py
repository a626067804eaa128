"""What only shows beside other invoices: the same one again, numbers in a row, bills taken
apart."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal

from extractors.model import Finding
from verifiers.rules.case import Case, Findings, Neighbour, block, warn

#: So many documents are named in a finding; their number is said besides.
_NAMED = 5


def possible_duplicate(case: Case) -> Findings:
    """The same number stands on another document. With another amount that is louder than a
    duplicate: one of the two was altered, whichever came first. A code that only one of them
    shows (a photo lost it) does not make them two invoices. Equal keys never come so far: the
    database refuses the second (`archive.records.InvoiceClaim`)."""
    found: list[Finding] = []
    for other in case.history.same_number:
        if case.code and other.invoice_code and case.code != other.invoice_code:
            continue
        params = {"other": other.document_id, "number": case.number}
        if None not in (case.total, other.total_with_tax) and case.total != other.total_with_tax:
            amounts = {"total": _money(case.total), "other_total": _money(other.total_with_tax)}
            found.append(block("number_used_otherwise", "total_with_tax", **params, **amounts))
        elif other.earlier:
            found.append(block("possible_duplicate", "invoice_number", **params))
    return tuple(found)


def running(case: Case) -> Findings:
    """Numbers of one seller in a row (连号): one purchase on several papers, or papers bought in
    a pad."""
    own = _ordinal(case.code, case.number)
    if own is None:
        return ()
    rule = case.policy.running
    near = [
        other
        for other in _within(case, rule.days)
        if (place := _ordinal(other.invoice_code, other.invoice_number)) is not None
        and place[0] == own[0]
        and 0 < abs(place[1] - own[1]) <= rule.gap
    ]
    if not near:
        return ()
    params = {"count": str(len(near)), "numbers": _names(near), "others": _ids(near)}
    return (warn("consecutive_numbers", "invoice_number", **params),)


def splitting(case: Case) -> Findings:
    """Bills of one seller, each within the limit and together above it, within some days."""
    rule, total = case.policy.splitting, case.total
    if rule.limit is None or total is None or not 0 < total <= rule.limit:
        return ()
    small = [
        (other, other.total_with_tax)
        for other in _within(case, rule.days)
        if other.total_with_tax is not None and 0 < other.total_with_tax <= rule.limit
    ]
    together = total + sum((amount for _, amount in small), Decimal(0))
    if not small or together <= rule.limit:
        return ()
    params = {
        "count": str(len(small) + 1),
        "sum": _money(together),
        "limit": _money(rule.limit),
        "days": str(rule.days),
        "others": _ids([other for other, _ in small]),
    }
    return (warn("bills_split", "total_with_tax", **params),)


def _within(case: Case, days: int) -> Iterator[Neighbour]:
    """Others of the seller that were issued at most so many days before or after."""
    issued, reach = case.issued, dt.timedelta(days=days)
    for other in case.history.same_seller:
        if issued and other.issue_date and abs(other.issue_date - issued) <= reach:
            yield other


def _ordinal(code: str, number: str) -> tuple[str, int] | None:
    """The series that a number belongs to, and its place in it. A 数电票's series is its year,
    region and channel; numbers run through the whole region there, so neighbours mean as much."""
    if not number.isascii() or not number.isdigit():
        return None
    return (number[:5], int(number[5:])) if len(number) == 20 else (code, int(number))


def _money(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount:.2f}"


def _names(others: list[Neighbour]) -> str:
    return ", ".join(sorted(other.invoice_number for other in others)[:_NAMED])


def _ids(others: list[Neighbour]) -> str:
    return ", ".join(sorted(other.document_id for other in others)[:_NAMED])

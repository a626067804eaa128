"""Whether a voucher and the invoices attached to it agree: pure functions over plain values.

Rules: DA/T 95-2022 (link of voucher and originals, no double booking, count of attachments),
the organisation's own policy (`[vouchers]`: tolerance).
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pydantic import Field as Attribute

from extractors.model import Frozen
from verifiers.folding import fold_name
from verifiers.policy import Policy

_MONTHS = 12


class VoucherFinding(Frozen):
    """A difference. `code` names its sentence in the catalogues, `params` fill it and tell two
    differences of one code apart."""

    code: str
    params: dict[str, str] = Attribute(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VoucherValues:
    """What of a voucher's facts is checked. `expected`: yuan with tax that its invoices come to,
    negative for a red voucher or as stated."""

    fiscal_year: int
    period: int
    voucher_date: dt.date
    expected: Decimal
    attachments: int | None = None
    agency_name: str = ""
    red: bool = False


@dataclass(frozen=True, slots=True)
class Attached:
    """One passed or archived invoice of a voucher. `elsewhere`: another voucher it stands in."""

    document_id: str
    number: str
    issue_date: dt.date | None = None
    buyer_name: str | None = None
    buyer_tax_id: str | None = None
    total: Decimal | None = None
    elsewhere: str | None = None


Check = Callable[[VoucherValues, Sequence[Attached], Policy], Iterator[VoucherFinding]]


def check(
    voucher: VoucherValues, items: Sequence[Attached], still_open: int, policy: Policy
) -> list[VoucherFinding]:
    """Every difference, in a fixed order. `still_open`: documents of the voucher that have
    neither passed nor been rejected."""
    found = [finding for each in CHECKS for finding in each(voucher, items, policy)]
    if still_open:
        found.append(_finding("voucher_documents_open", count=still_open))
    return found


def _finding(code: str, **params: object) -> VoucherFinding:
    return VoucherFinding(code=code, params={name: str(value) for name, value in params.items()})


def sums(
    voucher: VoucherValues, items: Sequence[Attached], policy: Policy
) -> Iterator[VoucherFinding]:
    """The invoices' sum with tax against the voucher's amount, signs left aside for a red one
    whose amounts are written without."""
    unread = [item for item in items if item.total is None]
    for item in unread:
        yield _finding("voucher_amount_unread", number=item.number)
    if unread:
        return
    total = sum((item.total for item in items if item.total is not None), Decimal(0))
    expected = -abs(voucher.expected) if voucher.red else voucher.expected
    if abs(total - expected) > policy.vouchers.tolerance:
        yield _finding(
            "voucher_sum_differs",
            invoices=f"{total:.2f}",
            voucher=f"{expected:.2f}",
            difference=f"{total - expected:+.2f}",
        )


def dates(
    voucher: VoucherValues, items: Sequence[Attached], _policy: Policy
) -> Iterator[VoucherFinding]:
    """No invoice is younger than the voucher, nor than the period that it is booked in."""
    period_end = end_of_period(voucher.fiscal_year, voucher.period)
    for item in items:
        if item.issue_date is None:
            continue
        if item.issue_date > voucher.voucher_date:
            yield _finding(
                "voucher_date_before_invoice",
                number=item.number,
                issue_date=item.issue_date,
                voucher_date=voucher.voucher_date,
            )
        elif item.issue_date > period_end:
            yield _finding(
                "voucher_period_before_invoice",
                number=item.number,
                issue_date=item.issue_date,
                period=f"{voucher.fiscal_year}-{voucher.period:02d}",
            )


def end_of_period(fiscal_year: int, period: int) -> dt.date:
    """The last day of an accounting period; periods of adjustment (13 and more) end the year."""
    month = min(period, _MONTHS)
    return dt.date(fiscal_year, month, calendar.monthrange(fiscal_year, month)[1])


def count(
    voucher: VoucherValues, items: Sequence[Attached], _policy: Policy
) -> Iterator[VoucherFinding]:
    """As many documents as the voucher says it has attachments (附单据数)."""
    if voucher.attachments is not None and voucher.attachments != len(items):
        yield _finding(
            "voucher_attachments_differ", voucher=voucher.attachments, documents=len(items)
        )


def buyers(
    voucher: VoucherValues, items: Sequence[Attached], policy: Policy
) -> Iterator[VoucherFinding]:
    """Every invoice that names a buyer names the voucher's agency, or, where the voucher names
    none, one of the policy's buyers. Kinds that show no buyer are not asked."""
    if not voucher.agency_name and not policy.buyers:
        return
    for item in items:
        if item.buyer_name and not _is_ours(item, voucher.agency_name, policy):
            yield _finding(
                "voucher_buyer_differs",
                number=item.number,
                buyer=item.buyer_name,
                agency=voucher.agency_name or policy.buyers[0].name,
            )


def _is_ours(item: Attached, agency: str, policy: Policy) -> bool:
    name = item.buyer_name or ""
    if not agency:
        return policy.buyer_named(name) is not None
    if fold_name(name) == fold_name(agency):
        return True
    # The agency may go by several names that the policy knows as one buyer's.
    known = policy.buyer_named(agency)
    return known is not None and policy.buyer_named(name) is known


def doubles(
    _voucher: VoucherValues, items: Sequence[Attached], _policy: Policy
) -> Iterator[VoucherFinding]:
    """No invoice stands in two vouchers (DA/T 95: prevent double booking)."""
    for item in items:
        if item.elsewhere is not None:
            yield _finding("voucher_invoice_twice", number=item.number, other=item.elsewhere)


CHECKS: tuple[Check, ...] = (sums, dates, count, buyers, doubles)

"""The second look: a recognised value that differs from the portal's is read again, closely,
before anybody is asked. Inside the step's one transaction, as everything in `worker.outcomes`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from archive import audit
from archive.records import Document, VerificationRow, now
from extractors.model import Box, Finding, Invoice, Source
from extractors.words import Look
from verifiers.compare import findings_of
from verifiers.comparison import Compared, Outcome
from verifiers.misreading import doubtful, explained, outcome_of
from verifiers.model import Verification
from worker.decide import Decision, decide
from worker.outcomes import follow, keep_invoice

_TOLD_BY_COMPARISON = frozenset({"portal_differs", "portal_only", "mended_from_portal"})


def places(row: VerificationRow) -> dict[str, Box]:
    """Where to look, by field."""
    return {
        name: each.box for name, each in doubtful(_compared(row)).items() if each.box is not None
    }


def record_looks(
    session: Session, document: Document, row: VerificationRow, seen: Mapping[str, Sequence[Look]]
) -> None:
    """Keep what the looks saw, mend what they explain, and decide. Without looks (they could
    not be taken) the difference stands."""
    compared = explained(_compared(row), seen)
    told = [Finding.model_validate(each) for each in row.findings]
    offline = [finding for finding in told if finding.code not in _TOLD_BY_COMPARISON]
    verdict, reason = outcome_of(compared)
    row.compared = [each.model_dump(mode="json") for each in compared]
    row.findings = [
        finding.model_dump(mode="json") for finding in (*offline, *findings_of(compared))
    ]
    row.verdict, row.reason = verdict, reason
    mended = [each for each in compared if each.outcome is Outcome.MENDED]
    audit.record(
        session,
        "document_looked_at_again",
        document_id=document.id,
        voucher_no=document.voucher_no,
        detail={"fields": sorted(seen), "mended": sorted(each.field for each in mended)},
    )
    invoice = _mend(session, document, mended)
    verification = Verification(verdict=verdict, reason=reason, findings=findings_of(compared))
    follow(session, document, _decided(invoice, offline, verification))


def _decided(invoice: Invoice, offline: Sequence[Finding], verification: Verification) -> Decision:
    return decide((*invoice.findings, *offline), verification, 0, now())


def _mend(session: Session, document: Document, mended: Sequence[Compared]) -> Invoice:
    """The document's reading, with misread values as the portal has them."""
    kept = document.invoice
    if kept is None:
        raise ValueError(f"document {document.id} was never read")
    data: dict[str, Any] = {**kept.data, "doubted": dict(kept.data.get("doubted", {}))}
    for each in mended:
        old = data["doubted"].pop(each.field, None) or data[each.field]
        if data.get(each.field) and str(data[each.field]["value"]) == each.portal:
            continue  # another source had it right
        changes = {"value": each.portal, "source": Source.PORTAL, "confidence": each.score}
        data[each.field] = {**old, **changes}
    invoice = Invoice.model_validate(data)
    if mended:
        keep_invoice(session, document, invoice)
    return invoice


def _compared(row: VerificationRow) -> list[Compared]:
    return [Compared.model_validate(each) for each in row.compared or ()]

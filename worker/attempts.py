"""An attempt to verify as it is kept: a row, its proofs, and what the audit trail says of it."""

from __future__ import annotations

from sqlalchemy.orm import Session

from archive.records import Document, EvidenceRow, VerificationRow, new_id
from verifiers.model import Verification
from worker.visit import VisitResult


def keep(session: Session, document: Document, result: VisitResult, portal: str) -> VerificationRow:
    """Keep one attempt with its evidence."""
    verification = result.verification
    row = VerificationRow(
        id=new_id(),
        document_id=document.id,
        portal=verification.road or portal,
        verdict=verification.verdict,
        reason=verification.reason,
        portal_time=verification.portal_time,
        portal_count=verification.portal_count,
        portal_code=verification.portal_code,
        portal_message=verification.portal_message,
        portal_values=(
            verification.portal_values.model_dump(mode="json")
            if verification.portal_values
            else None
        ),
        findings=[
            finding.model_dump(mode="json") for finding in (*result.offline, *verification.findings)
        ],
        compared=[each.model_dump(mode="json") for each in verification.compared],
    )
    row.evidence = [
        EvidenceRow(id=new_id(), name=name, media_type=media_type, sha256=sha256)
        for name, media_type, sha256 in result.kept
    ]
    session.add(row)
    session.flush()
    return row


def told(row: VerificationRow, verification: Verification) -> dict[str, object]:
    """An attempt as the audit trail keeps it: what the portal answered and when, by which
    description of its page that was understood, and the digest of every proof."""
    return {
        "verification": row.id,
        "portal_code": row.portal_code,
        "portal_time": row.portal_time,
        "portal_count": row.portal_count,
        "portal_layout": verification.layout,
        "evidence": {proof.name: proof.sha256 for proof in row.evidence},
    }

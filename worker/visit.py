"""One visit to the portal for one invoice: offline rules first, then the portal, then proof
put into the store."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from archive.records import Document
from extractors.model import Finding, Invoice, Kind
from verifiers.model import Evidence, Verification, Verifier
from worker.offline import offline_findings
from worker.services import Services


@dataclass(frozen=True, slots=True)
class Visit:
    """A verifier, the name of the portal that it asks, and which kinds only the portal verifies:
    those wait while its lane is held, others have another road."""

    verifier: Verifier
    portal: str
    needs_portal: Callable[[Kind], bool] = lambda _kind: True


#: A stored proof: name, media type, SHA-256.
Kept = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class VisitResult:
    """`offline` are the rules' findings, `findings` those plus the reader's own; `kept` names
    each stored proof, the portal's answer last."""

    verification: Verification
    offline: tuple[Finding, ...]
    findings: tuple[Finding, ...]
    kept: tuple[Kept, ...]


def visit_portal(
    visit: Visit, document: Document, invoice: Invoice, services: Services
) -> VisitResult:
    """Verify one invoice and keep the evidence."""
    offline = offline_findings(services, document, invoice)
    verification = visit.verifier.verify(document.id, invoice, services.desk)
    proofs = _kept(verification.evidence, services)
    kept = proofs + _kept(_portal_record(verification, proofs), services)
    return VisitResult(
        verification=verification,
        offline=offline,
        findings=(*invoice.findings, *offline),
        kept=kept,
    )


def _kept(evidence: Sequence[Evidence], services: Services) -> tuple[Kept, ...]:
    return tuple(
        (proof.name, proof.media_type, services.store.put(proof.content)) for proof in evidence
    )


def _portal_record(verification: Verification, proofs: Sequence[Kept]) -> list[Evidence]:
    """The portal's answer as a file of its own, so that a bag tells it without a database. It
    names the other proofs by their SHA-256: its own digest stands for all of them."""
    if verification.portal_code is None and verification.portal_values is None:
        return []
    body = verification.model_dump(mode="json", exclude={"evidence", "findings"})
    body["evidence"] = {name: sha256 for name, _, sha256 in proofs}
    content = json.dumps(body, ensure_ascii=False, indent=2, sort_keys=True).encode()
    return [Evidence(name="portal.json", media_type="application/json", content=content)]

"""The whole proof of the audit trail: its chain, its signed heads, and the heads' copy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from archive import audit, audit_heads
from archive.audit_heads import AuditHead, Head
from archive.readable import unreadable
from archive.records import AuditRow


@dataclass(frozen=True, slots=True)
class Proof:
    """`rows` and `heads` were looked at; `last_signed` is the newest row that a signature covers.
    `faults` names each thing that is wrong; sound when there is none."""

    rows: int
    heads: int
    last_signed: int
    faults: tuple[str, ...]

    @property
    def sound(self) -> bool:
        return not self.faults


def prove(session: Session, keys: dict[str, Ed25519PublicKey], copy: Path | None = None) -> Proof:
    """Walk the chain, hold every head against it, and the copy against the heads."""
    if faults := unreadable(session, (AuditRow, AuditHead)):
        return Proof(0, 0, 0, tuple(faults))
    report = audit.verify(session)
    known = audit_heads.heads(session)
    faults = [*report.faults, *_heads(session, known, keys, report)]
    if copy is not None:
        faults += _copy(session, known, keys, audit_heads.copy_file(copy))
    last = max((head.seq for head in known), default=0)
    return Proof(report.rows, len(known), last, tuple(dict.fromkeys(faults)))


def _heads(
    session: Session,
    known: list[Head],
    keys: dict[str, Ed25519PublicKey],
    report: audit.AuditReport,
) -> list[str]:
    faults = []
    for expected, head in enumerate(known, start=1):
        if head.number != expected:
            faults.append(f"signed heads {expected} to {head.number - 1} are missing")
            break
    for head in known:
        faults += _one(session, head, keys, f"signed head {head.number}")
    if known and not report.rows:
        faults.append("the whole trail is missing")
    return faults


def _one(session: Session, head: Head, keys: dict[str, Ed25519PublicKey], called: str) -> list[str]:
    right = audit_heads.signed(head, keys)
    if right is None:
        return [f"{called} was signed by key {head.key}, which is not known"]
    if not right:
        return [f"{called} has a bad signature"]
    row = session.execute(select(AuditRow.hash).where(AuditRow.seq == head.seq)).first()
    if row is None:
        return [f"the trail is cut: row {head.seq}, signed {head.at}, is missing"]
    if row.hash != head.hash:
        return [f"row {head.seq} is not the one that was signed {head.at}"]
    return []


def _copy(
    session: Session, known: list[Head], keys: dict[str, Ed25519PublicKey], path: Path
) -> list[str]:
    """What the copy knows better. It may lack the newest heads: it is written after them."""
    there, broken = audit_heads.read_copy(path)
    faults = [f"line {number} of the heads' copy cannot be read" for number in broken]
    here = {head.number: head for head in known}
    for head in there:
        own = here.get(head.number)
        if own == head:
            continue
        faults += _one(session, head, keys, f"copied head {head.number}")
        if own is None:
            faults.append(f"signed head {head.number} is missing, its copy is there")
        else:
            faults.append(f"signed head {head.number} differs from its copy")
    return faults

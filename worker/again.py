"""Verifying again what is archived: an invoice voided or red-offset after it was paid is a known
fraud, and only the tax authority can tell. What changed becomes an alarm on the voucher; sealed
is sealed, so neither document nor bag is touched."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from archive import audit
from archive.records import Alarm, Document, State, VerificationRow, new_id, now
from verifiers.model import Verdict, Verification
from verifiers.policy import Again
from worker.attempts import told
from worker.log import logger

log = logger("again")

#: An undecided try is repeated so much later where the answer names no time.
_USUAL_PAUSE = dt.timedelta(hours=6)


def next_time(policy: Again, archived_at: dt.datetime, after: dt.datetime) -> dt.datetime | None:
    """The first planned day later than `after`; None once all are past."""
    planned = (archived_at + dt.timedelta(days=days) for days in policy.after_days)
    return next((moment for moment in planned if moment > after), None)


def due(session: Session, limit: int) -> list[str]:
    """Archived documents whose time has come, the longest due first."""
    query = (
        select(Document.id)
        .where(Document.state == State.ARCHIVED, Document.again_at <= now())
        .order_by(Document.again_at)
        .limit(limit)
    )
    return list(session.scalars(query))


def is_due(document: Document) -> bool:
    """Is this an archived document whose time has come?"""
    return (
        document.state == State.ARCHIVED
        and document.again_at is not None
        and document.again_at <= now()
    )


def record_again(
    session: Session,
    document: Document,
    row: VerificationRow,
    verification: Verification,
    policy: Again,
) -> None:
    """What the second asking changes: the next time, and an alarm where the answer now speaks
    against the invoice. The kept first verdict stays as it was."""
    audit.record(
        session,
        "document_verified_again",
        document_id=document.id,
        voucher_no=document.voucher_no,
        detail={"verdict": row.verdict, "reason": row.reason, **told(row, verification)},
    )
    if verification.verdict is Verdict.UNDECIDED:
        document.again_at = verification.retry_at or now() + _USUAL_PAUSE
        return
    document.again_at = next_time(policy, _archived_at(document), now())
    if verification.verdict is Verdict.CONTRADICTED:
        raise_alarm(session, document, verification.reason)


def raise_alarm(session: Session, document: Document, reason: str) -> None:
    """One alarm a document and reason, however often it is found."""
    known = select(Alarm.id).where(Alarm.document_id == document.id, Alarm.code == reason)
    if session.scalars(known).first() is not None:
        return
    alarm = Alarm(
        id=new_id(),
        code=reason,
        params={},
        document_id=document.id,
        voucher_no=document.voucher_no,
    )
    session.add(alarm)
    audit.record(
        session,
        "alarm_raised",
        document_id=document.id,
        voucher_no=document.voucher_no,
        detail={"alarm": alarm.id, "code": reason},
    )
    log.error("alarm_raised", document_id=document.id, code=reason)


def _archived_at(document: Document) -> dt.datetime:
    """When it first passed: its first decided verification."""
    decided = [row.at for row in document.verifications if row.verdict == Verdict.CONFIRMED]
    return min(decided, default=document.received_at)

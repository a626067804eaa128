"""The audit trail: append-only rows, each bound to the one before it by hash.

A changed, missing or reordered row breaks the chain at a place that `verify` names. Details
hold ids, codes and counts, never names or pictures.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from archive.locking import one_writer
from archive.records import AuditRow, now
from archive.row_proof import pending

GENESIS = "0" * 64
_NEWEST = "newest row of the audit trail"


def digest_of(row: AuditRow) -> str:
    body = json.dumps(
        [
            row.seq,
            row.at.astimezone(dt.UTC).isoformat(timespec="microseconds"),
            row.actor,
            row.action,
            row.document_id,
            row.voucher_no,
            row.detail,
            row.previous_hash,
        ],
        ensure_ascii=False,
        separators=(",", ":"),
    )
    return hashlib.sha256(body.encode()).hexdigest()


def record(
    session: Session,
    action: str,
    *,
    actor: str = "system",
    document_id: str | None = None,
    voucher_no: str | None = None,
    detail: Mapping[str, object] | None = None,
) -> AuditRow:
    """Append one row inside the caller's transaction, so that it stands or falls with the deed.

    Writers take turns (`archive.locking`), hence no two rows can follow the same predecessor;
    should they ever, the primary key on `seq` refuses the second. Guarded rows that the
    transaction has changed so far enter with it (`archive.row_proof`).
    """
    rows = pending(session)
    said = dict(detail or {}) | ({"rows": rows} if rows else {})
    one_writer(session)
    last = _last(session)
    row = AuditRow(
        seq=last.seq + 1 if last else 1,
        at=now(),
        actor=actor,
        action=action,
        document_id=document_id,
        voucher_no=voucher_no,
        detail=json.dumps(said, ensure_ascii=False, sort_keys=True, default=str),
        previous_hash=last.hash if last else GENESIS,
    )
    row.hash = digest_of(row)
    session.add(row)
    session.info[_NEWEST] = row
    return row


def _last(session: Session) -> AuditRow | None:
    """The newest row. While a transaction holds the lock, what it wrote last is the newest;
    only what was rolled back to a savepoint is not."""
    own: AuditRow | None = session.info.get(_NEWEST)
    if own is not None and own in session:
        return own
    with session.no_autoflush:  # what is not written yet is of this transaction: known above
        return session.scalars(select(AuditRow).order_by(AuditRow.seq.desc()).limit(1)).first()


def before_commit(session: Session) -> None:
    """Let guarded rows that were changed after the transaction's last deed enter the trail."""
    if rows := pending(session):
        record(session, "rows_kept", detail={"rows": rows})


def after_transaction(session: Session, *_: object) -> None:
    """The lock is given up: others may write."""
    session.info.pop(_NEWEST, None)


@dataclass(frozen=True, slots=True)
class AuditReport:
    """`rows` were looked at; `faults` names each break in words. Sound when there is none."""

    rows: int
    faults: tuple[str, ...]

    @property
    def sound(self) -> bool:
        return not self.faults


def verify(session: Session) -> AuditReport:
    """Walk the whole chain and name every changed, missing or reordered row."""
    faults: list[str] = []
    expected_seq, previous = 1, GENESIS
    count = 0
    for row in session.scalars(select(AuditRow).order_by(AuditRow.seq)).yield_per(1000):
        count += 1
        if row.seq != expected_seq:
            faults.append(f"rows {expected_seq} to {row.seq - 1} are missing")
        elif row.previous_hash != previous:
            faults.append(f"row {row.seq} does not follow row {row.seq - 1}")
        if digest_of(row) != row.hash:
            faults.append(f"row {row.seq} was changed")
        expected_seq, previous = row.seq + 1, row.hash
    return AuditReport(count, tuple(faults))

"""Calling a batch off: what it brought, and what nobody has passed yet, is rejected."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from archive import audit, leases
from archive.database import Database
from archive.records import Batch, Document, State, Upload, now
from worker.errors import UnknownBatch
from worker.states import move
from worker.withdrawing import WITHDRAWABLE

CANCELLED = "batch_cancelled"
#: Documents in one transaction; between two, others get their turn.
_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Cancelled:
    """`rejected` now; `busy` in a worker's hands, cancel again; `kept` because they were passed,
    decided, or brought by another batch before."""

    rejected: int
    busy: int
    kept: int


def cancel_batch(database: Database, batch_id: str, actor: str) -> Cancelled:
    """Reject the batch's documents that may still be. What lies in a queue finds nothing to do.
    Raises `UnknownBatch`."""
    with database.read() as session:
        if session.get(Batch, batch_id) is None:
            raise UnknownBatch(id=batch_id)
        uploads = session.execute(
            select(Upload.document_id, Upload.repeated).where(Upload.batch_id == batch_id)
        ).all()
    own = sorted({document_id for document_id, repeated in uploads if not repeated})
    rejected = busy = 0
    for begin in range(0, len(own), _AT_ONCE):
        gone, held = _cancel(database, own[begin : begin + _AT_ONCE], actor)
        rejected, busy = rejected + gone, busy + held
    kept = len({document_id for document_id, _ in uploads}) - rejected - busy
    with database.write() as session:
        batch = session.get_one(Batch, batch_id)
        audit.record(
            session,
            "batch_cancelled",
            actor=actor,
            voucher_no=batch.voucher_no,
            detail={"batch": batch_id, "rejected": rejected, "busy": busy, "kept": kept},
        )
    return Cancelled(rejected, busy, kept)


def _cancel(database: Database, ids: list[str], actor: str) -> tuple[int, int]:
    rejected = busy = 0
    with database.write() as session:
        query = select(Document).where(Document.id.in_(ids), Document.state.in_(WITHDRAWABLE))
        for document in session.scalars(query.with_for_update(of=Document)):
            if leases.is_held(document, now()):
                busy += 1
                continue
            move(session, document, State.REJECTED, actor=actor, reason=CANCELLED)
            rejected += 1
    return rejected, busy

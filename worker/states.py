"""Moving a document from state to state: only along allowed roads, always with an audit row."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from sqlalchemy import delete
from sqlalchemy.orm import Session

from archive import audit
from archive.records import Document, InvoiceClaim, State
from extractors.errors import YanpiaoError

ROADS: Mapping[State, frozenset[State]] = {
    State.RECEIVED: frozenset({State.READ, State.FAILED, State.REJECTED}),
    State.READ: frozenset(
        {State.VERIFIED, State.IN_REVIEW, State.WAITING, State.FAILED, State.REJECTED}
    ),
    State.WAITING: frozenset(
        {State.VERIFIED, State.IN_REVIEW, State.WAITING, State.FAILED, State.REJECTED}
    ),
    State.VERIFIED: frozenset({State.PASSED, State.IN_REVIEW, State.WAITING, State.REJECTED}),
    State.IN_REVIEW: frozenset({State.RECEIVED, State.READ, State.PASSED, State.REJECTED}),
    State.PASSED: frozenset({State.ARCHIVED}),
    State.ARCHIVED: frozenset(),
    State.REJECTED: frozenset(),
    State.FAILED: frozenset({State.RECEIVED, State.REJECTED}),
}
#: States in which a document no longer stands for its invoice.
_GIVES_UP_CLAIM = (State.REJECTED, State.FAILED)


class ForbiddenMove(YanpiaoError):
    """The document is not in a state from which this may be done."""

    code = "forbidden_move"


def move(
    session: Session,
    document: Document,
    to: State,
    *,
    actor: str = "system",
    reason: str | None = None,
    params: Mapping[str, str] | None = None,
    next_try_at: dt.datetime | None = None,
    detail: Mapping[str, object] | None = None,
) -> None:
    """Change the state inside the caller's transaction. Raises `ForbiddenMove`."""
    before = State(document.state)
    if to not in ROADS[before]:
        raise ForbiddenMove(document=document.id, before=before, after=to)
    document.state = to
    document.reason = reason
    document.reason_params = dict(params or {})
    document.next_try_at = next_try_at
    if to in _GIVES_UP_CLAIM:
        session.execute(delete(InvoiceClaim).where(InvoiceClaim.document_id == document.id))
    audit.record(
        session,
        f"document_{to}",
        actor=actor,
        document_id=document.id,
        voucher_no=document.voucher_no,
        detail={"from": before, "reason": reason, **(detail or {})},
    )

"""A document's way as the person who handed it in sees it: five steps, each with its time, and what
there is to do. Plain data; the words stand in the catalogues."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, not_, or_, select
from sqlalchemy.orm import Session

from archive.records import AuditRow, Document, State
from archive.reviewing import ReviewCase
from worker.closing import closed_as, closed_now
from worker.retaking import wanted_now


class Mark(StrEnum):
    """How a step stands: `wait` for the tax authority or the office, `todo` for its owner."""

    DONE = "done"
    NOW = "now"
    WAIT = "wait"
    TODO = "todo"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Step:
    """`name` is one of `STEPS`; `at` when it was done, or what it waits for is due."""

    name: str
    mark: Mark
    at: dt.datetime | None = None


STEPS = ("received", "read", "verified", "voucher", "archived")

#: The step at which a document in this state stands, and how it stands there.
_STANDS = {
    State.RECEIVED: ("read", Mark.NOW),
    State.READ: ("verified", Mark.NOW),
    State.VERIFIED: ("verified", Mark.NOW),
    State.WAITING: ("verified", Mark.WAIT),
    State.IN_REVIEW: ("verified", Mark.WAIT),
    State.PASSED: ("archived", Mark.NOW),
    State.ARCHIVED: ("archived", Mark.DONE),
    State.REJECTED: ("verified", Mark.TODO),
    State.FAILED: ("read", Mark.TODO),
}
#: The deed of the audit trail that ended a step.
_ENDED = {
    "received": "document_received",
    "read": "document_read",
    "verified": "document_passed",
    "voucher": "document_passed",
    "archived": "document_archived",
}


def journey(
    session: Session, document: Document, *, retake: bool = False, closed: bool = False
) -> list[Step]:
    """The steps of a document, in order. `retake`: its owner is asked for a better picture;
    `closed`: it concerns nobody any more."""
    times = _times(session, document)
    here, mark = ("read", Mark.TODO) if retake else _STANDS[State(document.state)]
    if closed:
        mark = Mark.LATER
    reached = STEPS.index(here)
    steps = []
    for order, name in enumerate(STEPS):
        at = times.get(_ENDED[name])
        if name == "received":
            at = document.received_at
        if order < reached:
            steps.append(Step(name, Mark.DONE, at))
        elif order == reached:
            ended = at if mark is Mark.DONE else document.next_try_at
            steps.append(Step(name, mark, ended))
        else:
            steps.append(Step(name, Mark.LATER))
    return steps


def _times(session: Session, document: Document) -> dict[str, dt.datetime]:
    """When each deed was last done to it."""
    rows = session.execute(
        select(AuditRow.action, AuditRow.at)
        .where(AuditRow.document_id == document.id, AuditRow.action.in_(set(_ENDED.values())))
        .order_by(AuditRow.seq)
    )
    return dict(rows.all())


def needs_owner(document: Document, case: ReviewCase | None) -> bool:
    """Whether the person who handed it in has something to do: because it failed or came back, or
    because a better picture is waited for."""
    if document.state == State.IN_REVIEW:
        return case is not None and case.picture_wanted_at is not None
    failed = document.state in (State.FAILED, State.REJECTED)
    return failed and not closed_as(document, case)


def needed_now() -> ColumnElement[bool]:
    """Condition on `Document`: `needs_owner` holds of it."""
    return or_(
        Document.state == State.FAILED,
        and_(Document.state == State.REJECTED, not_(closed_now())),
        wanted_now(),
    )

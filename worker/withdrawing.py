"""Taking back what one handed in oneself, as long as nobody has passed it."""

from __future__ import annotations

from archive import leases
from archive.actors import Actor
from archive.database import Database
from archive.records import Document, State, now
from extractors.errors import YanpiaoError
from worker.closing import WITHDRAWN
from worker.errors import UnknownDocument
from worker.states import move

WITHDRAWABLE = frozenset(
    {
        State.RECEIVED,
        State.READ,
        State.VERIFIED,
        State.WAITING,
        State.IN_REVIEW,
        State.FAILED,
    }
)


class TooLateToWithdraw(YanpiaoError):
    code = "too_late_to_withdraw"


class BeingWorkedOn(YanpiaoError):
    """A worker holds it just now; in a moment it will not."""

    code = "being_worked_on"
    retryable = True


def may_withdraw(document: Document, actor: Actor) -> bool:
    """Whether this is theirs, and not yet too late."""
    return document.submitter == actor.id and document.state in WITHDRAWABLE


def withdraw(database: Database, document_id: str, actor: Actor) -> None:
    """Take a document back. Raises `UnknownDocument` for somebody else's, `TooLateToWithdraw`,
    `BeingWorkedOn`."""
    with database.write() as session:
        document = session.get(Document, document_id, with_for_update={"of": Document})
        if document is None or document.submitter != actor.id:
            raise UnknownDocument(id=document_id)
        if document.state not in WITHDRAWABLE:
            raise TooLateToWithdraw(id=document_id)
        if leases.is_held(document, now()):
            raise BeingWorkedOn(id=document_id)
        move(session, document, State.REJECTED, actor=actor.id, reason=WITHDRAWN)

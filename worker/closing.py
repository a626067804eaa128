"""How a document that counts as rejected comes to concern nobody any more: its owner took it back,
handed another in for it, or has seen why finance rejected it and puts it away."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, exists, or_
from sqlalchemy.orm import Session

from archive import audit
from archive.actors import Actor
from archive.database import Database
from archive.records import Document, State, now
from archive.reviewing import ReviewCase, case_of
from worker.errors import UnknownDocument

#: Why a document was rejected that concerned nobody from then on.
WITHDRAWN, REPLACED = "withdrawn", "replaced"
_CLOSED = (WITHDRAWN, REPLACED)
#: How its owner was done with one that finance rejected; its reason stays finance's.
ANSWERED, PUT_AWAY = "answered", "put_away"


def closed_as(document: Document, case: ReviewCase | None) -> str:
    """`WITHDRAWN`, `REPLACED`, `ANSWERED` or `PUT_AWAY`; "" while it concerns somebody."""
    if document.state != State.REJECTED:
        return ""
    if document.reason in _CLOSED:
        return document.reason or ""
    if case is None or case.put_away_at is None:
        return ""
    return ANSWERED if case.replaced_by else PUT_AWAY


def closed_now() -> ColumnElement[bool]:
    """Condition on `Document`: `closed_as` says something of it."""
    put_aside = exists().where(
        ReviewCase.document_id == Document.id, ReviewCase.put_away_at.is_not(None)
    )
    taken_back = and_(Document.reason.is_not(None), Document.reason.in_(_CLOSED))
    return and_(Document.state == State.REJECTED, or_(taken_back, put_aside))


def put_away(database: Database, document_id: str, actor: Actor) -> None:
    """Be done with a rejection. A second click changes nothing, nor does one that comes after the
    reviewer took the rejection back. Raises `UnknownDocument` for somebody else's.

    The document itself is not touched: its reviewer may still take the rejection back, and then
    it is put away no more (`worker.review.effects.restore`).
    """
    with database.write() as session:
        document = session.get(Document, document_id, with_for_update={"of": Document})
        if document is None or document.submitter != actor.id:
            raise UnknownDocument(id=document_id)
        case = session.get(ReviewCase, document_id)
        if document.state == State.REJECTED and not closed_as(document, case):
            close(session, document, actor, "rejection_put_away")


def close(session: Session, document: Document, actor: Actor, action: str) -> None:
    """Let its owner be done with a rejected document; `action` is its line in the trail."""
    case_of(session, document.id).put_away_at = now()
    audit.record(
        session,
        action,
        actor=actor.id,
        document_id=document.id,
        voucher_no=document.voucher_no,
    )

"""A better picture: what the submitter hands in takes the place of what could not be read."""

from __future__ import annotations

from sqlalchemy.orm import Session

from archive import audit
from archive.actors import Actor
from archive.records import Document, State
from archive.reviewing import ReviewCase, case_of
from extractors.model import Invoice
from worker.errors import UnknownDocument
from worker.outcomes import claim
from worker.queues import Stage, enqueue
from worker.review.cases import handed_in_by
from worker.review.errors import NotInCharge, NotNow, SamePicture
from worker.services import Services
from worker.states import move

#: Why a document was set aside: another was handed in for it.
REPLACED = "replaced"


def picture_wanted(session: Session, document: Document) -> bool:
    """Does the desk wait for a better picture of it?"""
    case = session.get(ReviewCase, document.id)
    open_still = document.state in (State.IN_REVIEW, State.FAILED)
    return open_still and case is not None and case.picture_wanted_at is not None


def replace(services: Services, actor: Actor, document_id: str, new_id: str) -> None:
    """Let the document `new_id`, handed in by the same person, stand in the place of one of which
    a better picture was asked. Run twice, it does nothing twice.

    Raises `UnknownDocument`, `NotNow`, `NotInCharge`, `SamePicture`.
    """
    with services.database.write() as session:
        old, new = session.get(Document, document_id), session.get(Document, new_id)
        if old is None or new is None:
            raise UnknownDocument(id=document_id if old is None else new_id)
        case = case_of(session, old.id)
        if case.replaced_by == new.id:
            return
        if old.id == new.id or old.sha256 == new.sha256:
            raise SamePicture
        if not picture_wanted(session, old):
            raise NotNow(action="replace", state=old.state)
        if not handed_in_by(session, old, actor.id):
            raise NotInCharge
        _exchange(session, actor, old, new)
        state = new.state
    if state == State.READ:
        enqueue(services.redis, Stage.VERIFY, new_id)


def _exchange(session: Session, actor: Actor, old: Document, new: Document) -> None:
    case = case_of(session, old.id)
    case.replaced_by, case.picture_wanted_at = new.id, None
    case_of(session, new.id).replaces = old.id
    move(session, old, State.REJECTED, actor=actor.id, reason=REPLACED, params={"other": new.id})
    if new.state == State.IN_REVIEW and (new.reason_params or {}).get("other") == old.id:
        _set_free(session, new)
    audit.record(
        session,
        "review_replaced",
        actor=actor.id,
        document_id=new.id,
        voucher_no=new.voucher_no,
        detail={"replaces": old.id},
    )


def _set_free(session: Session, new: Document) -> None:
    """It was read before it was linked, and so taken for a duplicate of the old picture."""
    invoice = Invoice.model_validate(new.invoice.data) if new.invoice else None
    if invoice is None or invoice.key is None or claim(session, invoice.key, new.id) is None:
        new.verdict = None
        move(session, new, State.READ)

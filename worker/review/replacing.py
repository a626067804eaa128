"""A better picture: what the submitter hands in takes the place of what could not be read, or of
what finance rejected."""

from __future__ import annotations

from typing import BinaryIO

from sqlalchemy.orm import Session

from archive import audit, vouchers
from archive.actors import Actor
from archive.records import Document, State, now
from archive.reviewing import ReviewCase, case_of
from archive.store import digest_of
from extractors.model import Invoice
from worker.closing import REPLACED, close, closed_as
from worker.errors import UnknownDocument
from worker.intake import Receipt
from worker.outcomes import claim
from worker.queues import Stage, enqueue
from worker.retaking import successor
from worker.review.cases import handed_in_by
from worker.review.errors import NotInCharge, NotNow, PictureKnown, SamePicture
from worker.services import Services
from worker.states import move

#: A document that has come so far takes nobody's place any more.
_SETTLED = (State.PASSED, State.ARCHIVED, State.REJECTED)


def picture_wanted(session: Session, document: Document) -> bool:
    """Is a better picture of it waited for? Of what could not be read at all one always is."""
    case = session.get(ReviewCase, document.id)
    asked = case is not None and case.picture_wanted_at is not None
    return document.state == State.FAILED or (document.state == State.IN_REVIEW and asked)


def replaceable(session: Session, document: Document) -> bool:
    """May another take its place? That of which a better picture is waited for, or what finance
    rejected and still concerns its owner."""
    if document.state == State.REJECTED:
        return not closed_as(document, session.get(ReviewCase, document.id))
    return picture_wanted(session, document)


def take_better(
    services: Services,
    actor: Actor,
    document_id: str,
    batch_id: str,
    name: str,
    stream: BinaryIO,
) -> str:
    """Take a better picture into the batch and let it stand in the place of the old one; the new
    document's id. Killed in between or sent twice, the same picture ends the same.

    Raises `UnknownDocument` for what is not the actor's, `NotNow`, `SamePicture`, `PictureKnown`.
    """
    with services.database.read() as session:
        old = session.get(Document, document_id)
        if old is None or old.submitter != actor.id:
            raise UnknownDocument(id=document_id)
        if not replaceable(session, old):
            if (new_id := successor(session, document_id)) and _holds(session, new_id, stream):
                return new_id
            raise NotNow(action="replace", state=old.state)
    receipt = services.intake.accept(batch_id, name, stream)
    _check_known(services, actor, document_id, receipt)
    replace(services, actor, document_id, receipt.document_id)
    return receipt.document_id


def _holds(session: Session, document_id: str, stream: BinaryIO) -> bool:
    """Are these the document's very bytes?"""
    return digest_of(stream)[0] == session.get_one(Document, document_id).sha256


def _check_known(services: Services, actor: Actor, old_id: str, receipt: Receipt) -> None:
    """Bytes that were known already may only be one's own, and not settled yet."""
    if not receipt.repeated:
        return
    with services.database.read() as session:
        new = session.get_one(Document, receipt.document_id)
        case = session.get(ReviewCase, new.id)
    if new.id == old_id:
        raise SamePicture
    taken = case is not None and case.replaces not in (None, old_id)
    if new.submitter != actor.id or new.state in _SETTLED or taken:
        raise PictureKnown


def replace(services: Services, actor: Actor, document_id: str, new_id: str) -> None:
    """Let the document `new_id`, handed in by the same person, stand in the place of one that may
    be replaced. Run twice, it does nothing twice.

    Raises `UnknownDocument`, `NotNow`, `NotInCharge`, `SamePicture`.
    """
    with services.database.write() as session:
        old = session.get(Document, document_id, with_for_update={"of": Document})
        new = session.get(Document, new_id)
        if old is None or new is None:
            raise UnknownDocument(id=document_id if old is None else new_id)
        case = case_of(session, old.id)
        if case.replaced_by == new.id:
            return
        if old.id == new.id or old.sha256 == new.sha256:
            raise SamePicture
        if not replaceable(session, old):
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
    if old.state == State.REJECTED:
        close(session, old, actor, "rejection_answered")
        old.updated_at = now()  # its reviewer cannot take the rejection back any more
    else:
        params = {"other": new.id}
        move(session, old, State.REJECTED, actor=actor.id, reason=REPLACED, params=params)
    if new.state == State.IN_REVIEW and (new.reason_params or {}).get("other") == old.id:
        _set_free(session, new)
    if new.voucher_no != old.voucher_no and new.state not in _SETTLED:
        # Finance may have linked the old one elsewhere since the claim was handed in.
        vouchers.ensure(session, old.voucher_no, actor.id)
        new.voucher_no = old.voucher_no
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

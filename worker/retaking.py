"""A picture whose keys cannot be read is no case for finance first: whoever handed it in on the
pages is asked to take it again, and is shown what could not be read. They may also say that there
is no better one; then finance looks at it.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from archive import audit
from archive.actors import Actor
from archive.claiming import Claim
from archive.records import Document, State, Upload, now
from archive.reviewing import ReviewCase, case_of
from extractors.model import Box, Invoice, Source
from verifiers.keys import missing_keys
from verifiers.model import Reason
from worker.decide import Decision
from worker.errors import UnknownDocument
from worker.services import Services

_MOST_EARLIER = 20


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A field that reading could not make out; `box` where something was seen at its place."""

    field: str
    box: Box | None


def settle_asking(session: Session, document: Document, decision: Decision) -> None:
    """As the document is decided anew: ask for a better picture where its keys could not be read,
    and ask no more where that is settled."""
    wanted = (
        decision.state is State.IN_REVIEW
        and decision.reason == Reason.KEYS_INCOMPLETE
        and _was_seen(document)
        and _handed_in_on_a_page(session, document)
    )
    case = session.get(ReviewCase, document.id)
    if wanted:
        case_of(session, document.id).picture_wanted_at = now()
        fields = [one.field for one in unreadable(document)]
        audit.record(
            session,
            "picture_wanted",
            document_id=document.id,
            voucher_no=document.voucher_no,
            detail={"fields": fields},
        )
    elif case is not None:
        case.picture_wanted_at = None


def _was_seen(document: Document) -> bool:
    """Was it read from a picture? Of an electronic file there is none that is better."""
    row = document.invoice
    return row is not None and Source.OCR in row.data.get("sources", ())


def _handed_in_on_a_page(session: Session, document: Document) -> bool:
    """By its submitter, who reads notices; what a program handed in goes to finance."""
    return claim_of(session, document) is not None


def claim_of(session: Session, document: Document) -> Claim | None:
    """The claim with which its submitter handed the document in, if they used the pages."""
    query = (
        select(Claim)
        .join(Upload, Upload.batch_id == Claim.batch_id)
        .where(Upload.document_id == document.id, Claim.person_id == document.submitter)
        .order_by(Claim.id)
        .limit(1)
    )
    return session.scalars(query).first() if document.submitter else None


def unreadable(document: Document) -> tuple[Unreadable, ...]:
    """The keys that lack, with the place where each was looked for as far as one is known. Of a
    code nothing is said where the number lacks too and none was seen: most invoices have none."""
    if document.invoice is None:
        return ()
    invoice = Invoice.model_validate(document.invoice.data)
    lacking = missing_keys(invoice)
    found = []
    for name in lacking:
        field = getattr(invoice, name, None) or invoice.doubted.get(name)
        if name == "invoice_code" and field is None and "invoice_number" in lacking:
            continue
        found.append(Unreadable(name, field.box if field is not None else None))
    return tuple(found)


def wanted_now() -> ColumnElement[bool]:
    """Condition on `Document`: a better picture of it is waited for."""
    asked = exists().where(
        ReviewCase.document_id == Document.id, ReviewCase.picture_wanted_at.is_not(None)
    )
    return (Document.state == State.IN_REVIEW) & asked


def give_up_retaking(services: Services, document_id: str, actor: Actor) -> None:
    """There is no better picture: finance decides on the one there is. A second click changes
    nothing. Raises `UnknownDocument` for somebody else's."""
    with services.database.write() as session:
        document = session.get(Document, document_id)
        if document is None or document.submitter != actor.id:
            raise UnknownDocument(id=document_id)
        case = session.get(ReviewCase, document_id)
        if case is None or case.picture_wanted_at is None or document.state != State.IN_REVIEW:
            return
        case.picture_wanted_at = None
        document.updated_at = now()
        audit.record(
            session,
            "picture_not_to_be_had",
            actor=actor.id,
            document_id=document_id,
            voucher_no=document.voucher_no,
        )


def earlier(session: Session, document_id: str) -> list[Document]:
    """What this one was handed in for, one after another, the first picture first."""
    found: list[Document] = []
    known = {document_id}
    case = session.get(ReviewCase, document_id)
    while case is not None and case.replaces and len(found) < _MOST_EARLIER:
        if case.replaces in known:
            break
        known.add(case.replaces)
        found.append(session.get_one(Document, case.replaces))
        case = session.get(ReviewCase, case.replaces)
    return found[::-1]


def successor(session: Session, document_id: str) -> str:
    """The document that took this one's place; "" for none."""
    case = session.get(ReviewCase, document_id)
    return case.replaced_by or "" if case else ""

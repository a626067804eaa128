"""A document as the rules look at it."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from archive import leases
from archive.actors import Actor, Role
from archive.records import (
    Batch,
    Document,
    InvoiceClaim,
    State,
    Upload,
    VerificationRow,
    Voucher,
    now,
)
from archive.reviewing import DeedStatus, ReviewCase, ReviewDeed
from extractors.model import Severity
from verifiers.model import Verdict
from worker.review.rules import ASIDE, Action, Case


def case_for(session: Session, document: Document, actor: Actor) -> Case:
    """The document as this actor's case."""
    waiting = session.get(ReviewCase, document.id)
    proposal = session.get(ReviewDeed, waiting.proposal) if waiting and waiting.proposal else None
    return Case(
        state=State(document.state),
        causes=causes_of(document),
        amount=document.invoice.total_with_tax if document.invoice else None,
        own=handed_in_by(session, document, actor.id),
        in_charge=actor.may(Role.REVIEWER, document.campus),
        busy=is_busy(session, document),
        proposed_by=proposal.actor if proposal else None,
        undoable=undoable(session, document) is not None,
    )


def causes_of(document: Document) -> frozenset[str]:
    """Codes of everything that speaks against the document: why it stands here, the answer of
    the tax authority, every finding that blocks."""
    row = last_verification(document)
    told = [*(document.invoice.data.get("findings", []) if document.invoice else [])]
    found = {document.reason or ""}
    if row is not None:
        told += row.findings
        if row.verdict == Verdict.CONTRADICTED:
            found.add(row.reason)
    found |= {one["code"] for one in told if one["severity"] == Severity.BLOCK}
    return frozenset(found - {""})


def last_verification(document: Document) -> VerificationRow | None:
    """The newest attempt to verify, if there was one."""
    return document.verifications[-1] if document.verifications else None


def handed_in_by(session: Session, document: Document, person: str) -> bool:
    """Did this person hand it in, be it once of several times?"""
    query = (
        select(Upload.id)
        .join(Batch, Batch.id == Upload.batch_id)
        .where(Upload.document_id == document.id, Batch.submitter == person)
        .limit(1)
    )
    return bool(person) and session.execute(query).first() is not None


def is_busy(session: Session, document: Document) -> bool:
    """Is a worker at it? What has passed is in hand while its voucher is being sealed, unless it
    is still held back from sealing."""
    moment = now()
    if leases.is_held(document, moment):
        return True
    if document.state != State.PASSED:
        return False
    if document.next_try_at is not None and document.next_try_at > moment:
        return False
    voucher = session.get(Voucher, document.voucher_no, populate_existing=True)
    return voucher is not None and leases.is_held(voucher, moment)


def undoable(session: Session, document: Document) -> ReviewDeed | None:
    """The last deed on the document, if it took effect and nothing has happened since."""
    query = (
        select(ReviewDeed)
        .where(
            ReviewDeed.document_id == document.id,
            ReviewDeed.action.not_in([*ASIDE, Action.UNDO]),
            ReviewDeed.status.in_((DeedStatus.DONE, DeedStatus.PROPOSED)),
        )
        .order_by(ReviewDeed.at.desc(), ReviewDeed.id.desc())
        .limit(1)
    )
    deed = session.scalars(query).first()
    if deed is None or deed.left_at != document.updated_at:
        return None
    return deed


def owner_of(session: Session, invoice_key: str) -> str | None:
    """The document that stands for an invoice."""
    return session.scalars(
        select(InvoiceClaim.document_id).where(InvoiceClaim.invoice_key == invoice_key)
    ).first()

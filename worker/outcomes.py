"""Writing what a step found: rows and the next state, inside the step's one transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from archive import audit, vouchers
from archive.bags import SealedBag
from archive.reading_rows import invoice_row
from archive.records import (
    Document,
    InvoiceClaim,
    InvoiceRow,
    State,
    Upload,
    new_id,
    now,
)
from extractors.errors import YanpiaoError
from extractors.model import Invoice
from verifiers.misreading import explicable
from verifiers.model import Reason, Verdict
from verifiers.policy import Again
from worker import attempts
from worker.again import next_time
from worker.decide import Decision, decide
from worker.retaking import settle_asking
from worker.states import move
from worker.visit import VisitResult

#: Why a verified document stands where it is: the reading process is to look again.
SECOND_LOOK = "second_look"

_AT_ONCE = 500


def _add_seconds(document: Document, stage: str, seconds: float) -> None:
    so_far = dict(document.seconds or {})
    so_far[stage] = round(so_far.get(stage, 0.0) + seconds, 3)
    document.seconds = so_far


def record_parts(
    session: Session, document: Document, invoices: Sequence[Invoice], seconds: float
) -> list[Document]:
    """Keep the reading of a file: one of its invoices is the document's own, each further one
    becomes a document of its own, handed in by the same people. All of them, in order. Where one
    part is read again, the others stay as they are."""
    own = next((one for one in invoices if one.part == document.part), invoices[0])
    others = [one for one in invoices if one is not own]
    pairs = [(document, own), *((_part(session, document, one), one) for one in others)]
    moving = [(each, invoice) for each, invoice in pairs if each.state == State.RECEIVED]
    for each, invoice in moving:
        each.parts = len(invoices)
        record_reading(session, each, invoice, seconds if each is document else 0.0)
    return [each for each, _ in moving]


def _part(session: Session, whole: Document, invoice: Invoice) -> Document:
    """The document of one further part; made now unless an earlier reading made it."""
    known = session.scalars(
        select(Document).where(Document.sha256 == whole.sha256, Document.part == invoice.part)
    ).first()
    if known is not None:
        return known
    part = Document(
        id=new_id(),
        sha256=whole.sha256,
        part=invoice.part,
        size=whole.size,
        media_type=whole.media_type,
        name=whole.name,
        voucher_no=whole.voucher_no,
        submitter=whole.submitter,
        campus=whole.campus,
        bulk=whole.bulk,
        received_at=whole.received_at,
    )
    session.add(part)
    session.flush()
    audit.record(
        session,
        "document_split",
        document_id=part.id,
        voucher_no=part.voucher_no,
        detail={"from": whole.id, "part": invoice.part, "parts": invoice.parts},
    )
    for upload in session.scalars(select(Upload).where(Upload.document_id == whole.id)).unique():
        session.add(
            Upload(
                id=new_id(),
                batch_id=upload.batch_id,
                document_id=part.id,
                name=upload.name,
                received_at=upload.received_at,
                repeated=upload.repeated,
            )
        )
    return part


def record_reading(session: Session, document: Document, invoice: Invoice, seconds: float) -> None:
    """Keep what was read and claim the invoice; a second document of it goes to a person."""
    row = keep_invoice(session, document, invoice)
    _add_seconds(document, "read", seconds)
    move(
        session,
        document,
        State.READ,
        detail={"seconds": round(seconds, 3), "sources": [str(s) for s in invoice.sources]},
    )
    other = claim(session, invoice.key, document.id) if invoice.key else None
    if other is not None:
        document.verdict = Verdict.CONTRADICTED
        reason, params = _second_claim(session, other, row)
        move(session, document, State.IN_REVIEW, reason=reason, params=params)


def _second_claim(session: Session, other: str, own: InvoiceRow) -> tuple[str, dict[str, str]]:
    """Why a second document of one invoice goes to a person. With another amount that is louder
    than a duplicate: one of the two was altered."""
    first = session.get(InvoiceRow, other)
    total, other_total = own.total_with_tax, first.total_with_tax if first else None
    if total is None or other_total is None or total == other_total:
        return Reason.DUPLICATE, {"other": other}
    amounts = {"total": f"{total:.2f}", "other_total": f"{other_total:.2f}"}
    return "number_used_otherwise", {"other": other, "number": own.invoice_number or "", **amounts}


def keep_invoice(session: Session, document: Document, invoice: Invoice) -> InvoiceRow:
    """Let this be what was read from the document, in place of what was before."""
    row = session.merge(invoice_row(document.id, invoice))
    session.flush()
    session.expire(document, ["invoice"])
    return row


def claim(session: Session, invoice_key: str, document_id: str) -> str | None:
    """Let this document stand for the invoice; the id of the one that already does, else None.

    The primary key decides, so of two workers at once exactly one wins.
    """
    try:
        with session.begin_nested():
            session.add(InvoiceClaim(invoice_key=invoice_key, document_id=document_id))
    except IntegrityError:
        owner = session.scalars(
            select(InvoiceClaim.document_id).where(InvoiceClaim.invoice_key == invoice_key)
        ).first()
        return owner if owner != document_id else None
    return None


def record_failed_try(
    session: Session, document: Document, error: YanpiaoError, seconds: float, *, final: bool
) -> None:
    """A reading ended in an error: the last one makes the document `failed`."""
    _add_seconds(document, "read", seconds)
    if final:
        move(session, document, State.FAILED, reason=error.code, params=error.params)
        return
    audit.record(
        session,
        "reading_retried",
        document_id=document.id,
        voucher_no=document.voucher_no,
        detail={"code": error.code, "attempt": document.attempts},
    )


def too_early(document: Document) -> bool:
    """True for a waiting document whose next try has not come yet."""
    return (
        document.state == State.WAITING
        and document.next_try_at is not None
        and document.next_try_at > now()
    )


def put_off(session: Session, document: Document, reason: str, until: dt.datetime) -> None:
    """The lane is stopped or held back: wait without a visit, without a count."""
    if document.state in (State.READ, State.WAITING):
        document.verdict = Verdict.UNDECIDED
        move(
            session,
            document,
            State.WAITING,
            reason=reason,
            next_try_at=until,
        )


def record_verification(
    session: Session, document: Document, result: VisitResult, portal: str, seconds: float
) -> None:
    """Keep the attempt with its evidence, then decide; or leave it verified where the reading
    process is to look again first (`worker.relook`)."""
    row = attempts.keep(session, document, result, portal)
    verification = result.verification
    _add_seconds(document, "verify", seconds)
    move(
        session,
        document,
        State.VERIFIED,
        detail={
            **attempts.told(row, verification),
            "seconds": round(seconds, 3),
        },
    )
    if explicable(verification):
        document.reason = SECOND_LOOK
        return
    follow(session, document, decide(result.findings, verification, document.portal_tries, now()))


def follow(session: Session, document: Document, decision: Decision) -> None:
    """Move the document to where a decision sends it."""
    document.verdict = decision.verdict
    undecided = decision.verdict is Verdict.UNDECIDED
    document.portal_tries = document.portal_tries + 1 if undecided else 0
    move(
        session,
        document,
        decision.state,
        reason=decision.reason,
        params=decision.params,
        next_try_at=decision.next_try_at,
        detail={"verdict": decision.verdict},
    )
    settle_asking(session, document, decision)


def record_sealing(
    session: Session,
    plan: vouchers.SealPlan,
    sealed: SealedBag,
    seconds: float,
    policy: Again,
) -> None:
    """Enter the bag, archive the documents that it is the first to hold, and plan when they are
    verified again."""
    vouchers.record_bag(session, plan, sealed)
    ids = [one.id for one in plan.documents]
    newly = [
        document
        for start in range(0, len(ids), _AT_ONCE)
        for document in session.scalars(
            select(Document)
            .where(Document.id.in_(ids[start : start + _AT_ONCE]))
            .order_by(Document.id)
        ).unique()
        if document.state == State.PASSED
    ]
    for document in newly:
        share = seconds / len(newly)
        _add_seconds(document, "archive", share)
        move(
            session,
            document,
            State.ARCHIVED,
            reason=document.reason,
            params=document.reason_params,
            detail={"bag": sealed.path, "seconds": round(share, 3)},
        )
        document.again_at = next_time(policy, now(), now())

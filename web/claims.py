"""A submitter's own pages: a new claim, everything they handed in, and one document's way."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from archive.actors import Actor, Role
from archive.claiming import Claim
from archive.records import Batch, Document, InvoiceRow, State, Upload
from archive.visibility import campuses_to_submit
from extractors.messages import say
from web.rendering import language_of, render, services_of
from web.trail import part_viewed, viewed
from web.who import needs
from worker.errors import UnknownDocument
from worker.intake import batch_voucher_no
from worker.journey import journey, needs_owner
from worker.results import document_row
from worker.review.replacing import picture_wanted
from worker.withdrawing import WITHDRAWN, may_withdraw, withdraw

router = APIRouter()

Submitter = Annotated[Actor, Depends(needs(Role.SUBMITTER))]
DocumentId = Annotated[str, Path(pattern="^[0-9a-f]{24}$")]
Show = Annotated[str, Query(pattern="^(all|todo|moving|done)$")]
Before = Annotated[str, Query(pattern="^([0-9a-f]{24})?$")]
Search = Annotated[str, Query(max_length=64)]

_A_PAGE = 30
_FEW = 12
#: What the page of a new claim says by itself (web/static/new.js).
_WORDS = (
    *("sending", "busy", "send", "plain_send", "all_done", "broken", "broken_file", "too_many"),
    *("too_large", "known_own", "known_other", "unpacked", "received", "refused", "resumed"),
    *(f"state_{state}" for state in State),
)
_GROUPS: dict[str, ColumnElement[bool]] = {
    "todo": Document.state.in_((State.FAILED, State.REJECTED))
    & Document.reason.is_distinct_from(WITHDRAWN),
    "moving": Document.state.in_(
        (
            *(State.RECEIVED, State.READ, State.VERIFIED),
            *(State.WAITING, State.IN_REVIEW, State.PASSED),
        )
    ),
    "done": Document.state == State.ARCHIVED,
}


@router.get("/new")
def new(
    request: Request, actor: Submitter, voucher: Annotated[str, Query(max_length=63)] = ""
) -> HTMLResponse:
    services = services_of(request)
    campuses = campuses_to_submit(actor)
    with services.database.read() as session:
        last = session.scalars(
            select(Claim).where(Claim.person_id == actor.id).order_by(Claim.id.desc()).limit(1)
        ).first()
        values = {
            "campuses": sorted(campuses or ()),
            "any_campus": campuses is None,
            "known_campuses": _known_campuses(session) if campuses is None else [],
            "last_campus": last.campus if last else "",
            "vouchers": _own_vouchers(session, actor),
            "voucher": voucher,
            "max_file": services.settings.max_file_size,
            "max_upload": services.settings.max_upload_size,
            "max_files": services.settings.max_files,
            "words": words(request),
        }
    return render(request, "new.html", values)


def words(request: Request) -> dict[str, str]:
    """The sentences that the page's script fills in itself, their places left open."""
    language = language_of(request)
    return {
        code: say(f"ui_{code}" if code.startswith("state_") else f"ui_new_{code}", language)
        for code in _WORDS
    }


def _known_campuses(session: Session) -> list[str]:
    return [campus for campus in session.scalars(select(Batch.campus).distinct()) if campus]


def _own_vouchers(session: Session, actor: Actor) -> list[str]:
    """Vouchers that the person named lately, the last one first; none of those made for batches."""
    query = (
        select(Claim.voucher_no)
        .where(Claim.person_id == actor.id, Claim.voucher_no != "")
        .order_by(Claim.id.desc())
        .limit(100)
    )
    return list(dict.fromkeys(session.scalars(query)))[:_FEW]


@router.get("/claims")
def claims(
    request: Request, actor: Submitter, show: Show = "all", q: Search = "", before: Before = ""
) -> HTMLResponse:
    return render(request, "claims.html", _claims(request, actor, show, q, before))


@router.get("/claims/rows")
def claims_part(
    request: Request, actor: Submitter, show: Show = "all", q: Search = "", before: Before = ""
) -> HTMLResponse:
    """The list's changing part, fetched again when something moved."""
    return render(request, "_claims.html", _claims(request, actor, show, q, before))


def _claims(request: Request, actor: Actor, show: str, q: str, before: str) -> dict[str, object]:
    language = language_of(request)
    mine = Document.submitter == actor.id
    query = select(Document).where(mine)
    if show in _GROUPS:
        query = query.where(_GROUPS[show])
    if wanted := q.strip():
        query = query.outerjoin(Document.invoice).where(
            or_(
                Document.name.contains(wanted, autoescape=True),
                InvoiceRow.invoice_number.contains(wanted, autoescape=True),
                Document.voucher_no == wanted,
            )
        )
    if before:
        query = query.where(Document.id < before)
    with services_of(request).database.read() as session:
        found = list(session.scalars(query.order_by(Document.id.desc()).limit(_A_PAGE + 1)))
        counts = {
            group: session.scalar(select(func.count(Document.id)).where(mine, condition)) or 0
            for group, condition in _GROUPS.items()
        }
        rows = [(document, document_row(document, language)) for document in found[:_A_PAGE]]
    return {
        "rows": rows,
        "counts": {"all": sum(counts.values()), **counts},
        "show": show,
        "q": q,
        "before": before,
        "next": found[_A_PAGE - 1].id if len(found) > _A_PAGE else "",
        "needs_owner": needs_owner,
        "own_number": _own_number,
    }


def _own_number(voucher_no: str) -> bool:
    """Whether somebody named this voucher, rather than the batch's number being made."""
    made = batch_voucher_no("0" * 24)
    return not (len(voucher_no) == len(made) and voucher_no[:1] == "B" and voucher_no[9:10] == "-")


@router.get("/claims/{document_id}")
def claim(request: Request, actor: Submitter, document_id: DocumentId) -> HTMLResponse:
    values = _claim(request, actor, document_id)
    viewed(request, actor, document_id)
    return render(request, "claim.html", values)


@router.get("/claims/{document_id}/way")
def claim_part(request: Request, actor: Submitter, document_id: DocumentId) -> HTMLResponse:
    """The way as it stands now, fetched again when the document moved."""
    values = _claim(request, actor, document_id)
    part_viewed(request, actor, document_id)
    return render(request, "_claim.html", values)


def _claim(request: Request, actor: Actor, document_id: str) -> dict[str, object]:
    language = language_of(request)
    with services_of(request).database.read() as session:
        document = session.get(Document, document_id)
        if document is None or document.submitter != actor.id:
            raise UnknownDocument(id=document_id)
        row = document_row(document, language)
        note = session.scalars(
            select(Claim.note)
            .join(Upload, Upload.batch_id == Claim.batch_id)
            .where(Upload.document_id == document_id, Claim.person_id == actor.id)
            .limit(1)
        ).first()
        return {
            "document": document,
            "row": row,
            "steps": journey(session, document),
            "todo": needs_owner(document),
            "picture_wanted": picture_wanted(session, document),
            "withdrawn": document.reason == WITHDRAWN,
            "may_withdraw": may_withdraw(document, actor),
            "note": note or "",
            "own_number": _own_number,
        }


@router.post("/claims/{document_id}/withdraw")
def withdraw_claim(request: Request, actor: Submitter, document_id: DocumentId) -> RedirectResponse:
    """Take a document back."""
    withdraw(services_of(request).database, document_id, actor)
    return RedirectResponse(f"/claims/{document_id}", status_code=303)

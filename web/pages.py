"""The pages people read: overview, batch, document, review list, search."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import func, literal, select, union_all
from sqlalchemy.orm import Session

from archive.actors import Actor, Role
from archive.records import AuditRow, Batch, Document, EvidenceRow, State, VerificationRow
from archive.visibility import visible, visible_batches, visible_evidence
from archive.vouchers import suffix_of
from extractors.model import FIELD_NAMES
from web.navigation import first_places_for
from web.rendering import language_of, render, services_of
from web.trail import seen, viewed
from web.who import SignedIn, actor_of, needs
from worker.errors import UnknownDocument
from worker.inspecting import finding_sentence
from worker.results import batch_rows, document_row, still_moving
from worker.review.queue import names_of

router = APIRouter()

Reviewing = Annotated[
    Actor, Depends(needs(Role.REVIEWER, Role.ARCHIVIST, Role.AUDITOR, Role.ADMIN))
]

_LATEST = 50
_MOST_COUNTED = 10_000
#: Shown in the page; everything else is only ever a download.
_INLINE = frozenset({"image/png"})


@router.get("/")
def overview(request: Request, actor: SignedIn) -> HTMLResponse:
    first = first_places_for(actor, request.app.state.addresses)
    return render(request, "overview.html", {**_overview(request), "first": first})


@router.get("/latest")
def latest(request: Request, _: SignedIn) -> HTMLResponse:
    """The overview's changing part, fetched again by the page."""
    return render(request, "_latest.html", _overview(request))


def _overview(request: Request) -> dict[str, object]:
    services, language, actor = services_of(request), language_of(request), actor_of(request)
    with services.database.read() as session:
        counts = _counts(session, actor)
        rows = [
            document_row(document, language)
            for document in session.scalars(
                select(Document).where(visible(actor)).order_by(Document.id.desc()).limit(_LATEST)
            )
        ]
    return {
        "counts": {state: _counted(count) for state, count in counts.items()},
        "rows": rows,
    }


def _counts(session: Session, actor: Actor) -> dict[str, int]:
    """How many documents of each state the actor sees; counting ends at one more than
    `_MOST_COUNTED`, because the page asks again every few seconds, with millions of them too."""
    some = [
        select(Document.id)
        .where(Document.state == state, visible(actor))
        .limit(_MOST_COUNTED + 1)
        .subquery()
        for state in State
    ]
    query = union_all(
        *(
            select(literal(state.value), func.count()).select_from(rows)
            for state, rows in zip(State, some, strict=True)
        )
    )
    return dict(session.execute(query).all())


def _counted(count: int) -> str:
    if count > _MOST_COUNTED:
        return f"{_MOST_COUNTED:,}+"
    return f"{count:,}" if count else ""


@router.get("/batches/{batch_id}")
def batch(request: Request, batch_id: str, _: SignedIn) -> HTMLResponse:
    return render(request, "batch.html", _batch(request, batch_id))


@router.get("/batches/{batch_id}/rows")
def batch_part(request: Request, batch_id: str, _: SignedIn) -> HTMLResponse:
    """The batch's changing part; it stops asking again once nothing moves."""
    return render(request, "_batch.html", _batch(request, batch_id))


def _batch(request: Request, batch_id: str) -> dict[str, object]:
    services = services_of(request)
    with services.database.read() as session:
        query = select(Batch).where(Batch.id == batch_id, visible_batches(actor_of(request)))
        if (found := session.scalars(query).first()) is None:
            raise UnknownDocument(id=batch_id)
        rows = batch_rows(session, batch_id, language_of(request))
        moving = still_moving(session, batch_id)
    return {"batch": found, "rows": rows, "moving": moving}


@router.get("/documents/{document_id}")
def document(request: Request, document_id: str, actor: SignedIn) -> HTMLResponse:
    services, language = services_of(request), language_of(request)
    with services.database.read() as session:
        found = seen(session, actor, document_id)
        viewed(request, actor, found.id)
        history = list(
            session.scalars(
                select(AuditRow).where(AuditRow.document_id == document_id).order_by(AuditRow.seq)
            )
        )
        invoice = found.invoice.data if found.invoice else {}
        portal = next((v.portal_values for v in reversed(found.verifications)), None) or {}
        values = [
            (name, invoice.get(name), portal.get(name))
            for name in FIELD_NAMES
            if invoice.get(name) or portal.get(name)
        ]
        values += [(name, field, None) for name, field in invoice.get("extra", {}).items()]
        verification_findings = found.verifications[-1].findings if found.verifications else []
        findings = [
            (one["severity"], finding_sentence(one, language))
            for one in (*invoice.get("findings", []), *verification_findings)
        ]
        return render(
            request,
            "document.html",
            {
                "document": found,
                "row": document_row(found, language),
                "values": values,
                "differing": {
                    one["field"] for one in verification_findings if one["code"] == "portal_differs"
                },
                "lines": invoice.get("lines", []),
                "findings": findings,
                "history": history,
                "names": names_of(session, {entry.actor for entry in history}),
            },
        )


@router.get("/documents/{document_id}/original")
def original(request: Request, document_id: str, actor: SignedIn) -> Response:
    """The bytes as they came in, always as a download, never as a page."""
    services = services_of(request)
    with services.database.read() as session:
        found = seen(session, actor, document_id)
    if not found.kept:
        raise UnknownDocument(id=document_id)
    viewed(request, actor, found.id, "original_taken")
    suffix = suffix_of(found.media_type)
    return Response(
        services.store.get(found.sha256),
        media_type="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="{found.id}.{suffix}"'},
    )


@router.get("/evidence/{evidence_id}")
def evidence(request: Request, evidence_id: str, actor: SignedIn) -> Response:
    """A stored proof: pictures in the page, the rest as downloads."""
    services = services_of(request)
    with services.database.read() as session:
        query = select(EvidenceRow).where(EvidenceRow.id == evidence_id, visible_evidence(actor))
        found = session.scalars(query).first()
        if found is None:
            raise UnknownDocument(id=evidence_id)
        proved = session.get_one(VerificationRow, found.verification_id).document
    viewed(request, actor, proved.id, "evidence_viewed")
    inline = found.media_type in _INLINE
    return Response(
        services.store.get(found.sha256),
        media_type=found.media_type if inline else "application/octet-stream",
        headers={}
        if inline
        else {"Content-Disposition": f'attachment; filename="{found.id}-{found.name}"'},
    )

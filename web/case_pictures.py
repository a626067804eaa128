"""Pages of a document, drawn anew: what a reviewer sees beside the values; never the file that was
handed in."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import HTMLResponse, Response

from archive.actors import Actor, Role
from archive.page_pictures import PageRow, pages_of
from archive.records import Document
from extractors.model import Invoice
from extractors.sniff import MediaType
from web.asking import services_of
from web.rendering import render
from web.trail import part_viewed, seen
from web.who import needs
from worker.errors import UnknownDocument
from worker.queues import Stage, enqueue
from worker.review import view
from worker.review.cases import last_verification

router = APIRouter()

Looking = Annotated[Actor, Depends(needs(Role.REVIEWER, Role.ARCHIVIST, Role.AUDITOR, Role.ADMIN))]
DocumentId = Annotated[str, Path(pattern="^[0-9a-z]{1,24}$")]
PageNumber = Annotated[int, Path(ge=0, le=9999)]

_PICTURE_POLICY = "default-src 'none'; sandbox"


def pages_shown(request: Request, document: Document, rows: list[PageRow]) -> dict[str, Any]:
    """The drawn pages; where there are none yet, they are asked for."""
    drawable = document.kept and document.media_type not in ("", MediaType.XML)
    if not rows and drawable:
        enqueue(services_of(request).redis, Stage.OCR, document.id)
    return {"rows": rows, "pending": drawable and not rows}


@router.get("/review/{document_id}/picture")
def picture(request: Request, actor: Looking, document_id: DocumentId) -> HTMLResponse:
    """The picture's part of the case, asked for again until it is drawn."""
    with services_of(request).database.read() as session:
        document = seen(session, actor, document_id)
        invoice = Invoice.model_validate(document.invoice.data) if document.invoice else None
        row = last_verification(document)
        lines, _ = view.lines_of(invoice, row.portal_values if row else None)
        pages = pages_shown(request, document, pages_of(session, document_id))
    part_viewed(request, actor, document_id)
    return render(request, "_picture.html", {"document": document, "pages": pages, "lines": lines})


@router.get("/review/{document_id}/page/{number}")
def page_picture(
    request: Request, actor: Looking, document_id: DocumentId, number: PageNumber
) -> Response:
    """One page."""
    with services_of(request).database.read() as session:
        seen(session, actor, document_id)
        row = session.get(PageRow, (document_id, number))
    if row is None:
        raise UnknownDocument(id=document_id)
    part_viewed(request, actor, document_id)
    return drawn(request, row)


def drawn(request: Request, row: PageRow) -> Response:
    """A drawn page as an answer, which its reader's browser may keep for a day."""
    return Response(
        services_of(request).store.get(row.sha256),
        media_type=row.media_type,
        headers={
            "Content-Security-Policy": _PICTURE_POLICY,
            "Cache-Control": "private, max-age=86400, immutable",
            "ETag": f'"{row.sha256[:32]}"',
        },
    )

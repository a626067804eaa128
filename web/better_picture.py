"""A better picture from the submitter, in place of one that could not be read or was rejected; that
there is none; and that a rejection needs nothing more. With a script the picture comes in pieces
(`web.transfers`)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, File, Request, UploadFile
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from archive.actors import Actor
from archive.page_pictures import PageRow
from archive.records import Document
from extractors.errors import YanpiaoError
from web.asking import services_of
from web.case_pictures import PageNumber, drawn
from web.claims import DocumentId, Submitter, claim_page
from web.limits import uploads_limited
from web.trail import part_viewed
from worker.closing import put_away
from worker.errors import NothingToDrop, UnknownDocument
from worker.retaking import give_up_retaking
from worker.transfers import Transfers

router = APIRouter()


@router.post("/claims/{document_id}/picture", dependencies=[Depends(uploads_limited)])
async def better_picture(
    request: Request, actor: Submitter, document_id: DocumentId, file: Annotated[UploadFile, File()]
) -> Response:
    """Take the new picture in and let it stand for the old one; ends on the new document, or on the
    old one with the reason why not."""
    return await run_in_threadpool(_take, request, actor, document_id, file)


def _take(request: Request, actor: Actor, document_id: str, file: UploadFile) -> Response:
    try:
        if not file.filename:
            raise NothingToDrop
        transfers = Transfers(services_of(request))
        new = transfers.take_better(actor, document_id, file.filename, file.file)
    except UnknownDocument:
        raise
    except YanpiaoError as error:
        part_viewed(request, actor, document_id)
        return claim_page(request, actor, document_id, error)
    return RedirectResponse(f"/claims/{new}", status_code=303)


@router.post("/claims/{document_id}/no-better")
def no_better(request: Request, actor: Submitter, document_id: DocumentId) -> RedirectResponse:
    """The picture is as good as it gets: finance looks at it."""
    give_up_retaking(services_of(request), document_id, actor)
    return RedirectResponse(f"/claims/{document_id}", status_code=303)


@router.post("/claims/{document_id}/put-away")
def put_rejection_away(
    request: Request, actor: Submitter, document_id: DocumentId
) -> RedirectResponse:
    """Its owner has seen why it was rejected and needs nothing more of it."""
    put_away(services_of(request).database, document_id, actor)
    return RedirectResponse(f"/claims/{document_id}", status_code=303)


@router.get("/claims/{document_id}/page/{number}")
def page(
    request: Request, actor: Submitter, document_id: DocumentId, number: PageNumber
) -> Response:
    """One page of one's own document, drawn anew."""
    with services_of(request).database.read() as session:
        document = session.get(Document, document_id)
        row = session.get(PageRow, (document_id, number))
    if document is None or document.submitter != actor.id or row is None:
        raise UnknownDocument(id=document_id)
    part_viewed(request, actor, document_id)
    return drawn(request, row)

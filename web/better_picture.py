"""A better picture from the submitter, in place of one that finance could not read."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, File, Path, Request, UploadFile
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from archive.actors import Actor, Role
from archive.records import Document
from web.asking import services_of
from web.limits import uploads_limited
from web.who import needs
from worker.errors import NothingToDrop, UnknownDocument
from worker.review.errors import NotNow
from worker.review.replacing import picture_wanted, replace

router = APIRouter()

Submitter = Annotated[Actor, Depends(needs(Role.SUBMITTER))]
DocumentId = Annotated[str, Path(pattern="^[0-9a-z]{1,24}$")]


@router.post("/claims/{document_id}/picture", dependencies=[Depends(uploads_limited)])
async def better_picture(
    request: Request, actor: Submitter, document_id: DocumentId, file: Annotated[UploadFile, File()]
) -> RedirectResponse:
    """Take the new picture in and let it stand for the old one; ends on the new document."""
    new_id = await run_in_threadpool(_take, request, actor, document_id, file)
    return RedirectResponse(f"/claims/{new_id}", status_code=303)


def _take(request: Request, actor: Actor, document_id: str, file: UploadFile) -> str:
    services = services_of(request)
    with services.database.read() as session:
        old = session.get(Document, document_id)
        if old is None or old.submitter != actor.id:
            raise UnknownDocument(id=document_id)
        if not picture_wanted(session, old):
            raise NotNow(action="replace", state=old.state)
    if not file.filename:
        raise NothingToDrop
    batch_id = services.intake.open_batch("http", actor.id, old.voucher_no, old.campus)
    receipt = services.intake.accept(batch_id, file.filename, file.file)
    replace(services, actor, document_id, receipt.document_id)
    return receipt.document_id

"""Documents over the programming interface: hand in, follow, search."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Path, Query, Request, UploadFile
from fastapi.responses import Response
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool

from archive import search
from archive.actors import Actor, Role
from archive.records import Document
from archive.store import digest_of
from archive.tokens import Scope
from archive.visibility import seen_by, visible
from web.api.models import DocumentOut, FileFault, FileReceipt, SearchOut, UploadOut, VerdictOut
from web.api.once import Key, once
from web.asking import language_of, services_of
from web.limits import uploads_limited
from web.trail import listed, seen, viewed
from web.uploads import accept_all
from web.who import needs
from worker.intake import Receipt

router = APIRouter(tags=["documents"])

Uploader = Annotated[Actor, Depends(needs(Role.SUBMITTER, scope=Scope.UPLOAD))]
Reader = Annotated[Actor, Depends(needs(scope=Scope.READ))]
DocumentId = Annotated[str, Path(pattern="^[0-9a-f]{24}$")]


@router.post(
    "/documents",
    status_code=201,
    response_model=UploadOut,
    dependencies=[Depends(uploads_limited)],
    summary="Hand files in",
)
async def hand_in(
    request: Request,
    actor: Uploader,
    files: Annotated[list[UploadFile], File(description="XML, OFD, PDF or pictures")],
    voucher: Annotated[
        str, Form(max_length=63, description="the voucher they belong to; empty: a new one")
    ] = "",
    campus: Annotated[
        str, Form(max_length=64, description="needed only by who hands in for several")
    ] = "",
    key: Key = None,
) -> Response:
    """Take files in. 201 means that each is kept and recorded, whatever becomes of it; what became
    of it is told by the document, or by a webhook."""
    return await run_in_threadpool(_hand_in, request, actor, files, voucher, campus, key)


def _hand_in(
    request: Request,
    actor: Actor,
    files: list[UploadFile],
    voucher: str,
    campus: str,
    key: str | None,
) -> Response:
    def work() -> tuple[int, UploadOut]:
        services, language = services_of(request), language_of(request)
        batch, receipts = accept_all(services, actor, files, voucher, campus)
        with services.database.read() as session:
            ids = [one.document_id for one in receipts]
            query = select(Document.id).where(Document.id.in_(ids), visible(actor))
            seen = set(session.scalars(query))
        said = [_receipt(one, language, own=one.document_id in seen) for one in receipts]
        return 201, UploadOut(batch=batch, files=said)

    asked = [voucher, campus, [_fingerprint(file) for file in files]] if key else None
    return once(request, actor, key, asked, work)


def _fingerprint(file: UploadFile) -> tuple[str, str]:
    digest, _size = digest_of(file.file)
    file.file.seek(0)
    return file.filename or "", digest


def _receipt(receipt: Receipt, language: str, *, own: bool) -> FileReceipt:
    error = receipt.error
    fault = error and FileFault(
        code=error.code, message=error.message(language), hint=error.hint(language)
    )
    return FileReceipt(
        document=receipt.document_id if own else None,
        name=receipt.name,
        repeated=receipt.repeated,
        error=fault,
    )


@router.get("/documents", response_model=SearchOut, summary="Search documents")
def find(
    request: Request,
    actor: Reader,
    q: Annotated[str, Query(max_length=200, description="the free box of the search page")] = "",
    number: Annotated[str, Query(max_length=64)] = "",
    seller: Annotated[str, Query(max_length=200)] = "",
    voucher: Annotated[str, Query(max_length=64)] = "",
    state: Annotated[str, Query(max_length=16)] = "",
    amount_min: Annotated[Decimal | None, Query(max_digits=18, decimal_places=2)] = None,
    amount_max: Annotated[Decimal | None, Query(max_digits=18, decimal_places=2)] = None,
    date_from: dt.date | None = None,
    date_to: dt.date | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: Annotated[str | None, Query(max_length=400)] = None,
) -> SearchOut:
    """Every part that is given must hold; with none given nothing is found. Pages follow by
    `after`."""
    query = search.parse(q) if q.strip() else search.Query()
    parts: dict[str, Any] = {
        "number": number or None,
        "seller": seller or None,
        "voucher": voucher or None,
        "state": state or None,
        "amount_min": amount_min,
        "amount_max": amount_max,
        "date_from": date_from,
        "date_to": date_to,
    }
    query = replace(query, **{name: value for name, value in parts.items() if value is not None})
    language = language_of(request)
    with services_of(request).database.read() as session:
        page = search.run(session, query, limit, after, seen=seen_by(actor))
        search.with_data(session, page)
        found = [DocumentOut.of(hit.document, language) for hit in page.hits]
    listed(request, actor, [one.id for one in found])
    return SearchOut(documents=found, next=page.next)


@router.get("/documents/{document_id}", response_model=DocumentOut, summary="One document")
def document(request: Request, actor: Reader, document_id: DocumentId) -> DocumentOut:
    """Where a document stands and what was read from it."""
    with services_of(request).database.read() as session:
        said = DocumentOut.of(seen(session, actor, document_id), language_of(request))
    viewed(request, actor, document_id)
    return said


@router.get("/documents/{document_id}/verdict", response_model=VerdictOut, summary="Its verdict")
def verdict(request: Request, actor: Reader, document_id: DocumentId) -> VerdictOut:
    """What the tax authority said of it, every finding in words, and the digests of the proofs."""
    with services_of(request).database.read() as session:
        said = VerdictOut.of(seen(session, actor, document_id), language_of(request))
    viewed(request, actor, document_id)
    return said

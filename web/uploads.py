"""Handing files in over HTTP: a form for people, `/api/upload` for programs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool

from archive.actors import Actor, Role
from archive.visibility import campus_to_submit
from web.limits import uploads_limited
from web.rendering import language_of, services_of
from web.who import needs
from worker.errors import CampusNeeded, NothingToDrop, TooManyFiles
from worker.intake import Receipt
from worker.services import Services
from worker.transfers import Transfers, check_bundle, take_in
from worker.unpacking import is_bundle

router = APIRouter()

Files = Annotated[list[UploadFile], File()]
VoucherNo = Annotated[str, Form(max_length=64)]
Campus = Annotated[str, Form(max_length=64)]
Note = Annotated[str, Form(max_length=500)]
Submitter = Annotated[Actor, Depends(needs(Role.SUBMITTER))]


def _given(
    services: Services, actor: Actor, files: list[UploadFile], campus: str
) -> tuple[list[UploadFile], str]:
    """The files that were chosen, and the campus they belong to."""
    given = [file for file in files if file.filename]
    if not given:
        raise NothingToDrop
    if len(given) > services.settings.max_files:
        raise TooManyFiles(limit=services.settings.max_files, count=len(given))
    place = campus_to_submit(actor, campus.strip())
    if place is None:
        raise CampusNeeded
    return given, place


def accept_all(
    services: Services, actor: Actor, files: list[UploadFile], voucher_no: str, campus: str
) -> tuple[str, list[Receipt]]:
    """Take the files in as one batch; its id, and what became of each."""
    given, place = _given(services, actor, files, campus)
    batch_id = services.intake.open_batch("http", actor.id, voucher_no.strip() or None, place)
    receipts = [services.intake.accept(batch_id, file.filename or "", file.file) for file in given]
    return batch_id, receipts


@router.post("/upload", dependencies=[Depends(uploads_limited)])
async def upload_form(
    request: Request,
    actor: Submitter,
    files: Files,
    voucher: VoucherNo = "",
    campus: Campus = "",
    note: Note = "",
) -> RedirectResponse:
    """The page's form, where no script sends the files in pieces: ends on the batch, where
    progress shows. Raises what a ZIP as a whole is refused for."""
    batch_id = await run_in_threadpool(
        _take_in_all, services_of(request), actor, files, voucher, campus, note
    )
    return RedirectResponse(f"/batches/{batch_id}", status_code=303)


def _take_in_all(
    services: Services,
    actor: Actor,
    files: list[UploadFile],
    voucher_no: str,
    campus: str,
    note: str,
) -> str:
    given, place = _given(services, actor, files, campus)
    for file in given:
        if is_bundle(file.file):
            check_bundle(services.settings, file.file)
    transfers = Transfers(services)
    claim = transfers.open_claim(actor, place, voucher_no.strip(), note)
    batch_id = transfers.batch_of(claim.id, actor)
    for file in given:
        take_in(services, actor, batch_id, file.filename or "", file.file)
    return batch_id


@router.post("/api/upload", status_code=201, dependencies=[Depends(uploads_limited)])
async def upload_api(
    request: Request, actor: Submitter, files: Files, voucher: VoucherNo = "", campus: Campus = ""
) -> JSONResponse:
    """Take files in; 201 means each is kept and recorded, whatever becomes of it."""
    batch_id, receipts = await run_in_threadpool(
        accept_all, services_of(request), actor, files, voucher, campus
    )
    language = language_of(request)
    return JSONResponse(
        {"batch": batch_id, "files": [_receipt_json(one, language) for one in receipts]},
        status_code=201,
    )


def _receipt_json(receipt: Receipt, language: str) -> dict[str, Any]:
    error = receipt.error
    return {
        "document": receipt.document_id,
        "name": receipt.name,
        "repeated": receipt.repeated,
        "error": None
        if error is None
        else {
            "code": error.code,
            "message": error.message(language),
            "hint": error.hint(language),
        },
    }

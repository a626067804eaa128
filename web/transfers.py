"""Files in pieces over HTTP, for the pages of a new claim and of a better picture.

`POST /api/claims` begins; `POST /api/transfers` announces a file and says at once when its bytes
are known; `PATCH` sends the next piece with `Upload-Offset`, as in tus 1.0; `GET` says how far it
has come, after whatever broke off.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Header, Path, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field, model_validator
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from archive.actors import Actor, Role
from archive.claiming import Transfer
from archive.visibility import campus_to_submit
from extractors.messages import sentence
from web.limits import uploads_limited
from web.rendering import language_of, services_of
from web.who import needs
from worker.errors import CampusNeeded
from worker.transfers import Outcome, Transfers

router = APIRouter()

Submitter = Annotated[Actor, Depends(needs(Role.SUBMITTER))]
TransferId = Annotated[str, Path(pattern="^[0-9a-f]{24}$")]

#: More than one piece may hold; the page sends half of it at most.
_MOST_PIECE = 8 * 1024**2


class NewClaim(BaseModel):
    """What holds for all files of a claim."""

    campus: str = Field("", max_length=64)
    voucher: str = Field("", max_length=63)
    note: str = Field("", max_length=500)


class NewTransfer(BaseModel):
    """A file that is to come: into a claim, or into the place of a document."""

    claim: str | None = Field(None, pattern="^[0-9a-f]{24}$")
    replaces: str | None = Field(None, pattern="^[0-9a-f]{24}$")
    name: str = Field(min_length=1, max_length=1024)
    size: int = Field(ge=0)

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.claim is None) == (self.replaces is None):
            raise ValueError("either claim or replaces")
        return self


class Fingerprint(BaseModel):
    """The SHA-256 of bytes that are about to be handed in."""

    sha256: str = Field(pattern="^[0-9a-f]{64}$")


@router.post("/api/claims", status_code=201, dependencies=[Depends(uploads_limited)])
def begin_claim(request: Request, actor: Submitter, body: NewClaim) -> JSONResponse:
    """Begin to hand in; 422 when the actor must choose a campus."""
    campus = campus_to_submit(actor, body.campus.strip())
    if campus is None:
        raise CampusNeeded
    transfers = Transfers(services_of(request))
    claim = transfers.open_claim(actor, campus, body.voucher.strip(), body.note)
    return JSONResponse({"id": claim.id}, status_code=201)


@router.post("/api/known")
def known(request: Request, actor: Submitter, body: Fingerprint) -> JSONResponse:
    """Whether these bytes were handed in before; null when not."""
    found = Transfers(services_of(request)).known(actor, body.sha256)
    said = None if found is None else outcome_json(found, language_of(request))
    return JSONResponse({"known": said})


@router.post("/api/transfers", status_code=201, dependencies=[Depends(uploads_limited)])
def begin(request: Request, actor: Submitter, body: NewTransfer) -> JSONResponse:
    """Announce a file."""
    transfers = Transfers(services_of(request))
    if body.replaces is not None:
        transfer = transfers.begin_better(actor, body.replaces, body.name, body.size)
    else:
        transfer = transfers.begin(actor, body.claim or "", body.name, body.size)
    return _answer(request, transfer, 201)


@router.get("/api/transfers")
def unfinished(request: Request, actor: Submitter) -> JSONResponse:
    """The actor's files that have not come to their end."""
    found = Transfers(services_of(request)).unfinished(actor)
    return JSONResponse([_transfer_json(each, language_of(request)) for each in found])


@router.get("/api/transfers/{transfer_id}")
def progress(request: Request, actor: Submitter, transfer_id: TransferId) -> JSONResponse:
    """How far a file has come."""
    return _answer(request, Transfers(services_of(request)).get(actor, transfer_id))


@router.patch("/api/transfers/{transfer_id}")
async def append(
    request: Request,
    actor: Submitter,
    transfer_id: TransferId,
    upload_offset: Annotated[int, Header(ge=0)],
) -> JSONResponse:
    """Take the next piece. Of one that breaks off, what came is kept."""
    piece = bytearray()
    try:
        async for chunk in request.stream():
            piece += chunk
            if len(piece) > _MOST_PIECE:
                break
    except ClientDisconnect:
        pass
    transfer = await run_in_threadpool(
        Transfers(services_of(request)).append, actor, transfer_id, upload_offset, bytes(piece)
    )
    return await run_in_threadpool(_answer, request, transfer)


@router.delete("/api/transfers/{transfer_id}", status_code=204)
def drop(request: Request, actor: Submitter, transfer_id: TransferId) -> Response:
    """Hand this file in no further."""
    Transfers(services_of(request)).drop(actor, transfer_id)
    return Response(status_code=204)


def _answer(request: Request, transfer: Transfer, status: int = 200) -> JSONResponse:
    body = _transfer_json(transfer, language_of(request))
    return JSONResponse(body, status, {"Upload-Offset": str(transfer.offset)})


def _transfer_json(transfer: Transfer, language: str) -> dict[str, Any]:
    return {
        "id": transfer.id,
        "claim": transfer.claim_id,
        "name": transfer.name,
        "size": transfer.size,
        "offset": transfer.offset,
        "finished": transfer.finished_at is not None,
        "outcomes": [outcome_json(Outcome(**each), language) for each in transfer.outcome or []],
    }


def outcome_json(outcome: Outcome, language: str) -> dict[str, Any]:
    """What became of a file, in words; with a link only where the actor may follow it."""
    params = {"name": outcome.name, **(outcome.error_params or {})}
    return {
        "name": outcome.name,
        "href": f"/claims/{outcome.document_id}" if outcome.own else "",
        "repeated": outcome.repeated,
        "own": outcome.own,
        "state": outcome.state,
        "error": sentence(outcome.error, language, params) if outcome.error else "",
        "hint": sentence(outcome.error, language, params, part="hint") if outcome.error else "",
    }

"""A submitter's own pages: a new claim, and one document's way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from archive.actors import Actor, Role
from archive.claiming import Claim
from archive.page_pictures import PageRow, pages_of
from archive.records import Batch, Document, State
from archive.reviewing import ReviewCase
from archive.visibility import campuses_to_submit
from extractors.errors import YanpiaoError
from extractors.messages import field_label, say
from extractors.model import Box
from web.case_pictures import pages_shown
from web.events import standing
from web.problems import status_of
from web.rendering import language_of, render, services_of
from web.trail import part_viewed, viewed
from web.who import needs
from worker.closing import closed_as
from worker.errors import UnknownDocument
from worker.intake import batch_voucher_no
from worker.journey import journey, needs_owner
from worker.results import document_row
from worker.retaking import claim_of, earlier, successor, unreadable
from worker.review.replacing import picture_wanted
from worker.withdrawing import may_withdraw, withdraw

router = APIRouter()

Submitter = Annotated[Actor, Depends(needs(Role.SUBMITTER))]
DocumentId = Annotated[str, Path(pattern="^[0-9a-f]{24}$")]

_FEW = 12
#: How often the page asks by itself for pictures that are still being drawn.
_MOST_ASKED = 8
#: How much of the page shows around a place that could not be read.
_MARGIN_X, _MARGIN_Y = 0.08, 0.05
#: What the page of a new claim says by itself (web/static/new.js).
_WORDS = (
    *("sending", "busy", "send", "plain_send", "all_done", "broken", "broken_file", "too_many"),
    *("too_large", "known_own", "known_other", "unpacked", "received", "refused", "resumed"),
    *(f"state_{state}" for state in State),
)
#: The same for a better picture (web/static/retake.js).
_RETAKING_WORDS = ("sending", "broken_file", "too_large", "refused")


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
            "words": words(request, _WORDS),
        }
    return render(request, "new.html", values)


def words(request: Request, codes: Iterable[str]) -> dict[str, str]:
    """The sentences that a page's script fills in itself, their places left open."""
    language = language_of(request)
    return {
        code: say(f"ui_{code}" if code.startswith("state_") else f"ui_new_{code}", language)
        for code in codes
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
    named = (number for number in session.scalars(query) if own_number(number))
    return list(dict.fromkeys(named))[:_FEW]


def own_number(voucher_no: str) -> bool:
    """Whether somebody named this voucher, rather than the batch's number being made."""
    made = batch_voucher_no("0" * 24)
    return not (len(voucher_no) == len(made) and voucher_no[:1] == "B" and voucher_no[9:10] == "-")


# -- one document --------------------------------------------------------------------------


@router.get("/claims/{document_id}")
def claim(request: Request, actor: Submitter, document_id: DocumentId) -> HTMLResponse:
    page = claim_page(request, actor, document_id)
    viewed(request, actor, document_id)
    return page


def claim_page(
    request: Request, actor: Actor, document_id: str, error: YanpiaoError | None = None
) -> HTMLResponse:
    """The document's page, with the reason why what was asked of it was not done."""
    mark = standing(services_of(request), actor)["mark"]
    said = words(request, _RETAKING_WORDS)
    values = {**_claim(request, actor, document_id, 0, error), "mark": mark, "words": said}
    return render(
        request, "claim.html", values, status_code=status_of(error.code) if error else 200
    )


@router.get("/claims/{document_id}/way")
def claim_part(
    request: Request,
    actor: Submitter,
    document_id: DocumentId,
    asked: Annotated[int, Query(ge=0, le=99)] = 0,
) -> HTMLResponse:
    """The way as it stands now, fetched again when the document moved. `asked`: how often the page
    asked for pictures that are being drawn."""
    values = _claim(request, actor, document_id, asked)
    part_viewed(request, actor, document_id)
    return render(request, "_claim.html", values)


def _claim(
    request: Request,
    actor: Actor,
    document_id: str,
    asked: int,
    error: YanpiaoError | None = None,
) -> dict[str, object]:
    language = language_of(request)
    with services_of(request).database.read() as session:
        document = session.get(Document, document_id)
        if document is None or document.submitter != actor.id:
            raise UnknownDocument(id=document_id)
        row = document_row(document, language)
        wanted = picture_wanted(session, document)
        case = session.get(ReviewCase, document_id)
        closed = closed_as(document, case)
        known = claim_of(session, document)
        return {
            "document": document,
            "row": row,
            "steps": journey(session, document, retake=wanted, closed=bool(closed)),
            "todo": needs_owner(document, case),
            "picture_wanted": wanted,
            "retake": _retake(request, session, document) if wanted else None,
            "asked": asked,
            "max_file": services_of(request).settings.max_file_size,
            "most_asked": _MOST_ASKED,
            "closed": closed,
            "earlier": [
                (one, document_row(one, language)) for one in earlier(session, document_id)
            ],
            "successor": successor(session, document_id),
            "may_withdraw": may_withdraw(document, actor),
            "note": known.note if known else "",
            "own_number": own_number,
            "problem": error and {"text": error.message(language), "hint": error.hint(language)},
        }


def _retake(request: Request, session: Session, document: Document) -> dict[str, Any]:
    """What cannot be read, each with its part of the page; the whole page where no place of it is
    known."""
    shown = pages_shown(request, document, pages_of(session, document.id))
    pages: dict[int, PageRow] = {page.page: page for page in shown["rows"]}
    lacking = unreadable(document) if document.state == State.IN_REVIEW else ()
    cuts = [
        _cut(one.field, one.box, pages[one.box.page])
        for one in lacking
        if one.box is not None and one.box.page in pages
    ]
    language = language_of(request)
    first = shown["rows"][0] if shown["rows"] else None
    return {
        "fields": say("ui_and", language).join(field_label(one.field, language) for one in lacking),
        "cuts": cuts,
        "whole": None if cuts else first,
        "pending": shown["pending"] and document.state == State.IN_REVIEW,
    }


def _cut(field: str, box: Box, page: PageRow) -> dict[str, Any]:
    """A field's place in pixels of its page: `view` with some of the page around it."""
    around = Box(
        page=box.page,
        x0=max(0.0, box.x0 - _MARGIN_X),
        y0=max(0.0, box.y0 - _MARGIN_Y),
        x1=min(1.0, box.x1 + _MARGIN_X),
        y1=min(1.0, box.y1 + _MARGIN_Y),
    )
    return {
        "field": field,
        "page": page,
        "view": _pixels(around, page),
        "box": _pixels(box, page),
    }


def _pixels(box: Box, page: PageRow) -> tuple[int, int, int, int]:
    """Left, top, width and height."""
    return (
        round(box.x0 * page.width),
        round(box.y0 * page.height),
        max(1, round((box.x1 - box.x0) * page.width)),
        max(1, round((box.y1 - box.y0) * page.height)),
    )


@router.post("/claims/{document_id}/withdraw")
def withdraw_claim(request: Request, actor: Submitter, document_id: DocumentId) -> RedirectResponse:
    """Take a document back."""
    withdraw(services_of(request).database, document_id, actor)
    return RedirectResponse(f"/claims/{document_id}", status_code=303)

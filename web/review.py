"""The review desk: the queue, and a case on one screen with everything that may be done with it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import parse_qs, urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from archive.actors import Actor, Role
from archive.page_pictures import pages_of
from archive.records import AuditRow, Document
from archive.reviewing import ReviewCase, deeds_of
from extractors.errors import YanpiaoError
from extractors.messages import say, sentence
from extractors.model import Invoice
from web.asking import language_of, services_of
from web.case_pictures import DocumentId, Looking, pages_shown
from web.problems import status_of
from web.rendering import render
from web.trail import part_viewed, seen, viewed
from web.who import needs
from worker.results import document_row
from worker.review import queue, view
from worker.review.cases import case_for, last_verification
from worker.review.correcting import doubtful_fields
from worker.review.desk import ReviewDesk
from worker.review.errors import CaseChanged, NotAcceptable
from worker.review.queue import Order, View, Wanted
from worker.review.reasons import REASONS
from worker.review.rules import BULK, Action, possible
from worker.review.wishes import Wish, version_of

router = APIRouter()

Reviewing = Annotated[Actor, Depends(needs(Role.REVIEWER))]
Short = Annotated[str, Query(max_length=64)]

_PAGE = 50
_LONGEST = 600
_VALUE = "value_"
#: After these one goes on to the next case; after the others one stays.
_ENDS = frozenset(
    {Action.CONFIRM, Action.ACCEPT, Action.REJECT, Action.PICTURE, Action.REREAD, Action.REVERIFY}
    | {Action.SECOND}
)


def wanted_of(query: str) -> Wanted:
    """The filters in an address; whatever is not understood is left out."""
    given = {name: values[-1][:64] for name, values in parse_qs(query).items()}
    views, orders = {one.value for one in View}, {one.value for one in Order}
    return Wanted(
        view=View(given["view"]) if given.get("view") in views else View.OPEN,
        order=Order(given["order"]) if given.get("order") in orders else Order.AGE,
        reason=given.get("reason", ""),
        campus=given.get("campus", ""),
        submitter=given.get("submitter", ""),
        mine=given.get("mine") == "1",
        after=given.get("after", ""),
    )


def query_of(wanted: Wanted, **more: str) -> str:
    """The filters as an address carries them, only what is not usual."""
    usual = Wanted()
    given = {
        "view": wanted.view.value if wanted.view is not usual.view else "",
        "order": wanted.order.value if wanted.order is not usual.order else "",
        "reason": wanted.reason,
        "campus": wanted.campus,
        "submitter": wanted.submitter,
        "mine": "1" if wanted.mine else "",
        **more,
    }
    return urlencode({name: value for name, value in given.items() if value})


# -- the queue -----------------------------------------------------------------------------


@router.get("/review")
def desk(request: Request, actor: Looking) -> HTMLResponse:
    """What waits for a person, in pages."""
    return _desk(request, actor, wanted_of(request.url.query))


def _desk(
    request: Request, actor: Actor, wanted: Wanted, outcomes: list[dict[str, str]] | None = None
) -> HTMLResponse:
    services, language = services_of(request), language_of(request)
    with services.database.read() as session:
        page = queue.waiting(session, actor, wanted, _PAGE)
        campuses, submitters = queue.places(session, actor, wanted)
        people = {line.document.submitter for line in page.lines} | set(submitters)
        people |= {line.assignee for line in page.lines if line.assignee}
        values = {
            "wanted": wanted,
            "views": queue.counts(session, actor, wanted),
            "reasons": queue.reasons(session, actor, wanted),
            "campuses": campuses,
            "submitters": submitters,
            "names": queue.names_of(session, people),
            "lines": [(line, document_row(line.document, language)) for line in page.lines],
            "next": query_of(wanted, after=page.after) if page.after else "",
            "query": query_of(wanted),
            "query_with": lambda **more: query_of(replace(wanted, after="", **more)),
            "version_of": version_of,
            "token": secrets.token_hex(16),
            "choices": REASONS,
            "bulk": (Action.ACCEPT, Action.REJECT, Action.REVERIFY, Action.REREAD),
            "may_act": actor.may(Role.REVIEWER),
            "outcomes": outcomes or [],
            "done": _done(session, request, actor),
        }
    return render(request, "review.html", {**values, "why": _why(language)})


_OPENING = re.compile(r"^[^：:]+[：:]\s*(?=.)")
#: The clause of a sentence that holds a placeholder, and all behind it.
_FILLED = re.compile(r"[：:，,（( ]*[^：:，,（()]*\{.*", re.DOTALL)


def _why(language: str) -> Callable[..., str]:
    """What a reason's code says in general: without the clauses that only a case fills."""

    def why(code: str, text: str = "") -> str:
        said = say(code, language, {"text": text})
        if code in REASONS[Action.REJECT]:
            said = _OPENING.sub("", said)  # a list of reasons need not say each time what they are
        return _FILLED.sub("", said).strip(" ：:。.") or said.strip()

    return why


def _done(session: Session, request: Request, actor: Actor) -> dict[str, Any] | None:
    """What was just done to another case, so that it can be told and taken back."""
    document = session.get(Document, request.query_params.get("done", "")[:24])
    if document is None:
        return None
    own = [deed for deed in deeds_of(session, document.id) if deed.actor == actor.id]
    if not own:
        return None
    row = document_row(document, language_of(request))
    undo = Action.UNDO in possible(
        case_for(session, document, actor), actor.id, services_of(request).policy.review
    )
    return {"deed": own[-1], "row": row, "undo": undo, "version": version_of(document)}


# -- a case --------------------------------------------------------------------------------


@router.get("/review/{document_id}")
def case(request: Request, actor: Looking, document_id: DocumentId) -> HTMLResponse:
    """One case; that it was looked at stands in the trail."""
    page = _case(request, actor, document_id)
    viewed(request, actor, document_id)
    return page


def _case(
    request: Request,
    actor: Actor,
    document_id: str,
    error: YanpiaoError | None = None,
    typed: dict[str, str] | None = None,
    filters: str | None = None,
) -> HTMLResponse:
    services, language = services_of(request), language_of(request)
    wanted = wanted_of(request.url.query if filters is None else filters)
    with services.database.read() as session:
        document = seen(session, actor, document_id)
        row = last_verification(document)
        invoice = Invoice.model_validate(document.invoice.data) if document.invoice else None
        lines, goods = view.lines_of(invoice, row.portal_values if row else None)
        trail = list(
            session.scalars(
                select(AuditRow)
                .where(AuditRow.document_id == document_id, AuditRow.action != "document_viewed")
                .order_by(AuditRow.seq)
            )
        )
        deeds = deeds_of(session, document_id)
        around = session.get(ReviewCase, document_id)
        known = case_for(session, document, actor)
        values = {
            "document": document,
            "row": document_row(document, language),
            "lines": lines,
            "goods": goods,
            "items": invoice.lines if invoice else (),
            "findings": view.findings_of(invoice, row.findings if row else [], language),
            "verification": row,
            "pages": pages_shown(request, document, pages_of(session, document_id)),
            "deeds": {deed.id: deed for deed in deeds},
            "proposal": next(
                (deed for deed in deeds if around and deed.id == around.proposal), None
            ),
            "around": around,
            "trail": trail,
            "may_do": possible(known, actor.id, services.policy.review),
            "own": known.own,
            "reviewers": queue.reviewers(session, document.campus),
            "names": queue.names_of(
                session,
                {entry.actor for entry in trail}
                | {document.submitter}
                | {around.assignee if around and around.assignee else ""},
            ),
            "choices": REASONS,
            "version": version_of(document),
            "token": secrets.token_hex(16),
            "query": query_of(wanted),
            "next": queue.next_case(session, actor, wanted, document_id),
            "typed": typed or {},
            "problem": _problem(session, error, language),
            "done": _done(session, request, actor),
            "editable": view.EDITABLE,
            "attestable": invoice is not None and doubtful_fields(invoice),
            "why": _why(language),
        }
    return render(request, "case.html", values, status_code=status_of(error.code) if error else 200)


def _problem(session: Session, error: YanpiaoError | None, language: str) -> dict[str, str] | None:
    """A refusal in words; where somebody was first, with their name and what they did."""
    if error is None:
        return None
    if isinstance(error, NotAcceptable):
        cause = sentence(error.params["cause"], language)
        error = NotAcceptable(cause=cause)
    told = {"text": error.message(language), "hint": error.hint(language), "who": "", "what": ""}
    if isinstance(error, CaseChanged) and error.params["actor"]:
        who = error.params["actor"]
        told["who"] = queue.names_of(session, {who}).get(who, who)
        told["what"] = error.params["action"]
    return told


# -- deeds ---------------------------------------------------------------------------------


@router.post("/review/bulk")
async def bulk(request: Request, actor: Reviewing) -> HTMLResponse:
    """The same action for many that wait for the same reason; how each ended is told."""
    form = await request.form()
    return await run_in_threadpool(_bulk, request, actor, form)


def _bulk(request: Request, actor: Actor, form: FormData) -> HTMLResponse:
    wanted = wanted_of(_text(form, "query"))
    action = next((one for one in BULK if one == _text(form, "action")), Action.REVERIFY)
    wishes = []
    for chosen in form.getlist("chosen")[:_PAGE]:
        document_id, _, seen = str(chosen).partition(":")
        token = f"{_text(form, 'token')}:{document_id}"[:96]
        wishes.append(
            Wish(action, document_id, token, seen, _text(form, "reason"), _text(form, "text"))
        )
    outcomes: list[dict[str, str]] = []
    language = language_of(request)
    if wishes:
        try:
            results = ReviewDesk(services_of(request)).act_on_all(actor, wishes)
        except YanpiaoError as error:
            outcomes.append({"id": "", "error": error.message(language)})
        else:
            for wish, result in results:
                fault = result.message(language) if isinstance(result, YanpiaoError) else ""
                outcomes.append({"id": wish.document_id, "error": fault})
    return _desk(request, actor, wanted, outcomes)


@router.post("/review/{document_id}/{action}")
async def act(
    request: Request, actor: Reviewing, document_id: DocumentId, action: Action
) -> Response:
    """One deed; ends on the next case, or on this one with the reason why not."""
    form = await request.form()
    return await run_in_threadpool(_act, request, actor, document_id, action, form)


def _act(
    request: Request, actor: Actor, document_id: str, action: Action, form: FormData
) -> Response:
    services = services_of(request)
    with services.database.read() as session:
        seen(session, actor, document_id)
    filters = _text(form, "query")
    wish = Wish(
        action=action,
        document_id=document_id,
        token=_text(form, "token")[:96] or secrets.token_hex(16),
        seen=_text(form, "seen"),
        reason=_text(form, "reason"),
        text=_text(form, "text"),
        values=_values(form) if action is Action.CONFIRM else {},
        voucher_no=_text(form, "voucher_no"),
        assignee=_text(form, "assignee"),
    )
    try:
        ReviewDesk(services).act(actor, wish)
    except YanpiaoError as error:
        part_viewed(request, actor, document_id)
        return _case(request, actor, document_id, error, dict(wish.values), filters)
    return RedirectResponse(_onwards(request, actor, wish, filters), status_code=303)


def _onwards(request: Request, actor: Actor, wish: Wish, filters: str) -> str:
    wanted = wanted_of(filters)
    if wish.action not in _ENDS:
        return f"/review/{wish.document_id}?{query_of(wanted)}"
    with services_of(request).database.read() as session:
        following = queue.next_case(session, actor, wanted, wish.document_id)
    query = query_of(wanted, done=wish.document_id)
    return f"/review/{following}?{query}" if following else f"/review?{query}"


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value[:_LONGEST] if isinstance(value, str) else ""


def _values(form: FormData) -> dict[str, str]:
    """The fields that were typed into and now say something else than before."""
    return {
        name.removeprefix(_VALUE): value[:_LONGEST]
        for name, value in form.multi_items()
        if name.startswith(_VALUE) and isinstance(value, str) and value.strip()
    }

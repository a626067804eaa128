"""Everything that somebody handed in, by what it waits for and by month."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import ColumnElement, Select, and_, func, not_, or_, select
from sqlalchemy.orm import Session

from archive.actors import Actor
from archive.records import Document, InvoiceRow, State, now
from web.claims import Submitter, own_number
from web.events import standing
from web.rendering import language_of, render, services_of
from worker.journey import CLOSED, is_closed, needs_owner
from worker.results import document_row
from worker.retaking import wanted_now

router = APIRouter()

Show = Annotated[str, Query(pattern="^(all|todo|moving|done|closed)$")]
Month = Annotated[str, Query(pattern=r"^(20\d{2}-(0[1-9]|1[0-2]))?$")]
Before = Annotated[str, Query(pattern="^([0-9a-f]{24})?$")]
Search = Annotated[str, Query(max_length=64)]

_CHINA = ZoneInfo("Asia/Shanghai")
_A_PAGE = 30
#: Months that are offered, the newest first.
_MOST_MONTHS = 60

_IN_MOTION = (State.RECEIVED, State.READ, State.VERIFIED, State.WAITING, State.PASSED)
_IS_CLOSED = and_(Document.state == State.REJECTED, Document.reason.in_(CLOSED))
_GROUPS: dict[str, ColumnElement[bool]] = {
    "todo": or_(
        Document.state == State.FAILED,
        and_(
            Document.state == State.REJECTED,
            or_(Document.reason.is_(None), Document.reason.not_in(CLOSED)),
        ),
        wanted_now(),
    ),
    "moving": or_(
        Document.state.in_(_IN_MOTION),
        and_(Document.state == State.IN_REVIEW, not_(wanted_now())),
    ),
    "done": Document.state == State.ARCHIVED,
    "closed": _IS_CLOSED,
}


@router.get("/claims")
def claims(
    request: Request,
    actor: Submitter,
    show: Show = "all",
    month: Month = "",
    q: Search = "",
    before: Before = "",
) -> HTMLResponse:
    mark = standing(services_of(request), actor)["mark"]
    values = _claims(request, actor, show, month, q, before)
    return render(request, "claims.html", {**values, "mark": mark})


@router.get("/claims/rows")
def claims_part(
    request: Request,
    actor: Submitter,
    show: Show = "all",
    month: Month = "",
    q: Search = "",
    before: Before = "",
) -> HTMLResponse:
    """The list's changing part, fetched again when something moved."""
    return render(request, "_claims.html", _claims(request, actor, show, month, q, before))


def _claims(
    request: Request, actor: Actor, show: str, month: str, q: str, before: str
) -> dict[str, Any]:
    language = language_of(request)
    chosen = {"show": "" if show == "all" else show, "month": month, "q": q.strip()}
    with services_of(request).database.read() as session:
        query = _narrowed(select(Document), actor, month, q)
        if show in _GROUPS:
            query = query.where(_GROUPS[show])
        if before:
            query = query.where(Document.id < before)
        found = list(session.scalars(query.order_by(Document.id.desc()).limit(_A_PAGE + 1)))
        counts = {
            group: session.scalar(
                _narrowed(select(func.count(Document.id)), actor, month, q).where(condition)
            )
            or 0
            for group, condition in _GROUPS.items()
        }
        ids = [document.id for document in found]
        wanted = set(session.scalars(select(Document.id).where(Document.id.in_(ids), wanted_now())))
        rows = [(document, document_row(document, language)) for document in found[:_A_PAGE]]
        months = _months(session, actor)
    return {
        "rows": rows,
        "counts": {"all": sum(counts.values()), **counts},
        "months": months,
        "show": show,
        "month": month,
        "q": q,
        "before": before,
        "next": found[_A_PAGE - 1].id if len(found) > _A_PAGE else "",
        "wanted": wanted,
        "is_closed": is_closed,
        "needs_owner": lambda document: needs_owner(document) or document.id in wanted,
        "own_number": own_number,
        "address": lambda **more: _address({**chosen, **more}),
    }


def _address(asked: dict[str, str]) -> str:
    given = {name: value for name, value in asked.items() if value}
    return f"/claims?{urlencode(given)}" if given else "/claims"


def _narrowed(query: Select[Any], actor: Actor, month: str, q: str) -> Select[Any]:
    """Of the actor's own: the month in which it was handed in, and what was typed."""
    query = query.where(Document.submitter == actor.id)
    if month:
        first, behind = _bounds(month)
        query = query.where(Document.received_at >= first, Document.received_at < behind)
    if wanted := q.strip():
        query = query.outerjoin(Document.invoice).where(
            or_(
                Document.name.contains(wanted, autoescape=True),
                InvoiceRow.invoice_number.contains(wanted, autoescape=True),
                Document.voucher_no == wanted,
            )
        )
    return query


def _bounds(month: str) -> tuple[dt.datetime, dt.datetime]:
    """The first moment of a month as people in China count it, and that of the next."""
    year, number = int(month[:4]), int(month[5:])
    first = dt.datetime(year, number, 1, tzinfo=_CHINA)
    return first, (first + dt.timedelta(days=32)).replace(day=1)


def _months(session: Session, actor: Actor) -> list[str]:
    """From the month of the first hand-in to this one, the newest first."""
    query = select(func.min(Document.received_at)).where(Document.submitter == actor.id)
    oldest = session.scalar(query)
    if oldest is None:
        return []
    first, month = oldest.astimezone(_CHINA), now().astimezone(_CHINA)
    found: list[str] = []
    while (month.year, month.month) >= (first.year, first.month) and len(found) < _MOST_MONTHS:
        found.append(f"{month:%Y-%m}")
        month = month.replace(day=1) - dt.timedelta(days=1)
    return found

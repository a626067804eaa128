"""Everything that somebody handed in, by what it waits for and by month."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, Select, and_, func, not_, or_, select
from sqlalchemy.orm import Session

from archive.actors import Actor
from archive.records import Document, InvoiceRow, State, now
from archive.reviewing import ReviewCase
from web.claims import Submitter, own_number
from web.events import standing
from web.rendering import language_of, render, services_of
from worker.closing import closed_as, closed_now
from worker.journey import needed_now, needs_owner
from worker.results import ResultRow, document_row

router = APIRouter()

_CHINA = ZoneInfo("Asia/Shanghai")
_A_PAGE = 30
#: Months that are offered, the newest first.
_MOST_MONTHS = 60

_IN_MOTION = (
    State.RECEIVED,
    State.READ,
    State.VERIFIED,
    State.WAITING,
    State.PASSED,
    State.IN_REVIEW,
)
_GROUPS: dict[str, ColumnElement[bool]] = {
    "todo": needed_now(),
    "moving": and_(Document.state.in_(_IN_MOTION), not_(needed_now())),
    "done": Document.state == State.ARCHIVED,
    "closed": closed_now(),
}


class Asked(BaseModel):
    """What of the list is wanted: a group, a month of handing in, words; and behind which row."""

    show: str = Field("all", pattern="^(all|todo|moving|done|closed)$")
    month: str = Field("", pattern=r"^(20\d{2}-(0[1-9]|1[0-2]))?$")
    q: str = Field("", max_length=64)
    before: str = Field("", pattern="^([0-9a-f]{24})?$")


@dataclass(frozen=True, slots=True)
class Line:
    """A document of the list. `todo`: its owner has something to do; `closed`: how it came to
    concern nobody any more (`worker.closing`)."""

    document: Document
    row: ResultRow
    todo: bool
    closed: str


@router.get("/claims")
def claims(request: Request, actor: Submitter, asked: Annotated[Asked, Query()]) -> HTMLResponse:
    mark = standing(services_of(request), actor)["mark"]
    return render(request, "claims.html", {**_claims(request, actor, asked), "mark": mark})


@router.get("/claims/rows")
def claims_part(
    request: Request, actor: Submitter, asked: Annotated[Asked, Query()]
) -> HTMLResponse:
    """The list's changing part, fetched again when something moved."""
    return render(request, "_claims.html", _claims(request, actor, asked))


def _claims(request: Request, actor: Actor, asked: Asked) -> dict[str, Any]:
    chosen = {
        "show": "" if asked.show == "all" else asked.show,
        "month": asked.month,
        "q": asked.q.strip(),
    }
    with services_of(request).database.read() as session:
        found, counts, months = listed(session, actor, asked)
        lines = _lines(session, found[:_A_PAGE], language_of(request))
    return {
        "lines": lines,
        "counts": {"all": sum(counts.values()), **counts},
        "months": months,
        "show": asked.show,
        "month": asked.month,
        "q": asked.q,
        "before": asked.before,
        "next": found[_A_PAGE - 1].id if len(found) > _A_PAGE else "",
        "own_number": own_number,
        "address": lambda **more: _address({**chosen, **more}),
    }


def listed(
    session: Session, actor: Actor, asked: Asked
) -> tuple[list[Document], dict[str, int], list[str]]:
    """A page of documents and one more if there is more; how many each group holds; the months
    in which something was handed in."""
    query = _narrowed(select(Document), actor, asked.month, asked.q)
    if asked.show in _GROUPS:
        query = query.where(_GROUPS[asked.show])
    if asked.before:
        query = query.where(Document.id < asked.before)
    found = list(session.scalars(query.order_by(Document.id.desc()).limit(_A_PAGE + 1)))
    count = _narrowed(select(func.count(Document.id)), actor, asked.month, asked.q)
    counts = {
        group: session.scalar(count.where(condition)) or 0 for group, condition in _GROUPS.items()
    }
    return found, counts, _months(session, actor)


def _lines(session: Session, documents: Sequence[Document], language: str) -> list[Line]:
    ids = [document.id for document in documents]
    query = select(ReviewCase).where(ReviewCase.document_id.in_(ids))
    cases = {case.document_id: case for case in session.scalars(query)}
    return [
        Line(
            document,
            document_row(document, language),
            needs_owner(document, cases.get(document.id)),
            closed_as(document, cases.get(document.id)),
        )
        for document in documents
    ]


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
    # Not the least of their moments: PostgreSQL would look for that among everybody's.
    query = select(Document.received_at).where(Document.submitter == actor.id)
    oldest = session.scalar(query.order_by(Document.id).limit(1))
    if oldest is None:
        return []
    first, month = oldest.astimezone(_CHINA), now().astimezone(_CHINA)
    found: list[str] = []
    while (month.year, month.month) >= (first.year, first.month) and len(found) < _MOST_MONTHS:
        found.append(f"{month:%Y-%m}")
        month = month.replace(day=1) - dt.timedelta(days=1)
    return found

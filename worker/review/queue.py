"""What waits at the desk, in order, page by page; and which case comes next."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Numeric, and_, case, cast, func, literal, or_, select
from sqlalchemy.orm import Session

from archive.actors import Actor, Role
from archive.people import Grant, Person
from archive.records import Document, InvoiceRow, State
from archive.reviewing import ReviewCase
from archive.visibility import visible


class View(StrEnum):
    """Which cases: OPEN ones wait for a decision, SECOND for another pair of eyes, PICTURE for the
    submitter, LATER for the clock."""

    OPEN = "open"
    SECOND = "second"
    PICTURE = "picture"
    LATER = "later"


class Order(StrEnum):
    """The longest waiting first, or the largest amount."""

    AGE = "age"
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A person's filters. Empty asks for all; `mine`: assigned to whoever asks; `after`: the id
    of the last case of the page before."""

    view: View = View.OPEN
    order: Order = Order.AGE
    reason: str = ""
    campus: str = ""
    submitter: str = ""
    mine: bool = False
    after: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One line of the queue."""

    document: Document
    assignee: str | None
    since: dt.datetime


@dataclass(frozen=True, slots=True)
class QueuePage:
    """Lines in order, and the `after` of the page that follows; "" on the last."""

    lines: tuple[Waiting, ...]
    after: str


#: Yuan, whatever the sign; a document without a total comes last.
_AMOUNT: ColumnElement[Any] = func.coalesce(
    func.abs(cast(InvoiceRow.total_with_tax, Numeric(18, 2))), 0
)


#: The states in which a document may be somebody's case.
_HERE = (State.IN_REVIEW, State.FAILED, State.WAITING)


def _of_view(view: View) -> ColumnElement[bool]:
    if view is View.LATER:
        return Document.state == State.WAITING
    open_still = Document.state.in_((State.IN_REVIEW, State.FAILED))
    asked = ReviewCase.picture_wanted_at.is_not(None)
    proposed = ReviewCase.proposal.is_not(None)
    if view is View.PICTURE:
        return and_(open_still, asked)
    if view is View.SECOND:
        return and_(open_still, proposed)
    return and_(open_still, ReviewCase.picture_wanted_at.is_(None), ReviewCase.proposal.is_(None))


def _conditions(actor: Actor, wanted: Wanted) -> list[ColumnElement[bool]]:
    return [_of_view(wanted.view), *_filters(actor, wanted)]


def _filters(actor: Actor, wanted: Wanted) -> list[ColumnElement[bool]]:
    found = [visible(actor), Document.submitter != actor.id]
    if wanted.reason:
        found.append(Document.reason == wanted.reason)
    if wanted.campus:
        found.append(Document.campus == wanted.campus)
    if wanted.submitter:
        found.append(Document.submitter == wanted.submitter)
    if wanted.mine:
        found.append(ReviewCase.assignee == actor.id)
    return found


def waiting(session: Session, actor: Actor, wanted: Wanted, limit: int = 50) -> QueuePage:
    """One page of the queue, without what the actor handed in."""
    query = (
        select(Document, ReviewCase.assignee)
        .outerjoin(InvoiceRow, InvoiceRow.document_id == Document.id)
        .outerjoin(ReviewCase, ReviewCase.document_id == Document.id)
        .where(*_conditions(actor, wanted), *_behind(session, wanted))
    )
    order = (Document.id,) if wanted.order is Order.AGE else (_AMOUNT.desc(), Document.id)
    rows = session.execute(query.order_by(*order).limit(limit + 1)).unique().all()
    lines = tuple(
        Waiting(document, assignee, document.received_at) for document, assignee in rows[:limit]
    )
    return QueuePage(lines, lines[-1].document.id if len(rows) > limit else "")


def _behind(session: Session, wanted: Wanted) -> list[ColumnElement[bool]]:
    """The condition of a later page: by keys, so that what left the queue meanwhile moves
    nothing."""
    if not wanted.after:
        return []
    if wanted.order is Order.AGE:
        return [Document.id > wanted.after]
    query = (
        select(_AMOUNT)
        .select_from(Document)
        .outerjoin(InvoiceRow, InvoiceRow.document_id == Document.id)
        .where(Document.id == wanted.after)
    )
    amount = literal(session.scalar(query) or 0, Numeric(18, 2))
    return [or_(amount > _AMOUNT, and_(amount == _AMOUNT, Document.id > wanted.after))]


def next_case(session: Session, actor: Actor, wanted: Wanted, document_id: str) -> str | None:
    """The case that follows in the same queue; behind the last one its first."""
    for after in (document_id, ""):
        page = waiting(session, actor, replace(wanted, after=after), limit=2)
        for line in page.lines:
            if line.document.id != document_id:
                return line.document.id
    return None


def counts(session: Session, actor: Actor, wanted: Wanted) -> dict[View, int]:
    """How many cases each view holds under the same filters, counted in one walk over them."""
    each = [func.count(case((_of_view(view), Document.id))) for view in View]
    query = (
        select(*each)
        .select_from(Document)
        .outerjoin(ReviewCase, ReviewCase.document_id == Document.id)
        .where(*_filters(actor, replace(wanted, reason="")), Document.state.in_(_HERE))
    )
    return dict(zip(View, session.execute(query).one(), strict=True))


def reasons(session: Session, actor: Actor, wanted: Wanted) -> list[tuple[str, int]]:
    """The reasons of the view with their counts, most frequent first."""
    query = (
        select(Document.reason, func.count(Document.id))
        .outerjoin(ReviewCase, ReviewCase.document_id == Document.id)
        .where(*_conditions(actor, replace(wanted, reason="")), Document.reason.is_not(None))
        .group_by(Document.reason)
        .order_by(func.count(Document.id).desc(), Document.reason)
    )
    return [(str(reason), count) for reason, count in session.execute(query)]


def places(session: Session, actor: Actor, wanted: Wanted) -> tuple[list[str], list[str]]:
    """Campuses and submitters that occur in the view."""
    bare = replace(wanted, reason="", campus="", submitter="")

    def distinct(column: ColumnElement[str]) -> list[str]:
        query = (
            select(column)
            .select_from(Document)
            .outerjoin(ReviewCase, ReviewCase.document_id == Document.id)
            .where(*_conditions(actor, bare), column != "")
            .distinct()
            .order_by(column)
            .limit(500)
        )
        return list(session.scalars(query))

    return distinct(Document.campus.expression), distinct(Document.submitter.expression)


def names_of(session: Session, ids: set[str]) -> dict[str, str]:
    """What people are called, by id; ids that name nobody are left out."""
    query = select(Person.id, Person.name).where(Person.id.in_(sorted(ids)))
    return dict(session.execute(query).all()) if ids else {}


def reviewers(session: Session, campus: str) -> dict[str, str]:
    """Everybody who may review a campus, by id."""
    query = (
        select(Person.id, Person.name)
        .join(Grant, Grant.person_id == Person.id)
        .where(
            Grant.role == Role.REVIEWER,
            Grant.campus.in_(("", campus)),
            Person.disabled_at.is_(None),
        )
        .distinct()
        .order_by(Person.name)
    )
    return dict(session.execute(query).all())

"""Vouchers: by period and state, and one with its entries, invoices, sums, decisions and bags."""

from __future__ import annotations

import datetime as dt
import re
import secrets
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Form, Path, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from archive import accounting, audit
from archive.accounting import VoucherFacts
from archive.actors import Actor, Role
from archive.inspections import BagInspection
from archive.records import Alarm, BagRow, Document, State, Voucher
from archive.visibility import visible, visible_vouchers
from extractors.errors import YanpiaoError
from extractors.messages import sentence
from web.asking import language_of, services_of
from web.downloads import zip_download
from web.problems import status_of
from web.rendering import render
from web.trail import voucher_viewed
from web.who import needs
from worker.errors import UnknownVoucher
from worker.queues import Stage, enqueue
from worker.results import document_row
from worker.review.queue import names_of

router = APIRouter()

Office = Annotated[Actor, Depends(needs(Role.REVIEWER, Role.ARCHIVIST, Role.AUDITOR, Role.ADMIN))]
Deciding = Annotated[Actor, Depends(needs(Role.REVIEWER, Role.ARCHIVIST))]
VoucherNo = Annotated[str, Path(max_length=64)]
Short = Annotated[str, Query(max_length=64)]
Text = Annotated[str, Form(max_length=300)]

STATES = ("", "open", "blocked", "sealed")
_PAGE = 50
_PERIOD = re.compile(r"(\d{4})-(\d{2})")


@router.get("/vouchers")
def vouchers(
    request: Request,
    actor: Office,
    period: Short = "",
    state: Short = "",
    q: Short = "",
    after: Short = "",
) -> HTMLResponse:
    """Vouchers, newest first, in pages."""
    services = services_of(request)
    with services.database.read() as session:
        query = (
            select(Voucher, VoucherFacts)
            .outerjoin(VoucherFacts, VoucherFacts.voucher_no == Voucher.voucher_no)
            .where(*_conditions(actor, period, state, q), *_behind(session, after))
            .order_by(Voucher.created_at.desc(), Voucher.voucher_no.desc())
            .limit(_PAGE + 1)
        )
        rows = session.execute(query).unique().all()
        numbers = [voucher.voucher_no for voucher, _ in rows[:_PAGE]]
        values = {
            "rows": rows[:_PAGE],
            "counts": _counts(session, numbers),
            "bags": _bags(session, numbers),
            "chosen": {"period": period, "state": state, "q": q},
            "states": STATES,
            "address": lambda **more: urlencode(
                {
                    name: value
                    for name, value in {"period": period, "state": state, "q": q, **more}.items()
                    if value
                }
            ),
            "next": numbers[-1] if len(rows) > _PAGE else "",
        }
    return render(request, "vouchers.html", values)


def _conditions(actor: Actor, period: str, state: str, q: str) -> list[ColumnElement[bool]]:
    found = [visible_vouchers(actor)]
    if match := _PERIOD.fullmatch(period):
        found += [
            VoucherFacts.fiscal_year == int(match[1]),
            VoucherFacts.period == int(match[2]),
        ]
    sealed = exists().where(BagRow.voucher_no == Voucher.voucher_no)
    if state == "sealed":
        found.append(sealed)
    elif state == "open":
        found.append(~sealed)
    elif state == "blocked":
        found.append(VoucherFacts.blocked_at.is_not(None))
    if q.strip():
        found.append(Voucher.voucher_no.startswith(q.strip(), autoescape=True))
    return found


def _behind(session: Session, after: str) -> list[ColumnElement[bool]]:
    last = session.get(Voucher, after) if after else None
    if last is None:
        return []
    earlier = Voucher.created_at < last.created_at
    same = and_(Voucher.created_at == last.created_at, Voucher.voucher_no < last.voucher_no)
    return [or_(earlier, same)]


def _counts(session: Session, numbers: list[str]) -> dict[str, dict[str, int]]:
    """Documents by voucher and state."""
    query = (
        select(Document.voucher_no, Document.state, func.count())
        .where(Document.voucher_no.in_(numbers))
        .group_by(Document.voucher_no, Document.state)
    )
    found: dict[str, dict[str, int]] = {number: {} for number in numbers}
    for number, state, count in session.execute(query):
        found[number][state] = count
    return found


def _bags(session: Session, numbers: list[str]) -> dict[str, int]:
    """The newest bag's version by voucher."""
    query = (
        select(BagRow.voucher_no, func.max(BagRow.version))
        .where(BagRow.voucher_no.in_(numbers))
        .group_by(BagRow.voucher_no)
    )
    return {number: version for number, version in session.execute(query)}  # noqa: C416 - rows


# -- one voucher ---------------------------------------------------------------------------


@router.get("/vouchers/{voucher_no}")
def voucher(request: Request, actor: Office, voucher_no: VoucherNo) -> HTMLResponse:
    page = _voucher(request, actor, voucher_no)
    voucher_viewed(request, actor, voucher_no)
    return page


def _voucher(
    request: Request, actor: Actor, voucher_no: str, error: YanpiaoError | None = None
) -> HTMLResponse:
    services, language = services_of(request), language_of(request)
    with services.database.read() as session:
        found = _seen(session, actor, voucher_no)
        standing = accounting.standing(session, voucher_no, services.policy)
        documents = list(
            session.scalars(
                select(Document)
                .where(Document.voucher_no == voucher_no, visible(actor))
                .order_by(Document.id)
                .limit(500)
            ).unique()
        )
        judged = [
            (one, sentence(one.finding.code, language, one.finding.params))
            for one in standing.judged
        ]
        values = {
            "voucher": found,
            "facts": session.get(VoucherFacts, voucher_no),
            "standing": standing,
            "judged": judged,
            "rows": [document_row(one, language) for one in documents],
            "invoices": {one.id: one.invoice for one in documents},
            "bags": _with_tests(session, voucher_no),
            "alarms": _alarms(session, voucher_no, language),
            "package": _package(documents, standing.blocked, bool(found.bags)),
            "may_take": _sees_all(session, actor, voucher_no),
            "may_accept": accounting.may_accept(session, actor, voucher_no),
            "names": names_of(session, {one.accepted_by or "" for one in standing.judged}),
            "problem": error and {"text": error.message(language), "hint": error.hint(language)},
            "token": secrets.token_hex(8),
        }
    status = status_of(error.code) if error else 200
    return render(request, "voucher.html", values, status_code=status)


def _seen(session: Session, actor: Actor, voucher_no: str) -> Voucher:
    query = select(Voucher).where(Voucher.voucher_no == voucher_no, visible_vouchers(actor))
    found = session.scalars(query).first()
    if found is None:
        raise UnknownVoucher(voucher=voucher_no)
    return found


def _sees_all(session: Session, actor: Actor, voucher_no: str) -> bool:
    """A bag holds everything of its voucher: only who may see all of it may take it."""
    query = select(Document.id).where(Document.voucher_no == voucher_no, ~visible(actor)).limit(1)
    return session.execute(query).first() is None


def _with_tests(session: Session, voucher_no: str) -> list[tuple[BagRow, BagInspection | None]]:
    """The bags, newest first, each with its last four-property test."""
    bags = session.scalars(
        select(BagRow).where(BagRow.voucher_no == voucher_no).order_by(BagRow.version.desc())
    ).all()
    found = []
    for bag in bags:
        query = (
            select(BagInspection)
            .where(BagInspection.bag_id == bag.id)
            .order_by(BagInspection.at.desc())
            .limit(1)
        )
        found.append((bag, session.scalars(query).first()))
    return found


def _alarms(session: Session, voucher_no: str, language: str) -> list[tuple[dt.datetime, str]]:
    query = select(Alarm).where(Alarm.voucher_no == voucher_no, Alarm.settled_at.is_(None))
    return [(one.at, sentence(one.code, language, one.params)) for one in session.scalars(query)]


def _package(documents: list[Document], blocked: bool, sealed: bool) -> str:
    """Where the voucher's package stands, as the code of a word."""
    states = {document.state for document in documents}
    if blocked:
        return "blocked"
    if State.PASSED in states:
        return "to_seal"
    if states - {State.ARCHIVED, State.REJECTED}:
        return "partly" if sealed else "gathering"
    return "sealed" if sealed else "empty"


@router.post("/vouchers/{voucher_no}/accept")
def accept(
    request: Request, actor: Deciding, voucher_no: VoucherNo, code: Text = "", reason: Text = ""
) -> Response:
    """Take a difference as it is, with a reason; sealing is then tried again."""
    services = services_of(request)
    try:
        with services.database.write() as session:
            _seen(session, actor, voucher_no)
            accounting.accept_difference(session, actor, voucher_no, code, reason, services.policy)
    except UnknownVoucher:
        raise
    except YanpiaoError as error:
        voucher_viewed(request, actor, voucher_no)
        return _voucher(request, actor, voucher_no, error)
    enqueue(services.redis, Stage.ARCHIVE, voucher_no)
    return RedirectResponse(f"/vouchers/{quote(voucher_no)}", status_code=303)


@router.get("/vouchers/{voucher_no}/bags/{version}")
def bag(
    request: Request, actor: Office, voucher_no: VoucherNo, version: Annotated[int, Path(ge=1)]
) -> Response:
    """A sealed bag as a ZIP."""
    return sealed_bag(request, actor, voucher_no, version)


def sealed_bag(request: Request, actor: Actor, voucher_no: str, version: int) -> Response:
    """The bag as a download; that it was taken stands in the trail. Raises `UnknownVoucher`, also
    where the actor may not see everything that is in it."""
    services = services_of(request)
    with services.database.write() as session:
        _seen(session, actor, voucher_no)
        query = select(BagRow).where(BagRow.voucher_no == voucher_no, BagRow.version == version)
        row = session.scalars(query).first()
        if row is None or not _sees_all(session, actor, voucher_no):
            raise UnknownVoucher(voucher=voucher_no)
        audit.record(
            session,
            "bag_taken",
            actor=actor.id,
            voucher_no=voucher_no,
            detail={"version": version, "digest": row.digest},
        )
    with services.bags.local(row.path) as folder:
        return zip_download(f"{voucher_no}-v{version:04d}.zip", folder)

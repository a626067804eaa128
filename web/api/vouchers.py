"""Vouchers over the programming interface: the accounting system states them, reads how their
invoices stand, and puts documents to them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from archive import accounting, voucher_import, voucher_json
from archive.accounting import VoucherFacts
from archive.actors import Actor, Role
from archive.records import Document, Voucher
from archive.tokens import Scope
from archive.visibility import seen_campuses, visible, visible_vouchers
from archive.voucher_rows import RowFault
from extractors.errors import YanpiaoError
from web.api.models import (
    AttachIn,
    BagOut,
    DifferenceOut,
    DocumentOut,
    VoucherIn,
    VoucherOut,
)
from web.api.once import Key, once
from web.asking import language_of, services_of
from web.trail import viewed, voucher_viewed
from web.vouchers import sealed_bag
from web.who import NotAllowed, needs
from worker.attach import attach
from worker.errors import UnknownVoucher

router = APIRouter(tags=["vouchers"])

_WRITERS = (Role.ARCHIVIST, Role.REVIEWER)
Writer = Annotated[Actor, Depends(needs(*_WRITERS, scope=Scope.VOUCHERS))]
_READERS = (*_WRITERS, Role.AUDITOR, Role.ADMIN)
Reader = Annotated[Actor, Depends(needs(*_READERS, scope=(Scope.VOUCHERS, Scope.VOUCHERS_READ)))]
Taker = Annotated[Actor, Depends(needs(*_READERS, scope=Scope.BAGS))]
VoucherNo = Annotated[str, Path(max_length=63)]


class VoucherRefused(YanpiaoError):
    """The voucher cannot be taken as stated; `why` is the code of the reason."""

    code = "voucher_refused"

    def __init__(self, fault: RowFault) -> None:
        self.why = fault.code
        super().__init__(why=fault.code, **fault.params)


@router.post("/vouchers", status_code=201, response_model=VoucherOut, summary="State a voucher")
def state(request: Request, actor: Writer, body: VoucherIn, key: Key = None) -> Response:
    """Take a voucher in as the accounting system keeps it. 201 for a new one, 200 for one that was
    known or is stated anew; 409 where a sealed bag says otherwise, or its number is another's."""
    if not any(actor.may(role, body.campus) for role in _WRITERS):
        raise NotAllowed
    stated = body.stated()

    def work() -> tuple[int, VoucherOut]:
        with services_of(request).database.write() as session:
            known = session.get(VoucherFacts, stated.own_no)
            if known is not None and not any(actor.may(r, known.campus) for r in _WRITERS):
                raise NotAllowed
            report = voucher_import.take(session, [stated], "api", actor.id)
            if report.faults:
                raise VoucherRefused(report.faults[0])
            return 201 if report.created else 200, _voucher(request, session, actor, stated.own_no)

    answer = once(request, actor, key, body.model_dump(mode="json"), work)
    voucher_viewed(request, actor, stated.own_no)
    return answer


@router.get("/vouchers/{voucher_no}", response_model=VoucherOut, summary="One voucher")
def voucher(request: Request, actor: Reader, voucher_no: VoucherNo) -> VoucherOut:
    """What was said of it, its documents as far as the token may see them, the differences between
    the two, and the sealed bags."""
    with services_of(request).database.read() as session:
        said = _voucher(request, session, actor, voucher_no)
    voucher_viewed(request, actor, voucher_no)
    return said


def _voucher(request: Request, session: Session, actor: Actor, voucher_no: str) -> VoucherOut:
    """Raises `UnknownVoucher`, also for one of which this actor may see nothing."""
    row = session.get(Voucher, voucher_no)
    facts = session.get(VoucherFacts, voucher_no)
    if row is None or not _may_see(session, actor, voucher_no, facts):
        raise UnknownVoucher(voucher=voucher_no)
    language, policy = language_of(request), services_of(request).policy
    held = accounting.standing(session, voucher_no, policy)
    query = (
        select(Document)
        .where(Document.voucher_no == voucher_no, visible(actor))
        .order_by(Document.id)
        .limit(1000)
    )
    documents = [DocumentOut.of(one, language) for one in session.scalars(query).unique()]
    return VoucherOut(
        voucher=voucher_no,
        facts=voucher_json.facts_json(facts) if facts else None,
        expected=None if held.expected is None else f"{held.expected:.2f}",
        total=None if held.total is None else f"{held.total:.2f}",
        documents=documents,
        differences=DifferenceOut.all_of(held, language),
        bags=[BagOut.of(bag) for bag in row.bags],
    )


def _may_see(session: Session, actor: Actor, voucher_no: str, facts: VoucherFacts | None) -> bool:
    campuses = seen_campuses(actor)
    if campuses is None or (facts is not None and facts.campus in campuses):
        return True
    query = select(Voucher.voucher_no).where(
        Voucher.voucher_no == voucher_no, visible_vouchers(actor)
    )
    return session.scalars(query).first() is not None


@router.get(
    "/vouchers/{voucher_no}/bags/{version}",
    response_class=Response,
    responses={200: {"description": "The bag as a ZIP", "content": {"application/zip": {}}}},
    summary="A sealed bag",
)
def bag(
    request: Request,
    actor: Taker,
    voucher_no: VoucherNo,
    version: Annotated[int, Path(ge=1, le=1_000_000)],
) -> Response:
    """The bag (归档信息包) as it was sealed, in a ZIP. Only for a token that may see every document
    in it; that it was taken stands in the audit trail."""
    return sealed_bag(request, actor, voucher_no, version)


@router.post(
    "/vouchers/{voucher_no}/documents",
    response_model=DocumentOut,
    summary="Put a document to a voucher",
)
def put(
    request: Request, actor: Writer, voucher_no: VoucherNo, body: AttachIn, key: Key = None
) -> Response:
    """Let the document belong to this voucher from now on. 409 once it is sealed or rejected, or
    while it is being worked on."""

    def work() -> tuple[int, DocumentOut]:
        done = attach(services_of(request), actor, voucher_no, body.document)
        return 200, DocumentOut.of(done, language_of(request))

    answer = once(request, actor, key, body.document, work)
    viewed(request, actor, body.document)
    return answer

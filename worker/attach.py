"""Putting a document to an accounting voucher, as the accounting system asks."""

from __future__ import annotations

from sqlalchemy import select

from archive import audit, leases, vouchers
from archive.actors import Actor, Role
from archive.records import Document, State, Voucher, now
from archive.visibility import in_charge, visible
from extractors.errors import YanpiaoError
from worker.errors import UnknownDocument
from worker.services import Services
from worker.withdrawing import BeingWorkedOn

_SETTLED = (State.ARCHIVED, State.REJECTED)


class TooLateToAttach(YanpiaoError):
    """The document is sealed with a voucher, or was rejected."""

    code = "too_late_to_attach"


def _is_held(row: Document | Voucher) -> bool:
    return leases.is_held(row, now())


def attach(services: Services, actor: Actor, voucher_no: str, document_id: str) -> Document:
    """Let the document belong to the voucher, which is made if it is new.

    The actor is an archivist or reviewer of the document's campus. Raises `UnknownDocument`,
    `TooLateToAttach`, `BeingWorkedOn`, `BadVoucherNumber`.
    """
    with services.database.write() as session:
        query = select(Document).where(
            Document.id == document_id,
            visible(actor),
            in_charge(actor, Role.ARCHIVIST, Role.REVIEWER),
        )
        document = session.scalars(query.with_for_update(of=Document)).first()
        if document is None:
            raise UnknownDocument(id=document_id)
        if document.voucher_no == voucher_no:
            return document
        if document.state in _SETTLED:
            raise TooLateToAttach(id=document_id)
        before = session.get_one(Voucher, document.voucher_no)
        if _is_held(document) or _is_held(before):
            raise BeingWorkedOn(id=document_id)
        vouchers.ensure(session, voucher_no, actor.id)
        document.voucher_no = voucher_no
        audit.record(
            session,
            "document_attached",
            actor=actor.id,
            document_id=document.id,
            voucher_no=voucher_no,
            detail={"before": before.voucher_no},
        )
        return document

"""Carrying out a disposal list (销毁清册) that two people agreed on, so that a process that is
killed anywhere in it is taken up where it stopped.

    begun       every voucher is looked at once more; from here on none of them can be held back,
                attached to or opened again
    recorded    the list is sealed as a bag of its own beside the others, `_disposed/LIST`, with the
                digest of every bag and original: it stays for ever, and a restore from bags asks it
    one by one  in one transaction the voucher's rows go, and what is to be deleted of files and
                bags is written down; after it these are deleted, and struck off
    ended       nothing of the list is left

Files that another voucher's rows still name stay.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from archive import audit, retention
from archive.actors import Actor
from archive.bag_store import BagStore
from archive.bags import SealedBag
from archive.disposal_tables import DisposalRecord, DisposalTodo
from archive.erasing import erase_voucher, files_of, is_wanted
from archive.locking import one_writer
from archive.people import Person
from archive.records import BagRow, Document, InvoiceRow, State, Voucher, now
from archive.retention import DisposalItem, DisposalList, NotDue, UnknownList
from archive.store import Store

_SETTLED = (State.ARCHIVED, State.REJECTED, State.FAILED)
_BAG, _FILE = "bag:", "file:"
_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Disposed:
    """How a list stands after a run: `vouchers` on it, files and bags deleted in this run."""

    list_id: str
    vouchers: int
    deleted: int
    record: str


def begin(session: Session, list_id: str, actor: Actor, today: dt.date) -> DisposalList:
    """Begin to carry out an approved list, or go on with one that was begun. Raises `UnknownList`,
    `NotDue` (held, sealed again, or something of it is still on its way), `MayNotDispose`."""
    retention.insist_on_archivist(actor)
    one_writer(session)
    listed = session.get(DisposalList, list_id, with_for_update=True)
    if listed is None or listed.approved_at is None or listed.ended_at is not None:
        raise UnknownList(list=list_id)
    if listed.begun_at is not None:
        return listed
    retention.insist_on_due(session, listed, today)
    for item in listed.items:
        if _is_under_way(session, item.voucher_no):
            raise NotDue(voucher=item.voucher_no)
    listed.begun_at, listed.begun_by = now(), actor.id
    detail = {"list": list_id, "vouchers": len(listed.items)}
    audit.record(session, "disposal_begun", actor=actor.id, detail=detail)
    return listed


def _is_under_way(session: Session, voucher_no: str) -> bool:
    """Whether a document of it still waits for anything, or a worker holds the voucher."""
    waits = select(Document.id).where(
        Document.voucher_no == voucher_no, Document.state.not_in(_SETTLED)
    )
    held = select(Voucher.voucher_no).where(
        Voucher.voucher_no == voucher_no, Voucher.lease_until >= now()
    )
    return any(session.scalar(query.limit(1)) is not None for query in (waits, held))


# -- the record ----------------------------------------------------------------------------


def record_of(session: Session, list_id: str) -> dict[str, Any]:
    """What the list's own bag says: who and when, and each voucher with its bags and originals."""
    listed = session.get_one(DisposalList, list_id)
    return {
        "list": listed.id,
        "proposed": _deed(session, listed.proposed_by, listed.proposed_at),
        "approved": _deed(session, listed.approved_by, listed.approved_at),
        "begun": _deed(session, listed.begun_by, listed.begun_at),
        "vouchers": [_item(session, item) for item in listed.items],
    }


def _deed(session: Session, actor: str | None, at: dt.datetime | None) -> dict[str, str]:
    person = session.get(Person, actor) if actor else None
    return {
        "by": actor or "",
        "name": person.name if person is not None else "",
        "at": at.isoformat() if at is not None else "",
    }


def _item(session: Session, item: DisposalItem) -> dict[str, Any]:
    bags = select(BagRow).where(BagRow.voucher_no == item.voucher_no).order_by(BagRow.version)
    documents = (
        select(Document.id, Document.sha256, InvoiceRow.invoice_number)
        .outerjoin(InvoiceRow, InvoiceRow.document_id == Document.id)
        .where(Document.voucher_no == item.voucher_no)
        .order_by(Document.id)
    )
    return {
        "voucher_no": item.voucher_no,
        "fiscal_year": item.fiscal_year,
        "years": item.years,
        "expired_on": item.expired_on.isoformat(),
        "invoices": item.invoices,
        "bags": [
            {"version": row.version, "digest": row.digest, "sealed_at": row.sealed_at.isoformat()}
            for row in session.scalars(bags)
        ],
        "documents": [
            {"id": row.id, "sha256": row.sha256, "invoice_number": row.invoice_number or ""}
            for row in session.execute(documents)
        ],
    }


def keep_record(session: Session, list_id: str, sealed: SealedBag) -> DisposalRecord:
    """Enter the sealed list into the database and the trail."""
    one_writer(session)
    known = session.get(DisposalRecord, list_id)
    if known is not None:
        return known  # another run, which wrote the same bytes
    row = DisposalRecord(list_id=list_id, path=sealed.path, digest=sealed.digest, sealed_at=now())
    session.add(row)
    detail = {"list": list_id, "path": sealed.path, "digest": sealed.digest}
    audit.record(session, "disposal_recorded", detail=detail)
    return row


# -- voucher by voucher --------------------------------------------------------------------


def take_out(session: Session, list_id: str, voucher_no: str, actor: Actor) -> bool:
    """Delete the voucher's rows and write down which bags and files are to go; False where that
    was done before."""
    one_writer(session)
    bags = list(
        session.scalars(
            select(BagRow).where(BagRow.voucher_no == voucher_no).order_by(BagRow.version)
        )
    )
    query = select(Document.id).where(Document.voucher_no == voucher_no).order_by(Document.id)
    documents = list(session.scalars(query))
    if not bags and not documents:
        return False
    places = {f"{_BAG}{row.path}" for row in bags}
    places |= {f"{_FILE}{sha256}" for sha256 in files_of(session, documents)}
    known = select(DisposalTodo.place).where(DisposalTodo.list_id == list_id)
    places -= set(session.scalars(known))  # two vouchers of a list may share a file
    session.add_all(DisposalTodo(list_id=list_id, place=place) for place in sorted(places))
    for document_id in documents:
        audit.record(
            session, "document_disposed", actor=actor.id, document_id=document_id,
            voucher_no=voucher_no, detail={"list": list_id},
        )  # fmt: skip
    detail = {"list": list_id, "bags": len(bags), "documents": len(documents)}
    detail |= {"digest": bags[-1].digest} if bags else {}
    erase_voucher(session, voucher_no, documents)
    audit.record(session, "voucher_disposed", actor=actor.id, voucher_no=voucher_no, detail=detail)
    return True


def todo(session: Session, list_id: str) -> list[str]:
    """The next places that are to be deleted."""
    query = select(DisposalTodo.place).where(DisposalTodo.list_id == list_id)
    return list(session.scalars(query.order_by(DisposalTodo.place).limit(_AT_ONCE)))


def clear(session: Session, list_id: str, place: str, store: Store, bags: BagStore) -> None:
    """Delete a bag, or a file that no row names any more, and strike it off. Whoever hands the same
    bytes in waits for this transaction, and keeps them again after it."""
    one_writer(session)
    row = session.get(DisposalTodo, (list_id, place))
    if row is None:
        return  # another run was faster
    if place.startswith(_BAG):
        bags.remove(place.removeprefix(_BAG))
    elif not is_wanted(session, sha256 := place.removeprefix(_FILE)):
        store.remove(sha256)
    session.delete(row)


def end(session: Session, list_id: str, actor: Actor) -> None:
    """Nothing of the list is left."""
    listed = session.get_one(DisposalList, list_id)
    listed.ended_at = now()
    detail = {"list": list_id, "vouchers": len(listed.items)}
    audit.record(session, "disposal_done", actor=actor.id, detail=detail)


# -- what is gone --------------------------------------------------------------------------


def lists(session: Session) -> list[DisposalList]:
    """All lists, newest first."""
    return list(session.scalars(select(DisposalList).order_by(DisposalList.id.desc())))


def count_of(session: Session, list_id: str) -> int:
    query = select(func.count()).where(DisposalItem.list_id == list_id)
    return session.scalar(query) or 0

"""What the audit trail knows of documents and vouchers, sealed or not, against their rows: where a
document stands, which bytes came in, which voucher it is of, and what the accounting system said.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session, aliased

from archive.accounting import VoucherFacts
from archive.records import AuditRow, Document, State, Voucher
from archive.voucher_json import facts_digest

_AT_ONCE = 500
_STATES = {f"document_{state}": state for state in State} | {"document_split": State.RECEIVED}
#: Deeds after which a document is of the voucher that they name.
_PLACING = (*_STATES, "document_attached")
_FACTS = ("voucher_facts_taken", "voucher_facts_changed", "bag_restored", "voucher_disposed")


def detail_of(deed: AuditRow) -> dict[str, Any]:
    """A deed's details; empty where they cannot be read, which its chain names."""
    try:
        detail = json.loads(deed.detail)
    except ValueError:
        return {}
    return detail if isinstance(detail, dict) else {}


@dataclass(slots=True)
class _Told:
    """What the trail told of one document last."""

    state: str | None = None
    voucher_no: str | None = None
    sha256: str | None = None
    size: int | None = None


def documents(session: Session) -> Iterator[str]:
    """Documents that are not as the trail has them, or that it does not know."""
    last = ""
    while rows := _next(session, last):
        told = _told(session, [row.id for row in rows])
        restored = _restored(session, {row.voucher_no for row in rows if row.id not in told})
        for row in rows:
            for fault in _document(row, told.get(row.id), row.voucher_no in restored):
                yield f"document {row.id}: {fault}"
        last = rows[-1].id
    come, gone = aliased(AuditRow), aliased(AuditRow)
    there = exists().where(Document.id == come.document_id)
    disposed = exists().where(
        gone.document_id == come.document_id, gone.action == "document_disposed"
    )
    query = select(come.document_id).where(
        come.action.in_(("document_received", "document_split")), ~there, ~disposed
    )
    for document_id in session.scalars(query.distinct()):
        yield f"document {document_id}: missing, though the audit trail knows it"


def _next(session: Session, last: str) -> list[Any]:
    query = (
        select(Document.id, Document.state, Document.voucher_no, Document.sha256, Document.size)
        .where(Document.id > last)
        .order_by(Document.id)
        .limit(_AT_ONCE)
    )
    return list(session.execute(query))


def _told(session: Session, ids: list[str]) -> dict[str, _Told]:
    placing: ColumnElement[bool] = or_(
        AuditRow.action.in_(_PLACING), AuditRow.action.startswith("review_", autoescape=True)
    )
    query = select(AuditRow).where(AuditRow.document_id.in_(ids), placing).order_by(AuditRow.seq)
    found: dict[str, _Told] = {}
    for deed in session.scalars(query):
        told = found.setdefault(str(deed.document_id), _Told())
        detail = detail_of(deed)
        told.voucher_no = deed.voucher_no
        told.state = _STATES.get(deed.action) or detail.get("state", told.state)
        if deed.action == "document_received":
            told.sha256, told.size = detail.get("sha256"), detail.get("size")
    return found


def _restored(session: Session, voucher_nos: Iterable[str]) -> set[str | None]:
    """Vouchers that came back from their bags: their documents have no deeds of their own."""
    query = select(AuditRow.voucher_no).where(
        AuditRow.voucher_no.in_(list(voucher_nos)), AuditRow.action == "bag_restored"
    )
    return set(session.scalars(query))


def _document(row: Any, told: _Told | None, restored: bool) -> Iterator[str]:
    if told is None:
        if not restored:
            yield "the audit trail does not know it"
        return
    if told.state is not None and row.state != told.state:
        yield f"state is {row.state}, by the audit trail it is {told.state}"
    if told.voucher_no != row.voucher_no:
        yield f"voucher_no is not {told.voucher_no}, where the audit trail has it"
    if told.sha256 is not None and (row.sha256, row.size) != (told.sha256, told.size):
        yield "its bytes are not those that the audit trail says came in"


def vouchers(session: Session) -> Iterator[str]:
    """Voucher numbers that the trail saw opened (or come back), and their rows."""
    opened = AuditRow.action.in_(("voucher_opened", "bag_restored"))
    known = exists().where(AuditRow.voucher_no == Voucher.voucher_no, opened)
    for number in session.scalars(select(Voucher.voucher_no).where(~known)):
        yield f"voucher {number}: the audit trail does not know it"
    there = exists().where(Voucher.voucher_no == AuditRow.voucher_no)
    query = select(AuditRow.voucher_no).where(opened, ~there).distinct()
    for missing in session.scalars(query):
        yield f"voucher {missing}: missing, though the audit trail knows it"


def facts(session: Session) -> Iterator[str]:
    """What the accounting system said of each voucher, against the trail's digest of it."""
    last = ""
    while rows := _next_facts(session, last):
        known = _facts_known(session, [row.voucher_no for row in rows])
        for row in rows:
            if row.voucher_no not in known:
                yield f"voucher {row.voucher_no}: the audit trail does not know its facts"
            elif (digest := known[row.voucher_no]) and digest != facts_digest(row):
                yield f"voucher {row.voucher_no}: its facts are not as the audit trail has them"
        last = rows[-1].voucher_no
    yield from _facts_missing(session)


def _next_facts(session: Session, last: str) -> list[VoucherFacts]:
    query = select(VoucherFacts).where(VoucherFacts.voucher_no > last)
    return list(session.scalars(query.order_by(VoucherFacts.voucher_no).limit(_AT_ONCE)))


def _facts_known(session: Session, numbers: list[str]) -> dict[str | None, str | None]:
    """The newest digest by voucher; None where an older deed kept none."""
    query = (
        select(AuditRow)
        .where(AuditRow.voucher_no.in_(numbers), AuditRow.action.in_(_FACTS))
        .order_by(AuditRow.seq)
    )
    return {deed.voucher_no: detail_of(deed).get("facts") for deed in session.scalars(query)}


def _facts_missing(session: Session) -> Iterator[str]:
    """Vouchers of which the accounting system said something that is gone."""
    there = exists().where(VoucherFacts.voucher_no == AuditRow.voucher_no)
    query = select(AuditRow.voucher_no).where(
        AuditRow.action.in_(("voucher_facts_taken", "voucher_facts_changed")), ~there
    )
    missing = set(session.scalars(query.distinct()))
    gone = select(AuditRow.voucher_no).where(AuditRow.action == "voucher_disposed")
    for number in sorted(str(each) for each in missing - set(session.scalars(gone))):
        yield f"voucher {number}: its facts are missing, though the audit trail knows them"

"""Whether the database still says what was sealed: rows against the newest bag of their voucher,
bags and what is not sealed against the audit trail, files against their digests, copied columns
and the search index against their source. `archive/proof.toml` names what guards each column.

Each fault names the row or file it was found at and nothing else. A bag that is itself damaged
judges no rows: `archive.fixity` names it.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Select, select
from sqlalchemy.orm import Session, selectinload

from archive import fixity, index_agreement, row_agreement, trail_agreement
from archive.accounting import VoucherFacts
from archive.bag_layout import json_bytes
from archive.bag_reading import BagContent, BagInvoice, NotABag, read_bag
from archive.bag_store import BagStore
from archive.disposal_tables import DisposalRecord
from archive.readable import unreadable
from archive.reading_rows import columns_of
from archive.records import (
    AuditRow,
    BagRow,
    Document,
    EvidenceRow,
    InvoiceRow,
    State,
    VerificationRow,
)
from archive.retention import DisposalList
from archive.store import Store, StoredFileDamaged, StoredFileMissing
from archive.trail_agreement import detail_of
from archive.voucher_json import facts_json
from archive.vouchers import metadata_of
from extractors.model import Invoice

#: Deeds that enter a bag; a restored archive begins a new trail.
_SEALINGS = ("bag_sealed", "bag_restored")
_DISPOSED = "voucher_disposed"
_AT_ONCE = 500
_COMPARED = (AuditRow, Document, InvoiceRow, VerificationRow, EvidenceRow, BagRow, VoucherFacts)
#: What of a bag's metadata is compared apart, or not with rows.
_APART = frozenset({"verifications", "decisions"})


def disagreements(session: Session, bags: BagStore, store: Store) -> list[str]:
    """Every disagreement between database, bags, audit trail and files, in words."""
    faults = unreadable(session, _COMPARED)
    if faults:
        return faults  # nothing can be compared with what cannot be read
    rows = list(session.scalars(select(BagRow).order_by(BagRow.voucher_no, BagRow.version)))
    newest = {row.voucher_no: row for row in rows}
    faults += _sealed(session, rows)
    judged: set[str] = set()
    #: Vouchers whose newest bag is damaged: nobody knows what is sealed there.
    dark: set[str] = set()
    for row in rows:
        with bags.local(row.path) as folder:
            faults += _one_bag(session, folder, row, newest[row.voucher_no] is row, judged, dark)
    faults += _unsealed(session, judged, dark)
    faults += trail_agreement.documents(session)
    faults += trail_agreement.vouchers(session)
    faults += trail_agreement.facts(session)
    faults += row_agreement.differing(session)
    faults += _disposals(session, bags)
    faults += index_agreement.differing(session)
    faults += _files(session, store)
    return faults


def _one_bag(
    session: Session,
    folder: Path,
    row: BagRow,
    newest: bool,
    judged: set[str],
    dark: set[str],
) -> list[str]:
    """A bag by itself and, where it is its voucher's newest, its rows."""
    found = fixity.inspect(folder, row.digest).faults
    faults = [f"bag {row.path}: {fault}" for fault in found]
    if found:
        if newest:
            dark.add(row.voucher_no)
        return faults
    try:
        content = read_bag(folder)
    except NotABag as error:
        if newest:
            dark.add(row.voucher_no)
        return [f"bag {row.path}: {error}"]
    faults += _bag_row(content, row)
    if newest:
        judged |= {invoice.document_id for invoice in content.invoices}
        faults += _rows(session, content, row)
    return faults


def _sealed(session: Session, rows: list[BagRow]) -> Iterator[str]:
    """Rows of bags against the deeds of sealing in the trail."""
    said = _sealings(session)
    before: dict[str, str] = {}
    for row in rows:
        called = f"bag row {row.voucher_no} v{row.version}"
        detail = said.pop((row.voucher_no, row.version), None)
        if detail is None:
            yield f"{called}: the audit trail knows no such sealing"
            continue
        if fault := _not_as_told(row, detail):
            yield f"{called}: {fault}"
        if row.previous_digest != before.get(row.voucher_no):
            yield f"{called}: does not follow the one before"
        before[row.voucher_no] = row.digest
    for voucher, version in said:
        yield f"bag row {voucher} v{version}: missing, though the audit trail knows its sealing"


def _sealings(session: Session) -> dict[tuple[str | None, Any], dict[str, Any]]:
    """What the trail says of each bag that was sealed and not disposed of since."""
    query = select(AuditRow).where(AuditRow.action.in_((*_SEALINGS, _DISPOSED)))
    said: dict[tuple[str | None, Any], dict[str, Any]] = {}
    for deed in session.scalars(query.order_by(AuditRow.seq)):
        detail = {**detail_of(deed), "at": deed.at}
        if deed.action != _DISPOSED:
            said[deed.voucher_no, detail.get("version")] = detail
            continue
        for version in range(1, int(detail.get("bags", 0)) + 1):
            said.pop((deed.voucher_no, version), None)
    return said


def _not_as_told(row: BagRow, detail: dict[str, Any]) -> str | None:
    if (detail.get("digest"), detail.get("invoices")) != (row.digest, row.invoices):
        return "not as the audit trail has it"
    if (told := detail.get("sealed_at")) is not None:
        same = told == row.sealed_at.isoformat()
    else:  # a deed of before the trail told the moment itself
        same = row.sealed_at <= detail["at"]
    if not same:
        return "not when the audit trail has it"
    return None


def _bag_row(content: BagContent, row: BagRow) -> Iterator[str]:
    """What a sound bag says of itself, against its row."""
    same = (content.voucher_no, content.version) == (row.voucher_no, row.version)
    if not same or dt.datetime.fromisoformat(content.sealed_at) > row.sealed_at:
        yield f"bag row {row.voucher_no} v{row.version}: not what its bag says"


def _rows(session: Session, content: BagContent, bag: BagRow) -> list[str]:
    faults = [*_facts(session, content, bag)]
    ids = [invoice.document_id for invoice in content.invoices]
    query = select(Document).options(selectinload(Document.verifications))
    documents = {each.id: each for each in session.scalars(query.where(Document.id.in_(ids)))}
    for invoice in content.invoices:
        document = documents.get(invoice.document_id)
        if document is None:
            faults.append(f"document {invoice.document_id}: missing, though it is sealed")
            continue
        faults += [f"document {document.id}: {fault}" for fault in _one(document, invoice, bag)]
    return faults


def _facts(session: Session, content: BagContent, bag: BagRow) -> Iterator[str]:
    """What the accounting system said, unless it has said something since."""
    facts = session.get(VoucherFacts, content.voucher_no)
    if facts is None:
        if content.facts is not None:
            yield f"voucher {content.voucher_no}: its facts are missing, though they are sealed"
        return
    if content.facts is None or facts.stated_at > bag.sealed_at:
        return
    ours = json.loads(json_bytes(facts_json(facts)))
    for fault in _differing("facts", ours, dict(content.facts)):
        yield f"voucher {content.voucher_no}: {fault}"


def _one(document: Document, sealed: BagInvoice, bag: BagRow) -> Iterator[str]:
    if document.voucher_no != bag.voucher_no:
        yield f"voucher_no is not {bag.voucher_no}, where it is sealed"
    if document.state != State.ARCHIVED:
        yield f"state is {document.state}, though it is sealed"
    if not document.kept:
        yield "it counts as not kept, though it is sealed"
    if document.invoice is None:
        yield "its invoice is missing, though it is sealed"
        return
    try:
        ours = json.loads(json_bytes(metadata_of(document, ())))
        copied = columns_of(Invoice.model_validate(document.invoice.data))
    except (ValidationError, ValueError, TypeError):
        yield "its invoice cannot be read"
        return
    for name in sealed.metadata.keys() & ours.keys() - _APART:
        yield from _differing(name, ours[name], sealed.metadata[name])
    yield from _verifications(ours["verifications"], sealed.metadata.get("verifications", []))
    for column, value in copied.items():
        if getattr(document.invoice, column) != value:
            yield f"{column} is not what its invoice says"


def _differing(name: str, ours: Any, theirs: Any) -> Iterator[str]:
    """Name the value that differs, one level down where there is one."""
    if ours == theirs:
        return
    if not (isinstance(ours, dict) and isinstance(theirs, dict)):
        yield f"{name} differs from its bag"
        return
    # What a later version of the reading adds, a bag cannot know.
    for key in theirs:
        if ours.get(key) != theirs[key]:
            yield f"{name}.{key} differs from its bag"


def _verifications(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> Iterator[str]:
    """Those that were sealed are there unchanged; later ones may have come."""
    kept = {each.get("id") or each.get("at"): each for each in ours}
    by_time = {each["at"]: each for each in ours}
    for number, sealed in enumerate(theirs, start=1):
        own = kept.get(sealed.get("id")) or by_time.get(sealed["at"])
        if own is None:
            yield f"verification {number} is missing, though it is sealed"
        elif any(own.get(name) != value for name, value in sealed.items()):
            yield f"verification {number} differs from its bag"


def _disposals(session: Session, bags: BagStore) -> Iterator[str]:
    """The sealed records of disposal lists, each against its row."""
    recorded = {row.list_id: row for row in session.scalars(select(DisposalRecord))}
    for row in recorded.values():
        with bags.local(row.path) as folder:
            for fault in fixity.inspect(folder, row.digest).faults:
                yield f"bag {row.path}: {fault}"
    ended = select(DisposalList.id).where(DisposalList.ended_at.is_not(None))
    for list_id in set(session.scalars(ended)) - recorded.keys():
        yield f"disposal_lists row {list_id}: carried out without a sealed record"


def _unsealed(session: Session, judged: set[str], dark: set[str]) -> Iterator[str]:
    """Documents that say they are archived, and lie in no bag that can be read."""
    query = select(Document.id, Document.voucher_no).where(Document.state == State.ARCHIVED)
    for document_id, voucher_no in session.execute(query.order_by(Document.id)):
        if document_id not in judged and voucher_no not in dark:
            yield f"document {document_id}: archived, but in no newest bag of {voucher_no}"


def _files(session: Session, store: Store) -> Iterator[str]:
    """Originals and proofs, each read once; in the order of their owners, some at a time."""
    for query in _wanted():
        last = ""
        while some := session.execute(query(last)).all():
            for owner, sha256 in dict.fromkeys((row.owner, row.sha256) for row in some):
                yield from _file(store, owner, sha256)
            last = some[-1].place


def _wanted() -> tuple[Callable[[str], Select[str, str, str]], ...]:
    """Queries for files behind a place: originals, then proofs."""

    def originals(last: str) -> Select[str, str, str]:
        query = select(Document.sha256, Document.id.label("owner"), Document.id.label("place"))
        wanted = query.where(Document.kept.is_(True), Document.id > last)
        return wanted.order_by(Document.id).limit(_AT_ONCE)

    def proofs(last: str) -> Select[str, str, str]:
        owner, place = VerificationRow.document_id.label("owner"), EvidenceRow.id.label("place")
        query = select(EvidenceRow.sha256, owner, place)
        joined = query.join(VerificationRow, VerificationRow.id == EvidenceRow.verification_id)
        return joined.where(EvidenceRow.id > last).order_by(EvidenceRow.id).limit(_AT_ONCE)

    return originals, proofs


def _file(store: Store, owner: str, sha256: str) -> Iterator[str]:
    called = f"file {sha256[:80]} of document {owner}"
    try:
        store.get(sha256)
    except StoredFileDamaged:
        yield f"{called}: its bytes have changed"
    except StoredFileMissing:
        yield f"{called}: missing"
    except ValueError:
        yield f"{called}: not a digest"

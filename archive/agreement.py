"""Whether the database still says what was sealed: rows against the newest bag of their voucher,
bags against the audit trail, files against their digests, copied columns against their source.

Each fault names the row or file it was found at and nothing else. A bag that is itself damaged
judges no rows: `archive.fixity` names it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from archive import fixity
from archive.bag_layout import json_bytes
from archive.bag_reading import BagInvoice, NotABag, read_bag
from archive.bag_store import BagStore
from archive.reading_rows import columns_of
from archive.records import AuditRow, BagRow, Document, EvidenceRow, State
from archive.store import Store, StoredFileDamaged, StoredFileMissing
from archive.vouchers import metadata_of
from extractors.model import Invoice

#: Deeds that enter a bag; a restored archive begins a new trail.
_SEALINGS = ("bag_sealed", "bag_restored")
#: What of a bag's metadata is compared apart, or not with rows.
_APART = frozenset({"verifications", "decisions"})


def disagreements(session: Session, bags: BagStore, store: Store) -> list[str]:
    """Every disagreement between database, bags, audit trail and files, in words."""
    faults: list[str] = []
    rows = list(session.scalars(select(BagRow).order_by(BagRow.voucher_no, BagRow.version)))
    newest = {row.voucher_no: row for row in rows}
    faults += _sealed(session, rows)
    judged: set[str] = set()
    for row in rows:
        with bags.local(row.path) as folder:
            found = fixity.inspect(folder, row.digest).faults
            faults += [f"bag {row.path}: {fault}" for fault in found]
            if newest[row.voucher_no] is row:
                faults += _rows(session, folder, row, judged, sound=not found)
    faults += _unsealed(session, judged)
    faults += _files(session, store)
    return faults


def _sealed(session: Session, rows: list[BagRow]) -> Iterator[str]:
    """Rows of bags against the deeds of sealing in the trail."""
    query = select(AuditRow).where(AuditRow.action.in_(_SEALINGS)).order_by(AuditRow.seq)
    said: dict[tuple[str | None, Any], dict[str, Any]] = {}
    for deed in session.scalars(query):
        detail = _detail(deed)
        said[deed.voucher_no, detail.get("version")] = detail
    for row in rows:
        key = (row.voucher_no, row.version)
        if key not in said:
            yield f"bag row {row.voucher_no} v{row.version}: the audit trail knows no such sealing"
            continue
        detail = said.pop(key)
        if (detail.get("digest"), detail.get("invoices")) != (row.digest, row.invoices):
            yield f"bag row {row.voucher_no} v{row.version}: not as the audit trail has it"
    for voucher, version in said:
        yield f"bag row {voucher} v{version}: missing, though the audit trail knows its sealing"


def _detail(deed: AuditRow) -> dict[str, Any]:
    try:
        detail = json.loads(deed.detail)
    except ValueError:
        return {}
    return detail if isinstance(detail, dict) else {}


def _rows(
    session: Session, folder: Path, bag: BagRow, judged: set[str], *, sound: bool
) -> list[str]:
    try:
        content = read_bag(folder)
    except NotABag as error:
        return [] if not sound else [f"bag {bag.path}: {error}"]
    judged |= {invoice.document_id for invoice in content.invoices}
    if not sound:
        return []
    ids = [invoice.document_id for invoice in content.invoices]
    query = select(Document).options(selectinload(Document.verifications))
    documents = {each.id: each for each in session.scalars(query.where(Document.id.in_(ids)))}
    faults = []
    for invoice in content.invoices:
        document = documents.get(invoice.document_id)
        if document is None:
            faults.append(f"document {invoice.document_id}: missing, though it is sealed")
            continue
        faults += [f"document {document.id}: {fault}" for fault in _one(document, invoice, bag)]
    return faults


def _one(document: Document, sealed: BagInvoice, bag: BagRow) -> Iterator[str]:
    if document.voucher_no != bag.voucher_no:
        yield f"voucher_no is not {bag.voucher_no}, where it is sealed"
    if document.state != State.ARCHIVED:
        yield f"state is {document.state}, though it is sealed"
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


def _unsealed(session: Session, judged: set[str]) -> Iterator[str]:
    """Documents that say they are archived, and lie in no bag that can be read."""
    query = select(Document.id).where(Document.state == State.ARCHIVED).order_by(Document.id)
    for document_id in session.scalars(query):
        if document_id not in judged:
            yield f"document {document_id}: archived, but in no newest bag"


def _files(session: Session, store: Store) -> Iterator[str]:
    wanted = set(session.scalars(select(Document.sha256).where(Document.kept.is_(True))))
    wanted |= set(session.scalars(select(EvidenceRow.sha256)))
    for sha256 in sorted(wanted):
        try:
            store.get(sha256)
        except StoredFileDamaged:
            yield f"file {sha256}: its bytes have changed"
        except StoredFileMissing:
            yield f"file {sha256}: missing"
        except ValueError:
            yield f"file {sha256[:80]}: not a digest"

"""Whether the database still says what was sealed: rows against the newest bag of their voucher,
bags against the audit trail, files against their digests, copied columns against their source.

Each fault names the row or file it was found at and nothing else. A bag that is itself damaged
judges no rows: `archive.fixity` names it.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from archive import fixity
from archive.accounting import VoucherFacts
from archive.bag_layout import json_bytes
from archive.bag_reading import BagContent, BagInvoice, NotABag, read_bag
from archive.bag_store import BagStore
from archive.readable import unreadable
from archive.reading_rows import columns_of
from archive.records import (
    AuditRow,
    BagRow,
    Document,
    EvidenceRow,
    InvoiceClaim,
    InvoiceRow,
    State,
    VerificationRow,
)
from archive.search import index
from archive.search.tables import SearchCode, SearchInvoice, SearchLine, SearchName
from archive.store import Store, StoredFileDamaged, StoredFileMissing
from archive.voucher_json import facts_json
from archive.vouchers import metadata_of
from extractors.model import Invoice

#: Deeds that enter a bag; a restored archive begins a new trail.
_SEALINGS = ("bag_sealed", "bag_restored")
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
    #: Vouchers whose newest bag cannot be read: nobody knows what is sealed there.
    dark: set[str] = set()
    for row in rows:
        with bags.local(row.path) as folder:
            faults += _one_bag(session, folder, row, newest[row.voucher_no] is row, judged, dark)
    faults += _unsealed(session, judged, dark)
    faults += _copied(session)
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
    if not found:
        faults += _bag_row(folder, row)
    if not newest:
        return faults
    try:
        content = read_bag(folder)
    except NotABag as error:
        dark.add(row.voucher_no)
        return [*faults, *([] if found else [f"bag {row.path}: {error}"])]
    judged |= {invoice.document_id for invoice in content.invoices}
    return [*faults, *([] if found else _rows(session, content, row))]


def _sealed(session: Session, rows: list[BagRow]) -> Iterator[str]:
    """Rows of bags against the deeds of sealing in the trail."""
    query = select(AuditRow).where(AuditRow.action.in_(_SEALINGS)).order_by(AuditRow.seq)
    said: dict[tuple[str | None, Any], dict[str, Any]] = {}
    for deed in session.scalars(query):
        detail = {**_detail(deed), "at": deed.at}
        said[deed.voucher_no, detail.get("version")] = detail
    before: dict[str, str] = {}
    for row in rows:
        key = (row.voucher_no, row.version)
        if key not in said:
            yield f"bag row {row.voucher_no} v{row.version}: the audit trail knows no such sealing"
            continue
        detail = said.pop(key)
        if (detail.get("digest"), detail.get("invoices")) != (row.digest, row.invoices):
            yield f"bag row {row.voucher_no} v{row.version}: not as the audit trail has it"
        elif row.sealed_at > detail["at"]:
            yield f"bag row {row.voucher_no} v{row.version}: later than the audit trail has it"
        if row.previous_digest != before.get(row.voucher_no):
            yield f"bag row {row.voucher_no} v{row.version}: does not follow the one before"
        before[row.voucher_no] = row.digest
    for voucher, version in said:
        yield f"bag row {voucher} v{version}: missing, though the audit trail knows its sealing"


def _bag_row(folder: Path, row: BagRow) -> Iterator[str]:
    """What a sound bag says of itself, against its row."""
    try:
        content = read_bag(folder)
    except NotABag:
        return
    same = (content.voucher_no, content.version) == (row.voucher_no, row.version)
    if not same or dt.datetime.fromisoformat(content.sealed_at) > row.sealed_at:
        yield f"bag row {row.voucher_no} v{row.version}: not what its bag says"


def _detail(deed: AuditRow) -> dict[str, Any]:
    try:
        detail = json.loads(deed.detail)
    except ValueError:
        return {}
    return detail if isinstance(detail, dict) else {}


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


def _unsealed(session: Session, judged: set[str], dark: set[str]) -> Iterator[str]:
    """Documents that say they are archived, and lie in no bag that can be read."""
    query = select(Document.id, Document.voucher_no).where(Document.state == State.ARCHIVED)
    for document_id, voucher_no in session.execute(query.order_by(Document.id)):
        if document_id not in judged and voucher_no not in dark:
            yield f"document {document_id}: archived, but in no newest bag of {voucher_no}"


def _copied(session: Session) -> Iterator[str]:
    """The search index and the claims of numbers, against the invoices they were made from."""
    known = dict(session.execute(select(SearchName.id, SearchName.folded)).all())
    codes = dict(session.execute(select(SearchCode.id, SearchCode.code)).all())
    claims = dict(session.execute(select(InvoiceClaim.document_id, InvoiceClaim.invoice_key)).all())
    entries = {row.document_id: row for row in session.scalars(select(SearchInvoice))}
    lines: dict[int, set[str | None]] = {}
    for line in session.scalars(select(SearchLine)):
        lines.setdefault(line.invoice_id, set()).add(known.get(line.name_id))
    invoices = select(InvoiceRow).join(InvoiceRow.document).order_by(InvoiceRow.document_id)
    for row in session.scalars(invoices).unique():
        entry = entries.pop(row.document_id, None)
        if entry is None:
            yield f"search index: document {row.document_id} is missing"
        elif _entered(entry, known, codes, lines.get(entry.id, set())) != _due(row):
            yield f"search index: document {row.document_id} is not what its invoice says"
        claimed, own = claims.get(row.document_id), _key(row)
        if row.document.state == State.ARCHIVED and own is not None and claimed != own:
            yield f"document {row.document_id}: its number is not claimed for it"
    for document_id in entries:
        yield f"search index: document {document_id} has no invoice"


def _key(row: InvoiceRow) -> str | None:
    try:
        return Invoice.model_validate(row.data).key
    except ValidationError:
        return None  # named already, as not what was sealed


def _entered(
    entry: SearchInvoice, names: dict[int, str], codes: dict[int, str], lines: set[str | None]
) -> tuple[object, ...]:
    ids = (entry.seller_id, entry.buyer_id, entry.kind_id, entry.campus_id)
    # An id that leads nowhere is not the same as none.
    words = tuple(None if one is None else names.get(one, one) for one in ids)
    code = None if entry.code_id is None else codes.get(entry.code_id, entry.code_id)
    return entry.day, entry.cents, code, words, lines


def _due(row: InvoiceRow) -> tuple[object, ...]:
    day = row.issue_date.toordinal() if row.issue_date else 0
    words = index.words_of(row, row.document.campus)
    ordered = tuple(words[f"{each}_id"] or None for each in ("seller", "buyer", "kind", "campus"))
    cents, lines = index.cents_of(row.total_with_tax), index.lines_of(row)
    return day, cents, row.invoice_code or None, ordered, lines


def _files(session: Session, store: Store) -> Iterator[str]:
    evidence = select(EvidenceRow.sha256, VerificationRow.document_id).join(
        VerificationRow, VerificationRow.id == EvidenceRow.verification_id
    )
    originals = select(Document.sha256, Document.id).where(Document.kept.is_(True))
    wanted = dict(session.execute(evidence).all()) | dict(session.execute(originals).all())
    for sha256, owner in sorted(wanted.items()):
        called = f"file {sha256[:80]} of document {owner}"
        try:
            store.get(sha256)
        except StoredFileDamaged:
            yield f"{called}: its bytes have changed"
        except StoredFileMissing:
            yield f"{called}: missing"
        except ValueError:
            yield f"{called}: not a digest"

"""Bringing the archive back from its bags alone: vouchers, documents, invoices, verifications,
decisions, files, the search index, and the names of those who decided. A bag holds all of that of
its voucher; what only the database knew (passwords and roles, what was still on its way, the audit
trail) does not come back: a new trail begins, and whoever is named is locked out.

Only sound bags are believed. A voucher's newest sound version tells its rows; every version is
kept. Each voucher is one transaction, so an interrupted restore is taken up where it stopped.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from archive import audit, disposal_bags, fixity, restored_lists
from archive.accounting import VoucherDecision, VoucherEntry, VoucherFacts
from archive.bag_reading import BagContent, BagInvoice, NotABag, read_bag
from archive.bag_store import BagStore
from archive.bags import SealedBag
from archive.database import Database
from archive.people import restore_person
from archive.reading_rows import invoice_row
from archive.records import (
    AuditRow,
    BagRow,
    Document,
    EvidenceRow,
    InvoiceClaim,
    State,
    VerificationRow,
    Voucher,
    new_id,
)
from archive.reviewing import ReviewDeed
from archive.store import Store, sync_folder, sync_tree
from archive.voucher_json import facts_digest
from extractors.errors import YanpiaoError
from extractors.model import Invoice

_BEGUN = "restore_begun"
_SUFFIXES = {"pdf": "application/pdf", "xml": "application/xml"}


class NotEmpty(YanpiaoError):
    """A restore never mixes with what is there already."""

    code = "restore_not_empty"


@dataclass(slots=True)
class Restored:
    """What came back; `faults` name bags that were not believed, and gaps between versions."""

    vouchers: int = 0
    lists: int = 0
    bags: int = 0
    documents: int = 0
    faults: list[str] = field(default_factory=list)
    #: Vouchers of which bags are there though a sealed list says that they were disposed of.
    disposed: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Bag:
    content: BagContent
    digest: str
    path: str


def restore(
    database: Database,
    store: Store,
    source: Path,
    bags: BagStore,
    again_at: Callable[[dt.datetime], dt.datetime | None] = lambda _: None,
) -> Restored:
    """Fill an empty database and file store from the bags in `source`, and copy these to `bags`
    where they are not there already. `again_at` plans from the moment of sealing when a document is
    verified again. Raises `NotEmpty`."""
    _begin(database)
    result = Restored()
    gone = _disposed(database, source, bags, result)
    for voucher_no, found in _vouchers(source, result):
        if voucher_no in gone:
            result.disposed.append(voucher_no)
            continue
        with database.read() as session:
            there = session.get(Voucher, voucher_no) is not None
        if not there:
            for bag in found:
                _copy(bag, bags)
            with database.write() as session:
                result.documents += _enter(session, store, found, again_at)
        result.vouchers += 1
        result.bags += len(found)
    return result


def _begin(database: Database) -> None:
    with database.write() as session:
        first = session.scalars(select(AuditRow).order_by(AuditRow.seq).limit(1)).first()
        if first is None and session.scalars(select(Voucher.voucher_no).limit(1)).first() is None:
            audit.record(session, _BEGUN)
        elif first is None or first.action != _BEGUN:
            raise NotEmpty


def _disposed(database: Database, source: Path, bags: BagStore, result: Restored) -> set[str]:
    """Bring the disposal lists back, whose vouchers stay gone; the numbers of these."""
    result.faults += disposal_bags.faults(source)
    gone: set[str] = set()
    for folder, said, digest in disposal_bags.read(source):
        path = f"{disposal_bags.FOLDER}/{folder.name}"
        _copy_folder(folder, path, digest, bags)
        with database.write() as session:
            restored_lists.enter(session, said, path, digest)
        gone |= {each["voucher_no"] for each in said["vouchers"]}
        result.lists += 1
    return gone


def _vouchers(source: Path, result: Restored) -> Iterator[tuple[str, list[_Bag]]]:
    """The sound bags of each voucher, oldest version first."""
    for folder in sorted(path for path in source.iterdir() if path.is_dir()):
        if folder.name == disposal_bags.FOLDER:
            continue
        found: list[_Bag] = []
        for version in sorted(path for path in folder.glob("v*") if path.is_dir()):
            path = f"{folder.name}/{version.name}"
            inspection = fixity.inspect(version)
            if not inspection.sound or inspection.digest is None:
                result.faults += [f"bag {path}: {fault}" for fault in inspection.faults]
                continue
            try:
                content = read_bag(version)
            except NotABag as error:
                result.faults.append(f"bag {path}: {error}")
                continue
            if f"{content.voucher_no}/v{content.version:04d}" != path:
                result.faults.append(f"bag {path}: it says it is another")
                continue
            found.append(_Bag(content, inspection.digest, path))
        result.faults += _gaps(found)
        if found:
            yield folder.name, found


def _gaps(found: list[_Bag]) -> Iterator[str]:
    previous: str | None = None
    for expected, bag in enumerate(found, start=1):
        if bag.content.version != expected or bag.content.previous_digest != previous:
            yield f"bag {bag.path}: it does not follow the one before it"
            return
        previous = bag.digest


def _copy(bag: _Bag, bags: BagStore) -> None:
    _copy_folder(bag.content.folder, bag.path, bag.digest, bags)


def _copy_folder(source: Path, path: str, digest: str, bags: BagStore) -> None:
    def write(root: Path) -> SealedBag:
        target = root / path
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = target.with_name(f".restoring-{target.name}")
            shutil.rmtree(temporary, ignore_errors=True)
            shutil.copytree(source, temporary)
            sync_tree(temporary)
            temporary.rename(target)
            sync_folder(target.parent)
        return SealedBag(path, digest)

    bags.seal(write)


def _enter(
    session: Session,
    store: Store,
    found: list[_Bag],
    again_at: Callable[[dt.datetime], dt.datetime | None],
) -> int:
    newest = found[-1].content
    first_sealed = {
        invoice.document_id: _moment(bag.content.sealed_at)
        for bag in reversed(found)
        for invoice in bag.content.invoices
    }
    session.add(
        Voucher(voucher_no=newest.voucher_no, created_at=_moment(found[0].content.sealed_at))
    )
    session.flush()
    facts = _facts(newest, newest.facts) if newest.facts is not None else None
    if facts is not None:
        session.add(facts)
        session.flush()
    for decision in newest.decisions:
        session.add(
            VoucherDecision(
                voucher_no=newest.voucher_no, **{**decision, "at": _moment(decision["at"])}
            )
        )
    for said in newest.people:
        if restore_person(session, said, _moment(newest.sealed_at)):
            audit.record(session, "person_restored", detail={"person": said["id"]})
    for invoice in newest.invoices:
        _document(session, store, newest, invoice, again_at(first_sealed[invoice.document_id]))
    for bag in found:
        _bag_row(session, bag, facts)
    return len(newest.invoices)


def _bag_row(session: Session, bag: _Bag, facts: VoucherFacts | None) -> None:
    content = bag.content
    session.add(
        BagRow(
            voucher_no=content.voucher_no,
            version=content.version,
            path=bag.path,
            digest=bag.digest,
            previous_digest=content.previous_digest,
            invoices=len(content.invoices),
            sealed_at=_moment(content.sealed_at),
        )
    )
    audit.record(
        session,
        "bag_restored",
        voucher_no=content.voucher_no,
        detail={
            "version": content.version,
            "digest": bag.digest,
            "invoices": len(content.invoices),
            "sealed_at": _moment(content.sealed_at).astimezone(dt.UTC).isoformat(),
            **({"facts": facts_digest(facts)} if facts is not None else {}),
        },
    )


def _facts(content: BagContent, said: Mapping[str, Any]) -> VoucherFacts:
    known = {key: value for key, value in said.items() if key in VoucherFacts.__table__.columns}
    for name in ("voucher_date", "posting_date"):
        known[name] = dt.date.fromisoformat(known[name]) if known.get(name) else None
    for name in ("invoice_amount", "debit_total", "credit_total"):
        known[name] = Decimal(known[name]) if known.get(name) is not None else None
    sealed = _moment(content.sealed_at)
    # Without a fingerprint, what the accounting system says next is taken, not passed over.
    known |= {"fingerprint": "", "updated_at": sealed, "stated_at": sealed, "blocked_at": None}
    entries = [
        VoucherEntry(
            **{**entry, "debit": Decimal(entry["debit"]), "credit": Decimal(entry["credit"])}
        )
        for entry in said.get("entries", ())
    ]
    return VoucherFacts(**{**known, "voucher_no": content.voucher_no}, entries=entries)


def _document(
    session: Session,
    store: Store,
    content: BagContent,
    invoice: BagInvoice,
    again_at: dt.datetime | None,
) -> None:
    said = invoice.metadata
    original = (content.folder / invoice.original).read_bytes()
    suffix = Path(invoice.original).suffix.lstrip(".")
    # Layout 1 did not name the type; the suffix was made of it.
    guessed = _SUFFIXES.get(suffix, f"image/{suffix}" if suffix in ("png", "jpeg") else suffix)
    session.add(
        Document(
            id=invoice.document_id,
            sha256=store.put(original),
            size=len(original),
            part=said.get("part", 1),
            parts=said.get("parts", 1),
            media_type=said.get("media_type", guessed),
            name=said["file_name"],
            voucher_no=content.voucher_no,
            campus=said.get("campus", ""),
            submitter=said.get("submitter", ""),
            received_at=_moment(said["received_at"]),
            state=State.ARCHIVED,
            verdict=said.get("verdict"),
            reason=said.get("reason"),
            reason_params=said.get("reason_params"),
            again_at=again_at,
        )
    )
    session.flush()
    read = Invoice.model_validate(said["invoice"])
    session.add(invoice_row(invoice.document_id, read))
    if read.key is not None and session.get(InvoiceClaim, read.key) is None:
        session.add(InvoiceClaim(invoice_key=read.key, document_id=invoice.document_id))
    for order, each in enumerate(said.get("verifications", ()), start=1):
        _verification(session, store, content, invoice, order, each)
    session.add_all(_deed(invoice.document_id, each) for each in said.get("decisions", ()))


def _deed(document_id: str, said: Mapping[str, Any]) -> ReviewDeed:
    """What somebody decided, to be read; it can be taken back no more than when it was sealed."""
    known = {key: value for key, value in said.items() if key in ReviewDeed.__table__.columns}
    return ReviewDeed(
        **{**known, "at": _moment(said["at"])},
        document_id=document_id,
        token=f"restored-{said['id']}",
    )


def _verification(
    session: Session,
    store: Store,
    content: BagContent,
    invoice: BagInvoice,
    order: int,
    said: Mapping[str, Any],
) -> None:
    plain = {
        key: value
        for key, value in said.items()
        if key in VerificationRow.__table__.columns and key != "at"
    }
    row = VerificationRow(
        **{"id": new_id(), **plain}, document_id=invoice.document_id, at=_moment(said["at"])
    )
    session.add(row)
    session.flush()
    named = {each["file"]: each for each in said.get("evidence", ())}
    for path in invoice.evidence:
        name = Path(path).name
        number, _, own = name.partition("-")
        if number != str(order):
            continue
        proof = named.get(name, {})
        session.add(
            EvidenceRow(
                id=proof.get("id") or new_id(),
                verification_id=row.id,
                name=proof.get("name", own),
                media_type=proof.get("media_type", ""),
                sha256=store.put((content.folder / path).read_bytes()),
            )
        )


def _moment(said: str) -> dt.datetime:
    return dt.datetime.fromisoformat(said)

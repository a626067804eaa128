"""Vouchers: which documents belong to one, when it may be sealed, and sealing it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import Session, selectinload

from archive import accounting, audit, gate, leases, retention, reviewing
from archive.accounting import Standing, VoucherFacts
from archive.bags import BagItem, SealedBag, check_voucher_no, seal
from archive.drawing.pages import thumbnail, thumbnail_name
from archive.drawing.searchable import is_scan, searchable
from archive.locking import one_writer
from archive.people import people_json
from archive.records import (
    IN_MOTION,
    BagRow,
    Document,
    State,
    VerificationRow,
    Voucher,
    now,
)
from archive.store import Store
from archive.voucher_json import decisions_json, facts_json
from extractors.model import Invoice
from verifiers.policy import Policy

#: How often a voucher that differences hold up is looked at though nothing of it changed: the
#: policy may have.
_LOOK_AGAIN = dt.timedelta(hours=1)
#: A page that a worker died of must not keep its voucher from being sealed.
_TRIES_WITH_DRAWING = 2


def ensure(session: Session, voucher_no: str, actor: str) -> Voucher:
    """The voucher of this number, made if it is new. Raises `BadVoucherNumber`, `BeingDisposed`."""
    check_voucher_no(voucher_no)
    voucher = session.get(Voucher, voucher_no)
    if voucher is not None and retention.is_disposed(session, voucher_no):
        raise retention.BeingDisposed(voucher=voucher_no)
    if voucher is None:
        one_writer(session)  # another may be making it in this moment
        voucher = session.get(Voucher, voucher_no)
    if voucher is None:
        voucher = Voucher(voucher_no=voucher_no)
        session.add(voucher)
        session.flush()
        audit.record(session, "voucher_opened", actor=actor, voucher_no=voucher_no)
    return voucher


def _not_held() -> ColumnElement[bool]:
    """Not what has passed by a person's decision and may still be taken back: until then it takes
    no part in sealing (`next_try_at` of a passed document)."""
    return or_(
        Document.state != State.PASSED,
        Document.next_try_at.is_(None),
        Document.next_try_at <= now(),
    )


def ready_to_seal(session: Session, voucher_no: str) -> bool:
    """True when something has passed and nothing of the voucher is still on its way.

    Documents that wait for a person or for another day do not hold the rest up: they join in
    a later version of the bag. So do facts that the accounting system states after sealing.
    """
    counts = dict(
        session.execute(
            select(Document.state, func.count())
            .where(Document.voucher_no == voucher_no, _not_held())
            .group_by(Document.state)
        ).all()
    )
    moving = sum(counts.get(state, 0) for state in IN_MOTION)
    if moving:
        return False
    if counts.get(State.PASSED, 0):
        return True
    return counts.get(State.ARCHIVED, 0) > 0 and voucher_no in set(
        session.scalars(_stated_since_sealed().where(VoucherFacts.voucher_no == voucher_no))
    )


def held_back(session: Session, voucher_no: str, policy: Policy) -> Standing | None:
    """How the voucher stands, where differences that nobody accepted keep it from being sealed."""
    found = accounting.standing(session, voucher_no, policy)
    return found if found.blocked else None


def _stated_since_sealed() -> Select[str]:
    """Sealed vouchers whose facts are younger than their newest bag."""
    sealed = (
        select(BagRow.voucher_no, func.max(BagRow.sealed_at).label("at"))
        .group_by(BagRow.voucher_no)
        .subquery()
    )
    return (
        select(VoucherFacts.voucher_no)
        .join(sealed, sealed.c.voucher_no == VoucherFacts.voucher_no)
        .where(VoucherFacts.stated_at > sealed.c.at)
    )


def _known_to_differ() -> Select[str]:
    """Vouchers that were found held back lately, and of which nothing has changed since."""
    changed = exists().where(
        Document.voucher_no == VoucherFacts.voucher_no,
        Document.updated_at > VoucherFacts.blocked_at,
    )
    return select(VoucherFacts.voucher_no).where(
        VoucherFacts.blocked_at > now() - _LOOK_AGAIN, ~changed
    )


def vouchers_ready(session: Session) -> list[str]:
    """Numbers of the vouchers that `ready_to_seal` would say yes to and nobody holds."""
    moving = select(Document.voucher_no).where(Document.state.in_(IN_MOTION))
    held = select(Voucher.voucher_no).where(~leases.free(Voucher, now()))
    query = (
        select(Document.voucher_no)
        .where(
            Document.state == State.PASSED,
            _not_held(),
            Document.voucher_no.not_in(moving),
            Document.voucher_no.not_in(held),
            Document.voucher_no.not_in(_known_to_differ()),
        )
        .distinct()
    )
    late = _stated_since_sealed().where(
        VoucherFacts.voucher_no.not_in(moving),
        VoucherFacts.voucher_no.not_in(held),
        VoucherFacts.voucher_no.not_in(_known_to_differ()),
    )
    return sorted({*session.scalars(query), *session.scalars(late)})


def members(session: Session, voucher_no: str) -> list[Document]:
    """The voucher's passed and archived documents in the order they came in."""
    query = (
        select(Document)
        .options(selectinload(Document.verifications))
        .where(
            Document.voucher_no == voucher_no,
            Document.state.in_((State.PASSED, State.ARCHIVED)),
            _not_held(),
        )
        .order_by(Document.id)
    )
    return list(session.scalars(query).unique())


def _verification_json(order: int, row: VerificationRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "at": row.at.isoformat(),
        "portal": row.portal,
        "verdict": row.verdict,
        "reason": row.reason,
        "portal_time": row.portal_time,
        "portal_count": row.portal_count,
        "portal_code": row.portal_code,
        "portal_message": row.portal_message,
        "portal_values": row.portal_values,
        "findings": row.findings,
        "compared": row.compared,
        "evidence": [
            {
                "id": proof.id,
                "name": proof.name,
                "file": f"{order}-{proof.name}",
                "media_type": proof.media_type,
                "sha256": proof.sha256,
            }
            for proof in row.evidence
        ],
    }


def suffix_of(media_type: str) -> str:
    """The file suffix of a sniffed media type: `application/pdf` -> `pdf`, "" -> `bin`."""
    return media_type.rpartition("/")[2] or "bin"


def bag_item(
    document: Document,
    store: Store,
    reviews: Sequence[Mapping[str, Any]] = (),
    *,
    drawn: bool = True,
) -> BagItem:
    """Everything about a document that its bag must hold; `reviews` are what people decided of it
    (`archive.reviewing`). Without `drawn`, no page of it is opened to be drawn.

    Raises `StoredFileMissing` or `StoredFileDamaged` rather than seal something false.
    """
    if document.invoice is None:
        raise ValueError(f"document {document.id} passed without having been read")
    evidence: dict[str, bytes] = {}
    for order, verification in enumerate(document.verifications, start=1):
        for row in verification.evidence:
            evidence[f"{order}-{row.name}"] = store.get(row.sha256)
    original = store.get(document.sha256)
    pictures = _drawings(document, original, store) if drawn else Drawings()
    return BagItem(
        document_id=document.id,
        invoice_number=document.invoice.invoice_number or "",
        original=original,
        suffix=suffix_of(document.media_type),
        metadata=metadata_of(document, reviews),
        evidence=evidence,
        attachments=pictures.attachments,
        picture=pictures.thumbnail,
    )


@dataclass(frozen=True, slots=True)
class Drawings:
    """What is drawn of a document for its bag."""

    thumbnail: bytes | None = None
    attachments: Mapping[str, bytes] = field(default_factory=dict)


def _drawings(document: Document, original: bytes, store: Store) -> Drawings:
    row = document.invoice
    invoice = Invoice.model_validate(row.data) if row is not None else Invoice()
    attachments = {}
    if is_scan(invoice) and (copy := searchable(original, document.media_type, invoice, now())):
        attachments["searchable.pdf"] = copy
    page = invoice.first_page
    small = store.read_derived(document.sha256, thumbnail_name(page))
    if small is None:
        small = thumbnail(original, document.media_type, page)
    return Drawings(small, attachments)


def metadata_of(document: Document, reviews: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Row, reading, verifications and reviews of the document: enough to bring it back."""
    return {
        "document_id": document.id,
        "file_name": document.name,
        "media_type": document.media_type,
        "sha256": document.sha256,
        "size": document.size,
        "part": document.part,
        "parts": document.parts,
        "campus": document.campus,
        "submitter": document.submitter,
        "received_at": document.received_at.isoformat(),
        "verdict": document.verdict,
        "reason": document.reason,
        "reason_params": document.reason_params,
        "invoice": document.invoice.data if document.invoice is not None else None,
        "verifications": [
            _verification_json(order, row)
            for order, row in enumerate(document.verifications, start=1)
        ],
        "decisions": list(reviews),
    }


@dataclass(frozen=True, slots=True)
class SealPlan:
    """What the next bag of a voucher will hold; made before, and apart from, writing it."""

    voucher_no: str
    version: int
    previous_digest: str | None
    documents: tuple[Document, ...]
    facts: dict[str, Any] | None = None
    decisions: tuple[dict[str, Any], ...] = ()
    #: Whom decisions and documents name.
    people: tuple[dict[str, str], ...] = ()
    #: What reviewers decided, by document.
    reviews: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    #: Items of the four-property test that people let pass.
    accepted: frozenset[str] = frozenset()
    #: False after a try that ended in nobody knows what: then no page is drawn.
    drawn: bool = True
    #: The bag's moment, in the bag, its row and the trail alike: a clock may be set meanwhile.
    sealed_at: dt.datetime = field(default_factory=now)


def plan_seal(session: Session, voucher_no: str) -> SealPlan | None:
    """The voucher's next bag, or None when there is nothing to seal yet."""
    if not ready_to_seal(session, voucher_no):
        return None
    last = session.scalars(
        select(BagRow).where(BagRow.voucher_no == voucher_no).order_by(BagRow.version.desc())
    ).first()
    facts = session.get(VoucherFacts, voucher_no)
    documents = tuple(members(session, voucher_no))
    decisions = tuple(decisions_json(session, voucher_no))
    reviews = reviewing.decisions_json(session, [document.id for document in documents])
    decided = [each["actor"] for some in (decisions, *reviews.values()) for each in some]
    return SealPlan(
        voucher_no=voucher_no,
        version=last.version + 1 if last else 1,
        previous_digest=last.digest if last else None,
        documents=documents,
        facts=facts_json(facts) if facts is not None else None,
        decisions=decisions,
        people=tuple(people_json(session, [*decided, *(each.submitter for each in documents)])),
        reviews=reviews,
        accepted=gate.accepted_items(session, voucher_no),
        drawn=session.get_one(Voucher, voucher_no).attempts <= _TRIES_WITH_DRAWING,
    )


def write_bag(
    plan: SealPlan, store: Store, root: Path, *, insist: Callable[[], None] = lambda: None
) -> SealedBag:
    """Write the planned bag to the disk. The caller holds the voucher's lease, and `insist` raises
    where it does not any more; whatever an interrupted try left under the same version was never
    recorded and is replaced.

    Raises `SealingRefused` where the four-property test fails; nothing is left then."""

    def approve(folder: Path) -> None:
        gate.approve(folder, plan.voucher_no, plan.accepted)
        insist()  # from here on it would replace what another has sealed meanwhile

    return seal(
        root,
        plan.voucher_no,
        plan.version,
        [
            bag_item(document, store, plan.reviews.get(document.id, ()), drawn=plan.drawn)
            for document in plan.documents
        ],
        sealed_at=plan.sealed_at,
        previous_digest=plan.previous_digest,
        facts=plan.facts,
        decisions=plan.decisions,
        people=plan.people,
        approve=approve,
    )


def record_bag(session: Session, plan: SealPlan, sealed: SealedBag) -> BagRow:
    """Enter the written bag into the database and the audit trail."""
    row = BagRow(
        voucher_no=plan.voucher_no,
        version=plan.version,
        path=sealed.path,
        digest=sealed.digest,
        previous_digest=plan.previous_digest,
        invoices=len(plan.documents),
        sealed_at=plan.sealed_at,
    )
    session.add(row)
    audit.record(
        session,
        "bag_sealed",
        voucher_no=plan.voucher_no,
        detail={
            "version": plan.version,
            "digest": sealed.digest,
            "invoices": len(plan.documents),
            "sealed_at": plan.sealed_at.isoformat(),
        },
    )
    return row

"""Accounting vouchers (记账凭证) as the accounting system keeps them, beside our own row.

Names follow DA/T 95-2022: fiscal year, account set, period, agency, word and number, entries,
attachments, preparer, reviewer, poster, red flag. A voucher without such facts has nothing to be
checked against. What does not agree blocks sealing until a person accepts it, with a reason; an
acceptance holds for the difference as it was, and not for a later, other one.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from archive import audit
from archive.actors import EVERYWHERE, Actor, Role
from archive.attaching import Attached, VoucherFinding, VoucherValues, check
from archive.records import (
    Base,
    Document,
    InvoiceClaim,
    JsonText,
    State,
    Voucher,
    new_id,
    now,
)
from extractors.errors import YanpiaoError
from extractors.model import Frozen, Invoice
from verifiers.policy import Policy


class VoucherFacts(Base):
    """What the accounting system says of a voucher. Empty text where it said nothing."""

    __tablename__ = "voucher_facts"
    __table_args__ = (
        UniqueConstraint(
            "fiscal_year",
            "account_set",
            "agency_code",
            "period",
            "word",
            "number",
            name="uq_voucher_facts_key",
        ),
    )

    voucher_no: Mapped[str] = mapped_column(ForeignKey("vouchers.voucher_no"), primary_key=True)
    fiscal_year: Mapped[int] = mapped_column(index=True)
    account_set: Mapped[str] = mapped_column(String(64), default="")
    agency_code: Mapped[str] = mapped_column(String(64), default="")
    agency_name: Mapped[str] = mapped_column(Text, default="")
    campus: Mapped[str] = mapped_column(String(64), default="")
    #: 1 to 12; 13 and more are periods of adjustment.
    period: Mapped[int]
    word: Mapped[str] = mapped_column(String(16), default="")
    number: Mapped[int]
    voucher_date: Mapped[dt.date]
    posting_date: Mapped[dt.date | None]
    summary: Mapped[str] = mapped_column(Text, default="")
    #: What its invoices should come to, in yuan with tax; None: the debits together.
    invoice_amount: Mapped[Decimal | None]
    debit_total: Mapped[Decimal]
    credit_total: Mapped[Decimal]
    #: How many attachments (附单据数) it names; None where it names none.
    attachments: Mapped[int | None]
    preparer: Mapped[str] = mapped_column(String(64), default="")
    reviewer: Mapped[str] = mapped_column(String(64), default="")
    poster: Mapped[str] = mapped_column(String(64), default="")
    red: Mapped[bool] = mapped_column(default=False)
    #: Where it came from: csv, xlsx, api, claim.
    origin: Mapped[str] = mapped_column(String(16))
    #: SHA-256 over everything it says, so that the same again is seen to be the same.
    fingerprint: Mapped[str] = mapped_column(String(64))
    updated_at: Mapped[dt.datetime] = mapped_column(default=now)
    #: When it last said something that a bag should hold: being posted is not waited for.
    stated_at: Mapped[dt.datetime] = mapped_column(default=now)
    #: When sealing was last found blocked by differences.
    blocked_at: Mapped[dt.datetime | None]

    entries: Mapped[list[VoucherEntry]] = relationship(
        order_by="VoucherEntry.line", cascade="all, delete-orphan", lazy="selectin"
    )


class VoucherEntry(Base):
    """One entry (分录) of a voucher: an account with a debit or a credit."""

    __tablename__ = "voucher_entries"
    __table_args__ = (UniqueConstraint("voucher_no", "line"),)

    id: Mapped[str] = mapped_column(String(24), primary_key=True, default=new_id)
    voucher_no: Mapped[str] = mapped_column(ForeignKey("voucher_facts.voucher_no"))
    line: Mapped[int]
    summary: Mapped[str] = mapped_column(Text, default="")
    account_code: Mapped[str] = mapped_column(String(64))
    account_name: Mapped[str] = mapped_column(Text, default="")
    debit: Mapped[Decimal]
    credit: Mapped[Decimal]


class VoucherDecision(Base):
    """A person accepted a difference as it then was."""

    __tablename__ = "voucher_decisions"
    __proven__ = ("id", "voucher_no", "code", "params", "reason", "actor", "at")

    id: Mapped[str] = mapped_column(String(24), primary_key=True, default=new_id)
    voucher_no: Mapped[str] = mapped_column(ForeignKey("vouchers.voucher_no"), index=True)
    code: Mapped[str] = mapped_column(String(48))
    #: The finding's params at that moment.
    params: Mapped[dict[str, str]] = mapped_column(JsonText, default=dict)
    reason: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(String(64))
    at: Mapped[dt.datetime] = mapped_column(default=now)


class NothingToAccept(YanpiaoError):
    """The voucher has no open difference of this code (any more)."""

    code = "nothing_to_accept"


class ReasonMissing(YanpiaoError):
    """A difference is accepted with a reason or not at all."""

    code = "reason_missing"


class MayNotAccept(YanpiaoError):
    """Only a reviewer or an archivist of the voucher's campus accepts a difference."""

    code = "may_not_accept"


class Judged(Frozen):
    """A difference, and who accepted it, if anybody did."""

    finding: VoucherFinding
    accepted_by: str | None = None
    accepted_at: dt.datetime | None = None
    reason: str | None = None

    @property
    def open(self) -> bool:
        return self.accepted_by is None


class Standing(Frozen):
    """How a voucher stands against its facts.

    `total` is the sum of its passed and archived invoices, None while one has no total; `open`
    are the documents that still wait for a person, another day or a worker.
    """

    voucher_no: str
    has_facts: bool
    judged: tuple[Judged, ...] = ()
    documents: int = 0
    open: int = 0
    expected: Decimal | None = None
    total: Decimal | None = None

    @property
    def blocking(self) -> tuple[VoucherFinding, ...]:
        """The differences that nobody has accepted."""
        return tuple(each.finding for each in self.judged if each.open)

    @property
    def blocked(self) -> bool:
        return bool(self.blocking)


#: States whose documents are the voucher's own invoices.
ATTACHED = (State.PASSED, State.ARCHIVED)
_GONE = (State.REJECTED,)


def standing(session: Session, voucher_no: str, policy: Policy | None = None) -> Standing:
    """The voucher's differences and decisions, under `policy` (without one, the defaults, which
    know no buyers of ours)."""
    rows = list(
        session.scalars(
            select(Document)
            .where(Document.voucher_no == voucher_no, Document.state.not_in(_GONE))
            .order_by(Document.id)
        ).unique()
    )
    attached = [row for row in rows if row.state in ATTACHED]
    facts = session.get(VoucherFacts, voucher_no)
    if facts is None:
        return Standing(
            voucher_no=voucher_no,
            has_facts=False,
            documents=len(attached),
            open=len(rows) - len(attached),
        )
    values = _values(facts)
    items = _attached(session, attached)
    found = check(values, items, len(rows) - len(attached), policy or Policy())
    decisions = list(
        session.scalars(
            select(VoucherDecision)
            .where(VoucherDecision.voucher_no == voucher_no)
            .order_by(VoucherDecision.at)
        )
    )
    return Standing(
        voucher_no=voucher_no,
        has_facts=True,
        judged=tuple(_judged(finding, decisions) for finding in found),
        documents=len(attached),
        open=len(rows) - len(attached),
        expected=values.expected,
        total=total_of(items),
    )


def total_of(items: list[Attached]) -> Decimal | None:
    """The invoices' sum with tax, or None while one of them has no total."""
    amounts = [item.total for item in items]
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if len(known) == len(amounts) else None


def _judged(finding: VoucherFinding, decisions: list[VoucherDecision]) -> Judged:
    for decision in decisions:
        if decision.code == finding.code and decision.params == finding.params:
            return Judged(
                finding=finding,
                accepted_by=decision.actor,
                accepted_at=decision.at,
                reason=decision.reason,
            )
    return Judged(finding=finding)


def _values(facts: VoucherFacts) -> VoucherValues:
    return VoucherValues(
        fiscal_year=facts.fiscal_year,
        period=facts.period,
        voucher_date=facts.voucher_date,
        expected=facts.debit_total if facts.invoice_amount is None else facts.invoice_amount,
        attachments=facts.attachments,
        agency_name=facts.agency_name,
        red=facts.red,
    )


def _attached(session: Session, documents: list[Document]) -> list[Attached]:
    invoices = [
        Invoice.model_validate(each.invoice.data) if each.invoice is not None else Invoice()
        for each in documents
    ]
    elsewhere = _elsewhere(session, [invoice.key for invoice in invoices if invoice.key])
    found = []
    for document, invoice in zip(documents, invoices, strict=True):
        row = document.invoice
        owner, voucher_no = elsewhere.get(invoice.key or "", (document.id, ""))
        item = Attached(
            document_id=document.id,
            number=(row.invoice_number if row else None) or document.name,
            issue_date=row.issue_date if row else None,
            buyer_name=row.buyer_name if row else None,
            buyer_tax_id=invoice.buyer_tax_id.value if invoice.buyer_tax_id else None,
            total=row.total_with_tax if row else None,
            elsewhere=voucher_no if owner != document.id else None,
        )
        found.append(item)
    return found


def _elsewhere(session: Session, keys: list[str]) -> dict[str, tuple[str, str]]:
    """Which document stands for each invoice, and the voucher that it is in."""
    query = (
        select(InvoiceClaim.invoice_key, Document.id, Document.voucher_no)
        .join(Document, Document.id == InvoiceClaim.document_id)
        .where(InvoiceClaim.invoice_key.in_(keys))
    )
    return {key: (document_id, no) for key, document_id, no in session.execute(query)}


def may_accept(session: Session, actor: Actor, voucher_no: str) -> bool:
    """Whether the actor decides about the voucher: in its campus, or where it names none in every
    campus that its documents come from. What belongs to no campus, an actor of one does not
    decide."""
    facts = session.get(VoucherFacts, voucher_no)
    campuses = {facts.campus} if facts is not None and facts.campus else set()
    if not campuses:
        query = select(Document.campus).where(Document.voucher_no == voucher_no).distinct()
        campuses = set(session.scalars(query)) or {EVERYWHERE}
    roles = (Role.REVIEWER, Role.ARCHIVIST)
    return all(any(actor.may(role, campus) for role in roles) for campus in campuses)


def accept_difference(
    session: Session,
    actor: Actor,
    voucher_no: str,
    code: str,
    reason: str,
    policy: Policy | None = None,
) -> list[VoucherDecision]:
    """A person takes the voucher's open differences of one code as they are; sealing is then
    tried again.

    Raises `ReasonMissing`, `MayNotAccept` (also for the system itself), `NothingToAccept`.
    """
    if not reason.strip():
        raise ReasonMissing
    if not may_accept(session, actor, voucher_no):
        raise MayNotAccept(voucher=voucher_no)
    facts = session.get(VoucherFacts, voucher_no)
    found = standing(session, voucher_no, policy).blocking
    mine = [finding for finding in found if finding.code == code]
    if not mine:
        raise NothingToAccept(voucher=voucher_no, code=code)
    rows = [
        VoucherDecision(
            id=new_id(),
            voucher_no=voucher_no,
            code=code,
            params=finding.params,
            reason=reason.strip(),
            actor=actor.id,
        )
        for finding in mine
    ]
    session.add_all(rows)
    audit.record(
        session,
        "voucher_difference_accepted",
        actor=actor.id,
        voucher_no=voucher_no,
        detail={"code": code, "decisions": [row.id for row in rows]},
    )
    if facts is not None:
        facts.blocked_at = None
    session.flush()
    return rows


def note_blocked(session: Session, held: Standing) -> None:
    """Remember that sealing was tried in vain; the trail names the differences once."""
    facts = session.get_one(VoucherFacts, held.voucher_no)
    if facts.blocked_at is None:
        audit.record(
            session,
            "voucher_sealing_blocked",
            voucher_no=held.voucher_no,
            detail={"codes": sorted({finding.code for finding in held.blocking})},
        )
    facts.blocked_at = now()


def blocked_numbers(session: Session) -> list[str]:
    """Numbers of the vouchers whose sealing a difference holds up, oldest first."""
    query = (
        select(VoucherFacts.voucher_no)
        .join(Voucher, Voucher.voucher_no == VoucherFacts.voucher_no)
        .where(VoucherFacts.blocked_at.is_not(None))
        .order_by(VoucherFacts.blocked_at)
    )
    return list(session.scalars(query))

"""The tables. The database is the truth: queues and files only follow what stands here.

Times are UTC and come back with their zone. Money is kept as exact decimal text, because
SQLite has no decimal type and a float would not do.
"""

from __future__ import annotations

import datetime as dt
import json
import secrets
import time
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import (
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class State(StrEnum):
    """Where a document stands (docs/architecture.md has the diagram)."""

    RECEIVED = "received"
    READ = "read"
    VERIFIED = "verified"
    WAITING = "waiting"
    IN_REVIEW = "in_review"
    PASSED = "passed"
    ARCHIVED = "archived"
    REJECTED = "rejected"
    FAILED = "failed"


#: A worker will move these on without a person or a later hour.
IN_MOTION = (State.RECEIVED, State.READ, State.VERIFIED)


def now() -> dt.datetime:
    """The present moment in UTC, with its zone."""
    return dt.datetime.now(dt.UTC)


def new_id() -> str:
    """A short id that sorts by time: 12 hex digits of milliseconds, then 12 of chance."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(6)}"


class UtcTime(TypeDecorator[dt.datetime]):
    """A moment in UTC; refuses times without a zone, gives them back with one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone must not reach the database")
        return value.astimezone(dt.UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> dt.datetime | None:
        if value is None:
            return None
        moment: dt.datetime = value
        return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment


class Money(TypeDecorator[Decimal]):
    """An exact amount in yuan, stored as text such as `-113.40`."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        return None if value is None else format(value, "f")

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


class JsonText(TypeDecorator[Any]):
    """A JSON value as readable text, Chinese left as it is."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value, ensure_ascii=False)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


class Base(DeclarativeBase):
    #: Columns whose every change the audit trail vouches for (`archive.row_proof`).
    __proven__: ClassVar[tuple[str, ...]] = ()

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        dt.datetime: UtcTime,
        Decimal: Money,
    }


class Leased:
    """A row that one worker at a time works on (`archive.leases`)."""

    #: Tries of the present step; a step that ends well sets it back to 0.
    attempts: Mapped[int] = mapped_column(default=0)
    lease: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[dt.datetime | None]


class Batch(Base):
    """What was handed in together. Its voucher gathers whatever of it passes."""

    __tablename__ = "batches"

    id: Mapped[str] = mapped_column(String(24), primary_key=True, default=new_id)
    channel: Mapped[str] = mapped_column(String(16))
    #: Id of the person who handed in; "" for nobody signed in (command line, inbox).
    submitter: Mapped[str] = mapped_column(String(64), default="")
    campus: Mapped[str] = mapped_column(String(64), default="", server_default="")
    voucher_no: Mapped[str] = mapped_column(ForeignKey("vouchers.voucher_no"))
    received_at: Mapped[dt.datetime] = mapped_column(default=now)


class Document(Leased, Base):
    """One document in one sequence of bytes, ever: the same bytes handed in again are this same
    row. Bytes that hold several invoices are as many rows, one a part."""

    __tablename__ = "documents"
    __table_args__ = (
        UniqueConstraint("sha256", "part"),
        Index(None, "state", "next_try_at"),
        Index(None, "state", "lease_until"),
        Index(None, "submitter", "state"),
        Index(None, "submitter", "id"),
    )

    id: Mapped[str] = mapped_column(String(24), primary_key=True, default=new_id)
    sha256: Mapped[str] = mapped_column(String(64))
    #: Which of the invoices in its file this is, from 1, and of how many.
    part: Mapped[int] = mapped_column(default=1, server_default="1")
    parts: Mapped[int] = mapped_column(default=1, server_default="1")
    size: Mapped[int]
    #: False for a file over the size limit: it was measured and refused, not kept.
    kept: Mapped[bool] = mapped_column(default=True)
    media_type: Mapped[str] = mapped_column(String(32), default="")
    name: Mapped[str] = mapped_column(Text)
    voucher_no: Mapped[str] = mapped_column(ForeignKey("vouchers.voucher_no"), index=True)
    #: As in the batch that first brought it; `archive.visibility` decides by these two.
    submitter: Mapped[str] = mapped_column(String(64), default="", server_default="")
    campus: Mapped[str] = mapped_column(String(64), default="", server_default="", index=True)
    #: One of very many handed in together: it gives way to what came alone.
    bulk: Mapped[bool] = mapped_column(default=False, server_default=false())
    received_at: Mapped[dt.datetime] = mapped_column(default=now)
    updated_at: Mapped[dt.datetime] = mapped_column(default=now, onupdate=now)

    state: Mapped[str] = mapped_column(String(16), default=State.RECEIVED)
    verdict: Mapped[str | None] = mapped_column(String(16))
    #: Code of the sentence that tells why it stands where it stands, and what fills it.
    reason: Mapped[str | None] = mapped_column(String(48))
    reason_params: Mapped[dict[str, str] | None] = mapped_column(JsonText)
    next_try_at: Mapped[dt.datetime | None]
    #: When an archived document is to be verified again, if it is.
    again_at: Mapped[dt.datetime | None] = mapped_column(index=True)

    #: How many of the `attempts` ended without a word, with their worker: hardly ever the
    #: document's fault, which opens in a process of its own.
    losses: Mapped[int] = mapped_column(default=0, server_default="0")
    #: Tries at the portal that ended undecided, for the growing pause between them.
    portal_tries: Mapped[int] = mapped_column(default=0)
    #: Seconds of work by stage: {"read": 3.1, "verify": 5.0, "archive": 0.2}.
    seconds: Mapped[dict[str, float] | None] = mapped_column(JsonText)

    invoice: Mapped[InvoiceRow | None] = relationship(back_populates="document", lazy="joined")
    verifications: Mapped[list[VerificationRow]] = relationship(
        back_populates="document", order_by="VerificationRow.id"
    )

    @property
    def failures(self) -> int:
        """Tries of the present step that ended with an error, or go on."""
        return self.attempts - self.losses

    def forget_tries(self) -> None:
        """A person has the present step begun anew."""
        self.attempts = self.losses = 0


class Upload(Base):
    """One act of handing in a file; several may point at one document."""

    __tablename__ = "uploads"

    id: Mapped[str] = mapped_column(String(24), primary_key=True, default=new_id)
    batch_id: Mapped[str] = mapped_column(ForeignKey("batches.id"), index=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id"), index=True)
    name: Mapped[str] = mapped_column(Text)
    received_at: Mapped[dt.datetime] = mapped_column(default=now)
    #: True when the bytes were known already.
    repeated: Mapped[bool] = mapped_column(default=False)

    document: Mapped[Document] = relationship(lazy="joined")


class InvoiceRow(Base):
    """What was read from a document. `data` holds the whole `extractors.model.Invoice`."""

    __tablename__ = "invoices"
    __table_args__ = (Index(None, "seller_name", "issue_date"),)

    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(64))
    invoice_code: Mapped[str | None] = mapped_column(String(32))
    invoice_number: Mapped[str | None] = mapped_column(String(64), index=True)
    #: The number backwards, so that "ends with" is an index range too.
    number_reversed: Mapped[str | None] = mapped_column(String(64), index=True)
    issue_date: Mapped[dt.date | None]
    seller_name: Mapped[str | None] = mapped_column(Text)
    buyer_name: Mapped[str | None] = mapped_column(Text)
    total_with_tax: Mapped[Decimal | None]
    data: Mapped[dict[str, Any]] = mapped_column(JsonText)

    document: Mapped[Document] = relationship(back_populates="invoice")


class InvoiceClaim(Base):
    """Which document stands for an invoice. The primary key makes double booking impossible,
    however many workers race (DA/T 95-2022: prevent double booking)."""

    __tablename__ = "invoice_claims"

    invoice_key: Mapped[str] = mapped_column(String(160), primary_key=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id"), unique=True)


class VerificationRow(Base):
    """One attempt to verify, with the portal's own values and words."""

    __tablename__ = "verifications"

    id: Mapped[str] = mapped_column(String(24), primary_key=True, default=new_id)
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id"), index=True)
    at: Mapped[dt.datetime] = mapped_column(default=now)
    portal: Mapped[str] = mapped_column(Text)
    verdict: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(48))
    portal_time: Mapped[str | None] = mapped_column(String(32))
    portal_count: Mapped[int | None]
    portal_code: Mapped[str | None] = mapped_column(String(16))
    portal_message: Mapped[str | None] = mapped_column(Text)
    portal_values: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
    findings: Mapped[list[dict[str, Any]]] = mapped_column(JsonText, default=list)
    #: Every field beside the portal's (`verifiers.comparison.Compared`), with any closer looks.
    compared: Mapped[list[dict[str, Any]] | None] = mapped_column(JsonText)

    document: Mapped[Document] = relationship(back_populates="verifications")
    evidence: Mapped[list[EvidenceRow]] = relationship(lazy="selectin")


class EvidenceRow(Base):
    """One kept file of proof; its bytes lie in the store under their digest."""

    __tablename__ = "evidence"

    id: Mapped[str] = mapped_column(String(24), primary_key=True, default=new_id)
    verification_id: Mapped[str] = mapped_column(ForeignKey("verifications.id"), index=True)
    name: Mapped[str] = mapped_column(String(64))
    media_type: Mapped[str] = mapped_column(String(64))
    sha256: Mapped[str] = mapped_column(String(64))


class Voucher(Leased, Base):
    """An accounting voucher (记账凭证), named at the drop or made for a batch."""

    __tablename__ = "vouchers"
    __table_args__ = (Index(None, "created_at", "voucher_no"),)

    voucher_no: Mapped[str] = mapped_column(String(64), primary_key=True)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)

    bags: Mapped[list[BagRow]] = relationship(order_by="BagRow.version")


class BagRow(Base):
    """One sealed bag. Bags never change: what comes later is a new version that names the
    digest of the one before."""

    __tablename__ = "bags"
    __table_args__ = (UniqueConstraint("voucher_no", "version"),)

    id: Mapped[str] = mapped_column(String(24), primary_key=True, default=new_id)
    voucher_no: Mapped[str] = mapped_column(ForeignKey("vouchers.voucher_no"))
    version: Mapped[int]
    #: Folder of the bag, relative to the bag store.
    path: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))
    previous_digest: Mapped[str | None] = mapped_column(String(64))
    invoices: Mapped[int]
    sealed_at: Mapped[dt.datetime] = mapped_column(default=now)


class Lane(Base):
    """A portal's lane. Stopped means: no visit until a person has looked and resumed it."""

    __tablename__ = "lanes"

    portal: Mapped[str] = mapped_column(String(255), primary_key=True)
    stopped_at: Mapped[dt.datetime | None]
    reason: Mapped[str | None] = mapped_column(String(48))
    #: Until when the portal asked for patience, and how often in a row.
    resume_at: Mapped[dt.datetime | None]
    refusals: Mapped[int] = mapped_column(default=0, server_default="0")


class PortalCheck(Base):
    """One check asked of a portal. `ordinal` counts an invoice's checks of that day (of the
    portal's calendar); None where the portal did not count it."""

    __tablename__ = "portal_checks"
    __table_args__ = (
        UniqueConstraint("portal", "invoice_key", "day", "ordinal"),
        Index(None, "portal", "at"),
    )

    id: Mapped[str] = mapped_column(String(24), primary_key=True, default=new_id)
    portal: Mapped[str] = mapped_column(String(255))
    invoice_key: Mapped[str] = mapped_column(String(160))
    day: Mapped[dt.date]
    ordinal: Mapped[int | None]
    document_id: Mapped[str] = mapped_column(String(24))
    at: Mapped[dt.datetime] = mapped_column(default=now)


class Alarm(Base):
    """Something that a person must see to, though no document waits for it: an invoice that was
    voided after it was paid. One a document and code."""

    __tablename__ = "alarms"
    __proven__ = (
        *("id", "at", "code", "params", "document_id", "voucher_no", "settled_at", "settled_by"),
    )
    __table_args__ = (UniqueConstraint("document_id", "code"),)

    id: Mapped[str] = mapped_column(String(24), primary_key=True, default=new_id)
    at: Mapped[dt.datetime] = mapped_column(default=now)
    code: Mapped[str] = mapped_column(String(48))
    params: Mapped[dict[str, str]] = mapped_column(JsonText, default=dict)
    document_id: Mapped[str | None] = mapped_column(ForeignKey("documents.id"))
    voucher_no: Mapped[str | None] = mapped_column(ForeignKey("vouchers.voucher_no"), index=True)
    settled_at: Mapped[dt.datetime | None]
    settled_by: Mapped[str | None] = mapped_column(String(64))


class AuditRow(Base):
    """One line of the audit trail; triggers refuse its change or deletion."""

    __tablename__ = "audit"

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[dt.datetime]
    actor: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(48))
    document_id: Mapped[str | None] = mapped_column(String(24), index=True)
    voucher_no: Mapped[str | None] = mapped_column(String(64), index=True)
    detail: Mapped[str] = mapped_column(Text)
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64), unique=True)

"""What the programming interface takes and gives. Amounts are text in yuan with two decimals, days
are `YYYY-MM-DD`, moments are ISO 8601 in UTC."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, model_validator

from archive.accounting import Standing
from archive.records import BagRow, Document
from archive.tokens import Scope
from archive.voucher_rows import EntryData, VoucherData
from archive.webhooks import Event, Webhook
from extractors.messages import sentence
from worker.inspecting import finding_sentence

#: Names that other systems wrote reach the database, which takes no NUL.
Text = Annotated[str, Field(max_length=500, pattern="^[^\x00]*$")]
Short = Annotated[str, Field(max_length=64, pattern="^[^\x00]*$")]
Amount = Annotated[Decimal, Field(max_digits=18, decimal_places=2, allow_inf_nan=False)]


class Problem(BaseModel):
    """What went wrong (RFC 9457). `code` never changes: programs decide by it."""

    type: str = Field(examples=["urn:yanpiao:unknown_document"])
    title: str
    detail: str = ""
    status: int
    code: str
    errors: list[dict[str, str]] = []


class FileFault(BaseModel):
    """Why a file cannot be an invoice."""

    code: str
    message: str
    hint: str


class FileReceipt(BaseModel):
    """What became of one file. `repeated`: these bytes were known already, nothing new was made;
    `document` is then null where somebody else handed them in."""

    document: str | None
    name: str
    repeated: bool
    error: FileFault | None


class UploadOut(BaseModel):
    """All files are kept, whatever becomes of them."""

    batch: str
    files: list[FileReceipt]


class DocumentOut(BaseModel):
    """A document and what was read from it."""

    id: str
    name: str
    state: str = Field(description="received, read, verified, waiting, in_review, passed, ...")
    verdict: str | None = Field(description="confirmed, contradicted, undecided; null before")
    reason: str | None = Field(description="code of why it stands where it stands")
    reason_text: str
    hint: str
    voucher: str
    campus: str
    part: int
    parts: int
    received_at: dt.datetime
    updated_at: dt.datetime
    next_try_at: dt.datetime | None
    kind: str | None
    invoice_code: str | None
    invoice_number: str | None
    issue_date: dt.date | None
    seller_name: str | None
    buyer_name: str | None
    total_with_tax: str | None

    @classmethod
    def of(cls, document: Document, language: str) -> Self:
        invoice = document.invoice
        total = invoice.total_with_tax if invoice else None
        params = {"name": document.name, **(document.reason_params or {})}
        code = document.reason

        def said(part: str) -> str:
            return sentence(code, language, params, part) if code else ""

        return cls(
            id=document.id,
            name=document.name,
            state=document.state,
            verdict=document.verdict,
            reason=code,
            reason_text=said("message"),
            hint=said("hint"),
            voucher=document.voucher_no,
            campus=document.campus,
            part=document.part,
            parts=document.parts,
            received_at=document.received_at,
            updated_at=document.updated_at,
            next_try_at=document.next_try_at,
            kind=invoice.kind if invoice else None,
            invoice_code=invoice.invoice_code if invoice else None,
            invoice_number=invoice.invoice_number if invoice else None,
            issue_date=invoice.issue_date if invoice else None,
            seller_name=invoice.seller_name if invoice else None,
            buyer_name=invoice.buyer_name if invoice else None,
            total_with_tax=None if total is None else f"{total:.2f}",
        )


class FindingOut(BaseModel):
    """Something that speaks against a document, or is worth knowing."""

    code: str
    severity: str
    field: str | None
    text: str

    @classmethod
    def of(cls, stored: dict[str, Any], language: str) -> Self:
        return cls(
            code=stored["code"],
            severity=stored["severity"],
            field=stored.get("field"),
            text=finding_sentence(stored, language),
        )


class EvidenceOut(BaseModel):
    """A kept proof, by its digest."""

    name: str
    media_type: str
    sha256: str


class VerdictOut(BaseModel):
    """What the tax authority said, and what was found. `at` is null before the first answer."""

    document: str
    verdict: str | None
    reason: str | None
    at: dt.datetime | None
    portal: str | None
    portal_time: str | None
    portal_count: int | None
    portal_values: dict[str, Any] | None
    findings: list[FindingOut]
    evidence: list[EvidenceOut]

    @classmethod
    def of(cls, document: Document, language: str) -> Self:
        last = document.verifications[-1] if document.verifications else None
        read = document.invoice.data.get("findings", []) if document.invoice else []
        stored = (*read, *(last.findings if last else ()))
        return cls(
            document=document.id,
            verdict=document.verdict,
            reason=document.reason,
            at=last.at if last else None,
            portal=last.portal if last else None,
            portal_time=last.portal_time if last else None,
            portal_count=last.portal_count if last else None,
            portal_values=last.portal_values if last else None,
            findings=[FindingOut.of(one, language) for one in stored],
            evidence=[
                EvidenceOut(name=one.name, media_type=one.media_type, sha256=one.sha256)
                for one in (last.evidence if last else ())
            ],
        )


class SearchOut(BaseModel):
    """A page of documents. `next` is the `after` of the following one; null on the last."""

    documents: list[DocumentOut]
    next: str | None


class EntryIn(BaseModel):
    """One entry (分录); one of the two amounts is zero as a rule."""

    summary: Text = ""
    account_code: Short = Field(min_length=1)
    account_name: Text = ""
    debit: Amount = Decimal(0)
    credit: Amount = Decimal(0)


class VoucherIn(BaseModel):
    """An accounting voucher (记账凭证) as DA/T 95-2022 names its parts. Without `voucher_no` the
    number is made of year, period, word and number. Debits and credits must agree."""

    fiscal_year: int = Field(ge=1990, le=2100)
    period: int = Field(ge=1, le=16)
    number: int = Field(ge=1, le=99_999_999)
    word: Annotated[str, Field(max_length=16, pattern="^[^\x00]*$")] = ""
    account_set: Short = ""
    agency_code: Short = ""
    agency_name: Text = ""
    campus: Short = ""
    voucher_no: Annotated[str, Field(max_length=63)] = ""
    voucher_date: dt.date
    posting_date: dt.date | None = None
    summary: Text = ""
    invoice_amount: Amount | None = Field(
        None, description="What its invoices should come to, with tax; null: the debits together."
    )
    attachments: int | None = Field(None, ge=0, le=100_000)
    preparer: Short = ""
    reviewer: Short = ""
    poster: Short = ""
    red: bool = False
    entries: Annotated[list[EntryIn], Field(min_length=1, max_length=1000)]

    @model_validator(mode="after")
    def _balanced(self) -> Self:
        debit = sum((entry.debit for entry in self.entries), Decimal(0))
        credit = sum((entry.credit for entry in self.entries), Decimal(0))
        if debit != credit:
            raise ValueError("debits and credits must come to the same")
        return self

    def stated(self) -> VoucherData:
        """As what the files of the accounting system become."""
        entries = tuple(EntryData(**entry.model_dump()) for entry in self.entries)
        return VoucherData(**self.model_dump(exclude={"entries"}), entries=entries)


class DifferenceOut(BaseModel):
    """A difference between a voucher and its invoices; open until somebody accepts it."""

    code: str
    text: str
    open: bool

    @classmethod
    def all_of(cls, held: Standing, language: str) -> list[Self]:
        return [
            cls(
                code=one.finding.code,
                text=sentence(one.finding.code, language, one.finding.params),
                open=one.open,
            )
            for one in held.judged
        ]


class BagOut(BaseModel):
    """A sealed bag (归档信息包)."""

    version: int
    digest: str
    invoices: int
    sealed_at: dt.datetime

    @classmethod
    def of(cls, row: BagRow) -> Self:
        return cls(
            version=row.version, digest=row.digest, invoices=row.invoices, sealed_at=row.sealed_at
        )


class VoucherOut(BaseModel):
    """A voucher: what the accounting system said, its documents, how the two agree, its bags."""

    voucher: str
    facts: dict[str, Any] | None
    expected: str | None
    total: str | None
    documents: list[DocumentOut]
    differences: list[DifferenceOut]
    bags: list[BagOut]


class AttachIn(BaseModel):
    """The document that is to belong to the voucher."""

    document: str = Field(pattern="^[0-9a-f]{24}$")


class WebhookIn(BaseModel):
    """Where to tell of which events."""

    url: str = Field(max_length=2000, examples=["https://erp.example.edu.cn/yanpiao"])
    events: Annotated[list[Event], Field(min_length=1, max_length=len(Event))]


class WebhookOut(BaseModel):
    """A webhook. Its secret is given only once, when it is made."""

    id: str
    url: str
    events: list[str]
    created_at: dt.datetime
    secret: str | None = None

    @classmethod
    def of(cls, hook: Webhook, secret: str | None = None) -> Self:
        return cls(
            id=hook.id, url=hook.url, events=hook.events, created_at=hook.created_at, secret=secret
        )


class WhoOut(BaseModel):
    """Whom the token acts for, and what it is good for."""

    login: str
    name: str
    roles: list[str] = Field(description="role, or role@campus")
    scopes: list[Scope]

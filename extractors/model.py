"""The typed invoice: every value with its source, place and confidence.

Names follow EN 16931 where it has one. Money is `Decimal` in yuan, dates are calendar dates
in China, boxes are fractions of the page so that they hold at any resolution.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import StrEnum
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Attribute

T = TypeVar("T")


class Kind(StrEnum):
    """What a document is; the value is the name printed on its face (税总发票种类)."""

    VAT_SPECIAL = "增值税专用发票"
    VAT_NORMAL = "增值税普通发票"
    VAT_ELECTRONIC_SPECIAL = "增值税电子专用发票"
    VAT_ELECTRONIC_NORMAL = "增值税电子普通发票"
    VAT_ROLL = "增值税普通发票（卷票）"
    VAT_TOLL = "增值税电子普通发票（通行费）"
    #: 数电纸票: the new platform's print on the old paper: code, number and the 20 digits.
    DIGITAL_PAPER_SPECIAL = "数电纸质发票（增值税专用发票）"
    DIGITAL_PAPER_NORMAL = "数电纸质发票（普通发票）"
    DIGITAL_SPECIAL = "电子发票（增值税专用发票）"
    DIGITAL_NORMAL = "电子发票（普通发票）"
    DIGITAL_RAIL = "电子发票（铁路电子客票）"
    DIGITAL_AIR = "电子发票（航空运输电子客票行程单）"
    VEHICLE = "机动车销售统一发票"
    USED_VEHICLE = "二手车销售统一发票"
    BLOCKCHAIN = "深圳电子普通发票"
    TRAIN_TICKET = "火车票"
    AIR_ITINERARY = "航空运输电子客票行程单"
    TAXI = "出租汽车统一发票"
    QUOTA = "通用定额发票"
    MACHINE_PRINTED = "通用机打发票"
    FISCAL_MEDICAL = "医疗收费票据"
    FISCAL_NON_TAX = "非税收入票据"
    BANK_RECEIPT = "银行电子回单"
    POS_SLIP = "POS签购单"
    RECEIPT = "收据"
    UNKNOWN = "未知"


class Source(StrEnum):
    """Where a value was read, dearest evidence first (see `SOURCE_ORDER`)."""

    #: What a reviewer read from the document, or confirmed as read.
    PERSON = "person"
    #: A misreading that the tax authority's own value mended, once closer looks read it too.
    PORTAL = "portal"
    XML = "xml"
    XBRL = "xbrl"
    OFD_ATTACHMENT = "ofd_attachment"
    OFD_CUSTOM_DATA = "ofd_custom_data"
    OFD_TAG = "ofd_tag"
    PDF_INFO = "pdf_info"
    PDF_TEXT = "pdf_text"
    OFD_TEXT = "ofd_text"
    QR = "qr"
    OCR = "ocr"


SOURCE_ORDER: tuple[Source, ...] = tuple(Source)


class Severity(StrEnum):
    INFO = "info"
    WARN = "warn"
    BLOCK = "block"


class Frozen(BaseModel):
    """Base of every value that crosses a process or layer border."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Box(Frozen):
    """A rectangle on a page, as fractions (0..1) of its width and height, origin top left.

    Raises `ValueError` when the corners are not in order.
    """

    page: int = Attribute(ge=0)
    x0: float
    y0: float
    x1: float
    y1: float

    def model_post_init(self, context: object) -> None:
        # A validator would be asked again by every word and field that the box is given to.
        del context
        if self.x1 < self.x0 or self.y1 < self.y0:
            raise ValueError(f"box corners out of order: {self.x0, self.y0, self.x1, self.y1}")


class Field(Frozen, Generic[T]):
    """One reading of one value. `raw` is the text as it stood; confidence is 0..1."""

    value: T
    raw: str
    source: Source
    confidence: float = Attribute(ge=0.0, le=1.0)
    box: Box | None = None


class Line(Frozen):
    """One line of goods or services; absent cells are None. Rates are fractions (0.13)."""

    name: str
    spec: str | None = None
    unit: str | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None
    amount: Decimal | None = None
    rate: Decimal | None = None
    tax: Decimal | None = None


class Finding(Frozen):
    """Something a person may need to know. `code` names its sentence in the catalogues;
    `params` fill that sentence and keep both values where two disagree."""

    code: str
    severity: Severity
    field: str | None = None
    params: dict[str, str] = {}


class Invoice(Frozen):
    """A read document. A value that could not be read, or not be trusted, is None."""

    kind: Kind = Kind.UNKNOWN
    invoice_code: Field[str] | None = None
    invoice_number: Field[str] | None = None
    issue_date: Field[dt.date] | None = None
    check_code: Field[str] | None = None
    machine_number: Field[str] | None = None
    buyer_name: Field[str] | None = None
    buyer_tax_id: Field[str] | None = None
    seller_name: Field[str] | None = None
    seller_tax_id: Field[str] | None = None
    total_without_tax: Field[Decimal] | None = None
    total_tax: Field[Decimal] | None = None
    total_with_tax: Field[Decimal] | None = None
    amount_in_words: Field[str] | None = None
    remarks: Field[str] | None = None
    issuer: Field[str] | None = None
    lines: tuple[Line, ...] = ()
    #: Values that were seen but not believed, because a sum or a check speaks against them.
    doubted: dict[str, Field[Any]] = {}
    #: Kind-specific values (train: from, to, seat, passenger ...).
    extra: dict[str, Field[str]] = {}
    findings: tuple[Finding, ...] = ()
    #: The address that its QR code names, where its issuer verifies it (区块链发票).
    address: str | None = None
    #: Which sources were found in the document, best first.
    sources: tuple[Source, ...] = ()
    #: Clockwise turn in degrees that brought the page upright (0, 90, 180, 270).
    rotation: int = 0
    pages: int = 1
    #: Which of the invoices in its file this is, counted from 1, and of how many.
    part: int = 1
    parts: int = 1
    #: The page of the file that it begins on (from 0), and the region of that page that it was
    #: cut from where several documents lie on one page.
    first_page: int = 0
    region: Box | None = None

    @property
    def key(self) -> str | None:
        """What makes an invoice one invoice: `code:number`, or None when the number is unread.

        数电票 have no code; their 20 digits stand alone (`:number`). Numbers of bank slips, till
        and card receipts run from 1 in many a shop, so day and total stand with them.
        """
        if self.invoice_number is None:
            return None
        if self.kind in SHOP_NUMBERED:
            day = self.issue_date.value.isoformat() if self.issue_date else ""
            total = f"{self.total_with_tax.value:.2f}" if self.total_with_tax else ""
            return f"{self.kind.name}:{self.invoice_number.value}:{day}:{total}"
        number = self.invoice_number.value
        # 20 digits stand alone: a code that some reading saw beside them is no part of them.
        own = self.invoice_code is not None and len(number) != _DIGITAL_LENGTH
        return f"{self.invoice_code.value if own and self.invoice_code else ''}:{number}"


#: Digits of a 数电票 number.
_DIGITAL_LENGTH = 20
#: Kinds whose numbers are unique only within a shop or a bank.
SHOP_NUMBERED = frozenset({Kind.BANK_RECEIPT, Kind.POS_SLIP, Kind.RECEIPT})

#: The stable names of `yanpiao read --json`, in its order.
TEXT_FIELDS = (
    "invoice_code",
    "invoice_number",
    "issue_date",
    "check_code",
    "buyer_name",
    "buyer_tax_id",
    "seller_name",
    "seller_tax_id",
    "total_without_tax",
    "total_tax",
    "total_with_tax",
)
MONEY_FIELDS = ("total_without_tax", "total_tax", "total_with_tax")
#: Every attribute of `Invoice` that holds a `Field`.
FIELD_NAMES = (*TEXT_FIELDS, "machine_number", "amount_in_words", "remarks", "issuer")

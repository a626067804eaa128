"""What verification yields: a verdict with its reason, the portal's own values, evidence.

Business outcomes are return values; only broken machinery raises (see `verifiers.errors`).
"""

from __future__ import annotations

import datetime as dt
import secrets
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from pydantic import Field

from extractors.model import Finding, Frozen, Invoice, Line
from verifiers.comparison import Compared


class Verdict(StrEnum):
    """Three roads: an outage or a limit is always UNDECIDED, never CONTRADICTED."""

    CONFIRMED = "confirmed"
    CONTRADICTED = "contradicted"
    UNDECIDED = "undecided"


class Reason(StrEnum):
    """Why the verdict is so; each has its sentence in `verifiers/locales`."""

    CONSISTENT = "consistent"
    # contradicted
    MISMATCH = "mismatch"
    INCONSISTENT = "inconsistent"  # portal 006 不一致
    NOT_FOUND = "not_found"  # portal 009 查无此票
    VOIDED = "voided"
    RED_OFFSET = "red_offset"
    OFFLINE_RULE = "offline_rule"
    DUPLICATE = "duplicate"
    # undecided
    SAME_DAY = "same_day"
    DAILY_LIMIT = "daily_limit"
    TOO_FREQUENT = "too_frequent"
    DAY_FULL = "day_full"  # our own limit of checks a day at this portal
    PORTAL_DOWN = "portal_down"
    PORTAL_BLOCKED = "portal_blocked"
    PORTAL_CHANGED = "portal_changed"
    CAPTCHA_UNANSWERED = "captcha_unanswered"
    CAPTCHA_REJECTED = "captcha_rejected"
    KEYS_INCOMPLETE = "keys_incomplete"
    TOO_OLD = "too_old"
    REGION_CLOSED = "region_closed"
    NOT_COVERED = "not_covered"  # a kind that this portal does not verify (paper train ticket)


class PortalKeys(Frozen):
    """The portal's four keys. `invoice_code` is "" for 数电票. `fourth` is text as typed:
    an amount such as `123.45`, or the last 6 digits of the check code."""

    invoice_code: str
    invoice_number: str
    issue_date: dt.date
    fourth: str


class PortalValues(Frozen):
    """The result page as data; None where the page does not show a value."""

    invoice_code: str | None = None
    invoice_number: str | None = None
    issue_date: dt.date | None = None
    check_code: str | None = None
    machine_number: str | None = None
    buyer_name: str | None = None
    buyer_tax_id: str | None = None
    seller_name: str | None = None
    seller_tax_id: str | None = None
    total_without_tax: Decimal | None = None
    total_tax: Decimal | None = None
    total_with_tax: Decimal | None = None
    amount_in_words: str | None = None
    remarks: str | None = None
    lines: tuple[Line, ...] = ()
    #: The page's own words where the invoice is void or red-offset (作废, 红冲), else "".
    status_text: str = ""


class Evidence(Frozen):
    """One kept file of proof, e.g. `result.png`."""

    name: str
    media_type: str
    content: bytes


class Verification(Frozen):
    """One attempt's outcome. `retry_at` (UTC) is set on every UNDECIDED that time can mend."""

    verdict: Verdict
    reason: Reason
    findings: tuple[Finding, ...] = ()
    portal_values: PortalValues | None = None
    #: Every field that the portal shows, beside the document's.
    compared: tuple[Compared, ...] = ()
    #: 查验时间 as the portal states it, and 查验次数 (the count of checks of this invoice today).
    portal_time: str | None = None
    portal_count: int | None = None
    #: The raw answer code of the portal ("001" ...), where one was seen.
    portal_code: str | None = None
    portal_message: str | None = None
    #: Version of the page's description by which the answer was understood.
    layout: str | None = None
    #: Which road answered, where there are several (`verifiers.routes`).
    road: str | None = None
    retry_at: dt.datetime | None = None
    evidence: tuple[Evidence, ...] = ()


class CaptchaChallenge(Frozen):
    """What a person at the desk is shown. `colour` is one of all, red, yellow, blue, green.
    After `expires_at` the portal no longer takes its answer."""

    id: str = Field(default_factory=lambda: secrets.token_hex(12))
    document_id: str
    image_png: bytes
    instruction: str
    colour: str
    expires_at: dt.datetime


class CaptchaDesk(Protocol):
    """Where a person types captchas. The worker provides one; verifiers only ask."""

    def ask(self, challenge: CaptchaChallenge) -> str | None:
        """Block until a person answers; None when nobody did before `expires_at`, or when the
        challenge was withdrawn."""

    def withdraw(self, challenge: CaptchaChallenge) -> None:
        """Take back a challenge that somebody else is asking: it is answered or worthless."""

    def attended(self) -> bool:
        """Whether a person sits there, so that a captcha which expired is worth renewing."""

    def report(self, challenge: CaptchaChallenge, accepted: bool) -> None:
        """Tell the desk whether the portal took the answer."""


class Verifier(Protocol):
    """One authorised road to the tax authority's truth."""

    def verify(self, document_id: str, invoice: Invoice, desk: CaptchaDesk, /) -> Verification:
        """Verify one invoice; every portal outcome is a `Verification`, never an exception."""

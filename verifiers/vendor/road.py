"""Asking a vendor: one request an invoice, every answer a `Verification`, no fault a verdict."""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import httpx
from pydantic import ValidationError

from extractors import values
from extractors.model import Invoice, Line
from verifiers.compare import compare, findings_of
from verifiers.keys import expected_fourth, missing_keys, portal_keys
from verifiers.misreading import outcome_of
from verifiers.model import (
    CaptchaDesk,
    Evidence,
    PortalKeys,
    PortalValues,
    Reason,
    Verdict,
    Verification,
    Verifier,
)
from verifiers.outcome import undecided
from verifiers.vendor.description import BadVendor, Vendor, found_at

log = logging.getLogger(__name__)

#: An answer larger than this is none.
_MOST_BYTES = 2 * 1024**2
_MONEY = frozenset({"total_without_tax", "total_tax", "total_with_tax"})
_BY_STATUS = {401: Reason.PORTAL_BLOCKED, 403: Reason.PORTAL_BLOCKED, 429: Reason.TOO_FREQUENT}
#: Reasons that the vendor's codes may give and that speak against the invoice.
_AGAINST = frozenset({Reason.INCONSISTENT, Reason.NOT_FOUND, Reason.VOIDED, Reason.RED_OFFSET})


class _NotUnderstood(Exception):
    """The answer is not as the description says."""


class VendorVerifier(Verifier):
    """Verifies through one vendor, for any number of threads; `close` it. Raises `BadVendor`
    where the environment lacks the key."""

    def __init__(
        self,
        vendor: Vendor,
        *,
        environment: Mapping[str, str] = os.environ,
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self._vendor = vendor
        self._key = environment.get(vendor.key_from, "")
        if vendor.key_from and not self._key:
            raise BadVendor(file=vendor.name, faults=f"{vendor.key_from} is not set")
        self._clock = clock
        self._client = httpx.Client(timeout=vendor.seconds, follow_redirects=False)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def verify(self, document_id: str, invoice: Invoice, _desk: CaptchaDesk) -> Verification:
        """Ask once. No captcha is needed: the vendor is authorised by its key."""
        vendor = self._vendor
        if (vendor.kinds and invoice.kind not in vendor.kinds) or expected_fourth(invoice) is None:
            return self._undecided(Reason.NOT_COVERED)
        keys = portal_keys(invoice)
        if keys is None:
            detail = ", ".join(missing_keys(invoice))
            return self._undecided(Reason.KEYS_INCOMPLETE, message=detail)
        try:
            content = self._asked(keys)
            return self._told(content, json.loads(content), keys, invoice)
        except httpx.HTTPStatusError as error:
            return self._refused(error.response.status_code)
        except (httpx.HTTPError, httpx.StreamError) as error:
            log.warning("vendor unreachable", extra={"document_id": document_id})
            return self._undecided(Reason.PORTAL_DOWN, message=type(error).__name__)
        except (json.JSONDecodeError, UnicodeDecodeError, _NotUnderstood) as error:
            return self._undecided(Reason.PORTAL_CHANGED, message=str(error)[:80])

    def _asked(self, keys: PortalKeys) -> bytes:
        """The answer's bytes. Raises `httpx.HTTPError`, and `_NotUnderstood` beyond the size."""
        vendor = self._vendor
        words = {
            "key": self._key,
            "invoice_code": keys.invoice_code,
            "invoice_number": keys.invoice_number,
            "issue_date": f"{keys.issue_date}",
            "issue_date_digits": f"{keys.issue_date:%Y%m%d}",
            "fourth": keys.fourth,
        }
        body = {name: text.format_map(words) for name, text in vendor.request.items()}
        headers = {name: text.format_map(words) for name, text in vendor.headers.items()}
        how: dict[str, Any] = {"json": body} if vendor.body == "json" else {"data": body}
        with self._client.stream("POST", str(vendor.url), headers=headers, **how) as answer:
            answer.raise_for_status()
            content = b""
            for piece in answer.iter_bytes():
                content += piece
                if len(content) > _MOST_BYTES:
                    raise _NotUnderstood("an answer beyond all measure")
            return content

    def _told(
        self, content: bytes, answer: Any, keys: PortalKeys, invoice: Invoice
    ) -> Verification:
        reads = self._vendor.answer
        code = _text(found_at(reads.code, answer))
        message = _text(found_at(reads.message, answer))
        meaning = reads.codes.get(code)
        if meaning is None:
            raise _NotUnderstood(f"unknown code {code[:20]}")
        evidence = (Evidence(name="vendor.json", media_type="application/json", content=content),)
        told = {"portal_code": code, "portal_message": message or None, "evidence": evidence}
        told["layout"] = self._vendor.version
        if meaning != "found":
            if meaning in _AGAINST:
                return Verification(verdict=Verdict.CONTRADICTED, reason=meaning, **told)
            return self._undecided(meaning, code=code, message=message, evidence=evidence)
        shown = self._values(answer, keys)
        compared = compare(invoice, shown)
        verdict, reason = outcome_of(compared)
        status = reads.statuses.get(_text(found_at(reads.status, answer)))
        if status is not None:
            verdict, reason = Verdict.CONTRADICTED, status
        return Verification(
            verdict=verdict,
            reason=reason,
            findings=findings_of(compared),
            compared=compared,
            portal_values=shown,
            portal_time=_text(found_at(reads.time, answer)) or None,
            **told,
        )

    def _values(self, answer: Any, keys: PortalKeys) -> PortalValues:
        reads = self._vendor.answer
        texts = {name: found_at(path, answer) for name, path in reads.values.items()}
        shown = {name: _typed(name, _text(text)) for name, text in texts.items() if _text(text)}
        rows = found_at(reads.lines, answer) or []
        status = _text(found_at(reads.status, answer))
        marked = status if status in reads.statuses else ""
        try:
            lines = tuple(_line(reads.line, row) for row in rows)
            found = PortalValues.model_validate({**shown, "lines": lines, "status_text": marked})
        except ValidationError as error:
            raise _NotUnderstood("values of another form") from error
        if found.invoice_number != keys.invoice_number:
            raise _NotUnderstood("the answer names another invoice")
        return found

    def _refused(self, status: int) -> Verification:
        reason = _BY_STATUS.get(status)
        if reason is None:
            reason = Reason.PORTAL_DOWN if status >= 500 else Reason.PORTAL_CHANGED
        return self._undecided(reason, message=f"HTTP {status}")

    def _undecided(self, reason: Reason, **more: Any) -> Verification:
        return undecided(reason, self._clock(), **more)


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _typed(name: str, text: str) -> str | dt.date | Decimal:
    """Raises `_NotUnderstood` where money or a date is neither."""
    if name in _MONEY:
        amount = values.parse_money(text)
        if amount is None:
            raise _NotUnderstood(f"{name} is no amount")
        return amount
    if name == "issue_date":
        day = values.parse_date(text)
        if day is None:
            raise _NotUnderstood("no date of issue")
        return day
    return text


def _line(paths: Mapping[str, str], row: Any) -> Line:
    texts = {name: _text(found_at(path, row)) for name, path in paths.items()}
    parts: dict[str, Any] = {}
    for name, text in texts.items():
        if name in ("name", "spec", "unit"):
            parts[name] = text or None
        else:
            parts[name] = values.parse_rate(text) if name == "rate" else values.parse_number(text)
    return Line.model_validate(parts)

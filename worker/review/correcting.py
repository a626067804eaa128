"""Corrections: what a person typed becomes typed values of the invoice, and the document is judged
anew. Pure: no database, no portal."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from extractors.checks import self_findings
from extractors.model import (
    FIELD_NAMES,
    MONEY_FIELDS,
    Field,
    Finding,
    Invoice,
    Severity,
    Source,
)
from verifiers.compare import compare, findings_of
from verifiers.comparison import Compared, Outcome
from verifiers.keys import portal_keys
from verifiers.misreading import outcome_of
from verifiers.model import PortalValues, Reason, Verdict, Verification
from worker.review.errors import BadCorrection

#: What reading says of an invoice as a whole, found anew once a value is another.
_FOUND_ANEW = frozenset({"total_mismatch", "words_mismatch", "words_unreadable", "field_missing"})
#: Doubts about one field, settled once a person has looked at it.
_DOUBTS = frozenset({"low_confidence", "sources_disagree"})
_LONGEST = 512
_MOST_YUAN = Decimal(10) ** 12
_DAY = re.compile(r"(\d{4})\D{0,2}(\d{1,2})\D{0,2}(\d{1,2})日?")
#: Numbers and codes stand without blanks.
_SOLID = frozenset(
    {
        "invoice_code",
        "invoice_number",
        "check_code",
        "machine_number",
        "buyer_tax_id",
        "seller_tax_id",
    }
)


@dataclass(frozen=True, slots=True)
class Corrected:
    """The invoice as the person says it is; `changed` names every field that was corrected or
    confirmed, with the old value, its source, and the new one."""

    invoice: Invoice
    changed: dict[str, dict[str, str | None]]


def typed(name: str, text: str) -> Any:
    """The value that a field holds for what was typed. Raises `BadCorrection`."""
    plain = unicodedata.normalize("NFKC", text).strip()
    if not plain or len(plain) > _LONGEST or not plain.isprintable():
        raise BadCorrection(field=name, value=plain[:64])
    if name in MONEY_FIELDS:
        return _money(name, plain)
    if name == "issue_date":
        return _day(name, plain)
    if name not in FIELD_NAMES:
        raise BadCorrection(field=name, value=plain[:64])
    if name in _SOLID:
        return re.sub(r"\s", "", plain).upper()
    return text.strip()  # names keep their own brackets and width


def _money(name: str, text: str) -> Decimal:
    bare = re.sub(r"[¥￥,\s元]", "", text)
    try:
        value = Decimal(bare)
    except InvalidOperation as error:
        raise BadCorrection(field=name, value=text[:64]) from error
    if not value.is_finite() or abs(value) >= _MOST_YUAN or value != round(value, 2):
        raise BadCorrection(field=name, value=text[:64])
    return value.quantize(Decimal("0.01"))


def _day(name: str, text: str) -> dt.date:
    match = _DAY.fullmatch(text)
    try:
        return dt.date(*(int(part) for part in match.groups())) if match else _bad(name, text)
    except ValueError as error:
        raise BadCorrection(field=name, value=text[:64]) from error


def _bad(name: str, text: str) -> dt.date:
    raise BadCorrection(field=name, value=text[:64])


def doubtful_fields(invoice: Invoice) -> tuple[str, ...]:
    """The read values that a person may confirm just by looking: those that reading was not sure
    of. Where a sure source disagrees, the value must be typed."""
    doubted = {
        finding.field
        for finding in invoice.findings
        if finding.code in _DOUBTS and finding.severity is not Severity.BLOCK
    }
    return tuple(name for name in FIELD_NAMES if name in doubted and getattr(invoice, name))


def corrected(invoice: Invoice, values: Mapping[str, str]) -> Corrected:
    """The invoice with the typed values, and with what was doubtful confirmed as read.

    Raises `BadCorrection`.
    """
    wanted = {name: typed(name, text) for name, text in values.items()}
    attested = {name: getattr(invoice, name).value for name in doubtful_fields(invoice)} | wanted
    data: dict[str, Any] = {}
    changed: dict[str, dict[str, str | None]] = {}
    for name, value in attested.items():
        old: Field[Any] | None = getattr(invoice, name)
        seen = old or invoice.doubted.get(name)
        data[name] = {
            "value": value,
            "raw": values.get(name, str(value)).strip(),
            "source": Source.PERSON,
            "confidence": 1.0,
            "box": seen.box if seen else None,
        }
        changed[name] = {
            "old": None if old is None else str(old.value),
            "old_source": None if old is None else old.source.value,
            "new": str(value),
        }
    return Corrected(_with(invoice, data), changed)


def _with(invoice: Invoice, data: Mapping[str, Any]) -> Invoice:
    whole = {**invoice.model_dump(), **data}
    whole["doubted"] = {name: field for name, field in whole["doubted"].items() if name not in data}
    whole["findings"] = [
        finding.model_dump() for finding in invoice.findings if not _settled(finding, data)
    ]
    bare = Invoice.model_validate(whole)
    anew = [each for each in self_findings(bare) if each.code in _FOUND_ANEW]
    return bare.model_copy(update={"findings": (*bare.findings, *anew)})


def _settled(finding: Finding, attested: Mapping[str, Any]) -> bool:
    if finding.code in _FOUND_ANEW:
        return True  # found anew, if it still holds
    return finding.code in _DOUBTS and finding.field in attested


def keys_changed(before: Invoice, after: Invoice) -> bool:
    """Would the portal be asked for something else, or something at last?"""
    return portal_keys(before) != portal_keys(after) or before.key != after.key


@dataclass(frozen=True, slots=True)
class Rejudged:
    """A kept answer of the portal beside the corrected values."""

    verification: Verification
    compared: tuple[Compared, ...]


#: Answers that speak of the invoice itself, whatever our values are.
_OF_THE_INVOICE = frozenset({Reason.VOIDED, Reason.RED_OFFSET})


def rejudged(
    invoice: Invoice,
    verdict: str,
    reason: str,
    portal_values: Mapping[str, Any] | None,
    told: Sequence[Finding],
) -> Rejudged | None:
    """What the portal's kept answer says of the corrected invoice; None where it must be asked
    again, because it has not answered. `told` are the findings kept with the answer."""
    if verdict == Verdict.UNDECIDED:
        return None
    if portal_values is None or reason in _OF_THE_INVOICE:
        kept = Verification(verdict=Verdict(verdict), reason=Reason(reason), findings=tuple(told))
        return Rejudged(kept, ())
    compared = compare(invoice, PortalValues.model_validate(portal_values))
    now_verdict, now_reason = outcome_of(compared)
    verification = Verification(
        verdict=now_verdict, reason=now_reason, findings=findings_of(compared)
    )
    return Rejudged(verification, compared)


def differing(compared: Sequence[Compared]) -> frozenset[str]:
    """Names of the fields that differ from the portal's."""
    return frozenset(each.field for each in compared if each.outcome is Outcome.DIFFERS)

"""The decision: findings and a verification become the document's next state. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from archive.records import State
from extractors.model import Finding, Severity
from verifiers.keys import PORTAL_KEY_FIELDS
from verifiers.model import Reason, Verdict, Verification

#: Undecided for reasons of load, outage or an empty desk: each further try waits twice as long,
#: up to this.
_LONGEST_PAUSE = dt.timedelta(hours=2)
#: Answers that say no more than that the keys name no invoice.
_ABOUT_KEYS = (Reason.INCONSISTENT, Reason.NOT_FOUND)
_GROWING = (
    Reason.PORTAL_DOWN,
    Reason.TOO_FREQUENT,
    Reason.CAPTCHA_REJECTED,
    Reason.CAPTCHA_UNANSWERED,
)


@dataclass(frozen=True, slots=True)
class Decision:
    """Where the document goes, and why. `next_try_at` is set exactly when it waits."""

    state: State
    verdict: Verdict
    reason: str
    params: dict[str, str]
    next_try_at: dt.datetime | None = None


def decide(
    findings: Sequence[Finding], verification: Verification, portal_tries: int, now: dt.datetime
) -> Decision:
    """Pass only what the portal confirms and no finding blocks; wait for what time can mend;
    everything else goes to a person.

    `findings` are those of reading and of the offline rules; `portal_tries` counts earlier
    undecided visits in a row.
    """
    if verification.verdict is Verdict.UNDECIDED:
        return _undecided(verification, portal_tries, now)
    blocking = [finding for finding in findings if _blocks(finding)]
    if verification.reason in _ABOUT_KEYS and (unsure := _unsure_keys(findings)):
        params = {"fields": ", ".join(unsure)}
        return Decision(State.IN_REVIEW, Verdict.UNDECIDED, "keys_unsure", params)
    if verification.verdict is Verdict.CONTRADICTED:
        params = _first_params(verification.findings)
        return Decision(State.IN_REVIEW, Verdict.CONTRADICTED, verification.reason, params)
    if blocking:
        params = {"field": blocking[0].field or "", **blocking[0].params}
        return Decision(State.IN_REVIEW, Verdict.CONTRADICTED, blocking[0].code, params)
    return Decision(State.PASSED, Verdict.CONFIRMED, verification.reason, {})


def _blocks(finding: Finding) -> bool:
    """A needed value that could not be read blocks too: the portal can only confirm what the
    document says, and nobody knows what it says there."""
    return finding.severity is Severity.BLOCK or finding.code == "field_missing"


def _unsure_keys(findings: Sequence[Finding]) -> list[str]:
    """The portal's keys that reading was not sure of: a person looks at them before "no such
    invoice" is believed, for each wrong try counts against the invoice's five a day."""
    doubted = {finding.field for finding in findings if finding.code == "low_confidence"}
    return [name for name in PORTAL_KEY_FIELDS if name in doubted]


def _undecided(verification: Verification, portal_tries: int, now: dt.datetime) -> Decision:
    if verification.retry_at is None:
        params = _first_params(verification.findings)
        return Decision(State.IN_REVIEW, Verdict.UNDECIDED, verification.reason, params)
    pause = verification.retry_at - now
    if verification.reason in _GROWING:
        pause = max(pause, min(pause * 2 ** min(portal_tries, 10), _LONGEST_PAUSE))
    return Decision(State.WAITING, Verdict.UNDECIDED, verification.reason, {}, now + pause)


def _first_params(findings: Sequence[Finding]) -> dict[str, str]:
    for finding in findings:
        if finding.severity is Severity.BLOCK:
            return {"field": finding.field or "", **finding.params}
    return {}

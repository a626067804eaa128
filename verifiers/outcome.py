"""When to try again, and how an outcome is written down. Pure; times are aware."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from extractors.model import Finding
from verifiers.model import Evidence, Reason, Verdict, Verification

CHINA = ZoneInfo("Asia/Shanghai")

#: What waits for the portal's next day; ten minutes past midnight spares its busiest moment.
_NEXT_DAY = frozenset({Reason.SAME_DAY, Reason.DAILY_LIMIT, Reason.DAY_FULL, Reason.REGION_CLOSED})
_MORNING = dt.time(0, 10)
_MINUTES = {
    Reason.TOO_FREQUENT: 2,
    Reason.PORTAL_DOWN: 5,
    Reason.CAPTCHA_UNANSWERED: 1,
    Reason.CAPTCHA_REJECTED: 1,
    Reason.PORTAL_BLOCKED: 60,
    Reason.PORTAL_CHANGED: 60,
}
#: These need a person before any further visit.
STOPPING = frozenset({Reason.PORTAL_BLOCKED, Reason.PORTAL_CHANGED})
_LONGEST_BACK_OFF = dt.timedelta(hours=4)


def retry_time(reason: Reason, now: dt.datetime, minutes: int | None = None) -> dt.datetime | None:
    """When (UTC) time may have mended it; None where time mends nothing (keys, age, kind)."""
    if reason in _NEXT_DAY:
        tomorrow = now.astimezone(CHINA).date() + dt.timedelta(days=1)
        return dt.datetime.combine(tomorrow, _MORNING, CHINA).astimezone(dt.UTC)
    wait = minutes if minutes is not None else _MINUTES.get(reason)
    return None if wait is None else now.astimezone(dt.UTC) + dt.timedelta(minutes=wait)


def backed_off(planned: dt.datetime, now: dt.datetime, refusals: int) -> dt.datetime:
    """The planned wait doubled for each refusal in a row after the first, up to four hours."""
    doubled: dt.timedelta = (planned - now) * 2 ** min(refusals - 1, 10)
    wait = min(doubled, _LONGEST_BACK_OFF)
    return now.astimezone(dt.UTC) + max(wait, planned - now)


def undecided(
    reason: Reason,
    now: dt.datetime,
    *,
    code: str | None = None,
    message: str | None = None,
    minutes: int | None = None,
    findings: tuple[Finding, ...] = (),
    evidence: tuple[Evidence, ...] = (),
) -> Verification:
    """An outcome that says nothing about the invoice, with its next try."""
    return Verification(
        verdict=Verdict.UNDECIDED,
        reason=reason,
        findings=findings,
        portal_code=code,
        portal_message=message,
        retry_at=retry_time(reason, now, minutes),
        evidence=evidence,
    )

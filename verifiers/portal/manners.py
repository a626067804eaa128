"""Good manners towards one portal, on which all its lanes must agree.

What is limited is the captcha: each is asked of the portal once and allows at most one check,
so a limit on captchas limits everything. An invoice's own checks are counted apart, before the
button is pressed, so that a lane that dies has not forgotten one.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter, deque
from collections.abc import Callable
from typing import Protocol

from verifiers.model import PortalKeys, Reason
from verifiers.outcome import CHINA, backed_off

_MINUTE = dt.timedelta(minutes=1)


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Manners(Protocol):
    """Shared by the lanes of a portal; every method may be called from any thread."""

    def stopped(self) -> Reason | None:
        """Why no visit may be made until a person has looked; None while the lane is open."""

    def stop(self, reason: Reason) -> None:
        """The portal refused us, or its page has changed: close the lane, raise the alarm."""

    def patience(self) -> dt.datetime | None:
        """Until when (UTC) the portal asked to be left alone; None when it did not."""

    def back_off(self, planned: dt.datetime) -> dt.datetime:
        """The portal asked for patience until `planned`: until when we shall really wait."""

    def welcome(self) -> None:
        """The portal answered properly: refusals whose patience is over are forgotten."""

    def turn(self) -> dt.timedelta | None:
        """Ask for one captcha: zero means yes, and it is counted; else how long to wait before
        asking again; None when today's are used up."""

    def checks_left(self, keys: PortalKeys) -> int:
        """How often this invoice may still be checked today."""

    def begin_check(self, keys: PortalKeys, document_id: str) -> Reason | None:
        """Count a check that is about to be made. A reason means that it must not be made, and
        nothing was counted."""

    def uncount_check(self, keys: PortalKeys) -> None:
        """The portal did not look the invoice up (wrong captcha and its like)."""


def refused(manners: Manners, now: dt.datetime) -> Reason | None:
    """The reason for which nothing may be asked of the portal at `now`."""
    stopped = manners.stopped()
    if stopped is not None:
        return stopped
    resume_at = manners.patience()
    return Reason.TOO_FREQUENT if resume_at is not None and now < resume_at else None


class LocalManners:
    """The manners of a single process, kept in memory."""

    def __init__(
        self,
        clock: Callable[[], dt.datetime] = utc_now,
        *,
        per_minute: int = 60,
        per_day: int = 1_000_000,
        checks_a_day: int = 5,
    ) -> None:
        self._clock = clock
        self._per_minute = per_minute
        self._per_day = per_day
        self._checks_a_day = checks_a_day
        self._lock = threading.Lock()
        self._stopped: Reason | None = None
        self._resume_at: dt.datetime | None = None
        self._refusals = 0
        self._asked: deque[dt.datetime] = deque()
        self._today: Counter[dt.date] = Counter()
        self._checks: Counter[tuple[dt.date, str, str]] = Counter()

    def stopped(self) -> Reason | None:
        return self._stopped

    def stop(self, reason: Reason) -> None:
        self._stopped = reason

    def resume(self) -> None:
        """A person has looked: visits may go on."""
        with self._lock:
            self._stopped = self._resume_at = None
            self._refusals = 0

    def patience(self) -> dt.datetime | None:
        return self._resume_at

    def back_off(self, planned: dt.datetime) -> dt.datetime:
        with self._lock:
            self._refusals += 1
            self._resume_at = backed_off(planned, self._clock(), self._refusals)
            return self._resume_at

    def welcome(self) -> None:
        with self._lock:
            if self._resume_at is not None and self._clock() >= self._resume_at:
                self._refusals, self._resume_at = 0, None

    def turn(self) -> dt.timedelta | None:
        with self._lock:
            now = self._clock()
            if self._today[_day(now)] >= self._per_day:
                return None
            while self._asked and self._asked[0] <= now - _MINUTE:
                self._asked.popleft()
            if len(self._asked) >= self._per_minute:
                return self._asked[0] + _MINUTE - now
            self._asked.append(now)
            self._today[_day(now)] += 1
            return dt.timedelta()

    def checks_left(self, keys: PortalKeys) -> int:
        return self._checks_a_day - self._checks[self._counted(keys)]

    def begin_check(self, keys: PortalKeys, document_id: str) -> Reason | None:  # noqa: ARG002 - the protocol's
        reason = refused(self, self._clock())
        if reason is not None:
            return reason
        with self._lock:
            if self.checks_left(keys) <= 0:
                return Reason.DAILY_LIMIT
            self._checks[self._counted(keys)] += 1
        return None

    def uncount_check(self, keys: PortalKeys) -> None:
        with self._lock:
            self._checks[self._counted(keys)] -= 1

    def _counted(self, keys: PortalKeys) -> tuple[dt.date, str, str]:
        return (_day(self._clock()), keys.invoice_code, keys.invoice_number)


def _day(moment: dt.datetime) -> dt.date:
    """The calendar day that the tax authority counts by."""
    return moment.astimezone(CHINA).date()

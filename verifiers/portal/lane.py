"""The portal lane: one browser, one visit at a time, and the rules of good manners around it.

It answers from the calendar what needs no visit, backs off when the portal asks for patience,
and stops altogether when the portal refuses or has changed, until a person reopens it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
from collections.abc import Callable
from typing import Self

from playwright.sync_api import Error, Page

from extractors.model import Invoice
from verifiers.errors import PortalChanged, PortalRefused, PortalUnreachable
from verifiers.keys import covered, lacking_keys_finding, missing_keys, too_old
from verifiers.model import CaptchaDesk, Evidence, Reason, Verdict, Verification, Verifier
from verifiers.portal.browser import WarmBrowser
from verifiers.portal.layout import load_layout
from verifiers.portal.outcome import CHINA, STOPPING, backed_off, undecided
from verifiers.portal.page import PortalPage
from verifiers.portal.settings import PortalSettings
from verifiers.portal.visit import Visit

log = logging.getLogger(__name__)


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class PortalVerifier(Verifier):
    """Verifies through the portal's page. Use as a context manager, in one thread.

    `lane_stopped` is set when the portal refused us or its page has changed: no further visit
    is made until `reopen()`. `resume_at` (UTC) is set while the portal asked for patience.
    Raises `BrowserMissing` when no browser can be started; every other trouble is UNDECIDED.
    """

    def __init__(
        self, settings: PortalSettings, clock: Callable[[], dt.datetime] = _utc_now
    ) -> None:
        self.lane_stopped = False
        self.stop_reason: Reason | None = None
        self.resume_at: dt.datetime | None = None
        self._settings = settings
        self._clock = clock
        self._layout = load_layout()
        self._browser = WarmBrowser(settings)
        self._refusals = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End the browser."""
        self._browser.discard()

    def reopen(self) -> None:
        """A person has looked: visits may go on."""
        self.lane_stopped = False
        self.stop_reason = None
        self.resume_at = None
        self._refusals = 0

    def verify(self, document_id: str, invoice: Invoice, desk: CaptchaDesk) -> Verification:
        """Verify one invoice; takes as long as the person at the desk does."""
        outcome = self.without_visit(invoice)
        if outcome is None:
            outcome = self._remember(self._visit(document_id, invoice, desk))
        log.info(
            "portal answered",
            extra={
                "document_id": document_id,
                "verdict": outcome.verdict.value,
                "reason": outcome.reason.value,
                "portal_code": outcome.portal_code,
            },
        )
        return outcome

    def without_visit(self, invoice: Invoice) -> Verification | None:
        """The outcome that is plain without asking the portal; None when a visit is due."""
        now = self._clock()
        today = now.astimezone(CHINA).date()
        if not covered(invoice):
            return undecided(Reason.NOT_COVERED, now)
        lacking = missing_keys(invoice)
        if lacking or invoice.issue_date is None:
            finding = lacking_keys_finding(lacking)
            return undecided(Reason.KEYS_INCOMPLETE, now, findings=(finding,))
        if invoice.issue_date.value >= today:
            return self._not_yet(invoice.issue_date.value, today)
        if too_old(invoice.issue_date.value, today):
            return undecided(Reason.TOO_OLD, now)
        return self._held_back(now)

    def _not_yet(self, issued: dt.date, today: dt.date) -> Verification:
        """Issued today: tomorrow. A date to come is a misread or invented key."""
        if issued == today:
            return undecided(Reason.SAME_DAY, self._clock())
        finding = lacking_keys_finding(("issue_date",))
        return undecided(Reason.KEYS_INCOMPLETE, self._clock(), findings=(finding,))

    def _held_back(self, now: dt.datetime) -> Verification | None:
        """The lane's own refusal, while it is stopped or the portal asked for patience."""
        if self.lane_stopped:
            return undecided(self.stop_reason or Reason.PORTAL_BLOCKED, now)
        if self.resume_at is None or now >= self.resume_at:
            return None
        held = undecided(Reason.TOO_FREQUENT, now)
        return held.model_copy(update={"retry_at": self.resume_at})

    def _visit(self, document_id: str, invoice: Invoice, desk: CaptchaDesk) -> Verification:
        try:
            with self._browser.page() as page:
                return self._on_page(page, document_id, invoice, desk)
        except Error as error:
            # The browser died or hangs: what it last showed proves nothing about the invoice.
            log.warning("browser lost", extra={"document_id": document_id})
            self._browser.discard()
            return undecided(Reason.PORTAL_DOWN, self._clock(), message=_first_line(error))

    def _on_page(
        self, page: Page, document_id: str, invoice: Invoice, desk: CaptchaDesk
    ) -> Verification:
        portal = PortalPage(page, self._layout, self._settings)
        visit = Visit(portal, self._layout, self._settings, self._clock, self._collect)
        try:
            return visit.run(document_id, invoice, desk)
        except PortalChanged as error:
            return self._broken(Reason.PORTAL_CHANGED, error.message(), portal)
        except PortalRefused as error:
            return self._broken(Reason.PORTAL_BLOCKED, error.message(), portal)
        except PortalUnreachable as error:
            return undecided(Reason.PORTAL_DOWN, self._clock(), message=error.message())

    def _broken(self, reason: Reason, message: str, portal: PortalPage) -> Verification:
        """What a developer needs to see: the page as it stood, if it still stands. The lane
        must stop either way."""
        evidence: list[Evidence] = []
        with contextlib.suppress(Error):
            evidence += [
                Evidence(name="page.png", media_type="image/png", content=portal.screenshot()),
                Evidence(name="page.html", media_type="text/html", content=portal.html().encode()),
            ]
        return undecided(reason, self._clock(), message=message, evidence=tuple(evidence))

    def _collect(self, portal: PortalPage) -> tuple[Evidence, ...]:
        """The result as picture and as PDF. A PDF that cannot be made costs no verdict."""
        picture = Evidence(
            name="result.png", media_type="image/png", content=portal.result_picture()
        )
        try:
            content = self._browser.print_html(portal.result_html())
        except Error as error:
            log.warning("result not printed: %s", type(error).__name__)
            return (picture,)
        return (picture, Evidence(name="result.pdf", media_type="application/pdf", content=content))

    def _remember(self, outcome: Verification) -> Verification:
        """Draw the lane's conclusions: stop, back off, or go on."""
        if outcome.reason in STOPPING:
            self.lane_stopped = True
            self.stop_reason = outcome.reason
            log.error("portal lane stopped: %s", outcome.reason.value)
        if outcome.reason is Reason.TOO_FREQUENT and outcome.retry_at is not None:
            self._refusals += 1
            self.resume_at = backed_off(outcome.retry_at, self._clock(), self._refusals)
            return outcome.model_copy(update={"retry_at": self.resume_at})
        if outcome.verdict is not Verdict.UNDECIDED:
            self._refusals = 0
            self.resume_at = None
        return outcome


def _first_line(error: Error) -> str:
    return str(error).splitlines()[0]

"""The portal lane: one browser with several tabs, and the rules of good manners around them.

It answers from the calendar what needs no visit, backs off when the portal asks for patience,
and stops altogether when the portal refuses or has changed, until a person reopens it.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
from collections.abc import Callable
from typing import Self

from playwright.async_api import Error

from extractors.model import Invoice
from verifiers.errors import PortalChanged, PortalRefused, PortalUnreachable
from verifiers.keys import covered, lacking_keys_finding, missing_keys, portal_keys, too_old
from verifiers.model import CaptchaDesk, Evidence, Reason, Verdict, Verification, Verifier
from verifiers.outcome import CHINA, STOPPING, undecided
from verifiers.portal.browser import Keep, Tab, TabBrowser
from verifiers.portal.layout import load_layout
from verifiers.portal.loop import LoopThread
from verifiers.portal.manners import LocalManners, Manners, refused, utc_now
from verifiers.portal.page import PortalPage
from verifiers.portal.settings import PortalSettings
from verifiers.portal.visit import House, Visit

log = logging.getLogger(__name__)

#: Far more steps than a visit has.
_MANY = 20


class PortalVerifier(Verifier):
    """Verifies through the portal's page. Use as a context manager; `verify` may be called from
    as many threads at once as the settings have tabs, more wait for a tab.

    `manners` is what all lanes of this portal agree on; without it the lane keeps its own. When
    the portal refuses us or its page has changed the lane stops: what is under way in other
    tabs ends undecided, and no further visit is made until a person has looked.
    Raises `BrowserMissing` when no browser can be had; every other trouble is UNDECIDED.
    """

    def __init__(
        self,
        settings: PortalSettings,
        clock: Callable[[], dt.datetime] = utc_now,
        manners: Manners | None = None,
    ) -> None:
        self.manners = manners if manners is not None else LocalManners(clock)
        self._settings = settings
        self._clock = clock
        self._layout = load_layout()
        # A tab asks the desk and, while that blocks, the manners.
        self._loop = LoopThread("portal-lane", workers=2 * settings.tabs + 2)
        self._browser = TabBrowser(settings)
        self._visits: set[Visit] = set()
        self._house = House(
            layout=self._layout,
            settings=settings,
            clock=clock,
            manners=self.manners,
            # Tabs in a person's browser are one visitor, and a visitor may not ask for two
            # captchas at once; those that we open are as many visitors.
            printing=asyncio.Lock(),
            turnstile=asyncio.Lock() if settings.attended else contextlib.nullcontext(),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Give up what is under way and end the browser."""
        self._loop.stop(self._browser.close)

    def hurry(self) -> None:
        """Give up what is under way: their callers see `CancelledError` and nothing is decided.
        May be called from a signal handler."""
        self._loop.cancel()

    def verify(self, document_id: str, invoice: Invoice, desk: CaptchaDesk) -> Verification:
        """Verify one invoice; takes as long as the person at the desk does."""
        outcome = self.without_visit(invoice)
        if outcome is None:
            outcome = self._loop.run(self._visit(document_id, invoice, desk))
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
        keys = portal_keys(invoice)
        if keys is not None and self.manners.checks_left(keys) <= 0:
            return undecided(Reason.DAILY_LIMIT, now)
        return self._held_back()

    def _not_yet(self, issued: dt.date, today: dt.date) -> Verification:
        """Issued today: tomorrow. A date to come is a misread or invented key."""
        if issued == today:
            return undecided(Reason.SAME_DAY, self._clock())
        finding = lacking_keys_finding(("issue_date",))
        return undecided(Reason.KEYS_INCOMPLETE, self._clock(), findings=(finding,))

    def _held_back(self) -> Verification | None:
        """The lane's own refusal, while it is stopped or the portal asked for patience."""
        now = self._clock()
        reason = refused(self.manners, now)
        if reason is None:
            return None
        held = undecided(reason, now)
        if reason is Reason.TOO_FREQUENT:
            resume_at = self.manners.patience() or held.retry_at
            return held.model_copy(update={"retry_at": resume_at})
        return held

    async def _visit(self, document_id: str, invoice: Invoice, desk: CaptchaDesk) -> Verification:
        try:
            async with self._browser.tab() as tab:
                portal = PortalPage(tab.page, self._layout, self._settings)
                visit = Visit(portal, self._house, document_id, invoice, desk)
                self._visits.add(visit)
                try:
                    # Asked again, among the visits that a stopping lane interrupts: it may have
                    # stopped while this one waited for its tab.
                    held = await asyncio.to_thread(self._held_back)
                    if held is not None:
                        return held
                    outcome = await self._on_page(visit, portal, tab)
                    outcome = outcome.model_copy(update={"layout": self._layout.version})
                    if outcome.verdict is not Verdict.UNDECIDED:
                        tab.keep = Keep.IDLE
                    elif outcome.reason in STOPPING:
                        tab.keep = Keep.SHOWN
                    return outcome if visit.interrupted else await self._remember(outcome)
                finally:
                    self._visits.discard(visit)
                    portal.let_go()
        except Error as error:
            # The browser died or hangs: what it last showed proves nothing about the invoice.
            message = _first_line(error)
            log.warning("tab lost: %s", message, extra={"document_id": document_id})
            return undecided(Reason.PORTAL_DOWN, self._clock(), message=message)

    async def _on_page(self, visit: Visit, portal: PortalPage, tab: Tab) -> Verification:
        try:
            return await asyncio.wait_for(visit.run(), self._longest_visit)
        except TimeoutError:
            # No step should wait so long; if one does, its tab must not be lost for ever.
            message = "the visit did not end"
            return undecided(Reason.PORTAL_DOWN, self._clock(), message=message)
        except PortalChanged as error:
            return await self._broken(Reason.PORTAL_CHANGED, error.message(), portal, tab)
        except PortalRefused as error:
            return await self._broken(Reason.PORTAL_BLOCKED, error.message(), portal, tab)
        except PortalUnreachable as error:
            return undecided(Reason.PORTAL_DOWN, self._clock(), message=error.message())

    @property
    def _longest_visit(self) -> float:
        """Seconds: every captcha asked for to its end, and many times as long as a page takes."""
        settings = self._settings
        waiting = settings.captcha_seconds * settings.captcha_attempts
        return waiting + _MANY * max(settings.page_timeout, settings.answer_timeout)

    async def _broken(
        self, reason: Reason, message: str, portal: PortalPage, tab: Tab
    ) -> Verification:
        """What a developer needs to see: the page as it stood and how it came to that, as far
        as they can be had. The lane must stop either way."""
        evidence: list[Evidence] = []
        with contextlib.suppress(Error):
            picture, html = await portal.screenshot(), await portal.html()
            evidence += [
                Evidence(name="page.png", media_type="image/png", content=picture),
                Evidence(name="page.html", media_type="text/html", content=html.encode()),
            ]
            trace = await tab.trace()
            if trace is not None:
                evidence.append(
                    Evidence(name="trace.zip", media_type="application/zip", content=trace)
                )
        return undecided(reason, self._clock(), message=message, evidence=tuple(evidence))

    async def _remember(self, outcome: Verification) -> Verification:
        """Draw the lane's conclusions: stop, back off, or go on."""
        manners = self.manners
        if outcome.reason in STOPPING:
            # First where all lanes look, then in our own tabs: a visit that begins meanwhile
            # sees the one or hears the other.
            await asyncio.to_thread(manners.stop, outcome.reason)
            log.error("portal lane stopped: %s", outcome.reason.value)
            for visit in self._visits:
                visit.interrupt(outcome.reason)
        if outcome.reason is Reason.TOO_FREQUENT and outcome.portal_code and outcome.retry_at:
            resume_at = await asyncio.to_thread(manners.back_off, outcome.retry_at)
            return outcome.model_copy(update={"retry_at": resume_at})
        if outcome.verdict is not Verdict.UNDECIDED:
            await asyncio.to_thread(manners.welcome)
        return outcome


def _first_line(error: Error) -> str:
    return str(error).splitlines()[0]

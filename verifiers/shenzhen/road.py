"""Opening the address in the code, as a person's phone would, and judging what it shows."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from playwright.async_api import Error, Page, Response

from extractors.model import Invoice, Kind
from verifiers.compare import compare, findings_of
from verifiers.errors import PortalChanged
from verifiers.misreading import outcome_of
from verifiers.model import CaptchaDesk, Evidence, Reason, Verdict, Verification, Verifier
from verifiers.outcome import undecided
from verifiers.portal.browser import TabBrowser
from verifiers.portal.loop import LoopThread
from verifiers.portal.settings import PortalSettings
from verifiers.shenzhen.page import PageLayout, Shown, load_page_layout, read_page

log = logging.getLogger(__name__)

#: Answers of the page that speak against the invoice; the others say nothing of it.
_AGAINST = frozenset({Reason.NOT_FOUND, Reason.INCONSISTENT})


class ShenzhenVerifier(Verifier):
    """Verifies blockchain invoices by the address in their QR code. Use as a context manager;
    the browser starts with the first such invoice.

    The address comes from an untrusted document, so only the hosts of `page.toml` are opened,
    by https. `origin` (scheme, host and port) takes their place for a stand-in.
    """

    def __init__(
        self,
        settings: PortalSettings,
        *,
        origin: str | None = None,
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self._settings = settings
        self._origin = origin
        self._clock = clock
        self._layout: PageLayout = load_page_layout()
        self._loop = LoopThread("shenzhen", workers=2)
        self._browser = TabBrowser(settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Give up what is under way and end the browser."""
        self._loop.stop(self._browser.close)

    def hurry(self) -> None:
        """Give up what is under way; its callers see `CancelledError`."""
        self._loop.cancel()

    def verify(self, document_id: str, invoice: Invoice, _desk: CaptchaDesk) -> Verification:
        """Verify one invoice; every fault of page or network is UNDECIDED."""
        if invoice.kind is not Kind.BLOCKCHAIN:
            return undecided(Reason.NOT_COVERED, self._clock())
        number = invoice.invoice_number.value if invoice.invoice_number else ""
        address = self._allowed(invoice.address or "")
        if not number or address is None:
            return undecided(Reason.KEYS_INCOMPLETE, self._clock(), message="no address in a code")
        outcome = self._loop.run(self._visit(address, number, invoice))
        log.info(
            "shenzhen answered",
            extra={"document_id": document_id, "reason": outcome.reason.value},
        )
        return outcome

    def _allowed(self, address: str) -> str | None:
        """The address to open; None for one that is not the bureau's."""
        parts = urlsplit(address)
        if parts.scheme != "https" or parts.hostname not in self._layout.hosts or parts.port:
            return None
        if self._origin is None:
            return address
        stand_in = urlsplit(self._origin)
        return urlunsplit((stand_in.scheme, stand_in.netloc, *parts[2:]))

    async def _visit(self, address: str, number: str, invoice: Invoice) -> Verification:
        try:
            async with self._browser.tab() as tab:
                response = await tab.page.goto(address, wait_until="networkidle")
                if (refusal := self._refused(response)) is not None:
                    return refusal
                return await self._judged(tab.page, number, invoice)
        except Error as error:
            reason = str(error).splitlines()[0]
            return undecided(Reason.PORTAL_DOWN, self._clock(), message=reason)

    def _refused(self, response: Response | None) -> Verification | None:
        """What the page's HTTP status says by itself; None for one that may be read."""
        status = response.status if response is not None else 0
        if status == 200:
            return None
        by_status = {403: Reason.PORTAL_BLOCKED, 429: Reason.TOO_FREQUENT}
        reason = by_status.get(status, Reason.PORTAL_DOWN)
        return undecided(reason, self._clock(), message=f"HTTP {status}")

    async def _judged(self, page: Page, number: str, invoice: Invoice) -> Verification:
        text = await page.inner_text("body")
        picture = await page.screenshot(full_page=True)
        evidence = (Evidence(name="result.png", media_type="image/png", content=picture),)
        try:
            shown = read_page(text, self._layout, number)
        except PortalChanged as error:
            changed = Reason.PORTAL_CHANGED
            return undecided(changed, self._clock(), message=error.message(), evidence=evidence)
        outcome = self._told(shown, invoice, evidence)
        return outcome.model_copy(update={"layout": self._layout.version})

    def _told(self, shown: Shown, invoice: Invoice, evidence: tuple[Evidence, ...]) -> Verification:
        if shown.answer is not None or shown.values is None:
            reason = shown.answer.reason if shown.answer is not None else Reason.PORTAL_CHANGED
            if reason in _AGAINST:
                return Verification(verdict=Verdict.CONTRADICTED, reason=reason, evidence=evidence)
            return undecided(reason, self._clock(), evidence=evidence)
        compared = compare(invoice, shown.values)
        verdict, reason = outcome_of(compared)
        if shown.status is not None:
            verdict, reason = Verdict.CONTRADICTED, shown.status.reason
        return Verification(
            verdict=verdict,
            reason=reason,
            findings=findings_of(compared),
            compared=compared,
            portal_values=shown.values,
            portal_message=shown.values.status_text or None,
            evidence=evidence,
        )

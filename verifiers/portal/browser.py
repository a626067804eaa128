"""One warm Chromium, started when first needed and started again after it died."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from collections.abc import Iterator

from playwright.sync_api import Browser, BrowserContext, Error, Page, Playwright, sync_playwright

from verifiers.errors import BrowserMissing
from verifiers.portal.settings import PortalSettings

log = logging.getLogger(__name__)

_NAMES = ("chromium", "chromium-browser", "google-chrome")
#: Plain hygiene for an unattended machine; nothing here hides what the browser is.
_ARGUMENTS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-sync",
    "--no-first-run",
)


class WarmBrowser:
    """Keeps a browser between verifications; every visit gets a fresh context."""

    def __init__(self, settings: PortalSettings) -> None:
        self._settings = settings
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    @contextlib.contextmanager
    def page(self) -> Iterator[Page]:
        """A page in a fresh context. Raises `BrowserMissing` when no browser can be started."""
        context = self._context()
        context.set_default_timeout(self._settings.page_timeout * 1000)
        page = context.new_page()
        try:
            yield page
        finally:
            # A dead browser cannot close anything; the next visit starts another.
            with contextlib.suppress(Error):
                page.close() if self._settings.attach_url else context.close()

    def print_html(self, html: str) -> bytes:
        """A PDF of a static document: no scripts run in it."""
        context = self._started().new_context(
            java_script_enabled=False, ignore_https_errors=self._settings.ignore_certificate
        )
        context.set_default_timeout(self._settings.page_timeout * 1000)
        try:
            page = context.new_page()
            page.set_content(html, wait_until="load")
            return page.pdf(format="A4", landscape=True, print_background=True, scale=0.75)
        finally:
            context.close()

    def discard(self) -> None:
        """Drop the browser; the next visit starts another."""
        browser, self._browser = self._browser, None
        playwright, self._playwright = self._playwright, None
        if browser is not None:
            with contextlib.suppress(Error):
                browser.close()
        if playwright is not None:
            with contextlib.suppress(Error):
                playwright.stop()

    def _context(self) -> BrowserContext:
        browser = self._started()
        if self._settings.attach_url and browser.contexts:
            return browser.contexts[0]
        return browser.new_context(
            ignore_https_errors=self._settings.ignore_certificate,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            viewport={"width": 1280, "height": 960},
        )

    def _started(self) -> Browser:
        if self._browser is not None and self._browser.is_connected():
            return self._browser
        self.discard()
        try:
            self._playwright = sync_playwright().start()
            self._browser = self._launch(self._playwright)
        except Exception as error:  # a driver that cannot start raises a bare Exception
            self.discard()
            raise BrowserMissing(detail=str(error).splitlines()[0]) from error
        log.info("browser started", extra={"version": self._browser.version})
        return self._browser

    def _launch(self, playwright: Playwright) -> Browser:
        settings = self._settings
        if settings.attach_url:
            return playwright.chromium.connect_over_cdp(settings.attach_url)
        root = hasattr(os, "geteuid") and os.geteuid() == 0
        sandbox = settings.sandbox if settings.sandbox is not None else not root
        executable = settings.chromium or next(filter(None, map(shutil.which, _NAMES)), None)
        return playwright.chromium.launch(
            executable_path=executable,
            headless=settings.headless,
            chromium_sandbox=sandbox,
            args=list(_ARGUMENTS),
        )

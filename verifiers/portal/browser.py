"""One Chromium with several tabs: started when first needed and again after it died, or a
person's own, attached to and left as it was."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, Error, Page, Playwright, async_playwright

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


@dataclass
class Tab:
    """One visit's page. `keep_open` leaves it standing for the person whose browser it is in."""

    page: Page
    traced: bool
    keep_open: bool = False

    async def trace(self) -> bytes | None:
        """What this tab did and showed since it was opened, for Playwright's trace viewer; None
        in a person's own browser, whose other tabs a trace would record as well."""
        if not self.traced:
            return None
        self.traced = False
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "trace.zip"
            await self.page.context.tracing.stop_chunk(path=path)
            return await asyncio.to_thread(path.read_bytes)


class TabBrowser:
    """A browser whose tabs are lent for one visit each. Lives in one event loop.

    Tabs of a browser that we started have a context of their own, kept between visits so that
    the page's scripts come from its cache; in a person's browser they stand in its window.
    """

    def __init__(self, settings: PortalSettings) -> None:
        self._settings = settings
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self._contexts: list[BrowserContext] = []
        self._starting = asyncio.Lock()
        self._free = asyncio.Semaphore(settings.tabs)

    @contextlib.asynccontextmanager
    async def tab(self) -> AsyncIterator[Tab]:
        """A new tab, once one of the settings' number is free. Raises `BrowserMissing` when no
        browser can be started or attached to. A browser that died under the tab is dropped."""
        async with self._free:
            browser = await self._started()
            try:
                context = await self._borrow(browser)
                tab = await self._open(context)
                sound = False
                try:
                    yield tab
                    sound = True
                finally:
                    await self._close(tab, context, sound=sound)
            except Error:
                if not browser.is_connected():
                    await self._drop(browser)
                raise

    async def print_html(self, html: str) -> bytes:
        """A PDF of a static document: no scripts run in it."""
        browser = await self._started()
        context = await browser.new_context(
            java_script_enabled=False, ignore_https_errors=self._settings.ignore_certificate
        )
        context.set_default_timeout(self._settings.page_timeout * 1000)
        try:
            page = await context.new_page()
            await page.set_content(html, wait_until="load")
            return await page.pdf(format="A4", landscape=True, print_background=True, scale=0.75)
        finally:
            await context.close()

    async def close(self) -> None:
        """End the browser that we started; let go of a person's."""
        if self._browser is not None:
            await self._drop(self._browser)

    async def _open(self, context: BrowserContext) -> Tab:
        traced = not self._settings.attended
        if traced:
            await context.tracing.start_chunk()
        page = await context.new_page()
        page.set_default_timeout(self._settings.page_timeout * 1000)
        return Tab(page, traced)

    async def _close(self, tab: Tab, context: BrowserContext, *, sound: bool) -> None:
        """Close the tab; its context serves again if all went well. A dead browser cannot close
        anything; the next visit starts another."""
        with contextlib.suppress(Error):
            if tab.traced:
                await context.tracing.stop_chunk()
            if self._settings.attended:
                if not tab.keep_open:
                    await tab.page.close()
                return
            if not sound:
                await context.close()
                return
            await tab.page.close()
            self._contexts.append(context)

    async def _borrow(self, browser: Browser) -> BrowserContext:
        if self._settings.attended and browser.contexts:
            return browser.contexts[0]
        while self._contexts:
            context = self._contexts.pop()
            if context.browser is browser:
                return context
        context = await browser.new_context(
            ignore_https_errors=self._settings.ignore_certificate,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            viewport={"width": 1280, "height": 960},
        )
        await context.tracing.start(snapshots=True)
        return context

    async def _drop(self, browser: Browser) -> None:
        """Let the browser go, unless another has taken its place already."""
        if self._browser is not browser:
            return
        self._browser = None
        self._contexts.clear()
        playwright, self._playwright = self._playwright, None
        with contextlib.suppress(Error):
            await browser.close()
        if playwright is not None:
            with contextlib.suppress(Error):
                await playwright.stop()

    async def _started(self) -> Browser:
        async with self._starting:
            if self._browser is not None and not self._browser.is_connected():
                await self._drop(self._browser)
            if self._browser is None:
                self._browser = await self._start()
            return self._browser

    async def _start(self) -> Browser:
        try:
            self._playwright = await async_playwright().start()
            browser = await self._hold(self._playwright)
        except Exception as error:  # a driver that cannot start raises a bare Exception
            if self._playwright is not None:
                await self._playwright.stop()
                self._playwright = None
            raise BrowserMissing(detail=str(error).splitlines()[0]) from error
        log.info("browser held", extra={"version": browser.version})
        return browser

    async def _hold(self, playwright: Playwright) -> Browser:
        settings = self._settings
        if settings.attach_url is not None:
            return await playwright.chromium.connect_over_cdp(settings.attach_url)
        root = hasattr(os, "geteuid") and os.geteuid() == 0
        sandbox = settings.sandbox if settings.sandbox is not None else not root
        executable = settings.chromium or next(filter(None, map(shutil.which, _NAMES)), None)
        return await playwright.chromium.launch(
            executable_path=executable,
            headless=settings.headless,
            chromium_sandbox=sandbox,
            args=list(_ARGUMENTS),
        )

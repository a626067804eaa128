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
from enum import Enum, auto
from pathlib import Path

from playwright.async_api import Browser, Error, Page, Playwright, async_playwright

from verifiers.errors import BrowserMissing
from verifiers.portal.settings import PortalSettings

log = logging.getLogger(__name__)

#: A browser that was killed may never answer what is asked of it while tidying up.
_TIDY_SECONDS = 20.0
_NAMES = ("chromium", "chromium-browser", "google-chrome")
#: Parts of the browser's own window that nobody looks at: a process and a second of work for
#: each. The switch replaces Playwright's of the same name, so the list repeats what that turns
#: off for the sake of its own workings.
_UNNEEDED = (
    "AiModeOmniboxEntryPoint",
    "SpareRendererForSitePerProcess",
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxFullPopup",
    "WebUIOmniboxPopup",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "BoundaryEventDispatchTracksNodeRemoval",
    "DestroyProfileOnBrowserClose",
    "DialMediaRouteProvider",
    "GlobalMediaControls",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "OptimizationHints",
    "PaintHolding",
    "RenderDocument",
    "ThirdPartyStoragePartitioning",
    "Translate",
)
#: Plain hygiene for an unattended machine; nothing here hides what the browser is.
_ARGUMENTS = (
    f"--disable-features={','.join(_UNNEEDED)}",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-sync",
    "--no-first-run",
)


class Keep(Enum):
    """What becomes of a tab whose visit is over, if it is not closed."""

    IDLE = auto()
    SHOWN = auto()


@dataclass
class Tab:
    """One visit's page. `keep` says what becomes of it after a visit that ended by itself:
    `Keep.IDLE` lets the next visit have it, whose form then opens in seconds less; `Keep.SHOWN`
    leaves it standing before the person whose browser it is in."""

    page: Page
    traced: bool
    keep: Keep | None = None

    async def trace(self) -> bytes | None:
        """What this tab did and showed during the visit, for Playwright's trace viewer; None in
        a person's own browser, whose other tabs a trace would record as well."""
        if not self.traced:
            return None
        self.traced = False
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "trace.zip"
            await self.page.context.tracing.stop_chunk(path=path)
            return await asyncio.to_thread(path.read_bytes)


class TabBrowser:
    """A browser whose tabs are lent for one visit each. Lives in one event loop.

    Tabs of a browser that we started have a context of their own; in a person's browser they
    stand in its window.
    """

    def __init__(self, settings: PortalSettings) -> None:
        self._settings = settings
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self._idle: list[Page] = []
        self._starting = asyncio.Lock()
        self._free = asyncio.Semaphore(settings.tabs)

    @contextlib.asynccontextmanager
    async def tab(self) -> AsyncIterator[Tab]:
        """A tab, once one of the settings' number is free. Raises `BrowserMissing` when no
        browser can be started or attached to. A browser that died under the tab is dropped."""
        async with self._free:
            browser, tab = await self._opened()
            try:
                try:
                    yield tab
                except BaseException:
                    tab.keep = None
                    raise
                finally:
                    await self._put_away(tab)
            except Error:
                if not browser.is_connected():
                    await self._drop(browser)
                raise

    async def close(self) -> None:
        """End the browser that we started; let go of a person's."""
        if self._settings.attended:
            for page in self._idle:
                with contextlib.suppress(Error):
                    await page.close()
        if self._browser is not None:
            await self._drop(self._browser)

    async def _opened(self) -> tuple[Browser, Tab]:
        """A tab and its browser. One in which none can be opened is given up for another: where the
        driver was killed, the browser's object still says that it is connected."""
        browser = await self._started()
        try:
            return browser, await self._open(browser)
        except Error:
            await self._drop(browser)
        browser = await self._started()
        return browser, await self._open(browser)

    async def _open(self, browser: Browser) -> Tab:
        # A person may have closed a tab that stood in their window.
        idle = next((page for page in self._idle if not page.is_closed()), None)
        self._idle = [page for page in self._idle if page is not idle]
        page = idle or await self._new_page(browser)
        traced = not self._settings.attended
        if traced:
            await page.context.tracing.start_chunk()
        return Tab(page, traced)

    async def _put_away(self, tab: Tab) -> None:
        """Keep the tab or close it. A dead browser cannot close anything; the next visit
        starts another."""
        with contextlib.suppress(Error, TimeoutError):
            async with asyncio.timeout(_TIDY_SECONDS):
                if tab.traced:
                    await tab.page.context.tracing.stop_chunk()
                if tab.keep is Keep.IDLE:
                    self._idle.append(tab.page)
                elif not self._settings.attended:
                    await tab.page.context.close()
                elif tab.keep is not Keep.SHOWN:
                    await tab.page.close()

    async def _new_page(self, browser: Browser) -> Page:
        if self._settings.attended and browser.contexts:
            page = await browser.contexts[0].new_page()
        else:
            context = await browser.new_context(
                ignore_https_errors=self._settings.ignore_certificate,
                locale="zh-CN",
                timezone_id="Asia/Shanghai",
                viewport={"width": 1280, "height": 960},
            )
            await context.tracing.start(snapshots=True)
            page = await context.new_page()
        page.set_default_timeout(self._settings.page_timeout * 1000)
        return page

    async def _drop(self, browser: Browser) -> None:
        """Let the browser go, unless another has taken its place already."""
        if self._browser is not browser:
            return
        self._browser = None
        self._idle.clear()
        playwright, self._playwright = self._playwright, None
        with contextlib.suppress(Error, TimeoutError):
            await asyncio.wait_for(browser.close(), _TIDY_SECONDS)
        if playwright is not None:
            with contextlib.suppress(Exception):  # a driver that is no more raises a bare one
                await asyncio.wait_for(playwright.stop(), _TIDY_SECONDS)

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


async def browser_version(settings: PortalSettings) -> str:
    """The version of the browser that the settings name, having opened a page in it. Raises
    `BrowserMissing`."""
    browsers = TabBrowser(settings)
    try:
        async with browsers.tab() as tab:
            browser = tab.page.context.browser
            return browser.version if browser else "unknown"
    finally:
        await browsers.close()

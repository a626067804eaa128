"""The process between us and the browser is killed: the next tab is one of a new browser."""

from __future__ import annotations

import asyncio
import contextlib

import psutil
import pytest

from verifiers.portal.browser import TabBrowser
from verifiers.portal.settings import PortalSettings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def _kill_driver() -> None:
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if any("playwright/driver" in part for part in process.cmdline()):
                process.kill()
                process.wait(30)


def test_a_killed_driver_costs_no_later_visit() -> None:
    async def visits() -> list[str]:
        browsers = TabBrowser(PortalSettings(url="http://127.0.0.1:9/", tabs=2))
        seen = []
        try:
            for _ in range(2):
                async with browsers.tab() as tab:
                    await tab.page.goto("about:blank")
                    seen.append(tab.page.url)
                _kill_driver()
        finally:
            await browsers.close()
        return seen

    assert asyncio.run(visits()) == ["about:blank"] * 2

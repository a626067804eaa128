"""Does the live page still look as `portal.toml` says? Looks and types a sample code; asks for
no captcha and verifies nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from playwright.async_api import Error, Page, Response

from verifiers.errors import PortalError
from verifiers.portal.browser import TabBrowser
from verifiers.portal.layout import Layout, Sample, load_layout
from verifiers.portal.page import PortalPage
from verifiers.portal.settings import PortalSettings

#: How long the page may take to change its label after a sample was typed.
_LABEL_SECONDS = 2.0


@dataclass(frozen=True)
class Probed:
    """One thing that was looked for. `sound`: it is as described; `seen`: what is there."""

    what: str
    expected: str
    seen: str
    sound: bool


def probe(settings: PortalSettings) -> list[Probed]:
    """Every selector, label and message container of the layout, on the live page. Raises
    `BrowserMissing`; a page that cannot be opened is the one thing that is then told."""
    return asyncio.run(_probe(settings, load_layout()))


async def _probe(settings: PortalSettings, layout: Layout) -> list[Probed]:
    browser = TabBrowser(settings)
    try:
        async with browser.tab() as tab:
            portal = PortalPage(tab.page, layout, settings)
            opened = await _opened(tab.page, settings, layout)
            if not opened.sound:
                return [opened]
            found = [opened]
            found += [await _element(tab.page, layout, name) for name in layout.form]
            found.append(await _windowless(tab.page, layout))
            if all(one.sound for one in found):
                found += [await _label(portal, layout, sample) for sample in layout.samples]
            return found
    finally:
        await browser.close()


async def _opened(page: Page, settings: PortalSettings, layout: Layout) -> Probed:
    try:
        response = await page.goto(settings.url, wait_until="load")
    except Error as error:
        return Probed("page", settings.url, str(error).splitlines()[0], sound=False)
    status = _status(response)
    words = await page.locator("body").inner_text()
    shut = (
        layout.maintenance.matches(words) and not await page.locator(layout.form["number"]).count()
    )
    seen = f"HTTP {status}" + (", under maintenance" if shut else "")
    return Probed("page", settings.url, seen, sound=200 <= status < 400 and not shut)


def _status(response: Response | None) -> int:
    return response.status if response else 0


async def _element(page: Page, layout: Layout, name: str) -> Probed:
    """One of the form's selectors; those of a moment that is not now may be absent."""
    selector = layout.form[name]
    if name == "hint_wrong":  # a class that a hint takes on, no element
        return Probed(name, f"class {selector}", "only on a wrong key", sound=True)
    count = await page.locator(selector).count()
    if name in layout.shape.later:
        return Probed(name, selector, f"{count} there" if count else "not built yet", sound=True)
    return Probed(name, selector, f"{count} there", sound=count == 1)


async def _windowless(page: Page, layout: Layout) -> Probed:
    """No result window may stand on a fresh page: it would be taken for an answer."""
    count = await page.locator(layout.result.frame).count()
    return Probed("result window", "none yet", f"{count} there", sound=count == 0)


async def _label(portal: PortalPage, layout: Layout, sample: Sample) -> Probed:
    """What the page asks for as the fourth key once the sample stands in the form."""
    what = f"label for {sample.code or sample.number}"
    label = ""
    try:
        await portal.clear_the_way()
        await portal.type_into("code", sample.code)
        await portal.type_into("number", sample.number)
        for _ in range(int(_LABEL_SECONDS / 0.1)):
            label = await portal.fourth_label()
            if layout.label(label) is sample.wants:
                break
            await asyncio.sleep(0.1)
    except PortalError as error:
        return Probed(what, sample.wants, error.message("en"), sound=False)
    return Probed(what, sample.wants, label, sound=layout.label(label) is sample.wants)

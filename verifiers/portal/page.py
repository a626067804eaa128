"""The portal's page as an object: what a person can do on it, and what it says back.

Knows selectors (from the layout) and waiting; knows nothing of invoices, verdicts or retries.
Values go in with real key events, because the page's own checks listen to those.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, TypeVar

from playwright.async_api import Error, Frame, Locator, Page, Response
from playwright.async_api import TimeoutError as PlaywrightTimeout

from verifiers.errors import PortalChanged, PortalRefused, PortalUnreachable
from verifiers.portal.layout import Layout
from verifiers.portal.result import SNAPSHOT_SCRIPT
from verifiers.portal.seen import LOOK, STATIC_COPY, Picture, Popup, Seen, Window
from verifiers.portal.settings import PortalSettings
from verifiers.portal.traffic import Traffic

T = TypeVar("T")

_TICK = 0.1
#: How long a fresh page may take to build its form once its document is there.
_FORM_SECONDS = 10.0
#: How long the page may take to fetch a new captcha by itself before we click for one.
_OWN_REFRESH_SECONDS = 2.5
#: How long the result window may take to fill itself once it is open.
_FILL_SECONDS = 15.0
#: How long the result window may take to answer a look at it.
_FRAME_SECONDS = 5.0
#: How long a tab may take to be drawn for a picture.
_DRAW_SECONDS = 5.0
_PICTURE = re.compile(r"data:image/png;base64,(.+)", re.DOTALL)


class PortalPage:
    """One visit's page. Methods raise `PortalUnreachable`, `PortalRefused` or `PortalChanged`."""

    def __init__(self, page: Page, layout: Layout, settings: PortalSettings) -> None:
        self._page = page
        self._layout = layout
        self._settings = settings
        self._last_source = ""
        self._pictures = 0
        self._typed: dict[str, str] = {}
        self._traffic = Traffic(page)

    def let_go(self) -> None:
        """The visit is over; another may have the tab."""
        self._traffic.let_go()

    async def open(self) -> Popup | None:
        """Go to the form, insist on its shape, close the tutorial; a notice that stood over the
        form is closed and returned."""
        try:
            response = await self._page.goto(self._settings.url, wait_until="domcontentloaded")
        except Error as error:
            raise PortalUnreachable(detail=_first_line(error)) from error
        self._judge_status(response)
        await self._insist_on_shape()
        notice = await self.clear_the_way()
        # What stands there before the first captcha is no captcha.
        self._last_source = await self._source()
        return notice

    async def clear_the_way(self) -> Popup | None:
        """Close the tutorial and the notice that stand over the form; the notice, if any."""
        await self._close_if_visible("tutorial_close")
        notice = await self.popup()
        if notice is not None:
            await self.dismiss()
        return notice

    async def type_into(self, name: str, text: str) -> None:
        """Type over whatever a field of the form holds; the field must then hold `text`."""
        field = self._at(name)
        await field.focus()
        await self._page.keyboard.press("Control+A")
        if not text:
            await self._page.keyboard.press("Delete")
        await self._page.keyboard.type(text, delay=self._settings.typing_delay * 1000)
        # Chinese characters arrive without a keyup (as from an input method); the key that a
        # person would end with gives the page its keyup in every case.
        await self._page.keyboard.press("End")
        if await field.input_value() != text:
            raise PortalChanged(detail=f"the field {name} did not take what was typed")
        self._typed[name] = text

    async def holds_what_was_typed(self) -> bool:
        """Whether the form still holds our keys: a person may type in a browser of theirs."""
        for name, text in self._typed.items():
            if name != "answer" and await self._at(name).input_value() != text:
                return False
        return True

    async def fourth_label(self) -> str:
        return (await self._at("fourth_label").inner_text()).strip()

    async def leave_fourth(self) -> None:
        """Leave the last key's field, whereupon the page asks for its captcha."""
        await self._at("fourth").focus()
        await self._page.keyboard.press("Tab")

    async def refresh_captcha(self) -> None:
        """Click the captcha, as a person does who wants another."""
        await self._at("captcha").click()

    async def complaint(self) -> str:
        """What the page finds wrong with a key ("发票代码有误!"), or ""."""
        mark = self._layout.form["hint_wrong"]
        for name in ("code_hint", "number_hint", "date_hint", "fourth_hint"):
            hint = self._at(name)
            if await hint.count() and mark in (await hint.get_attribute("class") or "").split():
                return (await hint.inner_text()).strip()
        return ""

    async def captcha(self) -> Picture | Popup:
        """Wait for a captcha that was not shown before; click for one if the page is idle."""
        may_click = self._pictures > 0
        asked = time.monotonic()

        async def look() -> Picture | Popup | None:
            nonlocal may_click
            seen = await self._look()
            if seen.popup is not None:
                return Popup(seen.popup)
            if seen.another_captcha:
                return await self._read_picture()
            if may_click and time.monotonic() - asked > _OWN_REFRESH_SECONDS:
                may_click = False
                if await self._at("captcha").is_visible():
                    await self._at("captcha").click()
            return None

        found = await self._wait(look, self._settings.answer_timeout)
        if not isinstance(found, Picture | Popup):
            self._give_up(self._layout.requests.captcha, "no captcha came")
        return found

    async def glance(self) -> Popup | Window | Picture | None:
        """What the page has come to by itself, or by a person's hand, while we wait: a popup, a
        result, or another captcha in place of the one that was read."""
        seen = await self._look()
        if seen.popup is not None:
            return Popup(seen.popup)
        frame = await self._frame() if seen.window else None
        if frame is not None:
            return Window(await self._filled(frame))
        return await self._read_picture() if seen.another_captcha else None

    async def type_answer(self, answer: str) -> Popup | Window | Picture | None:
        """Type the captcha's answer and make sure that it can be sent; whatever stands there
        instead by then, if anything."""
        await self._close_if_visible("tutorial_close")
        seen = await self.glance()
        if seen is not None:
            return seen
        await self.type_into("answer", answer)
        if await self._source() != self._last_source:
            return await self.captcha()
        try:
            await self._at("submit").wait_for(state="visible", timeout=_FORM_SECONDS * 1000)
        except PlaywrightTimeout as error:
            said = await self.popup()
            if said is not None:
                return said
            detail = "the button stays hidden although the form is filled"
            raise PortalChanged(detail=detail) from error
        return None

    async def press(self) -> Popup | Window:
        """Press the button and wait for what the portal says."""
        self._traffic.forget()
        try:
            await self._at("submit").click(timeout=_FORM_SECONDS * 1000)
        except PlaywrightTimeout as error:
            said = await self.popup()
            if said is not None:
                return said
            raise PortalUnreachable(detail="something lies over the button") from error
        said_or_shown = await self._wait(self._answered, self._settings.answer_timeout)
        if not isinstance(said_or_shown, Popup | Window):
            self._give_up(self._layout.requests.check, "no answer in time")
        return said_or_shown

    async def popup(self) -> Popup | None:
        """Read the popup that stands over the page, if one does; it stays until dismissed."""
        seen = await self._look()
        return None if seen.popup is None else Popup(seen.popup)

    async def dismiss(self) -> None:
        """Close the popup."""
        await self._at("popup_ok").click()

    async def screenshot(self) -> bytes:
        return await self._pictured(self._page.screenshot)

    async def html(self) -> str:
        return await self._page.content()

    async def result_picture(self) -> bytes:
        """The result window as PNG."""
        return await self._pictured(self._page.locator(self._layout.result.frame).first.screenshot)

    async def _pictured(self, take: Callable[..., Awaitable[bytes]]) -> bytes:
        """A tab behind others in a person's window may not be drawn until it comes to the front,
        which is done only if need be: they may be typing in another."""
        try:
            return await take(timeout=_DRAW_SECONDS * 1000)
        except PlaywrightTimeout:
            await self._page.bring_to_front()
            return await take()

    async def print_result(self) -> bytes:
        """The result as PDF: a copy of its document without scripts takes the page's place, so
        this is the last thing to do in a visit."""
        frame = await self._frame()
        if frame is None:
            raise PortalChanged(detail="no result window to print")
        await self._page.set_content(await frame.evaluate(STATIC_COPY), wait_until="load")
        return await self._page.pdf(format="A4", landscape=True, print_background=True, scale=0.75)

    async def _answered(self) -> Popup | Window | None:
        seen = await self._look()
        if seen.popup is not None:
            return Popup(seen.popup)
        if self._traffic.failure:
            raise PortalUnreachable(detail=self._traffic.failure)
        frame = await self._frame() if seen.window else None
        return None if frame is None else Window(await self._filled(frame))

    async def _filled(self, frame: Frame) -> dict[str, Any]:
        """The window's snapshot once it shows an answer. A window that stays empty after its
        document has loaded is a changed page."""
        numbers = self._layout.stems["invoice_number"]
        loaded = False

        async def look() -> dict[str, Any] | None:
            nonlocal loaded
            raw = await self._snapshot(frame)
            loaded = bool(raw)
            texts = {name: any(values) for name, values in raw.get("ids", {}).items()}
            shown = texts.get(self._layout.result.id_failure) or any(
                filled and name.partition("_")[0] in numbers for name, filled in texts.items()
            )
            return raw if shown else None

        raw = await self._wait(look, _FILL_SECONDS)
        if raw is not None:
            return raw
        if self._traffic.failure or not loaded:
            raise PortalUnreachable(
                detail=self._traffic.failure or "the result window did not load"
            )
        raise PortalChanged(detail="the result window shows nothing known")

    async def _snapshot(self, frame: Frame) -> dict[str, Any]:
        """{} while the window's document is not there yet."""
        if frame.url == "about:blank" or frame.url.startswith("chrome-error:"):
            return {}
        try:
            # A window whose document stalls on its way never answers, and Playwright waits.
            return await asyncio.wait_for(self._shown_in(frame), _FRAME_SECONDS)
        except TimeoutError:
            return {}

    async def _shown_in(self, frame: Frame) -> dict[str, Any]:
        if await frame.evaluate("document.readyState") != "complete":
            return {}
        result = self._layout.result
        argument = {"lineTable": result.line_table, "lineCell": result.line_cell}
        return dict(await frame.evaluate(SNAPSHOT_SCRIPT, argument))

    async def _frame(self) -> Frame | None:
        window = self._page.locator(self._layout.result.frame)
        handle = await window.first.element_handle() if await window.count() else None
        return await handle.content_frame() if handle else None

    async def _look(self) -> Seen:
        form = self._layout.form
        argument = {
            "popup": form["popup"],
            "message": form["popup_message"],
            "captcha": form["captcha"],
            "window": self._layout.result.frame,
            "known": ["", self._last_source],
        }
        try:
            # Evaluations have no limit of their own, and a page that hangs never answers.
            seen = await asyncio.wait_for(
                self._page.evaluate(LOOK, argument), self._settings.page_timeout
            )
        except TimeoutError as error:
            raise PortalUnreachable(detail="the page does not answer") from error
        return Seen(seen["popup"], seen["another"], seen["window"])

    async def _read_picture(self) -> Picture:
        instruction = (await self._at("instruction").inner_text()).strip()
        if not self._layout.instruction.matches(instruction):
            raise PortalChanged(detail="the captcha's instruction is not understood")
        source = await self._source()
        picture = Picture(await self._png(source), instruction, await self._colour())
        self._last_source = source
        self._pictures += 1
        return picture

    async def _colour(self) -> str:
        """The colour that the instruction marks, by its word; `all` where it marks none."""
        mark = self._at("instruction_colour")
        if not await mark.count():
            return "all"
        word = await mark.first.inner_text()
        for colour, character in self._layout.colours.items():
            if character in word:
                return colour
        raise PortalChanged(detail=f"unknown captcha colour: {word[:10]}")

    async def _png(self, source: str) -> bytes:
        inline = _PICTURE.fullmatch(source)
        if inline is None:
            return await self._at("captcha").screenshot()
        try:
            return base64.b64decode(inline[1], validate=True)
        except binascii.Error as error:
            raise PortalChanged(detail="the captcha is not a picture") from error

    async def _source(self) -> str:
        return await self._at("captcha").get_attribute("src") or ""

    async def _insist_on_shape(self) -> None:
        required = self._layout.shape.required
        lacking = await self._wait_for_shape(required)
        if not lacking:
            return
        words = await self._page.locator("body").inner_text()
        if self._layout.maintenance.matches(words) and len(lacking) == len(required):
            raise PortalUnreachable(detail="the portal is under maintenance")
        if self._traffic.failure or await self._page.evaluate("document.readyState") == "loading":
            raise PortalUnreachable(
                detail=self._traffic.failure or "the page did not finish loading"
            )
        raise PortalChanged(detail=f"missing on the page: {', '.join(lacking)}")

    async def _wait_for_shape(self, names: tuple[str, ...]) -> list[str]:
        """The names still without an element when the time is up."""
        lacking = list(names)

        async def complete() -> bool | None:
            lacking[:] = [name for name in names if not await self._at(name).count()]
            return None if lacking else True

        await self._wait(complete, min(_FORM_SECONDS, self._settings.page_timeout))
        return lacking

    def _judge_status(self, response: Response | None) -> None:
        status = response.status if response else 0
        if status in self._layout.http.refused:
            raise PortalRefused(status=status)
        if status in self._layout.http.moved:
            raise PortalChanged(detail=f"HTTP {status}")
        if status >= 400:
            raise PortalUnreachable(detail=f"HTTP {status}")

    def _give_up(self, request: str, detail: str) -> NoReturn:
        """Nothing was seen in time: an outage, unless the portal answered the page's request
        and only we did not see where the page put the answer."""
        if self._traffic.answered(request) and not self._traffic.failure:
            raise PortalChanged(detail=f"{request} was answered but nothing known appeared")
        raise PortalUnreachable(detail=self._traffic.failure or detail)

    async def _close_if_visible(self, name: str) -> None:
        button = self._at(name).first
        if await button.is_visible():
            await button.click()

    def _at(self, name: str) -> Locator:
        return self._page.locator(self._layout.form[name])

    async def _wait(self, look: Callable[[], Awaitable[T | None]], seconds: float) -> T | None:
        """Look again and again until something is seen; None when the time is up."""
        end = time.monotonic() + seconds
        while True:
            seen = await look()
            if seen is not None or time.monotonic() > end:
                return seen
            await asyncio.sleep(_TICK)


def _first_line(error: Error) -> str:
    return str(error).splitlines()[0]

"""The portal's page as an object: what a person can do on it, and what it says back.

Knows selectors (from the layout) and waiting; knows nothing of invoices, verdicts or retries.
Values go in with real key events, because the page's own checks listen to those.
"""

from __future__ import annotations

import base64
import binascii
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

from playwright.sync_api import Error, Frame, Locator, Page, Request, Response
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from verifiers.errors import PortalChanged, PortalRefused, PortalUnreachable
from verifiers.portal.layout import Layout
from verifiers.portal.result import SNAPSHOT_SCRIPT
from verifiers.portal.settings import PortalSettings

T = TypeVar("T")

_TICK = 0.1
#: How long a fresh page may take to build its form once its document is there.
_FORM_SECONDS = 10.0
#: How long the page may take to fetch a new captcha by itself before we click for one.
_OWN_REFRESH_SECONDS = 2.5
#: How long the result window may take to fill itself once it is open.
_FILL_SECONDS = 15.0
_PICTURE = re.compile(r"data:image/png;base64,(.+)", re.DOTALL)
_WATCHED = frozenset({"document", "script", "xhr", "fetch"})


@dataclass(frozen=True)
class Popup:
    """A popup's words; it is already closed."""

    message: str


@dataclass(frozen=True)
class Picture:
    """A captcha as shown. `colour` is the one that the instruction names, or all."""

    png: bytes
    instruction: str
    colour: str


@dataclass(frozen=True)
class Window:
    """The result window's snapshot (see `verifiers.portal.result`)."""

    raw: dict[str, Any]


class PortalPage:
    """One visit's page. Methods raise `PortalUnreachable`, `PortalRefused` or `PortalChanged`."""

    def __init__(self, page: Page, layout: Layout, settings: PortalSettings) -> None:
        self._page = page
        self._layout = layout
        self._settings = settings
        self._last_source = ""
        self._pictures = 0
        self._failed = ""
        self._answers: set[str] = set()
        page.on("response", self._watch_response)
        page.on("requestfailed", self._watch_failure)

    def open(self) -> None:
        """Go to the form, insist on its shape, close the tutorial and any notice."""
        try:
            response = self._page.goto(self._settings.url, wait_until="domcontentloaded")
        except Error as error:
            raise PortalUnreachable(detail=_first_line(error)) from error
        self._judge_status(response)
        self._insist_on_shape()
        self._close_if_visible("tutorial_close")
        self.popup()
        # What stands there before the first captcha is no captcha.
        self._last_source = self._source()

    def type_into(self, name: str, text: str) -> None:
        """Type over whatever a field of the form holds; the field must then hold `text`."""
        field = self._at(name)
        field.focus()
        self._page.keyboard.press("Control+A")
        self._page.keyboard.type(text, delay=self._settings.typing_delay * 1000)
        # Chinese characters arrive without a keyup (as from an input method); the key that a
        # person would end with gives the page its keyup in every case.
        self._page.keyboard.press("End")
        if field.input_value() != text:
            raise PortalChanged(detail=f"the field {name} did not take what was typed")

    def fourth_label(self) -> str:
        return self._at("fourth_label").inner_text().strip()

    def leave_fourth(self) -> None:
        """Leave the last key's field, whereupon the page asks for its captcha."""
        self._page.keyboard.press("Tab")

    def complaint(self) -> str:
        """What the page finds wrong with a key ("发票代码有误!"), or ""."""
        mark = self._layout.form["hint_wrong"]
        for name in ("code_hint", "number_hint", "date_hint", "fourth_hint"):
            hint = self._at(name)
            if hint.count() and mark in (hint.get_attribute("class") or "").split():
                return hint.inner_text().strip()
        return ""

    def captcha(self) -> Picture | Popup:
        """Wait for a captcha that was not shown before; click for one if the page is idle."""
        may_click = self._pictures > 0
        asked = time.monotonic()

        def look() -> Picture | Popup | None:
            nonlocal may_click
            said = self.popup()
            if said is not None:
                return said
            shown = self._at("captcha").is_visible()
            if shown and self._source() not in ("", self._last_source):
                return self._read_picture()
            if shown and may_click and time.monotonic() - asked > _OWN_REFRESH_SECONDS:
                may_click = False
                self._at("captcha").click()
            return None

        found = self._wait(look, self._settings.answer_timeout)
        if not isinstance(found, Picture | Popup):
            self._give_up(self._layout.requests.captcha, "no captcha came")
        return found

    def submit(self, answer: str) -> Popup | Window:
        """Type the captcha's answer, press the button, wait for what the portal says.

        A popup that came while the person was thinking is the answer already.
        """
        self._close_if_visible("tutorial_close")
        waiting = self.popup()
        if waiting is not None:
            return waiting
        self.type_into("answer", answer)
        button = self._at("submit")
        try:
            button.wait_for(state="visible", timeout=_FORM_SECONDS * 1000)
        except PlaywrightTimeout as error:
            detail = "the button stays hidden although the form is filled"
            raise PortalChanged(detail=detail) from error
        self._failed = ""
        self._answers.clear()
        button.click()
        said = self._wait(self._answered, self._settings.answer_timeout)
        if not isinstance(said, Popup | Window):
            self._give_up(self._layout.requests.check, "no answer in time")
        return said

    def popup(self) -> Popup | None:
        """Read and close the popup that stands over the page, if one does."""
        box = self._at("popup")
        if not box.is_visible():
            return None
        message = self._at("popup_message").inner_text().strip()
        self._at("popup_ok").click()
        return Popup(message)

    def screenshot(self) -> bytes:
        return self._page.screenshot()

    def html(self) -> str:
        return self._page.content()

    def result_picture(self) -> bytes:
        """The result window as PNG."""
        return self._page.locator(self._layout.result.frame).first.screenshot()

    def result_html(self) -> str:
        """The result document without scripts, its references resolved against its address."""
        frame = self._frame()
        if frame is None:
            raise PortalChanged(detail="no result window to print")
        return str(frame.evaluate(_STATIC_COPY))

    def _answered(self) -> Popup | Window | None:
        said = self.popup()
        if said is not None:
            return said
        if self._failed:
            raise PortalUnreachable(detail=self._failed)
        frame = self._frame()
        return None if frame is None else Window(self._filled(frame))

    def _filled(self, frame: Frame) -> dict[str, Any]:
        """The window's snapshot once it shows an answer. A window that stays empty after its
        document has loaded is a changed page."""
        numbers = self._layout.stems["invoice_number"]

        def look() -> dict[str, Any] | None:
            raw = self._snapshot(frame)
            texts = {name: any(values) for name, values in raw.get("ids", {}).items()}
            shown = texts.get(self._layout.result.id_failure) or any(
                filled and name.partition("_")[0] in numbers for name, filled in texts.items()
            )
            return raw if shown else None

        raw = self._wait(look, _FILL_SECONDS)
        if raw is not None:
            return raw
        if self._failed:
            raise PortalUnreachable(detail=self._failed)
        raise PortalChanged(detail="the result window shows nothing known")

    def _snapshot(self, frame: Frame) -> dict[str, Any]:
        """{} while the window's document is not there yet."""
        if frame.evaluate("document.readyState") != "complete" or frame.url == "about:blank":
            return {}
        result = self._layout.result
        argument = {"lineTable": result.line_table, "lineCell": result.line_cell}
        return dict(frame.evaluate(SNAPSHOT_SCRIPT, argument))

    def _frame(self) -> Frame | None:
        window = self._page.locator(self._layout.result.frame)
        if not window.count() or not window.first.is_visible():
            return None
        handle = window.first.element_handle()
        return handle.content_frame() if handle else None

    def _read_picture(self) -> Picture:
        instruction = self._at("instruction").inner_text().strip()
        if not self._layout.instruction.matches(instruction):
            raise PortalChanged(detail="the captcha's instruction is not understood")
        picture = Picture(self._png(), instruction, self._colour())
        self._last_source = self._source()
        self._pictures += 1
        return picture

    def _colour(self) -> str:
        """The colour that the instruction marks, by its word; `all` where it marks none."""
        mark = self._at("instruction_colour")
        if not mark.count():
            return "all"
        word = mark.first.inner_text()
        for colour, character in self._layout.colours.items():
            if character in word:
                return colour
        raise PortalChanged(detail=f"unknown captcha colour: {word[:10]}")

    def _png(self) -> bytes:
        inline = _PICTURE.fullmatch(self._source())
        if inline is None:
            return self._at("captcha").screenshot()
        try:
            return base64.b64decode(inline[1], validate=True)
        except binascii.Error as error:
            raise PortalChanged(detail="the captcha is not a picture") from error

    def _source(self) -> str:
        return self._at("captcha").get_attribute("src") or ""

    def _insist_on_shape(self) -> None:
        required = self._layout.shape.required
        lacking = self._wait_for_shape(required)
        if not lacking:
            return
        words = self._page.locator("body").inner_text()
        if self._layout.maintenance.matches(words) and len(lacking) == len(required):
            raise PortalUnreachable(detail="the portal is under maintenance")
        if self._failed or self._page.evaluate("document.readyState") == "loading":
            raise PortalUnreachable(detail=self._failed or "the page did not finish loading")
        raise PortalChanged(detail=f"missing on the page: {', '.join(lacking)}")

    def _wait_for_shape(self, names: tuple[str, ...]) -> list[str]:
        """The names still without an element when the time is up."""
        lacking = list(names)

        def complete() -> bool | None:
            lacking[:] = [name for name in names if not self._at(name).count()]
            return None if lacking else True

        self._wait(complete, min(_FORM_SECONDS, self._settings.page_timeout))
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
        if request in self._answers and not self._failed:
            raise PortalChanged(detail=f"{request} was answered but nothing known appeared")
        raise PortalUnreachable(detail=self._failed or detail)

    def _watch_response(self, response: Response) -> None:
        if response.ok:
            self._answers.add(urlsplit(response.url).path.rpartition("/")[2])
        if response.status >= 500 and response.request.resource_type in _WATCHED:
            self._failed = f"HTTP {response.status}"

    def _watch_failure(self, request: Request) -> None:
        if request.resource_type in _WATCHED:
            self._failed = request.failure or "request failed"

    def _close_if_visible(self, name: str) -> None:
        button = self._at(name).first
        if button.is_visible():
            button.click()

    def _at(self, name: str) -> Locator:
        return self._page.locator(self._layout.form[name])

    def _wait(self, look: Callable[[], T | None], seconds: float) -> T | None:
        """Look again and again until something is seen; None when the time is up."""
        end = time.monotonic() + seconds
        while True:
            seen = look()
            if seen is not None or time.monotonic() > end:
                return seen
            self._page.wait_for_timeout(_TICK * 1000)


_STATIC_COPY = """
() => {
  const copy = document.documentElement.cloneNode(true);
  copy.querySelectorAll('script').forEach((node) => node.remove());
  const base = document.createElement('base');
  base.href = document.baseURI;
  copy.querySelector('head').prepend(base);
  return '<!DOCTYPE html>' + copy.outerHTML;
}
"""


def _first_line(error: Error) -> str:
    return str(error).splitlines()[0]

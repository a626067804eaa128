"""Our pages in a real Chromium, at the width of a desk and of a phone.

`Site` is the application on a real port; `Visitor` a browser profile that keeps what its pages
complained of and which hosts they asked. `check` is what every page must satisfy.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, Response, expect, sync_playwright

from archive.actors import Actor, Role
from fixtures.services import free_port
from tests.helpers import begin_session, make_person
from web.app import create_app
from worker.services import Services
from worker.settings import Settings

WIDTHS = {"desk": 1280, "phone": 390}
#: Bytes of a page with everything it needs, pictures of documents left out.
MOST_WEIGHT = 150_000
#: How long a page may take on a machine that has much else to do.
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)
_AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
_GRAVE = ("serious", "critical")
_DOCUMENT_PICTURES = ("/picture", "/evidence/", "/original", "/page/")

Width = Literal["desk", "phone"]


@dataclass
class Site:
    """The running application: where it is, and the services that it works on."""

    address: str
    services: Services
    stop: Callable[[], None]


@contextmanager
def serving(settings: Settings) -> Iterator[Site]:
    """The application on a free port of this machine; a queue server must run already."""
    port = free_port()
    app = create_app(settings)
    server = uvicorn.Server(
        uvicorn.Config(
            app, host="127.0.0.1", port=port, log_level="warning", timeout_graceful_shutdown=5
        )
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the web server did not start"
        time.sleep(0.02)

    def stop() -> None:
        app.state.streams.close()  # as a signal would
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive(), "the web server did not stop"

    try:
        yield Site(f"http://127.0.0.1:{port}", app.state.services, stop)
    finally:
        stop()


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium of this machine."""
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Visitor:
    """One person's browser. `complaints` and `hosts` gather over all its pages."""

    site: Site
    context: BrowserContext
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    weights: dict[str, int] = field(default_factory=dict)

    def sign_in(self, *roles: Role | tuple[Role, str]) -> Actor:
        """Be a new person who holds these roles, from the next page on."""
        actor = make_person(self.site.services, *roles)
        token = begin_session(self.site.services, actor)
        self.context.add_cookies(
            [{"name": "session", "value": token, "url": self.site.address, "httpOnly": True}]
        )
        return actor

    def page(self) -> Page:
        """A new page that is listened to."""
        page = self.context.new_page()
        page.on("console", lambda said: self._complain(said.text, said.type))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        page.on("response", self._weigh)
        return page

    def visit(self, path: str) -> Page:
        """A new page on a path of the site, everything loaded."""
        page = self.page()
        self.weights.clear()
        page.goto(self.site.address + path, wait_until="load")
        return page

    def _complain(self, text: str, kind: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)

    def _weigh(self, response: Response) -> None:
        path = urlsplit(response.url).path
        if not any(mark in path for mark in _DOCUMENT_PICTURES):
            self.weights[path] = int(response.headers.get("content-length", 0))


@contextmanager
def visitor(
    browser: Browser, site: Site, width: Width = "desk", scheme: Literal["light", "dark"] = "light"
) -> Iterator[Visitor]:
    """A browser profile of its own: window of that width, colours as wished."""
    phone = width == "phone"
    context = browser.new_context(
        viewport={"width": WIDTHS[width], "height": 844 if phone else 900},
        device_scale_factor=2 if phone else 1,
        has_touch=phone,
        is_mobile=phone,
        color_scheme=scheme,
        locale="zh-CN",
    )
    context.set_default_timeout(PATIENCE_MS)
    try:
        yield Visitor(site, context)
    finally:
        context.close()


def check(visitor: Visitor, page: Page) -> None:
    """What every page must satisfy: no complaint, no other host, nothing that keeps people out,
    no more than it may weigh, and nothing wider than the window."""
    assert visitor.complaints == []
    assert {host for host in visitor.hosts if host} == {urlsplit(visitor.site.address).netloc}
    assert grave_faults(page) == []
    weight = sum(visitor.weights.values())
    assert 0 < weight < MOST_WEIGHT, f"{page.url} weighs {weight} bytes: {visitor.weights}"
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0, f"{page.url} is {wide} pixels wider than its window"


def grave_faults(page: Page) -> list[str]:
    """What axe-core counts as serious or worse, with the place."""
    page.evaluate(_AXE)
    report: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{fault['id']}: {node['html'][:200]} {node.get('failureSummary', '')[:300]}"
        for fault in report["violations"]
        if fault["impact"] in _GRAVE
        for node in fault["nodes"]
    ]

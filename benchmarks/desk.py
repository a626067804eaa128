"""Every page as a person sees it first, with many documents in the database.

    python -m benchmarks.desk [--count 100000] [--times 7] [--database sqlite] [--pages /review ...]

For each page a server is started anew (`yanpiao web`, as in the Procfile); a real Chromium with an
empty profile opens the page as the very first of that process, and then `--times` more, each with
an empty profile, once the browser's new window has come to rest: it draws pages of its own beside
ours, which nobody waits for who opens a link. `work` is the server's processor for page and parts;
the other times count from the navigation's beginning: to the first byte, to the first paint with
content, to the end of loading. KB are those of the page with all it needs, pictures of documents
left out, as they came over the wire.

The file of the database stays in the machine's memory, unless `--forget` drops it (SQLite only).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import psutil
from playwright.sync_api import Browser, sync_playwright

from archive import accounts, sessions
from archive.database import Database
from benchmarks.desk_made import Desk, fill
from benchmarks.machine import machine, processor_of
from fixtures import postgres
from fixtures.browser import launch
from fixtures.web_server import WebServer, web_server
from worker import broker
from worker.figures import bring_up_to_date
from worker.settings import Settings

_A_LOOK, _LONGEST_REST = 0.2, 20.0
BAR_MILLISECONDS, BAR_KILOBYTES = 300, 150
_SEEN = """() => new Promise(done => {
  const told = () => {
    const page = performance.getEntriesByType('navigation')[0];
    const paint = performance.getEntriesByName('first-contentful-paint')[0];
    if (!paint || !page.loadEventEnd) { setTimeout(told, 20); return; }
    const parts = performance.getEntriesByType('resource').filter(
      each => !/\\/(picture|page|evidence|original)(\\/|$)/.test(new URL(each.name).pathname));
    const bytes = [page, ...parts].reduce((sum, each) => sum + each.encodedBodySize, 0);
    done([page.responseStart, paint.startTime, page.loadEventEnd, bytes / 1000]);
  };
  told();
})"""


@dataclass(frozen=True, slots=True)
class View:
    """One opening of a page: milliseconds of the server's processor, to the first byte, to the
    first paint and to the end of loading; KB."""

    work: float
    byte: float
    paint: float
    load: float
    kilobytes: float


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=7)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--data", type=Path, help="keep what is made here, or use it (SQLite)")
    parser.add_argument("--pages", nargs="*", help="only pages whose address begins so")
    parser.add_argument("--forget", action="store_true", help="read the database from the disk")
    asked = parser.parse_args()
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"{machine()}, load before {load}, {asked.database}, {asked.count:,} documents")
    with contextlib.ExitStack() as stack:
        folder = asked.data or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = "" if asked.database == "sqlite" else stack.enter_context(postgres.own_server())
        settings = Settings(data=folder, database_url=url)
        stack.enter_context(broker.bundled(settings))
        database = Database(settings.database)
        database.migrate()
        begun = time.perf_counter()
        desk = _desk(database, folder / "desk.json", asked.count)
        print(f"made, or found, in {time.perf_counter() - begun:.0f} s", flush=True)
        token = _session(database, desk)
        database.close()
        browser = launch(stack.enter_context(sync_playwright()))
        wanted = [page for page in pages_of(desk) if _is_asked_for(page, asked.pages)]
        _measure(browser, settings, token, wanted, asked.times, asked.forget)


def _desk(database: Database, kept: Path, count: int) -> Desk:
    """Made now, or as it was made before and written down."""
    if kept.exists():
        return Desk(**json.loads(kept.read_text("utf-8")))
    desk = fill(database, count)
    bring_up_to_date(database)
    kept.write_text(json.dumps(asdict(desk)), "utf-8")
    return desk


def pages_of(desk: Desk) -> tuple[str, ...]:
    """An address of every page that somebody signed in can open."""
    return (
        *("/", "/review", f"/review/{desk.case}", "/review?order=amount"),
        *("/vouchers", f"/vouchers/{quote(desk.voucher)}"),
        *("/find", "/find?q=0001", "/find?q=商贸", "/dashboard", "/audit"),
        *("/captcha", "/new", "/claims", f"/claims/{desk.claim}", f"/batches/{desk.batch}"),
        *(f"/documents/{desk.document}", "/notices", "/account"),
        *("/people", f"/people/{desk.keeper}"),
    )


def _is_asked_for(page: str, beginnings: list[str] | None) -> bool:
    return not beginnings or any(
        page == one or (one != "/" and page.startswith(one)) for one in beginnings
    )


def _session(database: Database, desk: Desk) -> str:
    with database.write() as session:
        person = accounts.by_id(session, desk.keeper)
        return sessions.begin(session, person, factor_proved=True)


def _measure(
    browser: Browser, settings: Settings, token: str, pages: list[str], times: int, forget: bool
) -> None:
    print(f"{'':<34}{'first of a process, ms':>28}{'median, ms':>28}")
    print(f"{'page':<34}{2 * ''.join(f'{name:>7}' for name in View.__slots__[:-1])}{'KB':>7}")
    over, starts = [], []
    for page in pages:
        if forget:
            _forget(settings)
        with web_server(settings) as server:
            starts.append(server.seconds)
            first = _look(browser, server, page, token)
            later = [_look(browser, server, page, token) for _ in range(times)]
        usual = [
            statistics.median(getattr(each, name) for each in later) for name in View.__slots__
        ]
        cells = (first.work, first.byte, first.paint, first.load, *usual)
        print(f"{page[:33]:<34}{''.join(f'{cell:>7.0f}' for cell in cells)}", flush=True)
        if max(first.paint, usual[2]) > BAR_MILLISECONDS or usual[4] > BAR_KILOBYTES:
            over.append(page)
    print(f"server ready {statistics.median(starts):.1f} s after its start (median)")
    print(f"over {BAR_MILLISECONDS} ms or {BAR_KILOBYTES} KB: {', '.join(over) or 'none'}")


def _look(browser: Browser, server: WebServer, path: str, token: str) -> View:
    address = server.address
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="zh-CN")
    try:
        context.add_cookies([{"name": "session", "value": token, "url": address, "httpOnly": True}])
        page = context.new_page()
        _rest()
        before = server.processor()
        reply = page.goto(address + path, wait_until="load")
        if reply is None or reply.status != httpx.codes.OK or urlsplit(page.url).path == "/sign-in":
            raise SystemExit(f"{path}: {reply and reply.status} {page.url}")
        seen = page.evaluate(_SEEN)
        return View((server.processor() - before) * 1000, *seen)
    finally:
        context.close()


def _rest() -> None:
    """Until what this process has started, the browser among it, has nothing more to do."""
    me, deadline = psutil.Process(), time.monotonic() + _LONGEST_REST
    before = processor_of(me.children(recursive=True))
    while time.monotonic() < deadline:
        time.sleep(_A_LOOK)
        now = processor_of(me.children(recursive=True))
        if now - before < _A_LOOK / 10:
            return
        before = now
    print(f"no rest within {_LONGEST_REST:.0f} s")


def _forget(settings: Settings) -> None:
    for path in settings.root.glob("yanpiao.db*"):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


if __name__ == "__main__":
    main()

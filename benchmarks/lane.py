"""One operator at the captcha desk: does anybody wait, how many verifications a minute, and
what does a tab cost?

    python -m benchmarks.lane [--documents 40] [--tabs 6] [--typing 3] [--step 0.5 2]

The real services verify e-invoices through a stand-in portal that takes its time at each step
(page, captcha, query, result: drawn evenly from `--step` seconds). The operator asks the real
desk, types each captcha for `--typing` seconds, and is measured while none is there. The
session runs from the first captcha to the last answer. Memory is proportional set size (shared
pages count once), the peak while the tabs are in use.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import datetime as dt
import hashlib
import json
import statistics
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

import httpx
import psutil
from rich.console import Console
from rich.table import Table
from sqlalchemy import func, select

from archive.database import Database
from archive.records import Document, State, VerificationRow
from benchmarks.machine import machine
from extractors.model import Kind
from fixtures.maker import Form, make, make_truth
from fixtures.services import Running, running

_SEED = 21_000
_LOOK_SECONDS = 0.05
_LONGEST_WAIT_SECONDS = 120
_DONE = (State.PASSED, State.ARCHIVED, State.IN_REVIEW, State.FAILED)


@dataclass
class Session:
    """What one operator went through. Times are seconds."""

    answers: int = 0
    gone: int = 0
    began: float = 0.0
    ended: float = 0.0
    waits: list[float] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return self.ended - self.began


class Operator:
    """Sits at the desk with the stand-in's answers, and types as slowly as a person."""

    def __init__(self, services: Running, typing: float) -> None:
        self._desk = services.client()
        self._portal = httpx.Client(base_url=services.portal, timeout=60)
        hello = self._portal.get("/fixture/hello").raise_for_status().json()
        if hello.get("stand_in") != "yanpiao-portal":
            raise SystemExit("this benchmark works on the stand-in portal only")
        self._typing = typing
        self.session = Session()

    def work(self, enough: threading.Event) -> None:
        """Answer captcha after captcha until there is nothing left to verify."""
        session = self.session
        while (challenge := self._next(enough)) is not None:
            session.began = session.began or time.monotonic()
            image = base64.b64decode(challenge["image"].partition(",")[2])
            digest = hashlib.sha256(image).hexdigest()
            time.sleep(self._typing)
            reply = self._portal.get("/fixture/captcha-answer", params={"sha256": digest})
            answer = reply.raise_for_status().json()["answer"]
            sent = self._desk.post(f"/api/captcha/{challenge['id']}", json={"answer": answer})
            session.answers += sent.is_success
            session.gone += sent.status_code == httpx.codes.GONE
            session.ended = time.monotonic()

    def _next(self, enough: threading.Event) -> dict[str, str] | None:
        began = time.monotonic()
        while not enough.is_set() and time.monotonic() - began < _LONGEST_WAIT_SECONDS:
            reply = self._desk.get("/api/captcha/next", params={"operator": "bench"})
            if reply.status_code != httpx.codes.NO_CONTENT:
                if self.session.began:
                    self.session.waits.append(time.monotonic() - began)
                return dict(reply.raise_for_status().json())
            time.sleep(_LOOK_SECONDS)
        return None


class TabMemory(threading.Thread):
    """Peak proportional set size (bytes) of Chromium, and of its page processes alone."""

    def __init__(self, services: Running) -> None:
        super().__init__(name="tab-memory", daemon=True)
        self.whole = self.pages = self.driver = 0
        self.page_count = 0
        self._services = services
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(1.0):
            whole, pages, driver, count = 0, 0, 0, 0
            for process in self._services.descendants():
                with contextlib.suppress(psutil.Error):
                    line = " ".join(process.cmdline())
                    if "chrom" in line and "playwright" not in line.split(" ", 1)[0]:
                        size = process.memory_full_info().pss
                        whole += size
                        pages += size if "--type=renderer" in line else 0
                        count += "--type=renderer" in line
                    elif "driver" in line and "playwright" in line:
                        driver += process.memory_full_info().pss
            self.driver = max(self.driver, driver)
            if whole > self.whole:
                self.whole, self.pages, self.page_count = whole, pages, count

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()


def _batch(folder: Path, documents: int) -> Path:
    """So many e-invoices as XML, and the list of what the stand-in knows."""
    today = dt.datetime.now(ZoneInfo("Asia/Shanghai")).date()
    truths = [make_truth(Kind.DIGITAL_NORMAL, _SEED + n, today=today) for n in range(documents)]
    (folder / "in").mkdir()
    for number, truth in enumerate(truths):
        content = make(truth, Form.XML, _SEED + number).content
        (folder / "in" / f"{number:04}.xml").write_bytes(content)
    known = folder / "known.json"
    rows = [truth.model_dump(mode="json") | {"status": "normal"} for truth in truths]
    known.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    return known


def _until(database: Database, documents: int, enough: threading.Event) -> None:
    """Set `enough` once every document has its verdict."""
    while not enough.wait(0.5):
        with database.read() as session:
            done = session.scalar(select(func.count(Document.id)).where(Document.state.in_(_DONE)))
        if done == documents:
            enough.set()


def _reasons(database: Database) -> dict[str, int]:
    with database.read() as session:
        query = select(VerificationRow.reason, func.count()).group_by(VerificationRow.reason)
        return {str(reason): int(count) for reason, count in session.execute(query)}


def measure(options: argparse.Namespace, console: Console) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        known = _batch(folder, options.documents)
        settings = {"YANPIAO_VERIFY_TABS": str(options.tabs), "YANPIAO_PORTAL_PER_MINUTE": "60"}
        with running(folder / "data", known, operator=False, settings=settings) as services:
            weather = {"seed": _SEED, "step": options.step}
            httpx.post(f"{services.portal}fixture/weather", json=weather).raise_for_status()
            database = Database(f"sqlite:///{services.data / 'yanpiao.db'}")
            services.yanpiao("drop", str(folder / "in"), "--voucher", "JZ-BENCH")
            enough = threading.Event()
            watch = threading.Thread(target=_until, args=(database, options.documents, enough))
            watch.start()
            operator = Operator(services, options.typing)
            with TabMemory(services) as memory:
                operator.work(enough)
            enough.set()
            watch.join()
            _report(console, options, operator.session, memory, _reasons(database))


def _report(
    console: Console,
    options: argparse.Namespace,
    session: Session,
    memory: TabMemory,
    reasons: dict[str, int],
) -> None:
    waits = session.waits or [0.0]
    waiting = sum(waits)
    mib = 1024**2
    table = Table("what", "value", "bar", title="One operator, one browser")
    for row in (
        ("tabs", str(options.tabs), ""),
        ("a step of the portal", f"{options.step[0]}-{options.step[1]} s", ""),
        ("typing a captcha", f"{options.typing} s", ""),
        ("session", f"{session.seconds:.0f} s", ""),
        ("answers taken, come too late", f"{session.answers}, {session.gone}", ""),
        ("operator's waiting time", f"{100 * waiting / session.seconds:.1f} %", "< 5 %"),
        ("  median, longest wait", f"{statistics.median(waits):.2f} s, {max(waits):.2f} s", ""),
        ("verifications a minute", f"{60 * session.answers / session.seconds:.1f}", ">= 15"),
        ("Chromium in all, a tab", f"{memory.whole / mib / options.tabs:.0f} MiB", "< 150 MiB"),
        ("  page processes alone", f"{memory.pages / mib / max(1, memory.page_count):.0f} MiB", ""),
        ("Playwright's driver", f"{memory.driver / mib:.0f} MiB", ""),
        ("outcomes", ", ".join(f"{count} {name}" for name, count in reasons.items()), ""),
    ):
        table.add_row(*row)
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.lane", description=__doc__)
    parser.add_argument("--documents", type=int, default=40)
    parser.add_argument("--tabs", type=int, default=6)
    parser.add_argument("--typing", type=float, default=3.0)
    parser.add_argument("--step", type=float, nargs=2, default=(0.5, 2.0))
    console = Console(width=100)
    console.print(machine())
    load = psutil.getloadavg()[0]
    console.print(f"load of the machine before the run: {load:.1f}")
    measure(parser.parse_args(), console)


if __name__ == "__main__":
    main()

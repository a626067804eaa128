"""The bare parts, each alone: reading a page, inserting a row, opening the portal's page."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
from playwright.sync_api import sync_playwright

from archive import audit
from archive.database import Database
from benchmarks.machine import processor_of
from fixtures import postgres
from worker.reader_process import ReaderProcess
from worker.settings import Settings

_CAREFUL = ("fsync=on", "synchronous_commit=on", "full_page_writes=on")
_ROWS = 300
_VISITS = 8
#: About what one of the product's rows holds.
_ROW = json.dumps({"invoice": "x" * 900})


@dataclass(frozen=True, slots=True)
class Bare:
    """Medians or means in milliseconds: by the clock, and of processor (None: not ours to see)."""

    clock: float
    processor: float | None


def reading(paths: Sequence[Path]) -> dict[str, Bare]:
    """Each form's files read by the reading process, and nothing else: for pictures that is
    recognition with its geometry. The first of each form is read twice, to be warm."""
    found: dict[str, Bare] = {}
    settings = Settings(_env_file=None, ocr_threads=1, log_level="error")
    with ReaderProcess(settings) as reader:
        reader.warm_up()
        process = psutil.Process(reader.pid)
        for form in dict.fromkeys(path.suffix for path in paths):
            own = [path for path in paths if path.suffix == form]
            reader.read(own[0])
            before, began = processor_of([process]), time.perf_counter()
            for path in own:
                reader.read(path)
            seconds = time.perf_counter() - began
            spent = processor_of([process]) - before
            found[form.lstrip(".")] = Bare(1000 * seconds / len(own), 1000 * spent / len(own))
    return found


def insert_sqlite() -> Bare:
    """One row in one transaction that reaches the disk, with the product's own pragmas."""
    with tempfile.TemporaryDirectory() as folder:
        connection = sqlite3.connect(Path(folder) / "bare.db", isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE bare (id INTEGER PRIMARY KEY, data TEXT)")

        def one() -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO bare (data) VALUES (?)", (_ROW,))
            connection.execute("COMMIT")

        found = _timed(one)
        connection.close()
        return found


def insert_postgresql() -> Bare:
    """The same on PostgreSQL; the server's own processor time is not counted."""
    with postgres.own_server(*_CAREFUL) as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE bare (id bigserial PRIMARY KEY, data text)")

        def one() -> None:
            with connection.transaction():
                connection.execute("INSERT INTO bare (data) VALUES (%s)", (_ROW,))

        clock = _timed(one).clock
        return Bare(clock, None)


def trail(url: str) -> Bare:
    """One row of the product's own audit trail in a transaction of its own: about as long as
    nobody else can write one."""
    database = Database(url)
    database.migrate()

    def one() -> None:
        with database.write() as session:
            audit.record(session, "measured", detail={"sha256": "0" * 64, "size": 1})

    found = _timed(one)
    database.close()
    return found


def databases() -> dict[str, Bare]:
    """All that is measured of databases alone, on the engines that there are."""
    with tempfile.TemporaryDirectory() as folder:
        found = {
            "insert, SQLite": insert_sqlite(),
            "row of the trail, SQLite": trail(f"sqlite:///{folder}/trail.db"),
        }
    if postgres.programs() is not None:
        found["insert, PostgreSQL"] = insert_postgresql()
        with postgres.own_server(*_CAREFUL) as url:
            found["row of the trail, PostgreSQL"] = trail(url)
    return found


def _timed(one: Callable[[], None]) -> Bare:
    one()
    spent, before = [], time.process_time()
    for _ in range(_ROWS):
        began = time.perf_counter()
        one()
        spent.append(time.perf_counter() - began)
    return Bare(1000 * statistics.median(spent), 1000 * (time.process_time() - before) / _ROWS)


def page(portal: str) -> Bare:
    """The portal's form opened and drawn in a warm Chromium, nothing typed and nothing asked."""
    with _chromium() as (open_page, processes):
        open_page(portal)
        before, began = processor_of(processes()), time.perf_counter()
        for _ in range(_VISITS):
            open_page(portal)
        seconds = time.perf_counter() - began
        spent = processor_of(processes()) - before
    return Bare(1000 * seconds / _VISITS, 1000 * spent / _VISITS)


@contextlib.contextmanager
def _chromium() -> Iterator[tuple[Callable[[str], None], Callable[[], list[psutil.Process]]]]:
    me = psutil.Process()
    known = {child.pid for child in me.children(recursive=True)}

    def processes() -> list[psutil.Process]:
        return [each for each in me.children(recursive=True) if each.pid not in known]

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox"] if os.geteuid() == 0 else [],
        )
        tab = browser.new_page()

        def open_page(url: str) -> None:
            tab.goto(url, wait_until="load")
            tab.screenshot()

        yield open_page, processes
        browser.close()

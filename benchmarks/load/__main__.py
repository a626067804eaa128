from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

import benchmarks.load
from benchmarks.load import bare, tables
from benchmarks.load.files import made
from benchmarks.load.flood import flood
from benchmarks.load.house import house
from benchmarks.load.kinds import KINDS, costs
from benchmarks.load.steady import TOGETHER, steady
from benchmarks.machine import machine
from fixtures.maker import Form

#: Of ten thousand made files most are XML: drawing PDFs would take longer than reading them.
_FLOOD_SHARES = {Form.XML: 8, Form.OFD: 1, Form.PDF: 1}
PARTS = ("steady", "flood", "kinds", "bare")


class Run:
    """One run of the benchmark: what was asked, where files lie, and what has been found."""

    def __init__(self, asked: argparse.Namespace, folder: Path, console: Console) -> None:
        self._asked = asked
        self._folder = folder
        self._console = console
        self.found: dict[str, Any] = {}

    def steady(self) -> None:
        asked = self._asked
        files = made(self._folder, asked.documents + 2 * TOGETHER)
        runs = [
            steady(files, engine, "vendor", workers)
            for engine in asked.engines
            for workers in asked.workers
        ]
        if not asked.quick:
            few = made(self._folder, asked.scans + 2 * TOGETHER, {Form.XML: 1})
            runs.append(steady(few, "sqlite", "portal", 1))
        tables.steady_tables(self._console, runs)
        self.found["steady"] = [asdict(run) for run in runs]

    def flood(self) -> None:
        asked = self._asked
        files = made(self._folder, asked.uploads, _FLOOD_SHARES)
        run = flood(files, asked.engines[0], max(asked.workers), asked.drain, asked.drain_seconds)
        tables.flood_tables(self._console, run)
        self.found["flood"] = asdict(run)

    def kinds(self) -> None:
        asked = self._asked
        found = []
        for each in costs(self._folder, asked.kinds, asked.documents // 4, asked.scans):
            found.append(each)
            # At once: what comes after may fail or be broken off.
            self._console.print(f"{each.kind}: {each.whole:.0f} ms, reading {each.reading:.0f} ms")
        tables.cost_table(self._console, found)
        self.found["kinds"] = [
            asdict(each) | {"whole": each.whole, "overhead": each.overhead} for each in found
        ]

    def bare(self) -> None:
        alone = bare.databases()
        with house(made(self._folder, 1, {Form.XML: 1}).known, "sqlite", "portal", 1) as here:
            alone["portal's page in Chromium"] = bare.page(here.services.portal)
        tables.bare_table(self._console, alone)
        self.found["bare"] = {name: asdict(each) for name, each in alone.items()}


def main() -> None:
    # Told to end, it takes its services and folders along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    asked = _options()
    console = Console(width=150)
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    about = f"{machine()}, load average before {load}"
    console.print(about)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="yp-made-") as folder:
        run = Run(asked, asked.made or Path(folder), console)
        works: dict[str, Callable[[], None]] = {
            "steady": run.steady, "flood": run.flood, "kinds": run.kinds, "bare": run.bare
        }  # fmt: skip
        for part in asked.only:
            started = time.monotonic()
            works[part]()
            load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
            spent = time.monotonic() - started
            console.print(f"[dim]{part}: {spent:.0f} s, load average {load}[/]")
            seconds = time.monotonic() - began
            if asked.json:  # at once: the next part may fail or be broken off
                _write(asked.json, {"about": about, "seconds": seconds, **run.found})
    seconds = time.monotonic() - began
    console.print(f"all in {seconds:.0f} s")


def _write(path: Path, said: dict[str, Any]) -> None:
    """Put the figures into the file; parts that an earlier run left there stay."""
    known = json.loads(path.read_text("utf-8")) if path.exists() else {}
    text = json.dumps(known | said, ensure_ascii=False, indent=1)
    path.write_text(text, encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.load", description=benchmarks.load.__doc__)
    parser.add_argument("--quick", action="store_true", help="small, in under two minutes")
    parser.add_argument("--only", nargs="+", choices=PARTS, help="these parts")
    parser.add_argument("--engines", nargs="+", choices=("sqlite", "postgresql"))
    parser.add_argument("--workers", nargs="+", type=int, help="of each stage, a run each")
    parser.add_argument("--documents", type=int, help="e-files of a steady run")
    parser.add_argument("--kinds", nargs="+", choices=tuple(KINDS), default=list(KINDS))
    parser.add_argument("--scans", type=int, help="scans, and visits to the portal's page")
    parser.add_argument("--uploads", type=int, help="uploads at once")
    parser.add_argument("--drain", type=int, help="of which so many are worked off")
    parser.add_argument("--drain-seconds", type=float, help="or as many as in this time")
    parser.add_argument("--made", type=Path, help="folder that keeps the made files for other runs")
    parser.add_argument("--json", type=Path, help="where all figures go, beside those there")
    asked = parser.parse_args()
    usual: dict[str, Any] = (
        {"only": ["steady"], "engines": ["sqlite"], "workers": [1], "documents": 60, "scans": 4,
         "uploads": 200, "drain": 60, "drain_seconds": 30.0}
        if asked.quick else
        {"only": list(PARTS), "engines": ["sqlite", "postgresql"], "workers": [1, 2, 4],
         "documents": 240, "scans": 16, "uploads": 10_000, "drain": 5_000, "drain_seconds": 600.0}
    )  # fmt: skip
    for name, value in usual.items():
        if getattr(asked, name) is None:
            setattr(asked, name, value)
    return asked


if __name__ == "__main__":
    main()

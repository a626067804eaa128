"""`python -m benchmarks.endurance`; see the package."""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
from dataclasses import asdict
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.endurance.run import Outcome, Plan, endured
from benchmarks.machine import machine


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.endurance", description=__doc__)
    parser.add_argument("--documents", type=int, default=300)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--storage", choices=("s3", "folder"), default="s3")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--only", nargs="+", default=[], help="kinds of fault; none: all of them")
    parser.add_argument("--drain", type=float, default=600, help="longest seconds afterwards")
    parser.add_argument("--json", type=Path, help="where the results go as JSON")
    parser.add_argument("--log", type=Path, help="where the services' log is kept")
    options = parser.parse_args()
    # Told to stop, also in the background of a script, it takes its house down with it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    console = Console(width=None if sys.stdout.isatty() else 110)
    said = f"{machine()}, load {psutil.getloadavg()[0]:.1f}"
    console.print(said, highlight=False)
    plan = Plan(
        documents=options.documents,
        faults=options.faults,
        seed=options.seed,
        storage=options.storage,
        clients=options.clients,
        only=tuple(options.only),
        drain_seconds=options.drain,
        log=options.log,
    )
    outcome = endured(plan, lambda line: console.print(line, highlight=False, markup=False))
    _print(console, outcome)
    if options.json:
        result = {"machine": said, "plan": asdict(plan) | {"log": None}, **asdict(outcome)}
        text = json.dumps(result, ensure_ascii=False, indent=1, default=str)
        options.json.write_text(text + "\n", encoding="utf-8")
    return 0 if outcome.sound else 1


def _print(console: Console, outcome: Outcome) -> None:
    table = Table("fault", "times", "well again, median s", "longest s", title="Faults")
    for kind, row in outcome.faults().items():
        late = f", {row.late} never" if row.late else ""
        table.add_row(kind, str(row.count), f"{row.median:.1f}", f"{row.longest:.1f}{late}")
    table.add_row("all", str(len(outcome.met)), "", "")
    console.print(table)
    for line in outcome.told():
        console.print(line, highlight=False, markup=False)
    for name, wrong in outcome.checks.items():
        console.print(f"{'FAILED' if wrong else 'holds '}  {name}", highlight=False, markup=False)
        for line in wrong:
            console.print(f"          {line}", highlight=False, markup=False)


if __name__ == "__main__":
    sys.exit(main())

"""The printed tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.load.bare import Bare
from benchmarks.load.flood import CLIENTS, Flood
from benchmarks.load.kinds import Cost
from benchmarks.load.records import STEPS
from benchmarks.load.steady import TOGETHER, Steady, quantile, total

_PARTS = ("web", "queue server", "ocr worker", "reading process", "verify worker",
          "archive worker", "clock", "Chromium", "supervisor", "stand-ins")  # fmt: skip
#: What the system may add to the recognition of a scan.
OVERHEAD_BAR = 0.10


def steady_tables(console: Console, runs: Sequence[Steady]) -> None:
    table = Table("engine, road", "workers", "documents", "a second", "upload p50 ms", "p95 ms",
                  "busy: read", "verify", "archive", "idle cores",
                  title="Steady state")  # fmt: skip
    for run in runs:
        waits = run.uploads.waits
        table.add_row(
            f"{run.engine}, {run.road}", str(run.workers), str(run.documents), f"{run.rate:.2f}",
            *(f"{1000 * quantile(waits, share):.0f}" for share in (0.5, 0.95)),
            *(f"{run.busy[stage]:.0%}" for stage in ("read", "verify", "archive")),
            f"{run.idle:.2f}",
        )  # fmt: skip
    console.print(table)
    console.print(f"An upload here is {TOGETHER} files of one voucher in one request.")
    table = Table("engine, road", "workers", *STEPS, "all", title="Mean seconds of a document")
    for run in runs:
        steps = [f"{run.steps[step]:.3f}" for step in STEPS]
        whole = f"{sum(run.steps.values()):.2f}"
        table.add_row(f"{run.engine}, {run.road}", str(run.workers), *steps, whole)
    console.print(table)
    processor_table(
        console,
        {
            f"{run.engine}, {run.road}, {run.workers}": {
                part: 1000 * spent for part, spent in run.processor.items()
            }
            for run in runs
        },
    )


def processor_table(console: Console, rows: Mapping[str, Mapping[str, float]]) -> None:
    """Milliseconds of processor a document by part."""
    shown = [part for part in _PARTS if any(part in row for row in rows.values())]
    table = Table("run", *shown, "all but stand-ins", title="Milliseconds of processor a document")
    for name, row in rows.items():
        table.add_row(name, *(f"{row.get(part, 0.0):.1f}" for part in shown), f"{total(row):.0f}")
    console.print(table)


def cost_table(console: Console, costs: Sequence[Cost]) -> None:
    """Each kind's cost, and what the system adds to reading it."""
    processor_table(console, {f"{cost.kind} ({cost.documents})": cost.parts for cost in costs})
    standing = {"standing by, ms a second": costs[0].standing} if costs else {}
    processor_table(console, standing)
    scan = next((cost.reading for cost in costs if cost.kind == "scan"), 0.0)
    table = Table("kind", "whole ms", "reading alone", "Chromium", "overhead",
                  "to reading", "to a scan's recognition",
                  title="What the system adds")  # fmt: skip
    for cost in costs:
        share = cost.overhead / scan if scan else 0.0
        mark = " over the bar" if share > OVERHEAD_BAR else ""
        table.add_row(
            cost.kind, f"{cost.whole:.0f}", f"{cost.reading:.1f}",
            f"{cost.parts.get('Chromium', 0.0):.0f}", f"{cost.overhead:.0f}",
            f"{cost.overhead / cost.reading:.2f}" if cost.reading else "-",
            f"{share:.1%}{mark}" if scan else "-",
        )  # fmt: skip
    console.print(table)
    table = Table("kind", "database", "files", "bags", "rows of the trail",
                  title="Bytes a document")  # fmt: skip
    for cost in costs:
        sizes = (f"{cost.stored[name]:,.0f}" for name in ("database", "files", "bags"))
        table.add_row(cost.kind, *sizes, f"{cost.stored['trail']:.1f}")
    console.print(table)


def bare_table(console: Console, parts: Mapping[str, Bare]) -> None:
    table = Table("alone", "ms by the clock", "ms of processor", title="Bare parts")
    for name, found in parts.items():
        spent = "-" if found.processor is None else f"{found.processor:.2f}"
        table.add_row(name, f"{found.clock:.2f}", spent)
    console.print(table)


def flood_tables(console: Console, run: Flood) -> None:
    waits = run.uploads.waits
    rate = run.uploads.files / run.uploads.seconds
    console.print(
        f"[bold]{len(waits):,} uploads by {CLIENTS} clients at once[/] ({run.engine}, "
        f"{run.workers} workers a stage): {run.uploads.seconds:.0f} s, {rate:.1f} a second, "
        f"refused {run.uploads.refused}; acknowledged after p50 {quantile(waits, 0.5):.2f} s, "
        f"p95 {quantile(waits, 0.95):.2f} s, longest {max(waits):.2f} s"
    )
    left = len(waits) - run.archived
    said = f"sealed in {run.seconds:.0f} s: {run.archived:,}"
    if run.rate:
        said += f"; after the last upload {run.rate:.2f} a second"
    if not left:
        said += "; drained"
    elif run.rate:
        said += f"; the other {left:,} at that rate (not run): {run.left_seconds:.0f} s"
    console.print(said)
    table = Table("part", "first MiB", "last MiB", "most MiB", "MiB per 1000 documents",
                  title="Memory while it works (resident, of all processes of a part)")  # fmt: skip
    for part, held in run.memory.items():
        table.add_row(part, *(f"{each:.0f}" for each in (held.first, held.last, held.most)),
                      f"{held.slope:+.2f}")  # fmt: skip
    console.print(table)

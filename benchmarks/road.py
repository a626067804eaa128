"""The whole road: the sample batch from the drop to the archive, on the real services.

    python -m benchmarks.road [--rounds 1]

Prints seconds a document by form and stage (medians), peak memory by process, and, measured in
the same run, bare recognition of the same pictures: how much the system adds to it.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table

from benchmarks.machine import machine
from extractors.images import load_image
from extractors.limits import Limits
from extractors.models import model_folders
from extractors.recognise import PaddleRecogniser
from fixtures.demo import drop
from fixtures.memory import MemoryWatch
from fixtures.sample import SEED, write_sample
from fixtures.services import running

STAGES = ("read", "verify", "archive")
_PICTURES = frozenset({"png", "jpeg", "photo"})


def _round(
    number: int, seconds: dict[str, dict[str, list[float]]], peaks: Counter[str]
) -> tuple[float, dict[str, float]]:
    """One batch through fresh services: seconds in all, and bare recognition by file."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "sample"
        today = dt.datetime.now(ZoneInfo("Asia/Shanghai")).date()
        write_sample(folder, today, SEED + 1000 * number)
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        with running(Path(temporary) / "data", folder / "known.json") as services:
            began = time.monotonic()
            with MemoryWatch(services) as watch:
                rows = drop(services, [folder / entry["file"] for entry in manifest])
            whole = time.monotonic() - began
        for role, peak in watch.peaks.items():
            peaks[role] = max(peaks[role], peak)
        for entry, row in zip(manifest, rows, strict=True):
            for stage, spent in row["stages"].items():
                seconds[entry["form"] or "no invoice"][stage].append(spent)
        return whole, _bare(folder, manifest)


def _bare(folder: Path, manifest: list[dict[str, Any]]) -> dict[str, float]:
    """Seconds of recognition alone, engine loaded, by form and file."""
    recogniser = PaddleRecogniser(folders=model_folders(), threads=2)
    recogniser.load()
    spent: dict[str, float] = {}
    for entry in manifest:
        if entry["form"] in _PICTURES:
            image = load_image((folder / entry["file"]).read_bytes(), Limits())
            began = time.monotonic()
            recogniser.recognise(image, 0)
            spent[entry["file"]] = time.monotonic() - began
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.road", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    rounds = parser.parse_args().rounds
    console = Console(width=110)
    console.print(machine())
    seconds: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    peaks: Counter[str] = Counter()
    results = [_round(number, seconds, peaks) for number in range(rounds)]
    table = Table("form", "documents", *STAGES, title="Median seconds a document")
    for form, stages in sorted(seconds.items()):
        cells = [f"{statistics.median(stages[s]):.2f}" if stages[s] else "" for s in STAGES]
        table.add_row(form, str(max(map(len, stages.values()))), *cells)
    console.print(table)
    memory = Table("process", "peak MiB", title="Peak resident memory")
    for role, peak in peaks.most_common():
        memory.add_row(role, f"{peak / 1024**2:.0f}")
    console.print(memory)
    whole = statistics.median(total for total, _ in results)
    bare = statistics.median(value for _, spent in results for value in spent.values())
    read = statistics.median(value for form in _PICTURES for value in seconds[form]["read"])
    console.print(f"batch: {whole:.0f} s (median of {rounds})")
    console.print(
        f"reading a picture: {read:.2f} s; bare recognition of the same: {bare:.2f} s; "
        f"ratio {read / bare:.2f}"
    )


if __name__ == "__main__":
    main()

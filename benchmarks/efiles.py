"""How fast electronic files are read, and on what the time goes.

    python -m benchmarks.efiles [--seconds 2] [--seeds 6] [--folder SPECIMENS]

Documents a second of one core (processor time, not the clock), end to end through the reader,
for every sort of specimen and form, and for the files of a folder; then each form's share of
time by stage. Bars: PDF 25 a second, OFD and XML 200.
"""

from __future__ import annotations

import argparse
import datetime as dt
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import wraps
from pathlib import Path
from typing import Any
from unittest.mock import patch

from rich.console import Console
from rich.table import Table

from benchmarks.machine import machine
from extractors import leaves, opening, reader
from extractors.errors import YanpiaoError
from extractors.pdf import PdfFile
from extractors.reader import Reader
from fixtures.maker import draw_truth, make, specimens
from fixtures.maker.drawn import BORN_ELECTRONIC

TODAY = dt.date(2026, 11, 22)
BARS = {"pdf": 25.0, "ofd": 200.0, "xml": 200.0}
FIRST_SEED = 20_000
#: Where the time of a document goes: what is called, and what that is called here.
STAGES: tuple[tuple[Any, str, str], ...] = (
    (opening, "read_ofd", "parts, digests, codes"),
    (opening, "read_xml", "parsing"),
    (PdfFile, "__init__", "opening"),
    (PdfFile, "findings", "words, hidden text"),
    (PdfFile, "codes", "codes"),
    (PdfFile, "info", "information"),
    (leaves, "invoice_from_words", "geometry, faces"),
    (reader, "merge", "comparing sources"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="processor time a row")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--folder", type=Path, help="also every OFD, PDF and XML in here")
    options = parser.parse_args()
    console = Console()
    console.print(machine())
    table = Table("form", "documents", "ms each", "a second", "bar", title="One core")
    shares: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for form, name, files in (*_made(options.seeds), *_found(options.folder)):
        spent, count = _measured(files, options.seconds, shares[form])
        rate = count / spent
        mark = "" if rate >= BARS[form] else " below"
        bar = f"{BARS[form]:.0f}{mark}"
        table.add_row(form, name, f"{1000 * spent / count:.1f}", f"{rate:.0f}", bar)
    console.print(table)
    console.print(_stages(shares))


def _made(seeds: int) -> Iterator[tuple[str, str, list[bytes]]]:
    for name, drawn in specimens().items():
        for form in (form for form in BORN_ELECTRONIC if form in drawn.forms):
            truths = [
                (seed, draw_truth(name, seed, today=TODAY))
                for seed in range(FIRST_SEED, FIRST_SEED + seeds)
            ]
            yield form.value, name, [make(truth, form, seed).content for seed, truth in truths]


def _found(folder: Path | None) -> Iterator[tuple[str, str, list[bytes]]]:
    for path in sorted(folder.iterdir()) if folder else ():
        if path.suffix.lstrip(".") in BARS:
            yield path.suffix.lstrip("."), path.name, [path.read_bytes()]


def _measured(
    files: Sequence[bytes], seconds: float, shares: dict[str, float]
) -> tuple[float, int]:
    """Processor time and documents, the first round left out; then one round by stage."""
    read = Reader().read_bytes
    for content in files:
        _try(read, content)
    count, start = 0, time.process_time()
    while (spent := time.process_time() - start) < seconds:
        for content in files:
            _try(read, content)
            count += 1
    with _by_stage(shares):
        for content in files:
            begun = time.process_time()
            _try(read, content)
            shares["all"] += time.process_time() - begun
    return spent, count


def _try(read: Callable[[bytes], object], content: bytes) -> None:
    try:
        read(content)
    except YanpiaoError:
        return  # a blank form or an image inside: its time counts as well


@contextmanager
def _by_stage(shares: dict[str, float]) -> Iterator[None]:
    with ExitStack() as stack:
        for place, name, stage in STAGES:
            real = getattr(place, name)
            stack.enter_context(patch.object(place, name, _timed(real, stage, shares)))
        yield


def _timed(call: Callable[..., Any], stage: str, shares: dict[str, float]) -> Callable[..., Any]:
    @wraps(call)
    def timed(*given: Any, **named: Any) -> Any:
        start = time.process_time()
        try:
            return call(*given, **named)
        finally:
            shares[stage] += time.process_time() - start

    return timed


def _stages(shares: dict[str, dict[str, float]]) -> Table:
    table = Table("form", "stage", "share of time", title="On what")
    for form, stages in shares.items():
        whole = stages["all"] or 1.0
        named = {stage: spent for stage, spent in stages.items() if stage != "all"}
        named["rest"] = max(0.0, whole - sum(named.values()))
        for stage, spent in sorted(named.items(), key=lambda entry: -entry[1]):
            table.add_row(form, stage, f"{spent / whole:.0%}")
    return table


if __name__ == "__main__":
    main()

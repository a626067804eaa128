"""Steady state: as many documents on their way as keeps every worker busy, and no more."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.load import records
from benchmarks.load.files import Made
from benchmarks.load.house import Engine, House, Road, house
from benchmarks.load.processes import processor, since
from benchmarks.load.uploading import Uploads, upload

#: Files of one voucher, handed in together.
TOGETHER = 4
#: Documents on their way for each worker: enough that none of its stages runs dry.
_AHEAD = 24
_LONGEST_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Steady:
    """`rate`: documents archived a second in the middle of the run. `steps`: mean seconds of
    each step of a document then. `busy`: share of its time that a stage's workers work, by
    their own seconds. `processor`: seconds of processor a document by part."""

    engine: str
    road: str
    workers: int
    documents: int
    rate: float
    steps: dict[str, float]
    busy: dict[str, float]
    processor: dict[str, float]
    idle: float
    uploads: Uploads
    states: dict[str, int]


def steady(made: Made, engine: Engine, road: Road, workers: int) -> Steady:
    """Start everything, hand all files in at the pace of the workers, and look at the records."""
    with house(made.known, engine, road, workers) as here:
        settle(here, made.paths[: 2 * TOGETHER])
        before, cores = processor(here.services), _idle_seconds()
        began = time.perf_counter()
        uploads = hand_in_steadily(here, made.paths[2 * TOGETHER :], workers)
        wait_until_done(here, len(made.paths))
        seconds = time.perf_counter() - began
        idle = (_idle_seconds() - cores) / seconds
        used = since(before, processor(here.services))
        ways = records.middle(records.ways(here.database))
        documents = len(made.paths) - 2 * TOGETHER
        return Steady(
            engine=engine,
            road=road,
            workers=workers,
            documents=documents,
            rate=records.rate(ways),
            steps=records.means(ways),
            busy=busy(ways, workers),
            processor={part: spent / documents for part, spent in used.items()},
            idle=idle,
            uploads=uploads,
            states=records.counts(here.database),
        )


def _idle_seconds() -> float:
    """Seconds that this machine's cores have been idle, all together, since it started."""
    return float(psutil.cpu_times().idle)


def hand_in_steadily(here: House, paths: Sequence[Path], workers: int) -> Uploads:
    most = _AHEAD * workers

    def enough() -> bool:
        return records.moving(here.database) >= most

    return upload(here.clients, paths, together=TOGETHER, hold=enough)


def settle(here: House, paths: Sequence[Path]) -> None:
    """A few documents through everything: readers have loaded, imports are done."""
    upload(here.clients[:1], paths, together=TOGETHER)
    wait_until_done(here, len(paths))


def wait_until_done(here: House, expected: int, longest: float = _LONGEST_SECONDS) -> None:
    """Return once all are archived. Raises `RuntimeError` when that does not happen."""
    deadline = time.monotonic() + longest
    while time.monotonic() < deadline:
        states = records.counts(here.database)
        if states.get("archived", 0) >= expected:
            return
        if not records.moving(here.database) and sum(states.values()) >= expected:
            break
        time.sleep(0.3)
    states, reasons = records.counts(here.database), records.reasons(here.database)
    raise RuntimeError(f"not all documents were archived: {states}, {reasons}")


def busy(ways: Sequence[records.Way], workers: int) -> dict[str, float]:
    """The share of its time that a worker of each stage works, by the stage's own seconds."""
    span = (ways[-1].archived - ways[0].archived).total_seconds()
    return {
        stage: sum(way.seconds[stage] for way in ways) / span / workers
        for stage in ("read", "verify", "archive")
    }


def total(used: Mapping[str, float], without: str = "stand-ins") -> float:
    """Seconds of all parts but one."""
    return sum(spent for part, spent in used.items() if part != without)


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which that share lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0

"""What each process of the system uses: seconds of processor and memory, by its part in it."""

from __future__ import annotations

import contextlib
import statistics
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import psutil

from fixtures.services import Running

#: What its command line holds, and the part that it plays; the first that fits. A process that
#: says nothing of itself (a worker of a pool) plays its parent's part.
_PARTS = (
    ("fixtures.portal", "stand-ins"),
    ("fixtures.operator", "stand-ins"),
    ("worker.reader_child", "reading process"),
    ("--type=renderer", "Chromium"),
    ("chrom", "Chromium"),
    ("playwright/driver", "Chromium"),
    ("worker ocr", "ocr worker"),
    ("worker verify", "verify worker"),
    ("worker archive", "archive worker"),
    ("yanpiao web", "web"),
    ("yanpiao clock", "clock"),
    ("valkey-server", "queue server"),
    ("redis-server", "queue server"),
    ("yanpiao redis", "queue server"),
)
Used = dict[str, float]


def _part(line: str, inherited: str) -> str:
    return next((part for mark, part in _PARTS if mark in line), inherited)


def _walk(process: psutil.Process, inherited: str) -> list[tuple[str, psutil.Process]]:
    found: list[tuple[str, psutil.Process]] = []
    with contextlib.suppress(psutil.Error):
        part = _part(" ".join(process.cmdline()), inherited)
        found.append((part, process))
        for child in process.children():
            found += _walk(child, part)
    return found


def parts(services: Running) -> list[tuple[str, psutil.Process]]:
    """Every process of the system with the part it plays."""
    tops = [psutil.Process(each.pid) for each in services.processes]
    return [found for top in tops for found in _walk(top, "supervisor")]


def processor(services: Running) -> Used:
    """Seconds of processor used so far, by part. Those of a process that has ended are its
    parent's, so a replaced reading process counts with the worker that replaced it."""
    used: Used = defaultdict(float)
    for part, process in parts(services):
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            used[part] += times.user + times.system + times.children_user + times.children_system
    return used


def since(before: Mapping[str, float], after: Mapping[str, float]) -> Used:
    """What was used between two looks; a part whose processes were replaced may look lazier."""
    return {part: max(0.0, after[part] - before.get(part, 0.0)) for part in sorted(after)}


class Memory(threading.Thread):
    """Resident bytes of each part at intervals, its processes added up, beside how many documents
    were done by then."""

    def __init__(self, services: Running, done: Callable[[], int], seconds: float = 5.0) -> None:
        super().__init__(name="memory", daemon=True)
        self.samples: list[tuple[int, Used]] = []
        self._services = services
        self._done = done
        self._seconds = seconds
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.is_set():
            held: Used = defaultdict(float)
            for part, process in parts(self._services):
                with contextlib.suppress(psutil.Error):
                    held[part] += process.memory_info().rss
            self.samples.append((self._done(), dict(held)))
            self._over.wait(self._seconds)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def growth(self, skip: int) -> dict[str, Growth]:
        """How each part's memory went, from the sample on by which `skip` documents were done:
        until then everything loads for the first time."""
        chosen = [each for each in self.samples if each[0] >= skip] or self.samples
        names = sorted({part for _, held in chosen for part in held} - {"stand-ins"})
        return {
            part: _growth([(done, held.get(part, 0.0)) for done, held in chosen]) for part in names
        }


@dataclass(frozen=True, slots=True)
class Growth:
    """MiB: at the first and the last of the samples, the most, and what a least-squares line
    through all of them rises by in a thousand documents."""

    first: float
    last: float
    most: float
    slope: float


def _growth(samples: Sequence[tuple[int, float]]) -> Growth:
    mib = [held / 1024**2 for _, held in samples]
    done = [float(count) for count, _ in samples]
    flat = len(set(done)) < 2
    slope = 0.0 if flat else statistics.linear_regression(done, mib).slope
    return Growth(mib[0], mib[-1], max(mib), 1000 * slope)

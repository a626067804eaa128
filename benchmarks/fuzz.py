"""Thousands of broken and hostile files, each read within limits: a result or a typed error.

    python -m benchmarks.fuzz --cases 2400 --jobs 1 --keep data/fuzz

Every file is read in a child process, bound in address space as the product's reading process
is. Prints how many ended how; the exit status is 1 if any crashed the process, raised what is no
`YanpiaoError`, hung over the time limit or went over the memory limit. Those files are kept
under `--keep`, and `--again FILE...` reads them once more.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

import psutil

from benchmarks.fuzzing import Case, drawn_cases, hostile_cases
from benchmarks.machine import machine

MIB = 1024 * 1024
_START_SECONDS = 120
FAULTS = ("crash", "hang", "memory")


@dataclass(frozen=True)
class Bounds:
    """What one file may cost: seconds of processor, seconds by the clock (many, since a machine
    may be busy with other things), resident bytes, address space."""

    seconds: float = 20.0
    wall: float = 600.0
    resident: int = 1024 * MIB
    address_space: int = 6 * 1024 * MIB


@dataclass(frozen=True)
class Ending:
    """How one case ended; `detail` is an error's code, or where it crashed."""

    case: Case
    outcome: str
    detail: str
    said: str = ""
    seconds: float = 0.0
    peak: int = 0
    #: Connections, programs and files that reading asked for, refused or not.
    reached_out: tuple[str, ...] = ()


class Child:
    """A reading process that is replaced when it dies, hangs or has swollen."""

    def __init__(self, bounds: Bounds, *, blind: bool = False) -> None:
        self._blind = blind
        self._bounds = bounds
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Connection[Any, Any] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, case: Case) -> Ending:
        """Read one file in the child, whatever happens to it."""
        channel = self._channel or self._start()
        began = time.monotonic()
        try:
            self._forget_peak()
            channel.send_bytes(case.data)
            if (late := self._waited(channel)) is not None:
                self.close()
                return Ending(case, "hang", late, seconds=time.monotonic() - began)
            answer = json.loads(channel.recv_bytes())
        except (EOFError, OSError):
            status = self._process.wait(5) if self._process else None
            self.close()
            return Ending(case, "crash", f"ended by {status}", seconds=time.monotonic() - began)
        return self._judged(case, answer)

    def _forget_peak(self) -> None:
        """Linux counts the child's peak of resident memory anew; it may not write so itself."""
        assert self._process is not None
        with contextlib.suppress(OSError):
            Path(f"/proc/{self._process.pid}/clear_refs").write_text("5")

    def _waited(self, channel: Connection[Any, Any]) -> str | None:
        """Wait for an answer; says what it took when that is too much."""
        assert self._process is not None
        process = psutil.Process(self._process.pid)
        began, spent = time.monotonic(), _processor_seconds(process)
        while not channel.poll(0.5):
            if _processor_seconds(process) - spent > self._bounds.seconds:
                return f"no answer in {self._bounds.seconds:g} s of processor"
            if time.monotonic() - began > self._bounds.wall:
                return f"no answer in {self._bounds.wall:g} s"
        return None

    def _judged(self, case: Case, answer: dict[str, Any]) -> Ending:
        outcome, detail = answer["outcome"], answer["detail"]
        if answer["peak"] > self._bounds.resident:
            outcome, detail = "memory", f"{answer['peak'] // MIB} MiB resident ({outcome} {detail})"
        elif answer["seconds"] > self._bounds.seconds:
            outcome, detail = "hang", f"{answer['seconds']:.0f} s of processor ({outcome} {detail})"
        if outcome == "memory":
            self.close()
        said = answer.get("said", "")
        return Ending(
            case,
            outcome,
            detail,
            said,
            answer["seconds"],
            answer["peak"],
            tuple(answer["reached_out"]),
        )

    def _start(self) -> Connection[Any, Any]:
        ours, theirs = socket.socketpair()
        handle = theirs.fileno()
        limits = str(self._bounds.address_space)
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "benchmarks.fuzzing.child",
                str(handle),
                str(os.getpid()),
                limits,
                *(["blind"] if self._blind else []),
            ],
            pass_fds=[handle],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        theirs.close()
        self._channel = Connection(ours.detach())
        if not self._channel.poll(_START_SECONDS):
            raise TimeoutError("the reading process did not start")
        self._channel.recv_bytes()
        return self._channel

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._channel is not None:
            with contextlib.suppress(OSError):
                self._channel.close()
        self._process, self._channel = None, None


def _processor_seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:  # it just died; the channel will say so
        return 0.0
    return float(times.user + times.system)


def run(cases: Iterable[Case], bounds: Bounds, jobs: int = 1) -> Iterator[Ending]:
    """Read every case, each thread with a child of its own; endings come in the order of cases."""
    own = threading.local()
    children: list[Child] = []

    def read(case: Case) -> Ending:
        if not hasattr(own, "child"):
            own.child = Child(bounds)
            children.append(own.child)
        ending: Ending = own.child.read(case)
        return ending

    try:
        with ThreadPoolExecutor(jobs) as pool:
            waiting = iter(cases)
            # In batches: a pool asks for all its work at once, and files may be large.
            while batch := list(islice(waiting, 16 * jobs)):
                yield from pool.map(read, batch)
    finally:
        for child in children:
            child.close()


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    bounds = Bounds(seconds=options.seconds, resident=options.memory * MIB)
    print(f"{machine()}  limits: {bounds.seconds:g} s of processor, {options.memory} MiB resident")
    cases = _cases(options)
    endings: list[Ending] = []
    began = time.monotonic()
    for ending in run(cases, bounds, options.jobs):
        endings.append(ending)
        if ending.outcome in FAULTS:
            print(
                f"{ending.outcome}: {ending.case.name}: {ending.detail} {ending.said}", flush=True
            )
            _keep(ending, options.keep)
        if len(endings) % 100 == 0:
            spent = time.monotonic() - began
            print(f"{len(endings)} cases, {spent:.0f} s", file=sys.stderr, flush=True)
    _print_outcomes(endings)
    return int(any(ending.outcome in FAULTS for ending in endings))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--cases", type=int, default=2400, help="drawn ones; the hostile come on top"
    )
    parser.add_argument("--first-seed", type=int, default=20_000)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20.0, help="of processor, for one file")
    parser.add_argument("--memory", type=int, default=1024, help="MiB resident, for one file")
    parser.add_argument("--keep", type=Path, default=Path("data/fuzz"), help="for what failed")
    parser.add_argument("--only", default="", help="cases whose name has this in it")
    parser.add_argument("--again", type=Path, nargs="+", help="read these kept files, no others")
    return parser.parse_args(arguments)


def _cases(options: argparse.Namespace) -> Iterator[Case]:
    if options.again:
        yield from (Case(path.name, path.read_bytes()) for path in options.again)
        return
    yield from hostile_cases(options.only)
    for case in drawn_cases(range(options.first_seed, options.first_seed + options.cases)):
        if options.only in case.name:
            yield case


def _keep(ending: Ending, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    name = ending.case.name.replace("/", "_").replace(" ", "_")
    (folder / name).write_bytes(ending.case.data)
    (folder / f"{name}.txt").write_text(f"{ending.outcome} {ending.detail}\n{ending.said}\n")


def _print_outcomes(endings: Sequence[Ending]) -> None:
    """Counts by family and outcome, the codes of errors, and what cost most."""
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for ending in endings:
        table[ending.case.family][ending.outcome] += 1
        table["all"][ending.outcome] += 1
    print(f"\n{'':14}" + "".join(f"{name:>9}" for name in ("cases", "result", "error", *FAULTS)))
    for family, counts in sorted(table.items(), key=lambda row: (row[0] == "all", row[0])):
        cells = "".join(f"{counts[name]:9}" for name in ("result", "error", *FAULTS))
        print(f"{family:14}{counts.total():9}{cells}")
    codes = Counter(ending.detail for ending in endings if ending.outcome == "error")
    print("errors: " + ", ".join(f"{code} {count}" for code, count in codes.most_common()))
    slowest = sorted(endings, key=lambda ending: ending.seconds, reverse=True)[:5]
    largest = sorted(endings, key=lambda ending: ending.peak, reverse=True)[:5]
    print("slowest: " + ", ".join(f"{each.case.name} {each.seconds:.1f} s" for each in slowest))
    print("largest: " + ", ".join(f"{each.case.name} {each.peak // MIB} MiB" for each in largest))


if __name__ == "__main__":
    sys.exit(main())

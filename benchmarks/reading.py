"""How well the reader reads: made documents of every kind as electronic files and in five grades
of picture, each value judged against its truth. The bar is printed beside every figure.

    python -m benchmarks.reading --jobs 2 --save data/reading.jsonl --worst data/worst

A run first reads one file of every sort and says how long the whole will take. With `--save`
every judgement is kept as it comes, and the same command goes on where it was stopped. `--worst`
gets pictures of the ten worst documents: what was misread, where, and why. Public specimens
(`--specimens` or `YANPIAO_SPECIMENS`) come last. Processes read with one thread each. The exit
status is 1 where the bar is missed.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.judging import Judgement, Verdict
from benchmarks.machine import machine
from benchmarks.reading_pictures import draw_worst
from benchmarks.reading_specimens import specimen_table
from benchmarks.reading_tables import meets_the_bar, tables
from benchmarks.reading_work import E_FILES, GRADE_NAMES, OTHERS, Bench, Reading, Task, planned
from benchmarks.recorded import RecordedRecogniser
from extractors.model import Box
from extractors.ours import Party
from extractors.reader import Reader
from extractors.recognise import PaddleRecogniser
from extractors.recogniser import Recogniser
from fixtures.maker import specimens
from fixtures.maker.truth import school

_WORST = 10
_SHOWN_FAULTS = 400


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    names = [name for name in specimens() if not options.only or name in options.only]
    count = -(-options.documents // len(names))
    seeds = range(options.first_seed, options.first_seed + count)
    tasks = planned(options.sorts, names, seeds, rotate=options.rotate)
    print(
        f"{machine()}, {options.jobs} x 1 thread\n{len(names)} sorts of document x {count} seeds "
        f"from {seeds.start} = {len(names) * count} documents, {len(tasks)} files"
        + (", recognition only: no QR code, no merging" if options.recognition_only else "")
        + (", the buyer's name and id known" if options.our_names else ""),
        flush=True,
    )
    began = time.perf_counter()
    readings = list(_read(tasks, options))
    for line in tables(readings):
        print(line)
    _print_faults(readings)
    engine = PaddleRecogniser(threads=1)
    if options.worst:
        bench = _made_bench(engine, *_given(options))
        draw_worst(readings, bench, options.worst, _WORST)
    if options.specimens:
        for line in specimen_table(options.specimens, Reader(recogniser=engine)):
            print(line)
    print(f"\n{time.perf_counter() - began:.0f} s in all")
    return int(not meets_the_bar(readings))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--documents", type=int, default=300, help="at least; every kind alike")
    parser.add_argument("--first-seed", type=int, default=20_000, help="below is for tuning")
    parser.add_argument("--sorts", nargs="+", choices=(*E_FILES, *GRADE_NAMES, *OTHERS),
                        default=[*E_FILES, *GRADE_NAMES])  # fmt: skip
    parser.add_argument("--only", nargs="+", choices=tuple(specimens()), help="these kinds")
    parser.add_argument("--rotate", action="store_true", help="each document in one grade only")
    parser.add_argument("--recognition-only", action="store_true")
    parser.add_argument("--our-names", action="store_true",
                        help="the reader knows the buyer, as by a policy")  # fmt: skip
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument(
        "--recorded",
        type=Path,
        help="folder of files made and pages recognised before; no times are told",
    )
    parser.add_argument("--save", type=Path, help="judgements, one file a line (JSON)")
    parser.add_argument("--worst", type=Path, help="folder for pictures of the worst documents")
    given = os.environ.get("YANPIAO_SPECIMENS")
    parser.add_argument("--specimens", type=Path, default=Path(given) if given else None,
                        help="folder of public specimens with a truth.json")  # fmt: skip
    return parser.parse_args(arguments)


def _read(tasks: Sequence[Task], options: argparse.Namespace) -> Iterator[Reading]:
    """Every reading, those saved by an earlier run first."""
    done = {reading.task: reading for reading in _saved(options.save)}
    yield from (done[task] for task in tasks if task in done)
    left = [task for task in tasks if task not in done]
    if len(left) < len(tasks):
        print(f"{len(tasks) - len(left)} files were read before", file=sys.stderr)
    if not left:
        return
    # One file of every sort first: what comes after is estimated from them.
    pilots = {task.sort: task for task in reversed(left)}
    left.sort(key=lambda task: task is not pilots[task.sort])
    progress = _Progress(left, len(pilots), options.jobs)
    # Threads of numeric libraries are counted at import, in children.
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    context = multiprocessing.get_context("spawn")
    with context.Pool(options.jobs, _start, _given(options)) as pool:
        for reading in pool.imap_unordered(_one, left):
            _save(options.save, reading)
            progress.note(reading)
            yield reading


class _Progress:
    """Says on stderr how far a run is, and how long it will take."""

    def __init__(self, tasks: Sequence[Task], pilots: int, jobs: int) -> None:
        self._left = [task.sort for task in tasks]
        self._pilots, self._jobs = pilots, jobs
        self._spent: dict[str, list[float]] = {}
        self._began = self._last = time.perf_counter()
        self._done = 0

    def note(self, reading: Reading) -> None:
        self._done += 1
        self._spent.setdefault(reading.task.sort, []).append(reading.made + reading.wall)
        self._left.remove(reading.task.sort)
        now = time.perf_counter()
        if self._done == self._pilots or now - self._last > 30:
            self._last = now
            print(
                f"{self._done} files in {now - self._began:.0f} s; {len(self._left)} left take "
                f"about {self._seconds_left() / 60:.0f} minutes",
                file=sys.stderr,
                flush=True,
            )

    def _seconds_left(self) -> float:
        usual = {sort: sum(spent) / len(spent) for sort, spent in self._spent.items()}
        every = sum(usual.values()) / len(usual)
        return sum(usual.get(sort, every) for sort in self._left) / self._jobs


def _given(options: argparse.Namespace) -> tuple[bool, Path | None, bool]:
    return options.recognition_only, options.recorded, options.our_names


_bench: Bench | None = None


def _start(recognition_only: bool, recorded: Path | None, our_names: bool) -> None:
    """In a worker: load the engine once, unless most pages were recognised before."""
    global _bench
    engine = PaddleRecogniser(threads=1)
    if recorded is None:
        engine.load()
    _bench = _made_bench(engine, recognition_only, recorded, our_names)


def _made_bench(
    engine: Recogniser, recognition_only: bool, recorded: Path | None, our_names: bool
) -> Bench:
    name, tax_id = school()
    return Bench(
        RecordedRecogniser(engine, recorded) if recorded is not None else engine,
        recognition_only=recognition_only,
        recorded=recorded,
        ours=[Party((name,), (tax_id,))] if our_names else (),
    )


def _one(task: Task) -> Reading:
    assert _bench is not None
    return _bench.read(task)


def _save(path: Path | None, reading: Reading) -> None:
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        entry = {"by": machine()} | dataclasses.asdict(reading)
        for each in entry["judgements"]:
            each["box"] = each["box"].model_dump() if each["box"] else None
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")


def _saved(path: Path | None) -> Iterator[Reading]:
    if path is None or not path.exists():
        return
    entries = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    others = {entry.pop("by") for entry in entries} - {machine()}
    if others:
        print(f"! some files of {path} were read by: {'; '.join(sorted(others))}")
    yield from map(_reading, entries)


def _reading(entry: dict[str, Any]) -> Reading:
    judgements = [
        Judgement(
            **each
            | {
                "verdict": Verdict(each["verdict"]),
                "box": Box(**each["box"]) if each["box"] else None,
            }
        )
        for each in entry["judgements"]
    ]
    return Reading(
        **entry
        | {
            "task": Task(**entry["task"]),
            "judgements": judgements,
            "held": tuple(entry["held"]),
        }
    )


def _print_faults(readings: Sequence[Reading]) -> None:
    """Every value that is not right, the silent first."""
    faults = [
        (reading.task.name, each)
        for reading in readings
        for each in reading.judgements
        if each.verdict is not Verdict.RIGHT
    ]
    order = (Verdict.SILENT, Verdict.FLAGGED, Verdict.MISSING)
    faults.sort(key=lambda entry: (order.index(entry[1].verdict), not entry[1].key, entry[1].name))
    print(f"\n{len(faults)} values are not right" + (":" if faults else ""))
    for name, each in faults[:_SHOWN_FAULTS]:
        certainty = "" if each.confidence is None else f" ({each.confidence:.2f})"
        print(f"{each.verdict}: {name} {each.name}: {each.read!r}{certainty}, truth {each.truth!r}")
    if len(faults) > _SHOWN_FAULTS:
        print(f"... and {len(faults) - _SHOWN_FAULTS} more")
    for reading in readings:
        if reading.error:
            print(f"error {reading.error}: {reading.task.name}")


if __name__ == "__main__":
    sys.exit(main())

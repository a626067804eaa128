"""Speed side by side in one run, each contestant in a process of its own with one thread.

    python -m benchmarks.speed --seeds 1 --sorts flat photo

Electronic files: documents a second and core, end to end. Pictures: seconds of processor for a
page by the whole reader (codes, levelling, recognition, geometry, checks), by bare PaddleOCR
(PP-OCRv6 small), by the graphs of the bare pipeline alone, which are the limit, and by rapidocr
3.10.0 (`make .venv-bench`); then the share of values that are right: as the reader says them, and
of the others by the same geometry from their words. Peak memory is of the process; a cold start
is from its beginning to the end of its first page. `benchmarks.recognition` looks at recognition
alone, `benchmarks.efiles` at where the time of electronic files goes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.judging import Verdict, judged
from benchmarks.machine import machine
from benchmarks.reading_work import E_FILES, GRADE_NAMES, Task, planned
from benchmarks.recognition import page_words, run_engine
from extractors.faces import invoice_from_words
from extractors.model import Invoice, Source
from fixtures.maker import specimens

#: Least documents a second and core; a page costs at most this share of the bare pipeline.
_BAR = {"pdf": 25.0, "ofd": 200.0, "xml": 200.0}
_COST, _MEMORY, _START = 0.4, 1024, 5.0
_ROUNDS = 3


@dataclass(frozen=True)
class Run:
    """What one process did: seconds until its first page was read, seconds of processor and what
    was read of each path in order, MiB at most."""

    first: float
    seconds: Sequence[float]
    invoices: Sequence[Invoice]
    peak: int


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    print(f"{machine()}, each process with 1 thread")
    names = [name for name in specimens() if not options.only or name in options.only]
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    with tempfile.TemporaryDirectory() as folder:
        _electronic(Path(folder), planned(E_FILES, names, seeds, rotate=False))
        tasks = planned(options.sorts, names, seeds, rotate=options.rotate)
        _pictures(Path(folder), tasks, options.python)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first-seed", type=int, default=20_000)
    parser.add_argument("--sorts", nargs="+", choices=GRADE_NAMES, default=list(GRADE_NAMES))
    parser.add_argument("--rotate", action="store_true", help="each document in one grade only")
    parser.add_argument("--only", nargs="+", choices=tuple(specimens()), help="these kinds")
    parser.add_argument("--python", type=Path, default=Path(".venv-bench/bin/python"))
    return parser.parse_args(arguments)


def _electronic(folder: Path, tasks: Sequence[Task]) -> None:
    print(f"\n{'electronic files':24}{'files':>6}{'ms':>8}{'a second':>10}{'bar':>6}")
    for sort in E_FILES:
        own = [task for task in tasks if task.sort == sort]
        if not own:
            continue
        paths = [_written(folder, task) for task in own]
        # The first round warms caches and lazy imports, as a worker's first documents do.
        answers = _answers("files", paths * (_ROUNDS + 1))[len(paths) + 1 : -1]
        best = [min(a["seconds"] for a in answers[i :: len(paths)]) for i in range(len(paths))]
        mean = statistics.mean(best)
        print(f"{sort:24}{len(own):6}{mean * 1000:8.1f}{1 / mean:10.1f}{_BAR[sort]:6.0f}"
              f"{'' if 1 / mean >= _BAR[sort] else '  !'}")  # fmt: skip


def _pictures(folder: Path, tasks: Sequence[Task], python: Path) -> None:
    paths = [_written(folder, task) for task in tasks]
    runs = {"the whole reader": _run("ours", paths)}
    runs |= {name: _engine(sys.executable, name, paths) for name in ("bare", "graphs")}
    if python.exists():
        runs["rapidocr"] = _engine(str(python), "rapid", paths)
    else:
        print(f"rapidocr is not measured: {python} is not there (make .venv-bench)")
    bare = runs["bare"].seconds
    for sort in (*dict.fromkeys(task.sort for task in tasks), "all"):
        chosen = [i for i, task in enumerate(tasks) if sort in (task.sort, "all")]
        print(f"\n{f'{len(chosen)} pictures, {sort}':24}{'s, median':>10}{'to bare':>9}{'right':>9}"
              f"{'first page s':>14}{'MiB':>6}")  # fmt: skip
        for name, run in runs.items():
            ratio = statistics.median(run.seconds[i] / bare[i] for i in chosen)
            seconds = statistics.median(run.seconds[i] for i in chosen)
            right = _right([(tasks[i], run.invoices[i]) for i in chosen if run.invoices])
            print(f"{name:24}{seconds:10.2f}{ratio:9.2f}{right:>9}{run.first:14.1f}{run.peak:6}")
    print(f"the bar: the reader at most {_COST} of bare and ahead of rapidocr, {_MEMORY} MiB, "
          f"start {_START:g} s, at least as much right")  # fmt: skip


def _written(folder: Path, task: Task) -> Path:
    path = folder / f"{task.name.replace(' ', '-')}{'.jpg' if task.sort in GRADE_NAMES else ''}"
    path.write_bytes(task.content())
    return path


def _answers(role: str, paths: Sequence[Path]) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.speed_child", role],
        input="\n".join(map(str, paths)),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def _run(role: str, paths: Sequence[Path]) -> Run:
    """The reader over all paths."""
    first, *answers, last = _answers(role, paths)
    return Run(
        first["start"] + answers[0]["wall"],
        [answer["seconds"] for answer in answers],
        [_invoice(answer) for answer in answers],
        last["peak"],
    )


def _invoice(answer: dict[str, Any]) -> Invoice:
    text = answer.get("invoice")
    return Invoice.model_validate_json(text) if text else Invoice()


def _engine(python: str, name: str, paths: Sequence[Path]) -> Run:
    """A bare engine over all paths; its words are read by our geometry."""
    done = run_engine(python, name, [str(path) for path in paths])
    invoices = [
        invoice_from_words([page_words(page)], Source.OCR)
        for page in done["pages"]
        if "words" in page
    ]
    return Run(done["first"], done["seconds"], invoices, done["peak"])


def _right(read: Sequence[tuple[Task, Invoice]]) -> str:
    verdicts = [each.verdict for task, found in read for each in judged(task.truth(), found)]
    right = sum(verdict is Verdict.RIGHT for verdict in verdicts)
    return f"{right / len(verdicts):.2%}" if verdicts else "-"


if __name__ == "__main__":
    raise SystemExit(main())

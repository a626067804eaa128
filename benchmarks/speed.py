"""Speed side by side in one run, each contestant in a process of its own with one thread.

    python -m benchmarks.speed --seeds 1 --sorts flat photo

Electronic files: documents a second and core, end to end. Pictures: seconds of processor for a
page by the whole reader, by bare PaddleOCR (PP-OCRv6 small), by rapidocr 3.10.0 (`make
.venv-bench`), and by the graphs of the bare pipeline alone, which is the limit; then the share
of values that the same field reading gets right from each one's words. Peak memory is of the
process; a cold start is from its beginning until it could read.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.judging import Verdict, judged
from benchmarks.machine import machine
from benchmarks.reading_work import E_FILES, GRADE_NAMES, Task, planned
from extractors.faces import invoice_from_words
from extractors.model import Box, Invoice, Source
from extractors.words import PageWords, Word
from fixtures.maker import specimens

#: Least documents a second and core; a page costs at most this share of the bare pipeline.
_BAR = {"pdf": 25.0, "ofd": 200.0, "xml": 200.0}
_COST, _MEMORY, _START = 0.4, 1024, 5.0
_ROUNDS = 3


@dataclass(frozen=True)
class Run:
    """What one process did: seconds until ready, answers in order, MiB at most."""

    start: float
    answers: Sequence[Mapping[str, Any]]
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
        answers = _run("files", paths * (_ROUNDS + 1)).answers[len(paths) :]
        best = [min(a["seconds"] for a in answers[i :: len(paths)]) for i in range(len(paths))]
        mean = statistics.mean(best)
        print(f"{sort:24}{len(own):6}{mean * 1000:8.1f}{1 / mean:10.1f}{_BAR[sort]:6.0f}"
              f"{'' if 1 / mean >= _BAR[sort] else '  !'}")  # fmt: skip


def _pictures(folder: Path, tasks: Sequence[Task], python: Path) -> None:
    paths = [_written(folder, task) for task in tasks]
    runs = {"ours": _run("ours", paths), "bare": _run("bare", paths)}
    if python.exists():
        runs["rapidocr"] = _run("rapidocr", paths, python)
    else:
        print(f"rapidocr is not measured: {python} is not there (make .venv-bench)")
    print(f"\n{len(paths)} pictures{'':13}{'s, median':>10}{'to bare':>9}{'wall':>7}"
          f"{'right':>9}{'start s':>9}{'MiB':>6}")  # fmt: skip
    bare = [answer["seconds"] for answer in runs["bare"].answers]
    for name, run in runs.items():
        right = _right(tasks, run)
        print(_row(name, run, bare, right))
    graphs = [answer["graphs"] for answer in runs["bare"].answers]
    ratio = statistics.median(g / b for g, b in zip(graphs, bare, strict=True))
    print(f"{'graphs of bare alone':24}{statistics.median(graphs):10.2f}{ratio:9.2f}")
    print(f"the bar: ours at most {_COST} of bare and ahead of rapidocr, {_MEMORY} MiB, "
          f"start {_START:g} s, at least as much right")  # fmt: skip
    for sort in dict.fromkeys(task.sort for task in tasks):
        chosen = [i for i, task in enumerate(tasks) if task.sort == sort]
        cells = "  ".join(
            f"{name} {statistics.median(run.answers[i]['seconds'] for i in chosen):.2f} s "
            f"{_right([tasks[i] for i in chosen], _part(run, chosen)):.2%}"
            for name, run in runs.items()
        )
        print(f"  {sort:12}{cells}")


def _row(name: str, run: Run, bare: Sequence[float], right: float) -> str:
    seconds = [answer["seconds"] for answer in run.answers]
    ratio = statistics.median(s / b for s, b in zip(seconds, bare, strict=True))
    wall = statistics.median(answer["wall"] for answer in run.answers)
    return (
        f"{name:24}{statistics.median(seconds):10.2f}{ratio:9.2f}{wall:7.2f}"
        f"{right:9.2%}{run.start:9.1f}{run.peak:6}"
    )


def _part(run: Run, chosen: Iterable[int]) -> Run:
    return Run(run.start, [run.answers[i] for i in chosen], run.peak)


def _written(folder: Path, task: Task) -> Path:
    path = folder / f"{task.name.replace(' ', '-')}{'.jpg' if task.sort in GRADE_NAMES else ''}"
    path.write_bytes(task.content())
    return path


def _run(role: str, paths: Sequence[Path], python: Path | None = None) -> Run:
    """One contestant over all paths."""
    child = Path(__file__).with_name("speed_child.py")
    command = (
        [str(python), str(child)] if python else [sys.executable, "-m", "benchmarks.speed_child"]
    )
    done = subprocess.run(
        [*command, role],
        input="\n".join(map(str, paths)),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    first, *answers, last = map(json.loads, done.stdout.splitlines())
    return Run(first["start"], answers, last["peak"])


def _right(tasks: Sequence[Task], run: Run) -> float:
    """Share of values right: of the whole reader as it says them, of the others by the same
    geometry and checks from their words."""
    verdicts = [
        each.verdict
        for task, answer in zip(tasks, run.answers, strict=True)
        for each in judged(task.truth(), _invoice(answer))
    ]
    return sum(verdict is Verdict.RIGHT for verdict in verdicts) / len(verdicts)


def _invoice(answer: Mapping[str, Any]) -> Invoice:
    if "invoice" in answer:
        return Invoice.model_validate_json(answer["invoice"])
    if not answer.get("words"):
        return Invoice()
    width, height = answer["size"]
    words = tuple(_word(entry, width, height) for entry in answer["words"] if entry[0].strip())
    page = PageWords(page=0, width=width, height=height, words=words)
    return invoice_from_words([page], Source.OCR)


def _word(entry: Sequence[Any], width: float, height: float) -> Word:
    text, score, left, top, right, bottom = entry
    box = Box(page=0, x0=left / width, y0=top / height, x1=right / width, y1=bottom / height)
    return Word(text=text.strip(), box=box, confidence=min(1.0, max(0.0, score)))


if __name__ == "__main__":
    raise SystemExit(main())

"""Electronic files read by Yanpiao and by two other packages, side by side.

    YANPIAO_SPECIMENS=folder python -m benchmarks.peers [--documents 60]

The files are public specimens (`YANPIAO_SPECIMENS`, with a truth.json) and made OFDs and PDFs.
The peers, `ofdkit` (OFD) and `invoice-amount-tool` (OFD and PDF), run in an environment of their
own (`make .venv-bench`); one that is not installed says so in its row. Seconds are of processor,
the best of five readings of one file in a warm process.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from benchmarks.judging import same
from benchmarks.machine import machine
from extractors.errors import YanpiaoError
from extractors.model import MONEY_FIELDS, TEXT_FIELDS
from extractors.reader import Reader
from fixtures.maker import Form, Truth, draw_truth, make, specimens

DAY = dt.date(2026, 11, 22)
_OURS = "yanpiao"
_SUFFIXES = (".ofd", ".pdf")
#: What each offers at all; ours is every field of `read --json`.
_OFFERED = {
    _OURS: TEXT_FIELDS,
    "ofdkit": TEXT_FIELDS,
    "invoice-amount-tool": (
        *("invoice_number", "issue_date", "buyer_name", "seller_name", "total_tax"),
        "total_with_tax",
    ),
}
_READS = {
    _OURS: _SUFFIXES,
    "ofdkit": (".ofd",),
    "invoice-amount-tool": _SUFFIXES,
}


@dataclass(frozen=True)
class File:
    """One file and what it says, by field, as texts."""

    path: Path
    group: str
    truth: Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    fields: Mapping[str, str]
    seconds: float
    error: str = ""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        files = [*_samples(options.specimens), *_made(Path(folder), options)]
        print(f"\n{'':24}{'files':22}{'read':>9}{'right':>9}{'wrong':>7}{'missing':>9}"
              f"{'of all':>9}{'of offered':>12}{'ms':>8}")  # fmt: skip
        notes: list[str] = []
        for name in _OFFERED:
            answers = _answers(name, files, options.python)
            if isinstance(answers, str):
                print(f"{name:24}not measured: {answers}")
                continue
            for group in dict.fromkeys(file.group for file in files):
                print(_row(name, group, files, answers))
            notes.extend(_notes(name, files, answers))
    print("\nSpecimens that were not read right:\n" + "\n".join(notes))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    given = os.environ.get("YANPIAO_SPECIMENS")
    parser.add_argument("--specimens", type=Path, default=Path(given) if given else None)
    parser.add_argument("--documents", type=int, default=60, help="made files, of each form")
    parser.add_argument("--first-seed", type=int, default=20_000)
    parser.add_argument("--python", type=Path, default=Path(".venv-bench/bin/python"))
    return parser.parse_args(arguments)


def _samples(folder: Path | None) -> list[File]:
    """Public specimens; what their truth leaves open (null) is not judged."""
    if folder is None:
        return []
    files = []
    for entry in json.loads((folder / "truth.json").read_text("utf-8")):
        path = folder / entry["file"]
        truth = {name: entry[name] for name in TEXT_FIELDS if entry.get(name)}
        if path.suffix in _SUFFIXES and truth:
            files.append(File(path, f"specimens {path.suffix}", truth))
    return files


def _made(folder: Path, options: argparse.Namespace) -> Iterable[File]:
    for form in (Form.OFD, Form.PDF):
        names = [name for name, drawn in specimens().items() if form in drawn.forms]
        for number in range(options.documents):
            name, seed = names[number % len(names)], options.first_seed + number // len(names)
            truth = draw_truth(name, seed, today=DAY)
            path = folder / f"{name}-{seed}.{form.value}"
            path.write_bytes(make(truth, form, seed).content)
            yield File(path, f"made .{form.value}", _texts(truth))


def _texts(truth: Truth) -> dict[str, str]:
    shown = {name: truth.shown(name) for name in TEXT_FIELDS}
    return {name: str(value) for name, value in shown.items() if value is not None}


def _answers(name: str, files: Sequence[File], python: Path) -> dict[Path, Answer] | str:
    """What a package says of every file that it reads, or why nothing was measured."""
    own = [file.path for file in files if file.path.suffix in _READS[name]]
    if name == _OURS:
        reader = Reader()
        return {path: _ours(reader, path) for path in own}
    if not python.exists():
        return f"{python} is not there (make .venv-bench)"
    child = Path(__file__).with_name("peers_child.py")
    run = subprocess.run(
        [str(python), str(child), name],
        input="\n".join(map(str, own)), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if run.returncode:
        return (run.stderr.strip().splitlines() or ["it ended without a word"])[-1]
    lines = map(json.loads, run.stdout.splitlines())
    return {path: _answer(line) for path, line in zip(own, lines, strict=True)}


def _answer(line: Mapping[str, Any]) -> Answer:
    fields = {name: str(value) for name, value in line.get("fields", {}).items()}
    return Answer(fields, line["seconds"], line.get("error", ""))


def _ours(reader: Reader, path: Path) -> Answer:
    best, fields, error = float("inf"), {}, ""
    for _ in range(5):
        began = time.process_time()
        try:
            invoice = reader.read(path)[0]
            found = {name: getattr(invoice, name) for name in TEXT_FIELDS}
            fields = {name: str(field.value) for name, field in found.items() if field}
        except YanpiaoError as fault:
            error = fault.code
        best = min(best, time.process_time() - began)
    return Answer(fields, best, error)


def _equal(name: str, read: str, truth: str) -> bool:
    if name in MONEY_FIELDS:
        try:
            return Decimal(read) == Decimal(truth)
        except InvalidOperation:
            return False
    return same(read, truth)


def _row(name: str, group: str, files: Sequence[File], answers: Mapping[Path, Answer]) -> str:
    own = [file for file in files if file.group == group]
    mine = [(file, answers[file.path]) for file in own if file.path in answers]
    if not mine:
        return f"{name:24}{group:22}reads no such files"
    right = wrong = offered = 0
    for file, answer in mine:
        for field, truth in file.truth.items():
            offered += field in _OFFERED[name]
            if field in answer.fields:
                equal = _equal(field, answer.fields[field], truth)
                right, wrong = right + equal, wrong + (not equal)
    total = sum(len(file.truth) for file, _ in mine)
    seconds = sorted(answer.seconds for _, answer in mine)[len(mine) // 2]
    read = sum(bool(answer.fields) for _, answer in mine)
    return (
        f"{name:24}{group:22}{f'{read}/{len(mine)}':>9}{right:9}{wrong:7}"
        f"{total - right - wrong:9}{right / total:9.1%}{right / offered:12.1%}{seconds * 1000:8.1f}"
    )


def _notes(name: str, files: Sequence[File], answers: Mapping[Path, Answer]) -> list[str]:
    notes = []
    for file in files:
        answer = answers.get(file.path)
        if answer is None or not file.group.startswith("specimens"):
            continue
        faults = [
            f"{field} {answer.fields.get(field)!r} for {truth!r}"
            for field, truth in file.truth.items()
            if field in _OFFERED[name]
            and not (field in answer.fields and _equal(field, answer.fields[field], truth))
        ]
        if faults or answer.error:
            said = f"{answer.error}; " if answer.error else ""
            notes.append(f"  {name} {file.path.name}: {said}{', '.join(faults[:4])}")
    return notes


if __name__ == "__main__":
    raise SystemExit(main())

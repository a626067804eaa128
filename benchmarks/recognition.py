"""What recognition costs and how exact it is, beside PaddleOCR's whole pipeline on the same pages.

    python -m benchmarks.recognition --first-seed 7100 --seeds 1 --only digital_normal vat_special

Every engine reads the same pictures in a process of its own, on one thread: ours, the bare
pipeline (PP-OCRv6 small), the bare pipeline counting only its graphs, and rapidocr if `--rapid`
names a Python that has it. Printed: processor seconds a page (medians) and their share of bare
by grade, field values right/wrong/missing, how far scores can be relied on, peak memory, and
seconds from cold to the first page. Exit status 1 where the bar is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from benchmarks.reading_work import DAY
from extractors.faces import invoice_from_words
from extractors.limits import Limits
from extractors.model import FIELD_NAMES, Box, Source
from extractors.pdf import PdfFile
from extractors.words import PageWords, Word
from fixtures.maker import Truth, draw_truth, pages, specimens
from fixtures.maker.grades import GRADES, make_graded
from fixtures.maker.pdf import pdf_bytes

#: The bar of issue 3: share of bare, MiB, seconds.
MOST_COST, MOST_MIB, MOST_SECONDS = 0.4, 1024, 5.0
BINS = (0.995, 0.99, 0.98, 0.95, 0.9, 0.8, 0.6, 0.3)
_CHILD = Path(__file__).with_name("recognition_child.py")

Engines = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Picture:
    """One page: its grade, its truth, and all print on it without spaces."""

    path: str
    grade: str
    truth: Truth
    print: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print; 1 where ours misses the bar."""
    options = _options(arguments)
    names = options.only or list(specimens())
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    print(f"{machine()}, 1 thread, {len(names)} sorts, seeds {seeds.start}-{seeds.stop - 1}")
    with tempfile.TemporaryDirectory() as folder:
        pictures = list(_drawn(Path(folder), names, seeds, options.grades))
        paths = [picture.path for picture in pictures]
        pythons = {"ours": sys.executable, "bare": sys.executable, "graphs": sys.executable}
        if options.rapid:
            pythons["rapid"] = options.rapid
        engines = {name: run_engine(python, name, paths) for name, python in pythons.items()}
    _print_cost(pictures, engines)
    verdicts = _print_fields(pictures, engines)
    _print_reliability(pictures, engines)
    for name, engine in engines.items():
        print(f"{name:8} first page after {engine['first']:.1f} s, peak {engine['peak']} MiB")
    return int(not _good(engines, verdicts))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--first-seed", type=int, default=20_000, help="below is for tuning")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=tuple(specimens()), help="these sorts")
    parser.add_argument("--grades", nargs="+", choices=[str(grade) for grade in GRADES],
                        default=[str(grade) for grade in GRADES])  # fmt: skip
    parser.add_argument("--rapid", help="a Python that has rapidocr")
    return parser.parse_args(arguments)


def _drawn(
    folder: Path, names: Sequence[str], seeds: range, grades: Sequence[str]
) -> Iterator[Picture]:
    for name in names:
        for seed in seeds:
            truth = draw_truth(name, seed, today=DAY)
            text = _print(truth, seed)
            for grade in GRADES:
                if str(grade) not in grades:
                    continue
                path = folder / f"{name}-{seed}-{grade}.jpg"
                path.write_bytes(make_graded(truth, grade, seed).content)
                yield Picture(str(path), str(grade), truth, text)


def _print(truth: Truth, seed: int) -> str:
    """All words of the page, as its text layer has them."""
    pdf = pdf_bytes(pages(truth, seed)[:1], title="")
    with PdfFile(pdf, Limits()) as opened:
        return _bare_text("".join(word.text for page in opened.words() for word in page.words))


def run_engine(python: str, engine: str, paths: Sequence[str]) -> dict[str, Any]:
    root = str(_CHILD.parent.parent)
    done = subprocess.run(
        [python, str(_CHILD), engine, *paths],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": root},
    )
    if done.returncode:
        raise SystemExit(f"{engine}: {done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _print_cost(pictures: Sequence[Picture], engines: Engines) -> None:
    print(f"\n{'s a page':10}" + "".join(f"{name:>16}" for name in engines))
    for grade in (*dict.fromkeys(picture.grade for picture in pictures), "all"):
        chosen = [i for i, each in enumerate(pictures) if grade in (each.grade, "all")]
        cells = (
            f"{statistics.median(engine['seconds'][i] for i in chosen):8.2f} ({_cost(engine, engines['bare'], chosen):.2f}x)"  # noqa: E501
            for engine in engines.values()
        )
        print(f"{grade:10}" + "".join(f"{cell:>16}" for cell in cells))


def _cost(engine: dict[str, Any], bare: dict[str, Any], chosen: Sequence[int]) -> float:
    return float(
        sum(engine["seconds"][i] for i in chosen) / sum(bare["seconds"][i] for i in chosen)
    )


def _print_fields(pictures: Sequence[Picture], engines: Engines) -> dict[str, Counter[str]]:
    """Right, wrong and missing values by grade; the sums by engine."""
    sums: dict[str, Counter[str]] = {"ours": Counter(), "bare": Counter()}
    print(f"\n{'values':10}{'ours':>16}{'bare':>16}   right/wrong/missing")
    for grade in dict.fromkeys(picture.grade for picture in pictures):
        row = f"{grade:10}"
        for name, total in sums.items():
            counts: Counter[str] = Counter()
            for picture, page in zip(pictures, engines[name]["pages"], strict=True):
                if picture.grade == grade:
                    counts.update(_verdicts(picture.truth, page_words(page)))
            total.update(counts)
            row += f"{_shown(counts):>16}"
        print(row)
    print(f"{'all':10}" + "".join(f"{_shown(total):>16}" for total in sums.values()))
    return sums


def _verdicts(truth: Truth, words: PageWords) -> Iterator[str]:
    invoice = invoice_from_words([words], Source.OCR)
    for name in FIELD_NAMES:
        found, expected = getattr(invoice, name), truth.shown(name)
        if found is not None:
            yield "right" if found.value == expected else "wrong"
        elif expected is not None:
            yield "missing"


def page_words(page: dict[str, Any]) -> PageWords:
    words = tuple(
        Word(text=text.strip(), confidence=min(1.0, score),
             box=Box(page=0, x0=min(x0, x1), y0=min(y0, y1), x1=max(x0, x1), y1=max(y0, y1)))
        for text, score, x0, y0, x1, y1 in page["words"]
        if text.strip() and score >= BINS[-1]
    )  # fmt: skip
    return PageWords(page=0, width=1.0, height=page["tall"], words=words)


def _shown(counts: Counter[str]) -> str:
    return f"{counts['right']}/{counts['wrong']}/{counts['missing']}"


def _print_reliability(pictures: Sequence[Picture], engines: Engines) -> None:
    """Of the lines that claim a score, how many stand on the page to the letter? (Seals are not
    in the text layer, and lines that join two columns are not found in it: not all are faults.)"""
    print(f"\n{'score':10}{'ours':>22}{'bare':>22}   lines that stand on the page")
    ceiling = 1.01
    for floor in BINS:
        row = f">= {floor:<7}"
        for name in ("ours", "bare"):
            found = [
                _bare_text(text) in picture.print
                for picture, page in zip(pictures, engines[name]["pages"], strict=True)
                for text, score, *_ in page["words"]
                if floor <= score < ceiling
            ]
            share = f"{sum(found) / len(found):7.1%}" if found else "      -"
            row += f"{sum(found):7}/{len(found):<6}{share:>8}"
        print(row)
        ceiling = floor


def _bare_text(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())


def _good(engines: Engines, verdicts: dict[str, Counter[str]]) -> bool:
    ours = engines["ours"]
    cost = _cost(ours, engines["bare"], range(len(ours["seconds"])))
    exact = (
        verdicts["ours"]["right"] >= verdicts["bare"]["right"]
        and verdicts["ours"]["wrong"] <= verdicts["bare"]["wrong"]
    )
    cheap = cost <= MOST_COST and ours["peak"] < MOST_MIB and ours["first"] < MOST_SECONDS
    print(f"\ncost {cost:.2f}x (bar {MOST_COST})")
    return cheap and exact


if __name__ == "__main__":
    sys.exit(main())

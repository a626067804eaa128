"""How well and how fast recognition reads: made specimens by kind and form, against their truth.

    python -m benchmarks.reading --seeds 2 --forms png jpeg photo --threads 2

Prints one row a kind and form: fields right, wrong, missing (wrong is the one that must be 0),
seconds a page, and the peak memory of the process, under the commit and the machine.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence

from extractors.images import load_image
from extractors.layout import invoice_from_words
from extractors.limits import Limits
from extractors.model import TEXT_FIELDS, Invoice, Kind, Source
from extractors.recognise import PaddleRecogniser
from fixtures.maker import KINDS, Form, Truth, make, make_truth

#: Specimens are drawn for a fixed day, so that figures of different days compare.
DAY = dt.date(2026, 11, 22)
FORMS = ("png", "jpeg", "photo")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print; the exit status is 1 if any value was read wrong."""
    options = _options(arguments)
    engine = PaddleRecogniser(threads=options.threads, size=options.size)
    started = time.perf_counter()
    engine.load()
    print(f"commit {_commit()}  {platform.machine()} {os.cpu_count()} cores  "
          f"Python {platform.python_version()}  threads {options.threads}  models {options.size}  "
          f"load {time.perf_counter() - started:.1f} s")  # fmt: skip
    print(f"{'kind':24}{'form':8}{'turn':>5}{'right':>7}{'wrong':>7}{'missing':>9}{'s/page':>8}")
    all_counts: Counter[str] = Counter()
    for form in options.forms:
        for kind in KINDS:
            counts, seconds = _measure(engine, kind, Form(form), options.seeds, options.turn)
            all_counts += counts
            print(f"{kind.name:24}{form:8}{options.turn:5}{counts['right']:7}{counts['wrong']:7}"
                  f"{counts['missing']:9}{seconds:8.1f}", flush=True)  # fmt: skip
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"all: {dict(all_counts)}  peak {peak} MiB")
    return 1 if all_counts["wrong"] else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2, help="specimens of each kind and form")
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=list(FORMS))
    parser.add_argument("--turn", type=int, choices=(0, 90, 180, 270), default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--size", choices=("small", "tiny"), default="small")
    return parser.parse_args(arguments)


def _measure(
    engine: PaddleRecogniser, kind: Kind, form: Form, seeds: int, turn: int
) -> tuple[Counter[str], float]:
    counts: Counter[str] = Counter()
    spent = 0.0
    for seed in range(1000, 1000 + seeds):
        truth = make_truth(kind, seed, today=DAY)
        data = make(truth, form, seed, turn=turn).content
        started = time.perf_counter()
        page = engine.recognise(load_image(data, Limits()), 0)
        invoice = invoice_from_words([page.words], Source.OCR)
        spent += time.perf_counter() - started
        counts += _judged(truth, invoice)
    return counts, spent / seeds


def _judged(truth: Truth, invoice: Invoice) -> Counter[str]:
    counts: Counter[str] = Counter()
    for name in TEXT_FIELDS:
        field, expected = getattr(invoice, name), getattr(truth, name)
        if field is None and expected is None:
            continue
        agrees = field is not None and field.value == expected
        verdict = "right" if agrees else "missing" if field is None else "wrong"
        if verdict != "right":
            print(f"  {verdict}: {truth.kind.name} {name}: read {field and field.value!r}, "
                  f"truth {expected!r}", file=sys.stderr)  # fmt: skip
        counts[verdict] += 1
    return counts


def _commit() -> str:
    answer = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())

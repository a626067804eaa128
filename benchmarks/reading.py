"""How well and how fast recognition reads: made specimens by kind and form, against their truth.

    python -m benchmarks.reading --first-seed 5000 --seeds 3 --forms png jpeg photo --threads 1

Prints one row a kind and form: fields, lines and remarks right, wrong and missing (wrong is what
must be 0; lines are judged as verification compares them with the portal) and seconds a page;
then how far confidences can be relied on, and every wrong value. Only recognition is judged: the
QR code, which the reader also uses, is left out.
"""

from __future__ import annotations

import argparse
import datetime as dt
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.machine import machine
from extractors.faces import invoice_from_words
from extractors.images import Pixels, load_image
from extractors.limits import Limits
from extractors.model import TEXT_FIELDS, Field, Invoice, Kind, Source
from extractors.pdf import PdfFile
from extractors.recognise import PaddleRecogniser
from fixtures.maker import KINDS, Form, Truth, make, make_truth
from verifiers.compare import compare, contradicts
from verifiers.model import PortalValues

#: Specimens are drawn for a fixed day, so that figures of different days compare.
DAY = dt.date(2026, 11, 22)
FORMS = ("png", "jpeg", "photo", "scanned_pdf")
#: Lower ends of the confidence bins; below 0.85 a person is asked to look.
BINS = (0.99, 0.95, 0.9, 0.85, 0.6, 0.0)


@dataclass(frozen=True)
class Judgement:
    """One value against its truth; `confidence` is None for what has none (kind, lines) and for
    what is missing."""

    name: str
    verdict: str
    read: str
    truth: str
    confidence: float | None = None


@dataclass
class Tally:
    """Every judgement of one kind and form, under the specimen's name, and the seconds spent."""

    judgements: list[tuple[str, Judgement]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def count(self, *names: str) -> Counter[str]:
        """Verdicts on the named values."""
        return Counter(each.verdict for _, each in self.judgements if each.name in names)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print; the exit status is 1 if anything was read wrong."""
    options = _options(arguments)
    engine = PaddleRecogniser(threads=options.threads, size=options.size)
    started = time.perf_counter()
    engine.load()
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    print(f"{machine()}  threads {options.threads}  models {options.size}  "
          f"seeds {seeds.start}-{seeds.stop - 1}  turn {options.turn}  "
          f"load {time.perf_counter() - started:.1f} s")  # fmt: skip
    print(f"{'right/wrong/missing':24}{'form':13}{'fields':>12}{'lines':>10}{'remarks':>10}"
          f"{'kind':>10}{'s/page':>8}")  # fmt: skip
    tallies = []
    for form in options.forms:
        for kind in KINDS:
            tally = _measured(engine, kind, Form(form), seeds, options.turn)
            tallies.append(tally)
            print(_row(kind.name, form, tally), flush=True)
    everything = Tally(
        [entry for tally in tallies for entry in tally.judgements],
        [spent for tally in tallies for spent in tally.seconds],
    )
    print(_row("all", "", everything))
    print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")
    _print_reliability(everything)
    return _print_faults(everything)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2, help="specimens of each kind and form")
    parser.add_argument("--first-seed", type=int, default=1000)
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=list(FORMS[:3]))
    parser.add_argument("--turn", type=int, choices=(0, 90, 180, 270), default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--size", choices=("small", "tiny"), default="small")
    return parser.parse_args(arguments)


def _measured(
    engine: PaddleRecogniser, kind: Kind, form: Form, seeds: Sequence[int], turn: int
) -> Tally:
    tally = Tally()
    for seed in seeds:
        truth = make_truth(kind, seed, today=DAY)
        picture = _picture(make(truth, form, seed, turn=turn).content, form)
        started = time.perf_counter()
        page = engine.recognise(picture, 0)
        invoice = invoice_from_words([page.words], Source.OCR)
        tally.seconds.append(time.perf_counter() - started)
        name = f"{kind.name} {form} {seed}"
        tally.judgements.extend((name, judgement) for judgement in _judged(truth, invoice))
    return tally


def _picture(content: bytes, form: Form) -> Pixels:
    if form is not Form.SCANNED_PDF:
        return load_image(content, Limits())
    with PdfFile(content, Limits()) as pdf:
        return pdf.render(0)


def _judged(truth: Truth, invoice: Invoice) -> Iterator[Judgement]:
    for name in (*TEXT_FIELDS, "remarks"):
        judgement = _judged_field(name, getattr(invoice, name), getattr(truth, name))
        if judgement is not None:
            yield judgement
    if truth.lines:
        yield _judged_lines(truth, invoice)
    yield _judged_kind(truth.kind, invoice.kind)


def _judged_field(name: str, read: Field[object] | None, truth: object) -> Judgement | None:
    if read is None:
        return None if truth is None else Judgement(name, "missing", "", str(truth))
    verdict = "right" if read.value == truth else "wrong"
    return Judgement(name, verdict, str(read.value), str(truth), read.confidence)


def _judged_lines(truth: Truth, invoice: Invoice) -> Judgement:
    """Lines are wrong when verification would report that they differ from the portal's."""
    shown = "; ".join(f"{line.name} {line.amount} {line.tax}" for line in invoice.lines)
    expected = "; ".join(f"{line.name} {line.amount} {line.tax}" for line in truth.lines)
    if not invoice.lines:
        return Judgement("lines", "missing", "", expected)
    only_lines = Invoice(lines=invoice.lines)
    differ = contradicts(compare(only_lines, PortalValues(lines=truth.lines)))
    return Judgement("lines", "wrong" if differ else "right", shown, expected)


def _judged_kind(truth: Kind, read: Kind) -> Judgement:
    if read is Kind.UNKNOWN:
        return Judgement("kind", "missing", "", truth.value)
    return Judgement("kind", "right" if read is truth else "wrong", read.value, truth.value)


def _row(kind: str, form: str, tally: Tally) -> str:
    columns = (
        (12, TEXT_FIELDS),
        *((10, (name,)) for name in ("lines", "remarks", "kind")),
    )
    cells = "".join(f"{_verdicts(tally.count(*names)):>{width}}" for width, names in columns)
    return f"{kind:24}{form:13}{cells}{sum(tally.seconds) / len(tally.seconds):8.1f}"


def _verdicts(counts: Counter[str]) -> str:
    return f"{counts['right']}/{counts['wrong']}/{counts['missing']}"


def _print_reliability(tally: Tally) -> None:
    """Of the values that claim a certainty, how many are right?"""
    print("confidence   values   right   share")
    sure = [each for _, each in tally.judgements if each.confidence is not None]
    ceiling = 1.01
    for floor in BINS:
        inside = [each for each in sure if floor <= (each.confidence or 0.0) < ceiling]
        right = sum(each.verdict == "right" for each in inside)
        share = f"{right / len(inside):8.2%}" if inside else "       -"
        print(f">= {floor:<9.2f}{len(inside):7}{right:8}{share}")
        ceiling = floor


def _print_faults(tally: Tally) -> int:
    """Every wrong or missing value; 1 if any is wrong."""
    faults = [entry for entry in tally.judgements if entry[1].verdict != "right"]
    for name, each in sorted(faults, key=lambda entry: entry[1].verdict, reverse=True):
        certainty = "" if each.confidence is None else f" ({each.confidence:.2f})"
        print(f"{each.verdict}: {name} {each.name}: {each.read!r}{certainty}, truth {each.truth!r}")
    return int(any(each.verdict == "wrong" for _, each in faults))


if __name__ == "__main__":
    sys.exit(main())

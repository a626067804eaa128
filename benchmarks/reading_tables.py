"""The tables of `benchmarks.reading`, with the bar beside each figure."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from benchmarks.judging import Judgement, Verdict
from benchmarks.reading_work import E_FILES, GRADE_NAMES, Reading

#: Least share of values right, by sort of file.
BAR = {
    **dict.fromkeys(E_FILES, 1.0),
    **dict.fromkeys(("flat", "noisy", "photo", "scanned_pdf"), 0.999),
    **dict.fromkeys(("worn", "hurried"), 0.97),
}
#: Values wrong in silence: none among keys; of the others fewer than this share.
SILENT_BAR = 0.001
#: Lower ends of the confidence bins; below 0.85 a person is asked to look.
BINS = (0.99, 0.97, 0.95, 0.9, 0.85, 0.6, 0.0)
_GROUPS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("fields", lambda name: "." not in name and name not in ("remarks", "kind")),
    ("kind", lambda name: name == "kind"),
    ("remarks", lambda name: name == "remarks"),
    ("extra", lambda name: name.startswith("extra.")),
    ("cells of lines", lambda name: name.startswith("lines.")),
)


def tables(readings: Sequence[Reading]) -> Iterator[str]:
    """Every table, line by line."""
    yield from by_kind(readings)
    yield from by_sort(readings)
    yield from by_field(readings)
    yield from reliability(readings)


def meets_the_bar(readings: Sequence[Reading]) -> bool:
    return all(not _faults(group, sort) for sort, group in _grouped(readings).items())


def by_kind(readings: Sequence[Reading]) -> Iterator[str]:
    yield "\nBy kind and sort of file (! misses the bar)"
    yield _HEAD
    names = sorted({reading.task.specimen for reading in readings})
    for name in names:
        for sort, group in _grouped(r for r in readings if r.task.specimen == name).items():
            yield _row(name, sort, group)


def by_sort(readings: Sequence[Reading]) -> Iterator[str]:
    yield "\nBy sort of file"
    yield _HEAD
    for sort, group in _grouped(readings).items():
        yield _row("all", sort, group)
    passed = [reading for reading in readings if reading.passed]
    wrong = sum(reading.count(Verdict.SILENT) > 0 for reading in passed)
    yield (
        f"documents that pass with no hand: {len(passed)} of {len(readings)} "
        f"({_share(len(passed), len(readings))}); of these with something wrong: {wrong}"
    )
    stops = Counter(stop for reading in readings for stop in set(reading.stops))
    yield "what stops the others: " + ", ".join(f"{s} {n}" for s, n in stops.most_common(12))


_HEAD = (
    f"{'':34}{'sort':12}{'docs':>5}{'values':>8}{'right':>9}{'bar':>7}{'held':>8}{'missing':>8}"
    f"{'flagged':>8}{'silent':>7}{'of keys':>8}{'pass':>6}{'cpu s':>7}{'MiB':>6}"
)


def _row(name: str, sort: str, group: Sequence[Reading]) -> str:
    counts = _counts(group)
    held, wanted = (sum(reading.held[part] for reading in group) for part in (0, 1))
    silent_keys = sum(reading.count(Verdict.SILENT, keys=True) for reading in group)
    return (
        f"{name:34}{sort:12}{len(group):5}{counts.total():8}"
        f"{_share(counts[Verdict.RIGHT], counts.total()):>9}{f'{BAR[sort]:.1%}':>7}"
        f"{_share(held, wanted):>8}{counts[Verdict.MISSING]:8}{counts[Verdict.FLAGGED]:8}"
        f"{counts[Verdict.SILENT]:7}{silent_keys:8}{sum(r.passed for r in group):6}"
        f"{statistics.median(r.seconds for r in group):7.2f}{max(r.peak for r in group):6}"
        f"  {' '.join(_faults(group, sort))}"
    )


def _faults(group: Sequence[Reading], sort: str) -> list[str]:
    """Where a group misses the bar."""
    counts = _counts(group)
    silent_keys = sum(reading.count(Verdict.SILENT, keys=True) for reading in group)
    others = [each for reading in group for each in reading.judgements if not each.key]
    silent = sum(each.verdict is Verdict.SILENT for each in others)
    faults = []
    if counts[Verdict.RIGHT] < BAR[sort] * counts.total():
        faults.append("!right")
    if silent_keys:
        faults.append("!silent-keys")
    if silent and silent >= SILENT_BAR * len(others):
        faults.append("!silent")
    return faults


def by_field(readings: Sequence[Reading]) -> Iterator[str]:
    """What goes wrong, by group of values and by name, in pictures and in electronic files."""
    for title, wanted in (
        ("electronic files", E_FILES),
        ("pictures", (*GRADE_NAMES, "scanned_pdf")),
    ):
        judgements = [e for r in readings if r.task.sort in wanted for e in r.judgements]
        if not judgements:
            continue
        yield f"\nBy value, {title}"
        yield f"{'':34}{'values':>8}{'right':>9}{'missing':>8}{'flagged':>8}{'silent':>7}"
        for group, belongs in _GROUPS:
            yield _value_row(group, [each for each in judgements if belongs(each.name)])
        for name in sorted({each.name for each in judgements}):
            own = [each for each in judgements if each.name == name]
            if any(each.verdict is not Verdict.RIGHT for each in own):
                yield _value_row(f"  {name}", own)


def _value_row(name: str, judgements: Sequence[Judgement]) -> str:
    counts = Counter(each.verdict for each in judgements)
    return (
        f"{name:34}{counts.total():8}{_share(counts[Verdict.RIGHT], counts.total()):>9}"
        f"{counts[Verdict.MISSING]:8}{counts[Verdict.FLAGGED]:8}{counts[Verdict.SILENT]:7}"
    )


def reliability(readings: Sequence[Reading]) -> Iterator[str]:
    """Of the values that claim a certainty, how many are right? The calibration error is the
    mean distance of claim and share over the bins, weighed by their values."""
    sure = [
        (each.confidence, each.verdict is Verdict.RIGHT)
        for reading in readings
        if reading.task.sort not in E_FILES
        for each in reading.judgements
        if each.confidence is not None
    ]
    yield "\nReliability, pictures: confidence against truth"
    yield f"{'confidence':12}{'values':>8}{'claimed':>9}{'right':>9}"
    error, ceiling = 0.0, 1.01
    for floor in BINS:
        inside = [entry for entry in sure if floor <= entry[0] < ceiling]
        ceiling = floor
        if not inside:
            continue
        claimed = sum(claim for claim, _ in inside) / len(inside)
        right = sum(good for _, good in inside) / len(inside)
        error += abs(claimed - right) * len(inside) / len(sure)
        yield f">= {floor:<9.2f}{len(inside):8}{claimed:9.2%}{right:9.2%}"
    yield f"expected calibration error {error:.4f}" if sure else "no recognised values"


def _grouped(readings: Sequence[Reading] | Iterator[Reading]) -> dict[str, list[Reading]]:
    groups: dict[str, list[Reading]] = {sort: [] for sort in BAR}
    for reading in readings:
        groups[reading.task.sort].append(reading)
    return {sort: group for sort, group in groups.items() if group}


def _counts(group: Sequence[Reading]) -> Counter[Verdict]:
    return Counter(each.verdict for reading in group for each in reading.judgements)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2%}" if whole else "-"

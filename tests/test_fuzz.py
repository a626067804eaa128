"""A short fuzz run on fixed seeds: whatever the file, a result or a typed error, within limits.

The long run is `python -m benchmarks.fuzz`.
"""

from __future__ import annotations

import pytest

from benchmarks.fuzz import FAULTS, Bounds, Child, run
from benchmarks.fuzzing import Case, drawn_cases, hostile_cases
from extractors.errors import EngineMissing, NoInvoiceFound
from extractors.reader import Reader

#: Of the files built to do harm, those that are quick to build and to read.
QUICK = (
    "number",
    "laughs",
    "lie",
    "xref loop",
    "tiff loop",
    "overlapping",
    "floats",
    "code",
    "size",
    "jpeg",
    "kids",
    "form",
    "attachment",
    "text bomb",
    "deep grey",
    "same page",
)


@pytest.mark.slow
@pytest.mark.timeout(280)
def test_damaged_files_end_in_a_result_or_a_typed_error() -> None:
    cases = [case for only in QUICK for case in hostile_cases(only)]
    cases.extend(drawn_cases(range(9_000, 9_120)))
    endings = list(run(cases, Bounds(), jobs=2))
    faults = [
        f"{each.outcome}: {each.case.name}: {each.detail} {each.said}"
        for each in endings
        if each.outcome in FAULTS
    ]
    assert faults == []
    assert len(endings) == len(cases)
    # A run in which everything is refused at the door would prove nothing.
    assert sum(each.outcome == "result" for each in endings) > len(endings) / 10


@pytest.mark.slow
def test_a_file_over_its_memory_and_one_over_its_time_are_told() -> None:
    case = next(iter(hostile_cases("xml hostile wide")))
    for bounds, outcome in ((Bounds(resident=1), "memory"), (Bounds(seconds=0.0), "hang")):
        with Child(bounds) as child:
            assert child.read(case).outcome == outcome
    slow = next(iter(hostile_cases("pdf hostile states")))
    with Child(Bounds(wall=0.0)) as child:
        assert child.read(slow).outcome == "hang"


@pytest.mark.slow
def test_a_process_that_dies_is_a_crash_and_the_next_file_gets_a_new_one() -> None:
    small = Bounds(address_space=400 * 1024 * 1024)
    swelling = next(iter(hostile_cases("image hostile sixty million colours")))
    with Child(small) as child:
        assert child.read(swelling).outcome in ("crash", "memory", "error")
        assert child.read(Case("xml small", b"<EInvoice/>")).outcome == "error"


def test_the_same_seed_gives_the_same_file() -> None:
    once, again = (list(drawn_cases(range(9_000, 9_010))) for _ in range(2))
    assert [case.name for case in once] == [case.name for case in again]
    # Making a PDF twice differs in nothing; only the damage is drawn.
    assert [case.data for case in once] == [case.data for case in again]


@pytest.mark.parametrize("name", ["one row", "one pixel"])
def test_a_sliver_of_a_picture_holds_nothing(name: str) -> None:
    case = next(iter(hostile_cases(f"image hostile {name}")))
    with pytest.raises((EngineMissing, NoInvoiceFound)):
        Reader().read_bytes(case.data)

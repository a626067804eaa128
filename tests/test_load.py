"""The load benchmark measures what it says: a small load goes through the whole system, and its
times are those that the product recorded."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from benchmarks.load import records
from benchmarks.load.files import made
from benchmarks.load.processes import Memory
from benchmarks.load.steady import TOGETHER, quantile, steady
from fixtures.maker import Form

NOON = dt.datetime(2026, 11, 26, 12, tzinfo=dt.UTC)


def at(**seconds: float) -> dict[str, dt.datetime]:
    return {name: NOON + dt.timedelta(seconds=after) for name, after in seconds.items()}


def test_a_documents_time_is_parted_into_work_and_waiting() -> None:
    moments = at(received=0, read=3, verified=5, archived=9)
    way = records.way(moments, {"read": 1.0, "verify": 0.5, "archive": 2.0})
    assert way.seconds["waits to be read"] == pytest.approx(2.0)
    assert way.seconds["waits to be verified"] == pytest.approx(1.5)
    assert way.seconds["waits to be sealed"] == pytest.approx(2.0)
    assert sum(way.seconds.values()) == pytest.approx(way.whole) == 9.0


def test_records_that_contradict_one_another_are_refused() -> None:
    moments = at(received=0, read=1, verified=2, archived=3)
    with pytest.raises(ValueError, match="do not add up"):
        records.way(moments, {"read": 1.5, "verify": 0.5, "archive": 0.5})


def test_the_rate_is_that_of_the_middle() -> None:
    spent = {"read": 0.0, "verify": 0.0, "archive": 0.0}
    ends = [9.0, *(10.0 + 0.5 * n for n in range(8)), 60.0]
    ways = [records.way(at(received=0, read=0, verified=0, archived=end), spent) for end in ends]
    assert records.rate(records.middle(ways)) == pytest.approx(2.0)
    assert records.rate(ways[:1]) == 0.0


def test_quantiles_are_values_that_occurred() -> None:
    assert quantile([3.0, 1.0, 2.0, 4.0], 0.5) == 3.0
    assert quantile([1.0] * 19 + [9.0], 0.95) == 9.0
    assert quantile([], 0.5) == 0.0


def test_growth_is_told_by_documents_after_the_start() -> None:
    memory = Memory.__new__(Memory)
    mib = 1024.0**2
    memory.samples = [(0, {"web": 10 * mib})]
    memory.samples += [(n, {"web": (100 + n / 50) * mib}) for n in range(200, 1200, 100)]
    found = memory.growth(200)["web"]
    assert (found.first, found.last, found.most) == (104.0, 122.0, 122.0)
    assert found.slope == pytest.approx(20.0)


def test_forms_are_mixed_and_each_invoice_is_there_once(tmp_path: Path) -> None:
    files = made(tmp_path, 6, {Form.XML: 2, Form.PDF: 1})
    assert [path.suffix for path in files.paths] == [".xml", ".xml", ".pdf"] * 2
    assert len(set(files.paths)) == 6
    assert files.known.read_text("utf-8").count('"status": "normal"') == 6


@pytest.mark.slow
def test_a_small_load_goes_through_everything(tmp_path: Path) -> None:
    documents = 20
    run = steady(made(tmp_path, documents + 2 * TOGETHER), "sqlite", "vendor", 1)
    assert run.states == {"archived": documents + 2 * TOGETHER}
    assert (run.uploads.files, run.uploads.refused) == (documents, 0)
    assert run.rate > 0
    assert min(run.steps[stage] for stage in ("read", "verify", "archive")) > 0
    working = ("web", "ocr worker", "reading process", "verify worker", "archive worker")
    assert all(run.processor[part] > 0 for part in working)

"""The model of a large installation: its queues behave as queues do, and its figures are named."""

from __future__ import annotations

import json
import math
import tomllib
from pathlib import Path

import numpy as np
import pytest

from benchmarks import scale
from benchmarks.scale import STEP_SECONDS, least, longest_wait, worked_off


def test_a_stage_that_is_fast_enough_keeps_nobody_waiting() -> None:
    coming = np.array([3.0, 0.0, 5.0])
    leaves, waits = worked_off(coming, 5.0)
    assert list(leaves) == [3.0, 0.0, 5.0]
    assert list(waits) == [0.0, 0.0, 0.0]
    assert longest_wait(coming, leaves) == 0.0


def test_what_is_not_managed_waits_its_turn() -> None:
    coming = np.array([12.0, 0.0, 0.0, 0.0])
    leaves, waits = worked_off(coming, 5.0)
    assert list(leaves) == [5.0, 5.0, 2.0, 0.0]
    assert list(waits) == [7.0, 2.0, 0.0, 0.0]
    assert longest_wait(coming, leaves) == pytest.approx(2 * STEP_SECONDS / 3600)


def test_who_is_never_served_waits_for_ever() -> None:
    coming = np.array([1.0, 1.0])
    assert longest_wait(coming, worked_off(coming, 0.5)[0]) == math.inf


def test_the_least_number_is_enough_and_one_less_is_not() -> None:
    coming = scale.year(1_000_000, seed=3)
    hours = 6.0
    found = least(coming, lambda count: count * 5.0, hours)
    assert longest_wait(coming, worked_off(coming, found * 5.0)[0]) <= hours
    assert longest_wait(coming, worked_off(coming, (found - 1) * 5.0)[0]) > hours


def test_a_year_holds_what_was_asked_and_its_month_ends_tower() -> None:
    coming = scale.year(1_000_000, seed=1)
    assert coming.sum() == pytest.approx(1_000_000, rel=0.01)
    days = coming.reshape(-1, 24 * 3600 // STEP_SECONDS).sum(axis=1)
    working = np.sort(days[days > np.median(days)])
    assert working[-1] > 3 * np.median(days)
    assert (scale.year(1_000_000, seed=1) == coming).all()
    assert (scale.year(1_000_000, seed=2) != coming).any()


def test_each_invoice_is_asked_about_twice() -> None:
    coming = scale.year(100_000, seed=1)
    assert scale.asked_about(coming).sum() == 2 * coming.sum()


def test_every_figure_says_where_it_comes_from() -> None:
    stated = tomllib.loads(scale.FIGURES.read_text("utf-8"))
    assert all({"value", "unit", "source"} == set(each) for each in stated.values())
    for each in stated.values():
        module = each["source"].partition("python -m ")[2].split(" ")[0].rstrip(";,")
        path = scale.FIGURES.parent.parent.joinpath(*module.split("."))
        assert not module or path.is_dir() or path.with_suffix(".py").is_file()


def test_figures_of_a_load_benchmark_take_the_place_of_the_stated(tmp_path: Path) -> None:
    stored = {"database": 1.0, "files": 2.0, "bags": 3.0, "trail": 7.0}
    said = {
        "kinds": [{"kind": "PDF", "whole": 50.0, "stored": stored}],
        "bare": {"row of the trail, PostgreSQL": {"clock": 4.0}},
    }
    path = tmp_path / "load.json"
    path.write_text(json.dumps(said), encoding="utf-8")
    known = scale.figures(path)
    assert (known["processor_pdf"], known["files_vendor"], known["trail_rows"]) == (50.0, 5.0, 7.0)
    assert known["commit"] == 4.0
    assert known["processor_xml"] == scale.figures()["processor_xml"]
    assert set(known) == set(scale.figures())

"""Cells that were found as one line are cut where their print parts, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

from extractors.recognition.find import Quad
from extractors.recognition.poor import with_room, without_room
from extractors.recognition.read import Reading
from extractors.recognition.seams import apart

HEIGHT = 20.0


def line(text: str, gaps: dict[int, float], before: float = 0.0) -> tuple[Quad, Reading]:
    """A level line 20 high as a model places it; `gaps` (in heights) stand before characters."""
    x, middles = before, []
    for index, char in enumerate(text):
        width = 0.55 if char.isascii() else 1.0
        x += gaps.get(index, 0.0)
        middles.append(x + width / 2)
        x += width
    length = x - before
    places = tuple(middle / (length + 2 * before) for middle in middles)
    right = 100 + length * HEIGHT
    corners = [[100, 50], [right, 50], [right, 50 + HEIGHT], [100, 50 + HEIGHT]]
    return np.array(corners, dtype=np.float32), Reading(text, 0.9, places)


@pytest.mark.parametrize("before", [0.0, 0.15])
def test_a_place_and_a_project_are_two_cells(before: float) -> None:
    quad, reading = line("安徽省合肥市教学楼修缮", {6: 0.6}, before)
    (one, first), (two, second) = apart(quad, reading, before)
    assert (first.text, second.text) == ("安徽省合肥市", "教学楼修缮")
    assert first.score == second.score == 0.9
    assert one[1, 0] == pytest.approx(100 + 6 * HEIGHT, abs=0.5)
    assert two[0, 0] == pytest.approx(100 + 6.6 * HEIGHT, abs=0.5)
    assert np.allclose([one[0], two[1]], [quad[0], quad[1]])


def test_a_quantity_and_a_price_are_two_cells() -> None:
    found = apart(*line("86 21.2530232558", {2: 0.15, 3: 0.15}))
    assert [reading.text for _, reading in found] == ["86", "21.2530232558"]


@pytest.mark.parametrize(
    ("text", "gaps"),
    [
        ("统一社会信用代码", {}),
        ("项目名称金额税额合计", {2: 0.6, 4: 0.6, 6: 0.6}),  # letter-spaced
        ("备注教学楼维修费", {1: 0.8}),  # a lone character is a label's
        ("9206 8532 8615", {}),
        ("杭州市滨河大道9号", {7: 0.9}),
        ("Cashier name", {7: 0.9}),
        ("合计", {1: 3.0}),
    ],
)
def test_one_cell_stays_one(text: str, gaps: dict[int, float]) -> None:
    quad, reading = line(text, gaps)
    assert apart(quad, reading) == [(quad, reading)]


def test_what_has_no_places_stays_whole() -> None:
    quad, _ = line("安徽省合肥市教学楼修缮", {6: 0.6})
    bare = Reading("安徽省合肥市教学楼修缮", 0.9)
    assert apart(quad, bare) == [(quad, bare)]


def test_places_are_shares_of_the_line_without_its_room() -> None:
    picture = np.full((48, 80, 3), 255, np.uint8)
    share = 80 / with_room(picture).shape[1]
    seen = without_room(Reading("合", 0.9, (0.5 * share,)), picture)
    assert seen.places == pytest.approx((0.5,))


@pytest.mark.parametrize(
    ("text", "gaps", "cells"),
    [
        ("103.9926815.1612655063", {6: 0.28}, ["103.99", "26815.1612655063"]),
        ("75.2144784.4786055", {5: 0.15}, ["75.21", "44784.4786055"]),
    ],
)
def test_a_figure_with_two_points_is_two(
    text: str, gaps: dict[int, float], cells: list[str]
) -> None:
    assert [reading.text for _, reading in apart(*line(text, gaps))] == cells


@pytest.mark.parametrize(
    ("text", "gaps"),
    [
        ("103.9926815.1612655063", {}),  # nothing shows where
        ("103.9926815.1612655063", {2: 0.3}),  # not between the points
        ("1.238.724.71", {4: 0.15}),  # thousands
    ],
)
def test_it_stays_one_where_no_gap_between_the_points_tells(
    text: str, gaps: dict[int, float]
) -> None:
    quad, reading = line(text, gaps)
    assert apart(quad, reading) == [(quad, reading)]

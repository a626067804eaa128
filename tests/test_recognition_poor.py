"""Lines of poor pages: from two detectors' boxes to pictures and text."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from extractors.recognition.find import Quad
from extractors.recognition.poor import line_picture, mended, united


def box(left: float, top: float, right: float, bottom: float) -> Quad:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], dtype=np.float32)


def bounds(quads: list[Quad]) -> set[tuple[int, ...]]:
    return {(*map(int, quad.min(axis=0)), *map(int, quad.max(axis=0))) for quad in quads}


def rows() -> list[Quad]:
    """Goods' names in three rows."""
    return [box(10, top, 110, top + 12) for top in (20, 34, 48)]


def test_what_only_one_detector_saw_is_kept_once() -> None:
    best, others = box(10, 20, 110, 32), [box(12, 21, 60, 31), box(200, 20, 210, 32)]
    assert bounds(united([best], others)) == {(10, 20, 110, 32), (200, 20, 210, 32)}


def test_a_box_over_three_rows_is_cut_where_the_others_stand() -> None:
    found = united([*rows(), box(150, 19, 165, 61)], [])
    units = {(150, 20, 165, 32), (150, 34, 165, 46), (150, 48, 165, 60)}
    assert bounds(found) == units | bounds(rows())


def test_a_row_seen_by_the_other_detector_is_not_cut_out_again() -> None:
    seen = box(151, 34, 164, 46)
    found = united([*rows(), box(150, 19, 165, 61)], [seen])
    assert len(found) == 6
    assert bounds([seen]) <= bounds(found)


def test_print_that_runs_down_beside_nothing_stays_whole() -> None:
    down = box(150, 100, 165, 160)
    assert bounds(united([*rows(), down], [])) == bounds([*rows(), down])


def test_a_short_box_that_leans_is_taken_level_and_a_long_one_as_it_leans() -> None:
    short = np.array([[20, 22], [44, 18], [46, 30], [22, 34]], dtype=np.float32)
    long = np.array([[20, 60], [220, 66], [220, 80], [20, 74]], dtype=np.float32)
    found = united([short, long], [])
    assert np.array_equal(found[0], box(20, 18, 46, 34))
    assert np.array_equal(found[1], long)


def test_nothing_found_is_nothing() -> None:
    assert united([], []) == []


def test_a_line_comes_at_the_recognisers_height_with_a_little_beside_it() -> None:
    picture = np.full((60, 200, 3), 255, np.uint8)
    picture[20:32, 48:52] = 0  # just before the box, within what is added
    line = line_picture(picture, box(50, 20, 110, 32))
    assert line.shape == (48, 255, 3)
    assert line[24, :6].max() < 60
    assert line[24, 40:].min() == 255


def test_a_line_is_fetched_from_the_picture_that_its_place_leads_to() -> None:
    picture = np.full((60, 200, 3), 255, np.uint8)
    picture[20:32, 60:100] = 0
    turn = np.vstack([cv2.getRotationMatrix2D((80, 26), 8.0, 1.0), (0, 0, 1)])
    turned = cv2.warpAffine(picture, turn[:2], (200, 60), borderValue=(255, 255, 255))
    corners = cv2.perspectiveTransform(box(60, 20, 100, 32).reshape(-1, 1, 2), turn).reshape(4, 2)
    leaning = line_picture(np.asarray(turned, np.uint8), np.asarray(corners, np.float32))
    back = np.linalg.inv(turn)
    fetched = line_picture(picture, np.asarray(corners, np.float32), back)
    assert fetched.shape == leaning.shape
    assert np.abs(fetched.astype(int) - leaning).mean() < 12
    assert fetched[10:38, 14:-14].max() < 40


@pytest.mark.parametrize(
    ("read", "meant"),
    [
        ("“会展服务*会议服务费", "*会展服务*会议服务费"),
        ("“住宿服务”住宿费", "*住宿服务*住宿费"),
        ("运输服务”客运服务费", "*运输服务*客运服务费"),
        ("*纸制品*复印纸", "*纸制品*复印纸"),
        ("311,80", "311.80"),
        ("¥1296|07", "¥1296.07"),
        ("¥1,296,07", "¥1,296.07"),
        ("607:15", "607.15"),
    ],
)
def test_signs_that_small_print_loses_are_put_back(read: str, meant: str) -> None:
    assert mended(read) == meant


@pytest.mark.parametrize(
    "text", ["12:15", "3,500", "0.7m*8m", "参加“两会”", "间·天", "北京“百年”", "2026-11-15", ""]
)
def test_other_text_stays_as_it_was_read(text: str) -> None:
    assert mended(text) == text

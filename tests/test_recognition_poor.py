"""Lines of poor pages: from two detectors' boxes to pictures and text."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from extractors.colour import Stamp
from extractors.images import Pixels
from extractors.prepare import Prepared
from extractors.recognition.engine import Line, once
from extractors.recognition.find import Quad
from extractors.recognition.poor import Sight, line_picture, mended, with_room
from extractors.recognition.read import Reading
from extractors.recognition.rows import parted, united


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


def test_the_end_of_a_line_that_was_found_once_more_says_nothing_new() -> None:
    def line(quad: Quad, text: str) -> Line:
        return Line(quad, Reading(text, 0.9), poor=True)

    whole = line(box(10, 20, 110, 32), "开票人：傅静怡")
    end = line(box(70, 26, 110, 40), "傅静怡")
    below = line(box(70, 42, 110, 54), "傅静怡")
    other = line(box(70, 26, 110, 40), "傅静恰")
    twin = line(box(11, 20, 110, 33), "开票人：傅静怡")
    assert once([whole, end, below, other, twin]) == [whole, below, other]


def test_a_line_that_the_better_detector_saw_in_pieces_is_not_added_whole() -> None:
    pieces = [box(10, 20, 60, 32), box(70, 20, 110, 32)]
    assert bounds(united(pieces, [box(10, 20, 110, 32)])) == bounds(pieces)


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


def test_cells_found_as_one_are_cut_on_any_page_and_a_label_down_the_side_is_not() -> None:
    stack, label = box(150, 19, 165, 61), box(2, 10, 8, 90)
    found = parted([*rows(), stack, label])
    units = {(150, 20, 165, 32), (150, 34, 165, 46), (150, 48, 165, 60)}
    assert bounds(found) == units | bounds([*rows(), label])
    high = box(150, 18, 158, 38)  # one character in a box that reaches into the next row
    assert bounds(parted([*rows(), high])) == bounds([*rows(), high])


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


def bars() -> Pixels:
    """A page of dark bars, no two alike."""
    picture = np.full((300, 500, 3), 250, np.uint8)
    for row in range(6):
        picture[30 + 40 * row : 46 + 40 * row, 60 : 140 + 50 * row] = 20
    return picture


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_lines_are_cut_from_the_picture_as_it_came_however_the_page_was_turned(turned: int) -> None:
    lean = np.asarray(cv2.getRotationMatrix2D((250, 150), 3.0, 1.0), dtype=np.float64)
    came = cv2.warpAffine(bars(), lean, (500, 300), borderValue=(250, 250, 250))
    source = np.asarray(np.rot90(came, turned // 90), dtype=np.uint8)
    back = np.vstack([lean, (0, 0, 1)])
    if turned:
        # The page lies as the picture does, and is turned afterwards: nothing but the turn is left.
        source, back = np.asarray(np.rot90(bars(), turned // 90), dtype=np.uint8), np.eye(3)
    ready = Prepared(source, source, (), source, back)
    line = Sight(ready, turned).pictures(box(60, 70, 190, 86))
    assert len(line) == 1
    assert line[0][8:40, 20:-20].max() < 60
    assert line[0][24, :4].min() > 200


def test_a_line_under_a_stamp_is_seen_in_three_lights() -> None:
    picture = bars()
    picture[20:140, 50:250, :2] //= 3
    outline = np.array([[50, 20], [250, 20], [250, 140], [50, 140]], dtype=np.int32)
    white = np.full_like(picture, 255)
    sight = Sight(Prepared(white, picture, (Stamp(outline, "red"),), picture, np.eye(3)), 0)
    own, bleached, plain = sight.pictures(box(60, 70, 190, 86))
    assert np.ptp(own, axis=2).max() == 0
    assert bleached.min() == 255
    assert np.ptp(plain, axis=2).max() > 100
    assert len(sight.pictures(box(60, 230, 390, 246))) == 1


def test_an_unsure_line_is_cut_higher_and_taller() -> None:
    sight = Sight(Prepared(bars(), bars(), (), bars(), np.eye(3)), 0)
    place = box(60, 70, 190, 86)
    views = [*sight.pictures(place), *sight.aslant(place)]
    edges = [np.flatnonzero(view[:, 60, 0] < 100)[[0, -1]] for view in views]
    (top, bottom), (higher, _), (taller, foot) = edges
    assert top < higher
    assert top < taller
    assert foot < bottom


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
        ("￥645.641.91元", "￥645,641.91元"),
    ],
)
def test_signs_that_small_print_loses_are_put_back(read: str, meant: str) -> None:
    assert mended(read) == meant


@pytest.mark.parametrize(
    "text", ["12:15", "3,500", "0.7m*8m", "参加“两会”", "间·天", "北京“百年”", "2026-11-15", ""]
)
def test_other_text_stays_as_it_was_read(text: str) -> None:
    assert mended(text) == text


def test_poor_lines_keep_room_at_their_right() -> None:
    for width, wide in ((40, 160), (160, 160), (161, 320), (500, 500)):
        filled = with_room(np.zeros((48, width, 3), np.uint8))
        assert filled.shape == (48, wide, 3)
        assert (filled[:, width:] == 128).all()
    assert with_room(np.zeros((24, 90, 3), np.uint8)).shape == (24, 160, 3)

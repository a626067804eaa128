"""Print that leans, or stands on its head, where no rule shows it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from extractors.recognition.find import Quad
from extractors.recognition.lean import lean, levelled, upside_down

PAGE = np.full((900, 600, 3), 255, np.uint8)


def leaning(degrees: float, count: int = 8) -> list[Quad]:
    """Lines of 200 x 20, one below the other, turned about the page's middle."""
    turn = cv2.getRotationMatrix2D((300, 450), -degrees, 1.0)
    boxes = [(100.0, 60.0 + 90 * row, 300.0, 80.0 + 90 * row) for row in range(count)]
    return [
        np.asarray(
            np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]) @ turn[:, :2].T + turn[:, 2],
            dtype=np.float32,
        )
        for x0, y0, x1, y1 in boxes
    ]


@pytest.mark.parametrize("degrees", [-3.0, -1.0, 1.5, 4.0])
def test_lines_are_made_level_with_their_page(degrees: float) -> None:
    quads = leaning(degrees)
    assert lean(quads) == pytest.approx(degrees, abs=0.01)
    picture, level = levelled(PAGE, quads)
    assert lean(level) == pytest.approx(0.0, abs=0.01)
    height, width = picture.shape[:2]
    corners = np.concatenate(level)
    assert (corners >= 0).all()
    assert (corners <= [width, height]).all()


@pytest.mark.parametrize("quads", [leaning(0.2), leaning(2.0, count=3), leaning(20.0)])
def test_level_pages_few_lines_and_wild_angles_are_left_alone(quads: list[Quad]) -> None:
    picture, same = levelled(PAGE, quads)
    assert picture is PAGE
    assert all(np.array_equal(one, two) for one, two in zip(same, quads, strict=True))


def test_lines_that_do_not_agree_tell_no_lean() -> None:
    mixed = [*leaning(-3.0, count=4), *leaning(3.0, count=4)]
    assert lean(mixed) == 0.0


def test_a_page_on_its_head_is_turned_with_its_lines() -> None:
    quads = leaning(0.0)
    picture = PAGE.copy()
    picture[60:80, 100:300] = 0
    over, turned = upside_down(picture, quads)
    (left, top), (right, bottom) = turned[-1].min(axis=0), turned[-1].max(axis=0)
    assert (left, top, right, bottom) == (300, 820, 500, 840)
    assert not over[820:840, 300:500].any()
    assert tuple(turned[-1][0]) == (300, 820)
    back, again = upside_down(over, turned)
    assert np.array_equal(back, picture)
    assert all(np.array_equal(one, two) for one, two in zip(again, quads, strict=True))

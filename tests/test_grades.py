"""The five grades of picture: repeatable, distinct, and never cut off."""

from __future__ import annotations

import datetime as dt

import cv2
import numpy as np
import pytest

from extractors.images import shrink
from extractors.straighten import page_corners, straighten
from fixtures.maker import draw_truth, pages
from fixtures.maker.grades import GRADES, Grade, graded_pixels, make_graded
from fixtures.maker.truth import Truth

TODAY = dt.date(2026, 11, 22)


@pytest.fixture(scope="module")
def ticket() -> Truth:
    return draw_truth("train_ticket", 7100, today=TODAY)


@pytest.mark.slow
@pytest.mark.parametrize("grade", GRADES)
def test_the_same_seed_gives_the_same_jpeg(ticket: Truth, grade: Grade) -> None:
    first, second = make_graded(ticket, grade, 7100), make_graded(ticket, grade, 7100)
    assert first.content == second.content
    assert first.content[:2] == b"\xff\xd8"
    assert first.truth == ticket
    assert make_graded(ticket, grade, 7101).content != first.content


def test_a_worn_copy_is_grey_and_half_as_fine_as_a_flat_scan(ticket: Truth) -> None:
    worn, flat = (graded_pixels(ticket, grade, 7100) for grade in (Grade.WORN, Grade.FLAT))
    assert 0.4 < worn.shape[1] / flat.shape[1] < 0.6
    assert int(np.ptp(worn.astype(int), axis=2).mean()) < 12


@pytest.mark.slow
def test_a_photo_lies_on_its_side_or_head(ticket: Truth) -> None:
    turned = [graded_pixels(ticket, Grade.PHOTO, seed).shape for seed in range(7100, 7106)]
    assert any(height > width for height, width, _ in turned)


def test_a_hurried_photo_carries_red_and_blue_ink(ticket: Truth) -> None:
    hue = cv2.cvtColor(graded_pixels(ticket, Grade.HURRIED, 7100), cv2.COLOR_BGR2HSV)
    strong = hue[hue[:, :, 1] > 110][:, 0]
    assert ((strong > 105) & (strong < 130)).sum() > 500
    assert ((strong < 6) | (strong > 172)).sum() > 500


@pytest.mark.slow
def test_sheets_on_cluttered_desks_are_cut_out() -> None:
    """What is cut keeps the sheet's own shape, give or take the perspective; a wrong cut would
    not. Leaving a picture as it is does no harm, but must be rare."""
    found = 0
    for seed in range(7310, 7314):
        truth = draw_truth("digital_normal", seed, today=TODAY)
        picture = shrink(graded_pixels(truth, Grade.HURRIED, seed))
        if page_corners(picture) is None:
            continue
        found += 1
        height, width = straighten(picture).shape[:2]
        sheet = pages(truth, seed)[0]
        assert width / height == pytest.approx(sheet.width / sheet.height, rel=0.17)
    assert found >= 3

"""Stamps over print are bleached; red serials and blue print are not."""

from __future__ import annotations

import datetime as dt

import cv2
import numpy as np
import pytest

from extractors.colour import find_stamps, in_own_light, without_stamps
from extractors.images import Pixels
from extractors.prepare import prepared, quality
from fixtures.maker import draw_truth
from fixtures.maker.grades import Grade, graded_pixels
from fixtures.maker.pictures import office_seal, paid_stamp
from fixtures.maker.wear import stamped


def page() -> Pixels:
    """White paper with black print on it."""
    paper = np.full((900, 1400, 3), 248, np.uint8)
    for row in range(80, 860, 60):
        cv2.putText(paper, "91330108LQ7N48R0T2  1026.76  8931", (60, row), 0, 1.4, (0, 0, 0), 3)
    return paper


def test_black_print_under_stamps_stays_and_their_ink_goes() -> None:
    plain = page()
    dirty = stamped(plain, office_seal("云江市青禾商贸有限公司", 1), (0.3, 0.4), 300)
    dirty = stamped(dirty, paid_stamp(1), (0.7, 0.7), 300)
    clean, stamps = without_stamps(dirty)
    assert {stamp.ink for stamp in stamps} == {"red", "blue"}
    ink = dirty.astype(int).max(axis=2) - dirty.min(axis=2) > 60
    left = clean.astype(int).max(axis=2) - clean.min(axis=2) > 60
    assert ink.sum() > 10_000
    assert left.sum() < 0.03 * ink.sum()
    # Print under a stamp: dark, with ink right beside it.
    print_under = (plain.max(axis=2) < 60) & (cv2.dilate(ink.astype(np.uint8), np.ones((9, 9))) > 0)
    assert print_under.sum() > 1_000
    assert float(np.median(clean[print_under])) < 90


def test_in_a_stamps_own_light_black_print_stays_and_the_rest_of_the_page_is_as_it_was() -> None:
    plain = page()
    dirty = stamped(plain, office_seal("云江市青禾商贸有限公司", 1), (0.3, 0.4), 300)
    stamps = find_stamps(dirty)
    seen = in_own_light(dirty, stamps)
    left, top, right, bottom = stamps[0].box
    inside = (slice(top + 60, bottom - 60), slice(left + 60, right - 60))
    assert np.ptp(seen[inside], axis=2).max() == 0
    assert seen[inside][plain[inside].max(axis=2) < 60].max() < 60
    assert seen[inside][plain[inside].min(axis=2) > 200].min() > 170
    assert np.array_equal(seen[:, right + 60 :], dirty[:, right + 60 :])


def test_red_serials_and_blue_print_stay() -> None:
    picture = page()
    cv2.putText(picture, "R337183", (930, 220), 0, 2.0, (48, 40, 196), 4)
    for row in range(500, 860, 45):
        cv2.putText(picture, "CARBON COPY 600.50 2024", (860, row), 0, 1.0, (170, 70, 50), 3)
    clean, stamps = without_stamps(picture)
    assert stamps == ()
    assert clean is picture


def test_a_ruled_red_form_is_no_stamp() -> None:
    picture = page()
    cv2.rectangle(picture, (40, 40), (1360, 860), (60, 60, 200), 3)
    for row in range(100, 860, 120):
        cv2.line(picture, (40, row), (1360, row), (60, 60, 200), 3)
    assert find_stamps(picture) == ()


def test_grey_pictures_hold_none() -> None:
    grey = np.repeat(page()[:, :, :1], 3, axis=2)
    assert without_stamps(grey)[0] is grey


class TestPrepared:
    """One picture where that is enough, two where a stamp was taken away."""

    def test_a_clean_grey_page_is_handed_through(self) -> None:
        grey = np.repeat(page()[:, :, :1], 3, axis=2)
        ready = prepared(grey)
        assert ready.pixels is grey
        assert len(ready.variants) == 1

    def test_stamps_leave_two_variants(self) -> None:
        dirty = stamped(page(), office_seal("云江市青禾商贸有限公司", 1), (0.3, 0.4), 300)
        ready = prepared(dirty)
        assert [stamp.ink for stamp in ready.stamps] == ["red"]
        assert len(ready.variants) == 2
        assert ready.variants[1] is ready.stamped

    @pytest.mark.parametrize(
        ("grade", "worn"), [(Grade.FLAT, False), (Grade.NOISY, False), (Grade.WORN, True)]
    )
    def test_quality_knows_a_worn_copy(self, grade: Grade, worn: bool) -> None:
        truth = draw_truth("vat_normal", 7300, today=dt.date(2026, 11, 22))
        assert quality(graded_pixels(truth, grade, 7300)).worn is worn

    def test_an_empty_page_has_no_print(self) -> None:
        seen = quality(np.full((300, 300, 3), 255, np.uint8))
        assert seen.text_height == 0
        assert seen.worn

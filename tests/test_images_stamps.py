"""Stamps over print are bleached; red serials and blue print are not."""

from __future__ import annotations

import cv2
import numpy as np

from extractors.colour import find_stamps, without_stamps
from extractors.images import Pixels
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

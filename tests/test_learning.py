"""Pages to learn from: what is said to stand somewhere stands there."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.reading_work import DAY
from fixtures.learning.kept import read_page, write_page
from fixtures.learning.lines import HEIGHT, STEP, cut_lines, together
from fixtures.learning.mixed import mixed
from fixtures.learning.places import Shown, shown
from fixtures.maker import draw_truth, face
from fixtures.maker.grades import Grade
from fixtures.maker.sheet import Text

FIRST = "digital_normal"


@pytest.mark.parametrize("grade", [Grade.NOISY, Grade.WORN, Grade.HURRIED])
def test_print_stands_where_it_is_said_to(grade: Grade) -> None:
    """Cut out by its corners, a line looks like the same line of another picture."""
    flat, other = (
        _cut_out(shown(FIRST, 4001, each, mix=False, gap=0.8)) for each in (Grade.FLAT, grade)
    )
    long = [text for text in flat if len(text) >= 8 and text in other]
    assert len(long) >= 6
    alike = [_likeness(flat[text], other[text]) for text in long]
    strange = [_likeness(flat[text], other[long[place - 1]]) for place, text in enumerate(long)]
    assert np.median(alike) > 0.5 > 2 * np.median(strange)


def test_all_print_is_told(tmp_path: Path) -> None:
    truth = draw_truth(FIRST, 4001, today=DAY)
    made = shown(FIRST, 4001, Grade.NOISY, mix=False, gap=0.8)
    whole = "".join(line.text for line in made.lines)
    assert truth.invoice_number in whole
    assert str(truth.seller_name) in whole


def test_mixed_pages_say_other_things_in_the_same_places() -> None:
    truth = draw_truth(FIRST, 4001, today=DAY)
    before, after = face(truth, 4001), mixed(face(truth, 4001), 4001)
    assert len(before.items) == len(after.items)
    pairs = [
        (one, other)
        for one, other in zip(before.items, after.items, strict=True)
        if isinstance(one, Text) and isinstance(other, Text)
    ]
    assert all(len(one.text) == len(other.text) for one, other in pairs)
    values = [one.text != other.text for one, other in pairs if one.value]
    assert sum(values) / len(values) > 0.5


def test_kept_pages_come_back_and_give_lines(tmp_path: Path) -> None:
    page = read_page(write_page(tmp_path, 4000))
    assert page.lines
    characters = sorted({char for line in page.lines for char in line.text})
    classes = {char: place for place, char in enumerate(characters, start=1)}
    lines = list(cut_lines(page, classes, np.random.default_rng(1)))
    assert len(lines) > len(page.lines) / 2
    batch = together(lines[:5])
    assert batch.pixels.shape[:2] == (min(5, len(lines)), HEIGHT)
    assert batch.pixels.shape[2] % STEP == 0


def _cut_out(made: Shown) -> dict[str, np.ndarray]:
    """The lines of a picture by their text, each 32 high and 256 wide."""
    picture = cv2.imdecode(np.frombuffer(made.jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    frame = np.array([[0, 0], [256, 0], [256, 32], [0, 32]], dtype=np.float32)
    found = {}
    for line in made.lines:
        warp = cv2.getPerspectiveTransform(line.corners.astype(np.float32), frame)
        found[line.text] = cv2.warpPerspective(picture, warp, (256, 32)).astype(float)
    return found


def _likeness(one: np.ndarray, other: np.ndarray) -> float:
    """1 for the same picture, whatever its light; about 0 for another."""
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])

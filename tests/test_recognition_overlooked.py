"""Lone characters that lie in no found line."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from extractors.images import Pixels
from extractors.recognition.find import Quad
from extractors.recognition.overlooked import overlooked
from extractors.recognition.rows import bounds, parted
from fixtures.maker.fonts import drawn

_SIZE = 20


def oblong(left: float, top: float, right: float, bottom: float) -> Quad:
    return np.asarray([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)


def table(*prints: tuple[int, int, str], rules: bool = True) -> tuple[Pixels, list[Quad]]:
    """A page with words where told, and the boxes that a detector finds of all: a little wider."""
    picture = Image.new("RGB", (900, 400), "white")
    draw = ImageDraw.Draw(picture)
    font = drawn("song", _SIZE)
    quads = []
    for left, top, text in prints:
        draw.text((left, top), text, "black", font)
        x0, y0, x1, y1 = draw.textbbox((left, top), text, font)
        quads.append(oblong(x0 - 3, y0 - 4, x1 + 3, y1 + 4))
    if rules:
        for x in (5, 300, 400, 500, 895):
            draw.line((x, 20, x, 380), "brown", 2)
        draw.rectangle((5, 20, 895, 380), outline="brown", width=2)
    return np.asarray(picture), quads


ROWS = (
    (20, 60, "*文具*白板笔"), (340, 60, "支"), (440, 60, "12"), (700, 60, "151.73"),
    (20, 100, "*乳制品*纯牛奶"), (330, 100, "公斤"), (440, 100, "1"), (700, 100, "88.10"),
)  # fmt: skip


def test_units_and_digits_between_found_lines_are_seen() -> None:
    picture, quads = table(*ROWS)
    missed = (1, 2, 5, 6)
    known = [quad for place, quad in enumerate(quads) if place not in missed]
    found = overlooked(picture, known)
    assert len(found) == len(missed)
    for place in missed:
        left, top, right, bottom = bounds(quads[place])
        x, y = (left + right) / 2, (top + bottom) / 2
        assert any(a < x < c and b < y < d for a, b, c, d in map(bounds, found))


def test_where_every_character_was_found_there_is_nothing_more() -> None:
    picture, quads = table(*ROWS)
    assert overlooked(picture, quads) == []


def test_what_stands_in_no_row_or_at_its_end_is_left_alone() -> None:
    picture, quads = table(*ROWS, (340, 200, "支"), (840, 60, "注"))
    assert overlooked(picture, quads[: len(ROWS)]) == []


def test_a_drawing_is_no_heap_of_characters() -> None:
    dots = [(330 + 40 * (place % 8), 60 + 40 * (place // 8), "口") for place in range(16)]
    picture, quads = table(ROWS[0], ROWS[4], *dots, (840, 60, "注意"), (840, 100, "注意"))
    assert overlooked(picture, [quads[0], quads[1], *quads[-2:]]) == []


def test_an_empty_page_has_none() -> None:
    picture, quads = table(*ROWS)
    assert overlooked(picture, []) == []
    assert overlooked(np.full_like(picture, 255), quads) == []


def test_a_character_that_was_found_leaning_is_set_upright() -> None:
    leaning = np.asarray([(10, 6), (30, 0), (36, 20), (16, 26)], np.float32)
    line = oblong(60, 2, 300, 24)
    upright, same = parted([leaning, line])
    assert bounds(upright) == bounds(leaning)
    assert upright[0][1] == upright[1][1]
    assert np.array_equal(same, line)

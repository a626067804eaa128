"""Which lines are read twice, what two looks say together, and the order of lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from extractors.recognition.doubt import better, is_doubtful
from extractors.recognition.find import LineFinder, in_reading_order
from extractors.recognition.modules import NARROW, Readers
from extractors.recognition.read import LineReader, Reading, cut


@pytest.mark.parametrize(
    "text",
    [
        "统一社会信用代码/纳税人识别号:12330108LQ7N48ROT2",
        "26512252000090997056",
        "*建筑服务工程款",
        "B1O5",
        "",
    ],
)
def test_what_the_cheap_model_errs_on_unawares_is_read_again(text: str) -> None:
    assert is_doubtful(Reading(text, 0.999))


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("购买方信息", 0.9),
        ("价税合计（大写）", 0.95),
        ("13%", 0.9),
        ("*住宿服务*住宿费", 0.99),
        ("¥1270.38", 0.99),
        ("地址、电话：杭州市科技园南区603号0571-84880755", 0.97),
        ("03*+/4-7>8<6/29-+5*1/>70", 0.6),
    ],
)
def test_what_it_reads_well_is_not(text: str, score: float) -> None:
    assert not is_doubtful(Reading(text, score))


@pytest.mark.parametrize(
    ("text", "score"),
    [("¥1270.38", 0.97), ("杭州市临阑实验学校", 0.985), ("2026年11月07日", 0.96)],
)
def test_what_binds_bears_little_doubt(text: str, score: float) -> None:
    assert is_doubtful(Reading(text, score))


def test_one_bad_character_shows_in_a_long_line_too() -> None:
    assert Reading("称" * 20, 0.97).doubt > Reading("称", 0.7).doubt


def test_two_looks() -> None:
    tiny, small = Reading("12ROT2", 0.99), Reading("12R0T2", 0.95)
    assert better(tiny, small) is small
    assert better(tiny, Reading("12ROT2", 0.9)) is tiny
    assert better(Reading("6%", 0.9), Reading("心", 0.3)).text == "6%"


def quad(left: float, top: float, width: float = 80, height: float = 20) -> Any:
    corners = [[left, top], [left + width, top], [left + width, top + height], [left, top + height]]
    return np.array(corners, np.float32)


def test_lines_come_row_by_row() -> None:
    quads = [quad(300, 104), quad(10, 200), quad(10, 108), quad(150, 100)]
    lefts = [(int(each[0, 0]), int(each[0, 1])) for each in in_reading_order(quads)]
    assert lefts == [(10, 108), (150, 100), (300, 104), (10, 200)]


class FakeModule:
    """Stands for an engine's module: notes what it was given."""

    def __init__(self, quads: Sequence[Any] = ()) -> None:
        self.quads = list(quads)
        self.shapes: list[tuple[int, ...]] = []
        self.sides: list[int] = []

    def predict(self, given: Any, **how: Any) -> list[dict[str, Any]]:
        if "limit_side_len" in how:
            self.sides.append(how["limit_side_len"])
            return [{"dt_polys": self.quads}]
        self.shapes.extend(picture.shape for picture in given)
        return [{"rec_text": f"{picture.shape[1]}", "rec_score": 0.9} for picture in given]


def test_narrow_lines_go_to_the_narrow_reader_and_keep_their_places() -> None:
    wide, narrow = FakeModule(), FakeModule()
    lines = [np.zeros((24, width, 3), np.uint8) for width in (300, 30, 80, 81)]
    readings = LineReader(Readers(wide, narrow)).read(lines)
    assert wide.shapes == [(24, 300, 3), (24, 81, 3)]
    assert {shape[1] / shape[0] for shape in narrow.shapes} == {NARROW[2] / NARROW[1]}
    assert [reading.text for reading in readings] == ["300", "80", "80", "81"]


def test_small_print_is_looked_at_more_finely() -> None:
    page = np.zeros((3000, 2000, 3), np.uint8)
    large, small = FakeModule([quad(0, 0, height=60)]), FakeModule([quad(0, 0, height=14)])
    LineFinder(large).find(page)
    LineFinder(small).find(page)
    assert len(large.sides) == 1
    assert len(small.sides) == 2
    assert small.sides[1] > small.sides[0]


def test_a_line_is_cut_level_and_print_that_runs_down_is_laid_over() -> None:
    page = np.zeros((200, 400, 3), np.uint8)
    page[50:70, 100:180] = 200
    line = cut(page, quad(100, 50))
    assert line.shape == (20, 80, 3)
    assert (line > 150).mean() > 0.9
    assert cut(page, quad(10, 10, width=20, height=100)).shape == (20, 100, 3)

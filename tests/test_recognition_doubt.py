"""Which lines are read twice, what two looks say together, and the order of lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from extractors.recognition import engine
from extractors.recognition.doubt import better, doubtful_part, is_doubtful, joined
from extractors.recognition.find import LineFinder, in_reading_order
from extractors.recognition.read import LineReader, Reading, cut, part_of


@pytest.mark.parametrize(
    "text",
    [
        "统一社会信用代码/纳税人识别号:12330108LQ7N48ROT2",
        "2651225200009099705",
        "*建筑服务工程款",
        "B1O5",
        "1.238,724.71",
        "",
    ],
)
def test_what_the_cheap_model_errs_on_unawares_is_read_again(text: str) -> None:
    assert is_doubtful(Reading(text, 0.999))


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("购买方信息", 0.9),
        ("金额（元)", 0.88),
        ("(大写）", 0.9),
        ("价税合计（大写）", 0.95),
        ("13%", 0.9),
        ("*住宿服务*住宿费", 0.99),
        ("¥1270.38", 0.99),
        ("¥1270.38", 0.93),
        ("26512252000090997056", 0.9995),
        ("统一社会信用代码/纳税人识别号:12330108LQ7N48R0T2", 0.995),
        ("电子发票（增值税专用发票）", 0.94),
        ("验真网址：WWW.TRAVELSKY.COM 服务热线：400-815-8888 短信验真：发送JP至10669018", 0.98),
        ("INSURANCE", 0.98),
        ("地址、电话：杭州市科技园南区603号0571-84880755", 0.97),
        ("03*+/4-7>8<6/29-+5*1/>70", 0.6),
    ],
)
def test_what_it_reads_well_is_not(text: str, score: float) -> None:
    assert not is_doubtful(Reading(text, score))


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("1270.38", 0.97),
        ("起进地", 0.92),
        ("5", 0.85),
        ("¥1270.38", 0.9),
        ("26512252000090997056", 0.998),
        ("统一社会信用代码/纳税人识别号:12330108LQ7N48R0T3", 0.995),
        ("杭州市临阑实验学校", 0.985),
        ("2026年11月07日", 0.96),
    ],
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


def placed(text: str, score: float) -> Reading:
    """A reading whose characters stand at equal distances."""
    places = tuple((number + 0.5) / len(text) for number in range(len(text)))
    return Reading(text, score, places)


def test_of_a_number_behind_its_label_only_the_number_is_read_again() -> None:
    reading = placed("纳税人识别号：12330108LQ7N48ROT2", 0.98)
    assert doubtful_part(reading) == (7, 25)
    line = np.zeros((48, 250, 3), np.uint8)
    line[:, 70:] = 255
    part = part_of(line, reading, 7, 25)
    assert part.shape == (48, 180, 3)
    assert part.min() == 255
    whole = joined(reading, 7, 25, Reading("12330108LQ7N48R0T2", 1.0))
    assert whole is not None
    assert whole.text == "纳税人识别号：12330108LQ7N48R0T2"
    assert 0.98 < whole.score < 1.0


def test_a_part_that_shows_something_else_asks_for_the_whole_line() -> None:
    reading = placed("纳税人识别号：12330108LQ7N48ROT2", 0.98)
    assert joined(reading, 7, 25, Reading("330108LQ7N48", 0.99)) is None
    assert joined(reading, 7, 25, Reading("", 0.0)) is None


@pytest.mark.parametrize(
    "reading",
    [
        placed("订阚人识删号 12330108LQ7N48ROT2", 0.9),  # the label is in doubt too
        placed("凭证号103H261115433661流水号65439541ROSY", 0.99),  # two numbers
        Reading("纳税人识别号：12330108LQ7N48ROT2", 0.98),  # nobody knows where they stand
    ],
)
def test_else_the_line_is_read_again_as_a_whole(reading: Reading) -> None:
    assert doubtful_part(reading) == (0, len(reading.text))


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
        return [
            {"rec_text": (f"a{picture.shape[1]}", (10.0, [["a"], list("12")], [[0], [4, 9]], [])),
             "rec_score": 0.9}
            for picture in given
        ]  # fmt: skip


def test_readings_say_where_their_characters_stand() -> None:
    module = FakeModule()
    lines = [np.zeros((24, width, 3), np.uint8) for width in (30, 300)]
    readings = LineReader(module).read(lines)
    assert module.shapes == [(24, 30, 3), (24, 300, 3)]
    assert [reading.text for reading in readings] == ["a30", "a300"]
    assert readings[0].places == pytest.approx((0.05, 0.45, 0.95))
    assert readings[1].places == ()  # so many places are none of its characters'


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


def test_behind_a_names_label_only_the_name_is_read_again() -> None:
    name = "名称：杭州市临澜实验学校"
    places = tuple((index + 0.5) / len(name) for index in range(len(name)))
    assert doubtful_part(Reading(name, 0.99, places)) == (3, len(name))
    assert doubtful_part(Reading(name, 0.99)) == (0, len(name))
    assert doubtful_part(Reading("名称：杭", 0.9, places[:4])) == (0, 4)


class _Dear:
    """Reads each picture, which is its place in `texts`."""

    def __init__(self, *texts: str) -> None:
        self.texts = texts
        self.seen: list[int] = []

    def read(self, lines: Sequence[Any]) -> list[Reading]:
        self.seen.extend(lines)
        return [Reading(self.texts[line], 0.97) for line in lines]


@pytest.mark.parametrize(
    ("cheap", "texts", "seen"),
    [
        ("*物业管理服务*物业费", ("*物业管理服务*物业费",) * 3, [1]),
        ("*物业管理服务*物业费", ("*物业管理服务*物业赞",) * 3, [1, 2, 0]),
        ("*教育服务*2026年学费", ("*教育服务*2026年学费",) * 3, [0, 1, 2]),
    ],
    ids=["right", "misread", "with figures"],
)
def test_of_lines_read_alike_the_most_doubtful_speaks_for_all_unless_it_was_misread(
    cheap: str, texts: tuple[str, ...], seen: list[int]
) -> None:
    dear = _Dear(*texts)
    readings = [Reading(cheap, 0.9), Reading(cheap, 0.8), Reading(cheap, 0.85)]
    found = engine.Engine._twice(dear, lambda place: place, readings)  # type: ignore[arg-type, return-value]
    assert [reading.text for reading in found] == list(texts)
    assert dear.seen == seen


def places(*steps: float) -> tuple[float, ...]:
    """Of characters so far from one another, as shares of the line."""
    whole, at, found = sum(steps) + 2, 1.0, []
    for step in (0.0, *steps):
        at += step
        found.append(at / whole)
    return tuple(found)


def test_a_number_that_leaves_room_for_one_more_character_is_no_sure_one() -> None:
    # 549017472-474: the better model passes over the stroke, and is certain of what it reads.
    holed = Reading("549017472474", 0.9999, places(3, 2, 3, 2, 3, 2, 3, 2, 5, 3, 2))
    even = Reading("549017472474", 0.9999, places(3, 2, 3, 2, 3, 2, 3, 2, 3, 3, 2))
    assert holed.holed
    assert not even.holed
    assert not Reading("549017472474", 0.9999).holed  # nobody knows where its characters stand


def test_a_text_with_more_characters_than_room_is_doubted_whoever_is_believed() -> None:
    crowded = Reading("杭州市临澜阑实验", 0.7, places(5, 6, 5, 5, 2, 5, 5))
    assert crowded.crowded
    assert not Reading("杭州市临澜实验", 0.99, places(5, 6, 5, 5, 5, 6)).crowded
    seen = better(Reading("杭州市临阑实验", 0.98), crowded)
    assert (seen.text, seen.score) == ("杭州市临阑实验", 0.7)


def test_the_engines_certainty_counts_for_little_in_an_uneven_line() -> None:
    class Module:
        def predict(self, lines: list[Any], **_: Any) -> list[dict[str, Any]]:
            columns = [[1, 3, 5, 7, 9, 11, 13, 17, 19]]
            return [{"rec_text": ("549017474", (21, None, columns, None)), "rec_score": 0.9999}]

    read = LineReader(Module()).read([np.zeros((48, 168, 3), np.uint8)])
    assert (read[0].text, read[0].score) == ("549017474", 0.7)


def test_a_bank_without_a_label_is_a_field_of_vehicle_invoices() -> None:
    bank = "交通银行辐州滨江支行1052606035410483"
    score = 1 - 0.45 / len(bank)
    assert is_doubtful(Reading(bank, score))
    assert not is_doubtful(Reading(f"开户行及账号：{bank}", score))
